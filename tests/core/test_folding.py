"""Texts made plain, and why a text is no address."""

from __future__ import annotations

import pytest

from relayhub.core import keys, languages
from relayhub.core.address_faults import fault_told
from relayhub.core.errors import InputError
from relayhub.core.folding import folded
from relayhub.protocol.address import AddressError, parse_addr_spec


@pytest.mark.parametrize(
    ("text", "plain"),
    [("Prénom", "prenom"), ("ŁÓDŹ", "lodz"), ("Ærø", "aero"), ("Straße", "strasse"), ("ﬁn", "fin"), ("", "")],
)
def test_accents_and_strokes_are_left_out(text: str, plain: str) -> None:
    assert folded(text) == plain


@pytest.mark.parametrize(
    ("text", "german"),
    [
        ("nobody", "Eine Adresse hat ein @ zwischen Name und Domain."),
        ("a@shop.invalid", "Domains auf .invalid kann keine E-Mail erreichen."),
    ],
)
def test_a_fault_is_told_with_what_it_names(text: str, german: str) -> None:
    with pytest.raises(AddressError) as caught:
        parse_addr_spec(text)

    with languages.speaking("de"):
        assert fault_told(caught.value.message) == german


def test_a_domain_of_a_key_is_refused_in_one_language() -> None:
    with languages.speaking("de"), pytest.raises(InputError) as caught:
        keys.checked_domains(["shop.invalid"])

    assert caught.value.message.startswith("„shop.invalid“ ist keine Domain.")
    assert "No mail" not in caught.value.message
