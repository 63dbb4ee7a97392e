"""The pages of people who get mail: readable without script at both widths, changed by a click and by nothing else."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from playwright.sync_api import expect

from campaigns import broadcast, lists, templates
from campaigns.contacts import Evidence, add_contact
from campaigns.models import Campaign, CampaignStatus, Contact, MailingList, SignUpForm, Subscription
from campaigns.public.content import CAGE
from campaigns.templates import TemplateInput
from deliverability.models import Suppression
from relayhub.core.clock import now
from relayhub.core.crypto import link_keyring
from relayhub.protocol.tokens import Purpose, Reference, sign_reference
from relayhub.relay import display
from relayhub.relay.models import Recipient
from relayhub.site import setup
from tests.pages.marketer_rows import Desk, desk
from tests.pages.test_wizard import make_campaign
from tests.support.browser import Browsing, keep_picture
from tests.support.door_rows import forget_everything

pytestmark = pytest.mark.django_db
SAID = Evidence(channel="form", source="the shop")
HTML = "<p>Hi {{ contact.first_name|default('friend') }} <a href='{{ view_url }}'>see</a></p>"


@pytest.fixture(autouse=True)
def _fresh_caches() -> None:
    forget_everything()
    cache.clear()


def sent(at: Desk) -> Recipient:
    """One mail of a campaign to two lists, on its way."""
    content = TemplateInput(subject="Rye for {{ contact.first_name|default('you') }}", source=HTML)
    template = templates.create_template(at.actor, name="T", content=content)
    letter = lists.create_list(at.actor, name="Weekly letter", has_archive=True, description="Every Saturday.")
    lists.create_list(at.actor, name="Shop news", is_public=True, description="When something is new.")
    add_contact(at.actor, email="ines@x.example", name="Inès Moreau", lists=[letter], evidence=SAID)
    campaign = make_campaign(at, template=template, lists=[letter])
    broadcast.expand(broadcast.launch(at.actor, campaign).pk)
    return Recipient.objects.select_related("message", "message__content", "message__stream").get()


def path_of(recipient: Recipient, purpose: Purpose) -> str:
    """The address of a personal link of that mail, as a path."""
    kind = {Purpose.UNSUBSCRIBE: "u", Purpose.PREFERENCES: "p", Purpose.VIEW: "v"}[purpose]
    token = sign_reference(purpose, Reference(id=recipient.pk, issued_on=now().date()), link_keyring())
    return f"/{kind}/{token}"


def form_of(at: Desk, *, opt_in: str = "double") -> SignUpForm:
    club = lists.create_list(at.actor, name="Club", opt_in=opt_in, from_header="Club <c@shop.example>")
    return lists.create_form(at.actor, club, title="Join the club", field_keys=["name"])


def token_in(page: str) -> str:
    found = re.search(r'name="form-token" value="(\w+)"', page)
    assert found is not None
    return found[1]


def confirm_path(recipient: Recipient) -> str:
    text = display.readable(display.recipient_bytes(recipient)).text or ""
    found = re.search(r"(/p/confirm/[\w-]+)", text)
    assert found is not None
    return found[1]


# -- what changes something, and what does not ---------------------------------------------------------------


def test_looking_changes_nothing() -> None:
    recipient = sent(desk())
    paths = [path_of(recipient, Purpose.UNSUBSCRIBE), path_of(recipient, Purpose.PREFERENCES)]

    for path in paths:
        assert Client().get(path).status_code == 200
        assert Client().head(path).status_code == 200
        assert not Client().get(path).cookies

    assert Subscription.objects.get().status == "confirmed"
    assert not Suppression.objects.exists()


def test_looking_at_a_confirmation_confirms_nothing_and_answering_twice_counts_once() -> None:
    at = desk()
    make_campaign(at)
    form = form_of(at)
    path = reverse("public-form", args=[form.public_id])
    token = token_in(Client().get(path).content.decode())
    Client().post(path, {"email": "zoe@x.example", "name": "Zoë", "form-token": token})
    link = confirm_path(Recipient.objects.select_related("message", "message__content", "message__stream").get())
    row = Subscription.objects.get(contact__email="zoe@x.example")

    Client().get(link)
    Client().head(link)
    row.refresh_from_db()
    assert row.status == "unconfirmed"
    assert Client().post(link).status_code == 200
    assert "You are subscribed" in Client().get(link).content.decode()
    assert Client().post(link).status_code == 200
    row.refresh_from_db()
    assert row.status == "confirmed"
    assert row.contact.consents.filter(action="confirmed").count() == 1


def test_unsubscribing_from_everything_and_coming_back() -> None:
    recipient = sent(desk())
    path = path_of(recipient, Purpose.PREFERENCES)
    letter = MailingList.objects.get(name="Weekly letter")

    Client().post(path, {"list": letter.public_id, "none": "1"})
    assert Subscription.objects.get(mailing_list=letter).status == "unsubscribed"
    Client().post(path, {"list": letter.public_id})

    assert Subscription.objects.get(mailing_list=letter).status == "confirmed"
    assert not Suppression.objects.filter(lifted_at=None).exists()


def test_a_list_of_another_workspace_cannot_be_joined_through_preferences() -> None:
    recipient = sent(desk())
    other = desk(setup.new_workspace("Other"), email="o@example.com")
    theirs = lists.create_list(other.actor, name="Theirs", is_public=True)
    secret = lists.create_list(desk(recipient.workspace, email="x@example.com").actor, name="Staff only")

    Client().post(path_of(recipient, Purpose.PREFERENCES), {"list": [theirs.public_id, secret.public_id, "lst_x", ""]})

    assert not Subscription.objects.filter(mailing_list__in=[theirs, secret]).exists()


def test_a_token_whose_mail_is_gone_opens_nothing() -> None:
    ghost = Recipient(pk=Contact().pk)

    for purpose in (Purpose.UNSUBSCRIBE, Purpose.PREFERENCES, Purpose.VIEW):
        assert Client().get(path_of(ghost, purpose)).status_code == 404
        assert Client().post(path_of(ghost, purpose)).status_code in (404, 405)


def test_an_altered_token_opens_nothing() -> None:
    path = path_of(sent(desk()), Purpose.UNSUBSCRIBE)
    altered = path[:-1] + ("A" if path[-1] != "A" else "B")

    assert Client().post(altered, {"List-Unsubscribe": "One-Click"}).status_code == 404
    assert Subscription.objects.get().status == "confirmed"


def test_the_links_of_a_test_mail_say_what_they_are() -> None:
    for path in ("/u/test", "/p/test", "/v/test"):
        assert "link of a test mail" in Client().get(path).content.decode()


def test_a_form_that_was_open_for_too_long_keeps_what_was_written() -> None:
    at = desk()
    path = reverse("public-form", args=[form_of(at).public_id])

    answer = Client().post(path, {"email": "zoe@x.example", "name": "Zoë", "form-token": "0" * 32})

    page = answer.content.decode()
    assert answer.status_code == 422
    assert 'value="zoe@x.example"' in page
    assert "send it once more" in page
    answer = Client().post(path, {"email": "zoe@x.example", "name": "Zoë", "form-token": token_in(page)})
    assert answer.status_code == 200


@pytest.mark.parametrize("email", ["not-an-address", "zoe@gmail", "zoe@localhost.", "zoe@[192.0.2.1"])
def test_a_bad_address_is_explained_on_the_form(email: str) -> None:
    at = desk()
    path = reverse("public-form", args=[form_of(at).public_id])
    token = token_in(Client().get(path).content.decode())

    answer = Client().post(path, {"email": email, "form-token": token})

    assert answer.status_code == 422
    assert 'role="alert"' in answer.content.decode()
    assert not Contact.objects.exists()


def test_somebody_who_signs_up_without_end_is_told_to_wait() -> None:
    at = desk()
    path = reverse("public-form", args=[form_of(at, opt_in="single").public_id])
    token = token_in(Client().get(path).content.decode())
    answers = [
        Client().post(path, {"email": f"a{number}@x.example", "form-token": token}).status_code for number in range(22)
    ]

    assert answers == [200] * 20 + [429] * 2


# -- the archive ---------------------------------------------------------------------------------------------


def finished(recipient: Recipient) -> Campaign:
    campaign = Campaign.objects.get()
    Campaign.objects.update(status=CampaignStatus.SENT, finished_at=now())
    return campaign


def test_the_archive_shows_sent_mails_for_nobody_in_particular() -> None:
    campaign = finished(sent(desk()))
    letter = MailingList.objects.get(name="Weekly letter")

    page = Client().get(reverse("public-archive", args=[letter.public_id]))
    mail = Client().get(reverse("public-archive-campaign", args=[letter.public_id, campaign.public_id]))

    assert "Rye for you" in page.content.decode()
    assert "<style>" in page.content.decode()
    assert 'rel="stylesheet"' not in page.content.decode()
    assert "Hi friend" in mail.content.decode()
    for answer in (page, mail):
        assert answer["Content-Security-Policy"] == CAGE
        assert (answer["X-Content-Type-Options"], answer["Referrer-Policy"]) == ("nosniff", "no-referrer")
        assert not answer.cookies


def test_a_list_without_an_archive_shows_nothing() -> None:
    at = desk()
    recipient = sent(at)
    letter, news = MailingList.objects.get(name="Weekly letter"), MailingList.objects.get(name="Shop news")
    campaign = Campaign.objects.get()

    assert b"Nothing was sent yet" in Client().get(reverse("public-archive", args=[letter.public_id])).content
    assert Client().get(reverse("public-archive", args=[news.public_id])).status_code == 404
    inside = reverse("public-archive-campaign", args=[letter.public_id, campaign.public_id])
    assert Client().get(inside).status_code == 404
    finished(recipient)
    assert Client().get(inside).status_code == 200
    elsewhere = reverse("public-archive-campaign", args=[news.public_id, campaign.public_id])
    assert Client().get(elsewhere).status_code == 404


# -- in a browser --------------------------------------------------------------------------------------------

browser = pytest.mark.browser
committed = pytest.mark.django_db(transaction=True)


@browser
@committed
def test_the_public_pages_look_right(look: Callable[..., None]) -> None:
    at = desk()
    at.workspace.company, at.workspace.postal_address = "Northwind Bakery", "Kornvej 12, Copenhagen"
    at.workspace.save(update_fields=["company", "postal_address"])
    recipient = sent(at)
    form = form_of(at)
    row = add_contact(at.actor, email="wait@x.example", lists=[form.mailing_list], evidence=SAID).subscriptions.get()
    token = sign_reference(Purpose.CONFIRM, Reference(id=row.pk, issued_on=now().date()), link_keyring())
    look(None, path_of(recipient, Purpose.UNSUBSCRIBE), "public-unsubscribe")
    look(None, path_of(recipient, Purpose.PREFERENCES), "public-preferences")
    look(None, reverse("public-form", args=[form.public_id]), "public-sign-up")
    look(None, f"/p/confirm/{token}", "public-confirm")
    look(None, "/u/x", "public-unknown", status=404)
    look(None, "/u/test", "public-test-link")


@browser
@committed
def test_the_archive_is_readable_in_its_cage(browse: Browsing) -> None:
    campaign = finished(sent(desk()))
    letter = MailingList.objects.get(name="Weekly letter")
    for theme in ("light", "dark"):
        page = browse(None, 390, theme)
        page.goto(reverse("public-archive", args=[letter.public_id]))
        keep_picture(page, f"public-archive-390-{theme}")
        page.get_by_role("link", name="Rye for you").click()
        expect(page).to_have_url(re.compile(campaign.public_id))
        page.get_by_text("Hi friend").wait_for()


@browser
@committed
def test_somebody_leaves_and_chooses_without_script(browse: Browsing) -> None:
    recipient = sent(desk())
    page = browse(None, 390, script=False)
    page.goto(path_of(recipient, Purpose.UNSUBSCRIBE))
    page.get_by_role("button", name="Unsubscribe").click()
    page.get_by_role("heading", name="You are unsubscribed").wait_for()
    assert Subscription.objects.get().status == "unsubscribed"
    keep_picture(page, "public-unsubscribed-390-light")

    page.get_by_role("link", name="choose what you get").click()
    page.get_by_role("checkbox", name="Shop news").check()
    page.get_by_role("button", name="Save").click()
    page.get_by_text("Saved.").wait_for()
    keep_picture(page, "public-saved-390-light")

    assert Subscription.objects.get(mailing_list__name="Shop news").status == "confirmed"
    assert Subscription.objects.get(mailing_list__name="Weekly letter").status == "unsubscribed"


@browser
@committed
def test_somebody_joins_without_script(browse: Browsing) -> None:
    at = desk()
    make_campaign(at)
    form = form_of(at)
    page = browse(None, 390, "dark", script=False)
    page.goto(reverse("public-form", args=[form.public_id]))
    page.get_by_label("E-mail address").fill("zoe@x.example")
    page.get_by_label("Name").fill("Zoë")
    page.get_by_role("button").click()
    page.get_by_role("heading", name="Thank you").wait_for()
    keep_picture(page, "public-thanks-390-dark")
    link = confirm_path(Recipient.objects.select_related("message", "message__content", "message__stream").get())
    page.goto(link)
    page.get_by_role("button", name="Yes, subscribe").click()
    page.get_by_role("heading", name="You are subscribed").wait_for()

    assert Subscription.objects.get(contact__email="zoe@x.example").status == "confirmed"
