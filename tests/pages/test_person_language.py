"""The dashboard in the language of the person: its frame, its numbers and days, signing in, live numbers."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import timedelta
from html import unescape

import pytest
from django.test import Client
from django.urls import reverse

from relayhub.core import languages, live_feed, spoken
from relayhub.core.account_adapter import AccountAdapter
from relayhub.core.clock import now
from relayhub.core.live_feed import Feed
from relayhub.core.models import User, Workspace
from relayhub.core.system_mail import SystemLetter
from relayhub.core.vocabulary import STATUS_LOOKS, status_look
from relayhub.relay import display, system_mail
from relayhub.relay.models import Recipient
from tests.pages.marketer_rows import Desk, desk, reading

pytestmark = pytest.mark.django_db


def page_of(at: Desk | None, path: str, **headers: str) -> str:
    answer = (at.client if at else Client()).get(path, headers=headers)
    assert answer.status_code in (200, 404)
    return unescape(answer.content.decode())


@pytest.mark.parametrize(
    ("language", "words"),
    [
        ("en", ("Campaigns", "Skip to content", "Owner")),
        ("de", ("Kampagnen", "Zum Inhalt springen", "Eigentümer")),
        ("fr", ("Campagnes", "Aller au contenu", "Propriétaire")),
        ("es", ("Campañas", "Ir al contenido", "Propietario")),
        ("pl", ("Kampanie", "Przejdź do treści", "Właściciel")),
    ],
)
def test_the_frame_speaks_the_persons_language(language: str, words: tuple[str, ...]) -> None:
    page = page_of(reading(language), reverse("profile"), **{"Accept-Language": "it"})

    assert [word for word in words if word not in page] == []
    assert f'<html lang="{language}"' in page


def test_a_stranger_signs_in_in_the_browsers_language() -> None:
    paths = [reverse("account_login"), reverse("account_reset_password"), "/nowhere"]

    pages = [page_of(None, path, **{"Accept-Language": "pl-PL,pl;q=0.9"}) for path in paths]

    for page, words in zip(pages, ("Zaloguj się", "Wyślij link", "Tu nic nie ma"), strict=True):
        assert words in page
        assert '<html lang="pl"' in page


@pytest.mark.parametrize("language", ["de", "fr", "es", "pl"])
def test_every_status_has_a_word_of_its_own_language(language: str) -> None:
    same = {"Machine"}  # as French has it

    with languages.speaking(language):
        kept = {look.word for key, look in STATUS_LOOKS.items() if status_look(key).word == look.word}

    assert kept <= same


def test_words_that_a_script_keeps_true_come_with_the_page() -> None:
    at = reading("de")
    german = page_of(at, reverse("profile"))
    User.objects.filter(pk=at.user.pk).update(language="en")

    assert 'data-ago="vor %(span)s"' in german
    assert "data-ago" not in page_of(at, reverse("profile"))


def test_days_of_a_banner_are_written_as_the_person_does() -> None:
    at = reading("es")
    since = now() - timedelta(days=400)
    Workspace.objects.filter(pk=at.workspace.pk).update(sending_stopped_at=since, sending_stopped_reason="Why")

    page = page_of(at, reverse("profile"))

    with languages.speaking("es"):
        assert re.search(rf"desde <time[^>]*>{since.day} \w+ {since.year}, ", page)


def test_a_live_page_is_rendered_in_the_language_it_was_asked_in() -> None:
    def read() -> dict[str, str]:
        return {"word": status_look("delivered").word}

    def feed() -> Feed:
        return Feed(key="k", workspace_id=desk_id, render=read)

    desk_id = desk().workspace.pk
    with languages.speaking("de"):
        german = feed()

    assert live_feed.rendered(german) == {"word": "Zugestellt"}
    assert live_feed.rendered(feed()) == {"word": "Delivered"}
    assert german.shared_key != feed().shared_key


@pytest.mark.parametrize(
    ("language", "subject", "words"),
    [
        ("de", "Ines lädt Sie zu Shop bei RelayHub ein", "Ihre Rolle dort: Marketing."),
        ("pl", "Ines zaprasza do obszaru Shop w RelayHub", "Rola: Marketing."),
        ("xx", "Ines invites you to Shop on RelayHub", "Your role there: Marketer."),
    ],
)
def test_letters_of_the_installation_are_in_their_readers_language(language: str, subject: str, words: str) -> None:
    at = desk()
    Workspace.objects.filter(pk=at.workspace.pk).update(is_first=True)
    context = {"inviter": "Ines", "workspace": "Shop", "role": "marketer", "link": "https://x.example/i"}

    system_mail.send(SystemLetter(name="invitation", to="bo@x.example", context=context, language=language))

    mail = Recipient.objects.select_related("message", "message__content", "message__stream").get()
    assert mail.message.subject == subject
    assert words in (display.readable(display.recipient_bytes(mail)).text or "")


def test_a_letter_of_news_names_the_device_in_its_readers_language() -> None:
    at = desk()
    Workspace.objects.filter(pk=at.workspace.pk).update(is_first=True)
    User.objects.filter(pk=at.user.pk).update(language="de")
    seen = {"ip": "192.0.2.7", "user_agent": "Mozilla/5.0 (X11; Linux x86_64) Firefox/140.0"}

    with languages.speaking("en"):
        AccountAdapter().send_mail("account/email/password_changed", at.user.email, seen)

    mail = Recipient.objects.select_related("message", "message__content", "message__stream").get()
    assert "von 192.0.2.7 mit Firefox unter Linux." in (display.readable(display.recipient_bytes(mail)).text or "")


def test_an_error_of_the_interface_stays_english_whatever_the_person_reads() -> None:
    answer = reading("de").client.get("/api/v1/contacts?standing=x", headers={"Accept-Language": "de"})

    assert answer.status_code == 400
    assert "standing" in answer.json()["detail"].lower()
    assert answer["Content-Language"] == "en"


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_the_frame_looks_right_in_long_words(look: Callable[..., None]) -> None:
    at = reading("fr")
    look(at, reverse("settings-security"), "frame-fr-security")
    User.objects.filter(pk=at.user.pk).update(language="de")
    look(at, reverse("profile"), "frame-de-profile")


def test_a_word_of_a_pill_stands_within_a_sentence_as_its_language_writes_it() -> None:
    for language, shown in (("en", "queued"), ("de", "in der Warteschlange"), ("fr", "en file d’attente")):
        with languages.speaking(language):
            assert spoken.within(status_look("queued").word) == shown
    with languages.speaking("de"):
        assert spoken.within("Beschwerde") == "Beschwerde"
