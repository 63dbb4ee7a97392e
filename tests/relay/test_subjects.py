"""The subject that people read: for each recipient the one that their copy carries."""

from __future__ import annotations

from typing import Any

import pytest

from relayhub.protocol.headers import decode_text
from relayhub.relay import display, subjects
from relayhub.relay.models import Recipient
from tests.support.broadcast_rows import make_broadcast_to
from tests.support.relay_rows import make_lane, make_message, make_recipients, make_stream, make_workspace

pytestmark = pytest.mark.django_db

PEOPLE = {"ana@a.example": "Ana Šimić", "bo@b.example": ""}


def sent_subject(row: Recipient) -> str:
    """What the copy itself says."""
    shown = display.readable(display.recipient_bytes(row))
    return decode_text(dict(shown.headers)["Subject"])


@pytest.mark.parametrize(
    "subject",
    [
        "Fresh bread",
        "{{ contact.first_name }}, fresh bread at {{workspace.name}}",
        "{% if contact.name %}For {{ contact.name|upper }}{% else %}Fresh bread{% endif %}",
        "{{ contact.first_name|default('Hello') }}: 20 % off {{ nobody.knows }}",
        "See {{ view_url }}",
    ],
)
def test_it_is_word_for_word_what_the_copy_says(subject: str) -> None:
    _, rows = make_broadcast_to(make_stream(make_workspace(), "broadcast"), PEOPLE, subject=subject)

    shown = subjects.of_recipients(rows)

    assert [str(shown[row.pk]) for row in rows] == [sent_subject(row) for row in rows]
    assert all(one.is_exact for one in shown.values())


def test_one_handed_in_with_braces_stays_as_it_is() -> None:
    stream = make_stream(make_workspace())
    message = make_message(stream, subject="Use {{ first_name }} in your mails")
    (row,) = make_recipients(message, make_lane(stream), ["ana@a.example"])

    assert str(subjects.of_one(message, row)) == "Use {{ first_name }} in your mails"


def test_without_anybodys_values_the_tags_are_blanks_and_it_says_so() -> None:
    stream = make_stream(make_workspace(), "broadcast")
    message, (row, _) = make_broadcast_to(stream, PEOPLE, subject="{{ contact.first_name }}, fresh bread")
    row.merge = None

    for shown in (subjects.of_one(message, None), subjects.of_one(message, row)):
        assert (str(shown), shown.is_exact, shown.is_personal) == ("…, fresh bread", False, True)


def test_one_that_cannot_be_merged_shows_blanks() -> None:
    stream = make_stream(make_workspace(), "broadcast")
    subject = "Part {{ contact.fields|int }}"
    message, (row, _) = make_broadcast_to(stream, PEOPLE, subject=subject)

    assert str(subjects.of_one(message, row)) == "Part …"


def test_no_subject_is_told() -> None:
    stream = make_stream(make_workspace())

    assert str(subjects.of_one(make_message(stream, subject=""), None)) == "(no subject)"


def test_a_list_costs_one_query_however_many_broadcasts_it_shows(django_assert_num_queries: Any) -> None:
    stream = make_stream(make_workspace(), "broadcast")
    made = [
        make_broadcast_to(stream, PEOPLE, subject=f"{number}: {{{{ contact.name }}}} of {{{{ workspace.name }}}}")
        for number in range(3)
    ]
    rows = [row for _, recipients in made for row in recipients]

    with django_assert_num_queries(1):
        shown = subjects.of_recipients(rows)
    assert str(shown[rows[-2].pk]) == "2: Ana Šimić of Shop"
    with django_assert_num_queries(1):
        subjects.of_messages([message for message, _ in made], {made[0][0].pk: rows[:1], made[1][0].pk: rows[2:3]})


def test_the_recipients_own_values_need_no_query(django_assert_num_queries: Any) -> None:
    stream = make_stream(make_workspace(), "broadcast")
    _, rows = make_broadcast_to(stream, PEOPLE, subject="{{ contact.name }}, fresh bread")

    with django_assert_num_queries(0):
        subjects.of_recipients(rows)
