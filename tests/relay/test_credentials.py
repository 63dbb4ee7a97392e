"""SMTP credentials and the brakes on guessing them."""

from __future__ import annotations

from datetime import timedelta

import pytest
import time_machine

from relayhub.core.access import Actor
from relayhub.core.clock import now
from relayhub.core.errors import ConflictError, ForbiddenError, InputError
from relayhub.core.models import AuditEntry, LoginThrottle
from relayhub.protocol import reply as replies
from relayhub.relay import credentials
from relayhub.relay.models import SmtpCredential
from relayhub.relay.smtpd import auth
from relayhub.relay.smtpd.auth import Principal
from tests.support.door_rows import Sender, make_sender

pytestmark = pytest.mark.django_db


@pytest.fixture
def sender() -> Sender:
    return make_sender()


def test_the_password_is_shown_once_and_kept_as_a_hash(sender: Sender) -> None:
    made = credentials.create_credential(sender.actor, name=" Printer ")
    row = SmtpCredential.objects.get(pk=made.credential.pk)
    assert row.name == "Printer"
    assert len(made.password) == 32  # 160 bits in base32
    assert made.password not in str(SmtpCredential.objects.filter(pk=row.pk).values())
    assert made.password not in str(list(AuditEntry.objects.values()))
    assert made.password not in repr(made)
    assert credentials.find_credential(made.username, made.password, ip="192.0.2.1") == row
    assert credentials.find_credential(made.username, made.password + "x", ip="192.0.2.1") is None
    assert credentials.find_credential("nobody", "", ip="192.0.2.1") is None


def test_limits_by_network_expiry_and_revocation(sender: Sender) -> None:
    made = credentials.create_credential(sender.actor, name="lan", networks=("10.0.0.0/8",))
    assert credentials.find_credential(made.username, made.password, ip="10.1.1.1")
    assert not credentials.find_credential(made.username, made.password, ip="192.0.2.1")
    assert not credentials.find_credential(made.username, made.password, ip=None)
    SmtpCredential.objects.filter(pk=made.credential.pk).update(expires_at=now() - timedelta(seconds=1))
    assert not credentials.find_credential(made.username, made.password, ip="10.1.1.1")
    credentials.revoke_credential(sender.actor, made.credential)
    with pytest.raises(ConflictError):
        credentials.revoke_credential(sender.actor, made.credential)


def test_a_rotation_keeps_the_old_password_for_a_while(sender: Sender) -> None:
    made = credentials.create_credential(sender.actor, name="app", domains=("acme.example",), is_default=True)
    new = credentials.rotate_credential(sender.actor, made.credential, overlap=timedelta(hours=1))
    assert new.username != made.username
    assert new.credential.domains == ["acme.example"]
    assert credentials.find_credential(made.username, made.password, ip=None)
    assert credentials.find_credential(new.username, new.password, ip=None)
    with time_machine.travel(now() + timedelta(hours=2), tick=False):
        assert not credentials.find_credential(made.username, made.password, ip=None)
        assert credentials.find_credential(new.username, new.password, ip=None)
    assert credentials.default_credential() == new.credential


def test_who_may_and_with_what(sender: Sender) -> None:
    viewer = Actor(workspace=sender.workspace, permissions=frozenset(), label="viewer")
    with pytest.raises(ForbiddenError):
        credentials.create_credential(viewer, name="x")
    with pytest.raises(InputError):
        credentials.create_credential(sender.actor, name=" ")
    with pytest.raises(InputError):
        credentials.create_credential(sender.actor, name="x", networks=("nonsense",))


def guess(sender: Sender, *, ip: str = "192.0.2.1", username: str = "", password: str = "wrong") -> object:
    return auth.authenticate(username or sender.username, password, ip)


def test_of_many_guesses_five_are_looked_at(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    looked: list[str] = []
    original = credentials.find_credential

    def find(username: str, password: str, *, ip: str | None) -> SmtpCredential | None:
        looked.append(username)
        return original(username, password, ip=ip)

    monkeypatch.setattr(credentials, "find_credential", find)
    answers = [guess(sender, ip=f"192.0.2.{number}", username=f"u{number}") for number in range(30)]
    assert answers == [replies.AUTH_FAILED] * 5 + [replies.AUTH_THROTTLED] * 25
    assert len(looked) == 5
    assert guess(sender, password=sender.password) is replies.AUTH_THROTTLED
    assert isinstance(guess(sender, ip="198.51.100.1", password=sender.password), Principal)


def test_one_login_is_braked_from_everywhere(sender: Sender) -> None:
    answers = [guess(sender, ip=f"10.{number}.0.1") for number in range(6)]
    assert answers == [replies.AUTH_FAILED] * 5 + [replies.AUTH_THROTTLED]


def test_blocks_end_and_grow(sender: Sender) -> None:
    with time_machine.travel(now(), tick=False) as clock:
        for _ in range(5):
            guess(sender)
        clock.shift(timedelta(minutes=14))
        assert guess(sender, password=sender.password) is replies.AUTH_THROTTLED
        clock.shift(timedelta(minutes=2))
        assert guess(sender) is replies.AUTH_FAILED
        clock.shift(timedelta(minutes=16))
        assert guess(sender, password=sender.password) is replies.AUTH_THROTTLED
        clock.shift(timedelta(minutes=15))
        assert isinstance(guess(sender, password=sender.password), Principal)
        assert not LoginThrottle.objects.exists()


def test_a_revoked_credential_ends_within_seconds(sender: Sender, monkeypatch: pytest.MonkeyPatch) -> None:
    assert isinstance(guess(sender, password=sender.password), Principal)
    assert auth.living_principal(sender.credential_id) is not None
    credentials.revoke_credential(sender.actor, SmtpCredential.objects.get(pk=sender.credential_id))
    later = auth.time.monotonic() + auth.CACHE_SECONDS
    monkeypatch.setattr(auth.time, "monotonic", lambda: later)
    assert auth.CACHE_SECONDS <= 5
    assert guess(sender, password=sender.password) is replies.AUTH_FAILED
    assert auth.living_principal(sender.credential_id) is None
    assert auth.trusted_principal() is None
