"""A message goes in by SMTP; its bounce comes back by SMTP to the address it left with."""

from __future__ import annotations

import pytest

from deliverability.models import Suppression
from relayhub.core.crypto import link_keyring
from relayhub.protocol import verp
from relayhub.relay.models import Event, Recipient
from relayhub.relay.smtpd.mx import MxDoor
from relayhub.relay.smtpd.submission import SubmissionDoor
from tests.relay.test_inbound import dsn
from tests.support.door_rows import letter, make_sender
from tests.support.smtp_listener import LOOPBACK, RawClient, listening

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_bounce_comes_back_and_the_next_message_is_suppressed(transactional_db: None) -> None:
    make_sender()
    with listening(SubmissionDoor(), trusted=LOOPBACK) as submission, listening(MxDoor()) as mx:
        client = RawClient(submission.port)
        client.say("EHLO client.example")
        assert client.hand_in("ann@acme.example", ["bob@example.org"], letter()).startswith("250 2.0.0")
        recipient = Recipient.objects.get()
        Recipient.objects.filter(pk=recipient.pk).update(status="delivered")

        path = f"{verp.local_part(verp.ReturnKind.BOUNCE, recipient.pk, link_keyring())}@rp.acme.example"
        receiver = RawClient(mx.port)
        receiver.say("EHLO mx.example.org")
        for _ in range(2):
            assert receiver.hand_in("", [path], dsn(path)).startswith("250 2.0.0")
        receiver.close()

        recipient.refresh_from_db()
        assert recipient.status == "bounced"
        assert Event.objects.filter(recipient_id=recipient.pk, type="bounced").count() == 1
        assert Suppression.objects.get().recipient_id == recipient.pk

        assert client.hand_in("ann@acme.example", ["Bob@Example.org"], letter()).startswith("250 2.0.0")
        client.close()
    assert Recipient.objects.exclude(pk=recipient.pk).get().status == "suppressed"
