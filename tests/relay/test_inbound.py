"""Mail that comes back: whom it is about, what it changes, and what forged or repeated ones do not."""

from __future__ import annotations

from uuid import UUID

import pytest

from deliverability.models import Suppression
from relayhub.core.clock import now
from relayhub.core.crypto import link_keyring
from relayhub.core.errors import AcceptError
from relayhub.core.ids import Prefix, encode_id, uuid7
from relayhub.protocol import verp
from relayhub.protocol.address import parse_addr_spec
from relayhub.relay import inbound
from relayhub.relay.models import Event, Recipient
from tests.support.door_rows import forget_everything, make_sender
from tests.support.relay_rows import make_control, make_lane, make_message, make_recipients, make_stream

pytestmark = pytest.mark.django_db

HARD = ("failed", "5.1.1", "smtp; 550 5.1.1 No such user here")
SOFT = ("failed", "4.2.2", "smtp; 452 4.2.2 Mailbox full")
DELAYED = ("delayed", "4.4.1", "smtp; 421 4.4.1 No answer from host")


@pytest.fixture
def recipient() -> Recipient:
    """A delivered recipient of a message of acme.example."""
    sender = make_sender()
    return delivered(sender.workspace, "bob@example.org")


def delivered(workspace: object, *addresses: str) -> Recipient:
    stream = make_stream(workspace, slug="mail")  # type: ignore[arg-type]
    message = make_message(stream)
    rows = make_recipients(message, make_lane(stream), list(addresses))
    Recipient.objects.filter(message=message).update(status="delivered")
    rows[0].refresh_from_db()
    return rows[0]


def address(kind: verp.ReturnKind, recipient_id: UUID) -> str:
    return f"{verp.local_part(kind, recipient_id, link_keyring())}@rp.acme.example"


def dsn(to: str, *, about: str = "bob@example.org", says: tuple[str, str, str] = HARD, mark: str = "1") -> bytes:
    action, status, diagnostic = says
    return (
        f"From: MAILER-DAEMON@mx.example.org\r\nTo: <{to}>\r\nSubject: Undelivered Mail Returned to Sender\r\n"
        f"Message-ID: <{mark}@mx.example.org>\r\nAuto-Submitted: auto-replied\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=delivery-status; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nYour mail could not be delivered.\r\n"
        "--b\r\nContent-Type: message/delivery-status\r\n\r\nReporting-MTA: dns; mx.example.org\r\n\r\n"
        f"Final-Recipient: rfc822; {about}\r\nAction: {action}\r\nStatus: {status}\r\n"
        f"Diagnostic-Code: {diagnostic}\r\n--b--\r\n"
    ).encode()


def arf(inner: str, kind: str = "abuse") -> bytes:
    return (
        "From: fbl@provider.example\r\nTo: abuse@rp.acme.example\r\nSubject: report\r\nMIME-Version: 1.0\r\n"
        'Content-Type: multipart/report; report-type=feedback-report; boundary="b"\r\n\r\n'
        "--b\r\nContent-Type: text/plain\r\n\r\nThis is a report.\r\n"
        f"--b\r\nContent-Type: message/feedback-report\r\n\r\nFeedback-Type: {kind}\r\n"
        "User-Agent: x/1\r\nVersion: 1\r\nOriginal-Rcpt-To: eve@example.org\r\n"
        f"--b\r\nContent-Type: message/rfc822\r\n\r\n{inner}\r\nSubject: Offer\r\n\r\nBuy.\r\n--b--\r\n"
    ).encode()


def come_back(to: str, content: bytes, *, mail_from: str = "") -> int:
    return inbound.receive(
        inbound.ReturnedMail(
            mail_from=mail_from, recipients=(parse_addr_spec(to),), content=content, ip="192.0.2.1"
        )
    )


def test_a_hard_bounce_ends_the_recipient_and_suppresses(recipient: Recipient) -> None:
    to = address(verp.ReturnKind.BOUNCE, recipient.pk)
    assert come_back(to, dsn(to)) == 1
    recipient.refresh_from_db()
    assert recipient.status == "bounced"
    assert recipient.reply == {"code": 550, "enhanced": "5.1.1", "text": recipient.reply["text"]}
    assert recipient.bounce_class == "hard"
    row = Suppression.objects.get()
    assert (row.address_key, row.scope, row.reason) == ("bob@example.org", "workspace", "hard_bounce")


def test_the_same_report_twice_counts_once(recipient: Recipient) -> None:
    to = address(verp.ReturnKind.BOUNCE, recipient.pk)
    assert come_back(to, dsn(to, says=DELAYED)) == 1
    assert come_back(to, b"Received: from x by y; now\r\n" + dsn(to, says=DELAYED)) == 0
    assert come_back(to, dsn(to)) == 1
    assert come_back(to, dsn(to, mark="2")) == 0
    assert Event.objects.filter(type="bounced").count() == 1
    assert Event.objects.filter(type="deferred").count() == 1


def test_a_delay_changes_no_status(recipient: Recipient) -> None:
    to = address(verp.ReturnKind.BOUNCE, recipient.pk)
    assert come_back(to, dsn(to, says=DELAYED)) == 1
    recipient.refresh_from_db()
    assert recipient.status == "delivered"
    assert not Suppression.objects.exists()


def test_a_soft_failure_bounces_without_suppressing(recipient: Recipient) -> None:
    to = address(verp.ReturnKind.BOUNCE, recipient.pk)
    assert come_back(to, dsn(to, says=SOFT)) == 1
    recipient.refresh_from_db()
    assert recipient.status == "bounced"
    assert not Suppression.objects.exists()


def test_the_path_says_whom_it_is_about_not_the_report(recipient: Recipient) -> None:
    to = address(verp.ReturnKind.BOUNCE, recipient.pk)
    assert come_back(to, dsn(to, about="forwarded@elsewhere.example")) == 1
    assert Suppression.objects.get().address_key == "bob@example.org"


@pytest.mark.parametrize("number", range(5))
def test_forged_reports_change_nothing(recipient: Recipient, number: int) -> None:
    unsigned = [
        "postmaster@rp.acme.example", "abuse@mail.relayhub.example", "dmarc@rp.acme.example",
        address(verp.ReturnKind.BOUNCE, uuid7()), "b-" + "a" * 45 + "@rp.acme.example",
    ][number]
    assert come_back(unsigned, dsn(unsigned)) == 0
    recipient.refresh_from_db()
    assert recipient.status == "delivered"
    assert not Suppression.objects.exists()


def test_automatic_replies_mean_nothing(recipient: Recipient) -> None:
    note = b"From: bob@example.org\r\nSubject: Out of office\r\nAuto-Submitted: auto-replied\r\n\r\nBack soon.\r\n"
    for kind in verp.ReturnKind:
        assert come_back(address(kind, recipient.pk), note, mail_from="bob@example.org") == 0
    assert Event.objects.exclude(type="accepted").count() == 0


def test_an_unsubscribe_by_mail_stops_the_stream(recipient: Recipient) -> None:
    to = address(verp.ReturnKind.UNSUBSCRIBE, recipient.pk)
    mail = b"From: bob@example.org\r\nSubject: unsubscribe\r\n\r\n\r\n"
    assert come_back(to, mail, mail_from="bob@example.org") == 1
    assert come_back(to, mail, mail_from="bob@example.org") == 0
    row = Suppression.objects.get()
    assert (row.scope, row.stream_id, row.reason) == ("stream", recipient.stream_id, "unsubscribe")


def test_an_unsubscribe_from_a_broadcast_stops_its_lists() -> None:
    sender = make_sender()
    stream = make_stream(sender.workspace, kind="broadcast", slug="news")
    control = make_control(stream)
    lists = [uuid7(), uuid7()]
    message = make_message(
        stream, broadcast_id=control.broadcast_id, options={"list_ids": [str(each) for each in lists]}
    )
    row = make_recipients(
        message, make_lane(stream, broadcast_id=control.broadcast_id), ["bob@example.org"]
    )[0]
    to = address(verp.ReturnKind.UNSUBSCRIBE, row.pk)
    assert come_back(to, b"Subject: x\r\n\r\n", mail_from="bob@example.org") == 1
    assert {(each.scope, each.list_id) for each in Suppression.objects.all()} == {("list", each) for each in lists}
    Suppression.objects.update(lifted_at=now(), lifted_by="x", lift_reason="joined again")
    come_back(to, b"Subject: no, really\r\n\r\n", mail_from="bob@example.org")
    assert {each.list_id for each in Suppression.objects.filter(lifted_at=None)} == set(lists)


def test_a_complaint_to_a_signed_address(recipient: Recipient) -> None:
    to = address(verp.ReturnKind.FEEDBACK, recipient.pk)
    assert come_back(to, arf("From: a@acme.example"), mail_from="fbl@provider.example") == 1
    assert come_back(to, arf("From: a@acme.example"), mail_from="fbl@provider.example") == 0
    row = Suppression.objects.get()
    assert (row.scope, row.reason) == ("stream", "complaint")


@pytest.mark.parametrize("how", ["return-path", "unsubscribe", "message-id"])
def test_a_complaint_to_an_office_is_found_by_what_came_back(recipient: Recipient, how: str) -> None:
    inner = {
        "return-path": f"Return-Path: <{address(verp.ReturnKind.BOUNCE, recipient.pk)}>",
        "unsubscribe": f"List-Unsubscribe: <mailto:{address(verp.ReturnKind.UNSUBSCRIBE, recipient.pk)}>",
        "message-id": f"Message-ID: <{encode_id(Prefix.RECIPIENT, recipient.pk)}@acme.example>",
    }[how]
    assert come_back("abuse@rp.acme.example", arf(inner), mail_from="fbl@provider.example") == 1
    recipient.refresh_from_db()
    assert recipient.complained_at is not None


def test_a_complaint_that_names_nobody_for_certain_changes_nothing() -> None:
    sender = make_sender()
    row = delivered(sender.workspace, "bob@example.org", "eve@example.org")
    inner = f"Message-ID: <{encode_id(Prefix.MESSAGE, row.message_id)}@acme.example>\r\nTo: eve@example.org"
    assert come_back("abuse@rp.acme.example", arf(inner), mail_from="x@stranger.example") == 0
    assert not Suppression.objects.exists()


def test_not_spam_is_no_complaint(recipient: Recipient) -> None:
    to = address(verp.ReturnKind.FEEDBACK, recipient.pk)
    assert come_back(to, arf("From: a@acme.example", kind="not-spam")) == 0


def test_a_loop_is_refused(recipient: Recipient) -> None:
    to = address(verp.ReturnKind.BOUNCE, recipient.pk)
    with pytest.raises(AcceptError) as refused:
        come_back(to, b"Received: x\r\n" * 52 + dsn(to))
    assert refused.value.reply.code == 554


@pytest.mark.parametrize("content", [b"", b"\r\n", b"\xff\xfe\r\n\r\n\xff", b"no header at all\r\n"])
def test_strange_mail_is_taken_and_means_nothing(recipient: Recipient, content: bytes) -> None:
    for kind in (verp.ReturnKind.BOUNCE, verp.ReturnKind.FEEDBACK):
        assert come_back(address(kind, recipient.pk), content) == 0


def test_whose_domains_are_ours() -> None:
    make_sender()
    forget_everything()
    assert inbound.is_ours("rp.acme.example", may_ask=False) is None
    assert inbound.is_ours("rp.acme.example")
    assert inbound.is_ours("RP.Acme.example.", may_ask=False)
    assert inbound.is_ours("mail.relayhub.example", may_ask=False)
    assert not inbound.is_ours("acme.example")
    assert not inbound.is_ours("rp.other.example")
