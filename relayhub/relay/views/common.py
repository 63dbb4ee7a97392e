"""What the relay's pages share: rows by their outside ids, streams to choose from, periods."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from zoneinfo import ZoneInfo

from django.db.models import QuerySet
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from relayhub.core.access import get_or_absent
from relayhub.core.clock import now
from relayhub.core.ids import Prefix
from relayhub.core.models import Workspace
from relayhub.core.pages import PageRequest
from relayhub.relay.models import Message, Recipient, Stream

#: `?period=` -> its words and length; the empty one is the default.
PERIODS: dict[str, tuple[str | Promise, timedelta | None]] = {
    "day": (_("Last 24 hours"), timedelta(days=1)), "week": (_("Last 7 days"), timedelta(days=7)),
    "": (_("Last 30 days"), timedelta(days=30)), "quarter": (_("Last 90 days"), timedelta(days=90)),
    "all": (_("All that is kept"), None),
}


@dataclass(frozen=True, kw_only=True)
class Shown:
    """What a page is about: one recipient of a message, or (None) a message with several."""

    message: Message
    recipient: Recipient | None

    @property
    def public_id(self) -> str:
        """The id of the one, else of the message."""
        return self.recipient.public_id if self.recipient is not None else self.message.public_id

    @property
    def chosen(self) -> list[Recipient] | None:
        """Whom an act on this page is for; None = everybody of the message."""
        return [self.recipient] if self.recipient is not None else None

    def sample(self) -> Recipient | None:
        """Whose copy is shown: the recipient's, else the first one's."""
        if self.recipient is not None:
            return self.recipient
        return _recipients().filter(message=self.message).order_by("id").first()


def shown_of(request: PageRequest, public_id: str) -> Shown:
    """What `msg_…` or `rcp_…` names, or AccessError; a message with one recipient is that recipient."""
    if public_id.startswith(f"{Prefix.RECIPIENT}_"):
        recipient = recipient_of(request, public_id)
        return Shown(message=recipient.message, recipient=recipient)
    message = message_of(request, public_id)
    found = list(_recipients().filter(message=message).order_by("id")[:2])
    return Shown(message=message, recipient=found[0] if len(found) == 1 else None)


def message_of(request: PageRequest, message_id: str) -> Message:
    """The message, or AccessError."""
    rows = Message.objects.filter(workspace=request.actor.workspace).select_related("stream", "content")
    return get_or_absent(rows, Prefix.MESSAGE, message_id)


def recipient_of(request: PageRequest, recipient_id: str) -> Recipient:
    """The recipient with its message, or AccessError."""
    rows = _recipients().filter(workspace=request.actor.workspace)
    return get_or_absent(rows, Prefix.RECIPIENT, recipient_id)


def _recipients() -> QuerySet[Recipient]:
    return Recipient.objects.select_related("message", "message__stream", "message__content", "stream")


def stream_options(workspace: Workspace) -> list[tuple[str, str]]:
    """(slug, what it is called) of the workspace's streams."""
    return [(row.slug, row.title) for row in Stream.objects.filter(workspace=workspace).order_by("name")]


def period_since(name: str) -> datetime | None:
    """The beginning of a period; None where there is none."""
    span = PERIODS.get(name, PERIODS[""])[1]
    return now() - span if span is not None else None


def zone_of(request: PageRequest) -> tzinfo:
    """The person's time zone."""
    try:
        return ZoneInfo(request.user.timezone)
    except (KeyError, ValueError, OSError):
        return timezone.get_current_timezone()


def once_of_page() -> dict[str, str]:
    """A hidden field that names this page as it was made: a form of it that is sent twice acts once."""
    return {"once": secrets.token_urlsafe(12)}
