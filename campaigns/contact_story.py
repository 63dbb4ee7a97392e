"""One contact's story: consents with their evidence, and every message and event, newest first.

Read side only. Mail is found by the address, so what went out before the contact was made is part of it.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from campaigns import retold
from campaigns.models import ConsentAction, ConsentEntry, Contact
from deliverability import managers
from deliverability.models import Suppression, SuppressionReason
from relayhub.core.ids import Prefix, encode_id
from relayhub.relay import queries, subjects
from relayhub.relay.causes import hold_words
from relayhub.relay.models import Event
from relayhub.relay.retold import retold as told_by_relay

PAGE = 50
#: Only of interest on the message's own page.
_LEFT_OUT = ("attempted",)
#: Consent action -> the status whose look it has.
_LOOKS = {
    ConsentAction.SUBSCRIBED: "confirmed", ConsentAction.CONFIRMATION_SENT: "sending",
    ConsentAction.CONFIRMED: "confirmed", ConsentAction.UNSUBSCRIBED: "unsubscribed",
    ConsentAction.REMOVED: "cancelled", ConsentAction.RESTORED: "confirmed",
}


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One thing that happened."""

    at: datetime
    status: str
    title: str
    text: str = ""
    reply: dict[str, Any] | None = None
    #: Of mail: the id of its page, and its subject as this contact got it.
    message_id: str = ""
    subject: str = ""
    is_machine: bool = False


@dataclass(frozen=True, kw_only=True)
class Story:
    """A page of entries; `older` is where the next one begins, None at the end."""

    entries: list[Entry] = field(default_factory=list)
    older: datetime | None = None


def story_of(contact: Contact, *, before: datetime | None = None) -> Story:
    """What happened, newest first, from `before` on."""
    events = queries.events_of_address(contact.workspace, contact.email_key).exclude(type__in=_LEFT_OUT)
    consents = ConsentEntry.objects.filter(contact=contact).select_related("mailing_list")
    if before is not None:
        events, consents = events.filter(at__lt=before), consents.filter(at__lt=before)
    mail = list(events.order_by("-at", "-id")[: PAGE + 1])
    words = list(consents.order_by("-at", "-id")[: PAGE + 1])
    entries = [*_mail_entries(mail), *(_consent_entry(row) for row in words)]
    entries.sort(key=lambda entry: entry.at, reverse=True)
    return _page(entries)


def _page(entries: list[Entry]) -> Story:
    """The first entries; those of the moment in which the page would break come together on the next one."""
    if len(entries) <= PAGE:
        return Story(entries=entries)
    breaks_at = entries[PAGE].at
    shown = [entry for entry in entries[:PAGE] if entry.at > breaks_at] or entries[:PAGE]
    return Story(entries=shown, older=shown[-1].at)


def _mail_entries(events: list[Event]) -> Iterable[Entry]:
    named = subjects.of_ids(event.recipient_id for event in events)
    for event in events:
        detail = event.detail if isinstance(event.detail, dict) else {}
        is_sandbox = event.type == "delivered" and detail.get("transport") == "sandbox"
        yield Entry(
            at=event.at, status="sandboxed" if is_sandbox else event.type, title="", reply=event.reply,
            text=_event_text(event.type, detail), message_id=encode_id(Prefix.RECIPIENT, event.recipient_id),
            subject=str(named.get(event.recipient_id, subjects.NONE)), is_machine=bool(detail.get("machine")),
        )


def _event_text(kind: str, detail: dict[str, Any]) -> str:
    if kind == "clicked":
        return str(detail.get("url", ""))
    reason = str(detail.get("reason") or "")
    if kind == "held":
        return hold_words(reason)
    if kind == "suppressed" and reason in SuppressionReason.values:
        return str(SuppressionReason(reason).label)
    if kind in {"suppressed", "cancelled", "expired"}:
        return reason or told_by_relay(str(detail.get("why") or ""))
    return ""


def _consent_entry(row: ConsentEntry) -> Entry:
    title = f"{row.get_action_display()}: {row.mailing_list.name}"
    if row.action in {ConsentAction.REMOVED, ConsentAction.RESTORED}:
        title = f"{row.get_action_display()} {row.mailing_list.name}"
    return Entry(at=row.at, status=_LOOKS[ConsentAction(row.action)], title=title, text=evidence_of(row))


def evidence_of(row: ConsentEntry) -> str:
    """Where a consent came from, in one line."""
    channel = str(_CHANNELS.get(row.channel, row.channel))
    if row.channel == "link" and row.action == ConsentAction.CONFIRMED:
        channel = gettext("Confirmation link")
    source = retold.source_told(row.source)
    parts = [channel, source, f"IP {row.ip}" if row.ip else ""]
    return " · ".join(part for part in parts if part)


def origin_of(contact: Contact) -> str:
    """Where a contact came from, in the reader's language; where nothing was written down, the way by which."""
    way = _CHANNELS.get(contact.source)
    return str(way) if way is not None else retold.source_told(contact.source)


_CHANNELS = {
    "api": _("API"), "form": _("Sign-up form"), "import": pgettext_lazy("noun", "Import"), "dashboard": _("Dashboard"),
    "one_click": _("One-click"), "link": _("Unsubscribe link"), "mail": pgettext_lazy("channel", "Mail"),
    "preferences": _("Preference page"), "confirmation": _("Answered the mail"),
}


def suppressions_of(contact: Contact) -> list[Suppression]:
    """What stops the address now, of every scope, widest first."""
    rows = list(managers.suppressions_of(contact.workspace_id, [contact.email_key]))
    order = {"workspace": 0, "stream": 1, "list": 2}
    return sorted(rows, key=lambda row: order.get(row.scope, 3))
