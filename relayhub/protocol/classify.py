"""What a reply comes to: disposition, class, category, and whether the address is suppressed.

Exhaustive and never raising: what no rule knows is temporary for 4xx and a soft refusal for 5xx, since losing
a good address costs more than trying a bad one again. Enhanced codes (RFC 3463) count more than the basic
code, and what the text says more than both where receivers are known to mix them up.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from relayhub.protocol.bounce_rules import RULES, Action, Category, ReplyRule
from relayhub.protocol.reply import SmtpReply
from relayhub.protocol.smtp_wire import SmtpPhase

_LONGEST_TEXT = 2000
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


#: Phases in which a refusal speaks of the recipient or the message; before them it speaks of us.
_ABOUT_RECIPIENT = frozenset({SmtpPhase.RCPT, SmtpPhase.DATA, SmtpPhase.BODY, SmtpPhase.DOT})
DELIVERED = Classification(
    disposition=Disposition.DELIVERED, bounce_class=BounceClass.DELIVERED, category=Category.RECIPIENT,
    suppress=False, action=Action.NONE, why="The receiver took the message.", remedy="",
)


def classify_reply(reply: SmtpReply, *, phase: str = "", provider: str | None = None) -> Classification:
    """The meaning of a peer's reply in a phase of the conversation."""
    enhanced = str(reply.enhanced) if reply.enhanced else None
    return classify(code=reply.code, enhanced=enhanced, text=reply.text, phase=phase, provider=provider)


def classify(
    *, code: int, enhanced: str | None, text: str, phase: str = "", provider: str | None = None
) -> Classification:
    """The meaning of a reply given by its parts. 2xx after the dot is delivered; 3xx and other numbers are
    temporary faults of the conversation."""
    if 200 <= code < 300:
        return DELIVERED
    is_permanent = _is_permanent(code, enhanced)
    rule = _rule_for(code, enhanced, text[:_LONGEST_TEXT])
    if rule is None:
        return _unlisted(is_permanent)
    is_hard = rule.is_hard and is_permanent and _speaks_of_recipient(phase)
    return Classification(
        disposition=Disposition.BOUNCED if is_permanent else Disposition.DEFERRED,
        bounce_class=BounceClass.HARD if is_hard else BounceClass.SOFT,
        category=rule.category,
        suppress=is_hard,
        action=_action(rule, is_hard, is_permanent),
        why=rule.why,
        remedy=rule.remedy if is_hard or not rule.is_hard else "Nothing to do: the address is not suppressed.",
        rule=rule.name,
    )


def classify_fault(why: str) -> Classification:
    """What nobody said: no connection, a time-out, a conversation that broke before the dot."""
    return Classification(
        disposition=Disposition.DEFERRED, bounce_class=BounceClass.SOFT, category=Category.NETWORK,
        suppress=False, action=Action.RETRY, why=why or "The way to the receiver is disturbed.",
        remedy="Nothing to do: it is tried again.", rule="fault",
    )


def _is_permanent(code: int, enhanced: str | None) -> bool:
    """The basic code decides (RFC 3463 §2: they should agree); without a usable one the enhanced class does."""
    if 500 <= code < 600:
        return not (enhanced or "").startswith("4.")
    if 400 <= code < 500:
        return False
    return (enhanced or "").startswith("5.")


def _rule_for(code: int, enhanced: str | None, text: str) -> ReplyRule | None:
    subject = enhanced.partition(".")[2] if enhanced else ""
    by_text = next((rule for rule in RULES if rule.text is not None and rule.text.search(text)), None)
    by_subject = next((rule for rule in RULES if subject in rule.subjects), None)
    if by_subject is not None and by_text is not None and by_subject.is_hard != by_text.is_hard:
        # 5.1.1 with a text about space or spam: receivers do that, and the text is right. A vague text
        # ("rejected", "unavailable") takes nothing away from an exact code, nor does it make one of a soft code.
        return by_text if by_subject.is_hard and by_text.name not in _VAGUE else by_subject
    by_code = next((rule for rule in RULES if code in rule.codes), None)
    general = next((rule for rule in RULES if subject and _names(rule, subject)), None)
    return by_text or by_subject or general or by_code


def _names(rule: ReplyRule, subject: str) -> bool:
    """Whether a rule names the whole subject class, such as "7." for X.7.anything."""
    return any(wanted.endswith(".") and subject.startswith(wanted) for wanted in rule.subjects)


def _speaks_of_recipient(phase: str) -> bool:
    return not phase or phase in _ABOUT_RECIPIENT or phase == "dsn"


def _action(rule: ReplyRule, is_hard: bool, is_permanent: bool) -> Action:
    if is_hard:
        return Action.SUPPRESS
    if is_permanent:
        return Action.GIVE_UP
    return Action.SLOW_DOWN if rule.slows else Action.RETRY


def _unlisted(is_permanent: bool) -> Classification:
    if is_permanent:
        return Classification(
            disposition=Disposition.BOUNCED, bounce_class=BounceClass.SOFT, category=Category.POLICY,
            suppress=False, action=Action.GIVE_UP, why="The receiver refuses the message for good.",
            remedy="Read the receiver's text.", rule="permanent",
        )
    return Classification(
        disposition=Disposition.DEFERRED, bounce_class=BounceClass.SOFT, category=Category.CAPACITY,
        suppress=False, action=Action.RETRY, why="The receiver refuses the message for now.",
        remedy="Nothing to do: it is tried again.", rule="temporary",
    )
