"""The message list: what its one search box understands, and whose rows it shows."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from campaigns import contacts
from relayhub.core.clock import now
from relayhub.core.ids import uuid7_at
from relayhub.core.models import Role
from relayhub.relay import search
from relayhub.relay.models import Recipient, Stream
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


def test_each_way_of_asking_finds_the_message() -> None:
    at = desk()
    message = handed_in(at, "ines@mail.example", tags=["receipt"])
    handed_in(at, "other@else.example", subject="Something else")

    for text in ("ines@mail.example", "mail.example", "@mail.example", "ines@", "INES", "tag:receipt", "your rec",
                 message.message_id_header, message.message_id_header.strip("<>")):
        page = listed(at, q=text)
        assert "Your receipt" in page, text
        assert "Something else" not in page, text


def test_parts_narrow_together_and_each_can_be_taken_out() -> None:
    at = desk()
    gone = handed_in(at, "gone@mail.example", subject="Gone", tags=["receipt"])
    tried(recipient_of(gone), "bounced", NO_SUCH_USER)
    other = handed_in(at, "gone@else.example", subject="Elsewhere")
    tried(recipient_of(other), "bounced", NO_SUCH_USER)
    handed_in(at, "fine@mail.example", subject="Fine")

    page = listed(at, q="mail.example bounced today", stream="transactional")

    assert "Gone" in page
    assert "Elsewhere" not in page
    assert "Fine" not in page
    assert "recipient is at mail.example" in page
    assert "?stream=transactional&amp;q=mail.example+today" in page
    assert "Gone" not in listed(at, q="mail.example bounced yesterday")
    assert "Gone" in listed(at, q="tag:receipt bounced from:shop.example")
    assert "Gone" not in listed(at, q="tag:receipt delivered")


def test_a_word_taken_for_a_state_can_be_looked_for_as_a_word() -> None:
    at = desk()
    handed_in(at, subject="Your parcel was delivered")

    page = listed(at, q="parcel delivered")

    assert "No message matches" in page
    assert "?q=%22parcel+delivered%22" in page
    assert "Your parcel was" in listed(at, q="subject:delivered parcel")


def test_what_the_sandbox_kept_is_not_called_delivered() -> None:
    at = desk()
    tried(recipient_of(handed_in(at, subject="Kept one")), "delivered", None, transport="sandbox")
    tried(recipient_of(handed_in(at, subject="Sent one")), "delivered", None)

    assert "Kept one" not in listed(at, q="delivered")
    assert "Sent one" in listed(at, q="delivered")
    assert "Kept one" in listed(at, q="kept")
    assert "Sent one" not in listed(at, q="kept mail.example")


def test_marks_of_people_find_recipients() -> None:
    at = desk()
    row = recipient_of(handed_in(at, subject="Opened one"))
    handed_in(at, subject="Closed one")
    Recipient.objects.filter(pk=row.pk).update(opened_at=now())

    page = listed(at, q="opened")

    assert "Opened one" in page
    assert "Closed one" not in page


def test_a_look_reads_so_far_says_so_and_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search, "FIRST_LOOK", 3)
    monkeypatch.setattr(search, "FURTHER_LOOK", 2)
    at = desk()
    for number in range(8):
        handed_in(at, f"p{number}@mail.example", subject="Needle" if number in (1, 6) else "Hay")

    first = listed(at, q="needle")
    pages = [first]
    while (found := re.search(r'href="(\?[^"]*cursor=[^"]*)"[^>]*>(?:<svg.*?</svg>)?Look further', pages[-1])):
        pages.append(at.client.get(reverse("message-list") + found[1].replace("&amp;", "&")).content.decode())

    assert ["p6@mail" in page or "p1@mail" in page for page in pages] == [True, False, True, False]
    assert "1 message so far" in first
    assert "Searched back to" in first
    assert "Searched to the end of what is kept" in pages[-1]
    assert "None so far" in pages[1]


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
