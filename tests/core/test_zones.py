"""Zones as people choose among them."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
import time_machine

from relayhub.core import zones

WINTER, SUMMER = datetime(2026, 1, 15, 12, tzinfo=UTC), datetime(2026, 7, 15, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("name", "at", "text"),
    [
        ("Europe/Berlin", WINTER, "UTC+1"), ("Europe/Berlin", SUMMER, "UTC+2"), ("UTC", WINTER, "UTC"),
        ("America/St_Johns", WINTER, "UTC−3:30"), ("Asia/Kathmandu", SUMMER, "UTC+5:45"),
        ("Africa/Abidjan", SUMMER, "UTC"),
    ],
)
def test_a_zone_says_how_far_its_clocks_are_from_utc(name: str, at: datetime, text: str) -> None:
    assert zones.offset_text(name, at) == text


def test_choices_change_with_the_clocks() -> None:
    with time_machine.travel(WINTER, tick=False):
        winter = dict(zones.choices())
    with time_machine.travel(SUMMER, tick=False):
        summer = dict(zones.choices())

    assert (winter["Europe/Berlin"], summer["Europe/Berlin"]) == ("Europe/Berlin (UTC+1)", "Europe/Berlin (UTC+2)")
