"""Compiles the catalogues of translations, `locale/<language>/LC_MESSAGES/django*.po` to `.mo`, by Babel.

Compiled files are not kept with the source: whatever starts the product calls `compile_all`, which looks at the
times of a dozen files and writes only what is missing or older than its source. It needs no Django and no settings,
so an image can be built with it. `python -m relayhub.catalogs` does it by hand.
"""

from __future__ import annotations

import os
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO

ROOT = Path(__file__).resolve().parent.parent
#: The applications that have a `locale` folder.
HOMES = (
    ROOT / "campaigns", ROOT / "deliverability", ROOT / "relayhub" / "relay", ROOT / "relayhub" / "site",
    ROOT / "relayhub" / "core",
)


class CatalogProblem(Exception):
    """A catalogue cannot be compiled; the text says which, why and what to do."""


def sources() -> list[Path]:
    """Every catalogue's source."""
    return sorted(path for home in HOMES for path in home.glob("locale/*/LC_MESSAGES/django*.po"))


def compiled_of(source: Path) -> Path:
    """Where the compiled form of a source is."""
    return source.with_suffix(".mo")


def is_stale(source: Path) -> bool:
    """Whether the compiled form is missing or older than its source."""
    try:
        return compiled_of(source).stat().st_mtime_ns < source.stat().st_mtime_ns
    except FileNotFoundError:
        return True


def compile_all() -> int:
    """Compile what is stale; returns how many that were. CatalogProblem where one cannot be."""
    stale = [source for source in sources() if is_stale(source)]
    for source in stale:
        _compile(source)
    return len(stale)


def _compile(source: Path) -> None:
    from babel.messages.mofile import write_mo  # costs 0.1 s, and only the first start after a change needs it
    from babel.messages.pofile import PoFileError, read_po

    language = source.parent.parent.name
    try:
        with source.open("rb") as given:
            catalog = read_po(given, locale=language, abort_invalid=True)
        _replace(compiled_of(source), lambda target: write_mo(target, catalog))
    except PoFileError as exc:
        raise CatalogProblem(f"The translations in {source} are not understood: {exc}.") from exc
    except OSError as exc:
        raise CatalogProblem(
            f"The translations cannot be compiled into {source.parent}: {exc.strerror}. "
            "Run `python -m relayhub.catalogs` as a user who may write there."
        ) from exc


def _replace(path: Path, write: Callable[[BinaryIO], object]) -> None:
    """Write beside the file and put it in its place at once: several processes may start together."""
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=".django-", suffix=".mo")
    try:
        with os.fdopen(descriptor, "wb") as target:
            write(target)
        os.chmod(name, 0o644)
        os.replace(name, path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


if __name__ == "__main__":
    try:
        compile_all()
    except CatalogProblem as problem:
        sys.exit(f"relayhub: {problem}")
