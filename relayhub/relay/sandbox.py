"""The sandbox inbox: what the sandbox route kept, what of it somebody has read, and clearing it away.

Every recipient that the sandbox kept is one mail. Nothing here deletes: a cleared mail stays among the messages
with all that happened to it. Who read what is each person's own; a program has read nothing.
"""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from uuid import UUID

from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext as _

from relayhub.core import audit
from relayhub.core.access import SANDBOX, Actor, require
from relayhub.core.clock import now
from relayhub.core.errors import ConflictError
from relayhub.core.formats import recorded
from relayhub.core.models import Member, Scope, User, Workspace
from relayhub.core.paging import COUNT_LIMIT
from relayhub.relay.models import Recipient, SandboxInbox, SandboxMark, SandboxReader

#: More unread ones are told as “999+”.
MAX_UNREAD = 999
#: What was kept before somebody joined counts as read; of the time since then at most this much does not.
_UNREAD_WITHIN = timedelta(days=7)


def ever_kept(workspace: Workspace) -> QuerySet[Recipient]:
    """Everything that the sandbox kept, cleared or not."""
    return Recipient.objects.filter(workspace=workspace, transport="sandbox")


def kept(workspace: Workspace) -> QuerySet[Recipient]:
    """What the inbox shows: kept since it was cleared last, newest first."""
    rows = ever_kept(workspace).select_related("message", "message__stream", "stream").order_by("-id")
    inbox = SandboxInbox.objects.filter(workspace=workspace).first()
    return rows if inbox is None or inbox.cleared_at is None else _after(rows, inbox.cleared_at)


def _after(rows: QuerySet[Recipient], moment: datetime) -> QuerySet[Recipient]:
    """Those that were kept after a time, however long before they were handed in."""
    return rows.filter(finished_at__gt=moment)


def kept_after(workspace: Workspace, moment: datetime) -> QuerySet[Recipient]:
    """What the inbox shows that came after a time."""
    return _after(kept(workspace), moment)


def clear(actor: Actor) -> int:
    """Take all mails out of the inbox, for everybody of the workspace; how many there were, to COUNT_LIMIT."""
    require(actor, Scope.MESSAGES_WRITE)
    require(actor, SANDBOX)
    with transaction.atomic():
        inbox = _locked(actor.workspace)
        count = kept(actor.workspace).order_by()[: COUNT_LIMIT + 1].count()
        inbox.cleared_before, inbox.cleared_at = inbox.cleared_at, now()
        inbox.save(update_fields=["cleared_at", "cleared_before"])
        audit.record(actor, "sandbox.cleared", "sandbox", "", summary=recorded(count, "mail"))
    return count


def restore(actor: Actor) -> None:
    """Undo the last clearing; ConflictError where there is none to undo."""
    require(actor, Scope.MESSAGES_WRITE)
    require(actor, SANDBOX)
    with transaction.atomic():
        inbox = _locked(actor.workspace)
        if inbox.cleared_at is None or inbox.cleared_at == inbox.cleared_before:
            nothing = _("The inbox shows again what it showed before it was cleared.")
            raise ConflictError(nothing, code="nothing_cleared")
        inbox.cleared_at = inbox.cleared_before
        inbox.save(update_fields=["cleared_at"])
        audit.record(actor, "sandbox.restored", "sandbox", "")


def _locked(workspace: Workspace) -> SandboxInbox:
    SandboxInbox.objects.get_or_create(workspace=workspace)
    return SandboxInbox.objects.select_for_update().get(workspace=workspace)


# -- what somebody has read ----------------------------------------------------------------------------------


def read_until(workspace: Workspace, user: User) -> datetime:
    """Up to when everything counts as read, but for what is marked otherwise."""
    reader = SandboxReader.objects.filter(workspace=workspace, user=user).first()
    if reader is not None:
        return reader.read_at
    joined = Member.objects.filter(workspace=workspace, user=user).values_list("created_at", flat=True).first()
    earliest = now() - _UNREAD_WITHIN
    return max(joined, earliest) if joined is not None else earliest


def unread_ids(workspace: Workspace, user: User, rows: Iterable[Recipient]) -> set[UUID]:
    """Which of these the person has not read; two queries."""
    shown = list(rows)
    until = read_until(workspace, user)
    marks = SandboxMark.objects.filter(workspace=workspace, user=user, recipient_id__in=[row.pk for row in shown])
    marked = dict(marks.values_list("recipient_id", "is_read"))
    return {
        row.pk for row in shown
        if not marked.get(row.pk, row.finished_at is not None and row.finished_at <= until)
    }


def unread(workspace: Workspace, user: User) -> QuerySet[Recipient]:
    """Mails of the inbox that the person has not read, newest first."""
    until = read_until(workspace, user)
    marks = SandboxMark.objects.filter(workspace=workspace, user=user, recipient_id=OuterRef("pk"))
    again = SandboxMark.objects.filter(workspace=workspace, user=user, is_read=False).order_by("-recipient_id")
    ids = list(again.values_list("recipient_id", flat=True)[:MAX_UNREAD])
    return kept(workspace).filter(Q(finished_at__gt=until) & ~Exists(marks) | Q(pk__in=ids))


def count_unread(workspace: Workspace, user: User) -> int:
    """How many the person has not read, at most one more than MAX_UNREAD."""
    return unread(workspace, user).order_by()[: MAX_UNREAD + 1].count()


def mark(workspace: Workspace, user: User, row: Recipient, *, is_read: bool) -> None:
    """Note that the person read a mail, or wants it unread again."""
    SandboxMark.objects.update_or_create(
        workspace=workspace, user=user, recipient_id=row.pk, defaults={"is_read": is_read}
    )


def mark_all_read(workspace: Workspace, user: User) -> int:
    """Everything that was kept until now counts as read; how many did not, to MAX_UNREAD."""
    with transaction.atomic():
        count = count_unread(workspace, user)
        SandboxReader.objects.update_or_create(workspace=workspace, user=user, defaults={"read_at": now()})
        SandboxMark.objects.filter(workspace=workspace, user=user).delete()
    return count
