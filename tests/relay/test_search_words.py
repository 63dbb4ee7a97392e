"""What a text in the search box is taken for, part by part."""

from __future__ import annotations

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest

from relayhub.core.ids import Prefix, encode_id, uuid7
from relayhub.relay.search_words import Kind, Reading, read

NOW = datetime(2026, 11, 30, 9, 30, tzinfo=UTC)  # a Monday


def reading(text: str) -> Reading:
    return read(text, now=NOW, zone=UTC)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", []),
        ("Ines@Mail.Example", [(Kind.ADDRESS, "ines@mail.example")]),
        ("<ines@mail.example>", [(Kind.HEADER, "<ines@mail.example>")]),
        ("mail.example", [(Kind.DOMAIN, "mail.example")]),
        ("@Bücher.example", [(Kind.DOMAIN, "xn--bcher-kva.example")]),
        ("ines@", [(Kind.BEGINNING, "ines@")]),
        ("Bounced", [(Kind.STATE, "bounced")]),
        ("delayed kept", [(Kind.STATE, "deferred"), (Kind.STATE, "sandboxed")]),
        ("tag:receipt", [(Kind.TAG, "receipt")]),
        ('tag:"two words" stream:broadcast', [(Kind.TAG, "two words"), (Kind.STREAM, "broadcast")]),
        ("your receipt", [(Kind.SUBJECT, "your receipt")]),
        ('"bounced yesterday"', [(Kind.SUBJECT, "bounced yesterday")]),
        ("subject:bounced", [(Kind.SUBJECT, "bounced")]),
        ("receipt.", [(Kind.WORD, "receipt.")]),
        ("msg_nonsense", [(Kind.WORD, "msg_nonsense")]),
        ("a\0b", [(Kind.WORD, "ab")]),
        ("3.50 v1.2", [(Kind.SUBJECT, "3.50 v1.2")]),
        ("is:nonsense", [(Kind.WORD, "is:nonsense")]),
        ("from ines@mail.example", [(Kind.SENDER, "ines@mail.example")]),
        ("from:mail.example", [(Kind.SENDER, "mail.example")]),
        ("to ines@mail.example at mail.example", [(Kind.ADDRESS, "ines@mail.example"), (Kind.DOMAIN, "mail.example")]),
        ("to everybody", [(Kind.SUBJECT, "to everybody")]),
        ("example.com bounced 20 Nov",
         [(Kind.DOMAIN, "example.com"), (Kind.STATE, "bounced"), (Kind.PERIOD, "20 Nov")]),
        ("your receipt yesterday or so",
         [(Kind.SUBJECT, "your receipt"), (Kind.PERIOD, "yesterday (29 Nov)"), (Kind.SUBJECT, "or so")]),
        ("since:yesterday", [(Kind.PERIOD, "since yesterday (29 Nov)")]),
        ('"never closed', [(Kind.SUBJECT, "never closed")]),
        ("tag: :x", [(Kind.SUBJECT, "tag: :x")]),
    ],
)
def test_it_knows_what_a_text_means(text: str, parts: list[tuple[Kind, str]]) -> None:
    assert [(part.kind, part.value) for part in reading(text).parts] == parts


def test_ids_are_known_also_within_a_message_id() -> None:
    value = uuid7()
    recipient, message = encode_id(Prefix.RECIPIENT, value), encode_id(Prefix.MESSAGE, value)

    copy, both = reading(f"<{recipient}@shop.example>").single, reading(f"{message} cmp_x")
    assert copy is not None
    assert (copy.kind, copy.id) == (Kind.RECIPIENT, value)
    assert (both.parts[0].kind, both.parts[0].id) == (Kind.MESSAGE, value)


def test_it_says_in_words_how_it_read() -> None:
    assert reading("example.com bounced 20 Nov").words == "recipient is at example.com · bounced · 20 Nov"


def test_a_part_can_be_taken_out() -> None:
    found = reading("to example.com  bounced 20 Nov receipt")

    assert [found.without(part) for part in found.parts] == [
        "bounced 20 Nov receipt", "to example.com 20 Nov receipt", "to example.com bounced receipt",
        "to example.com bounced 20 Nov",
    ]


def test_only_what_may_have_been_meant_as_words_is_doubtful() -> None:
    assert reading("order delivered").is_doubtful
    assert not reading("is:delivered @mail.example day:yesterday").is_doubtful


@pytest.mark.parametrize(
    ("text", "since", "until"),
    [
        ("today", "2026-11-30", "2026-12-01"),
        ("last week", "2026-11-23", "2026-11-30"),
        ("last month", "2026-10-01", "2026-11-01"),
        ("monday", "2026-11-30", "2026-12-01"),
        ("last monday", "2026-11-23", "2026-11-24"),
        ("Nov 20", "2026-11-20", "2026-11-21"),
        ("20th November 2025", "2025-11-20", "2025-11-21"),
        ("20 dec", "2025-12-20", "2025-12-21"),  # the last one that there was
        ("2026-11", "2026-11-01", "2026-12-01"),
        ("20/11", "2026-11-20", "2026-11-21"),
        ("20.11.2026", "2026-11-20", "2026-11-21"),
        ("in may 2026", "2026-05-01", "2026-06-01"),
        ("1 to 5 nov", "2026-11-01", "2026-11-06"),
        ("2026-11-01..2026-11-05", "2026-11-01", "2026-11-06"),
        ("5 nov - 1 nov", "2026-11-01", "2026-11-06"),
        ("since 20 nov", "2026-11-20", "None"),
        ("after 20 nov", "2026-11-21", "None"),
        ("before 20 nov", "None", "2026-11-20"),
        ("until 20 nov", "None", "2026-11-21"),
        ("last 3 days", "2026-11-27 09:30", "None"),
    ],
)
def test_days_and_periods(text: str, since: str, until: str) -> None:
    part = reading(text).single

    assert part is not None
    assert part.kind is Kind.PERIOD
    assert (str(part.since).replace(" 00:00:00+00:00", "").replace(":00+00:00", ""),
            str(part.until).replace(" 00:00:00+00:00", "")) == (since, until)


@pytest.mark.parametrize("text", ["may", "order 12", "30 feb", "2026", "1.5", "99/99", "last 0 days"])
def test_what_is_no_day(text: str) -> None:
    assert not reading(text).names_period


def test_a_day_begins_at_midnight_where_the_person_is() -> None:
    part = read("today", now=datetime(2026, 11, 30, 23, 30, tzinfo=UTC), zone=ZoneInfo("Europe/Warsaw")).single

    assert part is not None
    assert part.since is not None
    assert part.since.astimezone(UTC).isoformat() == "2026-11-30T23:00:00+00:00"
