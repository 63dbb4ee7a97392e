"""The MX as other servers meet it: what it takes, and that it relays nothing."""

from __future__ import annotations

import pytest

from relayhub.core.crypto import link_keyring
from relayhub.core.ids import uuid7
from relayhub.protocol import verp
from tests.support.smtp_listener import Listener, RawClient

pytestmark = pytest.mark.django_db(transaction=True)


def test_only_our_own_addresses_are_taken(mx_listener: Listener) -> None:
    client = RawClient(mx_listener.port)
    offers = client.say("EHLO mx.other.example")
    assert "AUTH" not in offers
    assert client.say("MAIL FROM:<>").startswith("250")
    signed = verp.local_part(verp.ReturnKind.BOUNCE, uuid7(), link_keyring())
    forged = signed[:20] + ("a" if signed[20] != "a" else "b") + signed[21:]
    expected = {
        f"{signed}@rp.acme.example": "250",
        f"{signed.upper()}@RP.ACME.EXAMPLE": "250",
        "postmaster@rp.acme.example": "250",
        "abuse@mail.relayhub.example": "250",
        "Postmaster": "250",
        f"{forged}@rp.acme.example": "550 5.1.1",
        "somebody@rp.acme.example": "550 5.1.1",
        f"{signed}@rp.unknown.example": "550 5.7.1",
        f"{signed}@acme.example": "550 5.7.1",
        f"{signed}@gmail.com": "550 5.7.1",
        "bob@example.org": "550 5.7.1",
        "bob%example.org@mail.relayhub.example": "550 5.1.1",
    }
    got = {address: client.say(f"RCPT TO:<{address}>") for address in expected}
    wrong = {address: got[address] for address in expected if not got[address].startswith(expected[address])}
    assert wrong == {}
    client.close()
