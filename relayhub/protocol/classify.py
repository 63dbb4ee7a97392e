"""What a reply comes to: disposition, class, category, and whether the address is suppressed.

Exhaustive and never raising: what no rule knows is temporary for 4xx and a soft refusal for 5xx, since losing
a good address costs more than trying a bad one again. Words that say the fault is elsewhere count before any
code, because receivers put 5.1.1 on full mailboxes and blocked senders; then come precise codes (RFC 3463),
words that say nobody is there, and at last what is general.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from relayhub.protocol.bounce_rules import (
    BASIC_CODES,
    GENERAL_SUBJECTS,
    HARD_SUBJECTS,
    HARD_TEXTS,
    HELP_PAGES,
    RULES,
    SOFT_SUBJECTS,
    SOFT_TEXTS,
    SUBMISSION_CODES,
    VAGUE_TEXTS,
    Action,
    Category,
    ReplyRule,
)
from relayhub.protocol.reply import SmtpReply
from relayhub.protocol.smtp_wire import SmtpPhase
from relayhub.protocol.wording import gettext_noop as _

_LONGEST_TEXT = 2000
_TAKEN = _("The receiver took the message.")
_DISTURBED = _("The way to the receiver is disturbed.")
_REFUSED = _("The receiver refuses the message for good.")
_PUT_OFF = _("The receiver refuses the message for now.")
_TRIED_AGAIN = _("Nothing to do: it is tried again.")
_STAYS_GOOD = _("Nothing to do for this message; the address stays good.")
_NOT_SUPPRESSED = _("Nothing to do: the address is not suppressed.")
_READ = _("Read the receiver's text.")
#: What is said beside the sentences of the rules.
SENTENCES = (_TAKEN, _DISTURBED, _REFUSED, _PUT_OFF, _TRIED_AGAIN, _STAYS_GOOD, _NOT_SUPPRESSED, _READ)
#: Rules whose texts say little by themselves.
_VAGUE = frozenset({"policy", "load", "network", "system"})


class Disposition(StrEnum):
    """What one attempt came to."""

    DELIVERED = "delivered"  # the peer took responsibility
    DEFERRED = "deferred"  # refused for now
    BOUNCED = "bounced"  # refused for good
    UNKNOWN = "unknown"  # nobody can tell


class BounceClass(StrEnum):
    """What an answer or returned mail says of the address."""

    HARD = "hard"  # there is nobody there
    SOFT = "soft"  # refused for another reason; the address is good
    COMPLAINT = "complaint"  # the person said spam
    AUTOREPLY = "autoreply"  # a vacation notice or the like
    DELIVERED = "delivered"  # it arrived
    UNKNOWN = "unknown"  # it says nothing we understand


@dataclass(frozen=True, kw_only=True, slots=True)
class Classification:
    """What a reply means, in a table's terms and in words."""

    disposition: Disposition
    bounce_class: BounceClass
    category: Category
    suppress: bool
    action: Action
    why: str
    remedy: str
    rule: str = ""

    @property
    def slows(self) -> bool:
        """Whether the site is to get fewer messages for a while."""
        return self.action is Action.SLOW_DOWN


#: Phases in which a refusal speaks of us, not of a recipient nobody has named yet.
_BEFORE_RECIPIENT = frozenset(
    {SmtpPhase.CONNECT, SmtpPhase.BANNER, SmtpPhase.EHLO, SmtpPhase.STARTTLS, SmtpPhase.AUTH, SmtpPhase.MAIL,
     "helo", "lhlo", "greeting"}
)
DELIVERED = Classification(
    disposition=Disposition.DELIVERED, bounce_class=BounceClass.DELIVERED, category=Category.RECIPIENT,
    suppress=False, action=Action.NONE, why=_TAKEN, remedy="", rule="delivered",
)

#: Addresses hold words too (`spam@…`, `quota@…`); they are taken out before words are looked for.
_ADDRESS = re.compile(r"<[^<>\s]{0,320}>|[^\s<>@]{1,200}@[^\s<>@,;)]{1,255}")
#: Cisco's label for every 550 and 553, whatever the receiver said; the receiver's words follow in quotes.
_CISCO_LABEL = re.compile(
    r"[45]\.\d\.\d ?- ?(?:unknown address error|other address status|bad destination mailbox address"
    r"|other network problem|other or undefined \w+ \w+|delivery not authorized[\w, ]*) (?=[45]\d\d|')",
    re.IGNORECASE,
)
#: A code that stands before every line of a reply, and within the text where lines were joined.
_REPEATED_CODE = re.compile(
    r"(?<!\S)[245]\d\d[- ]#?[245]\.\d{1,3}\.\d{1,3}(?=\s)|(?<!\S)[45]\d\d-(?=[A-Za-z])"
)


def classify_reply(reply: SmtpReply, *, phase: str = "", provider: str | None = None) -> Classification:
    """The meaning of a peer's reply in a phase of the conversation."""
    enhanced = str(reply.enhanced) if reply.enhanced else None
    return classify(code=reply.code, enhanced=enhanced, text=reply.text, phase=phase, provider=provider)


def classify(
    *, code: int, enhanced: str | None, text: str, phase: str = "", provider: str | None = None
) -> Classification:
    """The meaning of a reply given by its parts; `provider` is a site or provider of `providers`, for the remedy.

    2xx is delivered. A code outside 2xx, 4xx and 5xx leaves it to the enhanced code; without one it is a
    temporary fault of the conversation. `code` 0 means no basic code is known.
    """
    if 200 <= code < 300 or (not code and (enhanced or "").startswith("2.")):
        return DELIVERED
    is_permanent = _is_permanent(code, enhanced)
    rule = _rule_for(code, enhanced or "", _plain(text, enhanced))
    if rule is None:
        return _unlisted(is_permanent)
    is_hard = rule.is_hard and is_permanent and _speaks_of_recipient(phase, rule)
    return Classification(
        disposition=Disposition.BOUNCED if is_permanent else Disposition.DEFERRED,
        bounce_class=BounceClass.HARD if is_hard else BounceClass.SOFT,
        category=rule.category,
        suppress=is_hard,
        action=_action(rule, is_hard, is_permanent),
        why=rule.why,
        remedy=_remedy(rule, is_hard, is_permanent, provider),
        rule=rule.name,
    )


def classify_fault(why: str) -> Classification:
    """What nobody said: no connection, a time-out, a conversation that broke before the dot."""
    return Classification(
        disposition=Disposition.DEFERRED, bounce_class=BounceClass.SOFT, category=Category.NETWORK,
        suppress=False, action=Action.RETRY, why=why or _DISTURBED,
        remedy=_TRIED_AGAIN, rule="fault",
    )


def _is_permanent(code: int, enhanced: str | None) -> bool:
    """The basic code decides, unless the enhanced class makes it milder (RFC 3463 §2: they should agree)."""
    if 500 <= code < 600:
        return not (enhanced or "").startswith("4.")
    if 400 <= code < 500:
        return False
    return (enhanced or "").startswith("5.")


def without_label(text: str) -> str:
    """Without the label that Cisco's gateways put before the receiver's own words."""
    return _CISCO_LABEL.sub("", text)


def _plain(text: str, enhanced: str | None) -> str:
    """The words that tell, bounded, with the code in front for rules that ask for both."""
    kept = without_label(text[:_LONGEST_TEXT])
    kept = _REPEATED_CODE.sub(" ", _ADDRESS.sub(" ", kept))
    return f"{enhanced or ''} {' '.join(kept.split())}".strip()


@lru_cache(maxsize=4096)
def _rule_for(code: int, enhanced: str, text: str) -> ReplyRule | None:
    """Kept for a while: one receiver refuses thousands in the same words, and the search costs 0.3 ms."""
    subject = enhanced.partition(".")[2]
    words = text.removeprefix(enhanced).strip()
    found = _first(SOFT_TEXTS, words) or _named(SOFT_SUBJECTS.get(subject))
    if found is not None:
        return found
    if code in SUBMISSION_CODES:
        return RULES[BASIC_CODES.get(code, "authentication")]
    return (
        _first(HARD_TEXTS, words) or _first(HARD_TEXTS, text) or _named(HARD_SUBJECTS.get(subject))
        or _general(code, subject, words)
    )


def _general(code: int, subject: str, words: str) -> ReplyRule | None:
    """What is left when neither words nor enhanced codes are precise."""
    by_code = _named(BASIC_CODES.get(code))
    if by_code is not None and by_code.is_hard:
        return by_code
    return _named(GENERAL_SUBJECTS.get(subject.partition(".")[0])) or _first(VAGUE_TEXTS, words) or by_code


def _first(rules: tuple[ReplyRule, ...], text: str) -> ReplyRule | None:
    return next((rule for rule in rules if rule.text is not None and rule.text.search(text)), None)


def _named(name: str | None) -> ReplyRule | None:
    return RULES[name] if name else None


def _speaks_of_recipient(phase: str, rule: ReplyRule) -> bool:
    """In `connect` no peer has spoken: what is told is what DNS said of the domain."""
    return phase.lower() not in _BEFORE_RECIPIENT or (phase == SmtpPhase.CONNECT and rule.name == "no_domain")


def _action(rule: ReplyRule, is_hard: bool, is_permanent: bool) -> Action:
    if is_hard:
        return Action.SUPPRESS
    if is_permanent:
        return Action.GIVE_UP
    return Action.SLOW_DOWN if rule.slows else Action.RETRY


def _remedy(rule: ReplyRule, is_hard: bool, is_permanent: bool, provider: str | None) -> str:
    if rule.is_hard and not is_hard:
        return _NOT_SUPPRESSED
    page = HELP_PAGES.get(re.sub(r"[ .]", "-", provider or "").lower())
    if page and rule.category in {Category.REPUTATION, Category.POLICY}:
        return f"{rule.remedy} The receiver's own page: {page}"
    if is_permanent and rule.remedy == _TRIED_AGAIN:
        return _STAYS_GOOD
    return rule.remedy


def _unlisted(is_permanent: bool) -> Classification:
    if is_permanent:
        return Classification(
            disposition=Disposition.BOUNCED, bounce_class=BounceClass.SOFT, category=Category.POLICY,
            suppress=False, action=Action.GIVE_UP, why=_REFUSED,
            remedy=_READ, rule="permanent",
        )
    return Classification(
        disposition=Disposition.DEFERRED, bounce_class=BounceClass.SOFT, category=Category.CAPACITY,
        suppress=False, action=Action.RETRY, why=_PUT_OFF,
        remedy=_TRIED_AGAIN, rule="temporary",
    )
