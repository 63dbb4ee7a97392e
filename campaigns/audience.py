"""Whom a campaign reaches: everybody on its lists, once, less exclusions; counted and frozen set-based.

Left out, in this order: not confirmed, unsubscribed, on an excluded list, suppressed. One query serves the
live count and the freeze, so both always agree.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.db import connection
from django.utils.translation import gettext_lazy as _

from campaigns import contacts
from campaigns.lists import EXACT_UP_TO
from campaigns.models import Broadcast, Campaign, ConsentAction
from relayhub.core.models import Workspace

#: One row a contact on any of the lists: the best state it has there, and what keeps it out.
_PEOPLE_SQL = """
SELECT c.id AS contact_id, c.email AS address, c.email_key AS address_key,
  CASE
    WHEN NOT bool_or(s.status = 'confirmed') AND bool_or(s.status = 'unconfirmed') THEN 'unconfirmed'
    WHEN NOT bool_or(s.status = 'confirmed') THEN 'unsubscribed'
    WHEN EXISTS (SELECT 1 FROM campaigns_subscription x
      WHERE x.contact_id = c.id AND x.mailing_list_id = ANY(%(excluded)s) AND x.status <> 'unsubscribed')
      THEN 'excluded'
    WHEN EXISTS (SELECT 1 FROM deliverability_suppression sup
      WHERE sup.workspace_id = %(workspace)s AND sup.address_key = c.email_key AND sup.lifted_at IS NULL
        AND (sup.scope = 'workspace' OR (sup.scope = 'stream' AND sup.stream_id = %(stream)s)))
      THEN 'suppressed'
    ELSE ''
  END AS left_out
FROM campaigns_subscription s JOIN campaigns_contact c ON c.id = s.contact_id
WHERE s.mailing_list_id = ANY(%(lists)s) AND s.workspace_id = %(workspace)s {only}
GROUP BY c.id
"""
_EVERYBODY_SQL = _PEOPLE_SQL.format(only="")
_ONE_SQL = _PEOPLE_SQL.format(only="AND c.email_key = %(address_key)s")
#: How long the count of very many people stands in headings.
_KEPT_SECONDS = 60
#: Why somebody is left out, and what would change that.
_WORDS = {
    "": _("Gets it."),
    "unconfirmed": _("Left out: asked to join, and has not confirmed yet."),
    "unsubscribed": _("Left out: unsubscribed from every chosen list it was on."),
    "excluded": _("Left out: stands on a list that you leave out."),
    "suppressed": _("Left out: the address is suppressed."),
    "unknown": _("Nobody of your contacts has this address."),
    "not_on_lists": _("A contact of yours, but on none of the chosen lists."),
}


@dataclass(frozen=True, kw_only=True)
class Audience:
    """How many are reached, and how many are left out for which reason."""

    reached: int
    left_out: dict[str, int]

    @property
    def total(self) -> int:
        """Everybody on the lists, once."""
        return self.reached + sum(self.left_out.values())

    def with_suppressed(self) -> Audience:
        """As a broadcast counts it: who is suppressed becomes a recipient with that status."""
        others = {reason: number for reason, number in self.left_out.items() if reason != "suppressed"}
        return Audience(reached=self.total - sum(others.values()), left_out=others)


def _parameters(
    workspace: Workspace, lists: Sequence[UUID], excluded: Sequence[UUID], stream_id: UUID | None
) -> dict[str, Any]:
    return {"workspace": workspace.pk, "lists": list(lists), "excluded": list(excluded), "stream": stream_id}


def count(
    workspace: Workspace, lists: Sequence[UUID], *, excluded: Sequence[UUID] = (), stream_id: UUID | None = None
) -> Audience:
    """The audience as it would be now."""
    if not lists:
        return Audience(reached=0, left_out={})
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT left_out, count(*) FROM ({_EVERYBODY_SQL}) people GROUP BY 1",
            _parameters(workspace, lists, excluded, stream_id),
        )
        counts = dict(cursor.fetchall())
    reached = counts.pop("", 0)
    return Audience(reached=reached, left_out=counts)


def lists_of(campaign: Campaign) -> list[UUID]:
    """The lists whose people a campaign writes to; nobody is written to through one that was archived."""
    return list(campaign.lists.filter(archived_at=None).values_list("pk", flat=True))


def excluded_of(campaign: Campaign) -> list[UUID]:
    """The lists whose people are left out, also those archived since: who was to get nothing still gets nothing."""
    return list(campaign.excluded_lists.values_list("pk", flat=True))


def count_for(campaign: Campaign, stream_id: UUID | None) -> Audience:
    """The audience of a campaign as it is set now."""
    found = count(campaign.workspace, lists_of(campaign), excluded=excluded_of(campaign), stream_id=stream_id)
    if found.total > EXACT_UP_TO:
        cache.set(_kept_key(campaign, stream_id), (found.reached, found.left_out), _KEPT_SECONDS)
    return found


def lately_counted_for(campaign: Campaign, stream_id: UUID | None) -> Audience:
    """The same for what only stands beside; of very many people up to a minute old, for counting them takes seconds."""
    kept: tuple[int, dict[str, int]] | None = cache.get(_kept_key(campaign, stream_id))
    return count_for(campaign, stream_id) if kept is None else Audience(reached=kept[0], left_out=kept[1])


def _kept_key(campaign: Campaign, stream_id: UUID | None) -> str:
    return f"campaign-audience:{campaign.pk}:{campaign.revision}:{stream_id}"


@dataclass(frozen=True, kw_only=True)
class Frozen(Audience):
    """The audience of a broadcast as it was stored."""

    #: The first of its rows; 0 where there is none.
    first_id: int


@dataclass(frozen=True, kw_only=True)
class Asked:
    """Whether one address would get a campaign, and why not."""

    address: str
    contact_id: UUID | None
    #: A `LeftOutReason`, `unknown` or `not_on_lists`; "" for whoever gets it.
    reason: str

    @property
    def is_reached(self) -> bool:
        """Whether it would get the campaign."""
        return not self.reason

    @property
    def text(self) -> str:
        """The answer in words."""
        return str(_WORDS.get(self.reason, _("Left out.")))


def ask(
    workspace: Workspace, address: str, lists: Sequence[UUID], *, excluded: Sequence[UUID] = (),
    stream_id: UUID | None = None,
) -> Asked:
    """Would this address get it? By the query that counts and freezes, so the answer is theirs."""
    contact = contacts.find(workspace, address)
    if contact is None:
        return Asked(address=address, contact_id=None, reason="unknown")
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT left_out FROM ({_ONE_SQL}) people",
            {**_parameters(workspace, lists, excluded, stream_id), "address_key": contact.email_key},
        )
        row = cursor.fetchone()
    return Asked(address=contact.email, contact_id=contact.pk, reason="not_on_lists" if row is None else row[0])


def ask_for(campaign: Campaign, address: str, stream_id: UUID | None) -> Asked:
    """The same for a campaign as it is set now."""
    return ask(
        campaign.workspace, address, lists_of(campaign), excluded=excluded_of(campaign), stream_id=stream_id
    )


def freeze(broadcast: Broadcast, lists: Sequence[UUID], excluded: Sequence[UUID], stream_id: UUID) -> Frozen:
    """Store the audience of a broadcast in the caller's transaction; doing it twice stores it once.

    Suppressed contacts are part of it: they become recipients with the status `suppressed`, so that the
    report counts them.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO campaigns_broadcastaudience (broadcast_id, contact_id, address, address_key, left_out)"
            f" SELECT %(broadcast)s, contact_id, address, address_key, left_out FROM ({_EVERYBODY_SQL}) people"
            " ORDER BY contact_id ON CONFLICT DO NOTHING",
            {**_parameters(broadcast.workspace, lists, excluded, stream_id), "broadcast": broadcast.pk},
        )
        cursor.execute(
            "SELECT left_out, count(*), min(id) FROM campaigns_broadcastaudience WHERE broadcast_id = %s GROUP BY 1",
            [broadcast.pk],
        )
        rows = cursor.fetchall()
    counts = {str(reason): int(number) for reason, number, _ in rows}
    people = Audience(reached=counts.pop("", 0), left_out=counts).with_suppressed()
    first_id = min((row[2] for row in rows), default=0)
    return Frozen(reached=people.reached, left_out=people.left_out, first_id=first_id)


def has_evidence_for_all(campaign: Campaign) -> bool:
    """Whether a consent stands behind every confirmed subscription of the lists (SENDER-RULES REP-7).

    That a confirmation was sent, or that somebody was put back, is no consent.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT EXISTS (SELECT 1 FROM campaigns_subscription s WHERE s.mailing_list_id = ANY(%s)"
            " AND s.status = 'confirmed' AND NOT EXISTS (SELECT 1 FROM campaigns_consententry e"
            " WHERE e.contact_id = s.contact_id AND e.mailing_list_id = s.mailing_list_id AND e.action = ANY(%s)))",
            [lists_of(campaign), [ConsentAction.SUBSCRIBED.value, ConsentAction.CONFIRMED.value]],
        )
        return not cursor.fetchone()[0]
