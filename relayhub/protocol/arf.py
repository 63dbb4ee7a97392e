"""Feedback reports: somebody called a mail spam, and their provider tells us.

Reads the machine part of a report; whose complaint it is, the address in it or the return path of the mail
that came back says. Never raises. RFC 5965, RFC 6591 (authentication failures).
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from relayhub.protocol.mime_tree import read_fields

MAX_RECIPIENTS = 1000
_ADDRESS = re.compile(r"[^\s<>@,;:\"()]{1,64}@[^\s<>@,;:\"()]{1,255}")


class FeedbackKind(StrEnum):
    """What a report is about (RFC 5965 §3.1, §7.3)."""

    ABUSE = "abuse"  # unwanted mail
    FRAUD = "fraud"  # phishing
    VIRUS = "virus"  # harmful content
    OTHER = "other"  # nothing of the list
    NOT_SPAM = "not-spam"  # taken back: the mail is wanted (RFC 6430)
    OPT_OUT = "opt-out"  # the person asks to be taken off
    AUTH_FAILURE = "auth-failure"  # mail as us that failed DMARC; says nothing of a person


@dataclass(frozen=True, kw_only=True, slots=True)
class FeedbackReport:
    """One report, as far as it is filled in."""

    kind: FeedbackKind
    recipients: tuple[str, ...] = ()
    mail_from: str = ""
    user_agent: str = ""
    source_ip: str = ""
    reported_domain: str = ""

    @property
    def is_complaint(self) -> bool:
        """Whether a person does not want our mail."""
        return self.kind not in {FeedbackKind.NOT_SPAM, FeedbackKind.AUTH_FAILURE}


def parse(text: str) -> FeedbackReport:
    """Read a message/feedback-report body. An unknown kind is `other`."""
    fields = read_fields(text.replace("\r\n", "\n"))
    values: dict[str, str] = {}
    for name, value in fields:
        values.setdefault(name, value)
    kind = values.get("feedback-type", "").strip().lower().replace("_", "-")
    wanted = {"original-rcpt-to", "removal-recipient", "original-recipient", "final-recipient"}
    recipients = [
        found[0]
        for name, value in fields
        if name in wanted and (found := _ADDRESS.search(value[:1000])) and not _is_hidden(found[0])
    ]
    sender = _ADDRESS.search(values.get("original-mail-from", "")[:1000])
    return FeedbackReport(
        kind=FeedbackKind(kind) if kind in set(FeedbackKind) else FeedbackKind.OTHER,
        recipients=tuple(dict.fromkeys(recipients))[:MAX_RECIPIENTS],
        mail_from=sender[0] if sender else "", user_agent=values.get("user-agent", ""),
        source_ip=values.get("source-ip", ""), reported_domain=values.get("reported-domain", ""),
    )


def _is_hidden(address: str) -> bool:
    """Some providers black the person out and leave the domain."""
    local = address.partition("@")[0].lower()
    return local in {"redacted", "user", "x"} or set(local) <= {"x", "*", "-"}
