"""Numbers, durations and times as people read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from relayhub.core import formats
from relayhub.core.vocabulary import STATUS_LOOKS, status_look
from relayhub.relay.models import RecipientStatus

COPENHAGEN = ZoneInfo("Europe/Copenhagen")
NOW = datetime(2026, 11, 24, 9, 46, 51, tzinfo=UTC)


@pytest.mark.parametrize(
    ("given", "expected"), [(None, "–"), (0, "0"), (41_872, "41,872"), (-3, "-3"), (1_234.56, "1,235")]
)
def test_it_groups_thousands_and_shows_a_dash_for_nothing(given: float | None, expected: str) -> None:
    assert formats.number(given) == expected


@pytest.mark.parametrize(
    ("part", "whole", "expected"),
    [(6_899, 23_308, "29.6%"), (3, 7, "43%"), (0, 10, "0%"), (1, 0, "–"), (1, None, "–"), (None, 4, "–")],
)
def test_a_share_never_claims_more_precision_than_its_base(
    part: int | None, whole: int | None, expected: str
) -> None:
    assert formats.share(part, whole) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (0, "0 s"), (0.85, "850 ms"), (59.4, "59 s"), (60, "1 min"), (1_361, "22 min 41 s"),
        (7_500, "2 h 5 min"), (timedelta(days=3, hours=4), "3 d 4 h"), (-1, "–"), (None, "–"),
    ],
)
def test_a_duration_has_two_units_at_most(given: float | timedelta | None, expected: str) -> None:
    assert formats.duration(given) == expected


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (0, "0 bytes"), (1, "1 byte"), (1_023, "1,023 bytes"), (98_304, "96 KB"), (27_262_976, "26.0 MB"),
        (None, "–"),
    ],
)
def test_sizes_count_in_1024(given: int | None, expected: str) -> None:
    assert formats.size(given) == expected


@pytest.mark.parametrize(
    ("given", "expected"), [(999, "999"), (1_000, "1k"), (12_480, "12.5k"), (2_000_000, "2m"), (None, "–")]
)
def test_compact_numbers(given: int | None, expected: str) -> None:
    assert formats.compact(given) == expected


def test_counted_words_follow_the_number() -> None:
    assert formats.counted(1, "recipient") == "1 recipient"
    assert formats.counted(3_418, "recipient") == "3,418 recipients"
    assert formats.counted(2, "entry,entries") == "2 entries"
    assert formats.counted(2, "unlisted thing") == "2 unlisted things"


def test_rates_are_said_in_words() -> None:
    assert formats.rate(1_140) == "1,140 a minute"
    assert formats.rate(2.5, "second") == "2.5 a second"
    assert formats.rate(7, "hour") == "7 an hour"


@pytest.mark.parametrize(
    ("moment", "style", "expected"),
    [
        (NOW - timedelta(minutes=22), "smart", "Today, 10:24"),
        (NOW - timedelta(days=1), "smart", "Yesterday, 10:46"),
        (NOW + timedelta(days=1), "smart", "Tomorrow, 10:46"),
        (NOW - timedelta(days=6), "smart", "Wed 18 Nov, 10:46"),
        (NOW - timedelta(days=400), "smart", "20 Oct 2025, 11:46"),  # summer time then
        (NOW, "seconds", "10:46:51"),
        (NOW - timedelta(days=6), "seconds", "Wed 18 Nov, 10:46:51"),
        (NOW.replace(microsecond=7_000), "millis", "10:46:51.007"),
        (NOW, "date", "Tue 24 Nov"),
        (NOW, "clock", "10:46"),
        (NOW, "full", "Tuesday 24 November 2026, 10:46"),
        (NOW - timedelta(seconds=190), "relative", "3 min ago"),
        (NOW + timedelta(hours=2, minutes=5), "relative", "in 2 h"),
        (NOW, "relative", "now"),
        # midnight is the person's, not UTC's
        (datetime(2026, 11, 23, 23, 30, tzinfo=UTC), "smart", "Today, 00:30"),
    ],
)
def test_times_are_the_persons(moment: datetime, style: str, expected: str) -> None:
    assert formats.moment_text(moment, now=NOW, zone=COPENHAGEN, style=style) == expected


def test_the_exact_time_is_utc() -> None:
    assert formats.exact_utc(NOW.astimezone(COPENHAGEN)) == "2026-11-24 09:46:51 UTC"


@pytest.mark.parametrize(
    ("colour", "dark"),
    [("#0b6272", True), ("#ffd400", False), ("#ffffff", False), ("#000000", True), ("", True)],
)
def test_text_on_a_senders_colour_stays_readable(colour: str, dark: bool) -> None:
    assert formats.is_dark(colour) is dark


@pytest.mark.parametrize(
    ("name", "expected"),
    [("Maja Lindqvist", "ML"), ("maja.l@x.example", "ML"), ("maja@x.example", "M"), ("", "?")],
)
def test_initials(name: str, expected: str) -> None:
    assert formats.initials(name) == expected


def test_every_recipient_status_has_a_look() -> None:
    assert set(RecipientStatus.values) <= set(STATUS_LOOKS)


def test_an_unlisted_status_is_shown_in_its_own_word() -> None:
    assert status_look("half-open").word == "Half open"
    assert status_look("").word == "None"
