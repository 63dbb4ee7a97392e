"""What happened between us and an address, for lists of people: the last thing of each, and who did what lately."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from typing import TypeVar
from uuid import UUID

from django.db import connection
from django.db.models import Exists, Model, OuterRef, QuerySet

from relayhub.core.errors import InputError
from relayhub.relay.models import Recipient, RecipientStatus

PersonT = TypeVar("PersonT", bound=Model)

#: The newest recipient row of each address key; index `recipient_by_address` makes each one look-up.
_SQL = """
SELECT k.address_key, r.status, r.accepted_at, r.finished_at, r.opened_at, r.clicked_at, r.complained_at,
  r.unsubscribed_at
FROM unnest(%s::text[]) AS k(address_key) CROSS JOIN LATERAL (
  SELECT * FROM relay_recipient WHERE workspace_id = %s AND address_key = k.address_key ORDER BY id DESC LIMIT 1) r
"""
#: What a person did with mail -> when, on the recipient's row.
_MOMENTS = {"opened": "opened_at", "clicked": "clicked_at", "complained": "complained_at"}
_NEVER_LEFT = (RecipientStatus.SUPPRESSED, RecipientStatus.CANCELLED)
_ACTS = ("opened", "clicked", "complained", "unsubscribed")


@dataclass(frozen=True, kw_only=True)
class Touch:
    """What came last of the newest mail to an address: a status of the recipient, or what the person did."""

    status: str
    at: datetime


def last_touches(workspace_id: UUID, keys: Iterable[str]) -> dict[str, Touch]:
    """Address key -> its last touch; addresses never written to are left out."""
    wanted = sorted(set(keys))
    if not wanted:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_SQL, [wanted, workspace_id])
        rows = cursor.fetchall()
    return {row[0]: _touch(row[1], row[3] or row[2], dict(zip(_ACTS, row[4:], strict=True))) for row in rows}


def _touch(status: str, at: datetime, acts: dict[str, datetime | None]) -> Touch:
    """The latest of the status and the acts; a click counts before the opening of the same moment."""
    done = [(moment, name) for name, moment in acts.items() if moment is not None]
    last, name = max(done, key=lambda pair: pair[0], default=(None, ""))
    return Touch(status=name, at=last) if last is not None and last >= at else Touch(status=status, at=at)


def mail_count(workspace_id: UUID, key: str, *, up_to: int) -> int:
    """How many copies of messages went to an address key; counts no further than that."""
    rows = Recipient.objects.filter(workspace=workspace_id, address_key=key).order_by()
    return rows.values("pk")[:up_to].count()


def with_touch(
    people: QuerySet[PersonT], workspace_id: UUID, did: str, *, since: datetime | None = None
) -> QuerySet[PersonT]:
    """Those rows with an `email_key` whose mail came to that since then (None: ever), or did not.

    `did` is opened, clicked, complained, bounced or written, or one of these after `not_`; machines do not count.
    InputError where it is none. Costs one look-up a row, by `recipient_by_address`.
    """
    act = did.removeprefix("not_")
    mail = Recipient.objects.filter(workspace=workspace_id, address_key=OuterRef("email_key"))
    if act in _MOMENTS:
        column = _MOMENTS[act]
        mail = mail.filter(**{f"{column}__isnull": False} if since is None else {f"{column}__gte": since})
    elif act in {"bounced", "written"}:
        mail = mail.filter(status="bounced") if act == "bounced" else mail.exclude(status__in=_NEVER_LEFT)
        mail = mail if since is None else mail.filter(accepted_at__gte=since)
    else:
        raise InputError(f"“{did[:40]}” is nothing that people do with mail.", field="did")
    return people.filter(~Exists(mail) if did.startswith("not_") else Exists(mail))
