"""The house plan, checked: who may import whom, how long files and functions may be, where time comes from."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parent.parent
#: Left may import what stands right of it, never the other way.
LAYERS = (
    "relayhub.site", "campaigns", "relayhub.relay", "deliverability", "relayhub.core", "relayhub.protocol"
)
#: Outside the layers: entry points, wiring and the embedded servers.
WIRING = ("relayhub.settings", "relayhub.env", "relayhub.embedded", "relayhub.celery", "relayhub.beat",
          "relayhub.schedule", "relayhub.judge")
EDGES = frozenset({"views", "api", "tasks", "management", "smtpd", "admin", "urls"})
MAX_FILE_LINES = 500
MAX_FUNCTION_LINES = 80


def sources() -> list[Path]:
    found = [*ROOT.glob("relayhub/**/*.py"), *ROOT.glob("campaigns/**/*.py"), *ROOT.glob("deliverability/**/*.py")]
    return sorted(path for path in found if "migrations" not in path.parts)


def module_of(path: Path) -> str:
    parts = path.relative_to(ROOT).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


@lru_cache(maxsize=4096)
def tree_of(path: Path) -> ast.Module:
    return ast.parse(path.read_text(encoding="utf-8"))


def imports_of(path: Path) -> Iterator[tuple[str, int]]:
    for node in ast.walk(tree_of(path)):
        if isinstance(node, ast.Import):
            yield from ((alias.name, node.lineno) for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            yield from ((f"{node.module}.{alias.name}", node.lineno) for alias in node.names)


def layer_of(module: str) -> int | None:
    for index, layer in enumerate(LAYERS):
        if module == layer or module.startswith(f"{layer}."):
            return index
    return None


def test_imports_go_rightward_only() -> None:
    wrong = []
    for path in sources():
        mine = layer_of(module_of(path))
        for name, line in imports_of(path):
            theirs = layer_of(name)
            if mine is not None and theirs is not None and theirs < mine:
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {name}")

    assert wrong == []


def test_the_protocol_library_knows_no_framework_no_clock_and_no_socket() -> None:
    banned = ("django", "rest_framework", "celery", "redis", "psycopg", "asyncio", "socket", "requests")
    wrong = []
    for path in sources():
        if not module_of(path).startswith("relayhub.protocol"):
            continue
        for name, line in imports_of(path):
            outside = name.startswith("relayhub.") and not name.startswith("relayhub.protocol")
            if name.split(".")[0] in banned or outside:
                wrong.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
        wrong += [
            f"{path.relative_to(ROOT)}:{node.lineno} reads a clock"
            for node in ast.walk(tree_of(path))
            if isinstance(node, ast.Attribute) and node.attr in {"now", "utcnow", "today"}
            and isinstance(node.value, ast.Name) and node.value.id in {"datetime", "date", "time"}
        ]

    assert wrong == []


def edge_of(module: str) -> str | None:
    return next((part for part in module.split(".") if part in EDGES or part.endswith("_views")), None)


def test_services_do_not_import_edges() -> None:
    """Edges import services; a service may ring a bell (`tasks`) inside a function only."""
    wrong = []
    for path in sources():
        module = module_of(path)
        if edge_of(module) or layer_of(module) in (None, 0) or path.name == "apps.py":
            continue
        for node in tree_of(path).body:
            if not isinstance(node, ast.ImportFrom) or not node.module or layer_of(node.module) is None:
                continue
            if edge_of(node.module):
                wrong.append(f"{path.relative_to(ROOT)}:{node.lineno} imports {node.module}")

    assert wrong == []


@pytest.mark.parametrize("path", sources(), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_file_and_its_functions_are_short(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    long = [
        f"{node.name} has {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(tree_of(path))
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)) and node.end_lineno
        and node.end_lineno - node.lineno + 1 > MAX_FUNCTION_LINES
    ]

    assert lines <= MAX_FILE_LINES
    assert long == []


def asks_the_time(node: ast.AST) -> bool:
    if not isinstance(node, ast.Call) or not isinstance(node.func, ast.Attribute):
        return False
    owner = getattr(node.func.value, "id", "")
    return node.func.attr in {"utcnow", "today"} or (node.func.attr == "now" and owner in {"datetime", "timezone"})


def test_the_time_comes_from_one_place() -> None:
    wrong = []
    for path in sources():
        if path.name == "clock.py" or "embedded" in path.parts:
            continue
        wrong += [f"{path.relative_to(ROOT)}:{node.lineno}" for node in ast.walk(tree_of(path)) if asks_the_time(node)]

    assert wrong == []


def test_every_module_says_what_it_is_for() -> None:
    silent = [
        str(path.relative_to(ROOT)) for path in sources()
        if path.read_text(encoding="utf-8").strip() and not ast.get_docstring(tree_of(path))
    ]

    assert silent == []
