"""What a record's row says: the host to type, the value to paste, the difference marked."""

from __future__ import annotations

import pytest

from deliverability.record_words import Piece, difference, host_in, in_pieces, merged_spf, relevant


@pytest.mark.parametrize(
    ("zone", "name", "host"),
    [
        ("shop.example", "rp.shop.example", "rp"), ("shop.example", "shop.example", "@"),
        ("shop.example", "a._domainkey.news.shop.example", "a._domainkey.news"),
        ("hop.example", "rp.shop.example", "rp.shop.example"),  # the end of a name is no zone
    ],
)
def test_the_host_is_the_name_without_the_zone(zone: str, name: str, host: str) -> None:
    assert host_in(zone, name) == host


@pytest.mark.parametrize(
    ("present", "ours", "merged"),
    [
        ("v=spf1 mx -all", "v=spf1 a:mail.x ~all", "v=spf1 mx a:mail.x -all"),
        ("v=spf1 include:y", "v=spf1 a:mail.x ~all", "v=spf1 include:y a:mail.x"),  # it has no end
        ("v=spf1 mx redirect=y", "v=spf1 a:mail.x ~all", "v=spf1 mx a:mail.x redirect=y"),
        ("v=spf1 +A:mail.x ?all", "v=spf1 a:mail.x ~all", "v=spf1 +A:mail.x ?all"),  # ours is there
        ('"v=spf1 -all"', "v=spf1 ip4:192.0.2.1 ~all", "v=spf1 ip4:192.0.2.1 -all"),
    ],
)
def test_ours_goes_before_the_end_of_theirs(present: str, ours: str, merged: str) -> None:
    assert merged_spf(present, ours) == merged


@pytest.mark.parametrize(
    ("found", "wanted", "in_found", "in_wanted"),
    [
        ("abcXdef", "abcYdef", "X", "Y"), ("abc", "abcdef", "", "def"), ("abab", "ab", "ab", ""), ("x", "y", "x", "y"),
        ("", "y", "", "y"), ("same", "same", "", ""),
    ],
)
def test_only_what_differs_is_marked(found: str, wanted: str, in_found: str, in_wanted: str) -> None:
    theirs, ours = difference(found, wanted)

    def marked(pieces: tuple[Piece, ...]) -> str:
        return "".join(piece.text for piece in pieces if piece.is_different)

    assert ("".join(p.text for p in theirs), "".join(p.text for p in ours)) == (found, wanted)
    assert (marked(theirs), marked(ours)) == (in_found, in_wanted)


def test_only_long_texts_are_cut() -> None:
    assert in_pieces("TXT", "x" * 255) == ""
    assert in_pieces("MX", "x" * 300) == ""
    assert in_pieces("TXT", "x" * 300) == '"' + "x" * 255 + '" "' + "x" * 45 + '"'


def test_texts_of_other_services_are_left_out() -> None:
    found = ["site-check=42", "V=SPF1 mx -all", '"v=spf1 -all"']

    assert relevant("spf_organisation", found) == ("V=SPF1 mx -all", '"v=spf1 -all"')
    assert relevant("dmarc", found) == tuple(found)
    assert relevant("unheard of", found) == tuple(found)
