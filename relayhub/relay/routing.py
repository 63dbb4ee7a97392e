"""Choose the way of one recipient: pure, explained, with the alternatives that lost and why.

Rules are tried in order; the last rule of every workspace is `RELAYHUB_DEFAULT_ROUTE`. Neighbouring rules with
the same match share by weight, decided by the recipient so that a retry goes the same way. Mail whose From
domain is not verified never leaves: it stays in the sandbox or is held.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from functools import reduce
from typing import Literal
from uuid import UUID

from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

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
        if self.route_id is None:
            return _(self.name) if self.name else _("the default route")
        return self.name or _("rule %(place)s") % {"place": self.position}

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


SANDBOX_RULE = Rule(
    transport=TransportSpec(kind=TransportKind.SANDBOX), name=gettext_noop("the workspace’s sandbox pin")
)
HOLD_DOMAIN_BROKEN = "domain_broken"
HOLD_DOMAIN_UNVERIFIED = "domain_unverified"
_STATE_TEXTS = {
    "broken": (HOLD_DOMAIN_BROKEN, gettext_noop("the From domain is broken: a required DNS record is wrong")),
    "unverified": (HOLD_DOMAIN_UNVERIFIED, gettext_noop("the From domain is not verified")),
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
        return RouteChoice(rule=SANDBOX_RULE, why=_("this workspace is pinned to the sandbox"))
    considered: list[Considered] = []
    winner: Rule | None = None
    for rule in rules:
        why_not = _why_not(rule, stream, domain)
        if why_not or winner is not None:
            why = why_not or (_("%(rule)s comes before it") % {"rule": _named(winner)} if winner else "")
            considered.append(Considered(rule=rule.label, transport=rule.transport.text, why=why))
        elif winner is None:
            winner = _by_weight(rule, rules, recipient_id)
            if winner is not rule:
                considered.append(
                    Considered(rule=rule.label, transport=rule.transport.text,
                               why=_("this recipient falls into the share of %(rule)s") % {"rule": _named(winner)})
                )
    if winner is None:  # the default rule matches everything, so this is a caller without rules
        raise ValueError("rules must end with the default rule")
    hold, text = _STATE_TEXTS.get(domain_state, ("", "")) if winner.transport.leaves else ("", "")
    return RouteChoice(
        rule=winner, why=_(text) if text else _why(winner, stream, domain), hold_reason=hold,
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
        return _("it is switched off (weight 0)")
    if rule.streams and stream not in rule.streams:
        return _("it is for %(streams)s only, not for %(stream)s") % {"streams": either(rule.streams), "stream": stream}
    if rule.domains and not any(_covers(pattern, domain) for pattern in rule.domains):
        return _("it is for %(domains)s only") % {"domains": either(rule.domains)}
    return ""


def _covers(pattern: str, domain: str) -> bool:
    if pattern.startswith("*."):
        return domain.endswith(pattern[1:])
    return domain == pattern


def _why(rule: Rule, stream: str, domain: str) -> str:
    if rule.route_id is None:
        return _("no rule before it applies")
    names = {"stream": stream, "domain": domain}
    if rule.streams and rule.domains:
        return _("the stream is %(stream)s and the domain is %(domain)s") % names
    if rule.streams:
        return _("the stream is %(stream)s") % names
    return _("the domain is %(domain)s") % names if rule.domains else _("it applies to all mail")


def _named(rule: Rule) -> str:
    """Its label for a sentence: a name somebody gave is quoted, "rule 2" is not."""
    return _("“%(words)s”") % {"words": rule.name} if rule.name else rule.label


def either(names: Iterable[str]) -> str:
    """Names of which one is enough: “news or receipts”, sorted."""
    return reduce(lambda one, other: _("%(one)s or %(other)s") % {"one": one, "other": other}, sorted(names) or [""])


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
