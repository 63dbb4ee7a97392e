"""Ids sort as they were made, and outside texts come back whole."""

from __future__ import annotations

from relayhub.core.ids import Prefix, decode_id, encode_id, uuid7


def test_ids_of_one_process_sort_in_the_order_they_were_made() -> None:
    made = [uuid7() for _ in range(20_000)]

    assert made == sorted(made)
    assert len(set(made)) == len(made)
    assert {(each.version, each.variant) for each in made} == {(7, "specified in RFC 4122")}


def test_outside_texts_come_back() -> None:
    made = uuid7()

    assert decode_id(Prefix.MESSAGE, encode_id(Prefix.MESSAGE, made)) == made
    assert decode_id(Prefix.CONTACT, encode_id(Prefix.MESSAGE, made)) is None
    assert decode_id(Prefix.MESSAGE, "msg_" + "z" * 26) is None
