"""One message's pages: the story, the content in its cage, and what people do to it."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from django.urls import reverse

from relayhub.core.caged import CAGE
from relayhub.core.clock import now
from relayhub.core.ids import Prefix, encode_id, uuid7
from relayhub.core.models import AuditEntry, Role
from relayhub.relay import lane_controls
from relayhub.relay.models import Event, Lane, Message, Recipient
from relayhub.site import setup
from tests.pages.marketer_rows import Desk, desk
from tests.pages.message_rows import (
    GREYLISTED,
    NO_SUCH_USER,
    handed_in,
    kept,
    recipient_of,
    tried,
    with_file,
)
from tests.support.deliverability_rows import make_domain
from tests.support.relay_rows import make_lane

pytestmark = pytest.mark.django_db
BODY_PAGES = ("message-content", "message-source", "message-headers", "message-frame", "message-raw")
ACTS = ("message-cancel", "message-hold", "message-release", "message-retry", "message-resend")


def shown(at: Desk, message: Message | Recipient, name: str = "message-detail", **query: str) -> str:
    answer = at.client.get(reverse(name, args=[message.public_id]), query)
    assert answer.status_code == 200
    return answer.content.decode()


# -- the story -----------------------------------------------------------------------------------------------


def test_a_deferred_one_says_why_what_next_and_shows_the_line_that_matters() -> None:
    at = desk()
    message = handed_in(at)
    tried(recipient_of(message), "deferred", GREYLISTED, wait=90, detail={"why": "They greylist strangers."})

    page = shown(at, message)

    assert "Likely cause" in page
    assert "They greylist strangers." in page
    assert "Waited 1 min 30 s for its turn" in page
    assert "Next try in" in page
    assert 'class="hit s-deferred"' in page
    assert "Routes not taken (1)" in page
    assert "Own office" in page
    assert "By the REST API" in page


def test_a_wait_says_what_people_did_to_its_lane_in_that_time() -> None:
    at = desk()
    row = recipient_of(handed_in(at))
    lane = Lane.objects.get(pk=row.lane_id)
    other = make_lane(row.stream, "elsewhere.example")
    lane_controls.pause_site(at.actor, lane, reason="Their server is moved")
    lane_controls.pause_site(at.actor, other, reason="Not this one")
    lane_controls.resume_site(at.actor, lane)
    lane_controls.pace_site(at.actor, lane, 60)
    tried(row, "deferred", GREYLISTED, wait=95, detail={"mx": ["10 mx1.mail.example", "20 mx2.mail.example"]})

    page = shown(at, row)

    assert "Its lane was paused by maja@example.com at" in page
    assert "(Their server is moved)" in page
    assert "Not this one" not in page
    assert "Its lane was resumed by maja@example.com at" in page
    assert "Its lane is limited to 60 a minute now." in page
    assert "mx2.mail.example" in page
    assert "Return-path" in page


def test_a_bounced_one_explains_the_suppression() -> None:
    at = desk()
    message = handed_in(at)
    tried(recipient_of(message), "bounced", NO_SUCH_USER, detail={"suppresses": True}, bounce_class="hard",
          bounce_category="recipient")

    page = shown(at, message)

    assert "nobody has this address" in page
    assert "The address is on the suppression list now." in page
    assert "550 5.1.1" in page


def test_one_kept_in_the_sandbox_is_worded_so() -> None:
    at = desk()
    message = handed_in(at)
    kept(message)

    page = shown(at, message)

    assert "Kept in the sandbox" in page
    assert "It did not leave this installation." in page
    assert "SMTP conversation" not in page


def test_a_bounce_report_and_a_complaint_are_part_of_the_story() -> None:
    at = desk()
    row = recipient_of(handed_in(at))
    tried(row, "delivered", {"code": 250, "enhanced": "2.0.0", "text": "Ok"})
    told = (("bounced", {"by": "report", "why": "The mailbox is full."}), ("complained", {"by": "report"}))
    for kind, detail in told:
        Event.objects.create(
            id=uuid7(), workspace_id=row.workspace_id, stream_id=row.stream_id, message_id=row.message_id,
            recipient_id=row.pk, type=kind, detail=detail,
        )

    page = shown(at, row)

    assert "A bounce message came back. The mailbox is full." in page
    assert "The person told their provider that this is spam." in page


def test_a_message_with_several_recipients_lists_them_with_counts() -> None:
    at = desk()
    message = handed_in(at, "a@mail.example", "b@mail.example")
    tried(Recipient.objects.get(address="a@mail.example"), "bounced", NO_SUCH_USER)

    page, filtered = shown(at, message), shown(at, message, status="bounced")

    first, second = Recipient.objects.order_by("address")
    assert first.public_id in page
    assert second.public_id in page
    assert first.public_id in filtered
    assert second.public_id not in filtered
    assert second.public_id in shown(at, message, q="B@mail.example")
    one = shown(at, first)
    assert "All 2 recipients" in one


def test_the_page_learns_when_its_state_has_changed() -> None:
    at = desk()
    row = recipient_of(handed_in(at))
    address = reverse("message-live", args=[row.public_id])

    assert at.client.get(address, {"state": "queued:0"}).json() == {"end": False}
    tried(row, "delivered", None)
    assert at.client.get(address, {"state": "queued:0"}).json() == {"end": True}


# -- content -------------------------------------------------------------------------------------------------


def test_content_is_answered_in_the_cage_only() -> None:
    at = desk()
    message = handed_in(at, attachments=[with_file()])

    for name, args in (("message-frame", ()), ("message-raw", ()), ("message-attachment", (1,))):
        answer = at.client.get(reverse(name, args=[message.public_id, *args]))
        assert answer["Content-Security-Policy"] == CAGE, name
        assert answer["X-Content-Type-Options"] == "nosniff"
        assert answer["Referrer-Policy"] == "no-referrer"
        assert not answer.cookies
    frame = at.client.get(reverse("message-frame", args=[message.public_id]))
    assert frame["X-Frame-Options"] == "SAMEORIGIN"
    assert b"<h1>Hello</h1>" in frame.content
    text = at.client.get(reverse("message-frame", args=[message.public_id]), {"part": "text"})
    assert text.content.startswith(b"<!doctype html>")


def test_source_and_attachments_download() -> None:
    at = desk()
    message = handed_in(at, attachments=[with_file()])

    raw = at.client.get(reverse("message-raw", args=[message.public_id]))
    file = at.client.get(reverse("message-attachment", args=[message.public_id, 1]))

    assert raw["Content-Disposition"].startswith('attachment; filename="rcp_')
    assert b"Subject: Your receipt\r\n" in raw.content
    assert file["Content-Disposition"] == 'attachment; filename="receipt.pdf"'
    assert file["Content-Type"] == "application/octet-stream"
    assert file.content == b"%PDF-1.4"
    assert at.client.get(reverse("message-attachment", args=[message.public_id, 2])).status_code == 404


def test_looking_measures_nothing() -> None:
    at = desk()
    message = handed_in(at, track="all")
    row = recipient_of(message)

    frame = shown(at, row, "message-frame")
    sent = at.client.get(reverse("message-raw", args=[row.public_id])).content

    assert b"/t/c/" in sent.replace(b"=\r\n", b"")
    assert "/t/c/" not in frame
    assert "/t/o/" not in frame
    assert "https://shop.example/rye" in frame
    assert "Clicks are counted" in shown(at, row, "message-content")


def test_the_source_is_shown_escaped_and_headers_are_explained() -> None:
    at = desk()
    message = handed_in(at)

    source, headers = shown(at, message, "message-source"), shown(at, message, "message-headers")

    assert "<script>alert" not in source
    assert "&lt;h1&gt;Hello" in source
    assert "What the person sees first." in headers
    assert "No DKIM signature" in headers


def test_those_who_may_not_read_bodies_get_no_content() -> None:
    at = desk()
    message = handed_in(at, attachments=[with_file()])
    viewer = desk(at.workspace, role=Role.VIEWER, email="v@example.com")

    page = shown(viewer, message)

    assert "Timeline" in page
    assert reverse("message-source", args=[recipient_of(message).public_id]) not in page
    for name in BODY_PAGES:
        assert viewer.client.get(reverse(name, args=[message.public_id])).status_code == 403, name
    assert viewer.client.get(reverse("message-attachment", args=[message.public_id, 1])).status_code == 403


def test_foreign_and_unknown_ids_are_absent() -> None:
    at, other = desk(), desk(setup.new_workspace("Other"), email="o@example.com")
    theirs = handed_in(other)
    names = (theirs.public_id, recipient_of(theirs).public_id, encode_id(Prefix.MESSAGE, uuid7()), "msg_x", "x")

    for public_id in names:
        for name in ("message-detail", "message-live", *BODY_PAGES):
            assert at.client.get(reverse(name, args=[public_id])).status_code == 404, (name, public_id)
        for name in ACTS:
            assert at.client.post(reverse(name, args=[public_id])).status_code == 404, (name, public_id)


# -- acts ----------------------------------------------------------------------------------------------------


def status_of(row: Recipient) -> str:
    return Recipient.objects.get(pk=row.pk).status


def test_a_waiting_one_is_held_released_and_cancelled() -> None:
    at = desk()
    row = recipient_of(handed_in(at))

    at.client.post(reverse("message-hold", args=[row.public_id]))
    held = (status_of(row), shown(at, row))
    at.client.post(reverse("message-release", args=[row.public_id]))
    released = status_of(row)
    at.client.post(reverse("message-cancel", args=[row.public_id]))

    assert held[0] == "held"
    assert "Held by a person" in held[1]
    assert (released, status_of(row)) == ("queued", "cancelled")
    acts = list(AuditEntry.objects.order_by("id").values_list("action", flat=True))
    assert acts[-3:] == ["message.held", "message.released", "message.cancelled"]


def test_an_act_on_one_recipient_leaves_the_others() -> None:
    at = desk()
    handed_in(at, "a@mail.example", "b@mail.example")
    first, second = Recipient.objects.order_by("id")

    at.client.post(reverse("message-cancel", args=[first.public_id]))

    assert (status_of(first), status_of(second)) == ("cancelled", "queued")


def test_cancelling_again_says_that_nothing_is_left() -> None:
    at = desk()
    row = recipient_of(handed_in(at))
    address, page = reverse("message-cancel", args=[row.public_id]), reverse("message-detail", args=[row.public_id])

    at.client.post(address)
    again = at.client.post(address, HTTP_REFERER=f"http://testserver{page}", follow=True)

    assert b"Nothing is left to cancel" in again.content


def test_a_deferred_one_can_be_tried_now() -> None:
    at = desk()
    row = recipient_of(handed_in(at))
    tried(row, "deferred", GREYLISTED)

    answer = at.client.post(reverse("message-retry", args=[row.public_id]), follow=True)

    assert b"Due now for 1 recipient." in answer.content
    assert Recipient.objects.get(pk=row.pk).next_attempt_at <= now()


def test_a_scheduled_one_says_when_and_can_be_sent_at_once() -> None:
    at = desk()
    row = recipient_of(handed_in(at, send_at=now() + timedelta(hours=3)))

    page = shown(at, row)
    at.client.post(reverse("message-retry", args=[row.public_id]))

    assert "First try in 2 h" in page
    assert "Send now" in page
    assert Recipient.objects.get(pk=row.pk).next_attempt_at <= now()


def test_an_unknown_one_asks_before_it_goes_twice() -> None:
    at = desk()
    row = recipient_of(handed_in(at))
    tried(row, "unknown", None)

    page = shown(at, row)
    at.client.post(reverse("message-release", args=[row.public_id]))

    assert "the person gets it twice" in page
    assert status_of(row) == "deferred"


def test_sending_again_makes_a_new_message_with_a_new_name() -> None:
    at = desk()
    message = handed_in(at, "a@mail.example", "b@mail.example", tags=["receipt"], metadata={"order": "7"})
    first, second = Recipient.objects.order_by("id")
    tried(first, "delivered", None)
    tried(second, "bounced", NO_SUCH_USER)

    answer = at.client.post(reverse("message-resend", args=[message.public_id]), {"who": "missed"}, follow=True)

    new = Message.objects.exclude(pk=message.pk).get()
    assert [row.address for row in Recipient.objects.filter(message=new)] == ["b@mail.example"]
    assert new.message_id_header != message.message_id_header
    assert (new.subject, new.tags, new.metadata) == (message.subject, ["receipt"], {"order": "7"})
    assert bytes(new.content.data).lower().count(b"message-id:") == 1
    assert f"Sent again from {message.public_id}".encode() in answer.content
    assert AuditEntry.objects.filter(action="message.resent", object_id=message.public_id).count() == 1
    at.client.post(reverse("message-resend", args=[message.public_id]), {"who": "all"})
    assert Message.objects.count() == 3


def test_who_may_not_write_messages_sees_no_buttons_and_is_refused() -> None:
    at = desk()
    message = handed_in(at)
    row = recipient_of(message)
    marketer = desk(at.workspace, role=Role.MARKETER, email="m@example.com")

    page = shown(marketer, row)

    assert "#cancel-message" not in page
    assert "#resend-message" not in page
    for name in ACTS:
        assert marketer.client.post(reverse(name, args=[row.public_id])).status_code == 403, name
        assert at.client.get(reverse(name, args=[row.public_id])).status_code == 405, name
    assert status_of(row) == "queued"


def test_a_page_that_is_sent_twice_sends_again_once() -> None:
    at = desk()
    message = handed_in(at, "a@mail.example", "b@mail.example")
    first, second = Recipient.objects.order_by("id")
    tried(first, "delivered", None)
    tried(second, "bounced", NO_SUCH_USER)
    address = reverse("message-resend", args=[message.public_id])
    page = at.client.get(reverse("message-detail", args=[message.public_id])).content.decode()
    once = re.search(r'name="once" value="([^"]+)"', page)
    assert once

    one = at.client.post(address, {"who": "missed", "once": once[1]})
    two = at.client.post(address, {"who": "missed", "once": once[1]}, follow=True)

    assert Message.objects.count() == 2
    assert two.redirect_chain[0][0] == one["Location"]
    assert "already: this is that message" in two.content.decode()
    assert AuditEntry.objects.filter(action="message.resent").count() == 1
    at.client.post(address, {"who": "all", "once": once[1]})
    assert Message.objects.count() == 3


def test_what_is_on_its_way_is_not_sent_again() -> None:
    at = desk()
    row = recipient_of(handed_in(at))

    answer = at.client.post(
        reverse("message-resend", args=[row.public_id]), HTTP_REFERER="http://testserver/messages", follow=True
    )

    assert "still on its way" in answer.content.decode()
    assert Message.objects.count() == 1


def test_a_tag_of_two_words_leads_to_its_messages() -> None:
    at = desk()
    message = handed_in(at, tags=["spring sale"], subject="Tagged")
    handed_in(at, tags=["sale"], subject="Other spring")
    page = at.client.get(reverse("message-detail", args=[message.public_id])).content.decode()
    link = re.search(r'class="rh-tag" href="([^"]+)"', page)
    assert link

    found = at.client.get(unescape(link[1])).content.decode()

    assert "Tagged" in found
    assert "Other spring" not in found


def test_records_that_stood_are_one_line_and_wrong_ones_come_first() -> None:
    at = desk()
    domain = make_domain("shop.example", actor=at.actor)
    domain.checks.update(outcome="pass", explanation="As wanted.")
    row = recipient_of(handed_in(at))
    in_place = domain.checks.filter(kind__in=("dkim", "dkim_ed25519", "return_path", "spf", "dmarc")).count()

    well = shown(at, row)
    domain.checks.filter(kind="dmarc").update(outcome="fail", explanation="There is no TXT record yet.")
    wrong = shown(at, row)

    assert f"All {in_place} records were in place" in well
    assert "records were in place" not in wrong
    assert wrong.index("DMARC missing or wrong") < wrong.index("DKIM key in place")


def test_days_of_a_story_get_room_for_one_line() -> None:
    at = desk()
    row = recipient_of(handed_in(at))
    today = shown(at, row)
    Event.objects.filter(recipient_id=row.pk).update(at=now() - timedelta(days=3))

    assert '<ol class="rh-tl">' in today
    assert '<ol class="rh-tl wide">' in shown(at, row)


def test_the_word_before_a_cancel_lists_nobody() -> None:
    at = desk()

    page = unescape(shown(at, handed_in(at, "ines@mail.example", "bo@mail.example")))

    assert "Cancel for 2 recipients?" in page
    assert "<Recipient" not in page
