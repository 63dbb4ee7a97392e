"""Header fields that mailing lists and bulk mail carry: unsubscribe, list id, feedback id.

This module must never decide who may be mailed. RFC 2369 (List-*), RFC 2919 (List-Id),
RFC 8058 (one click), RFC 3834 (Auto-Submitted); Feedback-ID as Gmail reads it.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from relayhub.protocol.headers import HeaderError, check_value, encode_text, structured_field

ONE_CLICK = b"List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"  # RFC 8058 §3.1, to the letter
_URL = re.compile(r"https?://[!-;=?-~]+")
_MAILTO = re.compile(r"[!-;=?-~]+@[!-;=?-~]+")
_LIST_LABEL = re.compile(r"[^a-z0-9_.-]+")
_FEEDBACK_PART = re.compile(r"[^A-Za-z0-9_.-]+")
MAX_LIST_ID = 255  # RFC 2919 §2
MIN_SENDER_ID, MAX_SENDER_ID = 5, 15  # Gmail: the last part of Feedback-ID is 5 to 15 characters


@dataclass(frozen=True, kw_only=True, slots=True)
class ListIdentity:
    """A mailing list as List-Id names it: `Name <label.domain>`."""

    label: str
    domain: str
    name: str = ""


def unsubscribe_fields(*, url: str, mailto: str = "") -> bytes:
    """List-Unsubscribe (web first, mail second) and List-Unsubscribe-Post.

    mailto is an address, without the scheme. Raises HeaderError for anything that could
    break out of the angle brackets.
    """
    check_value(url)
    check_value(mailto)
    if not _URL.fullmatch(url):
        raise HeaderError("An http or https URL in ASCII is wanted.")
    ways = [f"<{url}>"]
    if mailto:
        if not _MAILTO.fullmatch(mailto) or "," in mailto:
            raise HeaderError("An ASCII address is wanted for unsubscribing by mail.")
        ways.append(f"<mailto:{mailto}?subject=unsubscribe>")
    return structured_field("List-Unsubscribe", ", ".join(ways)) + ONE_CLICK


def list_id_field(identity: ListIdentity) -> bytes:
    """List-Id; the label is reduced to what a domain label may hold."""
    label = _LIST_LABEL.sub("-", identity.label.lower()).strip("-.") or "list"
    found = f"{label}.{identity.domain.lower()}"[-MAX_LIST_ID:].lstrip("-.")
    name = identity.name.strip()
    check_value(name)
    if name and (not name.isascii() or "=?" in name or not name.isprintable()):
        phrase = encode_text(name) + " "
    elif name:
        phrase = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '" '
    else:
        phrase = ""
    return structured_field("List-Id", f"{phrase}<{found}>")


def feedback_id_field(*, campaign: str, customer: str, mail_type: str, sender: str) -> bytes:
    """Feedback-ID `campaign:customer:type:sender`; only the sender's part is required to be stable.

    Parts lose whatever Gmail would not group by; the sender's is brought to 5 to 15 characters.
    """
    parts = [_FEEDBACK_PART.sub("-", part) for part in (campaign, customer, mail_type)]
    sender_id = _FEEDBACK_PART.sub("-", sender)[:MAX_SENDER_ID].ljust(MIN_SENDER_ID, "0")
    return structured_field("Feedback-ID", ":".join([*parts, sender_id]))


def bulk_fields() -> bytes:
    """Precedence: bulk, which keeps most vacation answers away though no standard says so."""
    return b"Precedence: bulk\r\n"
