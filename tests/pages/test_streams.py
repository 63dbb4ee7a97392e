"""Streams: listed, changed, paused with a reason, resumed, added and removed."""

from __future__ import annotations

import pytest
from django.urls import reverse

from relayhub.core.errors import ConflictError
from relayhub.core.models import AuditEntry, Role
from relayhub.relay import streams
from relayhub.relay.models import Stream
from relayhub.site import setup
from tests.pages.marketer_rows import Desk, desk
from tests.pages.message_rows import handed_in

pytestmark = pytest.mark.django_db


def broadcast(at: Desk) -> Stream:
    return Stream.objects.get(workspace=at.workspace, slug="broadcast")


def test_pausing_asks_then_keeps_back_with_its_reason() -> None:
    at = desk()
    address = reverse("stream-pause", args=[broadcast(at).public_id])

    asked = at.client.get(address)
    untouched = broadcast(at).paused_at
    at.client.post(address, {"reason": "Their spam filter is on fire"})
    page = at.client.get(reverse("stream-list")).content.decode()

    assert b"Pause \xe2\x80\x9cBroadcast\xe2\x80\x9d?" in asked.content
    assert untouched is None
    assert broadcast(at).paused_reason == "Their spam filter is on fire"
    assert "Their spam filter is on fire" in page
    at.client.post(reverse("stream-resume", args=[broadcast(at).public_id]))
    assert broadcast(at).paused_at is None
    assert AuditEntry.objects.filter(action__in=("stream.paused", "stream.resumed")).count() == 2


def test_what_is_measured_can_be_changed() -> None:
    at = desk()
    address = reverse("stream-edit", args=[broadcast(at).public_id])

    wrong = at.client.post(address, {"name": "News", "track": "everything"})
    at.client.post(address, {"name": "News", "track": "clicks"})

    assert wrong.status_code == 422
    assert b"News" in wrong.content
    assert (broadcast(at).name, broadcast(at).track) == ("News", "clicks")


def test_a_stream_is_added_once_and_removed_while_unused() -> None:
    at = desk()
    given = {"slug": "receipts", "name": "Receipts", "kind": "transactional", "track": "none"}

    at.client.post(reverse("stream-new"), given)
    twice = at.client.post(reverse("stream-new"), given)
    stream = Stream.objects.get(slug="receipts")
    form = at.client.get(reverse("stream-edit", args=[stream.public_id]))
    at.client.post(reverse("stream-delete", args=[stream.public_id]))

    assert twice.status_code == 422
    assert "There is a stream “receipts” already." in twice.content.decode()
    assert "Delete the stream “Receipts”?" in form.content.decode()
    assert not Stream.objects.filter(slug="receipts").exists()


def test_a_default_stream_stays() -> None:
    at = desk()

    at.client.post(reverse("stream-delete", args=[broadcast(at).public_id]))

    assert broadcast(at)


def test_others_may_look_and_not_change() -> None:
    owner = desk()
    viewer = desk(owner.workspace, role=Role.VIEWER, email="v@example.com")
    stranger = desk(setup.new_workspace("Other"), email="o@example.com")
    one = broadcast(owner).public_id

    assert b"Pause" not in viewer.client.get(reverse("stream-list")).content.partition(b"<main")[2]
    assert viewer.client.post(reverse("stream-pause", args=[one])).status_code == 403
    assert stranger.client.get(reverse("stream-edit", args=[one])).status_code == 404
    assert stranger.client.post(reverse("stream-resume", args=[one])).status_code == 404


def test_a_stream_that_carries_its_first_message_while_it_is_removed_is_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    at = desk()
    stream = streams.create_stream(at.actor, slug="receipts", name="Receipts", kind="transactional")
    handed_in(at, stream="receipts")
    monkeypatch.setattr(streams, "_has_messages", lambda _: False)  # what was so when we looked

    with pytest.raises(ConflictError, match="has carried messages"):
        streams.delete_stream(at.actor, stream)

    assert Stream.objects.filter(pk=stream.pk).exists()
    assert not AuditEntry.objects.filter(action="stream.deleted").exists()


def test_a_reason_with_a_nul_is_kept_without_it() -> None:
    at = desk()

    answer = at.client.post(reverse("stream-pause", args=[broadcast(at).public_id]), {"reason": "On\0 fi\0re"})

    assert answer.status_code == 302
    assert broadcast(at).paused_reason == "On fire"
