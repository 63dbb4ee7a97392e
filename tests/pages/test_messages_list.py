"""The message list: what its one search box understands, and whose rows it shows."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from campaigns import contacts
from relayhub.core.clock import now
from relayhub.core.ids import uuid7_at
from relayhub.core.models import Role
from relayhub.relay import search
from relayhub.relay.models import Stream
from relayhub.relay.search import Kind
from relayhub.site import setup
from tests.pages.marketer_rows import Desk, desk
from tests.pages.message_rows import NO_SUCH_USER, handed_in, recipient_of, tried
from tests.support.broadcast_rows import make_broadcast_to
from tests.support.relay_rows import make_message

pytestmark = pytest.mark.django_db


def listed(at: Desk, **query: str) -> str:
    answer = at.client.get(reverse("message-list"), query)
    assert answer.status_code == 200
    return answer.content.decode()


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("", Kind.NOTHING, ""),
        ("Ines@Mail.Example", Kind.ADDRESS, "ines@mail.example"),
        ("<ines@mail.example>", Kind.HEADER, "<ines@mail.example>"),
        ("mail.example", Kind.DOMAIN, "mail.example"),
        ("@Bücher.example", Kind.DOMAIN, "xn--bcher-kva.example"),
        ("ines@", Kind.BEGINNING, "ines@"),
        ("Bounced", Kind.STATE, "bounced"),
        ("tag:receipt", Kind.TAG, "receipt"),
        ("your receipt", Kind.SUBJECT, "your receipt"),
        ("receipt.", Kind.WORD, "receipt."),
        ("msg_nonsense", Kind.WORD, "msg_nonsense"),
        ("a\0b", Kind.WORD, "ab"),
    ],
)
def test_it_knows_what_a_text_means(text: str, kind: Kind, value: str) -> None:
    meaning = search.understand(text)

    assert (meaning.kind, meaning.value) == (kind, value)


def test_each_way_of_asking_finds_the_message() -> None:
    at = desk()
    message = handed_in(at, "ines@mail.example", tags=["receipt"])
    handed_in(at, "other@else.example", subject="Something else")

    for text in ("ines@mail.example", "mail.example", "@mail.example", "ines@", "INES", "tag:receipt", "your rec",
                 message.message_id_header, message.message_id_header.strip("<>")):
        page = listed(at, q=text)
        assert "Your receipt" in page, text
        assert "Something else" not in page, text


def test_an_id_leads_straight_to_its_page() -> None:
    at = desk()
    message = handed_in(at)
    recipient = recipient_of(message)

    for name in (message.public_id, recipient.public_id):
        answer = at.client.get(reverse("message-list"), {"q": name})
        assert answer["Location"] == reverse("message-detail", args=[name])


def test_a_foreign_id_leads_nowhere_and_shows_nothing() -> None:
    at, other = desk(), desk(setup.new_workspace("Other"), email="o@example.com")
    theirs = handed_in(other, "secret@theirs.example", subject="Theirs")
    handed_in(at)

    page = listed(at, q=theirs.public_id)

    assert "No message matches" in page
    assert "Theirs" not in listed(at)


def test_it_filters_by_status_stream_and_period() -> None:
    at = desk()
    bounced = handed_in(at, "gone@mail.example", subject="Bounced one")
    tried(recipient_of(bounced), "bounced", NO_SUCH_USER)
    waiting = handed_in(at, subject="Waiting one")
    make_message(waiting.stream, id=uuid7_at(now() - timedelta(days=40)), subject="Old one")

    assert "Bounced one" in listed(at, status="bounced")
    assert "No such user here" in listed(at, status="bounced")
    assert "Waiting one" not in listed(at, status="bounced")
    assert "Bounced one" in listed(at, q="bounced")
    assert "No message matches" in listed(at, stream="broadcast")
    assert "Old one" not in listed(at)
    assert "Old one" in listed(at, period="quarter")


def test_an_unknown_filter_value_is_let_go() -> None:
    at = desk()
    handed_in(at)

    assert "Your receipt" in listed(at, status="nonsense", period="nonsense")
    assert at.client.get(reverse("message-list"), {"cursor": "x", "newer": "y"}).status_code == 200


def test_several_recipients_are_one_row_with_their_counts() -> None:
    at = desk()
    handed_in(at, "a@mail.example", "b@mail.example", "c@mail.example")

    page = listed(at)

    assert "and 2 others" in page
    assert "3 queued" in page


def test_the_list_asks_as_often_for_fifty_as_for_one(django_assert_max_num_queries: object) -> None:
    at = desk()
    for number in range(8):
        handed_in(at, f"p{number}@mail.example")

    with django_assert_max_num_queries(22):  # type: ignore[operator]
        listed(at)


def test_a_campaigns_mail_shows_each_persons_own_subject_everywhere() -> None:
    at = desk()
    stream = Stream.objects.get(workspace=at.workspace, slug="broadcast")
    people = {"ana@mail.example": "Ana Rye", "bo@mail.example": "Bo Oat"}
    message, rows = make_broadcast_to(stream, people, subject="{{ contact.first_name }}, fresh bread")
    contact = contacts.add_contact(at.actor, email="bo@mail.example", evidence=contacts.Evidence(channel="api"))
    for row in rows:
        tried(row, "delivered", None, transport="sandbox")

    shown = {
        "list": listed(at), "search": listed(at, q="bo@mail.example"),
        "many": at.client.get(reverse("message-detail", args=[message.public_id])).content.decode(),
        "one": at.client.get(reverse("message-detail", args=[rows[1].public_id])).content.decode(),
        "sandbox": at.client.get(reverse("sandbox-inbox")).content.decode(),
        "contact": at.client.get(reverse("contact-detail", args=[contact.public_id])).content.decode(),
        "everywhere": at.client.get(reverse("search"), {"q": "bo@mail.example"}).content.decode(),
    }

    assert "contact.first_name" not in "".join(shown.values())
    assert {name: "Ana, fresh bread" in page for name, page in shown.items()} == {
        "list": True, "search": False, "many": True, "one": False, "sandbox": True, "contact": False,
        "everywhere": False,
    }
    assert {name: "Bo, fresh bread" in page for name, page in shown.items()} == {
        "list": False, "search": True, "many": False, "one": True, "sandbox": True, "contact": True,
        "everywhere": True,
    }
    assert reverse("message-detail", args=[rows[1].public_id]) in shown["contact"]


def test_an_empty_workspace_says_how_messages_come() -> None:
    page = listed(desk())

    assert "No messages yet" in page


def test_every_role_may_see_the_list() -> None:
    at = desk()
    handed_in(at)

    for number, role in enumerate((Role.VIEWER, Role.MARKETER, Role.DEVELOPER)):
        colleague = desk(at.workspace, role=role, email=f"c{number}@example.com")
        assert "Your receipt" in listed(colleague)
