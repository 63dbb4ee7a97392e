"""Pages by name: everybody is led to what they may open, and to nothing else."""

from __future__ import annotations

import pytest
from django.urls import resolve

from relayhub.core.models import Role
from relayhub.site.places import PLACES, places_for
from tests.pages.marketer_rows import desk

pytestmark = pytest.mark.django_db


@pytest.mark.parametrize("role", Role.values)
def test_every_page_that_is_offered_opens(role: str) -> None:
    at = desk(role=role)

    refused = {
        place.label: at.client.get(place.url).status_code for place in places_for(at.actor)
        if at.client.get(place.url).status_code != 200
    }

    assert refused == {}
    assert places_for(at.actor)


def test_every_place_is_a_page_of_the_product_and_an_owner_may_open_all() -> None:
    at = desk()

    assert [place for place in PLACES if not place.url] == []
    assert len(places_for(at.actor)) == len(PLACES)
    assert all(getattr(resolve(place.url).func, "is_page", False) for place in PLACES)


@pytest.mark.parametrize(("text", "first"), [
    ("imp", "Import contacts"), ("Audit", "Settings: audit log"), ("csv", "Import contacts"), ("dkim", "Domains"),
    ("new cam", "New campaign"), ("smtp", "SMTP credentials"), ("time", "Your profile"), ("mfa", "Settings: security"),
])
def test_people_find_pages_by_their_own_words(text: str, first: str) -> None:
    assert places_for(desk().actor, text)[0].label == first


@pytest.mark.parametrize("text", ["@", "zzzz", "%", "new zzzz", "…"])
def test_what_is_no_name_finds_none(text: str) -> None:
    assert places_for(desk().actor, text) == []


def test_a_viewer_is_not_led_to_keys_and_campaigns_that_they_may_not_make() -> None:
    labels = {place.label for place in places_for(desk(role=Role.VIEWER).actor)}

    assert not labels & {"New campaign", "New API key", "Add domain", "Suppress an address", "Settings: audit log"}
