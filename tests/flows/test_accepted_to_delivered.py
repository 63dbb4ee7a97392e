"""The spine with nothing scripted but the receiver: accept, claim, route, prepare, SMTP, record."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from typing import Any
from uuid import UUID

import pytest
from django.db import connection

from deliverability.models import SendingDomain, Suppression
from deliverability.signing import forget, make_keys, note_seen
from relayhub.core.clock import now
from relayhub.relay import accept, events_move, ledger, routes
from relayhub.relay.events_move import Pick
from relayhub.relay.loop import default_services
from relayhub.relay.loop_engine import Engine
from relayhub.relay.models import Attempt, Lane, Recipient, Source
from relayhub.relay.submission import Submission, SubmittedRecipient
from tests.support.door_rows import Sender, forget_everything, letter, make_sender
from tests.support.relay_rows import event_types
from tests.support.smtp_sink import SmtpSink, smtp_sink

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with smtp_sink() as running:
        yield running


def hand_in(sender: Sender, *addresses: str, **fields: Any) -> list[UUID]:
    """Accept one message; the ids of its recipients."""
    submission = Submission(
        workspace_id=sender.workspace.pk,
        source=Source.HTTP,
        mail_from="ann@acme.example",
        recipients=tuple(SubmittedRecipient(address=address) for address in addresses),
        content=letter(to=", ".join(addresses)),
        credential_id=sender.credential_id,
        **fields,
    )
    return [recipient.id for recipient in accept.accept(submission).recipients]


def drain() -> None:
    """Deliver what is due with the relay's own services."""

    async def main() -> None:
        await Engine(default_services, lease_seconds=60).run_until_idle()

    asyncio.run(main())


def route_all(settings: Any, transport: str) -> None:
    settings.RELAYHUB_DEFAULT_ROUTE = transport
    forget_everything()


def story(recipient_id: UUID) -> tuple[str, list[str]]:
    return Recipient.objects.get(pk=recipient_id).status, event_types(recipient_id)


def test_without_a_route_it_stays_in_the_sandbox(settings: Any) -> None:
    route_all(settings, "sandbox")
    (recipient,) = hand_in(make_sender(), "bob@example.org")

    drain()

    assert story(recipient) == ("delivered", ["accepted", "attempted", "delivered"])
    row = Recipient.objects.get(pk=recipient)
    assert (row.transport, row.reply) == ("sandbox", None)
    assert ledger.verify().is_clean


def test_through_a_smarthost_it_arrives_signed_and_is_recorded(settings: Any, sink: SmtpSink) -> None:
    route_all(settings, f"smtp://127.0.0.1:{sink.port}")
    sender = make_sender()
    domain = SendingDomain.objects.get()
    note_seen(domain, {key.selector: True for key in make_keys(domain)}, now())
    forget(sender.workspace.pk, domain.name)

    recipients = hand_in(sender, "bob@example.org", "eve@example.net")
    drain()

    assert [story(recipient) for recipient in recipients] == [("delivered", ["accepted", "attempted", "delivered"])] * 2
    assert sorted(taken.rcpt_to for taken in sink.messages) == [("bob@example.org",), ("eve@example.net",)]
    taken = sink.messages[0]
    assert taken.mail_from.endswith("@rp.acme.example")
    assert b"DKIM-Signature:" in taken.content
    attempt = Attempt.objects.get(recipient_id=recipients[0])
    assert attempt.transport == f"smtp://127.0.0.1:{sink.port}"
    assert any("DATA" in str(line) for line in attempt.transcript)
    assert ledger.verify().is_clean


def test_greylisted_then_delivered(settings: Any, sink: SmtpSink) -> None:
    route_all(settings, f"smtp://127.0.0.1:{sink.port}")
    (recipient,) = hand_in(make_sender(), "bob@example.org")
    sink.fail("RCPT", "450 4.7.1 Greylisted, come back later", nth=1)

    drain()
    first = story(recipient)
    events_move.retry_now(Pick(where="true", params={}))
    Lane.objects.update(backoff_until=None, backoff_reason="")
    drain()

    assert first == ("deferred", ["accepted", "attempted", "deferred"])
    assert story(recipient) == ("delivered", ["accepted", "attempted", "deferred", "attempted", "delivered"])
    assert ledger.verify().is_clean


def test_no_such_user_bounces_and_suppresses(settings: Any, sink: SmtpSink) -> None:
    route_all(settings, f"smtp://127.0.0.1:{sink.port}")
    sender = make_sender()
    sink.recipients["gone@example.org"] = "550 5.1.1 No such user"

    (gone, bob) = hand_in(sender, "gone@example.org", "bob@example.org")
    drain()
    (again,) = hand_in(sender, "gone@example.org")

    assert story(gone)[0] == "bounced"
    assert story(bob)[0] == "delivered"
    assert Suppression.objects.get().address_key == "gone@example.org"
    assert story(again) == ("suppressed", ["accepted", "suppressed"])
    assert ledger.verify().is_clean


@pytest.mark.parametrize("place", ["BANNER", "EHLO", "MAIL", "RCPT", "DATA", "BODY"])
def test_a_peer_that_hangs_up_before_the_dot_defers(settings: Any, sink: SmtpSink, place: str) -> None:
    route_all(settings, f"smtp://127.0.0.1:{sink.port}")
    (recipient,) = hand_in(make_sender(), "bob@example.org")
    sink.fail(place, "DROP")

    drain()

    row = Recipient.objects.get(pk=recipient)
    assert (row.status, row.attempts) == ("deferred", 1)
    assert sink.messages == []
    assert ledger.verify().is_clean


def test_a_peer_that_hangs_up_after_the_dot_is_unknown(settings: Any, sink: SmtpSink) -> None:
    route_all(settings, f"smtp://127.0.0.1:{sink.port}")
    (recipient,) = hand_in(make_sender(), "bob@example.org")
    sink.fail("DOT", "DROP")

    drain()

    assert story(recipient) == ("unknown", ["accepted", "attempted", "unknown"])


def test_nobody_listening_defers_one_and_backs_the_lane_off(settings: Any) -> None:
    route_all(settings, "smtp://127.0.0.1:1")
    recipients = hand_in(make_sender(), *(f"p{n}@example.org" for n in range(20)))

    drain()

    assert sorted(story(recipient)[0] for recipient in recipients) == ["deferred"] + ["queued"] * 19
    assert Attempt.objects.count() == 1


def test_mail_of_a_domain_that_broke_is_held_and_goes_once_it_is_verified(settings: Any, sink: SmtpSink) -> None:
    from relayhub.relay import sweeps

    route_all(settings, f"smtp://127.0.0.1:{sink.port}")
    (recipient,) = hand_in(make_sender(), "bob@example.org")
    SendingDomain.objects.update(status="broken")
    forget_everything()

    drain()
    held = story(recipient)[0]
    SendingDomain.objects.update(status="verified")
    forget_everything()
    released = sweeps.release_verified_domains()
    drain()

    assert (held, released) == ("held", 1)
    assert story(recipient)[0] == "delivered"


def test_a_changed_route_moves_what_waits(settings: Any, sink: SmtpSink) -> None:
    route_all(settings, "smtp://127.0.0.1:1")
    sender = make_sender()
    (recipient,) = hand_in(sender, "bob@example.org")

    routes.create_route(sender.actor, routes.RouteInput(transport=f"smtp://127.0.0.1:{sink.port}"))
    drain()

    assert story(recipient)[0] == "delivered"
    with connection.cursor() as cursor:
        cursor.execute("SELECT l.site FROM relay_lane l JOIN relay_recipient r ON r.lane_id = l.id")
        assert cursor.fetchone()[0] == f"smtp://127.0.0.1:{sink.port}"


def test_our_own_letters_stay_inside_until_their_domain_is_verified(settings: Any, sink: SmtpSink) -> None:
    route_all(settings, f"smtp://127.0.0.1:{sink.port}")
    (recipient,) = hand_in(make_sender(), "bob@example.org", options={"sandbox_only": True})

    drain()

    assert Recipient.objects.get(pk=recipient).transport == "sandbox"
    assert sink.messages == []
