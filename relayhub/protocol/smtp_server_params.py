"""MAIL and RCPT arguments of the server: paths and ESMTP parameters, refused with a reply.

Pure parsing of one command's argument. RFC 5321 §4.1.1.2-3 and §4.1.2, RFC 1870,
RFC 3461 §4, RFC 6152, RFC 6531 §3.4, RFC 4954 §5.
"""

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from relayhub.protocol import reply as replies
from relayhub.protocol.address import Address, AddressError, AddressFault, DomainPolicy, parse_addr_spec
from relayhub.protocol.reply import SmtpReply
from relayhub.protocol.smtp_wire import BodyKind, DsnNotify, DsnReturn, RcptParams, xtext_decode

# Optional blanks before the bracket: RFC 5321 forbids them, many devices write them.
_PATH = re.compile(r'[ \t]*<((?:[^<>"\\ \t]|"(?:[^"\\]|\\.)*")*)>(?:[ \t]+(.*))?', re.DOTALL)
_SOURCE_ROUTE = re.compile(r"@[^:@]+(?:,@[^:@]+)*:(.*)")  # RFC 5321 §4.1.1.3: accept and ignore
_PARAMETER = re.compile(r"([A-Za-z0-9][A-Za-z0-9-]*)(?:=([!-<>-~\u0080-\U0010ffff]+))?")
_SIZE = re.compile(r"[0-9]{1,20}")
_ADDRESS_TYPE = re.compile(r"[A-Za-z0-9-]{1,40}")
_Choice = TypeVar("_Choice", bound=StrEnum)
MAX_HELO_OCTETS = 255  # RFC 5321 §4.5.3.1.2
MAX_ENVID_OCTETS = 100  # RFC 3461 §4.4
MAX_ORCPT_OCTETS = 500  # RFC 3461 §4.2


#: Verbs of other protocols: a browser was pointed at us to speak for somebody (cross-protocol attack).
_FOREIGN_VERBS = frozenset(("GET", "POST", "PUT", "HEAD", "DELETE", "OPTIONS", "CONNECT"))
_KNOWN_BUT_NOT_IMPLEMENTED = frozenset(("EXPN", "TURN", "ETRN", "ATRN", "SEND", "SOML", "SAML", "BDAT"))


class ArgumentRefused(Exception):
    """The argument is refused; `reply` says why."""

    def __init__(self, reply: SmtpReply) -> None:
        super().__init__(str(reply))
        self.reply = reply


@dataclass(frozen=True, kw_only=True, slots=True)
class MailParams:
    """What MAIL said beside the path."""

    size_bytes: int | None = None
    body: BodyKind = BodyKind.SEVEN_BIT
    is_smtputf8: bool = False
    dsn_return: DsnReturn | None = None
    envelope_id: str | None = None
    auth_sender: str | None = None


_NO_MAIL_PARAMS = MailParams()
_NO_RCPT_PARAMS = RcptParams()


def refuse_verb(verb: str) -> SmtpReply:
    """The answer to a verb we do not obey. NOT_SMTP: and close, this is no mail client."""
    if verb in _FOREIGN_VERBS:
        return replies.NOT_SMTP
    return replies.NOT_IMPLEMENTED if verb in _KNOWN_BUT_NOT_IMPLEMENTED else replies.UNKNOWN_COMMAND


def is_hello_name(name: str) -> bool:
    """Good enough for EHLO: clients name themselves in strange ways, but visibly."""
    return bool(name) and name.isascii() and name.isprintable() and len(name) <= MAX_HELO_OCTETS


def parse_mail(argument: str, policy: DomainPolicy, max_size_bytes: int) -> tuple[Address | None, MailParams]:
    """Read what stands behind `MAIL FROM:`. The null reverse-path is None. Raises ArgumentRefused."""
    path, rest = _split(argument, replies.BAD_SENDER_SYNTAX)
    params = _mail_params(rest, max_size_bytes) if rest else _NO_MAIL_PARAMS
    if not path:
        return None, params
    address = _address(path, policy, replies.BAD_SENDER_SYNTAX)
    if not path.isascii() and not params.is_smtputf8:
        raise ArgumentRefused(replies.SMTPUTF8_NEEDED)
    return address, params


def parse_rcpt(argument: str, policy: DomainPolicy, *, is_smtputf8: bool) -> tuple[Address, RcptParams]:
    """Read what stands behind `RCPT TO:`. Raises ArgumentRefused.

    `<Postmaster>` without a domain is an address with an empty domain (RFC 5321 §4.1.1.3).
    """
    path, rest = _split(argument, replies.BAD_RECIPIENT_SYNTAX)
    params = _rcpt_params(rest) if rest else _NO_RCPT_PARAMS
    if path.lower() == "postmaster":
        return Address(local=path, domain=""), params
    address = _address(path, policy, replies.BAD_RECIPIENT_SYNTAX)
    if not path.isascii() and not is_smtputf8:
        raise ArgumentRefused(replies.SMTPUTF8_NEEDED)
    return address, params


def _split(argument: str, refusal: SmtpReply) -> tuple[str, str]:
    match = _PATH.fullmatch(argument)
    if match is None:
        raise ArgumentRefused(refusal)
    path = match[1]
    if path.startswith("@"):
        routed = _SOURCE_ROUTE.fullmatch(path)
        path = routed[1] if routed else path
        if not path:
            raise ArgumentRefused(refusal)
    return path, match[2] or ""


def _address(path: str, policy: DomainPolicy, refusal: SmtpReply) -> Address:
    try:
        return parse_addr_spec(path, policy=policy)
    except AddressError as error:
        is_recipient = refusal is replies.BAD_RECIPIENT_SYNTAX
        if is_recipient and error.fault in (AddressFault.REFUSED_DOMAIN, AddressFault.LITERAL):
            raise ArgumentRefused(replies.BAD_RECIPIENT_DOMAIN.with_text(error.message)) from None
        raise ArgumentRefused(refusal.with_text(error.message)) from None


def _pairs(rest: str) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for word in rest.split():
        match = _PARAMETER.fullmatch(word)
        if match is None:
            raise ArgumentRefused(replies.SYNTAX_ERROR)
        keyword = match[1].upper()
        if keyword in found:
            raise ArgumentRefused(replies.SYNTAX_ERROR.with_text(f"{keyword} stands twice"))
        found[keyword] = match[2]
    return found


def _mail_params(rest: str, max_size_bytes: int) -> MailParams:
    given = _pairs(rest)
    size = _size(given.pop("SIZE")) if "SIZE" in given else None
    body = _choice(BodyKind, given.pop("BODY")) if "BODY" in given else BodyKind.SEVEN_BIT
    returned = _choice(DsnReturn, given.pop("RET")) if "RET" in given else None
    envelope_id = _xtext(given.pop("ENVID"), MAX_ENVID_OCTETS) if "ENVID" in given else None
    auth = _xtext(given.pop("AUTH"), MAX_ORCPT_OCTETS) if "AUTH" in given else None
    is_smtputf8 = "SMTPUTF8" in given
    if is_smtputf8 and given.pop("SMTPUTF8") is not None:
        raise ArgumentRefused(replies.SYNTAX_ERROR)
    _refuse_unknown(given)
    if size is not None and size > max_size_bytes:
        raise ArgumentRefused(replies.MESSAGE_TOO_BIG)
    return MailParams(
        size_bytes=size,
        body=body,
        is_smtputf8=is_smtputf8,
        dsn_return=returned,
        envelope_id=envelope_id,
        auth_sender=auth,
    )


def _rcpt_params(rest: str) -> RcptParams:
    given = _pairs(rest)
    notify = _notify(given.pop("NOTIFY")) if "NOTIFY" in given else frozenset[DsnNotify]()
    original = _original_recipient(given.pop("ORCPT")) if "ORCPT" in given else None
    _refuse_unknown(given)
    return RcptParams(notify=notify, original_recipient=original)


def _refuse_unknown(rest: dict[str, str | None]) -> None:
    for keyword in rest:
        raise ArgumentRefused(replies.UNKNOWN_PARAMETER.with_text(f"{keyword[:30]} is not offered"))


def _size(value: str | None) -> int:
    if value is None or not _SIZE.fullmatch(value):
        raise ArgumentRefused(replies.SYNTAX_ERROR)
    return int(value)


def _choice(kind: type[_Choice], value: str | None) -> _Choice:
    try:
        return kind((value or "").upper())
    except ValueError:
        raise ArgumentRefused(replies.SYNTAX_ERROR) from None


def _xtext(value: str | None, max_octets: int) -> str:
    decoded = xtext_decode(value) if value is not None and len(value) <= max_octets else None
    if decoded is None:
        raise ArgumentRefused(replies.SYNTAX_ERROR)
    return decoded


def _notify(value: str | None) -> frozenset[DsnNotify]:
    wanted = [_choice(DsnNotify, word) for word in (value or "").split(",")]
    found = frozenset(wanted)
    if len(found) != len(wanted) or (DsnNotify.NEVER in found and len(found) > 1):
        raise ArgumentRefused(replies.SYNTAX_ERROR)
    return found


def _original_recipient(value: str | None) -> str:
    """`rfc822;user@x` in xtext; `utf-8;` may hold UTF-8 as it is (RFC 6533 §3)."""
    kind, semicolon, address = (value or "").partition(";")
    if not semicolon or not _ADDRESS_TYPE.fullmatch(kind) or not address:
        raise ArgumentRefused(replies.SYNTAX_ERROR)
    if not address.isascii() and kind.lower() == "utf-8" and address.isprintable():
        return f"{kind};{address}"
    return f"{kind};{_xtext(address, MAX_ORCPT_OCTETS)}"
