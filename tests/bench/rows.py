"""What the benchmarks need in the database: a domain that signs, contacts, campaigns; and what became of mail.

Import it only after `Product.enter`: it loads the models.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from django.db import connection

from campaigns import broadcast, editing, lists, templates
from campaigns.models import Broadcast, Campaign, MailingList
from deliverability.models import DomainStatus, KeyAlgorithm, SendingDomain
from deliverability.signing import make_keys, note_seen
from relayhub.core.access import Actor, system_actor
from relayhub.core.clock import now
from relayhub.core.errors import ConflictError
from relayhub.core.models import Workspace
from tests.bench.product import Product

DOMAIN = "bench.example"
#: The same words as peers/pool.mjs sends: about 9 KB of text and HTML.
_PARAGRAPH = "A short paragraph that says why this item is worth a minute of the reader's day. " * 12
_HTML = (
    "<html><body><h1>Hello {{ contact.name }}</h1>" + f"<p>{_PARAGRAPH}</p>" * 8
    + '<a href="https://shop.bench.example/offer">Offer</a> <a href="{{ unsubscribe_url }}">Unsubscribe</a>'
    "</body></html>"
)
_TEXT = "Hello {{ contact.name }}\n" + _PARAGRAPH + "\n{{ unsubscribe_url }}\n"
_LIFETIME = timedelta(days=30)

_CONTACTS_SQL = """
INSERT INTO campaigns_contact (id, workspace_id, email, email_key, name, fields, language, source, created_at,
  updated_at)
SELECT rh_uuid7(), %(workspace)s, address, address, 'Ada ' || n,
  jsonb_build_object('city', 'Town ' || n %% 1000, 'plan', 'plan-' || n %% 7), '', 'bench', now(), now()
FROM (SELECT n, 'person' || n || '@sink.example' AS address FROM generate_series(1, %(count)s) AS n) AS made
ON CONFLICT DO NOTHING
"""
_SUBSCRIBE_SQL = """
WITH new AS (
  INSERT INTO campaigns_subscription (id, workspace_id, mailing_list_id, contact_id, status, created_at,
    confirmed_at)
  SELECT rh_uuid7(), workspace_id, %(list)s, id, 'confirmed', now(), now()
  FROM (SELECT * FROM campaigns_contact WHERE workspace_id = %(workspace)s AND source = 'bench'
    LIMIT %(count)s) AS chosen RETURNING contact_id
)
INSERT INTO campaigns_consententry (id, contact_id, mailing_list_id, action, channel, source, user_agent, detail, at)
SELECT rh_uuid7(), contact_id, %(list)s, 'subscribed', 'import', 'bench', '', '{}'::jsonb, now() FROM new
"""


def actor() -> Actor:
    """Whoever acts in the first workspace."""
    return system_actor(Workspace.objects.get(is_first=True), "bench")


def make_domain() -> None:
    """A verified domain that signs with RSA-2048 alone, as the peers do; doing it twice makes one."""
    workspace = actor().workspace
    if SendingDomain.objects.filter(workspace=workspace, name=DOMAIN).exists():
        return
    domain = SendingDomain.objects.create(
        workspace=workspace, name=DOMAIN, status=DomainStatus.VERIFIED, verified_at=now(),
        next_check_at=now() + _LIFETIME,
    )
    keys = make_keys(domain)
    note_seen(domain, {key.selector: key.algorithm == KeyAlgorithm.RSA for key in keys}, now())


def make_audience(count: int) -> MailingList:
    """A list of so many confirmed contacts."""
    act = actor()
    found = lists.create_list(act, name=f"Readers {now():%H:%M:%S.%f}")
    with connection.cursor() as cursor:
        values = {"workspace": act.workspace.pk, "count": count, "list": found.pk}
        cursor.execute(_CONTACTS_SQL, values)
        cursor.execute(_SUBSCRIBE_SQL, values)
        cursor.execute("ANALYZE campaigns_contact, campaigns_subscription, campaigns_consententry")
    return found


def make_campaign(audience: MailingList) -> Campaign:
    """A draft with personal text and HTML, tracked links and an open pixel."""
    act = actor()
    content = templates.TemplateInput(subject="Weekly notes, {{ contact.name }}", source=_HTML, text=_TEXT)
    template = templates.create_template(act, name=f"Notes {now():%H:%M:%S.%f}", content=content)
    return editing.create_campaign(
        act, editing.CampaignChanges(
            name="Bench", from_header=f"News <news@{DOMAIN}>", template=template, lists=[audience], track="all",
        ),
    )


def launch(product: Product, campaign: Campaign) -> Broadcast:
    """Launch it through the API, whatever pre-flight thinks of this installation."""
    product.ask("POST", f"/api/v1/campaigns/{campaign.public_id}/launch", body={"override": "benchmark"})
    return Broadcast.objects.get(campaign=campaign)


def expansion_seconds(row: Broadcast) -> float | None:
    """From the launch to the last recipient stored, or None while it goes on."""
    row.refresh_from_db()
    return (row.expanded_at - row.created_at).total_seconds() if row.expanded_at else None


def unfinished() -> int:
    """Recipients that are not final."""
    return int(one(
        "SELECT count(*) FROM relay_recipient WHERE status IN ('queued', 'leased', 'attempting', 'deferred')"
    ))


def delivered(broadcast_id: UUID) -> int:
    """Recipients of a broadcast that were delivered and recorded as such."""
    return int(one(
        "SELECT count(*) FROM relay_recipient WHERE broadcast_id = %s AND status = 'delivered'", [broadcast_id]
    ))


def waits_before_attempt(subject: str) -> list[float]:
    """Seconds from accept to the first attempt of every message with this subject; unattempted ones count too."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT extract(epoch FROM coalesce((SELECT min(a.started_at) FROM relay_attempt a"
            " WHERE a.message_id = m.id), now()) - m.created_at)::float8 FROM relay_message m WHERE m.subject = %s",
            [subject],
        )
        return [float(row[0]) for row in cursor.fetchall()]


def stop_campaign(campaign: Campaign) -> None:
    """Cancel what has not gone out, if there is anything."""
    try:
        broadcast.cancel(actor(), campaign)
    except ConflictError:  # it is sent
        return


def forget_contacts() -> None:
    """Empty the contacts, so that every import begins from nothing."""
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE campaigns_contact CASCADE")


def one(sql: str, params: Sequence[Any] = ()) -> Any:
    """The single value of a query."""
    with connection.cursor() as cursor:
        cursor.execute(sql, params)
        row = cursor.fetchone()
    return row[0] if row else None
