"""Join, confirm, leave: the only writer of subscription states, each step with its evidence.

A contact that left comes back only by an act of its own (a form, a preference page, a confirmation) or by
a person who says so with evidence; an import never raises consent. Leaving writes the list's suppression in
the same transaction, and lifting happens only together with a new consent.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any
from uuid import UUID

from django.db import connection, transaction

from campaigns.models import (
    BulkChange,
    ConsentAction,
    ConsentEntry,
    Contact,
    MailingList,
    OptIn,
    Subscription,
    SubscriptionStatus,
)
from deliverability import suppression
from deliverability.models import SuppressionReason, SuppressionScope
from relayhub.core.clock import now
from relayhub.core.ids import uuid7_floor, uuid7_time

if TYPE_CHECKING:
    from campaigns.contacts import Evidence
    from relayhub.core.models import User

#: Channels by which a person acts for themselves.
OWN_ACTS = frozenset({"form", "preferences", "confirmation"})
#: True of a contact `c` whose address left `%(list)s` before: only its own act brings it back.
LEFT_BEFORE_SQL = """EXISTS (SELECT 1 FROM deliverability_suppression gone WHERE gone.workspace_id = c.workspace_id
 AND gone.address_key = c.email_key AND gone.scope = 'list' AND gone.list_id = %(list)s AND gone.lifted_at IS NULL)"""
#: The consent entries `e` of a part of one act of many, found by their ids.
_OF_ACT_SQL = (
    "e.id BETWEEN %(first)s AND %(last)s AND e.mailing_list_id = %(list)s AND e.detail->>'act' = %(act)s"
)
_LOG_SQL = (
    "INSERT INTO campaigns_consententry"
    " (id, contact_id, mailing_list_id, action, channel, source, user_agent, detail, at)"
)
#: How far the clocks of two hosts may be apart.
_CLOCKS_DIFFER_BY = timedelta(minutes=2)


def subscribe(
    contact: Contact, mailing_list: MailingList, *, evidence: Evidence, must_confirm: bool = False
) -> Subscription:
    """Put a contact on a list: confirmed on a single opt-in list, else unconfirmed until they answer.

    Somebody who is confirmed stays so; their own act becomes the evidence where there was only an import or a
    colleague's act on many. Somebody who left returns only by their own act or with new
    evidence through the API or the dashboard; the double opt-in list asks them again, and so does any list
    with `must_confirm`.
    """
    with transaction.atomic():
        row, made = Subscription.objects.select_for_update().get_or_create(
            mailing_list=mailing_list, contact=contact,
            defaults={"workspace_id": contact.workspace_id, "status": SubscriptionStatus.UNCONFIRMED},
        )
        if not made and row.status == SubscriptionStatus.CONFIRMED:
            if evidence.channel in OWN_ACTS and row.confirmed_at == row.created_at:
                # Many were put there on somebody else's word; from now on there is this person's own.
                row.confirmed_at = now()
                row.save(update_fields=["confirmed_at"])
                _log(row, ConsentAction.SUBSCRIBED, evidence)
            return row
        _log(row, ConsentAction.SUBSCRIBED, evidence)
        if mailing_list.opt_in == OptIn.SINGLE and not must_confirm:
            _set_confirmed(row, contact)
        elif row.status != SubscriptionStatus.UNCONFIRMED:
            row.status, row.unsubscribed_at = SubscriptionStatus.UNCONFIRMED, None
            row.save(update_fields=["status", "unsubscribed_at"])
    return row


def confirm(row: Subscription, *, evidence: Evidence) -> bool:
    """Record the person's yes; False when it was recorded before."""
    with transaction.atomic():
        locked = Subscription.objects.select_for_update().select_related("contact").get(pk=row.pk)
        if locked.status == SubscriptionStatus.CONFIRMED:
            return False
        _log(locked, ConsentAction.CONFIRMED, evidence)
        _set_confirmed(locked, locked.contact)
    return True


def unsubscribe(
    contact: Contact,
    list_ids: Iterable[UUID],
    *,
    evidence: Evidence,
    recipient_id: UUID | None = None,
) -> int:
    """Take a contact off lists and suppress the address for each; repeating it changes nothing.

    Returns how many subscriptions ended now. The suppression is written whether or not a subscription
    was found: the person said no.
    """
    ended = 0
    with transaction.atomic():
        for mailing_list in MailingList.objects.filter(pk__in=list(list_ids), workspace=contact.workspace_id):
            row, _ = Subscription.objects.select_for_update().get_or_create(
                mailing_list=mailing_list, contact=contact,
                defaults={"workspace_id": contact.workspace_id, "status": SubscriptionStatus.UNSUBSCRIBED,
                          "unsubscribed_at": now()},
            )
            if row.status != SubscriptionStatus.UNSUBSCRIBED:
                row.status, row.unsubscribed_at = SubscriptionStatus.UNSUBSCRIBED, now()
                row.save(update_fields=["status", "unsubscribed_at"])
                ended += 1
                _log(row, ConsentAction.UNSUBSCRIBED, evidence)
            suppression.suppress(
                contact.workspace_id,
                contact.email,
                reason=SuppressionReason.UNSUBSCRIBE,
                scope=SuppressionScope.LIST,
                list_id=mailing_list.pk,
                source=evidence.source or f"unsubscribed by {evidence.channel}",
                recipient_id=recipient_id,
            )
    return ended


def subscribe_new(contact_ids: Sequence[UUID], mailing_list: MailingList, *, evidence: Evidence) -> int:
    """Put those on the list who have no state there and never left it; returns how many. Set-based.

    Confirmed on a single opt-in list, else unconfirmed; nobody is written to.
    """
    is_single, moment = mailing_list.opt_in == OptIn.SINGLE, now()
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "WITH new AS ("
            " INSERT INTO campaigns_subscription"
            " (id, workspace_id, mailing_list_id, contact_id, status, created_at, confirmed_at)"
            " SELECT rh_uuid7(), c.workspace_id, %(list)s, c.id, %(status)s, %(now)s, %(confirmed)s"
            " FROM campaigns_contact c WHERE c.workspace_id = %(workspace)s AND c.id = ANY(%(ids)s)"
            f" AND NOT {LEFT_BEFORE_SQL} ORDER BY c.id FOR KEY SHARE OF c ON CONFLICT DO NOTHING RETURNING contact_id)"
            " INSERT INTO campaigns_consententry"
            " (id, contact_id, mailing_list_id, action, channel, source, ip, user_agent, detail, at)"
            " SELECT rh_uuid7(), contact_id, %(list)s, 'subscribed', %(channel)s, %(source)s, %(ip)s, %(agent)s,"
            " %(detail)s, %(now)s FROM new",
            {
                "list": mailing_list.pk, "workspace": mailing_list.workspace_id, "ids": list(contact_ids),
                "status": SubscriptionStatus.CONFIRMED if is_single else SubscriptionStatus.UNCONFIRMED,
                "now": moment, "confirmed": moment if is_single else None, "channel": evidence.channel,
                "source": evidence.source[:500], "ip": evidence.ip, "agent": evidence.user_agent[:300],
                "detail": json.dumps(evidence.detail),
            },
        )
        return int(cursor.rowcount)


def remove(contact_ids: Sequence[UUID], mailing_list: MailingList, *, evidence: Evidence) -> int:
    """Take contacts off a list as if they had never joined; who left by themselves stays marked as gone.

    What each subscription was is kept in its consent entry, so that `restore` can bring it back.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "WITH gone AS ("
            " DELETE FROM campaigns_subscription WHERE mailing_list_id = %(list)s AND contact_id = ANY(%(ids)s)"
            " AND status <> 'unsubscribed'"
            " RETURNING contact_id, status, created_at, confirmed_at, confirmation_sent_at)"
            " INSERT INTO campaigns_consententry"
            " (id, contact_id, mailing_list_id, action, channel, source, user_agent, detail, at)"
            " SELECT rh_uuid7(), contact_id, %(list)s, 'removed', %(channel)s, %(source)s, '',"
            " %(detail)s::jsonb || jsonb_build_object('was', jsonb_build_object('status', status, 'created_at',"
            " created_at, 'confirmed_at', confirmed_at, 'confirmation_sent_at', confirmation_sent_at)), %(now)s"
            " FROM gone",
            {
                "list": mailing_list.pk, "ids": list(contact_ids), "channel": evidence.channel,
                "source": evidence.source[:500], "detail": json.dumps(evidence.detail), "now": now(),
            },
        )
        return int(cursor.rowcount)


@dataclass(frozen=True, kw_only=True)
class ActSlice:
    """A part of what one act of many wrote: its consent entries between two ids."""

    first: UUID
    last: UUID


def slices_of(mailing_list: MailingList, act: UUID, *, ended_at: datetime, size: int) -> Iterator[ActSlice]:
    """The act's entries in parts of up to so many, in their order."""
    begun = uuid7_time(act)
    first, last = uuid7_floor(begun - _CLOCKS_DIFFER_BY), uuid7_floor(ended_at + _CLOCKS_DIFFER_BY)
    entries = ConsentEntry.objects.filter(mailing_list=mailing_list, detail__act=str(act), pk__lt=last).order_by("pk")
    while True:
        ids = list(entries.filter(pk__gte=first).values_list("pk", flat=True)[: size + 1])
        if not ids:
            return
        part = ids[:size]
        yield ActSlice(first=part[0], last=part[-1])
        if len(ids) <= size:
            return
        first = ids[size]


def restore(mailing_list: MailingList, act: UUID, part: ActSlice, *, evidence: Evidence) -> int:
    """Bring back what the removal `act` took off, as it was; who has joined or left since is left alone."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "WITH back AS ("
            " INSERT INTO campaigns_subscription (id, workspace_id, mailing_list_id, contact_id, status, created_at,"
            " confirmed_at, confirmation_sent_at)"
            " SELECT rh_uuid7(), %(workspace)s, %(list)s, e.contact_id, e.detail->'was'->>'status',"
            " (e.detail->'was'->>'created_at')::timestamptz, (e.detail->'was'->>'confirmed_at')::timestamptz,"
            " (e.detail->'was'->>'confirmation_sent_at')::timestamptz"
            f" FROM campaigns_consententry e JOIN campaigns_contact c ON c.id = e.contact_id WHERE {_OF_ACT_SQL}"
            f" AND e.action = 'removed' AND NOT {LEFT_BEFORE_SQL} ORDER BY c.id FOR KEY SHARE OF c"
            " ON CONFLICT DO NOTHING RETURNING contact_id)"
            f" {_LOG_SQL} SELECT rh_uuid7(), contact_id, %(list)s, 'restored', %(channel)s, %(source)s, '',"
            " %(detail)s, %(now)s FROM back",
            _act_parameters(mailing_list, act, part, evidence),
        )
        return int(cursor.rowcount)


def take_back(mailing_list: MailingList, act: UUID, part: ActSlice, *, evidence: Evidence) -> int:
    """Undo the subscribing `act`; who has left, was asked or joined by themselves since is left alone."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "WITH gone AS ("
            " DELETE FROM campaigns_subscription s USING campaigns_consententry e"
            f" WHERE {_OF_ACT_SQL} AND e.action = 'subscribed' AND s.contact_id = e.contact_id"
            " AND s.mailing_list_id = e.mailing_list_id AND s.created_at = e.at AND s.status <> 'unsubscribed'"
            " AND s.confirmation_sent_at IS NULL AND (s.confirmed_at IS NULL OR s.confirmed_at = s.created_at)"
            " RETURNING s.contact_id)"
            f" {_LOG_SQL} SELECT rh_uuid7(), contact_id, %(list)s, 'removed', %(channel)s, %(source)s, '',"
            " %(detail)s, %(now)s FROM gone",
            _act_parameters(mailing_list, act, part, evidence),
        )
        return int(cursor.rowcount)


def _act_parameters(mailing_list: MailingList, act: UUID, part: ActSlice, evidence: Evidence) -> dict[str, Any]:
    return {
        "list": mailing_list.pk, "workspace": mailing_list.workspace_id, "act": str(act),
        "first": part.first, "last": part.last,
        "channel": evidence.channel, "source": evidence.source[:500],
        "detail": json.dumps({**evidence.detail, "undoes": str(act)}), "now": now(),
    }


def unsubscribe_many(
    contact_ids: Sequence[UUID], mailing_list: MailingList, *, act: UUID, evidence: Evidence, by: User | None
) -> int:
    """Record for everybody of these on the list that they want no more of it; returns how many. Set-based.

    Their addresses are suppressed for the list in the same transaction. What each subscription was is kept under
    the act, so that `subscribe_again` can bring back those whose no was a mistake.
    """
    with transaction.atomic():
        rows = list(
            Subscription.objects.select_for_update().filter(mailing_list=mailing_list, contact_id__in=contact_ids)
            .exclude(status=SubscriptionStatus.UNSUBSCRIBED).order_by("contact_id")
            .values_list("contact_id", "status", "confirmed_at", "contact__email_key", "contact__email")
        )
        stopped = suppression.suppress_known(
            mailing_list.workspace_id, {key: address for *_, key, address in rows},
            reason=SuppressionReason.UNSUBSCRIBE, list_id=mailing_list.pk,
            source=evidence.source or f"unsubscribed by {evidence.channel}", created_by=by,
        )
        moment = now()
        Subscription.objects.filter(mailing_list=mailing_list, contact_id__in=[row[0] for row in rows]).update(
            status=SubscriptionStatus.UNSUBSCRIBED, unsubscribed_at=moment
        )
        BulkChange.objects.bulk_create([
            BulkChange(act_id=act, contact_id=contact_id, before={
                "status": status, "at": moment.isoformat(),
                "suppression": str(stopped[key]) if key in stopped else None,
            })
            for contact_id, status, _, key, _ in rows
        ])
        _log_many([row[0] for row in rows], mailing_list, ConsentAction.UNSUBSCRIBED, evidence, moment)
    return len(rows)


def subscribe_again(changes: Sequence[BulkChange], mailing_list: MailingList, *, evidence: Evidence) -> int:
    """Undo a part of an `unsubscribe_many`: as it was, but for those who acted by themselves since."""
    with transaction.atomic(), connection.cursor() as cursor:
        cursor.execute(
            "UPDATE campaigns_subscription s SET status = b.before->>'status', unsubscribed_at = NULL"
            " FROM campaigns_bulkchange b WHERE b.id = ANY(%s) AND s.mailing_list_id = %s"
            " AND s.contact_id = b.contact_id AND s.status = 'unsubscribed'"
            " AND s.unsubscribed_at = (b.before->>'at')::timestamptz"
            " RETURNING s.contact_id, (b.before->>'suppression')::uuid",
            [[change.pk for change in changes], mailing_list.pk],
        )
        rows = cursor.fetchall()
        suppression.lift_rows(
            mailing_list.workspace_id, [row[1] for row in rows if row[1]], lifted_by=evidence.source,
            reason="the act was undone",
        )
        back = [row[0] for row in rows]
        _log_many(back, mailing_list, ConsentAction.RESTORED, evidence, now())
    return len(back)


def _log_many(
    contact_ids: Sequence[UUID], mailing_list: MailingList, action: ConsentAction, evidence: Evidence, at: datetime
) -> None:
    ConsentEntry.objects.bulk_create([
        ConsentEntry(
            contact_id=contact_id, mailing_list=mailing_list, action=action, channel=evidence.channel,
            source=evidence.source[:500], ip=evidence.ip, user_agent=evidence.user_agent[:300],
            detail=evidence.detail, at=at,
        )
        for contact_id in contact_ids
    ])


def note_confirmation_sent(row: Subscription, evidence: Evidence) -> None:
    """Remember that the confirmation mail was handed in."""
    with transaction.atomic():
        row.confirmation_sent_at = now()
        row.save(update_fields=["confirmation_sent_at"])
        _log(row, ConsentAction.CONFIRMATION_SENT, evidence)


def _set_confirmed(row: Subscription, contact: Contact) -> None:
    row.status, row.confirmed_at, row.unsubscribed_at = SubscriptionStatus.CONFIRMED, now(), None
    row.save(update_fields=["status", "confirmed_at", "unsubscribed_at"])
    suppression.lift_unsubscribe(
        contact.workspace_id, contact.email_key, list_id=row.mailing_list_id, reason="subscribed again"
    )


def _log(row: Subscription, action: ConsentAction, evidence: Evidence) -> None:
    ConsentEntry.objects.create(
        contact_id=row.contact_id,
        mailing_list_id=row.mailing_list_id,
        action=action,
        channel=evidence.channel,
        source=evidence.source[:500],
        ip=evidence.ip,
        user_agent=evidence.user_agent[:300],
        detail=evidence.detail,
    )
