"""What changed between two versions of a template, line by line."""

from __future__ import annotations

import difflib
import re
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

from campaigns.templates import TemplateInput

#: Lines of a part that are compared; longer parts say only that they differ.
MAX_LINES = 5_000
#: Lines shown around a change.
CONTEXT = 3
#: Characters of a line within which words are compared, and the share of words two lines have to have in common.
MAX_WORDS_IN, LIKENESS = 2_000, 0.4
#: Pairs of words that are compared for one part: about a second; lines beyond them are set off as a whole.
MAX_PAIRS = 3_000_000
_WORD = re.compile(r"\w+|\s+|[^\w\s]")
_LABELS = {"kind": _("Written in"), "subject": _("Subject"), "preheader": _("Preview text"), "source": _("Content"),
           "text": _("Plain text")}


@dataclass(frozen=True, kw_only=True)
class DiffLine:
    """One line: `add`, `del`, `same`, or `gap` where unchanged lines are left out."""

    kind: str
    text: str = ""
    before: int | None = None
    after: int | None = None
    #: The text in pieces, each with whether it is what changed within the line; empty: nothing is set off.
    pieces: tuple[tuple[str, bool], ...] = ()


@dataclass(frozen=True, kw_only=True)
class PartDiff:
    """One part that differs."""

    label: str
    lines: tuple[DiffLine, ...]
    added: int
    removed: int
    is_too_long: bool = False


def diff(before: TemplateInput, after: TemplateInput) -> list[PartDiff]:
    """The parts that differ, empty where nothing does."""
    found = []
    for field, label in _LABELS.items():
        old, new = (getattr(side, field).replace("\r\n", "\n") for side in (before, after))
        if old != new:
            found.append(_part(str(label), old.split("\n") if old else [], new.split("\n") if new else []))
    return found


def _part(label: str, old: list[str], new: list[str]) -> PartDiff:
    if max(len(old), len(new)) > MAX_LINES:
        return PartDiff(label=label, lines=(), added=len(new), removed=len(old), is_too_long=True)
    lines: list[DiffLine] = []
    budget = _Budget()
    for group in difflib.SequenceMatcher(None, old, new).get_grouped_opcodes(CONTEXT):
        if lines:
            lines.append(DiffLine(kind="gap"))
        for tag, i, i_end, j, j_end in group:
            if tag == "equal":
                lines += [DiffLine(kind="same", text=text, before=i + at + 1, after=j + at + 1)
                          for at, text in enumerate(old[i:i_end])]
                continue
            gone, come = _words(old[i:i_end], new[j:j_end], budget)
            lines += [DiffLine(kind="del", text=text, before=i + at + 1, pieces=gone.get(at, ()))
                      for at, text in enumerate(old[i:i_end])]
            lines += [DiffLine(kind="add", text=text, after=j + at + 1, pieces=come.get(at, ()))
                      for at, text in enumerate(new[j:j_end])]
    return PartDiff(
        label=label, lines=tuple(lines), added=sum(line.kind == "add" for line in lines),
        removed=sum(line.kind == "del" for line in lines),
    )


Pieces = dict[int, tuple[tuple[str, bool], ...]]


@dataclass
class _Budget:
    """Pairs of words that may still be compared."""

    left: int = MAX_PAIRS

    def takes(self, pairs: int) -> bool:
        """Whether so many may be; they are taken then."""
        if pairs > self.left:
            return False
        self.left -= pairs
        return True


def _words(old: list[str], new: list[str], budget: _Budget) -> tuple[Pieces, Pieces]:
    """What changed within lines that took each other's place, by the number of the line on either side.

    Only lines that stand opposite each other and have more in common than not: else all of it is new.
    """
    gone: Pieces = {}
    come: Pieces = {}
    if len(old) != len(new):
        return gone, come
    for at, (before, after) in enumerate(zip(old, new, strict=True)):
        if max(len(before), len(after)) > MAX_WORDS_IN:
            continue
        left, right = _WORD.findall(before), _WORD.findall(after)
        if not budget.takes(len(left) * len(right)):
            continue
        matcher = difflib.SequenceMatcher(None, left, right, autojunk=False)
        if matcher.ratio() < LIKENESS:
            continue
        steps = matcher.get_opcodes()
        gone[at] = tuple(("".join(left[i:i_end]), tag != "equal") for tag, i, i_end, _, _ in steps if i < i_end)
        come[at] = tuple(("".join(right[j:j_end]), tag != "equal") for tag, _, _, j, j_end in steps if j < j_end)
    return gone, come
