"""What replies mean: tables, data only. `classify` says in which order they are asked.

Only replies that say the mailbox or its domain does not exist, or was closed, are hard and suppress. All that
is about space, policy, reputation, content, the sender or configuration is soft whatever its code: the
address is good. Facts from RFC 3463, RFC 5248's registry, RFC 7372, receivers' published pages and their
texts in the field; the receivers' own words are matched, so patterns hold several languages.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from relayhub.protocol.wording import gettext_noop as _


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
    """One meaning, and the words by which it is known."""

    name: str
    category: Category
    is_hard: bool = False
    slows: bool = False
    text: re.Pattern[str] | None = None
    why: str
    remedy: str
    source: str


def _text(*alternatives: str) -> re.Pattern[str]:
    return re.compile("|".join(alternatives), re.IGNORECASE)


_CLEAN_LIST = _("Take the address off your lists; it is suppressed.")
_DNS = _("Open the domain's page: it shows the record that is missing or wrong.")
_REPUTATION = _("Send less, and only to people who asked for it; look our sending address up at the receiver.")
_WAIT = _("Nothing to do: it is tried again.")
_READ = _("Read the receiver's text; it often names a page that explains more.")

#: Words for a mailbox or who has it, in the languages that receivers answer in.
_MAILBOX = (
    r"(?:user(?: ?name)?|mail ?-?box|recipients?|addressee|address(?:es)?|account|alias|person|login|"
    r"local[ -]?part|destinat(?:ion|aire)|subscriber|customer|rcpt|inbox|utilisateur|usuario|benutzer|"
    r"empf(?:ä|ae)nger)"
)
_ABSENT = (
    r"(?:unknown|not (?:be )?(?:found|exists?|known|valid|listed|recogni[sz]ed|registered|present|located)|"
    r"(?:does|do|did)(?:n.?t| not) exist|non-?existent|inexistante?|inconnue?|unbekannt|invalide?|"
    r"un(?:recogni[sz]ed|routable|routeable|deliverable)|is undefined)"
)

#: Words that say the fault is not the address, asked before the code and before the words of `HARD_TEXTS`:
#: receivers put 5.1.1 or 550 on these too. The order matters where texts hold the words of several.
SOFT_TEXTS: tuple[ReplyRule, ...] = (
    ReplyRule(
        name="rate", category=Category.CAPACITY, slows=True,
        text=_text(
            r"too many (?:concurrent |simultaneous |smtp )?(?:connections?|messages|recipients|mails?"
            r"|sessions|emails?"
            r"|errors|invalid)", r"rate.?limit", r"limit.{0,20}\brate\b", r"throttl", r"unusual rate",
            r"slow down",
            r"(?:connection|message|ip|mail|sending) (?:frequency|rate|quota)", r"frequency limited",
            r"(?:hourly|daily|sending) (?:\w+ )?(?:limit|quota)", r"receiving mail (?:at|too)",
            r"ReceivingRate",
            r"max(?:imum)? (?:messages?|emails?|number of (?:messages|connections"
            r"|recipients)).{0,30}(?:reached|exceed)",
            r"\[?TSS?0[1-9]\]?", r"IPTS0\d", r"recipients? limit", r"traffic volume", r"mail flood",
            r"exceeded (?:the )?(?:connection|message) (?:rate|limit)",
            r"excessive (?:rate|connections?|messages)",
            r"messages from \S+ (?:temporarily|will be permanently) deferred", r"\bwas deferred\b", r"\bRL0000",
            r"exceed(?:ed|s)? (?:the )?max(?:imum)? (?:number of |concurrent )?(?:connections|messages)",
            r"trop de connexions",
        ),
        why=_("The receiver takes our mail more slowly than we send it."),
        remedy=_("Nothing to do: this site gets fewer messages for a while."),
        source="Yahoo TSS04/05, Gmail 4.7.28, Microsoft 4.7.500, Tencent; RFC 3463 X.4.5, X.5.3",
    ),
    ReplyRule(
        name="too_big", category=Category.CONTENT,
        text=_text(
            r"(?:message|mail|e-?mail|content|body|attachment)s?(?: \w+){0,3} (?:size|too (?:large|big|long)|"
            r"larger than)", r"size (?:limit|exceed)", r"exceeds? (?:the )?(?:\w+ ){0,3}size",
            r"too (?:large|big) (?:message|mail)", r"maximum (?:\w+ )?size", r"size.{0,40}exceed",
            r"\bsizelimit\b",
        ),
        why=_("The message is larger than the receiver takes."),
        remedy=_("Send a link in place of the attachment."),
        source="RFC 3463 §3.3 X.2.3, §3.4 X.3.4; field texts",
    ),
    ReplyRule(
        name="mailbox_full", category=Category.CAPACITY,
        text=_text(
            r"(?:mail ?-?box|inbox|mailfolder|account|folder|mail ?drop|storage|user|boite.{0,20}) "
            r"(?:\S+ )?(?:is |are |was |has been |est )?(?:currently )?(?:too )?(?:full|pleine|large|over"
            r"|out of)\b",
            r"\bquota\b", r"overquota", r"full mailbox", r"ShutoffQuota",
            r"(?:insufficient|not enough|exceeded|no) "
            r"(?:\w+ ){0,2}(?:disk|storage|space|room)",
            r"(?:disk|storage|mailbox|space|memory) (?:space |size )?"
            r"(?:\w+ )?(?:exceed|limit|full|shortage)", r"out of (?:storage|disk|space)", r"no space left",
            r"exceeded (?:\w+ ){0,2}(?:storage|space|allocation|mailbox)", r"user has too many messages",
            r"too much mail data", r"(?:mailbox|account) has exceeded", r"not enough (?:mail )?storage",
            r"postfach (?:ist )?voll", r"maildir (?:is )?(?:over|full)", r"exceed.{0,30}mailbox",
        ),
        why=_("The mailbox is full."), remedy=_("Nothing to do: the address stays good."),
        source="RFC 3463 §3.3 X.2.2; Gmail 5.2.2; field texts",
    ),
    ReplyRule(
        name="expired", category=Category.NETWORK,
        text=_text(
            r"(?:delivery|message|mail|queue|retry) ?(?:time ?)?(?:-| )?(?:out )?(?:has )?(?:expired"
            r"|exceeded)",
            r"retry time(?:out)? (?:not reached|exceeded)",
            r"(?:delivery|retry).{0,30}(?:has )?(?:expired|exceeded)",
            r"too long in (?:the )?queue|queue (?:is |was )?too long", r"failing for a long time",
            r"(?:could|can)(?:n.t| ?not).{0,60} for (?:more than |over )?\d+ (?:days?|hours?)",
            r"has been in the queue", r"delivery failed \d+ attempts", r"not (?:been )?delivered (?:for|after|within)",
            r"undelivered (?:for|after)",
            r"delivery (?:is )?delayed|delivery.{0,40} time(?:d)? ?out",
            r"for the last \d+ (?:seconds|hours)",
            r"cannot send message for \d+",
        ),
        why=_("Nobody took the message in the time it was kept."),
        remedy=_("Nothing to do: the address stays good; if it lasts, the receiver's servers are away."),
        source="RFC 3463 §3.5 X.4.7; Exim, sendmail, Microsoft texts",
    ),
    ReplyRule(
        name="authentication", category=Category.POLICY,
        text=_text(
            r"\b(?:spf|dkim|dmarc)\b", r"dmarc ?rejection", r"un-?authenticated", r"must authenticate",
            r"authentication (?:is )?(?:required|checks?|fail|results|needed)", r"not authenticated",
            r"sender ?(?:policy framework|id\b)", r"(?:not|n.t) (?:authori[sz]ed|permitted) to (?:send|use)",
            r"starttls (?:is )?(?:required|first)", r"must issue a starttls", r"smtp auth",
            r"purported responsible",
            r"sender.{0,40}(?:forged|spoof|not authori[sz]ed)", r"spoof",
        ),
        why=_("The receiver does not find our mail authentic."), remedy=_DNS,
        source="RFC 7372; Gmail 5.7.26-5.7.40, Microsoft 5.7.509 and 5.7.515, Orange, Tencent",
    ),
    ReplyRule(
        name="reverse_dns", category=Category.CONFIGURATION,
        text=_text(
            r"reverse (?:dns|lookup|host)", r"\br?ptr\b", r"\brdns\b", r"ip name lookup failed", r"c=rdns",
            r"(?:client|your) (?:host ?name|host|ip).{0,40}(?:resolve|not found|cannot find|could not be)",
            r"(?:cannot|can.t|could not|unable to) (?:find|resolve) (?:your|the) (?:host ?name|reverse)",
            r"(?:helo|ehlo)\b.{0,60}(?:reject|invalid|resolve|not|bad)", r"valid (?:fqdn|hostname|reverse)",
            r"no host ?name", r"without a valid (?:sender domain|reverse|ptr)", r"fix your (?:dns|reverse)",
        ),
        why=_("Our sending address has no matching name in DNS, or greets with another one."),
        remedy=_("Have the provider of the sending address set its reverse name to RelayHub's host name."),
        source="RFC 7372 X.7.25; Gmail 5.7.25, GMX, Comcast, AT&T texts",
    ),
    ReplyRule(
        name="block_listed", category=Category.REPUTATION, slows=True,
        text=_text(
            r"spamhaus|spamcop|barracudacentral|\bsorbs\b|surbl|uceprotect|abusix|senderbase|cloudmark"
            r"|sender ?score",
            r"ivmSIP|abuseat|invaluement|\w*dnsbl\w*|\brbl\b|/rbl|(?<!may be )\b(?:block|black"
            r"|deny) ?-?list(?:ed"
            r"|ing)?\b",
            r"listed (?:at|in|by|on) \S*(?:bl|list|org|net)\b", r"reputation",
            r"(?:ban|block)(?:ned|ed) (?:sending )?ip",
            r"(?:your|ip|client|sending|connecting|server|host|network) (?:\S+ )?(?:\S+ )?(?:has been |is "
            r"|was |are )?"
            r"(?:temporarily )?(?:blocked|banned|blacklisted|on our block|deferred due)", r"block list",
            r"client host rejected: (?!cannot)",
            r"mail from (?:ip )?\[?\d+\.\d+\.\d+\.\d+\]? (?:refused|rejected|denied)",
            r"(?:refused|denied|rejected|blocked).{0,30}(?:your ip|ip address|network)",
            r"see https?://\S*(?:block|unblock)",
            r"\bS31[145]\d\b", r"blocked using", r"\bip (?:\S+ )?(?:is )?(?:blocked|rejected|refused|denied)",
            r"senders? (?:is |are )?(?:blocked|blacklisted)|poor (?:sender|ip)", r"\(BL\)", r"open relay",
            r"no access from", r"invalid ip", r"\bip\b.{0,20}(?:not allowed|unauthori[sz]ed)",
            r"messages from \S+ weren.t sent",
        ),
        why=_("Our address or domain is on a block list that the receiver uses, or has a poor standing there."),
        remedy=_REPUTATION, source="Spamhaus, Proofpoint, Cisco, Microsoft S3140/S3150, Apple, AT&T texts",
    ),
    ReplyRule(
        name="spam", category=Category.CONTENT,
        text=_text(
            r"\bspam", r"\bjunk ?mail", r"unsolicited", r"\bbulk (?:e-?)?mail",
            r"virus|malware|trojan|phish|worm found",
            r"content.{0,20}(?:reject|filter|denied|refused|block|not accept|violat|unacceptable)",
            r"(?:reject|denied|refused|block)(?:ed)?.{0,20}content",
            r"message (?:is )?(?:filtered|denied|prohibited)",
            r"(?:prohibited|banned|forbidden|unsafe|dangerous|blocked|illegal) (?:content|attachment|file"
            r"|extension)",
            r"(?:likely|looks) suspicious|suspicious (?:message|content|mail)",
            r"\buri(?:bl)?\b.{0,40}(?:list|block)",
            r"\burl\b.{0,40}(?:list|block|reputation)", r"fraud", r"MCSpam", r"mail content denied",
            r"message.{0,20}(?:refused|blocked|rejected) by .{0,30}filter", r"high probability",
        ),
        why=_("The receiver takes the message for spam, or refuses something in it."),
        remedy=_("Look at subject, links and attachments; send a test to the receiver."),
        source="RFC 3463 §3.7, §3.8; Mimecast, Apple, T-Online, Tencent, Yahoo texts",
    ),
    ReplyRule(
        name="sender", category=Category.CONFIGURATION,
        text=_text(
            r"sender.{0,60}(?:reject|unknown|invalid|not (?:exist|found|accepted|allowed|valid|verified)"
            r"|does ?n|verif|"
            r"resolve|refused|denied|unroutable|block)", r"(?:bad|invalid|unknown|illegal) (?:\w+ )?sender",
            r"domain of (?:the )?sender", r"(?:envelope|return).{0,3}(?:sender|path|from)",
            r"(?:mail ?from|from).{0,3}(?:address|domain|header|field)? ?.{0,60}(?:does not exist"
            r"|doesn.t exist|not exist|"
            r"resolve|invalid|null mx|has no (?:a|mx))", r"e-?mail address is not verified",
            r"(?:your|from) domain.{0,60}(?:exist|resolve|invalid|no (?:a|mx))",
            r"domain may not exist or dns",
        ),
        why=_("The receiver refuses the address or domain we sent from."), remedy=_DNS,
        source="RFC 3463 §3.2 X.1.7, X.1.8; RFC 7505 §4.2; Postfix, sendmail, SES texts",
    ),
    ReplyRule(
        name="greylisted", category=Category.POLICY,
        text=_text(
            r"gr[ea]y ?-?list", r"postgrey", r"try (?:again|later) in \d+ (?:sec|min)", r"come back later",
        ),
        why=_("The receiver delays mail from senders it does not know yet."),
        remedy=_("Nothing to do: it is tried again after a few minutes."), source="RFC 6647",
    ),
    ReplyRule(
        name="relay_denied", category=Category.CONFIGURATION,
        text=_text(
            r"relay(?:ing)?(?: \w+)? (?:denied|not |prohibited|refused|forbidden|rejected)",
            r"(?:permitted|allowed) to "
            r"relay", r"(?:unable|cannot|can.t|do not|won.t|will not|refuse to) (?:to )?relay",
            r"allowed rcpthosts",
            r"not a (?:gateway|relay)", r"non-local e-?mail address",
        ),
        why=_("The host that takes mail for the domain does not know it."),
        remedy=_("The receiving domain's MX or mail server is set up wrongly; tell its owner."),
        source="Postfix, Exchange, Exim, qmail texts",
    ),
    ReplyRule(
        name="recipient_choice", category=Category.POLICY,
        text=_text(
            r"recipient preferences", r"recipient(?:s)? (?:has |have )?(?:blocked|opted|refused to)",
            r"refused by (?:the )?"
            r"recipient", r"not (?:have permission|allowed|permitted|able) to (?:post|send|e-?mail|mail)",
            r"only (?:accepts?|receives?) (?:mail|messages|e-?mail) from",
            r"challenge.?response|white ?-?list only",
            r"(?:group|list).{0,60}(?:permission|moderat|only members|not a member)",
            r"restricted (?:group|recipient)",
            r"blocked your (?:e-?mail|address|mail)", r"moderat(?:ed|ion)", r"members only",
        ),
        why=_("The recipient, or the group, does not take mail from this sender."),
        remedy=_("Ask the recipient by another way."), source="Facebook RCP-P2, Google Groups, Exchange texts",
    ),
    ReplyRule(
        name="suspended", category=Category.RECIPIENT,
        text=_text(
            r"(?<!delivery temporarily )suspended|\blocked\b|frozen|on hold|gesperrt|bloqu(?:e|é)\b",
            r"(?<!delivery )temporar(?:y|ily) (?:\w+ )?(?:disabled|inactive|blocked|locked|suspended)",
            rf"{_MAILBOX} (?:is )?temporarily unavailable",
            r"(?:account|mailbox|user) (?:\S+ )?(?:is |has been |was )?blocked",
        ),
        why=_("The mailbox is closed for the time being."), remedy=_("Nothing to do: the address may come back."),
        source="La Poste LPN007, i.ua and Postfix texts",
    ),
    ReplyRule(
        name="loop", category=Category.CONFIGURATION,
        text=_text(r"too many (?:hops|received)|hop count|mail ?loop|loops? back|routing loop|looping"),
        why=_("The receiver's servers send the message in a circle."),
        remedy=_("Tell the receiver's postmaster; the address stays good."), source="RFC 3463 §3.5 X.4.6",
    ),
    ReplyRule(
        name="network", category=Category.NETWORK,
        text=_text(
            r"connect(?:ion)?.{0,60}(?:timed? ?out|refused|reset|lost|closed|dropped|broken|aborted|died"
            r"|failed)",
            r"timed? ?out (?:while|waiting|during|connecting)", r"lost connection", r"no route to host",
            r"network (?:is )?unreachable",
            r"(?:could|can|did)(?:n.t| ?not)(?: be)? (?:connect|establish|reach(?:ed)?)\b(?! the following)",
            r"did not (?:accept|respond|answer)", r"unable to (?:connect|reach|contact|establish)",
            r"hosts?.{0,40}"
            r"(?:not respond|unreachable|unresponsive)", r"conversation with .{0,80}(?:timed|lost|fail)",
            r"(?:dns|name service|host(?:name)? lookup).{0,40}(?:temporar|soft|try again|servfail|malformed"
            r"|time)",
            r"malformed or unexpected name server", r"mx.{0,40}(?:loops|point).{0,20}(?:back|local|loopback)",
            r"tls (?:handshake|negotiation|is required|session|connection)|certificate|ssl_",
            r"no (?:usable|relevant|valid|reachable) (?:mx|answers|mail ?(?:hosts|servers|exchangers?))",
        ),
        why=_("The way to the receiver is disturbed."), remedy=_WAIT,
        source="RFC 3463 §3.5; Postfix, Exim, qmail, Gmail texts",
    ),
)

#: Words that say nobody is there.
HARD_TEXTS: tuple[ReplyRule, ...] = (
    ReplyRule(
        name="disabled", category=Category.RECIPIENT, is_hard=True,
        text=_text(
            rf"{_MAILBOX}\b.{{0,60}}?\b(?:disabled|deactivated|inactive|not active|closed|terminated"
            rf"|discontinued|expired|"
            r"deleted|removed|retired|cancell?ed|dead|not activated|no longer (?:on|available|in use|active"
            r"|valid|works|"
            r"exists?|accept|used|in service|monitored|receiv))",
            rf"(?:disabled|inactive|deactivated|closed|deleted|expired) {_MAILBOX}",
            r"no longer (?:with|employed|works)",
            r"^(?:has been |is |was )?(?:disabled|deactivated|closed|terminated|deleted)\b",
            r"has moved|user not local; please try|DisabledUser|not our customer",
            r"mail receiving disabled|administratively disabled",
        ),
        why=_("The mailbox was closed."), remedy=_CLEAN_LIST,
        source="RFC 3463 §3.3 X.2.1, §3.2 X.1.6; RFC 5248 X.7.13; Yahoo, Gmail, Comcast texts",
    ),
    ReplyRule(
        name="no_domain", category=Category.RECIPIENT, is_hard=True,
        text=_text(
            r"\b(?:host|domain|mail exchanger)s?(?: name)?\b(?! said).{0,60}?(?:not found|unknown|does(?:n.t"
            r"| not) exist|non-?existent|"
            r"could(?:n.t| not) be found|not reachable|un-?rout(?:e)?able|not exist|invalid|not resolve"
            r"|no (?:a|mx) record)",
            r"(?:unknown|no such|bad destination|illegal|invalid|unroutable|unrouteable) (?:mail |recipient "
            r"|target )?"
            r"(?:host|domain)",
            r"(?:couldn.?t|could not|cannot|can.t|unable to) (?:find|locate) (?:any )?(?:host|domain)",
            r"name or service not known|nxdomain|null mx|nullmx|no such domain", r"unrouteable mail domain",
            r"(?:does(?:n.t| not)|not) (?:accept|receive) (?:any )?(?:e-?)?mail\b",
            r"illegal host/domain name",
            r"dns hard error", r"account or domain may not exist",
        ),
        why=_("The domain does not exist or takes no mail."), remedy=_CLEAN_LIST,
        source="RFC 3463 §3.2 X.1.2; RFC 7505; Exim, sendmail, qmail, Exchange texts",
    ),
    ReplyRule(
        name="no_mailbox", category=Category.RECIPIENT, is_hard=True,
        text=_text(
            r"(?:unknown|invalid|no such|non-?existent|not existing|bad|undefined|unrecogni[sz]ed"
            r"|unrouteable|unroutable|"
            r"undeliverable|incorrect|wrong|illegal|no valid) (?:local |virtual |e-?mail |mail |destination "
            r"|rcpt |to |final (?:delivery )?|"
            rf"or illegal |smtp )?{_MAILBOX}",
            rf"{_MAILBOX}\b.{{0,80}}?\b{_ABSENT}",
            r"(?:does|do)(?:n.?t| not) have an? .{0,80}account",
            r"no (?:local )?mail-?box|no such (?:id|name|entry|person)",
            r"mail ?-?box (?:is )?(?:un|not )available", r"(?:recipient )?address rejected\.?\s*(?:\[|\(|$)",
            r"recipient (?:was |is )?(?:address )?(?:rejected|refused|denied)\.?\s*(?:\[|\(|$)",
            r"RESOLVER\.ADR\.\w*(?:Recip|NotFound|Invalid)",
            r"recip(?:ient)?notfound|not found by smtp address lookup",
            r"(?:could|can|was|were)(?:n.t| ?not)(?: be)? (?:found|located)", r"unknown to (?:this|our|the)",
            r"not (?:a )?(?:valid|known|registered|existing) (?:user|mailbox|recipient|address|account)",
            r"not (?:listed|found) in (?:the )?(?:\w+ )?(?:directory|domino|address|database|name)",
            r"^not found$",
            r"does not exist (?:here|on|at|in|anymore)", r"no (?:mail ?drop|account) (?:for|here|by)",
            r"user .{0,60} not found",
            r"unknown (?:in|local)", r"cannot deliver mail for", r"no one (?:by that name|here)",
            r"recipient does not",
            r"(?:that|this) recipient is not allowed",
            r"all recipients (?:were )?(?:rejected|refused|invalid)",
            r"^(?:.{0,40} )?not exists?\.?$", r"unrouteable address",
            r"rejected address|address unknown|bad address",
            r"(?:couldn.t|wasn.t|isn.t) (?:be )?(?:found|recogni)", r"find (?:the )?recipient",
            r"check if (?:the )?address is correct",
            r"not in my validrcptto",
            r"invalid e-?mail",
        ),
        why=_("There is no such mailbox."), remedy=_CLEAN_LIST,
        source="RFC 3463 §3.2 X.1.1; Gmail, Microsoft 5.1.10, Yahoo, Orange, mail.ru and field texts",
    ),
    ReplyRule(
        name="no_mailbox_at_edge", category=Category.RECIPIENT, is_hard=True,
        text=_text(r"recipient address rejected: access denied"),
        why=_("There is no such mailbox: the receiver's edge lists all that exist."), remedy=_CLEAN_LIST,
        source="Microsoft, directory-based edge blocking: 550 5.4.1; Postfix says who else is meant",
    ),
)

#: Words too general to count before a code.
VAGUE_TEXTS: tuple[ReplyRule, ...] = (
    ReplyRule(
        name="policy", category=Category.POLICY,
        text=_text(
            r"policy|polic(?:y|ies)|access denied|denied|blocked|refused|rejected|not (?:accepted|allowed"
            r"|permitted)|prohibited|"
            r"unacceptable|restricted|permission|forbidden|administrative|not acceptable|unwelcome|violation"
        ),
        why=_("A rule of the receiver refuses the message."), remedy=_READ, source="RFC 3463 §3.8",
    ),
    ReplyRule(
        name="system", category=Category.CONFIGURATION,
        text=_text(
            r"(?:syntax|command|protocol|parameter|sequence).{0,20}(?:error|not|unrecogni|bad)",
            r"configuration",
            r"local error|internal|system (?:error|problem|not|failure)|not implemented|server error"
            r"|mailer error",
            r"pipe|exit (?:code|status)|could ?n.t (?:write|create|open)|i/o error|input/output",
        ),
        why=_("The receiver's system has a fault or does not understand the conversation."),
        remedy=_("If it lasts, tell the receiver's postmaster, with this conversation."),
        source="RFC 3463 §3.4, §3.6",
    ),
    ReplyRule(
        name="load", category=Category.CAPACITY,
        text=_text(
            r"busy|\bload\b|resources|temporar|try (?:again|later)|insufficient|capacity|unavailable",
            r"not available",
        ),
        why=_("The receiver is busy."), remedy=_WAIT, source="RFC 5321 §4.2.3",
    ),
)

RULES: dict[str, ReplyRule] = {rule.name: rule for rule in (*SOFT_TEXTS, *HARD_TEXTS, *VAGUE_TEXTS)}

#: Enhanced codes, less their class, that mean one thing wherever seen; soft, and stronger than hard words.
SOFT_SUBJECTS: dict[str, str] = {
    "1.7": "sender", "1.8": "sender", "1.9": "sender",
    "2.2": "mailbox_full", "2.3": "too_big", "3.1": "mailbox_full", "3.4": "too_big",
    "4.5": "rate", "4.6": "loop", "4.7": "expired", "5.3": "rate",
    "6.1": "spam", "6.2": "spam", "6.3": "spam", "6.6": "spam",
    "7.8": "authentication", "7.9": "policy", "7.20": "authentication", "7.21": "authentication",
    "7.22": "authentication", "7.23": "authentication", "7.24": "authentication", "7.25": "reverse_dns",
    "7.26": "authentication", "7.28": "rate", "7.29": "authentication", "7.30": "authentication",
    "7.31": "authentication", "7.32": "authentication", "7.38": "rate", "7.40": "authentication",
    "7.500": "rate", "7.508": "rate", "7.509": "authentication", "7.511": "block_listed",
    "7.515": "authentication",
    "7.606": "block_listed", "7.650": "block_listed", "7.700": "rate", "7.705": "rate", "7.708": "rate",
}  # RFC 5248 registry; Google and Microsoft pages, read 2026
#: Enhanced codes that mean nobody is there, unless the words say otherwise.
HARD_SUBJECTS: dict[str, str] = {
    "1.1": "no_mailbox", "1.2": "no_domain", "1.3": "no_mailbox", "1.6": "disabled", "1.10": "no_mailbox",
    "2.1": "disabled", "7.13": "disabled", "7.17": "no_mailbox", "7.18": "no_domain",
}  # RFC 3463 §3.2-3.3; RFC 5248 registry; RFC 7293 for X.7.17 and X.7.18; X.1.10: Microsoft's and RFC 7505's
#: First numbers of the remaining codes.
GENERAL_SUBJECTS: dict[str, str] = {
    "3": "system", "4": "network", "5": "system", "6": "spam", "7": "policy",
}  # RFC 3463 §2
#: Basic codes, where nothing else says more.
BASIC_CODES: dict[int, str] = {
    420: "network", 421: "load", 431: "load", 441: "network", 442: "network", 450: "load", 451: "system",
    452: "load", 471: "policy", 500: "system", 501: "system", 502: "system", 503: "system", 504: "system",
    521: "policy", 525: "disabled", 530: "authentication", 535: "authentication", 541: "spam", 551: "policy",
    552: "too_big", 553: "policy", 554: "policy", 556: "no_domain", 571: "policy",
}  # RFC 5321 §4.2.3, RFC 7504 (521, 556)
#: Basic codes that are never about an address, whatever enhanced code a receiver adds.
SUBMISSION_CODES = frozenset({502, 503, 504, 530, 534, 535, 538})  # RFC 5321 §4.2.2, RFC 4954 §6

#: Where a sender reads about a receiver's rules or asks to be let in.
HELP_PAGES: dict[str, str] = {
    "google": "https://support.google.com/mail/answer/81126",
    "microsoft-365": "https://sender.office.com",
    "microsoft-consumer": "https://sendersupport.olc.protection.outlook.com/pm/",
    "yahoo": "https://senders.yahooinc.com", "apple": "https://support.apple.com/102322",
    "gmx": "https://postmaster.gmx.net", "t-online": "https://postmaster.t-online.de",
    "orange": "https://postmaster.orange.fr", "laposte": "https://postmaster.laposte.net", "la-poste": "https://postmaster.laposte.net",
    "mail-ru": "https://postmaster.mail.ru", "yandex": "https://postmaster.yandex.com",
    "comcast": "https://postmaster.comcast.net", "proofpoint": "https://ipcheck.proofpoint.com",
    "mimecast": "https://community.mimecast.com",
}
