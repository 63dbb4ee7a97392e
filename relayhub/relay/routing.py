"""Choose the way of one recipient: pure, explained, with the alternatives that lost and why.

Rules are tried in order; the last rule of every workspace is `RELAYHUB_DEFAULT_ROUTE`. Neighbouring rules with
the same match share by weight, decided by the recipient so that a retry goes the same way. Mail whose From
domain is not verified never leaves: it stays in the sandbox or is held.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Literal
from uuid import UUID

from relayhub.relay.transports.base import TransportKind, TransportSpec

DomainState = Literal["verified", "broken", "unverified"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Rule:
    """A stored or built-in rule, ready to be tried."""

    transport: TransportSpec
    streams: frozenset[str] = frozenset()
    domains: frozenset[str] = frozenset()
    route_id: UUID | None = None
    name: str = ""
    position: int = 0
    weight: int = 100
    dkim: bool = True
    tls: str = "opportunistic"
    max_connections: int | None = None

    @property
    def label(self) -> str:
        """What people call it."""
        return self.name or (f"rule {self.position}" if self.route_id else "the default route")

    @property
    def match_key(self) -> tuple[frozenset[str], frozenset[str]]:
        """Rules with the same key compete by weight."""
        return self.streams, self.domains


@dataclass(frozen=True, kw_only=True, slots=True)
class Considered:
    """A rule that was looked at and did not win, and why."""

    rule: str
    transport: str
    why: str


@dataclass(frozen=True, kw_only=True, slots=True)
class RouteChoice:
    """The answer: a rule's transport, or a reason to hold the mail."""

    rule: Rule
    why: str
    hold_reason: str = ""
    considered: tuple[Considered, ...] = field(default=())

    @property
    def transport(self) -> TransportSpec:
        """The way out."""
        return self.rule.transport


SANDBOX_RULE = Rule(transport=TransportSpec(kind=TransportKind.SANDBOX), name="the workspace’s sandbox pin")
HOLD_DOMAIN_BROKEN = "domain_broken"
HOLD_DOMAIN_UNVERIFIED = "domain_unverified"
_STATE_TEXTS = {
    "broken": (HOLD_DOMAIN_BROKEN, "the From domain is broken: a required DNS record is wrong"),
    "unverified": (HOLD_DOMAIN_UNVERIFIED, "the From domain is not verified"),
}


def choose_route(
    *,
    stream: str,
    domain: str,
    rules: Sequence[Rule],
    recipient_id: UUID | None = None,
    is_pinned_to_sandbox: bool = False,
    domain_state: DomainState = "verified",
) -> RouteChoice:
    """The way of a recipient at `domain` in `stream`. `rules` ends with the default rule."""
    if is_pinned_to_sandbox:
        return RouteChoice(rule=SANDBOX_RULE, why="this workspace is pinned to the sandbox")
    considered: list[Considered] = []
    winner: Rule | None = None
    for rule in rules:
        why_not = _why_not(rule, stream, domain)
        if why_not or winner is not None:
            why = why_not or (f"{_named(winner)} comes before it" if winner else "")
            considered.append(Considered(rule=rule.label, transport=rule.transport.text, why=why))
        elif winner is None:
            winner = _by_weight(rule, rules, recipient_id)
            if winner is not rule:
                considered.append(
                    Considered(rule=rule.label, transport=rule.transport.text,
                               why=f"this recipient falls into the share of {_named(winner)}")
                )
    if winner is None:  # the default rule matches everything, so this is a caller without rules
        raise ValueError("rules must end with the default rule")
    hold, text = _STATE_TEXTS.get(domain_state, ("", "")) if winner.transport.leaves else ("", "")
    return RouteChoice(
        rule=winner, why=text or _why(winner, stream, domain), hold_reason=hold,
        considered=tuple(item for item in considered if item.rule != winner.label),
    )


def matches(rule: Rule, stream: str, domain: str) -> bool:
    """Whether the rule applies."""
    return not _why_not(rule, stream, domain)


def first_match(rules: Iterable[Rule], stream: str, domain: str) -> Rule | None:
    """The first rule that applies, weights left aside."""
    return next((rule for rule in rules if matches(rule, stream, domain)), None)


def _why_not(rule: Rule, stream: str, domain: str) -> str:
    if rule.weight == 0:
        return "it is switched off (weight 0)"
    if rule.streams and stream not in rule.streams:
        return f"it is for {_or(rule.streams)} only, not for {stream}"
    if rule.domains and not any(_covers(pattern, domain) for pattern in rule.domains):
        return f"it is for {_or(rule.domains)} only"
    return ""


def _covers(pattern: str, domain: str) -> bool:
    if pattern.startswith("*."):
        return domain.endswith(pattern[1:])
    return domain == pattern


def _why(rule: Rule, stream: str, domain: str) -> str:
    if rule.route_id is None:
        return "no rule before it applies"
    parts = [f"the stream is {stream}" if rule.streams else "", f"the domain is {domain}" if rule.domains else ""]
    return " and ".join(part for part in parts if part) or "it applies to all mail"


def _named(rule: Rule) -> str:
    """Its label for a sentence: a name somebody gave is quoted, "rule 2" is not."""
    return f"“{rule.name}”" if rule.name else rule.label


def _or(names: Iterable[str]) -> str:
    return " or ".join(sorted(names))


def _by_weight(first: Rule, rules: Sequence[Rule], recipient_id: UUID | None) -> Rule:
    """Among the neighbours of `first` with the same match, the one whose share the recipient falls into."""
    start = rules.index(first)
    rivals = [first]
    for rule in rules[start + 1 :]:
        if rule.match_key != first.match_key or rule.route_id is None:
            break
        if rule.weight:
            rivals.append(rule)
    if len(rivals) == 1 or recipient_id is None:
        return first
    ticket = int.from_bytes(hashlib.sha256(recipient_id.bytes).digest()[:4], "big")
    ticket %= sum(rule.weight for rule in rivals)
    for rule in rivals:
        ticket -= rule.weight
        if ticket < 0:
            return rule
    return first
