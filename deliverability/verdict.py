"""May I send as this domain, and what is missing? The answer in sentences, from the last look at DNS.

Pure but for the rows it is given (a domain with its checks): the same words serve the list, the domain's page
and the API.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import reduce

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from deliverability.domains import BREAKS_AFTER
from deliverability.models import DomainCheck, DomainStatus, SendingDomain
from deliverability.record_words import RecordState, state_of, title_of
from relayhub.core import spoken


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
        return _(
            "May not send now: %(trouble)s. Its mail is held and goes out by itself once the records are right."
        ) % {"trouble": trouble or _("its required records were wrong for three days")}
    if domain.status == DomainStatus.VERIFIED:
        return _verified(by_state, trouble, required, is_failing)
    if not required or len(by_state.get(RecordState.NOT_LOOKED_AT, ())) == required:
        return _to_publish(required)
    if trouble:
        return _("May not send yet: %(trouble)s.") % {"trouble": trouble}
    return _("May not send yet: the last look was not complete.")


def _to_publish(required: int) -> str:
    if not required:
        return _("May not send yet. Publish the records below; we look for them by ourselves.")
    return ngettext(
        "May not send yet. Publish the %(count)s required record below; we look for it by ourselves.",
        "May not send yet. Publish the %(count)s required records below; we look for them by ourselves.", required,
    ) % {"count": required}


def _verified(by_state: dict[RecordState, list[str]], trouble: str, required: int, is_failing: bool) -> str:
    if is_failing and trouble:
        return _("May still send, but %(trouble)s. Put that right before its mail is held.") % {"trouble": trouble}
    unknown = by_state.get(RecordState.UNKNOWN, [])
    if unknown:
        return _(
            "May send. DNS gave no answer about %(records)s at the last look, which changes nothing."
        ) % {"records": _and(unknown)}
    if by_state.get(RecordState.NOT_LOOKED_AT):
        return _("May send. New records are not looked up yet.")
    if not required:
        return _("May send.")
    return ngettext(
        "May send. %(count)s required record is right.", "May send. All %(count)s required records are right.", required
    ) % {"count": required}


def _trouble(by_state: dict[RecordState, list[str]]) -> str:
    """“DKIM key and DMARC policy are missing, return-path SPF is another value”."""
    states = (RecordState.MISSING, RecordState.WRONG, RecordState.UNKNOWN, RecordState.NOT_LOOKED_AT)
    parts = [_stand(state, by_state[state]) for state in states if by_state.get(state)]
    return reduce(_both, parts) if parts else ""


def _both(one: str, other: str) -> str:
    return _("%(one)s; %(other)s") % {"one": one, "other": other}


def _stand(state: RecordState, names: Sequence[str]) -> str:
    count = len(names)
    words = {
        RecordState.MISSING: ngettext("%(records)s is missing", "%(records)s are missing", count),
        RecordState.WRONG: ngettext("%(records)s is wrong", "%(records)s are wrong", count),
        RecordState.UNKNOWN: ngettext(
            "%(records)s is not answered by DNS", "%(records)s are not answered by DNS", count
        ),
        RecordState.NOT_LOOKED_AT: ngettext(
            "%(records)s is not looked up yet", "%(records)s are not looked up yet", count
        ),
    }
    return words[state] % {"records": _and(names)}


def _records(by_state: dict[RecordState, list[str]], right: int, required: int) -> str:
    if not required or by_state.keys() == {RecordState.NOT_LOOKED_AT}:
        return _("Not looked up yet")
    trouble = _trouble({state: names for state, names in by_state.items() if state is not RecordState.RIGHT})
    words = _("%(right)s of %(required)s right") % {"right": right, "required": required}
    return _both(words, trouble) if trouble else words


def _and(names: Sequence[str]) -> str:
    # Titles such as “Return-path, SPF” hold a comma themselves.
    shown = [_within(name.replace(", ", " ")) for name in names]
    if len(shown) == 1:
        return shown[0]
    return _("%(first)s and %(last)s") % {"first": ", ".join(shown[:-1]), "last": shown[-1]}


def _within(title: str) -> str:
    """A title within a sentence: these languages begin only names with a capital."""
    is_word = spoken.language() in {"fr", "es", "pl"} and title[1:2].islower()
    return title[:1].lower() + title[1:] if is_word else title
