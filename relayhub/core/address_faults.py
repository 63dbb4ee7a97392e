"""Why a text is no address or domain, in the language of who reads it: `AddressError` speaks English."""

from __future__ import annotations

from relayhub.core.retelling import KnownSentences
from relayhub.protocol import address_words

_SENTENCES = KnownSentences(*address_words.SENTENCES)


def fault_told(english: str) -> str:
    """The message of an `AddressError` in the present language."""
    return _SENTENCES.told(english)
