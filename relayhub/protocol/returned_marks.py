"""By what a mail that came back is known: patterns, data only. `returned` says how they are used.

Gathered from the notices of Postfix, sendmail, Exim, qmail, Exchange, Gmail, Yahoo and their kin, in the
languages they write. RFC 3464, RFC 3834, sysexits(3).
"""

from __future__ import annotations

import re

ADDRESS = re.compile(r"[^\s<>@,;:\"()\[\]|]{1,64}@[^\s<>@,;:\"()\[\]|]{1,255}")
CODES = re.compile(
    r"(?<![\w.:/=-])([245]\d\d)(?:[ =-]{1,3}|[,:;]? {0,2}\(?)#?([245]\.\d{1,3}\.\d{1,3})(?![\d.])"
)
ENHANCED = re.compile(r"(?<![\d.])([245]\.\d{1,3}\.\d{1,3})(?![\d.])")
BASIC = re.compile(
    r"(?<![\w.:/#=@-])([45][0-7]\d)(?=[ -]|$|[,:;] )(?! (?:bytes|octets|days|hours|minutes|seconds|lines))"
)
NOTICE_SUBJECT = re.compile(
    r"undeliver|non[- ]?deliver|delivery (?:status|fail|notification|problem|error|delay|report|unsuccess"
    r"|has failed)"
    r"|returned (?:e?mail|to sender|message)|return(?:ed|ing) (?:mail|message)|failure (?:notice"
    r"|notification|delivery)"
    r"|(?:mail|message|delivery|e-?mail).{0,30}(?:fail|could not be delivered|not delivered|error|rejected"
    r"|bounced?\b)"
    r"|mail system error|error sending your mail|could ?n.t be delivered|unzustellbar|nicht zugestellt"
    r"|non remis"
    r"|non recapitabile|no se (?:ha )?(?:pudo|podido) entregar|rejected (?:mail|message)"
    r"|warning: .{0,30}(?:delay|sen[dt])"
    r"|fallo|returned by|bounce|address not found|message blocked|delivery incomplete|message not delivered"
    r"|недостав"
    r"|wasn.t delivered|user unknown|mail delivery|配信|notification d.{1,3}tat",
    re.IGNORECASE,
)
NOTICE_SENDER = re.compile(
    r"mailer-?daemon|postmaster|mail delivery|delivery (?:subsystem|system)|mail administrator"
    r"|system administrator"
    r"|mail-?daemon|bounce|mail system", re.IGNORECASE,
)
NOTICE_BODY = re.compile(
    r"could ?n(?:ot|.t) be delivered|n.t able to deliver|unable to deliver"
    r"|delivery (?:to .{0,80} )?(?:has )?failed|undeliver"
    r"|permanent (?:fatal )?error|not (?:be(?:en)? )?delivered|did not reach|rejected (?:your message"
    r"|recipient)|reporting-mta"
    r"|failure reason|final-recipient|delivery (?:error|problem|failure)|error delivering|returned mail"
    r"|trouble delivering"
    r"|could not deliver|can(?:not|.t) (?:be )?deliver|not able to deliver|mail system error", re.IGNORECASE,
)
AUTO_SUBJECT = re.compile(
    r"^\W*(?:auto(?:matic|mated|matisch\w*)?[ :-]*(?:reply|response|antwort|respon|answer)"
    r"|out of (?:the )?office|abwesen"
    r"|vacation|r[ée]ponse automatique|absence|respuesta autom|risposta automatica|automatische antwort"
    r"|away from|holiday|自動返信|автоответ)", re.IGNORECASE,
)
HIDDEN = re.compile(r"<(?:style|script|head)\b[^<]*(?:<(?!/(?:style|script|head))[^<]*)*", re.IGNORECASE)
TAG = re.compile(r"</?[a-z][a-z0-9]{0,12}(?:\s[^<>]{0,500})?/?>", re.IGNORECASE)
STATUS_KINDS = frozenset(
    {"message/delivery-status", "message/global-delivery-status", "text/delivery-status"}
)
AUTO_FIELDS = ("x-autoreply", "x-autorespond", "x-autoresponder", "x-auto-reply-from")
STATUS_FIELD = re.compile(r"^(?:final|original)-recipient|^action[ \t]*:", re.IGNORECASE | re.MULTILINE)
STATUS_BEGIN = re.compile(r"^(?:reporting-mta|(?:final|original)-recipient)", re.IGNORECASE | re.MULTILINE)
FINAL_FIELD = re.compile(r"^final-recipient[ \t]*:", re.IGNORECASE | re.MULTILINE)
OUTCOME_FIELD = re.compile(r"^(?:action|status)[ \t]*:", re.IGNORECASE | re.MULTILINE)
#: The command that a refusal answers; before RCPT it says nothing of the recipient.
EARLY_COMMAND = re.compile(
    r"(?:reply to|after|response to|following) (?:the )?(?:initial connection|(?:end of )?(?:helo|ehlo"
    r"|mail from|mail\b|banner"
    r"|starttls|auth|connect))", re.IGNORECASE,
)
#: Exit codes that local delivery programs give (sysexits.h), as enhanced codes.
EXIT_CODES = {
    "64": "5.3.5", "65": "5.6.0", "67": "5.1.1", "68": "5.1.2", "69": "5.3.0", "70": "5.3.0", "71": "4.3.0",
    "72": "5.3.5", "73": "5.2.0", "74": "4.3.0", "75": "4.3.0", "76": "5.5.0", "77": "5.7.0", "78": "5.3.5",
}
#: Rules that say too little: a notice's own words are asked beside them.
WEAK_RULES = frozenset({"policy", "system", "load", "network", "permanent", "temporary"})


STILL_TRYING = re.compile(
    r"will (?:be retried|continue|keep trying|retry)|this is a warning|still trying"
    r"|not required to do anything",
    re.IGNORECASE,
)
UNLISTED = frozenset({"permanent", "temporary"})
#: Sentences of notices that say nothing of the cause.
BOILERPLATE = re.compile(
    r"this is a permanent error\W*(?:i.ve given up\W*sorry it didn.t work out)?|giving up on [\w.:\[\]]{1,80}"
    r"|no further (?:delivery )?attempts will be made"
    r"|this message was created automatically by mail delivery software",
    re.IGNORECASE,
)
