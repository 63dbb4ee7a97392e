"""Delivery status notifications: read what other servers write, and build our own.

Reading takes every field as optional, because they all are missing somewhere; it never raises. Status codes
are kept as given where they are codes at all. RFC 3464, RFC 6533 (internationalised), RFC 3462, RFC 3798 §3.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from relayhub.protocol.headers import date_value
from relayhub.protocol.mime_tree import read_fields

MAX_RECIPIENTS = 1000  # one report; more is no report that a server writes

_STATUS = re.compile(r"(?<![\d.])([245])\.(\d{1,3})\.(\d{1,3})(?![\d.])")
_UTF8_ESCAPE = re.compile(r"\\x\{([0-9A-Fa-f]{2,6})\}")
_XTEXT = re.compile(r"\+([0-9A-F]{2})")
_IS_ADDRESS = re.compile(r"[^\s|/@][^\s@]{0,255}@[^\s@:]{1,255}")
_SAFE_LINE = re.compile(r"[\x00-\x1f\x7f]+")


class DsnAction(StrEnum):
    """What a server says it did (RFC 3464 §2.3.3)."""

    FAILED = "failed"
    DELAYED = "delayed"
    DELIVERED = "delivered"
    RELAYED = "relayed"
    EXPANDED = "expanded"
    EXPIRED = "expired"  # not in the standard; SendGrid writes it
    UNSTATED = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class RecipientStatus:
    """What happened to one recipient. Addresses are without their type; "" where not given."""

    final_recipient: str = ""
    original_recipient: str = ""
    action: DsnAction = DsnAction.UNSTATED
    #: `5.1.1`, or "" where there was no code.
    status: str = ""
    diagnostic_type: str = ""
    diagnostic: str = ""
    remote_mta: str = ""

    @property
    def recipient(self) -> str:
        """The address as the reporting server knew it, else as it was first given."""
        given = (self.final_recipient, self.original_recipient)
        return next((address for address in given if _IS_ADDRESS.fullmatch(address)), "")


@dataclass(frozen=True, kw_only=True, slots=True)
class StatusReport:
    """A whole notification."""

    recipients: tuple[RecipientStatus, ...]
    reporting_mta: str = ""
    #: What the sender gave as ENVID.
    envelope_id: str = ""


def parse(text: str) -> StatusReport:
    """Read a message/delivery-status body: groups of fields between blank lines."""
    per_message: list[tuple[str, str]] = []
    found: list[RecipientStatus] = []
    for fields in _groups(text):
        if len(found) >= MAX_RECIPIENTS:
            break
        if not _is_about_recipient(fields):
            per_message += fields
            continue
        if any(name == "reporting-mta" for name, _ in fields):
            per_message += fields  # some servers leave out the blank line
        found.append(_recipient(fields))
    return StatusReport(
        recipients=tuple(found), reporting_mta=_untyped(_value(per_message, "reporting-mta")),
        envelope_id=_untyped_xtext(_value(per_message, "original-envelope-id")),
    )


def _groups(text: str) -> list[list[tuple[str, str]]]:
    """Field groups; a second Final-Recipient begins a new one even without a blank line."""
    groups: list[list[tuple[str, str]]] = []
    for block in re.split(r"\n[ \t]*\n", text.replace("\r\n", "\n")):
        current: list[tuple[str, str]] = []
        for name, value in read_fields(block):
            if name == "final-recipient" and any(key == name for key, _ in current):
                groups.append(current)
                current = []
            current.append((name, value))
        if current:
            groups.append(current)
    return groups


def _is_about_recipient(fields: Sequence[tuple[str, str]]) -> bool:
    names = {name for name, _ in fields}
    return bool(names & {"final-recipient", "original-recipient", "action"}) or names >= {
        "status", "diagnostic-code",
    }


def _recipient(fields: Sequence[tuple[str, str]]) -> RecipientStatus:
    kind, _, said = _value(fields, "diagnostic-code").partition(";")
    if not said or len(kind) > 40 or " " in kind.strip():
        kind, said = "", _value(fields, "diagnostic-code")
    action = _value(fields, "action").strip().lower().partition(" ")[0]
    status = _STATUS.search(_value(fields, "status"))
    return RecipientStatus(
        final_recipient=_address(_value(fields, "final-recipient") or _value(fields, "x-actual-recipient")),
        original_recipient=_address(_value(fields, "original-recipient")),
        action=DsnAction(action) if action in set(DsnAction) else DsnAction.UNSTATED,
        status=status[0] if status else "",
        diagnostic_type=kind.strip().lower(), diagnostic=" ".join(said.split()),
        remote_mta=_untyped(_value(fields, "remote-mta")),
    )


def _value(fields: Sequence[tuple[str, str]], name: str) -> str:
    return next((value for key, value in fields if key == name), "")


def _untyped(value: str) -> str:
    return value.partition(";")[2].strip() if ";" in value else value.strip()


def _address(value: str) -> str:
    """`rfc822; <neko@example.org>` -> `neko@example.org`; UTF-8 escapes of RFC 6533 §3 are read."""
    kind = value.partition(";")[0].strip().lower()
    text = _untyped(value).strip("<> \t\"'")
    if kind == "utf-8":
        text = _UTF8_ESCAPE.sub(_escaped_character, text)
    elif "+" in text and "@" not in text:
        text = _untyped_xtext(text)
    return text


def _escaped_character(match: re.Match[str]) -> str:
    number = int(match[1], 16)
    return chr(number) if number < 0x110000 and not 0xD800 <= number < 0xE000 else match[0]


def _untyped_xtext(value: str) -> str:
    return _XTEXT.sub(lambda match: chr(int(match[1], 16)), value)


@dataclass(frozen=True, kw_only=True, slots=True)
class Notification:
    """What a notification of ours says. Addresses are checked before; times are aware."""

    sender: str
    reader: str
    message_id: str
    boundary: str
    reporting_mta: str
    arrived_at: datetime
    written_at: datetime
    recipients: tuple[RecipientStatus, ...]
    #: Sentences for the person, line ends plain.
    explanation: str
    envelope_id: str = ""


def build(notification: Notification, *, original_header: bytes) -> bytes:
    """The whole mail (RFC 3464 §2), with the header fields of the mail that failed; send it from <>."""
    given = [(status.final_recipient, status.original_recipient) for status in notification.recipients]
    addresses = [address for pair in given for address in pair]
    is_utf8 = not all(address.isascii() for address in addresses)
    mark = f"--{notification.boundary}".encode()
    kind = "message/global-delivery-status" if is_utf8 else "message/delivery-status"
    parts = (
        b"Content-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: 8bit\r\n\r\n"
        + _crlf(notification.explanation).encode(),
        f"Content-Type: {kind}\r\n\r\n{_status_text(notification, is_utf8)}".encode(),
        b"Content-Type: text/rfc822-headers\r\n\r\n" + original_header.rstrip(b"\r\n") + b"\r\n",
    )
    body = b"".join(mark + b"\r\n" + part.rstrip(b"\r\n") + b"\r\n" for part in parts)
    return _notification_header(notification) + body + mark + b"--\r\n"


def _notification_header(notification: Notification) -> bytes:
    lines = (
        f"From: Mail Delivery System <{_line(notification.sender)}>",
        f"To: <{_line(notification.reader)}>",
        f"Date: {date_value(notification.written_at)}",
        f"Message-ID: <{_line(notification.message_id)}>",
        f"Subject: {_subject(notification)}",
        "Auto-Submitted: auto-replied",
        "MIME-Version: 1.0",
        f'Content-Type: multipart/report; report-type=delivery-status;'
        f'\r\n boundary="{notification.boundary}"',
    )
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _subject(notification: Notification) -> str:
    actions = {recipient.action for recipient in notification.recipients}
    if actions <= {DsnAction.DELAYED}:
        return "Delivery delayed"
    if actions <= {DsnAction.DELIVERED, DsnAction.RELAYED, DsnAction.EXPANDED}:
        return "Delivered"
    return "Mail could not be delivered"


def _status_text(notification: Notification, is_utf8: bool) -> str:
    head = [f"Reporting-MTA: dns; {_line(notification.reporting_mta)}"]
    if notification.envelope_id:
        head.append(f"Original-Envelope-Id: {_line(notification.envelope_id)}")
    head.append(f"Arrival-Date: {date_value(notification.arrived_at)}")
    groups = ["\r\n".join(head)]
    groups += ["\r\n".join(_recipient_lines(recipient, is_utf8)) for recipient in notification.recipients]
    return "\r\n\r\n".join(groups) + "\r\n"


def _recipient_lines(recipient: RecipientStatus, is_utf8: bool) -> list[str]:
    kind = "utf-8" if is_utf8 else "rfc822"
    lines = []
    if recipient.original_recipient:
        lines.append(f"Original-Recipient: {kind}; {_line(recipient.original_recipient)}")
    lines += [
        f"Final-Recipient: {kind}; {_line(recipient.final_recipient)}",
        f"Action: {recipient.action or DsnAction.FAILED}",
        f"Status: {recipient.status or '5.0.0'}",
    ]
    if recipient.remote_mta:
        lines.append(f"Remote-MTA: dns; {_line(recipient.remote_mta)}")
    if recipient.diagnostic:
        said = _line(recipient.diagnostic)[:900]
        lines.append(f"Diagnostic-Code: {recipient.diagnostic_type or 'smtp'}; {said}")
    return lines


def _line(text: str) -> str:
    return _SAFE_LINE.sub(" ", text)


def _crlf(text: str) -> str:
    return text.replace("\r\n", "\n").replace("\n", "\r\n")
