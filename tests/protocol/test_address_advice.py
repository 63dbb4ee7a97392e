"""Slips in addresses, and throw-away mailboxes."""

import pytest

from relayhub.protocol.address import parse_addr_spec
from relayhub.protocol.address_advice import is_disposable, suggestion_for


@pytest.mark.parametrize(
    ("given", "meant"),
    [
        ("ann@gmial.com", "gmail.com"),  # swapped
        ("ann@gmai.com", "gmail.com"),  # left out
        ("ann@gmaill.com", "gmail.com"),  # added
        ("ann@hotmaul.com", "hotmail.com"),  # changed
        ("ann@yahooo.com", "yahoo.com"),
        ("ann@outlok.com", "outlook.com"),
        ("ann@t-onlin.de", "t-online.de"),
        ("ann@gmail", "gmail.com"),
        ("ann@company.con", "company.com"),
        ("ann@gmail,com", "gmail.com"),
    ],
)
def test_slips(given, meant):
    assert suggestion_for(given) == f"ann@{meant}"


@pytest.mark.parametrize(
    "given",
    ["ann@gmail.com", "Ann@GMail.com", "ann@mail.com", "ann@gmx.com", "ann@live.fr", "ann@company.example",
     "ann@mac.com", "ann@company.co", "ann@web.de", "ann", "", "@gmial.com", "ann@", "ann@" + "x" * 300],
)
def test_no_doubt_where_there_is_no_reason(given):
    assert suggestion_for(given) is None


@pytest.mark.parametrize(
    ("address", "answer"),
    [("a@mailinator.com", True), ("a@x.mailinator.com", True), ("a@gmail.com", False), ("a@com", False)],
)
def test_disposable(address, answer):
    assert is_disposable(address) is answer
    assert is_disposable(parse_addr_spec(address)) is answer
