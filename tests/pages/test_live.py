"""Live: lanes worst first with the replies behind them; pause, resume, slow; workers; the chart's minutes."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
import redis
from django.urls import reverse

from relayhub.core.clock import now
from relayhub.core.models import AuditEntry, Role
from relayhub.relay import lane_controls, lane_view, minutes, worker_report
from relayhub.relay.models import Event, Lane, Recipient, SiteRecord
from relayhub.site import setup
from tests.pages.marketer_rows import Desk, desk
from tests.support.relay_rows import make_control, make_lane, make_message, make_recipients

pytestmark = pytest.mark.django_db


def lane_with(at: Desk, site: str, count: int, *, slug: str = "transactional", **fields: Any) -> Lane:
    stream = at.workspace.streams.get(slug=slug)
    lane = make_lane(stream, site, **fields)
    make_recipients(make_message(stream), lane, [f"p{n}@{site}" for n in range(count)])
    return lane


def defer(lane: Lane, replies: list[str]) -> None:
    rows = list(Recipient.objects.filter(lane_id=lane.pk)[: len(replies)])
    for row, text in zip(rows, replies, strict=True):
        Recipient.objects.filter(pk=row.pk).update(
            status="deferred", next_attempt_at=now() + timedelta(minutes=5),
            reply={"code": 451, "enhanced": "4.7.1", "text": text},
        )


def page_of(at: Desk, **query: str) -> str:
    return at.client.get(reverse("live"), query).content.decode()


def test_an_idle_relay_says_so() -> None:
    page = page_of(desk())

    assert "Nothing is on its way" in page
    assert 'data-live="/live/feed"' in page


def test_lanes_stand_worst_first_with_replies_grouped() -> None:
    at = desk()
    lane_with(at, "calm.example", 9)
    troubled = lane_with(at, "slow.example", 3)
    greylisted = "Greylisted <p{}@slow.example>, id {} wait {} s"
    defer(troubled, [greylisted.format(0, "8f3a99c1", 300), greylisted.format(1, "77aa01bb", 12), "Mailbox busy"])

    page = page_of(at)

    assert page.index("<h3 class=\"break\">slow.example") < page.index("<h3 class=\"break\">calm.example")
    assert page.count("Greylisted") == 1
    assert "<b>2</b>" in page
    assert "Mailbox busy" in page
    assert "calm.example" not in page_of(at, only="deferred")
    assert "slow.example" not in page_of(at, stream="broadcast")


def test_the_page_of_a_lane_names_who_is_next_to_those_who_may_read_messages() -> None:
    at = desk()
    lane = lane_with(at, "mx.example", 12)
    defer(lane, ["Mailbox busy"])

    page = at.client.get(reverse("live-lane", args=[lane.pk])).content.decode()

    assert "12 recipients, the first 10 shown" in page
    assert page.count("@mx.example</a>") == 10
    assert lane_view.next_in_turn(lane, limit=12)[-1].status == "deferred"


def test_a_quiet_relay_says_when_mail_last_moved() -> None:
    at = desk()
    assert "Nothing came in or went out in these 5 minutes.</p>" in page_of(at)
    lane_with(at, "mx.example", 1)
    Event.objects.filter(workspace_id=at.workspace.pk).update(at=now() - timedelta(hours=2))

    assert "Nothing came in or went out in these 5 minutes. Last: <time" in page_of(at)


def test_openings_since_do_not_make_the_page_look_for_long(monkeypatch: pytest.MonkeyPatch) -> None:
    at = desk()
    lane_with(at, "mx.example", 3)
    Event.objects.filter(workspace_id=at.workspace.pk).update(type="opened")
    oldest = Event.objects.filter(workspace_id=at.workspace.pk).order_by("id").first()
    assert oldest is not None
    Event.objects.filter(pk=oldest.pk).update(type="accepted")
    monkeypatch.setattr(minutes, "_NEWEST", 2)
    not_found = minutes.last_moved(at.workspace)
    monkeypatch.setattr(minutes, "_NEWEST", 3)

    assert (not_found, minutes.last_moved(at.workspace)) == (None, oldest.at)


def test_lanes_of_one_stream_to_one_site_are_one_line() -> None:
    at = desk()
    stream = at.workspace.streams.get(slug="broadcast")
    for _ in range(2):
        lane = make_lane(stream, "google", broadcast_id=make_control(stream).broadcast_id)
        make_recipients(make_message(stream), lane, ["x@gmail.com"])
    SiteRecord.objects.create(domain="gmail.com", site="google", provider="Google", outcome="ok",
                              expires_at=now() + timedelta(hours=1))

    groups = lane_view.lane_groups(at.workspace)

    assert [(group.title, group.lanes, group.waiting) for group in groups] == [("Google", 2, 2)]


def test_one_click_pauses_and_undo_resumes() -> None:
    at = desk()
    lane = lane_with(at, "mx.example", 2)

    answer = at.client.post(reverse("live-pause", args=[lane.pk]), follow=True)
    lane.refresh_from_db()
    paused = lane.paused_at
    page = answer.content.decode()
    at.client.post(reverse("live-resume", args=[lane.pk]))
    lane.refresh_from_db()

    assert paused is not None
    assert lane.paused_at is None
    assert reverse("live-resume", args=[lane.pk]) in page
    assert "Paused" in page
    assert list(AuditEntry.objects.order_by("id").values_list("action", flat=True)) == ["lane.paused", "lane.resumed"]


def test_slow_halves_and_undo_gives_back() -> None:
    at = desk()
    lane = lane_with(at, "mx.example", 2, max_per_minute=100)

    page = at.client.post(reverse("live-slow", args=[lane.pk]), follow=True).content.decode()
    lane.refresh_from_db()
    slowed = lane.max_per_minute
    at.client.post(f"{reverse('live-pace', args=[lane.pk])}?to=100")
    lane.refresh_from_db()

    assert slowed == 50
    assert "mx.example is limited to 50 a minute." in page
    assert lane.max_per_minute == 100


@pytest.mark.parametrize(
    ("limit", "rate", "wanted"), [(None, 0, 30), (None, 500, 250), (100, 80, 40), (100, 0, 50), (1, 1, 1)]
)
def test_slower_is_half_of_what_it_does(limit: int | None, rate: int, wanted: int) -> None:
    assert lane_controls.slower(limit=limit, per_minute=rate) == wanted


def test_a_pace_is_set_and_bad_ones_are_refused() -> None:
    at = desk()
    lane = lane_with(at, "mx.example", 1)
    address = reverse("live-lane", args=[lane.pk])

    wrong = at.client.post(address, {"max_per_minute": "12o0"})
    at.client.post(address, {"max_per_minute": "120"})
    lane.refresh_from_db()
    limited = lane.max_per_minute
    at.client.post(address, {"max_per_minute": ""})
    lane.refresh_from_db()

    assert wrong.status_code == 422
    assert b"12o0" in wrong.content
    assert (limited, lane.max_per_minute) == (120, None)


def test_the_feed_holds_no_token_and_the_parts_of_the_page() -> None:
    at = desk()
    lane_with(at, "mx.example", 2)

    parts = at.client.get(reverse("live-feed")).json()

    assert parts["values"]["live-waiting"] == "2"
    assert "mx.example" in parts["html"]["lanes"]
    assert "csrf" not in str(parts)
    assert len(parts["charts"]["chart-live"]["x"]) == minutes.MOMENTS
    longer = at.client.get(reverse("live-feed"), {"span": "half-hour"}).json()
    assert len(longer["charts"]["chart-live"]["x"]) == minutes.SHOWN


def test_minutes_are_counted_once_and_then_known(
    django_assert_num_queries: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(minutes, "_BUDGET_SECONDS", 60.0)  # a busy machine would fill it only in part
    at = desk()
    first = minutes.last_minutes(at.workspace)
    with django_assert_num_queries(1):
        second = minutes.last_minutes(at.workspace)

    assert [row.at for row in first] == [row.at for row in second]
    assert all(row.taken == 0 for row in second)


def test_moments_are_averages_of_what_happened_and_settle(django_assert_num_queries: Any) -> None:
    at = desk()
    lane_with(at, "mx.example", 10)
    Event.objects.filter(workspace_id=at.workspace.pk).update(at=now() - timedelta(seconds=22))

    moments = minutes.last_moments(at.workspace)
    with django_assert_num_queries(1):
        again = minutes.last_moments(at.workspace)

    assert sum(row.taken or 0 for row in moments) == 10
    assert max(row.taken or 0 for row in moments) == 10
    assert len(again) == minutes.MOMENTS
    parts = at.client.get(reverse("live-feed")).json()
    assert 2.0 in parts["charts"]["chart-live"]["series"][1]["data"]
    assert parts["values"]["live-chart-out"] == "0 a second"


def test_resuming_is_undone_and_an_undone_pause_leaves_the_back_off() -> None:
    at = desk()
    lane = lane_with(at, "mx.example", 2, backoff_until=now() + timedelta(minutes=5), backoff_reason="Asked to wait.")

    at.client.post(reverse("live-pause", args=[lane.pk]))
    undone = at.client.post(f"{reverse('live-resume', args=[lane.pk])}?undo=1", follow=True).content.decode()
    lane.refresh_from_db()
    after_undo = (lane.paused_at, lane.backoff_reason)
    at.client.post(reverse("live-pause", args=[lane.pk]))
    resumed = at.client.post(reverse("live-resume", args=[lane.pk]), follow=True).content.decode()
    lane.refresh_from_db()

    assert after_undo == (None, "Asked to wait.")
    undo = f'<form method="post" action="{reverse("live-pause", args=[lane.pk])}"'
    assert undo not in undone
    assert undo in resumed
    assert lane.backoff_reason == ""


def test_waiting_mail_without_a_worker_is_an_alarm(monkeypatch: pytest.MonkeyPatch) -> None:
    at = desk()
    monkeypatch.setattr(worker_report, "workers", list)
    calm = page_of(at)
    lane = lane_with(at, "mx.example", 2)

    assert 'id="live-alarm"></div>' in calm
    assert "2 recipients wait and no worker sends." in page_of(at)
    assert "2 recipients wait" in at.client.get(reverse("live-feed")).json()["html"]["live-alarm"]
    assert "No worker sends at present." in at.client.get(reverse("live-lane", args=[lane.pk])).content.decode()


def test_workers_that_report_are_shown(settings: Any) -> None:
    at = desk()
    client = redis.Redis.from_url(settings.REDIS_URL)
    body = f'{{"in_hand": 12, "sending": 3, "look": 0.4, "at": {now().timestamp()}, "lanes": {{"7": [3, 10]}}}}'
    client.set("relayhub:worker:host:99", body, ex=5)

    found = worker_report.workers()
    page = page_of(at)
    client.delete("relayhub:worker:host:99")

    assert worker_report.connections_by_lane(found) == {7: (3, 10)}
    assert "host, process 99" in page
    assert "3 connections in use" in page


def test_without_valkey_the_page_says_what_it_does_not_know(settings: Any) -> None:
    settings.REDIS_URL = "unix:///nowhere/valkey.sock"

    page = page_of(desk())

    assert "not known while Valkey does not answer" in page


def test_others_may_look_and_not_change() -> None:
    owner = desk()
    lane = lane_with(owner, "mx.example", 1)
    viewer = desk(owner.workspace, role=Role.VIEWER, email="v@example.com")
    stranger = desk(setup.new_workspace("Other"), email="o@example.com")

    page = page_of(viewer)

    assert "mx.example" in page
    assert "lane-act" not in page
    assert viewer.client.post(reverse("live-pause", args=[lane.pk])).status_code == 403
    assert stranger.client.get(reverse("live-lane", args=[lane.pk])).status_code == 404
    for name in ("live-pause", "live-resume", "live-slow", "live-pace"):
        assert stranger.client.post(reverse(name, args=[lane.pk])).status_code == 404
    assert "mx.example" not in page_of(stranger)


def test_one_lane_full_of_deferrals_hides_no_other(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lane_view, "MAX_REPLIES", 4)
    monkeypatch.setattr(lane_view, "MIN_REPLIES_A_LANE", 2)
    at = desk()
    defer(lane_with(at, "many.example", 9), ["Busy"] * 9)
    defer(lane_with(at, "few.example", 2), ["Busy"] * 2)

    groups = {group.site: group for group in lane_view.lane_groups(at.workspace)}

    assert (groups["many.example"].deferred_words, groups["many.example"].state) == ("2+", "warn")
    assert (groups["few.example"].deferred_words, groups["few.example"].state) == ("2", "warn")
    assert ">4+<" in page_of(at)


def test_the_same_reply_to_two_campaigns_is_one_line() -> None:
    at = desk()
    stream = at.workspace.streams.get(slug="broadcast")
    for _ in range(2):
        lane = make_lane(stream, "google", broadcast_id=make_control(stream).broadcast_id)
        make_recipients(make_message(stream), lane, ["x@gmail.com"])
        defer(lane, ["Too fast"])

    (group,) = lane_view.lane_groups(at.workspace)

    assert [(reply.text, reply.count) for reply in group.replies] == [("Too fast", 2)]
