"""What needs a person is found, comes worst first, and leads to the page that mends it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from campaigns.models import Campaign, Contact, MailTemplate, TemplateVersion
from deliverability.models import DomainStatus, SendingDomain
from relayhub.core.clock import now
from relayhub.core.keys import KeyLimits, create_key, rotate_key
from relayhub.core.models import ApiKey, Role, Scope, Workspace
from relayhub.relay.events import HOLD_DOMAIN
from relayhub.relay.models import Content, CounterDelta, Lane, Message, Recipient, Stream
from relayhub.site import first_steps, health_figures, needs
from tests.pages.marketer_rows import Desk, desk

pytestmark = pytest.mark.django_db


def _stream(workspace: Workspace, kind: str = "broadcast") -> Stream:
    return Stream.objects.get(workspace=workspace, kind=kind)


def _message(workspace: Workspace, *, source: str = "http", domain: str = "example.com") -> Message:
    content = Content.objects.create(workspace=workspace, data=b"x", size_bytes=1)
    return Message.objects.create(
        workspace=workspace, stream=_stream(workspace), content=content, source=source, from_header=f"a@{domain}",
        from_address=f"a@{domain}", from_domain=domain, expires_at=now() + timedelta(days=5),
    )


def _recipient(message: Message, status: str, *, lane_id: int = 0, hold_reason: str = "") -> Recipient:
    return Recipient.objects.create(
        message=message, workspace=message.workspace, stream=message.stream, lane_id=lane_id, status=status,
        hold_reason=hold_reason, address="b@example.net", address_key="b@example.net", domain="example.net",
    )


def _day(workspace: Workspace, **counts: int) -> None:
    stream = _stream(workspace)
    CounterDelta.objects.bulk_create(
        CounterDelta(workspace_id=workspace.pk, subject="stream", subject_id=stream.pk, metric=metric, delta=count,
                     bucket=health_figures.begins(1))
        for metric, count in counts.items()
    )


def _titles(at: Desk) -> list[str]:
    streams = health_figures.streams(health_figures.spans(at.workspace))
    return [need.title for need in needs.needs(at.workspace, streams)]


def test_nothing_needs_anybody_in_a_new_workspace() -> None:
    assert _titles(desk()) == []


def test_the_worst_comes_first_and_says_how_many_wait() -> None:
    at = desk()
    SendingDomain.objects.create(workspace=at.workspace, name="example.com", status=DomainStatus.BROKEN)
    _recipient(_message(at.workspace), "held", hold_reason=HOLD_DOMAIN)
    Campaign.objects.create(workspace=at.workspace, name="Later", status="paused")
    _day(at.workspace, delivered=90, bounced=10)

    page = at.client.get("/").content.decode()
    found = needs.needs(at.workspace, health_figures.streams(health_figures.spans(at.workspace)))

    assert [need.kind for need in found] == sorted((need.kind for need in found), key=["bad", "warn", "note"].index)
    assert "example.com" in found[0].title
    assert "1 recipient waits" in found[0].text
    assert "10.0% bounced in 24 hours" in page
    assert "at most 2% is good" in page
    assert "Watch bounces" in page


def test_a_lane_that_backs_off_is_told_only_while_mail_waits_in_it() -> None:
    at = desk()
    lane = Lane.objects.create(workspace=at.workspace, stream=_stream(at.workspace), site="mx.example.net",
                               backoff_until=now() + timedelta(minutes=9), backoff_reason="421 4.7.28 slow down")
    before = _titles(at)
    _recipient(_message(at.workspace), "deferred", lane_id=lane.pk)

    assert before == []
    assert _titles(at) == ["mx.example.net asked us to slow down"]


def test_a_key_that_ends_soon_is_told_while_it_is_used() -> None:
    at = desk()
    key = create_key(at.actor, name="Shop", limits=KeyLimits(scopes=(Scope.MESSAGES_WRITE,),
                                                             expires_at=now() + timedelta(days=6, hours=1))).key
    before = _titles(at)
    ApiKey.objects.filter(pk=key.pk).update(last_used_at=now())

    viewer = desk(at.workspace, role=Role.VIEWER, email="viewer@example.com").client.get("/").content.decode()
    assert before == []
    assert _titles(at) == ["API key “Shop” expires in 6 d"]
    assert "expires in 6 d" in viewer
    assert reverse("api-home") + "\">Open it" not in viewer
    (need,) = needs.needs(at.workspace)
    assert at.client.get(need.url).status_code == 200
    rotate_key(at.actor, key)
    (need,) = needs.needs(at.workspace)
    assert "It was rotated: give the program that uses it the new one." in need.text


def test_each_first_step_is_seen_by_what_is_there() -> None:
    at = desk()
    workspace = at.workspace

    def done() -> set[str]:
        return {step.title for step in first_steps.steps_of(workspace) if step.is_done}

    _message(workspace, source="campaign")
    _message(workspace, source="system")
    MailTemplate.objects.create(workspace=workspace, name="Draft").versions.create(number=1)
    draft = Campaign.objects.create(workspace=workspace, name="Draft")
    SendingDomain.objects.create(workspace=workspace, name="pending.example")
    assert done() == set()
    assert any(draft.public_id in step.url for step in first_steps.steps_of(workspace))

    _message(workspace, source="smtp")
    Contact.objects.create(workspace=workspace, email="c@example.com", email_key="c@example.com")
    TemplateVersion.objects.update(published_at=now())
    Campaign.objects.update(launched_at=now())
    SendingDomain.objects.update(status=DomainStatus.VERIFIED)
    assert done() == {"Verify a domain", "Send a first message", "Bring your contacts", "Write a template",
                      "Launch a first campaign"}
    assert first_steps.left_in_words(first_steps.steps_of(workspace)) == "5 of 7 done, about 6 minutes left"
