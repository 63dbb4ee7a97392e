"""Bytes for one recipient: composed, tracked, signed, and the same every time."""

from __future__ import annotations

import dataclasses
from datetime import UTC, datetime
from email import message_from_bytes, policy
from uuid import UUID

import dkim as dkimpy
import pytest

from relayhub.core.errors import PrepareError
from relayhub.protocol import dkim
from relayhub.protocol.tokens import Keyring
from relayhub.relay import compiled, raw_tracking
from relayhub.relay.managers import ClaimedRecipient, ContentRow, MessageRow
from relayhub.relay.prepare import Origin, load_content, prepare

AT = datetime(2026, 11, 24, 10, 0, tzinfo=UTC)
ORIGIN = Origin(base_url="https://mail.example", keyring=Keyring(keys={0: b"k" * 32}, current=0))
RSA = dkim.generate_rsa_2048()
KEYS = [
    dkim.SigningKey(domain="news.example", selector="rh1", algorithm=dkim.Algorithm.RSA_SHA256, private_key=RSA)
]


def make_recipient(**changes: object) -> ClaimedRecipient:
    values: dict[str, object] = {
        "id": UUID(int=7), "token": UUID(int=1), "workspace_id": UUID(int=2), "stream_id": UUID(int=3),
        "message_id": UUID(int=4), "lane_id": 1, "broadcast_id": None, "contact_id": None,
        "address": "zoe@shop.example", "domain": "shop.example", "merge": None, "attempts": 0, "crashes": 0,
        "unknown_retried": False, "accepted_at": AT,
    }
    return ClaimedRecipient(**{**values, **changes})  # type: ignore[arg-type]


def make_message(**changes: object) -> MessageRow:
    values: dict[str, object] = {
        "id": UUID(int=4), "workspace_id": UUID(int=2), "stream_id": UUID(int=3), "stream_slug": "transactional",
        "stream_kind": "transactional", "content_id": UUID(int=5), "source": "http",
        "from_header": "News <hi@news.example>", "from_address": "hi@news.example",
        "from_domain": "news.example", "mail_from": "", "subject": "Hi", "message_id_header": "<1@news.example>",
        "track": "none", "broadcast_id": None, "size_bytes": 10, "created_at": AT, "expires_at": AT,
    }
    return MessageRow(**{**values, **changes})  # type: ignore[arg-type]


def raw_row(raw: bytes) -> ContentRow:
    return ContentRow(id=UUID(int=5), format="raw", data=raw, meta={})


def compiled_row(source: compiled.Source, **changes: object) -> ContentRow:
    footer = compiled.Footer(company="Bakery", postal_address="1 Mill Lane")
    made = compiled.compile_source(source, footer, opens=True, clicks=True)
    made = dataclasses.replace(
        made, from_header="Bäckerei <hi@news.example>",
        list_identity={"label": "1", "domain": "news.example", "name": "News"}, **changes,
    )
    return ContentRow(id=UUID(int=5), format="compiled", data=made.dump(), meta={})


PLAIN = (
    b"From: hi@news.example\r\nTo: zoe@shop.example\r\nSubject: Hi\r\nDate: Tue, 24 Nov 2026 10:00:00 +0000\r\n"
    b"Message-ID: <1@news.example>\r\n\r\nHello\r\n"
)


def verifies(content: bytes) -> bool:
    record = dkim.public_record(RSA).encode()
    return bool(dkimpy.verify(content, dnsfunc=lambda name, timeout=5: record))


def test_it_signs_a_plain_message_and_leaves_its_body_alone() -> None:
    mail = prepare(make_recipient(), make_message(), load_content(raw_row(PLAIN)), origin=ORIGIN, keys=KEYS)

    assert verifies(mail.content)
    assert mail.content.endswith(b"\r\n\r\nHello\r\n")
    assert mail.mail_from.endswith("@rp.news.example")
    assert b"Feedback-ID:" in mail.content
    assert b"List-Unsubscribe" not in mail.content


def test_the_same_inputs_make_the_same_bytes() -> None:
    first, second = (
        prepare(make_recipient(), make_message(), load_content(raw_row(PLAIN)), origin=ORIGIN, keys=KEYS)
        for _ in range(2)
    )

    assert first == second


def test_a_broadcast_stream_gets_both_unsubscribe_fields_and_they_are_signed() -> None:
    message = make_message(stream_kind="broadcast", stream_slug="news")

    mail = prepare(make_recipient(), message, load_content(raw_row(PLAIN)), origin=ORIGIN, keys=KEYS)

    parsed = message_from_bytes(mail.content, policy=policy.default)
    assert parsed["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    assert "list-unsubscribe-post" in parsed["DKIM-Signature"].replace("\r\n ", "")
    assert verifies(mail.content)


@pytest.mark.parametrize(
    ("template", "wanted"),
    [
        ("<p>Hi {{ contact.name }}</p>", "Hi Zoë &amp; Co"),  # split once, joined a recipient
        ("<p>Hi {{ contact.name|upper }}</p>", "Hi ZOË &amp; CO"),  # through the engine
    ],
)
def test_a_broadcast_is_merged_tracked_and_signed(template: str, wanted: str) -> None:
    html = f"<html><body>{template}<a href='https://shop.example/a?b=1&c=2'>Go</a></body></html>"
    row = compiled_row(compiled.Source(kind="html", subject="For {{ contact.first_name }}", source=html))
    merge = {"contact": {"email": "zoe@shop.example", "name": "Zoë & Co", "first_name": "Zoë", "fields": {}}}
    recipient = make_recipient(merge=merge, broadcast_id=UUID(int=9))

    mail = prepare(recipient, make_message(stream_kind="broadcast"), load_content(row), origin=ORIGIN, keys=KEYS)

    parsed = message_from_bytes(mail.content, policy=policy.default)
    body = parsed.get_body(("html",)).get_content()
    assert wanted in body
    assert "https://mail.example/t/c/" in body
    assert "https://mail.example/t/o/" in body
    assert "https://mail.example/u/" in body
    assert "Bakery" in body
    assert "https://mail.example/u/" in parsed.get_body(("plain",)).get_content()
    assert parsed["Subject"] == "For Zoë"
    assert parsed["From"] == "Bäckerei <hi@news.example>"
    assert [parsed.get_all(name) and len(parsed.get_all(name)) for name in ("From", "Date", "Message-ID")] == [1, 1, 1]
    assert verifies(mail.content)


def test_a_field_nobody_filled_is_empty() -> None:
    row = compiled_row(compiled.Source(kind="html", subject="Hi", source="<p>[{{ contact.fields.city }}]</p>"))

    mail = prepare(
        make_recipient(merge={"contact": {}}), make_message(), load_content(row), origin=ORIGIN, keys=[]
    )

    assert "[]" in message_from_bytes(mail.content, policy=policy.default).get_body(("html",)).get_content()


def test_merge_tags_stay_where_they_stood_in_tables() -> None:
    source = "<table>{% for x in contact.fields.rows %}<tr><td>{{ x }}</td></tr>{% endfor %}</table>"

    html = compiled.to_html(compiled.Source(kind="html", subject="s", source=source))

    assert html is not None
    assert html.index("<table>") < html.index("{% for") < html.index("<td>") < html.index("{% endfor")


def test_mjml_that_is_not_closed_is_refused_in_words() -> None:
    with pytest.raises(PrepareError, match="MJML"):
        compiled.to_html(compiled.Source(kind="mjml", subject="s", source="<mjml><mj-body>"))


MULTIPART = (
    b'From: a@b.example\r\nMIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="xx"\r\n\r\npreamble\r\n'
    b"--xx\r\nContent-Type: text/html; charset=iso-8859-1\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n"
    b'<p>caf=E9 <a href=3D"https://shop.example/x">go</a></p>\r\n'
    b'--xx\r\nContent-Type: text/plain; name="a.txt"\r\nContent-Disposition: attachment\r\n\r\n'
    b"https://shop.example/attached\r\n--xx--\r\n"
)


def test_a_tracked_raw_message_changes_only_what_people_read() -> None:
    message = make_message(track="all")

    mail = prepare(make_recipient(), message, load_content(raw_row(MULTIPART)), origin=ORIGIN, keys=[])

    parsed = message_from_bytes(mail.content, policy=policy.default)
    html, attached = parsed.iter_parts()
    assert "café" in html.get_content()
    assert "https://mail.example/t/c/" in html.get_content()
    assert "https://mail.example/t/o/" in html.get_content()
    assert attached.get_content() == "https://shop.example/attached"
    assert raw_tracking.links_in(MULTIPART) == ("https://shop.example/x",)


def test_signed_mail_is_never_altered() -> None:
    signed = MULTIPART.replace(b"multipart/mixed", b"multipart/signed")

    mail = prepare(
        make_recipient(), make_message(track="all"), load_content(raw_row(signed)), origin=ORIGIN, keys=[]
    )

    assert mail.content.endswith(signed.split(b"\r\n\r\n", 1)[1])
