"""May I send as this domain, and what is missing? The answer in sentences, from the last look at DNS.

Pure but for the rows it is given (a domain with its checks): the same words serve the list, the domain's page
and the API.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from deliverability.domains import BREAKS_AFTER
from deliverability.models import DomainCheck, DomainStatus, SendingDomain
from deliverability.record_words import RecordState, state_of, title_of


@dataclass(frozen=True, kw_only=True)
class Verdict:
    """One domain in words."""

    may_send: bool
    sentence: str
    #: "3 of 4 right, DKIM key missing": how the required records stand.
    records: str
    right: int
    required: int
    #: When a verified domain that fails is held from, at the earliest.
    breaks_at: datetime | None = None


def verdict_of(domain: SendingDomain, checks: Sequence[DomainCheck]) -> Verdict:
    """What the last look means for sending."""
    required = [check for check in checks if check.is_required]
    by_state: dict[RecordState, list[str]] = {}
    for check in required:
        by_state.setdefault(state_of(check), []).append(title_of(check.kind))
    right = len(by_state.get(RecordState.RIGHT, ()))
    breaks_at = None
    if domain.status == DomainStatus.VERIFIED and domain.failing_since is not None:
        breaks_at = domain.failing_since + BREAKS_AFTER
    return Verdict(
        may_send=domain.status == DomainStatus.VERIFIED, right=right, required=len(required),
        sentence=_sentence(domain, by_state, len(required), breaks_at is not None),
        records=_records(by_state, right, len(required)), breaks_at=breaks_at,
    )


def _sentence(
    domain: SendingDomain, by_state: dict[RecordState, list[str]], required: int, is_failing: bool
) -> str:
    trouble = _trouble(by_state)
    if domain.status == DomainStatus.BROKEN:
        return f"May not send now: {trouble or 'its required records were wrong for three days'}. Its mail is held" \
            " and goes out by itself once the records are right."
    if domain.status == DomainStatus.VERIFIED:
        return _verified(by_state, trouble, required, is_failing)
    if not required or len(by_state.get(RecordState.NOT_LOOKED_AT, ())) == required:
        count = f"{required} required records" if required else "records"
        return f"May not send yet. Publish the {count} below; we look for them by ourselves."
    return f"May not send yet: {trouble}." if trouble else "May not send yet: the last look was not complete."


def _verified(by_state: dict[RecordState, list[str]], trouble: str, required: int, is_failing: bool) -> str:
    if is_failing and trouble:
        return f"May still send, but {trouble}. Put that right before its mail is held."
    unknown = by_state.get(RecordState.UNKNOWN, [])
    if unknown:
        return f"May send. DNS gave no answer about {_and(unknown)} at the last look, which changes nothing."
    if by_state.get(RecordState.NOT_LOOKED_AT):
        return "May send. New records are not looked up yet."
    return f"May send. All {required} required records are right." if required else "May send."


def _trouble(by_state: dict[RecordState, list[str]]) -> str:
    """“DKIM key and DMARC policy are missing, return-path SPF is another value”."""
    words = {
        RecordState.MISSING: "missing", RecordState.WRONG: "wrong", RecordState.UNKNOWN: "not answered by DNS",
        RecordState.NOT_LOOKED_AT: "not looked up yet",
    }
    parts = [
        f"{_and(by_state[state])} {'is' if len(by_state[state]) == 1 else 'are'} {word}"
        for state, word in words.items() if by_state.get(state)
    ]
    return "; ".join(parts)


def _records(by_state: dict[RecordState, list[str]], right: int, required: int) -> str:
    if not required or by_state.keys() == {RecordState.NOT_LOOKED_AT}:
        return "Not looked up yet"
    trouble = _trouble({state: names for state, names in by_state.items() if state is not RecordState.RIGHT})
    return f"{right} of {required} right" + (f"; {trouble}" if trouble else "")


def _and(names: Sequence[str]) -> str:
    # Titles such as “Return-path, SPF” hold a comma themselves.
    shown = [name.replace(", ", " ") for name in names]
    return shown[0] if len(shown) == 1 else f"{', '.join(shown[:-1])} and {shown[-1]}"
