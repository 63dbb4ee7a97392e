"""What replies mean: a table of rules, data only. `classify` reads it from top to bottom.

A rule names what must be in the reply; the first that fits decides. Only replies that say the mailbox or the
domain does not exist (or was closed) are `hard` and suppress: everything about space, policy, reputation,
content or configuration is soft, whatever its code, for the address is good.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum


class Category(StrEnum):
    """What a refusal is about."""

    RECIPIENT = "recipient"  # the mailbox or its domain
    POLICY = "policy"  # a rule of the receiver, authentication included
    REPUTATION = "reputation"  # our address's or domain's standing
    CAPACITY = "capacity"  # space, load, rates
    CONFIGURATION = "configuration"  # set-up faults on either side
    NETWORK = "network"  # connections and time-outs
    CONTENT = "content"  # the message itself


class Action(StrEnum):
    """What the relay does about it."""

    SUPPRESS = "suppress"  # never write to the address again
    RETRY = "retry"  # try again by the schedule
    SLOW_DOWN = "slow_down"  # try again, and send this site less
    GIVE_UP = "give_up"  # this message has failed; the address stays good
    NONE = "none"  # all went well


@dataclass(frozen=True, kw_only=True, slots=True)
class ReplyRule:
    """One line of the table; empty conditions fit everything."""

    name: str
    category: Category
    is_hard: bool = False
    slows: bool = False
    #: Prefixes of the enhanced code without its class, such as "1.1" for 4.1.1 and 5.1.1.
    subjects: tuple[str, ...] = ()
    codes: tuple[int, ...] = ()
    text: re.Pattern[str] | None = None
    why: str
    remedy: str
    source: str


def _text(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_CLEAN_LIST = "Take the address off your lists; it is suppressed."
_DNS = "Open the domain's page: it shows the record that is missing or wrong."
_REPUTATION = "Send less and only to people who asked for it; look the sending address up at the receiver's page."

#: Text comes before codes where receivers are known to send a code that means something else.
RULES: tuple[ReplyRule, ...] = (
    ReplyRule(
        name="mailbox_full", category=Category.CAPACITY, subjects=("2.2",),
        text=_text(r"quota|mailbox (is )?(full|too large)|over ?quota|storage (limit|full)|insufficient (disk )?"
                   r"(space|storage)|exceeded (its |the )?(storage|space|quota|allocation)|out of (storage|disk)|"
                   r"inbox is full|user has too many messages|boite.{0,20}pleine|mailfolder is full"),
        why="The mailbox is full.", remedy="Nothing to do: it is tried again; the address stays good.",
        source="RFC 3463 §3.3 X.2.2; Gmail 5.2.2, field texts",
    ),
    ReplyRule(
        name="rate", category=Category.CAPACITY, slows=True,
        text=_text(r"too many (connections|messages|recipients|mails?|concurrent|sessions|emails?)|rate.?limit|"
                   r"(sending|receiving mail at a) rate|throttl|try (again )?later.{0,40}(rate|volume)|"
                   r"unusual rate|temporarily deferred due to|TSS0[45]|excessive|slow down|"
                   r"(connection|message) (frequency|limit)|deferred due to (unexpected|user)"),
        why="The receiver takes our mail more slowly than we send it.",
        remedy="Nothing to do: this site gets fewer messages for a while.",
        source="Yahoo TSS04/05, Gmail 4.7.28, Microsoft 4.7.500",
    ),
    ReplyRule(
        name="greylisted", category=Category.POLICY, codes=(421, 450, 451, 452, 471),
        text=_text(r"gr[ea]y.?list|postgrey|try again in \d+ (sec|min)|come back later|temporarily rejected.{0,30}"
                   r"(unknown|new) sender"),
        why="The receiver delays mail from senders it does not know yet.",
        remedy="Nothing to do: it is tried again after a few minutes.", source="RFC 6647",
    ),
    ReplyRule(
        name="block_listed", category=Category.REPUTATION, slows=True,
        text=_text(r"spamhaus|spamcop|barracuda|sorbs|surbl|uceprotect|\bdnsbl\b|\brbl\b|block ?list|black ?list|"
                   r"listed (at|in|by|on) |denied by .{0,30}list|proofpoint.{0,30}blocked|cloudmark|senderbase|"
                   r"abusix|sender ?score|poor reputation|(low|bad|poor) .{0,20}reputation|reputation"),
        why="Our address or domain is on a block list that the receiver uses, or has a poor standing there.",
        remedy=_REPUTATION, source="texts of Spamhaus, Proofpoint, Cisco, Cloudmark users",
    ),
    ReplyRule(
        name="authentication", category=Category.POLICY,
        subjects=("7.20", "7.21", "7.22", "7.23", "7.24", "7.25", "7.26", "7.27", "7.29", "7.30", "7.31", "7.32",
                  "7.40", "7.509", "7.515"),
        text=_text(r"\b(spf|dkim|dmarc|arc)\b|unauthenticated|authentication (required|check|fail)|"
                   r"sender (policy|id)|not (authori[sz]ed|allowed|permitted) to send|reverse dns|\bptr\b|rdns|"
                   r"starttls (is )?required|must issue a starttls|domain.{0,20}align"),
        why="The receiver does not find our mail authentic.", remedy=_DNS,
        source="RFC 7372; Gmail 5.7.25-5.7.40, Microsoft 5.7.509 and 5.7.515",
    ),
    ReplyRule(
        name="spam", category=Category.CONTENT, subjects=("7.28", "6.0"),
        text=_text(r"\bspam|junk mail|unsolicited|bulk mail|content (rejected|filter|denied)|message (content )?"
                   r"(rejected|blocked|refused)|virus|malware|phish|prohibited (content|attachment)|banned (file|"
                   r"attachment)|looks like|suspicious|rejected (due to|by) content|high probability|dangerous|"
                   r"\buri(bl)?\b|url.{0,20}(block|list|reputation)"),
        why="The receiver takes the message for spam, or refuses something in it.",
        remedy="Look at subject, links and attachments; send a test to the receiver.",
        source="RFC 3463 §3.8; field texts",
    ),
    ReplyRule(
        name="too_big", category=Category.CONTENT, subjects=("2.3", "3.4"), codes=(552,),
        text=_text(r"(message|mail) (size|too (large|big))|size (limit|exceeds)|exceeds (the )?(maximum|fixed)|"
                   r"too large"),
        why="The message is larger than the receiver takes.", remedy="Send a link in place of the attachment.",
        source="RFC 3463 §3.4 X.3.4, §3.3 X.2.3",
    ),
    ReplyRule(
        name="disabled", category=Category.RECIPIENT, is_hard=True, subjects=("2.1", "1.6", "1.10"),
        text=_text(r"(account|mailbox|user|recipient|address|email).{0,40}(disabled|deactivated|inactive|suspended|"
                   r"closed|terminated|expired|discontinued|no longer (available|in use|active|valid|works)|blocked "
                   r"for inactivity)|(disabled|inactive|deactivated|suspended) (recipient|user|account|mailbox)|"
                   r"no longer (with|employed)|has moved"),
        why="The mailbox was closed.", remedy=_CLEAN_LIST, source="RFC 3463 §3.3 X.2.1, §3.2 X.1.6, RFC 7505",
    ),
    ReplyRule(
        name="no_mailbox", category=Category.RECIPIENT, is_hard=True, subjects=("1.1", "1.3", "1.0"),
        text=_text(r"(user|mailbox|recipient|address|account|alias|person|destination|addressee|login|local part)"
                   r".{0,40}(unknown|not (found|exist|known|valid|listed)|does ?n.t (exist|have)|doesn't exist|"
                   r"unavailable|invalid|rejected|no such|not (a )?(local|our)|is not|undeliverable)|"
                   r"(unknown|invalid|no such|non.?existent|nonexistent|bad|undefined|unrouteable|unroutable) "
                   r"(local |virtual |e-?mail |destination |rcpt )?(user|mailbox|recipient|address|account|alias|"
                   r"person|name|addressee|local.part)|not (a )?(known|valid) (user|mailbox|recipient|address)|"
                   r"does not exist|doesn't have an? .{0,30}account|no mailbox|not our customer|"
                   r"unknown in (virtual|local|relay)|not (listed|found) in|resolver\.adr\.recipient|"
                   r"no (mail ?drop|account|valid recipients?)|not exist|can't? be found|couldn't be found|"
                   r"user not (found|known)|in(correct|valid) address|recipient (not found|rejected|address rejected)"),
        why="There is no such mailbox.", remedy=_CLEAN_LIST,
        source="RFC 3463 §3.2 X.1.1; Gmail, Microsoft 5.1.10, field texts",
    ),
    ReplyRule(
        name="no_domain", category=Category.RECIPIENT, is_hard=True, subjects=("1.2",),
        text=_text(r"(domain|host).{0,30}(not found|unknown|does not exist|no (mx|mail)|not exist)|"
                   r"(unknown|no such|bad destination) (domain|host)|host unknown|name or service not known|nxdomain|"
                   r"null mx"),
        why="The domain does not exist or takes no mail.", remedy=_CLEAN_LIST,
        source="RFC 3463 §3.2 X.1.2, RFC 7505",
    ),
    ReplyRule(
        name="relay_denied", category=Category.CONFIGURATION,
        text=_text(r"relay(ing)? (access )?(denied|not (permitted|allowed)|prohibited)|not (permitted|allowed) to "
                   r"relay|unable to relay|we do not relay|relay not"),
        why="The host that takes mail for the domain does not know it.",
        remedy="The receiving domain's MX or mail server is set up wrongly; tell its owner.",
        source="field texts of Postfix, Exchange, Exim",
    ),
    ReplyRule(
        name="policy", category=Category.POLICY, subjects=("7.",), codes=(553, 554, 571),
        text=_text(r"policy|access denied|denied|blocked|refused|rejected|not accepted|prohibited|unacceptable|"
                   r"restricted|permission|forbidden|administrative"),
        why="A rule of the receiver refuses the message.",
        remedy="Read the receiver's text; it often names a page that explains more.", source="RFC 3463 §3.8",
    ),
    ReplyRule(
        name="system", category=Category.CONFIGURATION, subjects=("3.", "5."),
        text=_text(r"(syntax|command|protocol|parameter|sequence).{0,20}(error|not|unrecogni|bad)|configuration|"
                   r"local error|internal (server )?error|system (error|problem|not)|not implemented"),
        why="The receiver's system has a fault or does not understand the conversation.",
        remedy="If it lasts, tell the receiver's postmaster, with this conversation.", source="RFC 3463 §3.4, §3.6",
    ),
    ReplyRule(
        name="network", category=Category.NETWORK, subjects=("4.",), codes=(420, 421, 441, 442),
        text=_text(r"time(d)? ?out|connection (refused|reset|lost|closed|dropped)|no (route|answer)|unreachable|"
                   r"network|could not connect|loop|too many hops|hop count|dns|service (not available|unavailable)|"
                   r"shutting down"),
        why="The way to the receiver is disturbed.", remedy="Nothing to do: it is tried again.",
        source="RFC 3463 §3.5",
    ),
    ReplyRule(
        name="load", category=Category.CAPACITY, codes=(452, 431),
        text=_text(r"busy|load|resources|temporar(y|ily)|try (again|later)|insufficient|capacity|unavailable"),
        why="The receiver is busy.", remedy="Nothing to do: it is tried again.", source="RFC 5321 §4.2.3",
    ),
)
