"""Signed local parts: short, read in any case, and not to be invented."""

from uuid import UUID

from hypothesis import given
from hypothesis import strategies as st

from relayhub.protocol import verp
from relayhub.protocol.tokens import Keyring
from relayhub.protocol.verp import ReturnAddress, ReturnKind

RING = Keyring(keys={1: b"a" * 32, 2: b"b" * 32}, current=2)


@given(st.uuids(), st.sampled_from(list(ReturnKind)))
def test_a_local_part_comes_back_in_any_case(recipient_id: UUID, kind: ReturnKind) -> None:
    local = verp.local_part(kind, recipient_id, RING)

    assert len(local) <= 64
    assert verp.read(local, RING) == ReturnAddress(kind=kind, id=recipient_id)
    assert verp.read(local.upper(), RING) == ReturnAddress(kind=kind, id=recipient_id)


@given(st.uuids(), st.integers(2, 46), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567"))
def test_each_recipient_has_one_address_and_every_changed_one_is_nobody(
    recipient_id: UUID, place: int, letter: str
) -> None:
    local = verp.local_part(ReturnKind.BOUNCE, recipient_id, RING)
    changed = local[:place] + letter + local[place + 1 :]

    assert (verp.read(changed, RING) is None) == (changed != local)


def test_the_bit_that_decoding_drops_is_no_second_spelling() -> None:
    local = verp.local_part(ReturnKind.BOUNCE, UUID(int=1), RING)
    alphabet = "abcdefghijklmnopqrstuvwxyz234567"

    spellings = [local[:-1] + last for last in alphabet if verp.read(local[:-1] + last, RING) is not None]

    assert spellings == [local]


def test_a_kind_cannot_be_swapped_nor_a_key_missing() -> None:
    local = verp.local_part(ReturnKind.BOUNCE, UUID(int=1), RING)

    assert verp.read("u" + local[1:], RING) is None
    assert verp.read(local, Keyring(keys={1: b"a" * 32}, current=1)) is None


@given(st.text(max_size=60))
def test_noise_is_nobody(text: str) -> None:
    assert verp.read(text, RING) is None
    assert verp.read("b-" + text[:45].ljust(45, "a"), RING) is None
