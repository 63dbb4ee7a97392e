"""What people who get mail can do for themselves: leave, choose, confirm, look."""

from __future__ import annotations

import re
from datetime import timedelta
from html import unescape

import pytest
from django.core.cache import cache
from django.http import HttpResponse
from django.test import Client

from campaigns import contacts, leaving, lists, reactions, subscriptions
from campaigns.contacts import Evidence, add_contact, delete_contact
from campaigns.fields import define_field
from campaigns.models import Campaign, Contact, MailingList, SignUpForm, Subscription
from campaigns.public.content import CAGE
from deliverability.models import Suppression
from relayhub.core.access import system_actor
from relayhub.core.clock import now
from relayhub.core.models import Workspace
from relayhub.relay import display, ledger, routes
from relayhub.relay import reactions as reactions_of_relay
from relayhub.relay.models import Event, Recipient
from relayhub.site import setup
from tests.api.test_campaigns import expand, make_campaign
from tests.api.test_smoke import client_of

pytestmark = [pytest.mark.django_db, pytest.mark.servers]
ONE_CLICK = {"List-Unsubscribe": "One-Click"}


@pytest.fixture
def workspace() -> Workspace:
    routes.forget()
    cache.clear()
    return setup.new_workspace("Shop")


@pytest.fixture
def recipient(workspace: Workspace) -> Recipient:
    client = client_of(workspace)
    html = "<p>Hi {{ contact.name }} <a href='https://shop.example/a'>a</a> <a href='{{ view_url }}'>v</a></p>"
    campaign = make_campaign(client, html=html, people=1)
    assert client.post(f"/api/v1/campaigns/{campaign}/launch", {}, format="json").status_code == 202
    expand(workspace)
    return Recipient.objects.select_related("message", "message__content", "message__stream").get()


def links(recipient: Recipient) -> dict[str, str]:
    """Path kind -> path, of the links in the mail."""
    html = display.readable(display.recipient_bytes(recipient)).html or ""
    found = re.findall(r"http://127\.0\.0\.1:8000(/([tupv](?:/[oc])?)/[\w-]+)", html)
    return {kind: path for path, kind in found}


def test_looking_at_the_unsubscribe_page_changes_nothing(recipient: Recipient) -> None:
    path = links(recipient)["u"]

    assert Client().get(path).status_code == 200
    assert Client().head(path).status_code == 200

    assert Subscription.objects.get().status == "confirmed"
    assert not Suppression.objects.exists()


def test_one_click_leaves_without_cookie_and_may_be_repeated(recipient: Recipient) -> None:
    path, client = links(recipient)["u"], Client(enforce_csrf_checks=True)

    assert client.post(path, ONE_CLICK).status_code == 200
    assert client.post(path, ONE_CLICK).status_code == 200

    assert Subscription.objects.get().status == "unsubscribed"
    suppressed = Suppression.objects.get()
    assert (suppressed.scope, suppressed.reason) == ("list", "unsubscribe")
    assert Event.objects.filter(type="unsubscribed").count() == 1
    assert ledger.verify().is_clean


@pytest.mark.parametrize("token", ["x", "A" * 50, "AAAA_-" * 9])
@pytest.mark.parametrize("kind", ["u", "p", "v", "p/confirm", "t/c"])
def test_a_guessed_token_gets_the_same_page(kind: str, token: str) -> None:
    assert Client().get(f"/{kind}/{token}").status_code == 404


def test_a_token_of_one_purpose_opens_nothing_else(recipient: Recipient) -> None:
    token = links(recipient)["u"].rsplit("/", 1)[1]

    for kind in ("p", "v", "t/c", "p/confirm"):
        assert Client().get(f"/{kind}/{token}").status_code == 404


def test_the_view_in_browser_is_caged(recipient: Recipient) -> None:
    answer = Client().get(links(recipient)["v"])

    assert answer.status_code == 200
    assert answer["Content-Security-Policy"] == CAGE
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Referrer-Policy"] == "no-referrer"
    assert not answer.cookies


def test_a_click_leads_to_the_stored_target_and_is_counted(recipient: Recipient) -> None:
    answer = Client(headers={"User-Agent": "Mozilla/5.0 (X11) Firefox/140"}).get(links(recipient)["t/c"])

    assert (answer.status_code, answer["Location"]) == (302, "https://shop.example/a")
    assert Event.objects.get(type="clicked").detail["machine"] is False
    assert ledger.verify().is_clean


def test_a_proxys_open_is_counted_as_a_machines(recipient: Recipient) -> None:
    answer = Client(headers={"User-Agent": "Mozilla/5.0 GoogleImageProxy"}).get(links(recipient)["t/o"])

    assert answer["Content-Type"] == "image/gif"
    assert Event.objects.get(type="opened").detail["machine"] is True
    recipient.refresh_from_db()
    assert recipient.opened_at is None


def test_preferences_show_the_lists_and_leave_what_is_not_ticked(recipient: Recipient) -> None:
    page = Client().get(links(recipient)["u"]).content.decode()
    path = re.search(r'href="(/p/[\w-]+)"', page)
    assert path is not None

    assert "News" in Client().get(path[1]).content.decode()
    assert Client().post(path[1], {}).status_code == 200

    assert Subscription.objects.get().status == "unsubscribed"


def test_a_no_outlives_the_contact(recipient: Recipient) -> None:
    path = links(recipient)["u"]
    Contact.objects.all().delete()

    assert Client().post(path, ONE_CLICK).status_code == 200

    assert (Suppression.objects.get().scope, Suppression.objects.get().address_key) == ("list", "p0@x.example")


def test_preferences_need_no_cookie(recipient: Recipient) -> None:
    page = Client().get(links(recipient)["u"]).content.decode()
    path = re.search(r'href="(/p/[\w-]+)"', page)
    assert path is not None
    client = Client(enforce_csrf_checks=True)

    assert not client.get(path[1]).cookies
    assert client.post(path[1], {"none": "1"}).status_code == 200


def test_a_late_fact_takes_nobody_off_a_list_joined_again(recipient: Recipient) -> None:
    Client().post(links(recipient)["u"], ONE_CLICK)
    fact = reactions_of_relay.facts_of(list(Event.objects.filter(type="unsubscribed").values_list("id", flat=True)))
    row = Subscription.objects.get()
    subscriptions.confirm(row, evidence=Evidence(channel="preferences"))
    # Time does not move inside one transaction of the database: the second consent came later.
    Subscription.objects.update(confirmed_at=fact[0].at + timedelta(seconds=5))

    reactions.apply(fact)

    assert Subscription.objects.get().status == "confirmed"


def test_a_sign_up_for_a_double_opt_in_list_waits_for_an_answer(workspace: Workspace) -> None:
    actor = system_actor(workspace)
    mailing_list = lists.create_list(actor, name="Club", opt_in="double", from_header="Club <c@shop.example>")
    form = lists.create_form(actor, mailing_list, title="Join", field_keys=["name"])
    client = Client()
    page = client.get(f"/f/{form.public_id}").content.decode()
    token = re.search(r'name="form-token" value="(\w+)"', page)
    assert token is not None

    answer = client.post(f"/f/{form.public_id}", {"email": "zoe@x.example", "name": "Zoë", "form-token": token[1]})

    assert answer.status_code == 200
    assert Contact.objects.get().name == "Zoë"
    assert Subscription.objects.get().status == "unconfirmed"
    mail = Recipient.objects.select_related("message", "message__content", "message__stream").get()
    text = display.readable(display.recipient_bytes(mail)).text or ""
    path = re.search(r"http://127\.0\.0\.1:8000(/p/confirm/[\w-]+)", text)
    assert path is not None
    assert client.get(path[1]).status_code == 200
    assert Subscription.objects.get().status == "unconfirmed"
    assert client.post(path[1]).status_code == 200
    assert Subscription.objects.get().status == "confirmed"


def test_a_robot_that_fills_the_hidden_field_joins_nothing(workspace: Workspace) -> None:
    actor = system_actor(workspace)
    mailing_list: MailingList = lists.create_list(actor, name="Club")
    form = lists.create_form(actor, mailing_list, title="Join")

    answer = Client().post(f"/f/{form.public_id}", {"email": "bot@x.example", "Website": "http://spam.example"})

    assert answer.status_code == 200
    assert not Contact.objects.exists()


def test_an_address_that_had_left_comes_back_only_by_an_answer(workspace: Workspace) -> None:
    actor = system_actor(workspace)
    mailing_list = lists.create_list(actor, name="Club", from_header="Club <c@shop.example>")
    form = lists.create_form(actor, mailing_list, title="Join")
    gone = add_contact(
        actor, email="gone@x.example", lists=[mailing_list], evidence=Evidence(channel="form")
    )
    subscriptions.unsubscribe(gone, [mailing_list.pk], evidence=Evidence(channel="link"))
    client = Client()
    token = re.search(r'name="form-token" value="(\w+)"', client.get(f"/f/{form.public_id}").content.decode())
    assert token is not None

    client.post(f"/f/{form.public_id}", {"email": "gone@x.example", "form-token": token[1]})

    assert Subscription.objects.get().status == "unconfirmed"
    assert Suppression.objects.filter(lifted_at=None).exists()
    assert Recipient.objects.filter(address="gone@x.example").count() == 1


def test_a_no_outlives_the_contact_and_no_stranger_takes_it_back(workspace: Workspace) -> None:
    actor = system_actor(workspace)
    mailing_list = lists.create_list(actor, name="Club", from_header="Club <c@shop.example>")
    form = lists.create_form(actor, mailing_list, title="Join")
    gone = add_contact(actor, email="gone@x.example", lists=[mailing_list], evidence=Evidence(channel="form"))
    subscriptions.unsubscribe(gone, [mailing_list.pk], evidence=Evidence(channel="link"))
    delete_contact(actor, gone)

    joined(form, email="gone@x.example")

    assert Subscription.objects.get().status == "unconfirmed"
    assert Suppression.objects.filter(lifted_at=None, scope="list").exists()
    assert Recipient.objects.filter(address="gone@x.example").count() == 1


def joined(form: SignUpForm, **values: str) -> HttpResponse:
    """The answer to a sign-up by the form as it is shown."""
    client = Client()
    token = re.search(r'name="form-token" value="(\w+)"', client.get(f"/f/{form.public_id}").content.decode())
    assert token is not None
    answer: HttpResponse = client.post(f"/f/{form.public_id}", {**values, "form-token": token[1]})
    return answer


def test_a_sign_up_that_is_sent_twice_at_once_is_one_and_both_are_thanked(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    actor = system_actor(workspace)
    form = lists.create_form(actor, lists.create_list(actor, name="Club"), title="Join")
    add_contact(actor, email="zoe@x.example", evidence=Evidence(channel="form"))
    look, looks = contacts.find, []

    def not_there_yet(*given: object) -> Contact | None:
        looks.append(given)
        return None if len(looks) == 1 else look(*given)  # type: ignore[arg-type]

    monkeypatch.setattr(contacts, "find", not_there_yet)

    assert "Thank you" in joined(form, email="zoe@x.example").content.decode()
    assert Subscription.objects.get().status == "confirmed"


def test_a_form_that_was_shown_before_midnight_is_taken_after_it(
    workspace: Workspace, monkeypatch: pytest.MonkeyPatch
) -> None:
    actor = system_actor(workspace)
    form = lists.create_form(actor, lists.create_list(actor, name="Club"), title="Join")
    token, shown_at = leaving.form_token(form, "127.0.0.1"), now()

    def is_taken(days: int) -> bool:
        monkeypatch.setattr(leaving, "now", lambda: shown_at + timedelta(days=days))
        return leaving.is_form_token(form, "127.0.0.1", token)

    assert [is_taken(days) for days in (0, 1, 2)] == [True, True, False]
    assert not leaving.is_form_token(form, "127.0.0.2", token)


def test_a_line_with_many_addresses_of_ipv6_is_one_place(workspace: Workspace) -> None:
    actor = system_actor(workspace)
    form = lists.create_form(actor, lists.create_list(actor, name="Club"), title="Join")

    def sign_up(number: int, network: str) -> int:
        client = Client(REMOTE_ADDR=f"{network}::{number:x}")
        token = re.search(r'name="form-token" value="(\w+)"', client.get(f"/f/{form.public_id}").content.decode())
        assert token is not None
        values = {"email": f"a{number}@x.example", "form-token": token[1]}
        return int(client.post(f"/f/{form.public_id}", values).status_code)

    assert [sign_up(number, "2001:db8:1:2") for number in range(1, 22)] == [200] * 20 + [429]
    assert sign_up(22, "2001:db8:1:3") == 200


def test_leaving_everything_ends_what_waits_for_an_answer_too(recipient: Recipient) -> None:
    contact = Contact.objects.get()
    actor = system_actor(recipient.workspace)
    club = lists.create_list(actor, name="Club", opt_in="double", from_header="Club <c@shop.example>")
    subscriptions.subscribe(contact, club, evidence=Evidence(channel="form"))
    path = re.search(r'href="(/p/[\w-]+)"', Client().get(links(recipient)["u"]).content.decode())
    assert path is not None

    Client().post(path[1], {"none": "1"})

    assert set(Subscription.objects.values_list("status", flat=True)) == {"unsubscribed"}


def test_a_no_that_is_said_again_counts_again_after_it_was_lifted(recipient: Recipient) -> None:
    Recipient.objects.update(broadcast_id=None)
    path = links(recipient)["u"]
    Client().post(path, ONE_CLICK)
    Suppression.objects.update(lifted_at=now(), lifted_by="somebody", lift_reason="asked by telephone")

    assert Client().post(path, ONE_CLICK).status_code == 200

    standing = Suppression.objects.get(lifted_at=None)
    assert (standing.scope, standing.stream_id) == ("stream", recipient.stream_id)


def test_a_form_may_ask_for_fields_that_are_called_as_its_own(workspace: Workspace) -> None:
    actor = system_actor(workspace)
    for key in ("website", "token"):
        define_field(actor, key=key, label=key.title())
    club = lists.create_list(actor, name="Club")
    form = lists.create_form(actor, club, title="Join", field_keys=["website", "token"])

    joined(form, email="zoe@x.example", website="https://zoe.example", token="a word")

    assert Contact.objects.get().fields == {"website": "https://zoe.example", "token": "a word"}


@pytest.mark.parametrize(
    ("kind", "asked", "wrong", "said"),
    [
        ("date", 'type="date"', "24.11.1990", "Write a day here, such as 1990-11-24."),
        ("number", 'type="number"', "many", "Write a number here, such as 12 or 3.5."),
        ("boolean", "<select", "perhaps", "Choose yes or no here."),
        ("text", 'maxlength="500"', "x" * 40_000, "This is too long. Write it in fewer words."),
    ],
)
def test_a_form_asks_by_what_a_field_holds_and_says_what_is_wrong_beside_it(
    workspace: Workspace, kind: str, asked: str, wrong: str, said: str
) -> None:
    actor = system_actor(workspace)
    define_field(actor, key="answer", label="Answer", type=kind)
    form = lists.create_form(actor, lists.create_list(actor, name="Club"), title="Join", field_keys=["answer"])

    page = Client().get(f"/f/{form.public_id}").content.decode()
    refused = joined(form, email="zoe@x.example", answer=wrong)

    field = re.search(r'<(?:input|select) id="field-answer"[^>]*>', page)
    assert field is not None
    assert asked in field[0]
    again = refused.content.decode()
    assert refused.status_code == 422
    assert re.search(r'id="field-answer"[^>]*aria-invalid="true" aria-describedby="fault"', again)
    assert re.search(r'id="email"[^>]*aria-invalid', again) is None
    assert f'id="fault">{said}</p>' in again
    assert 'value="zoe@x.example"' in again
    assert not Contact.objects.exists()


@pytest.mark.parametrize(
    ("sender", "way"), [("Club <c@shop.example>", "a mail is on its way"), ("", "where you choose what you get")]
)
def test_whoever_had_left_reads_how_they_come_back_and_nobody_learns_that_they_had(
    workspace: Workspace, sender: str, way: str
) -> None:
    actor = system_actor(workspace)
    mailing_list = lists.create_list(actor, name="Club", from_header=sender)
    form = lists.create_form(actor, mailing_list, title="Join")
    gone = add_contact(actor, email="gone@x.example", lists=[mailing_list], evidence=Evidence(channel="form"))
    subscriptions.unsubscribe(gone, [mailing_list.pk], evidence=Evidence(channel="link"))

    of_somebody_gone, of_somebody_new = (joined(form, email=f"{who}@x.example").content for who in ("gone", "new"))

    assert way in of_somebody_gone.decode()
    assert of_somebody_gone == of_somebody_new


def test_the_personal_links_of_an_archived_issue_say_whose_they_are(recipient: Recipient) -> None:
    Campaign.objects.update(status="sent", finished_at=now())
    MailingList.objects.update(has_archive=True)
    campaign, mailing_list = Campaign.objects.get(), MailingList.objects.get()
    path = f"/a/{mailing_list.public_id}/{campaign.public_id}"

    page = unescape(Client().get(path).content.decode())

    assert f"http://127.0.0.1:8000{path}" in page
    leave = re.search(r"http://127\.0\.0\.1:8000(/u/[\w-]+)", page)
    assert leave is not None
    for answer in (Client().get(leave[1]), Client().post(leave[1]), Client().get(leave[1].replace("/u/", "/p/"))):
        assert "This link works in your own mail" in answer.content.decode()
        assert f"<bdi>{campaign.workspace.name}</bdi>" in answer.content.decode()
    assert Subscription.objects.get().status == "confirmed"
