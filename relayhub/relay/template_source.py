"""Read the source of mail templates without running it: what is allowed, which fields it names.

The language is a small part of Jinja's: `{{ field }}` with filters from a list, `if`, `elif`, `else`, and
`for` over a given list. Nothing that could build large values out of small ones (`set`, `~`, `*`, `range`,
`replace`, macros, includes) is allowed, so the step budget of the engine bounds memory as well (THREATS T09).
Tags are limited in length, words, number and depth before the engine reads them: it reads by recursion, and a
source that is nested deep enough would end the whole process. Every pass here is linear in the source.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum

MAX_SOURCE = 1024 * 1024
MAX_TAG_CHARACTERS = 2000
#: Words and signs of one tag, texts in quotes counted as one: each may be one level of the engine's recursion.
MAX_TAG_WORDS = 200
MAX_TAGS = 10_000
#: `if` and `for` inside one another, and branches of one `if`, added up.
MAX_DEPTH = 60
ALLOWED_FILTERS = frozenset(
    {"upper", "lower", "title", "capitalize", "trim", "default", "d", "round", "int", "float", "length",
     "count", "first", "last", "escape", "e", "join", "abs", "sort", "reverse", "date", "number", "urlencode"}
)
_STATEMENTS = frozenset({"if", "elif", "else", "endif", "for", "endfor"})
_CALLABLE = frozenset({"loop.cycle"})
_TAG_OPENS = re.compile(r"\{[{%#]")
_TAG_CLOSES = {"{{": "}}", "{%": "%}", "{#": "#}"}
_WORD = re.compile(r"\w+|[^\w\s]")
_PLAIN_SLOT = re.compile(r"\{\{-?\s*([A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)\s*-?\}\}")
_STRING = re.compile(r"\"(?:[^\"\\]++|\\.)*+\"|'(?:[^'\\]++|\\.)*+'", re.DOTALL)
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
    #: The word it is about, as it stands in that line.
    name: str = ""


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


def _spans(source: str) -> Iterator[tuple[int, int]]:
    """Where tags and comments stand. What is opened and never closed costs one look a kind, not one each."""
    at, never_closed = 0, set()
    while (opened := _TAG_OPENS.search(source, at)) is not None:
        closing = _TAG_CLOSES[opened[0]]
        end = -1 if closing in never_closed else source.find(closing, opened.end())
        if end < 0:
            never_closed.add(closing)
            if len(never_closed) == len(_TAG_CLOSES):
                return
            at = opened.start() + 1
            continue
        at = end + len(closing)
        yield opened.start(), at


def tags(source: str) -> Iterator[Tag]:
    """Every output and statement tag; comments are left out."""
    for start, end in _spans(source):
        if source[start + 1] != "#":
            yield Tag(start=start, end=end, source=source[start:end], is_output=source[start + 1] == "{")


def simple_slots(source: str) -> dict[str, str] | None:
    """Tag text -> dotted path where every tag is a plain field, else None: the template needs the engine."""
    slots: dict[str, str] = {}
    for start, end in _spans(source):
        text = source[start:end]
        plain = _PLAIN_SLOT.fullmatch(text)
        if plain is None or text.startswith("{{-") or text.endswith("-}}"):
            return None
        slots[text] = plain[1]
    return slots


def fields_named(source: str) -> set[str]:
    """Dotted paths that the source reads, loop variables and words of the language left out."""
    found: set[str] = set()
    local: set[str] = set()
    for tag in tags(source):
        inner = _STRING.sub("''", tag.inner)
        if not tag.is_output:
            head, _, rest = " ".join(inner.split()).partition(" ")
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


def lines_of_fields(source: str) -> dict[str, int]:
    """Dotted path -> the first line (from 1) whose tag names it."""
    found: dict[str, int] = {}
    line, counted = 1, 0
    for tag in tags(source):
        line, counted = line + source.count("\n", counted, tag.start), tag.start
        for name in fields_named(tag.source):
            found.setdefault(name, line)
    return found


def word_for_tags(source: str) -> str:
    """What a word that stands for a hidden tag begins with: nothing that the source holds itself."""
    word, plain = "rhtag", source.lower()  # parsers write names of elements and attributes in lower case
    while word in plain:
        word = f"rhtag{hashlib.sha256((word + plain).encode(errors='replace')).hexdigest()[:12]}n"
    return word


def with_tags(text: str, word: str, found: Sequence[str]) -> str:
    """The text with the tags in the places of their words, `word` and their number and an x."""
    def tag(match: re.Match[str]) -> str:
        return found[int(match[1])] if int(match[1]) < len(found) else match[0]

    return re.sub(rf"{word}(\d{{1,6}})x", tag, text)


def lint(source: str, *, part: str = "") -> list[Finding]:
    """Everything in the source that is not allowed or not closed; empty when it may be used."""
    if len(source) > MAX_SOURCE:
        return [_error("too_long", f"The source is longer than {MAX_SOURCE // 1024:,} KiB.", 1, part)]
    findings: list[Finding] = []
    open_blocks: list[tuple[str, int]] = []
    line, counted, depth = 1, 0, _Depth()
    for number, tag in enumerate(tags(source), start=1):
        line, counted = line + source.count("\n", counted, tag.start), tag.start
        inner = _STRING.sub("''", tag.inner) if len(tag.source) <= MAX_TAG_CHARACTERS else ""
        too_much = _too_much(tag, inner, number) or depth.problem(inner, is_output=tag.is_output)
        if too_much:
            return [_error("too_much", too_much, line, part, "Write it shorter.")]
        if not tag.is_output:
            findings += _statement_findings(inner, open_blocks, line, part)
        findings += _expression_findings(inner, line, part)
    findings += [
        _error("not_closed", f"“{{% {name} … %}}” is never closed.", line, part, f"Add {{% end{name} %}}.")
        for name, line in open_blocks
    ]
    findings += _stray_braces(source, part)
    return findings


def _too_much(tag: Tag, inner: str, number: int) -> str:
    """What is too much about a tag for the engine to read, or ""."""
    if number > MAX_TAGS:
        return f"There are more than {MAX_TAGS:,} tags."
    if len(tag.source) > MAX_TAG_CHARACTERS or len(_WORD.findall(inner)) > MAX_TAG_WORDS:
        return f"A tag has up to {MAX_TAG_CHARACTERS:,} characters and {MAX_TAG_WORDS} words and signs."
    return ""


class _Depth:
    """Counts how deep blocks and branches stand in one another: to the engine each `elif` is one level more."""

    def __init__(self) -> None:
        self._levels: list[int] = []
        self._sum = 0

    def problem(self, inner: str, *, is_output: bool) -> str:
        """Take the next tag; what is wrong, or ""."""
        word = "" if is_output else inner.split(None, 1)[0] if inner else ""
        if word in {"if", "for"}:
            self._levels.append(1)
            self._sum += 1
        elif word == "elif" and self._levels:
            self._levels[-1] += 1
            self._sum += 1
        elif word in {"endif", "endfor"} and self._levels:
            self._sum -= self._levels.pop()
        return f"More than {MAX_DEPTH} blocks and branches stand in one another." if self._sum > MAX_DEPTH else ""


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
    kept, at = [], 0
    for start, end in _spans(source):
        kept += [source[at:start], " " * (end - start)]
        at = end
    rest = "".join([*kept, source[at:]])
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
