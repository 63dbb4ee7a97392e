"""Pages and mails for contacts in each language: which one is chosen, that nothing stays English, how they look."""

from __future__ import annotations

import io
import re
from collections.abc import Callable
from datetime import UTC, datetime

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from PIL import Image

from campaigns import broadcast, editing, leaving, lists
from campaigns.contacts import Evidence, add_contact
from campaigns.models import Campaign, CampaignStatus, Contact, MailingList, SignUpForm, Subscription
from relayhub.core import languages
from relayhub.core.clock import now
from relayhub.core.crypto import link_keyring
from relayhub.core.models import StoredFile, Workspace
from relayhub.protocol.tokens import Purpose, Reference, sign_reference
from relayhub.relay import display
from relayhub.relay.models import Recipient
from tests.pages.marketer_rows import Desk, desk
from tests.pages.test_public_pages import form_of, path_of, sent, token_in
from tests.pages.wizard_rows import SENDER, make_campaign, make_template
from tests.support.browser import keep_picture
from tests.support.door_rows import forget_everything, make_domain

pytestmark = pytest.mark.django_db
OTHERS = ("de", "fr", "es", "pl")
#: What the button to leave says, and the heading of the preference page.
WORDS = {
    "en": ("Unsubscribe", "What you get"), "de": ("Abbestellen", "Was Sie erhalten"),
    "fr": ("Se désabonner", "Ce que vous recevez"), "es": ("Cancelar la suscripción", "Lo que recibe"),
    "pl": ("Rezygnuję z subskrypcji", "Co przychodzi na ten adres"),
}


@pytest.fixture(autouse=True)
def _fresh_caches() -> None:
    forget_everything()
    cache.clear()


def picture(kind: str = "PNG", size: tuple[int, int] = (900, 300)) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", size, "#0b6470").save(target, kind)
    return target.getvalue()


def waiting(at: Desk, **particulars: str) -> tuple[Subscription, SignUpForm]:
    """Somebody on a double opt-in list with an archive, who has not answered yet."""
    form = form_of(at)
    MailingList.objects.filter(pk=form.mailing_list.pk).update(has_archive=True)
    contact = add_contact(
        at.actor, email="wait@x.example", lists=[form.mailing_list], evidence=Evidence(channel="form"), **particulars
    )
    return contact.subscriptions.get(), form


def confirm_link(row: Subscription) -> str:
    return "/p/confirm/" + sign_reference(
        Purpose.CONFIRM, Reference(id=row.pk, issued_on=now().date()), link_keyring()
    )


def shown(path: str, **headers: str) -> str:
    answer = Client().get(path, headers=headers)
    return str(answer["Content-Language"]) + answer.content.decode()


def texts_of(page: str) -> set[str]:
    """Texts of the page between its tags, addresses and styles left out."""
    found = re.findall(r">([^<>]{3,})<", re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL))
    return {" ".join(text.split()) for text in found if text.strip() and "@" not in text}


# -- which language ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("language", WORDS)
def test_a_public_page_opens_in_each_language(language: str) -> None:
    recipient = sent(desk())
    Contact.objects.update(language=language)

    leave, choose = (path_of(recipient, purpose) for purpose in (Purpose.UNSUBSCRIBE, Purpose.PREFERENCES))

    for path, word in zip((leave, choose), WORDS[language], strict=True):
        page = shown(path, **{"Accept-Language": "it"})
        assert page.startswith(language)
        assert f'lang="{language}" dir="ltr"' in page
        assert word in page


def test_the_contact_comes_first_then_the_browser_then_the_workspace_and_a_link_before_all() -> None:
    at = desk()
    recipient = sent(at)
    path = path_of(recipient, Purpose.UNSUBSCRIBE)
    Workspace.objects.filter(pk=at.workspace.pk).update(language="es")
    Contact.objects.update(language="pl")
    french = {"Accept-Language": "fr-CH, fr;q=0.9"}

    of_the_contact = shown(path, **french)
    Contact.objects.update(language="nl")
    of_the_browser, of_the_workspace = shown(path, **french), shown(path, **{"Accept-Language": "it"})

    assert [page[:2] for page in (of_the_contact, of_the_browser, of_the_workspace)] == ["pl", "fr", "es"]
    assert shown(f"{path}?lang=de", **french).startswith("de")
    assert shown(f"{path}?lang=xx", **french).startswith("fr")
    assert "lang=de" in re.findall(r'href="(/p/[^"]+)"', shown(f"{path}?lang=de"))[0]


def test_a_page_links_to_itself_in_the_other_languages_and_the_answer_to_a_form_does_not() -> None:
    path = path_of(sent(desk()), Purpose.UNSUBSCRIBE)

    asked, left = shown(path), Client().post(path).content.decode()

    assert sorted(re.findall(r'href="\?lang=(\w+)"', asked)) == ["de", "es", "fr", "pl"]
    assert "?lang=" not in left


def test_an_answer_depends_on_the_language_asked_for_and_says_so() -> None:
    answer = Client().get("/u/x", headers={"Accept-Language": "de"})

    assert "Accept-Language" in answer["Vary"]
    assert "Dieser Link führt nirgendwohin" in answer.content.decode()


@pytest.mark.parametrize("language", OTHERS)
def test_no_page_for_contacts_keeps_an_english_text(language: str) -> None:
    at = desk()
    recipient = sent(at)
    row, form = waiting(at)
    paths = [
        path_of(recipient, Purpose.UNSUBSCRIBE), path_of(recipient, Purpose.PREFERENCES), confirm_link(row),
        reverse("public-form", args=[form.public_id]), reverse("public-archive", args=[form.mailing_list.public_id]),
        "/u/x", "/u/test", f"/u/{form.mailing_list.public_id}",
    ]
    name = at.workspace.name
    own = {
        "Weekly letter", "Every Saturday.", "Shop news", "When something is new.", "Club", "Join the club", "Website",
        "Subscribe", name, f"Club · {name}", f"Join the club · {name}", "RelayHub", *languages.shipped().values(),
        "Name",  # the same in German
    }

    left = {
        path: kept for path in paths
        if (kept := texts_of(shown(f"{path}?lang={language}")) & texts_of(shown(f"{path}?lang=en")) - own)
    }

    assert left == {}


def test_polish_counts_mailings_in_its_own_forms() -> None:
    at = desk()
    recipient = sent(at)
    Contact.objects.update(language="pl")
    path = path_of(recipient, Purpose.PREFERENCES)
    more = [lists.create_list(at.actor, name=f"L{number}", is_public=True).public_id for number in range(5)]

    def saved(chosen: list[str]) -> str:
        found = re.search(r'role="status">([^<]+)<', Client().post(path, {"list": chosen}).content.decode())
        assert found is not None
        return found[1]

    assert saved(more[:1]) == "Zapisano. Od teraz przychodzi 1 newsletter."
    assert saved(more[:3]) == "Zapisano. Od teraz przychodzą 3 newslettery."
    assert saved(more) == "Zapisano. Od teraz przychodzi 5 newsletterów."
    assert saved([]) == "Zapisano. Od teraz żaden z tych newsletterów nie będzie przychodzić."


# -- what people do ------------------------------------------------------------------------------------------


def test_a_language_that_is_chosen_is_kept_and_one_that_was_only_shown_is_not() -> None:
    recipient = sent(desk())
    path, letter = path_of(recipient, Purpose.PREFERENCES), MailingList.objects.get(name="Weekly letter")
    Contact.objects.update(language="nl")
    ticked = {"list": letter.public_id}

    Client().post(path, {**ticked, "language": "fr"}, headers={"Accept-Language": "fr"})
    only_shown = Contact.objects.get().language
    page = Client().post(path, {**ticked, "language": "pl"}, headers={"Accept-Language": "fr"})

    assert (only_shown, Contact.objects.get().language) == ("nl", "pl")
    assert page["Content-Language"] == "pl"
    assert Subscription.objects.get().status == "confirmed"


def test_a_leave_by_mistake_is_taken_back_by_one_button_and_touches_no_other_list() -> None:
    at = desk()
    recipient = sent(at)
    news = MailingList.objects.get(name="Shop news")
    choose = path_of(recipient, Purpose.PREFERENCES)
    Client().post(choose, {"list": [news.public_id, MailingList.objects.get(name="Weekly letter").public_id]})

    left = Client().post(path_of(recipient, Purpose.UNSUBSCRIBE)).content.decode()
    states = dict(Subscription.objects.values_list("mailing_list__name", "status"))
    again = re.findall(r'name="again" value="(\w+)"', left)
    Client().post(choose, {"again": again})

    assert states == {"Weekly letter": "unsubscribed", "Shop news": "confirmed"}
    assert set(Subscription.objects.values_list("status", flat=True)) == {"confirmed"}


@pytest.mark.parametrize(
    ("browser", "language", "words"),
    [("de-DE,de;q=0.9", "de", "Anmeldung bestätigen"), ("nl", "", "Potwierdzam subskrypcję")],
)
def test_who_joins_is_remembered_with_their_language_and_asked_in_it(browser: str, language: str, words: str) -> None:
    at = desk()
    Workspace.objects.filter(pk=at.workspace.pk).update(language="pl")
    make_campaign(at)
    path = reverse("public-form", args=[form_of(at).public_id])
    token = token_in(Client().get(path).content.decode())

    Client().post(path, {"email": "zoe@x.example", "form-token": token}, headers={"Accept-Language": browser})

    mail = display.readable(display.recipient_bytes(
        Recipient.objects.select_related("message", "message__content", "message__stream").get()
    ))
    assert Contact.objects.get(email="zoe@x.example").language == language
    assert words in (mail.html or "")
    assert f'lang="{language or "pl"}"' in (mail.html or "")


def test_a_confirmation_mail_carries_logo_and_colour() -> None:
    at = desk()
    make_campaign(at)
    at.client.post(reverse("settings-logo"), {"logo": SimpleUploadedFile("l.png", picture())})
    row, _ = waiting(at, language="fr")

    leaving.ask_to_confirm(Subscription.objects.select_related("contact", "mailing_list__workspace").get(pk=row.pk))

    mail = display.readable(display.recipient_bytes(
        Recipient.objects.select_related("message", "message__content", "message__stream").get()
    ))
    path = Workspace.objects.get(pk=at.workspace.pk).logo_path
    assert path in (mail.html or "")
    assert at.workspace.brand_colour in (mail.html or "")


def test_the_html_to_embed_is_in_the_workspaces_language() -> None:
    at = desk()
    form = form_of(at)
    Workspace.objects.filter(pk=at.workspace.pk).update(language="fr")

    page = at.client.get(reverse("list-form", args=[form.public_id])).content.decode()

    assert "Adresse e-mail &lt;input" in page


def test_what_is_sent_from_another_site_is_filled_in_and_waits_for_one_more_click() -> None:
    at = desk()
    path = reverse("public-form", args=[form_of(at).public_id])

    page = Client(enforce_csrf_checks=True).post(path, {"email": "zoe@x.example", "name": "Zoë"})

    assert 'value="zoe@x.example"' in page.content.decode()
    assert not Contact.objects.exists()


# -- the logo ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "GIF", "WEBP"])
def test_a_logo_is_drawn_anew_and_served_to_anybody(kind: str) -> None:
    at = desk()
    at.client.post(reverse("settings-logo"), {"logo": SimpleUploadedFile("logo", picture(kind))})
    path = Workspace.objects.get(pk=at.workspace.pk).logo_path

    answer = Client().get(path)

    assert (answer.status_code, answer["Content-Type"]) == (200, "image/png")
    assert "immutable" in answer["Cache-Control"]
    with Image.open(io.BytesIO(answer.content)) as drawn:
        assert (drawn.format, drawn.size) == ("PNG", (336, 112))
    assert path in shown(reverse("public-form", args=[form_of(at).public_id]))


def with_wrong_facts() -> bytes:
    """A JPEG that says how it was held in a way that cannot be read."""
    facts = Image.Exif()
    facts[0x0112], facts[0x010E] = 6, "abc"
    target = io.BytesIO()
    Image.new("RGB", (6, 4)).save(target, "JPEG", exif=facts)
    data = bytearray(target.getvalue())
    data[data.index(b"Exif") + 17] = 0
    return bytes(data)


@pytest.mark.parametrize(("data", "said"), [
    (b"", "This file is empty"), (b"<svg xmlns='http://www.w3.org/2000/svg'/>", "This is an SVG"),
    (picture()[:200], "damaged or was cut short"), (b"\0" * (2 * 1024 * 1024 + 1), "A logo has up to 2 MB"),
    (with_wrong_facts(), "damaged or was cut short"),
], ids=["empty", "svg", "cut off", "too large", "wrong facts"])
def test_what_is_no_picture_is_refused_and_the_logo_stays(data: bytes, said: str) -> None:
    at = desk()
    at.client.post(reverse("settings-logo"), {"logo": SimpleUploadedFile("l.png", picture())})
    before = Workspace.objects.get(pk=at.workspace.pk).logo_path

    page = at.client.post(reverse("settings-logo"), {"logo": SimpleUploadedFile("l.png", data)}, follow=True)

    assert said in page.content.decode()
    assert Workspace.objects.get(pk=at.workspace.pk).logo_path == before


def test_a_replaced_logo_stays_for_sent_mails_and_removing_deletes_all() -> None:
    at = desk()
    for size in ((10, 10), (20, 20)):
        at.client.post(reverse("settings-logo"), {"logo": SimpleUploadedFile("l.png", picture(size=size))})
    replaced = StoredFile.objects.filter(purpose="logo").count()
    path = Workspace.objects.get(pk=at.workspace.pk).logo_path
    at.client.post(reverse("settings-logo"), {"remove": "1"})
    secret = StoredFile.objects.create(workspace=at.workspace, purpose="import", name="x", completed_at=now())

    assert (replaced, StoredFile.objects.filter(purpose="logo").count()) == (2, 0)
    assert Client().get(path).status_code == 404
    assert Client().get(f"/logo/{secret.pk}.png").status_code == 404
    assert desk(at.workspace, role="viewer", email="v@example.com").client.post(
        reverse("settings-logo"), {"remove": "1"}
    ).status_code == 403


# -- the archive ---------------------------------------------------------------------------------------------


def issued(at: Desk, days: list[datetime]) -> MailingList:
    """A list with an archive and one issue a day of these."""
    letter = lists.create_list(at.actor, name="Weekly letter", has_archive=True, description="Every Saturday, at nine.")
    add_contact(at.actor, email="ines@x.example", lists=[letter], evidence=Evidence(channel="form"))
    make_domain(at.workspace, "shop.example")
    template = make_template(at)
    for number, day in enumerate(days):
        campaign = editing.create_campaign(at.actor, editing.CampaignChanges(
            name="Rye", from_header=SENDER, step="schedule", lists=[letter], template=template,
            subject=f"Issue {number + 1}",
        ))
        broadcast.expand(broadcast.launch(at.actor, campaign).pk)
        Campaign.objects.filter(pk=campaign.pk).update(status=CampaignStatus.SENT, launched_at=day, finished_at=day)
    return letter


def test_the_archive_tells_days_in_its_language_and_offers_to_join() -> None:
    at = desk()
    letter = issued(at, [datetime(2025, 12, 31, 23, 30, tzinfo=UTC), datetime(2026, 11, 7, 9, 0, tzinfo=UTC)])
    Workspace.objects.filter(pk=at.workspace.pk).update(timezone="Europe/Warsaw", language="pl")
    form = lists.create_form(at.actor, letter, title="Join", button="Zapisz mnie")

    page = shown(reverse("public-archive", args=[letter.public_id]))

    assert page.startswith("pl")
    assert "7 listopada 2026" in page
    assert "1 stycznia 2026" in page  # the workspace's day, not UTC's
    assert re.findall(r'<h2 id="year-(\d+)"', page) == ["2026"]
    assert "2 wydania" in page
    assert f"/f/{form.public_id}" in page
    assert page.index("Issue 2") < page.index("Issue 1")


def test_the_archive_has_a_feed_of_its_newest_issues() -> None:
    at = desk()
    letter = issued(at, [datetime(2026, 11, 7, 9, 0, tzinfo=UTC)])
    campaign = Campaign.objects.get()

    answer = Client().get(reverse("public-archive-feed", args=[letter.public_id]))
    feed = answer.content.decode()
    MailingList.objects.update(has_archive=False)

    assert answer["Content-Type"] == "application/atom+xml; charset=utf-8"
    assert "<title>Issue 1</title>" in feed
    assert f"/a/{letter.public_id}/{campaign.public_id}" in feed
    assert "2026-11-07T09:00:00" in feed
    assert Client().get(reverse("public-archive-feed", args=[letter.public_id])).status_code == 404


def test_a_long_archive_has_pages(monkeypatch: pytest.MonkeyPatch) -> None:
    from campaigns import archive

    at = desk()
    letter = issued(at, [datetime(2026, 11, day, 9, 0, tzinfo=UTC) for day in (1, 2, 3)])
    path = reverse("public-archive", args=[letter.public_id])
    monkeypatch.setattr(archive.page_of, "__kwdefaults__", {"size": 2})

    first, second = shown(path), shown(f"{path}?page=2&lang=de")

    assert ("Issue 3" in first, "Issue 1" in first, "?page=2" in first) == (True, False, True)
    assert ("Issue 3" in second, "Issue 1" in second, "?page=1&amp;lang=de" in second) == (False, True, True)
    assert "Issue 1" in shown(f"{path}?page=99")
    assert "Issue 3" in shown(f"{path}?page=-1")


# -- in a browser --------------------------------------------------------------------------------------------


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_the_pages_look_right_in_the_longest_language_with_a_logo(look: Callable[..., None]) -> None:
    at = desk()
    at.client.post(reverse("settings-logo"), {"logo": SimpleUploadedFile("l.png", picture(size=(600, 160)))})
    Workspace.objects.filter(pk=at.workspace.pk).update(
        company="Northwind Bakery", postal_address="Kornvej 12, 2100 København", brand_colour="#9a3412", language="fr"
    )
    recipient = sent(at)
    row, form = waiting(at)
    letter = MailingList.objects.get(name="Weekly letter")
    lists.create_form(at.actor, letter, title="La lettre", button="S’abonner")
    Campaign.objects.update(status=CampaignStatus.SENT, finished_at=now())

    look(None, path_of(recipient, Purpose.UNSUBSCRIBE) + "?lang=fr", "public-fr-unsubscribe")
    look(None, path_of(recipient, Purpose.PREFERENCES) + "?lang=pl", "public-pl-preferences")
    look(None, reverse("public-form", args=[form.public_id]) + "?lang=de", "public-de-sign-up")
    look(None, f"{confirm_link(row)}?lang=es", "public-es-confirm")
    look(at, reverse("settings-home"), "settings-logo")


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_the_archive_looks_right_in_its_cage(browse: Callable[..., object]) -> None:
    """No `look`: the cage lets no checker in. What it would find is looked at in the page's own measures."""
    at = desk()
    letter = issued(at, [datetime(2025, 12, 13, tzinfo=UTC), *(datetime(2026, 11, day, tzinfo=UTC) for day in (7, 14))])
    lists.create_form(at.actor, letter, title="The letter")
    for theme in ("light", "dark"):
        for width in (390, 1440):
            page = browse(None, width, theme)
            page.goto(reverse("public-archive", args=[letter.public_id]) + "?lang=de")
            page.get_by_role("heading", name="Weekly letter").wait_for()
            keep_picture(page, f"public-archive-{width}-{theme}")
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
