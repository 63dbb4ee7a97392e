"""Finds the texts to translate in Python, templates and scripts, and keeps the catalogues' sources in step with them.

One catalogue a language and application: the texts of its code and of the templates that belong to it; all others are
with `relayhub/core`. Django joins them. What scripts say stands in a catalogue of its own, `djangojs`, which browsers
are sent (`core.script_words`). Babel reads Python and JavaScript; of templates Django's own `templatize` makes calls
of gettext, which are taken from its answer. Dates stay out of the files, so that making them again without a change
changes nothing.
"""

from __future__ import annotations

import ast
import io
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from babel.messages import Catalog
from babel.messages.extract import extract_from_file
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

from relayhub.catalogs import ROOT
from relayhub.core.languages import SOURCE, shipped

_KEYWORDS: dict[str, tuple[int | tuple[int, str], ...] | None] = {
    # A word of the vocabulary of statuses; it is translated when it is looked up.
    "_look": None,
    # One of these as it is said of a campaign, a domain.
    "_inclined": ((1, "c"), 2),
    # A noun that is counted, and a word of the audit log; likewise.
    "_noun": (1, 2), "_logged": None,
    # A page by name and by other words.
    "_called": None, "_also": None,
    "_": None, "gettext": None, "gettext_lazy": None, "gettext_noop": None, "ngettext": (1, 2),
    "ngettext_lazy": (1, 2), "pgettext": ((1, "c"), 2), "pgettext_lazy": ((1, "c"), 2),
}
#: Files whose words stand in one context.
_CONTEXTS = {
    "vocabulary.py": "status", "audit_words.py": "audit log",
    "search_speech.py": "typed in a search, each way apart by ;", "merge_fields.py": "merge field",
}
#: As `static/js/words.js` gives them to scripts.
_SCRIPT_KEYWORDS: dict[str, tuple[int | tuple[int, str], ...] | None] = {"gettext": None, "ngettext": (1, 2)}
_TEXT = r"""(?:'(?:\\.|[^'\\])*'|"(?:\\.|[^"\\])*")"""
_CALL = re.compile(rf" (n?p?gettext|_)\((?:u?{_TEXT})(?:, (?:u?{_TEXT}|count))*\) ")
#: French sets these signs off from the words; a line must not break there.
_SET_OFF = re.compile(r" (?=[:;?!»])|(?<=«) ")
_HEADER_OF_A_DATE = re.compile(r'^"(?:POT-Creation-Date|PO-Revision-Date): .*\\n"\n', re.MULTILINE)


@dataclass(frozen=True, kw_only=True)
class Home:
    """One catalogue of each language: the code it takes, the templates and the scripts, each by how its path begins."""

    folder: Path
    code: tuple[str, ...]
    templates: tuple[str, ...]
    scripts: tuple[str, ...] = ()
    domain: str = "django"


#: The first that a path fits takes it.
HOMES = (
    Home(
        folder=ROOT / "campaigns", code=("campaigns/",),
        templates=("base_public.html", "public/", "emails/confirmation", "campaigns/"),
    ),
    Home(folder=ROOT / "deliverability", code=("deliverability/",), templates=("deliverability/",)),
    Home(
        folder=ROOT / "relayhub" / "relay", code=("relayhub/relay/", "relayhub/protocol/", "relayhub/judge/"),
        templates=("relay/",),
    ),
    Home(folder=ROOT / "relayhub" / "site", code=("relayhub/site/",), templates=("site/",)),
    Home(folder=ROOT / "relayhub" / "core", code=("relayhub/",), templates=("",)),
    Home(folder=ROOT / "relayhub" / "core", code=(), templates=(), scripts=("static/js/",), domain="djangojs"),
)


def path_of(home: Home, language: str) -> Path:
    """The source of a catalogue."""
    return home.folder / "locale" / language / "LC_MESSAGES" / f"{home.domain}.po"


def languages_to_translate() -> list[str]:
    """The shipped languages but the one the source is written in."""
    return [tag for tag in shipped() if tag != SOURCE]


def found_in(home: Home) -> Catalog:
    """Every text of a home, without translations."""
    catalog = Catalog(project="RelayHub", charset="utf-8", fuzzy=False)
    for folder in home.code:
        for path in sorted((ROOT / folder).rglob("*.py")):
            if _home_of(path.relative_to(ROOT), "code") == home:
                _add_code(catalog, path)
    templates = ROOT / "templates"
    for path in sorted(templates.rglob("*.*")):
        if _home_of(path.relative_to(templates), "templates") == home:
            _add_template(catalog, path)
    for folder in home.scripts:
        for path in sorted((ROOT / folder).glob("*.js")):
            _add_script(catalog, path)
    return catalog


def _home_of(path: Path, kind: Literal["code", "templates"]) -> Home:
    return next(home for home in HOMES if path.as_posix().startswith(getattr(home, kind)))


def present(home: Home, language: str) -> Catalog:
    """A catalogue as it stands; empty where there is none yet."""
    try:
        with path_of(home, language).open("rb") as file:
            return read_po(file, locale=language)
    except FileNotFoundError:
        return Catalog(locale=language, project="RelayHub", charset="utf-8", fuzzy=False)


def in_step(home: Home, language: str, found: Catalog) -> str:
    """The catalogue's source with the texts there are now: new ones empty, gone ones dropped."""
    catalog = present(home, language)
    catalog.update(found, no_fuzzy_matching=True)
    for message in catalog:
        if message.id and message.string:
            given = message.string
            message.string = (
                typeset(given, language) if isinstance(given, str) else tuple(typeset(text, language) for text in given)
            )
    catalog.project, catalog.version, catalog.fuzzy = "RelayHub", "", False
    catalog.header_comment = f"# RelayHub: {language}. Kept in step by `manage.py makecatalogs`."
    catalog.last_translator, catalog.language_team, catalog.msgid_bugs_address = "", "", ""
    target = io.BytesIO()
    write_po(target, catalog, width=110, sort_output=False, sort_by_file=True, ignore_obsolete=True,
             include_lineno=False)
    return _HEADER_OF_A_DATE.sub("", target.getvalue().decode())


def typeset(text: str, language: str) -> str:
    """A translation with the blanks that its language wants around signs."""
    return _SET_OFF.sub("\N{NO-BREAK SPACE}", text) if language == "fr" else text


def make_all() -> list[Path]:
    """Write every catalogue that is out of step; returns those that were."""
    changed = []
    for home in HOMES:
        found = found_in(home)
        for language in languages_to_translate():
            path, text = path_of(home, language), in_step(home, language, found)
            if path.exists() and path.read_text(encoding="utf-8") == text:
                continue
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
            changed.append(path)
    return changed


def missing_from(home: Home) -> dict[str, list[str]]:
    """Language -> texts that code and templates have and the catalogue does not."""
    found = found_in(home)
    missing = {}
    for language in languages_to_translate():
        there = present(home, language)
        missing[language] = [str(text.id) for text in found if text.id and there.get(text.id, text.context) is None]
    return missing


def untranslated(home: Home, language: str) -> list[str]:
    """Texts without a translation, or with a plural form missing."""
    return [
        str(message.id) for message in present(home, language)
        if message.id and not all([message.string] if isinstance(message.string, str) else message.string or [""])
    ]


def _add_code(catalog: Catalog, path: Path) -> None:
    if b"gettext" not in path.read_bytes():
        return
    place = path.relative_to(ROOT).as_posix()
    for line, text, _, context in extract_from_file("python", path, keywords=_KEYWORDS):
        catalog.add(text, locations=[(place, line)], context=context or _CONTEXTS.get(path.name))


def _add_script(catalog: Catalog, path: Path) -> None:
    place = path.relative_to(ROOT).as_posix()
    for line, text, _, context in extract_from_file("javascript", path, keywords=_SCRIPT_KEYWORDS):
        catalog.add(text, locations=[(place, line)], context=context)


def _add_template(catalog: Catalog, path: Path) -> None:
    if path.suffix not in {".html", ".txt"}:
        return
    source = path.read_text(encoding="utf-8")
    place = path.relative_to(ROOT).as_posix()
    if "trans" not in source and "_(" not in source:
        return
    for name, texts in _calls(templatize(source, origin=place)):
        context = texts.pop(0) if "p" in name.partition("gettext")[0] else None
        catalog.add(texts[0] if len(texts) == 1 else tuple(texts[:2]), locations=[(place, 1)], context=context)


def _calls(templatized: str) -> Iterator[tuple[str, list[str]]]:
    """(function, its texts) of each call that `templatize` made of a tag."""
    for match in _CALL.finditer(templatized):
        call = ast.parse(match[0].strip(), mode="eval").body
        assert isinstance(call, ast.Call)
        yield match[1], [str(part.value) for part in call.args if isinstance(part, ast.Constant)]
