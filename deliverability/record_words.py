"""A domain's records as somebody reads them who has never edited a zone: what each is for, what to paste where.

Pure: wanted records and the last look come in, words come out. The host is given as most providers ask for it
(without the zone) and whole; what was found is set against what is wanted with the difference marked; where
another record of the same sort is there already, the value to paste is that record with ours added.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from deliverability import explanations
from deliverability.models import CheckOutcome, DomainCheck
from relayhub.protocol.dns_records import RecordKind, WantedRecord
from relayhub.protocol.providers import registrable_domain

_TXT_PIECE = 255  # RFC 1035 §3.3: one character-string
#: A common part of what was found is shown whole up to this length, else its two ends of that length each.
_SHOWN_WHOLE, _SHOWN_END = 80, 24


class RecordState(StrEnum):
    """How one record stands, for people."""

    RIGHT = "ok"
    MISSING = "missing"
    WRONG = "wrong"
    UNKNOWN = "unknown"
    NOT_LOOKED_AT = "pending"


_STATE_WORDS = {
    RecordState.RIGHT: gettext_lazy("Found"), RecordState.MISSING: gettext_lazy("Not there yet"),
    RecordState.WRONG: gettext_lazy("Found another value"), RecordState.UNKNOWN: gettext_lazy("DNS did not answer"),
    RecordState.NOT_LOOKED_AT: gettext_lazy("Not looked up yet"),
}
_TITLES = {
    RecordKind.DKIM: gettext_lazy("DKIM key"), RecordKind.DKIM_ED25519: gettext_lazy("Second DKIM key (Ed25519)"),
    RecordKind.RETURN_PATH: gettext_lazy("Return-path, MX"), RecordKind.SPF: gettext_lazy("Return-path, SPF"),
    RecordKind.DMARC: gettext_lazy("DMARC policy"),
    RecordKind.SPF_ORGANISATION: gettext_lazy("SPF of the domain itself"),
}
_PURPOSES = {
    RecordKind.DKIM: gettext_lazy(
        "Receivers check our signature with this key, so that they know a message is really yours."
    ),
    RecordKind.DKIM_ED25519: gettext_lazy(
        "A newer and shorter kind of key. Some receivers check it as well; nothing breaks without it."
    ),
    RecordKind.RETURN_PATH: gettext_lazy(
        "Mail that cannot be delivered comes back through this host, so that we can tell you."
    ),
    RecordKind.SPF: gettext_lazy("Says that we may send with that return-path."),
    RecordKind.DMARC: gettext_lazy(
        "Tells receivers what to do with mail that only pretends to be yours. Any valid policy will do; “none” only"
        " watches."
    ),
    RecordKind.SPF_ORGANISATION: gettext_lazy(
        "Says the same for the domain itself. Some old receivers look here; nothing breaks without it."
    ),
}
#: How the record of a kind begins among other texts under the same name.
_BEGINNINGS = {
    RecordKind.SPF: "v=spf1", RecordKind.SPF_ORGANISATION: "v=spf1", RecordKind.DMARC: "v=dmarc1",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Piece:
    """A part of a value; marked where it differs."""

    text: str
    is_different: bool = False


@dataclass(frozen=True, kw_only=True)
class RecordView:
    """One record to publish, with all that its row says."""

    kind: str
    title: str
    purpose: str
    explanation: str
    state: RecordState
    is_required: bool
    type: str
    #: The whole name, and without the zone ("@" for the zone itself).
    name: str
    host: str
    zone: str
    #: What to paste; an MX apart into its two fields.
    value: str
    mx_priority: str
    mx_host: str
    #: Whether a record that is there is to be changed instead of one added.
    is_change: bool
    found: tuple[str, ...]
    #: Found and wanted with the difference marked, where one was found that is not right.
    found_pieces: tuple[Piece, ...]
    wanted_pieces: tuple[Piece, ...]
    #: A long text cut as some providers demand it, else "".
    in_pieces: str
    checked_at: datetime | None

    @property
    def state_words(self) -> str:
        """The pill's words."""
        return str(_STATE_WORDS[self.state])

    @property
    def tone(self) -> str:
        """The pill's status; what is absent and not required is no trouble."""
        if not self.is_required and self.state in {RecordState.MISSING, RecordState.WRONG}:
            return "unverified"
        return "queued" if self.state is RecordState.NOT_LOOKED_AT else self.state.value

    @property
    def needs_work(self) -> bool:
        """Whether somebody has to change DNS."""
        return self.state in {RecordState.MISSING, RecordState.WRONG}

    @property
    def anchor(self) -> str:
        """An id for the page."""
        return re.sub(r"[^a-z0-9]+", "-", f"{self.kind}-{self.host}".lower()).strip("-")


def record_views(
    domain: str, wanted: Iterable[WantedRecord], checks: Iterable[DomainCheck], *,
    retiring: frozenset[str] = frozenset(),
) -> list[RecordView]:
    """Every wanted record with its last look; `retiring` are selectors that sign no more but must stay."""
    known = {(check.kind, check.record_name): check for check in checks}
    return [
        _view(domain, record, known.get((record.kind.value, record.name)), retiring=retiring) for record in wanted
    ]


def state_of(check: DomainCheck | None) -> RecordState:
    """How the record of a check stands."""
    if check is None or check.checked_at is None:
        return RecordState.NOT_LOOKED_AT
    if check.outcome == CheckOutcome.PASS:
        return RecordState.RIGHT
    if check.outcome == CheckOutcome.UNKNOWN:
        return RecordState.UNKNOWN
    return RecordState.WRONG if relevant(check.kind, check.found or ()) else RecordState.MISSING


def title_of(kind: str) -> str:
    """The record's short name in words."""
    return str(_TITLES.get(RecordKind(kind), kind)) if kind in set(RecordKind) else kind


def relevant(kind: str, found: Sequence[str]) -> tuple[str, ...]:
    """Of the texts under a name those of the record's sort: other services keep theirs there as well."""
    beginning = _BEGINNINGS.get(RecordKind(kind)) if kind in set(RecordKind) else None
    if beginning is None or kind == RecordKind.DMARC:
        return tuple(found)
    return tuple(text for text in found if text.lower().lstrip('" ').startswith(beginning))


def _view(
    domain: str, record: WantedRecord, check: DomainCheck | None, *, retiring: frozenset[str]
) -> RecordView:
    state = state_of(check)
    found = relevant(record.kind.value, check.found or ()) if check is not None else ()
    value = _value_to_paste(record, found, state)
    found_pieces, wanted_pieces = _difference(found, value, state)
    zone = registrable_domain(domain) or domain
    priority, mx_host = record.value.split(" ", 1) if record.type == "MX" else ("", "")
    title, purpose = str(_TITLES[record.kind]), str(_PURPOSES[record.kind])
    if record.name.partition("._domainkey.")[0] in retiring:
        title = _("%(record)s, the one before") % {"record": title}
        purpose = _("It signs no more. Keep it until mail that is still on its way has arrived.")
    return RecordView(
        kind=record.kind.value, title=title, purpose=purpose,
        explanation=_explanation(check, state), state=state, is_required=record.required, type=record.type,
        name=record.name, host=host_in(zone, record.name), zone=zone, value=value, mx_priority=priority,
        mx_host=mx_host, is_change=bool(found) and state is RecordState.WRONG, found=found,
        found_pieces=found_pieces, wanted_pieces=wanted_pieces, in_pieces=in_pieces(record.type, value),
        checked_at=check.checked_at if check is not None else None,
    )


def _explanation(check: DomainCheck | None, state: RecordState) -> str:
    if check is None or state is RecordState.NOT_LOOKED_AT:
        return ""
    return explanations.remark(check.explanation)


def host_in(zone: str, name: str) -> str:
    """The name as providers ask for it: without the zone, "@" for the zone itself."""
    if name == zone:
        return "@"
    return name.removesuffix(f".{zone}")


def in_pieces(kind: str, value: str) -> str:
    """A text of more than 255 characters as quoted pieces; "" where it needs no cutting."""
    if kind != "TXT" or len(value) <= _TXT_PIECE:
        return ""
    return quoted(value)


def quoted(value: str) -> str:
    """A text in the form of RFC 1035 §5.1."""
    text = value.replace("\\", "\\\\").replace('"', '\\"')
    pieces = [text[start : start + _TXT_PIECE] for start in range(0, len(text), _TXT_PIECE)]
    return " ".join(f'"{piece}"' for piece in pieces)


def _value_to_paste(record: WantedRecord, found: Sequence[str], state: RecordState) -> str:
    """Ours, but for a record of the same sort that is there: right as it is, or to be extended."""
    if state is RecordState.RIGHT and len(found) == 1 and record.kind in _BEGINNINGS:
        return found[0]
    if state is RecordState.WRONG and len(found) == 1 and _BEGINNINGS.get(record.kind) == "v=spf1":
        return merged_spf(found[0], record.value)
    return record.value


def merged_spf(present: str, ours: str) -> str:
    """The SPF record that is there with our mechanisms before its end; two records would both count for nothing."""
    terms = present.strip().strip('"').split()
    wanted = [term for term in ours.split()[1:] if term.lstrip("+-~?").lower() != "all"]
    lower = {term.lower().lstrip("+") for term in terms}
    added = [term for term in wanted if term.lower() not in lower]
    end = next(
        (at for at, term in enumerate(terms)
         if term.lstrip("+-~?").lower() == "all" or term.lower().startswith("redirect=")), len(terms),
    )
    return " ".join([*terms[:end], *added, *terms[end:]])


def _difference(
    found: Sequence[str], wanted: str, state: RecordState
) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    if state is not RecordState.WRONG or len(found) != 1:
        return (), ()
    found_pieces, wanted_pieces = difference(found[0], wanted)
    return _around_the_difference(found_pieces), wanted_pieces


def _around_the_difference(pieces: Sequence[Piece]) -> tuple[Piece, ...]:
    """The same with long common parts cut: a key that was found is compared, never copied."""
    return tuple(piece if piece.is_different else Piece(text=_cut(piece.text)) for piece in pieces)


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_WHOLE else f"{text[:_SHOWN_END]} … {text[-_SHOWN_END:]}"


def difference(found: str, wanted: str) -> tuple[tuple[Piece, ...], tuple[Piece, ...]]:
    """Both texts with what lies between their common beginning and common end marked."""
    shorter = min(len(found), len(wanted))
    start = next((at for at in range(shorter) if found[at] != wanted[at]), shorter)
    rest = shorter - start
    end = next((at for at in range(rest) if found[-1 - at] != wanted[-1 - at]), rest)
    return _pieces(found, start, end), _pieces(wanted, start, end)


def _pieces(text: str, start: int, end: int) -> tuple[Piece, ...]:
    stop = len(text) - end
    parts = (Piece(text=text[:start]), Piece(text=text[start:stop], is_different=True), Piece(text=text[stop:]))
    return tuple(part for part in parts if part.text)
