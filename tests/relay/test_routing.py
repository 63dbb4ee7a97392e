"""The way of one recipient: first rule that applies, shares by weight, and why the others lost."""

from __future__ import annotations

from collections import Counter
from typing import Any
from uuid import UUID

import pytest

from relayhub.core.ids import uuid7
from relayhub.relay.routing import HOLD_DOMAIN_BROKEN, HOLD_DOMAIN_UNVERIFIED, RouteChoice, Rule, choose_route
from relayhub.relay.transports.base import TransportSpec, TransportTextError

DEFAULT = Rule(transport=TransportSpec.parse("direct"))


def rule(transport: str, number: int = 1, **fields: Any) -> Rule:
    sets = {name: frozenset(fields.pop(name, ())) for name in ("streams", "domains")}
    return Rule(transport=TransportSpec.parse(transport), route_id=UUID(int=number), position=number, **sets, **fields)


def choose(*rules: Rule, stream: str = "transactional", domain: str = "town.example", **options: Any) -> RouteChoice:
    return choose_route(stream=stream, domain=domain, rules=[*rules, DEFAULT], **options)


@pytest.mark.parametrize(
    ("fields", "stream", "domain", "applies"),
    [
        ({}, "transactional", "town.example", True),
        ({"streams": ["news"]}, "transactional", "town.example", False),
        ({"streams": ["news", "transactional"]}, "transactional", "town.example", True),
        ({"domains": ["town.example"]}, "transactional", "town.example", True),
        ({"domains": ["town.example"]}, "transactional", "sub.town.example", False),
        ({"domains": ["*.town.example"]}, "transactional", "sub.town.example", True),
        ({"domains": ["*.town.example"]}, "transactional", "town.example", False),
        ({"domains": ["*.town.example"]}, "transactional", "smalltown.example", False),
        ({"streams": ["news"], "domains": ["town.example"]}, "news", "other.example", False),
        ({"weight": 0}, "transactional", "town.example", False),
    ],
)
def test_a_rule_applies_by_stream_and_domain(
    fields: dict[str, Any], stream: str, domain: str, applies: bool
) -> None:
    choice = choose(rule("lmtp://store:24", **fields), stream=stream, domain=domain)

    assert (choice.transport.text == "lmtp://store:24") is applies


def test_the_default_route_is_last_and_says_so() -> None:
    choice = choose(rule("sandbox", domains=["other.example"]))

    assert choice.transport.text == "direct"
    assert (choice.rule.label, choice.why) == ("the default route", "no rule before it applies")
    assert [(item.transport, item.why) for item in choice.considered] == [
        ("sandbox", "it is for other.example only"),
    ]


def test_the_first_of_two_wins_and_the_second_knows_why_not() -> None:
    choice = choose(
        rule("lmtp://store:24", 1, domains=["town.example"], name="our town"), rule("smtp://house:25", 2)
    )

    assert choice.rule.name == "our town"
    assert [item.why for item in choice.considered] == ["“our town” comes before it", "“our town” comes before it"]


def test_neighbours_with_the_same_match_share_by_weight() -> None:
    rules = (rule("smtp://one:25", 1, weight=300), rule("smtp://two:25", 2, weight=100))

    seen = Counter(choose(*rules, recipient_id=uuid7()).transport.host for _ in range(2000))

    assert seen["two"] / 2000 == pytest.approx(0.25, abs=0.05)


def test_a_retry_goes_the_same_way() -> None:
    rules = (rule("smtp://one:25", 1), rule("smtp://two:25", 2))
    recipient = uuid7()

    assert len({choose(*rules, recipient_id=recipient).transport.host for _ in range(20)}) == 1


@pytest.mark.parametrize(
    ("state", "reason"), [("unverified", HOLD_DOMAIN_UNVERIFIED), ("broken", HOLD_DOMAIN_BROKEN), ("verified", "")]
)
def test_only_a_verified_domains_mail_leaves(state: Any, reason: str) -> None:
    assert choose(domain_state=state).hold_reason == reason
    assert choose(rule("sandbox"), domain_state=state).hold_reason == ""


def test_a_pinned_workspace_stays_inside_whatever_the_rules_say() -> None:
    choice = choose(rule("smtp://house:25"), is_pinned_to_sandbox=True, domain_state="unverified")

    assert (choice.transport.text, choice.hold_reason) == ("sandbox", "")


@pytest.mark.parametrize(
    ("text", "public"),
    [
        ("sandbox", "sandbox"), ("direct", "direct"), ("anymail:Mailgun", "anymail:mailgun"),
        ("smtp://u%40x:p%3A@house.example", "smtp://house.example:25"),
        ("smtps://house.example", "smtps://house.example:465"),
        ("lmtp://127.0.0.1:2424", "lmtp://127.0.0.1:2424"), ("smtp://[::1]:2525", "smtp://[::1]:2525"),
    ],
)
def test_a_transports_text_never_shows_its_secret(text: str, public: str) -> None:
    spec = TransportSpec.parse(text)

    assert spec.text == public
    assert "p:" not in repr(spec)
    assert TransportSpec.parse(spec.text).text == spec.text


def test_user_and_password_are_read_from_the_text() -> None:
    spec = TransportSpec.parse("smtp://u%40x:p%3A@house.example")

    assert (spec.username, spec.password) == ("u@x", "p:")


@pytest.mark.parametrize(
    "text",
    ["", "smtp", "http://x", "smtp://", "smtp://a b", "smtp://x/path", "smtp://x:99999", "anymail:",
     "smtp://x\r\ny"],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(TransportTextError):
        TransportSpec.parse(text)
