"""The figures of Home are of one period and agree with each other."""

from __future__ import annotations

import pytest

from relayhub.relay import queries
from relayhub.relay.models import Stream
from relayhub.relay.streams import ensure_default_streams
from relayhub.site import demo, health_figures, setup

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

    chart = health_figures.day_chart(workspace, "UTC")
    streams = health_figures.streams(workspace)
    strip = queries.totals(workspace, since=health_figures.begins())

    charted = sum(chart["data"]["series"][0]["data"])
    assert charted == sum(each["accepted"] for each in streams) == strip["accepted"] > 0
