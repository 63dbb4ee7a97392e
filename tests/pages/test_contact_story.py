"""A contact's story: what a mail came to in one entry, and evidence by what it was."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest
from django.urls import reverse

from campaigns import contact_story, lists
from campaigns.contacts import Evidence, add_contact
from campaigns.models import ConsentEntry, Contact
from relayhub.relay.models import Event
from tests.pages.marketer_rows import Desk, desk
from tests.support.relay_rows import make_lane, make_message, make_recipients, make_stream

pytestmark = pytest.mark.django_db


@pytest.fixture
def at() -> Desk:
    return desk()


def person(at: Desk) -> Contact:
    return add_contact(at.actor, email="a@x.example", evidence=Evidence(channel="form"))


def test_the_story_puts_a_mail_and_what_became_of_it_in_one_entry(at: Desk) -> None:
    row = person(at)
    stream = make_stream(at.workspace, slug="mail")
    mail = make_recipients(make_message(stream, subject="Fresh bread"), make_lane(stream), ["a@x.example"])[0]
    event = {"workspace_id": at.workspace.pk, "stream_id": stream.pk, "message_id": mail.message_id,
             "recipient_id": mail.pk, "at": mail.accepted_at + timedelta(seconds=1)}
    Event.objects.create(type="delivered", reply={"code": 250, "enhanced": "2.0.0", "text": "queued"}, **event)

    page = at.client.get(reverse("contact-detail", args=[row.public_id])).content.decode()
    story = re.sub(r"<[^>]+>", " ", page[page.index('id="timeline"'):])

    assert re.search(r"accepted \d\d:\d\d\s+Delivered\s*:\s+Fresh bread", story)
    assert "queued" not in story
    assert "Accepted" not in story


def test_a_contact_without_a_source_names_the_way_it_came(at: Desk) -> None:
    assert contact_story.origin_of(person(at)) == "Sign-up form"
    assert contact_story.origin_of(Contact(source="the fair")) == "the fair"


def test_evidence_names_the_link_by_what_it_did(at: Desk) -> None:
    news = lists.create_list(at.actor, name="News")
    row = person(at)
    entry = {"contact": row, "mailing_list": news, "channel": "link"}

    said = [contact_story.evidence_of(ConsentEntry(action=action, **entry)) for action in ("confirmed", "unsubscribed")]

    assert said == ["Confirmation link", "Unsubscribe link"]
