"""A contact's particulars, changed where they stand: one by one, refused with the text kept, by two at once."""

from __future__ import annotations

import pytest
from django.urls import reverse

from campaigns import fields
from relayhub.core.models import Role
from tests.pages.marketer_rows import Desk, desk
from tests.pages.test_contacts import at, particular, person

__all__ = ["at"]
pytestmark = pytest.mark.django_db


def test_particulars_are_changed_one_by_one(at: Desk) -> None:
    row = person(at, "a", city="Oslo")
    path = reverse("contact-detail", args=[row.public_id])

    saved = particular(at, row, "name", "Bo", "A")
    assert saved.status_code == 200
    assert "Saved Name." in saved["HX-Trigger"]
    assert 'id="contact-title" dir="auto" hx-swap-oob="true">Bo<' in saved.content.decode()
    answer = particular(at, row, "email", "b@x.example", "a@x.example", partial=False)
    assert answer["Location"] == f"{path}#particulars"
    particular(at, row, "field_city", "", "Oslo")

    row.refresh_from_db()
    assert (row.email, row.name, row.fields) == ("b@x.example", "Bo", {})
    # without a script a particular opens on the page itself
    opened = at.client.get(reverse("contact-particular", args=[row.public_id, "name"]), {"edit": "1"}, follow=True)
    assert 'name="was" value="Bo"' in opened.content.decode()
    assert at.client.get(reverse("contact-particular", args=[row.public_id, "shoe"])).status_code == 404


def test_a_refused_particular_keeps_the_text_and_says_why(at: Desk) -> None:
    fields.define_field(at.actor, key="age", label="Age", type="number")
    row = person(at, "a", age=41)
    person(at, "taken")

    for name, value, was, words in (
        ("email", "taken@x.example", "a@x.example", "another contact already"),
        ("email", "", "a@x.example", "required"),
        ("field_age", "old", "41", "holds a number"), ("name", "x" * 501, "A", "500"),
    ):
        answer = particular(at, row, name, value, was)
        assert answer.status_code in (409, 422), name
        assert words in answer.content.decode(), name
        assert value in answer.content.decode()
    assert particular(at, row, "name", "x" * 500, "A").status_code == 200


def test_two_people_who_change_the_same_are_told_and_nothing_is_lost(at: Desk) -> None:
    row = person(at, "a", city="Oslo")
    other = desk(at.workspace, role=Role.MARKETER, email="ines@example.com")
    particular(other, row, "name", "Zoë", "A")

    elsewhere = particular(at, row, "field_city", "Bergen", "Oslo")
    clash = particular(at, row, "name", "Bo", "A")

    assert elsewhere.status_code == 200
    page = clash.content.decode()
    assert clash.status_code == 409
    assert "Maja Lindqvist, now, changed this to “Zoë”." in page
    assert 'value="Bo"' in page
    row.refresh_from_db()
    assert (row.name, row.fields) == ("Zoë", {"city": "Bergen"})
    assert particular(at, row, "name", "Bo", "Zoë").status_code == 200
