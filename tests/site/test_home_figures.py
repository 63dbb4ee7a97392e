"""The figures of Home are of one period and agree with each other."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from relayhub.core.clock import now
from relayhub.core.models import Workspace
from relayhub.relay import queries, routes, stream_counts
from relayhub.relay.models import CounterDelta, Recipient, Stream
from relayhub.relay.streams import ensure_default_streams
from relayhub.site import demo, health_figures, setup
from tests.pages.marketer_rows import desk
from tests.support.relay_rows import make_lane, make_message, make_recipients, make_stream, make_workspace

pytestmark = pytest.mark.django_db


def test_few_recipients_are_no_ground_for_a_verdict() -> None:
    workspace = setup.new_workspace("Shop")
    ensure_default_streams(workspace)
    stream = Stream.objects.get(workspace=workspace, kind="transactional")

    def verdict(finished: int, *, is_bad: bool) -> tuple[str, str]:
        return health_figures._verdict(stream, finished, is_bad=is_bad)

    assert verdict(0, is_bad=False) == ("none", "Nothing sent")
    assert verdict(9, is_bad=False) == ("none", "Too few to judge")
    assert verdict(health_figures.JUDGED_FROM, is_bad=False) == ("healthy", "Healthy")
    assert verdict(health_figures.JUDGED_FROM, is_bad=True) == ("warn", "Watch")


def test_the_chart_the_streams_and_the_strip_count_the_same_day() -> None:
    workspace = setup.new_workspace("Demo", is_demo=True)
    ensure_default_streams(workspace)
    demo.seed(workspace)

    chart = health_figures.chart(workspace, "UTC")
    streams = health_figures.streams(health_figures.spans(workspace))
    strip = queries.totals(workspace, since=health_figures.begins())

    charted = sum(chart["data"]["series"][0]["data"])
    assert charted == sum(each["accepted"] for each in streams) == strip["accepted"] > 0


def test_a_newsletter_does_not_flatten_the_chart_of_single_messages() -> None:
    workspace, stream = _workspace()
    _count(workspace, stream, "accepted", health_figures.begins(1), 900)
    only = health_figures.charts(workspace, "UTC", health_figures.PERIODS[0])["charts"]
    _count(workspace, Stream.objects.get(workspace=workspace, kind="transactional"), "accepted", now(), 7)

    both = health_figures.charts(workspace, "UTC", health_figures.PERIODS[0])["charts"]

    assert [each["key"] for each in only] == ["broadcasts"]
    assert [max(each["data"]["series"][0]["data"]) for each in both] == [7, 900]


@pytest.mark.parametrize(
    ("part", "limit", "at_least", "status", "length"),
    [(16, 0.05, False, "delivered", 0.16), (45, 0.05, False, "deferred", 0.45), (60, 0.05, False, "bounced", 0.6),
     (995, 0.98, True, "delivered", 0.95), (981, 0.98, True, "deferred", 0.81), (960, 0.98, True, "bounced", 0.6)],
)
def test_a_bar_warns_near_its_limit_and_not_before(
    part: int, limit: float, at_least: bool, status: str, length: float
) -> None:
    bar = health_figures._row("A share", "x", part, 1000, limit, at_least=at_least)["bar"]

    assert (bar["status"], bar["value"] / bar["total"]) == (status, pytest.approx(length))


def test_a_day_is_compared_with_the_day_before_in_points_and_words() -> None:
    assert health_figures.points(975, 1000, 977, 1000) == health_figures.Change(by=-0.2, text="0.2 points")
    assert health_figures.points(40, 40, 977, 1000) is None
    assert health_figures.change_in_words(112, 100) == health_figures.Change(by=0.12, text="12%")
    assert health_figures.change_in_words(3, 2) is None


def test_the_two_days_of_a_span_do_not_overlap() -> None:
    workspace, stream = _workspace()
    start = health_figures.begins()
    _count(workspace, stream, "delivered", start, 7)
    _count(workspace, stream, "delivered", start - timedelta(hours=1), 5)
    _count(workspace, stream, "delivered", start - timedelta(hours=25), 3)

    found = health_figures.span(workspace)

    assert (found.present["delivered"], found.before["delivered"]) == (7, 5)


@pytest.mark.parametrize("zone", ["UTC", "Asia/Kolkata", "America/St_Johns"])
@pytest.mark.parametrize("period", health_figures.PERIODS, ids=lambda period: period.key)
def test_every_period_counts_the_present_hour_once(zone: str, period: health_figures.Period) -> None:
    workspace, stream = _workspace()
    _count(workspace, stream, "accepted", health_figures.begins(1), 9)

    chart = health_figures.chart(workspace, zone, period)

    assert sum(chart["data"]["series"][0]["data"]) == 9
    assert len(chart["rows"]) == period.steps


def test_what_is_usual_needs_two_weeks() -> None:
    workspace, stream = _workspace()
    _count(workspace, stream, "delivered", health_figures.begins(1) - timedelta(weeks=1), 600)
    once = stream_counts.usual_in_hour(workspace, "delivered", now())
    _count(workspace, stream, "delivered", health_figures.begins(1) - timedelta(weeks=3), 900)

    assert once is None
    assert stream_counts.usual_in_hour(workspace, "delivered", now()) == stream_counts.Usual(low=600, high=900, weeks=2)


def _workspace() -> tuple[Workspace, Stream]:
    workspace = setup.new_workspace("Shop")
    return workspace, Stream.objects.get(workspace=workspace, kind="broadcast")


def _count(workspace: Workspace, stream: Stream, metric: str, at: datetime, count: int) -> None:
    CounterDelta.objects.create(workspace_id=workspace.pk, subject="stream", subject_id=stream.pk, metric=metric,
                                bucket=at.replace(minute=0, second=0, microsecond=0), delta=count)


def test_home_asks_no_more_often_for_more_streams() -> None:
    at = desk()
    at.client.get("/")

    def asked() -> int:
        routes.forget()
        with CaptureQueriesContext(connection) as seen:
            at.client.get("/")
        return len(seen)

    before = asked()
    for number in range(5):
        Stream.objects.create(workspace=at.workspace, slug=f"more-{number}", name=f"More {number}", kind="broadcast")
    assert asked() == before


@pytest.mark.parametrize(
    ("moment", "zone"),
    [(datetime(2027, 4, 10, 9, 30, tzinfo=UTC), "Europe/Copenhagen"),  # clocks went forward on 28 March
     (datetime(2026, 11, 10, 9, 30, tzinfo=UTC), "Europe/Copenhagen"),  # and back on 25 October
     (datetime(2027, 3, 20, 9, 30, tzinfo=UTC), "America/New_York")],
)
def test_each_of_thirty_days_has_its_own_name_though_clocks_changed(
    monkeypatch: pytest.MonkeyPatch, moment: datetime, zone: str
) -> None:
    workspace, _ = _workspace()
    monkeypatch.setattr(health_figures, "now", lambda: moment)

    rows = health_figures.chart(workspace, zone, health_figures.period_of("30d"))["rows"]

    today = moment.astimezone(ZoneInfo(zone)).date()
    days = [today - timedelta(days=back) for back in reversed(range(30))]
    wanted = [f"{day:%a} {day.day} {day:%b}" for day in days]
    assert [row[0] for row in rows] == wanted


def test_what_waits_is_counted_by_the_workspaces_own_lanes() -> None:
    here, there = make_workspace("here"), make_workspace("there")
    for workspace, count in ((here, 3), (there, 2)):
        stream = make_stream(workspace)
        addresses = [f"p{number}@x.example" for number in range(count)]
        make_recipients(make_message(stream), make_lane(stream), addresses)
    held = Recipient.objects.filter(workspace=here).first()
    assert held is not None
    Recipient.objects.filter(pk=held.pk).update(status="held")

    found = health_figures.waiting(here)

    assert (found.turn, found.held) == (2, 1)
