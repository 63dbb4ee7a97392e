"""Sentences that are stored in English are told again in the reader's language; what others wrote stays."""

from __future__ import annotations

import pytest

from relayhub.core import languages
from relayhub.protocol import bounce_rules
from relayhub.protocol.classify import classify
from relayhub.relay.events import HOLD_DOMAIN
from relayhub.relay.retold import retold

REMEDY = "Open the domain's page: it shows the record that is missing or wrong."


@pytest.mark.parametrize(
    ("stored", "german"),
    [
        ("The mailbox is full.", "Das Postfach ist voll."),
        (
            HOLD_DOMAIN,
            "Die Absenderdomain ist zurzeit nicht bestätigt; sobald sie es ist, geht die E-Mail von selbst hinaus.",
        ),
        ("no answer within 30 s (ehlo)", "keine Antwort innerhalb von 30 s (ehlo)"),
        (
            f"{REMEDY} The receiver's own page: https://postmaster.gmx.net",
            "Öffnen Sie die Seite der Domain: Sie zeigt, welcher Eintrag fehlt oder falsch ist. "
            "Die Seite des Anbieters dazu: https://postmaster.gmx.net",
        ),
        ("550 no such user here", "550 no such user here"),
        ("Messages", "Messages"),
        ("", ""),
    ],
)
def test_only_our_own_sentences_are_told_again(stored: str, german: str) -> None:
    with languages.speaking("de"):
        assert retold(stored) == german
    assert retold(stored) == stored


@pytest.mark.parametrize("language", ["de", "fr", "es", "pl"])
def test_every_meaning_of_a_reply_has_its_words(language: str) -> None:
    rules = bounce_rules.RULES.values()

    with languages.speaking(language):
        english = [text for rule in rules for text in (rule.why, rule.remedy) if retold(text) == text]

    assert english == []


def test_a_reply_is_judged_in_english_whoever_looks() -> None:
    with languages.speaking("pl"):
        assert classify(code=552, enhanced="5.2.2", text="mailbox full").why == "The mailbox is full."
