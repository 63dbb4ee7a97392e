"""Tokens: read back, useless for another purpose, and alive through a key rotation."""

from datetime import date
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from relayhub.protocol import tokens
from relayhub.protocol.tokens import Keyring, Purpose, Reference, TokenProblem

OLD = Keyring(keys={1: b"a" * 32}, current=1)
BOTH = Keyring(keys={1: b"a" * 32, 2: b"b" * 32}, current=2)
NEW = Keyring(keys={2: b"b" * 32}, current=2)
WHO = Reference(id=UUID(int=7), issued_on=date(2026, 1, 2), link_number=3)


def test_a_reference_comes_back() -> None:
    token = tokens.sign_reference(Purpose.CLICK, WHO, OLD)

    assert tokens.read_reference(Purpose.CLICK, token, OLD) == WHO
    assert len(token) == 50


def test_a_token_survives_rotation_until_its_key_goes() -> None:
    token = tokens.sign(Purpose.VIEW, b"x", OLD)

    assert tokens.read(Purpose.VIEW, token, BOTH) == b"x"
    assert tokens.read(Purpose.VIEW, token, NEW) is TokenProblem.UNKNOWN_KEY


def test_a_token_serves_one_purpose() -> None:
    token = tokens.sign(Purpose.OPEN, b"x", OLD)

    assert tokens.read(Purpose.UNSUBSCRIBE, token, OLD) is TokenProblem.BAD_SIGNATURE


@given(st.text(max_size=80))
def test_noise_is_no_token(text: str) -> None:
    assert isinstance(tokens.read(Purpose.OPEN, text, OLD), TokenProblem)


@given(st.binary(max_size=60), st.integers(min_value=0), st.characters())
def test_any_change_is_noticed(payload: bytes, place: int, char: str) -> None:
    token = tokens.sign(Purpose.FORM, payload, OLD)
    at = place % len(token)
    changed = token[:at] + char + token[at + 1 :]

    found = tokens.read(Purpose.FORM, changed, OLD)

    assert found == payload if changed == token else isinstance(found, TokenProblem)


def test_a_keyring_needs_its_current_key() -> None:
    with pytest.raises(ValueError, match="current"):
        Keyring(keys={}, current=1)
