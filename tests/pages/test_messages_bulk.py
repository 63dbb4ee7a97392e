"""Acts on picked rows of the message list."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from relayhub.core.models import Role
from relayhub.relay.models import Message, Recipient
from relayhub.site import setup
from tests.pages.marketer_rows import Desk, desk
from tests.pages.message_rows import NO_SUCH_USER, handed_in, recipient_of, tried

pytestmark = pytest.mark.django_db


def post(at: Desk, act: str, *ids: str) -> str:
    page = reverse("message-list")
    answer = at.client.post(
        reverse("message-bulk"), {"act": act, "picked": list(ids)}, HTTP_REFERER=f"http://testserver{page}?q=x",
        follow=True,
    )
    assert answer.redirect_chain[0][0] == f"{page}?q=x"
    return answer.content.decode()


def stand(*rows: Recipient) -> list[str]:
    return [Recipient.objects.get(pk=row.pk).status for row in rows]


def test_picked_messages_and_recipients_are_held_released_and_cancelled() -> None:
    at = desk()
    first = recipient_of(handed_in(at))
    handed_in(at, "a@mail.example", "b@mail.example")
    second, third = Recipient.objects.exclude(pk=first.pk).order_by("id")
    ids = (first.message.public_id, second.public_id)

    held = post(at, "hold", *ids)
    after_hold = stand(first, second, third)
    post(at, "release", *ids)
    after_release = stand(first, second, third)
    post(at, "cancel", *ids)

    assert "Held for 2 recipients." in held
    assert after_hold == ["held", "held", "queued"]
    assert after_release == ["queued", "queued", "queued"]
    assert stand(first, second, third) == ["cancelled", "cancelled", "queued"]


def undo_of(page: str) -> str:
    """The address behind the Undo button, "" where there is none."""
    found = re.search(r'action="(/messages/undo/[^"]+)"', page)
    return found[1] if found else ""


def test_holding_and_releasing_are_undone_for_exactly_those_that_moved() -> None:
    at = desk()
    held, waits = recipient_of(handed_in(at)), recipient_of(handed_in(at))
    post(at, "hold", held.public_id)

    both = post(at, "hold", held.public_id, waits.public_id)
    at.client.post(undo_of(both))
    after_hold = stand(held, waits)
    freed = post(at, "release", held.message.public_id)
    at.client.post(undo_of(freed))

    assert after_hold == ["held", "queued"]
    assert stand(held, waits) == ["held", "queued"]
    assert "15 minutes" in at.client.post(
        undo_of(freed), HTTP_REFERER="http://testserver/messages", follow=True).content.decode()
    assert undo_of(post(at, "cancel", waits.public_id)) == ""
    other = desk(setup.new_workspace("Other"), email="o@example.com")
    again = undo_of(post(at, "release", held.public_id))
    other.client.post(again)
    assert stand(held) == ["queued"]


def test_sending_again_goes_to_those_who_did_not_get_it() -> None:
    at = desk()
    message = handed_in(at, "got@mail.example", "missed@mail.example")
    got, missed = Recipient.objects.filter(message=message).order_by("id")
    tried(got, "delivered", None)
    tried(missed, "bounced", NO_SUCH_USER)
    waits = handed_in(at, "waits@mail.example")

    page = post(at, "resend", message.public_id, waits.public_id)
    none = post(at, "resend", got.public_id)

    assert "Handed in again for 1 recipient." in page
    assert "nothing was changed" in none
    new = Message.objects.exclude(pk__in=[message.pk, waits.pk]).get()
    assert [row.address for row in new.recipients.all()] == ["missed@mail.example"]


def test_what_is_finished_is_passed_over_and_said() -> None:
    at = desk()
    done, open_ = recipient_of(handed_in(at)), recipient_of(handed_in(at))
    tried(done, "bounced", NO_SUCH_USER)

    both = post(at, "cancel", done.public_id, open_.public_id)
    again = post(at, "cancel", done.public_id, open_.public_id)

    assert "Cancelled for 1 recipient." in both
    assert "nothing was changed" in again
    assert stand(done, open_) == ["bounced", "cancelled"]


def test_others_rows_and_nonsense_are_left_alone() -> None:
    at, other = desk(), desk(setup.new_workspace("Other"), email="o@example.com")
    theirs = recipient_of(handed_in(other))

    assert "nothing was changed" in post(at, "cancel", theirs.public_id, theirs.message.public_id, "msg_x", "x")
    assert "Pick at least one row" in post(at, "cancel")
    assert "An act is one of" in post(at, "explode", theirs.public_id)
    assert stand(theirs) == ["queued"]


def test_only_those_who_may_write_messages_can_pick() -> None:
    at = desk()
    row = recipient_of(handed_in(at))
    viewer = desk(at.workspace, role=Role.VIEWER, email="v@example.com")

    assert "data-pick-all" not in viewer.client.get(reverse("message-list")).content.decode()
    answer = viewer.client.post(reverse("message-bulk"), {"act": "cancel", "picked": [row.public_id]})
    assert answer.status_code == 403
    assert stand(row) == ["queued"]


def test_a_list_that_is_sent_twice_sends_again_once() -> None:
    at = desk()
    message = handed_in(at)
    tried(recipient_of(message), "bounced", NO_SUCH_USER)
    page = at.client.get(reverse("message-list")).content.decode()
    once = re.search(r'name="once" value="([^"]+)"', page)
    assert once
    given = {"act": "resend", "picked": [message.public_id], "once": once[1]}

    for _ in range(2):
        at.client.post(reverse("message-bulk"), given)

    assert Message.objects.count() == 2
