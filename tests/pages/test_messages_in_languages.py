"""The message pages and the sandbox in the language of the person: words, counts, and sentences that were stored."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import UTC
from html import unescape
from urllib.parse import parse_qs, urlencode

import pytest
from django.urls import reverse
from django.utils import translation

from relayhub.core.clock import now
from relayhub.core.models import User
from relayhub.relay import search_words
from relayhub.relay.models import Message, Recipient
from tests.pages.marketer_rows import Desk, reading
from tests.pages.message_rows import GREYLISTED, NO_SUCH_USER, handed_in, kept, recipient_of, tried
from tests.support.deliverability_rows import make_domain

pytestmark = pytest.mark.django_db
#: What would stand on these pages, were a part of them left in English.
ENGLISH = (
    "Search messages", "selected", "newest first", "Send again", "Likely cause", "Timeline", "Envelope", "Way out",
    "What to do", "Evidence", "Recipients", "Attempts", "The conversation", "Accepted", "Delivered", "Bounced",
    "The mailbox", "Read as", "What may be typed", "in the subject", "Unread", "Mark all read", "Headers explained",
    "Signatures", "What the person sees", "By the REST API", "it is for", "Not counted", "attachment",
)


def page(at: Desk, address: str) -> str:
    """What a person reads or hears of a page: its text and its labels."""
    answer = at.client.get(address)
    assert answer.status_code == 200
    main = answer.content.decode().partition("<main")[2].partition("</main>")[0]
    said = re.findall(r'(?:aria-label|title|placeholder|data-label)="([^"]*)"', main)
    return unescape(" ".join([*said, *re.sub(r"<[^>]*>", "\n", main).split()]))


def filled(at: Desk) -> Message:
    """A day's messages; gives the one that bounced."""
    handed_in(at, "a@mail.example", "b@mail.example", "c@mail.example", subject="Für alle")
    kept(handed_in(at, subject="Quittung", html="<p>Danke.</p>"))
    tried(recipient_of(handed_in(at, subject="Brot")), "deferred", GREYLISTED, wait=95,
          detail={"why": "The mailbox is full.", "remedy": "Nothing to do: the address stays good."})
    gone = handed_in(at, "gone@mail.example", subject="Passwort")
    tried(recipient_of(gone), "bounced", NO_SUCH_USER, bounce_class="hard", bounce_category="recipient",
          detail={"suppresses": True, "why": "There is no such mailbox."})
    return gone


def test_every_page_of_messages_speaks_german() -> None:
    at = reading("de")
    gone = filled(at)
    detail = [reverse(name, args=[gone.public_id]) for name in ("message-detail", "message-headers", "message-source")]
    deferred = reverse("message-detail", args=[Message.objects.get(subject="Brot").public_id])
    many = reverse("message-detail", args=[Message.objects.get(subject="Für alle").public_id])
    addresses = [
        reverse("message-list"), reverse("message-list") + "?q=mail.example+last+week+rye", *detail, deferred, many,
        reverse("sandbox-inbox"), reverse("sandbox-inbox") + "?q=bounced+yesterday",
    ]

    pages = {address: page(at, address) for address in addresses}

    left = {address: [word for word in ENGLISH if word in text] for address, text in pages.items()}
    assert {address: words for address, words in left.items() if words} == {}
    assert "4 Nachrichten" in pages[addresses[0]]
    assert "und 2 weitere" in pages[addresses[0]]
    assert "letzte Woche (" in pages[addresses[1]]
    assert "Wahrscheinliche Ursache: niemand hat diese Adresse" in pages[detail[0]]
    assert "Dieses Postfach gibt es nicht. Die Adresse steht jetzt auf der Sperrliste." in pages[detail[0]]
    assert "Das Postfach ist voll." in pages[deferred]
    assert "1 min 35 s gewartet, bis sie an der Reihe war" in pages[deferred]
    assert "3 Empfänger, angenommen" in pages[many]


@pytest.mark.parametrize(
    ("language", "text", "read_as"),
    [("de", "unzustellbar heute", "unzustellbar"), ("fr", "rejetés aujourd’hui", "rejeté"),
     ("es", "rebotados hoy", "rebotado"), ("pl", "odrzucone dzisiaj", "odrzucono"),
     ("pl", "bounced today", "odrzucono")],
)
def test_the_search_reads_the_persons_language(language: str, text: str, read_as: str) -> None:
    at = reading(language)
    filled(at)

    found = page(at, f"{reverse('message-list')}?{urlencode({'q': text})}")
    everywhere = at.client.get(reverse("search-hits"), {"q": text}).content.decode()

    assert f" {read_as} " in found
    assert "Passwort" in found
    assert "Quittung" not in found
    assert "Passwort" in everywhere


@pytest.mark.parametrize("language", ["de", "fr", "es", "pl"])
def test_what_may_be_typed_is_offered_in_the_persons_language_and_understood(language: str) -> None:
    at = reading(language)
    filled(at)

    page_text = at.client.get(reverse("message-list")).content.decode()
    examples = re.findall(r'<a class="mono" href="([^"]*)"', page_text)
    kinds = [search_words.Kind.STATE, search_words.Kind.PERIOD]
    with translation.override(language):
        read = [search_words.read(parse_qs(unescape(url)[1:])["q"][0], now=now(), zone=UTC) for url in examples]

    assert [part.kind for reading_ in read for part in reading_.parts].count(kinds[0]) == 5
    assert [part.kind for reading_ in read for part in reading_.parts].count(kinds[1]) == 5
    assert "bounced" not in page(at, reverse("message-list"))


@pytest.mark.parametrize(
    ("count", "words"), [(1, "Anulowano dla 1 odbiorcy."), (2, "Anulowano dla 2 odbiorców.")]
)
def test_an_act_counts_in_polish(count: int, words: str) -> None:
    at = reading("pl")
    message = handed_in(at, *(f"guest{number}@mail.example" for number in range(count)))

    answer = at.client.post(reverse("message-cancel", args=[message.public_id]), follow=True)

    assert words in unescape(answer.content.decode())


def test_the_evidence_is_english_whoever_asks() -> None:
    at = reading("fr")
    gone = filled(at)

    answer = at.client.get(reverse("message-evidence", args=[gone.public_id])).json()

    assert answer["accepted"].startswith("By the REST API")
    assert answer["attempts"][0]["why"] == "There is no such mailbox."


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_long_words_fit(look: Callable[..., None]) -> None:
    at = reading("de")
    make_domain("shop.example", actor=at.actor).checks.update(outcome="pass", explanation="As wanted.")
    gone = filled(at)
    mail = Recipient.objects.get(transport="sandbox")

    look(at, reverse("message-list"), "messages-de", only_words=True)
    look(at, reverse("message-detail", args=[gone.public_id]), "message-de", only_words=True)
    User.objects.filter(pk=at.user.pk).update(language="pl")
    look(at, reverse("sandbox-message", args=[mail.public_id]), "sandbox-pl", only_words=True)
