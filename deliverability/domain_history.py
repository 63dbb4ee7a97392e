"""What happened to a domain: records that changed in DNS, and what people and the regular look did. Reads only."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

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
    entries = AuditEntry.objects.filter(
        workspace_id=domain.workspace_id, object_type="domain", object_id=domain.public_id
    ).order_by("-id")[:MAX_SHOWN]
    acts = [item for entry in entries if (item := _act(entry)) is not None]
    if not any(item.title == "Domain added" for item in acts):
        acts.append(HistoryItem(at=domain.created_at, status="queued", title="Domain added", text=""))
    return sorted([*changes, *acts], key=lambda item: item.at, reverse=True)[:MAX_SHOWN]


def _act(entry: AuditEntry) -> HistoryItem | None:
    by = "" if entry.actor == "system" else f"By {entry.actor}."
    match entry.action:
        case "domain.added":
            return HistoryItem(at=entry.at, status="queued", title="Domain added", text=by)
        case "domain.verified":
            return HistoryItem(at=entry.at, status="verified", title="Domain verified", text="Mail may leave as it.")
        case "domain.broken":
            return HistoryItem(
                at=entry.at, status="broken", title="Domain broken",
                text="A required record was wrong for three days. Mail is held from here on.",
            )
        case "domain.shared":
            return HistoryItem(at=entry.at, status="sending", title="Records shared by a link", text=by)
        case "domain.share_revoked":
            return HistoryItem(at=entry.at, status="cancelled", title="Link taken back", text=by)
        case "domain.dkim_rotated":
            return HistoryItem(at=entry.at, status="pending", title="DKIM keys rotated", text=f"{_capital(entry)} {by}")
    return None


def _capital(entry: AuditEntry) -> str:
    return f"{entry.summary[:1].upper()}{entry.summary[1:]}."


def _change(row: DomainCheckChange) -> HistoryItem:
    title, before = title_of(row.kind), relevant(row.kind, row.old_found or ())
    after = relevant(row.kind, row.new_found or ())
    if row.new_outcome == CheckOutcome.PASS:
        known = row.old_outcome == CheckOutcome.PASS
        words, status = ("changed, still right", "ok") if known else ("found, right", "ok")
    elif after:
        words, status = ("found, another value", "wrong") if not before else ("changed, wrong now", "wrong")
    else:
        words, status = "gone" if before else "not there", "missing"
    return HistoryItem(at=row.at, status=status, title=f"{title} {words}", text=_values(row, before, after))


def _values(row: DomainCheckChange, before: Sequence[str], after: Sequence[str]) -> str:
    if row.kind.startswith("dkim"):
        return "" if row.explanation == "As wanted." else row.explanation
    if before and after and before != after:
        return f"“{_short(before)}” became “{_short(after)}”."
    if before and not after:
        return f"It was “{_short(before)}”."
    return "" if row.explanation == "As wanted." else row.explanation


def _short(values: Sequence[str]) -> str:
    text = ", ".join(values)
    return text if len(text) <= _VALUE_SHOWN else f"{text[: _VALUE_SHOWN - 1]}…"
