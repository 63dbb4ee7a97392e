"""The door's rules: what is taken, what it becomes, and what is refused with which words."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from deliverability import domains, suppression
from relayhub.core.clock import now
from relayhub.core.errors import AcceptError
from relayhub.core.models import IdempotencyRecord
from relayhub.relay import accept, routes, streams_cache
from relayhub.relay.models import Event, Message, Recipient, Source, Stream, TrackedLink
from relayhub.relay.submission import Submission, SubmittedRecipient, TraceInfo
from tests.support.door_rows import Sender, letter, make_domain, make_sender

pytestmark = pytest.mark.django_db


@pytest.fixture
def sender() -> Sender:
    return make_sender()


def submission(sender: Sender, content: bytes | None = None, *to: str, **fields: Any) -> Submission:
    values: dict[str, Any] = {
        "workspace_id": sender.workspace.pk, "source": Source.SMTP, "mail_from": "ann@acme.example",
        "recipients": tuple(SubmittedRecipient(address=each) for each in to or ("bob@example.org",)),
        "content": letter() if content is None else content,
        "trace": TraceInfo(helo="client.example", ip="192.0.2.7", protocol="ESMTPSA", tls="TLSv1.3 X"),
    }
    return Submission(**(values | fields))


def refused(sub: Submission) -> AcceptError:
    with pytest.raises(AcceptError) as caught:
        accept.accept(sub)
    assert Message.objects.count() == 0
    assert caught.value.message
    return caught.value


def test_what_is_stored(sender: Sender) -> None:
    answer = accept.accept(submission(sender, None, "bob@example.org", "Eve@Example.NET"))
    message = Message.objects.get(pk=answer.message_id)
    assert message.from_domain == "acme.example"
    assert message.from_address == "ann@acme.example"
    assert message.subject == "Hello"
    assert message.recipient_count == 2
    assert message.expires_at > now() + timedelta(days=4)
    rows = {row.pk: row for row in message.recipients.all()}
    stored = [rows[given.id] for given in answer.recipients]
    assert [(r.address, r.address_key, r.domain, r.status) for r in stored] == [
        ("bob@example.org", "bob@example.org", "example.org", "queued"),
        ("Eve@Example.NET", "eve@example.net", "example.net", "queued"),
    ]
    assert sorted(Event.objects.values_list("type", flat=True)) == ["accepted", "accepted"]


def test_what_is_added_and_removed(sender: Sender) -> None:
    extra = (
        "Bcc: secret@example.org\r\nX-RelayHub-Stream: transactional\r\nX-RelayHub-Tag: one\r\n"
        "X-RelayHub-Tag: two\r\nX-RelayHub-Metadata-Order: 42\r\nx-relayhub-track: clicks\r\nX-Own: kept\r\n"
    )
    accept.accept(submission(sender, letter(extra=extra, body="See https://shop.example/a now.\r\n")))
    message = Message.objects.select_related("content").get()
    raw = bytes(message.content.data)
    head, _, body = raw.partition(b"\r\n\r\n")
    assert body == b"See https://shop.example/a now.\r\n"
    lines = head.split(b"\r\n")
    assert lines[0].startswith(b"Received: from client.example ([192.0.2.7]) by mail.relayhub.example")
    assert b"X-Own: kept" in lines
    for name in (b"\r\nDate: ", b"\r\nMessage-ID: <msg_"):
        assert head.count(name) == 1
    for name in (b"bcc", b"x-relayhub", b"secret"):
        assert name not in raw.lower()
    assert (message.tags, message.metadata, message.track) == (["one", "two"], {"order": "42"}, "clicks")
    assert TrackedLink.objects.get(content_id=message.content_id).url == "https://shop.example/a"


def test_what_is_there_stays_byte_for_byte(sender: Sender) -> None:
    given = (
        b"From: ann@acme.example\r\nDATE:  Tue, 24 Nov 2026 10:00:00 +0000\r\nMessage-Id: <own@acme.example>\r\n"
        b"Subject: a\r\n\tfolded \xc3\xa9\r\nX-Odd:\r\n\r\n\x80\xff\r\n.\r\n  \r\n"
    )
    accept.accept(submission(sender, given, trace=None))
    message = Message.objects.select_related("content").get()
    assert bytes(message.content.data) == given
    assert message.message_id_header == "<own@acme.example>"


@pytest.mark.parametrize(
    ("fields", "code"),
    [
        ({"content": b"From: ann@acme.example\r\n\r\n" + b"x\r\n" * (9 * 1024 * 1024)}, "message_too_large"),
        ({"content": b"From: ann@acme.example\r\n\r\nbare\nline\r\n", "source": Source.RAW}, "malformed_message"),
        ({"content": b"From: ann@acme.example\r\n\r\nnul\0\r\n", "source": Source.RAW}, "malformed_message"),
        ({"content": b"From: ann@acme.example\r\n\r\n" + b"x" * 999 + b"\r\n", "source": Source.RAW},
         "malformed_message"),
        ({"content": letter(extra="Received: x\r\n" * 51)}, "mail_loop"),
        ({"content": letter(extra="Subject: again\r\n")}, "malformed_message"),
        ({"content": b"Subject: nobody\r\n\r\n"}, "invalid_from"),
        ({"stream": "nowhere"}, "unknown_stream"),
        ({"stream": "system"}, "unknown_stream"),
        ({"allowed_streams": ("other",)}, "stream_not_allowed"),
        ({"allowed_domains": ("other.example",)}, "domain_not_allowed"),
        ({"recipients": ()}, "no_recipients"),
        ({"recipients": (SubmittedRecipient(address="x@y.invalid"),)}, "invalid_address"),
        ({"recipients": (SubmittedRecipient(address="no at"),)}, "invalid_address"),
        ({"tags": tuple(map(str, range(21)))}, "invalid_tags"),
        ({"metadata": {"a": "x" * 1001}}, "invalid_metadata"),
        ({"content": letter(extra=f"X-RelayHub-Idempotency-Key: {'k' * 256}\r\n")}, "invalid_idempotency_key"),
    ],
)
def test_refusals(sender: Sender, fields: dict[str, Any], code: str) -> None:
    error = refused(submission(sender, **fields))
    assert error.code == code
    assert error.reply.code >= 500
    assert error.http_status >= 400


def test_1001_recipients_are_too_many(sender: Sender) -> None:
    error = refused(submission(sender, None, *(f"p{number}@example.org" for number in range(1001))))
    assert (error.reply.code, str(error.reply.enhanced), error.http_status) == (452, "4.5.3", 422)


def test_an_address_twice_is_one_recipient(sender: Sender) -> None:
    answer = accept.accept(submission(sender, None, "bob@example.org", "BOB@EXAMPLE.ORG", "b.ob@example.org"))
    assert [r.address for r in answer.recipients] == ["bob@example.org", "b.ob@example.org"]


@pytest.mark.parametrize("special", ["x@router.local", "x@host", "x@a.internal", "x@a.test", "x@a.lan"])
def test_special_names_are_fine_where_mail_stays_inside(sender: Sender, special: str) -> None:
    assert accept.accept(submission(sender, None, special)).recipients[0].status == "queued"


def test_suppressed_recipients_are_taken_and_marked(sender: Sender) -> None:
    stream = Stream.objects.get(workspace=sender.workspace, slug="transactional")
    for address, scope in (("bob@example.org", "workspace"), ("eve@example.org", "stream")):
        suppression.suppress(
            sender.workspace.pk, address, reason="manual", scope=scope,
            stream_id=stream.pk if scope == "stream" else None,
        )
    answer = accept.accept(submission(sender, None, "Bob@example.org", "eve@example.org", "joe@example.org"))
    assert [r.status for r in answer.recipients] == ["suppressed", "suppressed", "queued"]
    event = Event.objects.get(type="suppressed", recipient_id=answer.recipients[0].id)
    assert event.detail == {"reason": "manual", "scope": "workspace"}
    assert Recipient.objects.get(pk=answer.recipients[0].id).finished_at is not None


def test_the_state_of_the_from_domain_decides(sender: Sender, settings: Any) -> None:
    make_domain(sender.workspace, "broken.example", status="broken")
    make_domain(sender.workspace, "new.example", status="pending")
    inside = {name: _status_as(sender, name) for name in ("broken.example", "new.example", "foreign.example")}
    assert inside == dict.fromkeys(inside, "queued")
    settings.RELAYHUB_DEFAULT_ROUTE = "direct"
    routes.forget()
    outside = {name: _status_as(sender, name) for name in ("acme.example", *inside)}
    assert outside == {
        "acme.example": "queued", "broken.example": "held", "new.example": "domain_not_verified",
        "foreign.example": "domain_not_verified",
    }


def _status_as(sender: Sender, domain: str) -> str:
    try:
        return accept.accept(submission(sender, letter(sender=f"x@{domain}"))).recipients[0].status
    except AcceptError as error:
        return error.code if error.reply.code == 550 else str(error.reply)


def test_a_domain_of_another_workspace_does_not_count(sender: Sender, settings: Any) -> None:
    settings.RELAYHUB_DEFAULT_ROUTE = "direct"
    routes.forget()
    other = make_sender("other", domain="other.example", is_first=False)
    assert refused(submission(sender, letter(sender="x@other.example"))).code == "domain_not_verified"
    assert domains.sending_state(other.workspace.pk, "other.example") == "verified"


def test_a_stopped_workspace_still_accepts(sender: Sender) -> None:
    type(sender.workspace).objects.filter(pk=sender.workspace.pk).update(sending_stopped_at=now())
    assert accept.accept(submission(sender)).recipients[0].status == "queued"


def test_later_mail_waits(sender: Sender) -> None:
    when = now() + timedelta(hours=3)
    accept.accept(submission(sender, send_at=when))
    row = Recipient.objects.select_related("message").get()
    assert row.next_attempt_at == when
    assert row.message.send_at == when
    assert row.message.expires_at > when + timedelta(days=4)


def test_tracking_follows_the_stream(sender: Sender) -> None:
    Stream.objects.filter(workspace=sender.workspace, slug="transactional").update(track="all")
    streams_cache.forget()
    accept.accept(submission(sender))
    assert Message.objects.get().track == "all"


def test_the_same_key_with_the_same_mail_is_one_message(sender: Sender) -> None:
    keyed = submission(sender, letter(extra="X-RelayHub-Idempotency-Key: order-1\r\n"))
    first = accept.accept(keyed)
    assert accept.accept(keyed) == first
    assert Message.objects.count() == 1
    with pytest.raises(AcceptError) as caught:
        accept.accept(replace(keyed, mail_from="other@acme.example"))
    assert caught.value.code == "idempotency_mismatch"
    IdempotencyRecord.objects.update(expires_at=now() - timedelta(seconds=1))
    assert accept.accept(keyed).message_id != first.message_id


def _with_file(name: str, octets: int = 3) -> bytes:
    return letter(
        extra="Content-Type: multipart/mixed; boundary=b\r\n",
        body=f'--b\r\nContent-Disposition: attachment; filename="{name}"\r\n\r\n'
             + "\r\n".join(["x" * 70] * (octets // 70 + 1)) + "\r\n--b--\r\n",
    )


def test_attachments_are_taken_by_the_workspaces_policy(sender: Sender) -> None:
    error = refused(submission(sender, _with_file("setup.exe")))
    assert (error.code, error.http_status, error.reply.code) == ("attachment_refused", 422, 550)

    sender.workspace.refused_attachments = ["pdf"]
    sender.workspace.max_attachment_mib = 1
    sender.workspace.save()
    streams_cache.forget()

    assert "end in .pdf" in refused(submission(sender, _with_file("Report.PDF"))).message
    assert "larger than 1 MiB" in refused(submission(sender, _with_file("a.txt", 2_000_000))).message
    assert accept.accept(submission(sender, _with_file("setup.exe"))).recipients
