"""What would take too long for an answer goes on as a job: lanes after a change of rules, acts on whole campaigns."""

from __future__ import annotations

from typing import Any

import pytest
from django.db import connection
from django.urls import reverse

from relayhub.core import jobs
from relayhub.core.ids import Prefix, encode_id
from relayhub.core.models import Job, JobStatus
from relayhub.relay import controls, relaning, rest_of_act, routes
from relayhub.relay.models import Message, Recipient
from relayhub.relay.routes import RouteInput
from tests.pages.marketer_rows import desk
from tests.relay.test_bulk_and_controls import actor_of, expand, make_broadcast
from tests.support.relay_rows import make_stream, make_waiting, make_workspace

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.servers]
WAY = "smtp://house.example:587"


def sites() -> list[str]:
    """The lane's name of every recipient."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT l.site FROM relay_lane l JOIN relay_recipient r ON r.lane_id = l.id ORDER BY r.id")
        return [row[0] for row in cursor.fetchall()]


@pytest.mark.parametrize("dies_at", [0, 1])
def test_very_much_that_waits_follows_changed_rules_as_a_job(
    monkeypatch: pytest.MonkeyPatch, settings: Any, dies_at: int
) -> None:
    settings.RELAYHUB_DEFAULT_ROUTE = "direct"
    monkeypatch.setattr(relaning, "MOVED_AT_ONCE", 3)
    monkeypatch.setattr(relaning, "_BATCH", 2)
    rows = make_waiting([f"p{n}@{domain}.example" for n in range(3) for domain in ("a", "b")])
    actor = actor_of(rows[0].workspace)
    controls.cancel_message(actor, rows[0].message, [rows[0]])
    before = sites()

    routes.create_route(actor, RouteInput(transport=WAY))
    job = Job.objects.get(kind=relaning.JOB_KIND)
    assert sites() == before
    if dies_at:
        _die_in(monkeypatch, job)
        assert 0 < sites().count(WAY) < 5
    jobs.run_job(job.pk)

    job.refresh_from_db()
    assert (job.status, job.result) == (JobStatus.DONE, {"recipients": 5})
    assert sites() == [before[0], *[WAY] * 5]


def _die_in(monkeypatch: pytest.MonkeyPatch, job: Job) -> None:
    """Run the job until its worker dies at the second batch, and let its hold run out."""
    moved = relaning._move
    batches = []

    def dies(*given: Any, **options: Any) -> int:
        batches.append(1)
        if len(batches) == 2:
            raise SystemExit
        return moved(*given, **options)

    with monkeypatch.context() as patched:
        patched.setattr(relaning, "_move", dies)
        with pytest.raises(SystemExit):
            jobs.run_job(job.pk)
    Job.objects.filter(pk=job.pk).update(heartbeat_at="2020-01-01T00:00:00Z")


def test_little_that_waits_follows_at_once(settings: Any) -> None:
    settings.RELAYHUB_DEFAULT_ROUTE = "direct"
    rows = make_waiting(["p@a.example", "p@b.example"])

    routes.create_route(actor_of(rows[0].workspace), RouteInput(transport=WAY))

    assert (sites(), Job.objects.count()) == ([WAY, WAY], 0)


def held_campaign(people: int) -> Message:
    """A campaign's mail of which every recipient is held."""
    control = make_broadcast(make_stream(make_workspace(), "broadcast"))
    expand(control, 1, people)
    message = Message.objects.get(pk=control.message_id)
    controls.hold_message(actor_of(message.workspace), message, list(Recipient.objects.filter(message=message)))
    return message


def lower(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (controls, rest_of_act):
        monkeypatch.setattr(module, "MOVED_AT_ONCE", 2)
    monkeypatch.setattr(rest_of_act, "_BATCH", 2)


def test_a_whole_campaign_is_released_and_tried_now_as_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    message = held_campaign(7)
    actor = actor_of(message.workspace)
    lower(monkeypatch)

    assert controls.release_message(actor, message) == 2
    rest = Job.objects.get(kind=rest_of_act.JOB_KIND)
    assert Recipient.objects.filter(status="held").count() == 5
    jobs.run_job(rest.pk)
    rest.refresh_from_db()

    assert (rest.status, rest.done, rest.total) == (JobStatus.DONE, 5, 5)
    assert set(Recipient.objects.values_list("status", flat=True)) == {"queued"}

    Recipient.objects.update(status="deferred", next_attempt_at="2100-01-01T00:00:00Z")
    assert controls.retry_message_now(actor, message) == 2
    jobs.run_job(Job.objects.exclude(pk=rest.pk).get(kind=rest_of_act.JOB_KIND).pk)
    assert not Recipient.objects.filter(next_attempt_at__year=2100).exists()


def test_what_is_held_anew_meanwhile_is_not_let_go_again(monkeypatch: pytest.MonkeyPatch) -> None:
    message = held_campaign(6)
    actor = actor_of(message.workspace)
    lower(monkeypatch)
    controls.release_message(actor, message)
    moved = rest_of_act._move

    def held_again(*given: Any, **options: Any) -> int:
        count = moved(*given, **options)
        Recipient.objects.filter(status="queued").update(status="held")
        return count

    monkeypatch.setattr(rest_of_act, "_move", held_again)
    jobs.run_job(Job.objects.get(kind=rest_of_act.JOB_KIND).pk)

    assert Job.objects.get(kind=rest_of_act.JOB_KIND).result == {"recipients": 4}


def test_the_page_says_that_the_others_follow(monkeypatch: pytest.MonkeyPatch) -> None:
    from relayhub.relay.views import message_acts

    message = held_campaign(4)
    lower(monkeypatch)
    monkeypatch.setattr(message_acts, "MOVED_AT_ONCE", 2)
    client = desk(message.workspace).client

    page = client.post(reverse("message-release", args=[encode_id(Prefix.MESSAGE, message.pk)]), follow=True)

    assert "Released for 2 recipients. The others follow, see Jobs." in page.content.decode()
