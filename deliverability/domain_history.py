"""What happened to a domain: records that changed in DNS, and what people and the regular look did. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from django.utils.translation import gettext as _

from deliverability import explanations
from deliverability.models import CheckOutcome, DomainCheckChange, SendingDomain
from deliverability.record_words import relevant, title_of
from relayhub.core.models import AuditEntry

MAX_SHOWN = 100
_VALUE_SHOWN = 120


@dataclass(frozen=True, kw_only=True)
class HistoryItem:
    """One line of the history; `status` names its icon and colour."""

    at: datetime
    status: str
    title: str
    text: str
    style: str = "smart"


def history_of(domain: SendingDomain) -> list[HistoryItem]:
    """The newest hundred things that happened, newest first."""
    changes = [_change(row) for row in DomainCheckChange.objects.filter(domain=domain)[:MAX_SHOWN]]
    entries = list(
        AuditEntry.objects.filter(
            workspace_id=domain.workspace_id, object_type="domain", object_id=domain.public_id
        ).order_by("-id")[:MAX_SHOWN]
    )
    acts = [item for entry in entries if (item := _act(entry)) is not None]
    if not any(entry.action == "domain.added" for entry in entries):
        acts.append(HistoryItem(at=domain.created_at, status="queued", title=_("Domain added"), text=""))
    return sorted([*changes, *acts], key=lambda item: item.at, reverse=True)[:MAX_SHOWN]


def _act(entry: AuditEntry) -> HistoryItem | None:
    by = "" if entry.actor == "system" else _("By %(who)s.") % {"who": entry.actor}
    match entry.action:
        case "domain.added":
            return HistoryItem(at=entry.at, status="queued", title=_("Domain added"), text=by)
        case "domain.verified":
            return HistoryItem(
                at=entry.at, status="verified", title=_("Domain verified"), text=_("Mail may leave as it.")
            )
        case "domain.broken":
            return HistoryItem(
                at=entry.at, status="broken", title=_("Domain broken"),
                text=_("A required record was wrong for three days. Mail is held from here on."),
            )
        case "domain.shared":
            return HistoryItem(at=entry.at, status="sending", title=_("Records shared by a link"), text=by)
        case "domain.share_revoked":
            return HistoryItem(at=entry.at, status="cancelled", title=_("Link taken back"), text=by)
        case "domain.dkim_rotated":
            selectors = _("New selectors %(selectors)s.") % {"selectors": entry.summary.removeprefix("new selectors ")}
            return HistoryItem(
                at=entry.at, status="pending", title=_("DKIM keys rotated"), text=f"{selectors} {by}".strip()
            )
    return None


def _change(row: DomainCheckChange) -> HistoryItem:
    title, before = title_of(row.kind), relevant(row.kind, row.old_found or ())
    after = relevant(row.kind, row.new_found or ())
    if row.new_outcome == CheckOutcome.PASS:
        known = row.old_outcome == CheckOutcome.PASS
        words, status = _("%(record)s changed, still right") if known else _("%(record)s found, right"), "ok"
    elif after:
        words, status = _("%(record)s changed, wrong now") if before else _("%(record)s found, another value"), "wrong"
    else:
        words, status = _("%(record)s gone") if before else _("%(record)s not there"), "missing"
    return HistoryItem(at=row.at, status=status, title=words % {"record": title}, text=_values(row, before, after))


def _values(row: DomainCheckChange, before: Sequence[str], after: Sequence[str]) -> str:
    if row.kind.startswith("dkim"):
        return explanations.remark(row.explanation)
    if before and after and before != after:
        return _("“%(before)s” became “%(after)s”.") % {"before": _short(before), "after": _short(after)}
    if before and not after:
        return _("It was “%(before)s”.") % {"before": _short(before)}
    return explanations.remark(row.explanation)


def _short(values: Sequence[str]) -> str:
    text = ", ".join(values)
    return text if len(text) <= _VALUE_SHOWN else f"{text[: _VALUE_SHOWN - 1]}…"
