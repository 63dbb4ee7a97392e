"""Read the source of mail templates without running it: what is allowed, which fields it names.

The language is a small part of Jinja's: `{{ field }}` with filters from a list, `if`, `elif`, `else`, and
`for` over a given list. Nothing that could build large values out of small ones (`set`, `~`, `*`, `range`,
`replace`, macros, includes) is allowed, so the step budget of the engine bounds memory as well (THREATS T09).
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import StrEnum

MAX_SOURCE = 1024 * 1024
ALLOWED_FILTERS = frozenset(
    {"upper", "lower", "title", "capitalize", "trim", "default", "d", "round", "int", "float", "length",
     "count", "first", "last", "escape", "e", "join", "abs", "sort", "reverse", "date", "number", "urlencode"}
)
_STATEMENTS = frozenset({"if", "elif", "else", "endif", "for", "endfor"})
_CALLABLE = frozenset({"loop.cycle"})
_TAG = re.compile(r"\{\{.*?\}\}|\{%.*?%\}|\{#.*?#\}", re.DOTALL)
_PLAIN_SLOT = re.compile(r"\{\{-?\s*([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)\s*-?\}\}")
_STRING = re.compile(r"\"(?:[^\"\\]|\\.)*\"|'(?:[^'\\]|\\.)*'", re.DOTALL)
_FILTER = re.compile(r"\|\s*([A-Za-z_][A-Za-z0-9_]*)")
_CALL = re.compile(r"([A-Za-z_][\w.]*)\s*\(")
_PATH = re.compile(r"(?<![\w.'\"|])([A-Za-z_]\w*(?:\.[A-Za-z_]\w*)*)")
_WORDS = frozenset({"and", "or", "not", "in", "is", "if", "else", "true", "false", "none", "True", "False",
                    "None", "loop", "defined", "undefined", "even", "odd"})


class Severity(StrEnum):
    """How bad a finding is."""

    ERROR = "error"  # cannot be published or sent
    WARNING = "warning"  # can, but somebody should look


@dataclass(frozen=True, kw_only=True)
class Finding:
    """Something about a template, with its place and what to do."""

    severity: Severity
    code: str
    message: str
    fix: str = ""
    line: int | None = None
    #: Which part: subject, html, text.
    part: str = ""


@dataclass(frozen=True, kw_only=True)
class Tag:
    """One template tag: where it stands and its text between the braces."""

    start: int
    end: int
    source: str
    is_output: bool

    @property
    def inner(self) -> str:
        """The text between the braces, without whitespace control."""
        return self.source[2:-2].strip("-+ \t\r\n")


def tags(source: str) -> Iterator[Tag]:
    """Every output and statement tag; comments are left out."""
    for match in _TAG.finditer(source):
        if not match[0].startswith("{#"):
            yield Tag(start=match.start(), end=match.end(), source=match[0], is_output=match[0][1] == "{")


def simple_slots(source: str) -> dict[str, str] | None:
    """Tag text -> dotted path where every tag is a plain field, else None: the template needs the engine."""
    slots: dict[str, str] = {}
    for match in _TAG.finditer(source):
        plain = _PLAIN_SLOT.fullmatch(match[0])
        if plain is None or match[0].startswith("{{-") or match[0].endswith("-}}"):
            return None
        slots[match[0]] = plain[1]
    return slots


def fields_named(source: str) -> set[str]:
    """Dotted paths that the source reads, loop variables and words of the language left out."""
    found: set[str] = set()
    local: set[str] = set()
    for tag in tags(source):
        inner = _STRING.sub("''", tag.inner)
        if not tag.is_output:
            head, _, rest = inner.partition(" ")
            if head == "for":
                names, _, inner = rest.partition(" in ")
                local |= {name.strip() for name in names.split(",")}
            elif head in {"if", "elif"}:
                inner = rest
            else:
                continue
        bare = re.sub(r"\|\s*\w+", "", inner)
        found |= {path for path in _PATH.findall(bare) if path.split(".")[0] not in _WORDS | local}
    return found


def line_of_field(source: str, name: str) -> int | None:
    """The first line (from 1) whose tag names the dotted path; None where no tag does."""
    word = re.compile(rf"(?<![\w.]){re.escape(name)}(?![\w.])")
    for tag in tags(source):
        if word.search(_STRING.sub("''", tag.inner)):
            return source.count("\n", 0, tag.start) + 1
    return None


def lint(source: str, *, part: str = "") -> list[Finding]:
    """Everything in the source that is not allowed or not closed; empty when it may be used."""
    if len(source) > MAX_SOURCE:
        return [_error("too_long", f"The source is longer than {MAX_SOURCE // 1024:,} KiB.", 1, part)]
    findings: list[Finding] = []
    open_blocks: list[tuple[str, int]] = []
    for tag in tags(source):
        line = source.count("\n", 0, tag.start) + 1
        inner = _STRING.sub("''", tag.inner)
        if not tag.is_output:
            findings += _statement_findings(inner, open_blocks, line, part)
        findings += _expression_findings(inner, line, part)
    findings += [
        _error("not_closed", f"“{{% {name} … %}}” is never closed.", line, part, f"Add {{% end{name} %}}.")
        for name, line in open_blocks
    ]
    findings += _stray_braces(source, part)
    return findings


def _statement_findings(
    inner: str, open_blocks: list[tuple[str, int]], line: int, part: str
) -> list[Finding]:
    word = inner.split(" ", 1)[0].split("\n", 1)[0]
    if word not in _STATEMENTS:
        return [_error("not_allowed", f"“{{% {word} %}}” is not available in mail templates.", line, part,
                       "Use if, elif, else, endif, for and endfor.")]
    if word in {"if", "for"}:
        open_blocks.append((word, line))
    elif word.startswith("end"):
        if not open_blocks or open_blocks[-1][0] != word[3:]:
            return [_error("not_open", f"“{{% {word} %}}” closes nothing that is open here.", line, part)]
        open_blocks.pop()
    return []


def _expression_findings(inner: str, line: int, part: str) -> list[Finding]:
    findings = [
        _error("unknown_filter", f"There is no filter “{name}”.", line, part,
               f"Filters are: {', '.join(sorted(ALLOWED_FILTERS))}.")
        for name in _FILTER.findall(inner)
        if name not in ALLOWED_FILTERS
    ]
    findings += [
        _error("not_allowed", f"“{name}(…)” cannot be called in mail templates.", line, part)
        for name in _CALL.findall(re.sub(r"\|\s*\w+\s*\(", "|(", inner))
        if name not in _CALLABLE and name not in _WORDS and name not in _STATEMENTS
    ]
    if "~" in inner:
        findings.append(_error("not_allowed", "“~” is not available in mail templates.", line, part,
                               "Write the values one after the other: {{ a }}{{ b }}."))
    if "*" in inner:  # repeats texts and lists: [1] * 100000000 kept the engine busy for 21 s and cost no step
        findings.append(_error("not_allowed", "“*” is not available in mail templates.", line, part,
                               "Store the product as a field, or write it out."))
    if "__" in inner:
        findings.append(_error("not_allowed", "Names with “__” are not available.", line, part))
    return findings


def _stray_braces(source: str, part: str) -> list[Finding]:
    rest = _TAG.sub(lambda match: " " * len(match[0]), source)
    findings = []
    for opening in ("{{", "{%"):
        at = rest.find(opening)
        if at >= 0:
            findings.append(
                _error("not_closed", f"“{opening}” is opened and never closed.", source.count("\n", 0, at) + 1,
                       part, "Close it, or write it as text: {{ '{{' }}.")
            )
    return findings


def _error(code: str, message: str, line: int, part: str, fix: str = "") -> Finding:
    return Finding(severity=Severity.ERROR, code=code, message=message, fix=fix, line=line, part=part)
