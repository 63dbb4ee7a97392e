"""Search everywhere: what it finds, for whom, and that an id leads straight to its page."""

from __future__ import annotations

import pytest
from django.test import Client
from django.urls import reverse

from campaigns import contacts, editing, lists
from campaigns.editing import CampaignChanges
from deliverability import suppression
from deliverability.models import SendingDomain
from relayhub.core.ids import Prefix, encode_id, uuid7
from relayhub.core.models import Role
from relayhub.core.templatetags.relayhub_extras import nav_url
from relayhub.site import search, setup
from tests.pages.marketer_rows import Desk, desk
from tests.pages.message_rows import handed_in

pytestmark = pytest.mark.django_db


def found(at: Desk, text: str) -> dict[str, list[str]]:
    return {group.label: [hit.title for hit in group.hits] for group in search.groups_for(at.actor, text)}


def fill(at: Desk) -> None:
    contacts.add_contact(at.actor, email="ines.rye@mail.example", name="Inès Rye",
                         evidence=contacts.Evidence(channel="api"))
    editing.create_campaign(at.actor, CampaignChanges(name="Rye week"))
    lists.create_list(at.actor, name="Rye lovers")
    SendingDomain.objects.create(workspace=at.workspace, name="rye.example")
    handed_in(at, "ines.rye@mail.example", subject="Your rye")
    suppression.suppress_many(
        at.actor, [suppression.NewSuppression(address="rye.gone@mail.example", reason="manual", scope="workspace")]
    )


@pytest.fixture
def every_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """As if every part had its pages."""
    monkeypatch.setattr(search, "nav_url", lambda name, *args: nav_url(name, *args) or f"/{name}/{'/'.join(args)}")


@pytest.mark.usefixtures("every_page")
def test_one_word_is_looked_for_everywhere() -> None:
    at = desk()
    fill(at)

    assert found(at, "rye") == {
        "Contacts": ["ines.rye@mail.example"], "Campaigns": ["Rye week"], "Messages": ["Your rye"],
        "Lists": ["Rye lovers"], "Domains": ["rye.example"], "Suppressions": ["rye.gone@mail.example"],
    }


@pytest.mark.usefixtures("every_page")
def test_an_address_finds_the_person_and_their_mail() -> None:
    at = desk()
    fill(at)

    assert found(at, "Ines.Rye@mail.example") == {
        "Contacts": ["ines.rye@mail.example"], "Messages": ["Your rye"]
    }


@pytest.mark.usefixtures("every_page")
def test_nothing_of_another_workspace_is_found() -> None:
    at, other = desk(), desk(setup.new_workspace("Other"), email="o@example.com")
    fill(other)

    assert found(at, "rye") == {}
    page = at.client.get(reverse("search"), {"q": "rye"}).content.decode()
    assert "Nothing fits" in page


@pytest.mark.usefixtures("every_page")
def test_a_part_shows_five_and_leads_to_the_rest() -> None:
    at = desk()
    for number in range(7):
        handed_in(at, f"p{number}@mail.example", subject=f"Order {number}")

    (group,) = (group for group in search.groups_for(at.actor, "order") if group.label == "Messages")

    assert len(group.hits) == search.SHOWN_EACH
    assert group.more_url == f"{reverse('message-list')}?q=order"


def test_an_id_leads_straight_to_its_page() -> None:
    at = desk()
    message = handed_in(at)

    answer = at.client.get(reverse("search"), {"q": f" {message.public_id} "})

    assert answer["Location"] == reverse("message-detail", args=[message.public_id])
    nobodys = at.client.get(reverse("search"), {"q": encode_id(Prefix.MESSAGE, uuid7())}, follow=True)
    assert nobodys.status_code == 404


def test_pages_and_the_help_are_found_by_their_words() -> None:
    groups = found(desk(), "suppression")

    assert groups["Go to"][0] == "Suppressions"
    assert "suppression" in groups["Help"]


def test_the_box_over_a_page_offers_pages_then_what_fits_and_nothing_to_strangers() -> None:
    at = desk()
    fill(at)

    empty = at.client.get(reverse("search-hits")).content.decode()
    some = at.client.get(reverse("search-hits"), {"q": "rye"}).content.decode()
    straight = at.client.get(reverse("search-hits"), {"q": encode_id(Prefix.MESSAGE, uuid7())}).content.decode()

    assert "New campaign" in empty
    assert "Rye lovers" in some
    assert "<html" not in some
    assert reverse("message-list") in straight
    assert Client().get(reverse("search-hits"), headers={"HX-Request": "true"}).status_code == 401
    assert Client().get(reverse("jobs-live"), headers={"Accept": "text/event-stream"}).status_code == 401


@pytest.mark.parametrize("text", ["", "   ", "%", "\\", "'", "\0", "<script>alert(1)</script>", "x" * 5000, "@", "."])
def test_no_text_breaks_it(text: str) -> None:
    at = desk()
    handed_in(at)

    answer = at.client.get(reverse("search"), {"q": text})

    assert answer.status_code == 200
    assert b"<script>alert(1)" not in answer.content


def test_the_box_keeps_what_was_typed_and_every_role_may_search() -> None:
    at = desk()
    handed_in(at)
    viewer = desk(at.workspace, role=Role.VIEWER, email="v@example.com")

    page = viewer.client.get(reverse("search"), {"q": "receipt"}).content.decode()

    assert page.count('value="receipt"') == 2
    assert "Your receipt" in page


@pytest.mark.parametrize(
    "address",
    ["/messages?stream=%00&q=%00", "/messages?q=last+900+months", "/sandbox?stream=%00", "/suppressions?q=a%00b",
     "/search?q=last+999+months", "/domains?q=%00",
     "/routes?address=a%40x.example&stream=transactional&from_domain=%00x"],
)
def test_odd_questions_are_no_fault(address: str) -> None:
    assert desk().client.get(address).status_code == 200
