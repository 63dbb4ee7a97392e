"""Mail addresses: parse, compare, and say what they need on the wire.

One key, `normalise`, says whether two spellings are the same address everywhere in
RelayHub; the envelope keeps the spelling given. This module must never ask DNS and
never repair: what is malformed is refused with a reason. The null reverse-path is ""
and is no address. RFC 5321 §4.1.2, RFC 5322 §3.4, RFC 6531 §3.3, RFC 5891 with UTS 46.
"""

import ipaddress
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass, field
from enum import StrEnum

import idna

from relayhub.protocol import address_words as words

MAX_LOCAL_PART_OCTETS = 64  # RFC 5321 §4.5.3.1.1
MAX_DOMAIN_OCTETS = 255  # RFC 5321 §4.5.3.1.2; DNS itself allows 253 in text
MAX_ADDRESS_OCTETS = 254  # RFC 5321 §4.5.3.1.3 less the angle brackets (erratum 1690)
MAX_DISPLAY_OCTETS = 998  # one header line, RFC 5322 §2.1.1
MAX_MAILBOXES = 10_000  # a list longer than this is an import, not a header
MAX_MAILBOX_TEXT = 4096  # longest text one mailbox is looked for in

_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LABEL = r"[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?"
_FAST = re.compile(rf"({_ATOM}(?:\.{_ATOM})*)@((?:{_LABEL}\.)*({_LABEL}))")
_DOT_ATOM = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_LDH_DOMAIN = re.compile(rf"(?:{_LABEL}\.)*({_LABEL})")
_QUOTED = re.compile(r'"((?:[^"\\\x00-\x1f\x7f]|\\[\x20-\x7e])*)"')
_PAIR = re.compile(r"\\(.)")
_ATOM_PUNCTUATION = frozenset("!#$%&'*+/=?^_`{|}~-.")
_JOINERS = frozenset("\u200c\u200d")  # needed to write Persian and Indic words
_REFUSED_CATEGORIES = frozenset(("Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"))
_CONTROL = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")

#: Local parts that name an office, not a person (RFC 2142 and common use).
# fmt: off
ROLE_LOCAL_PARTS = frozenset(
    (
        "abuse", "accounting", "accounts", "admin", "administrator", "all", "billing", "bounce",
        "bounces", "career", "careers", "compliance", "contact", "customercare", "customerservice",
        "dns", "donotreply", "do-not-reply", "enquiries", "enquiry", "everyone", "feedback", "finance",
        "ftp", "hello", "help", "helpdesk", "hostmaster", "hr", "info", "inquiries", "inoc", "invoice",
        "invoices", "ispfeedback", "ispsupport", "it", "jobs", "legal", "list", "list-request", "mail",
        "mailer-daemon", "marketing", "media", "news", "newsletter", "no-reply", "noc", "noreply",
        "null", "office", "operations", "ops", "orders", "phish", "phishing", "postmaster", "press",
        "privacy", "recruiting", "remove", "root", "sales", "security", "service", "spam", "subscribe",
        "support", "sysadmin", "tech", "team", "undisclosed-recipients", "unsubscribe", "usenet",
        "uucp", "webmaster", "www",
    )
)
# fmt: on


class AddressFault(StrEnum):
    """Why a text is not an address; stable, for tables and reports."""

    EMPTY = "empty"  # nothing was given
    CONTROL = "control"  # a line break or another control character
    NO_AT = "no_at"  # no @ between local part and domain
    LOCAL_PART = "local_part"  # the part before the @ is malformed
    LOCAL_TOO_LONG = "local_too_long"  # over 64 octets
    DOMAIN = "domain"  # the part behind the @ is malformed
    DOMAIN_TOO_LONG = "domain_too_long"  # over 255 octets
    TOO_LONG = "too_long"  # over 254 octets in all
    REFUSED_DOMAIN = "refused_domain"  # well-formed, but never deliverable
    LITERAL = "literal"  # an address literal where none is allowed
    MAILBOX = "mailbox"  # a display name or its punctuation is malformed
    TOO_MANY = "too_many"  # a list without end


class AddressError(ValueError):
    """A text is not an acceptable address; `fault` says why, `message` is safe to show."""

    def __init__(self, fault: AddressFault, message: str) -> None:
        super().__init__(message)
        self.fault = fault
        self.message = message


@dataclass(frozen=True, kw_only=True, slots=True)
class DomainPolicy:
    """Which domains are taken. Special-use names are fine as syntax; routes decide the rest."""

    #: Last labels that can never receive mail (RFC 2606, RFC 7686).
    refused_suffixes: frozenset[str] = field(default_factory=lambda: frozenset(("invalid", "onion")))
    allow_single_label: bool = True
    allow_literals: bool = False


DEFAULT_POLICY = DomainPolicy()
#: For reverse-paths that are only kept as data: whatever is well-formed.
LENIENT_POLICY = DomainPolicy(refused_suffixes=frozenset(), allow_literals=True)


@dataclass(frozen=True, kw_only=True, slots=True)
class Address:
    """A parsed address. `local` and `domain` keep the spelling given, quotes included."""

    local: str
    domain: str
    display: str = ""

    @property
    def spec(self) -> str:
        """`local@domain` as given; only `local` where there is no domain (Postmaster)."""
        return f"{self.local}@{self.domain}" if self.domain else self.local

    @property
    def ascii_domain(self) -> str:
        """The domain for DNS: A-labels, lower case."""
        return self.domain.lower() if self.domain.isascii() else _a_labels(self.domain)

    @property
    def wire_spec(self) -> str:
        """For an envelope: the domain in A-labels where it is not ASCII, else as given."""
        return self.spec if self.domain.isascii() else f"{self.local}@{self.ascii_domain}"

    @property
    def needs_smtputf8(self) -> bool:
        """Only a local part outside ASCII needs it: a domain can be written in A-labels."""
        return not self.local.isascii()

    @property
    def key(self) -> str:
        """The key of `normalise`."""
        return _key(self.local, self.ascii_domain)

    def __str__(self) -> str:
        if not self.display:
            return self.spec
        name = self.display
        if not all(char.isalnum() or char in " '-_!#$%&*+/=?^`{|}~" or ord(char) > 127 for char in name):
            name = '"' + name.replace("\\", "\\\\").replace('"', '\\"') + '"'
        return f"{name} <{self.spec}>"


def parse_addr_spec(text: str, *, policy: DomainPolicy = DEFAULT_POLICY) -> Address:
    """Read `local@domain`, nothing around it. Raises AddressError.

    About 1 us for plain ASCII; quoted, internationalised and literal forms take the exact way.
    """
    match = _FAST.fullmatch(text) if len(text) <= MAX_ADDRESS_OCTETS else None
    if match is None:
        return _parse_exactly(text, policy)
    local, domain, last_label = match.groups()
    if len(local) > MAX_LOCAL_PART_OCTETS:
        raise AddressError(AddressFault.LOCAL_TOO_LONG, words.LOCAL_TOO_LONG)
    if "xn--" in domain.lower() or last_label.isdigit():
        return _parse_exactly(text, policy)
    _check_policy(domain, last_label, policy)
    return Address(local=local, domain=domain)


def normalise(address: str | Address) -> str:
    """The key under which two spellings are the same address. Raises AddressError.

    NFC and lower-cased local part, A-label lower-cased domain; no dot or plus folding.
    A quoted local part that needs no quotes loses them: both name one mailbox
    (RFC 5321 §4.1.2).
    """
    if isinstance(address, Address):
        return address.key
    match = _FAST.fullmatch(address) if len(address) <= MAX_ADDRESS_OCTETS else None
    if match is not None:
        last_label = match[3].lower()
        is_plain = last_label not in DEFAULT_POLICY.refused_suffixes and not last_label.isdigit()
        key = address.lower()
        if is_plain and len(match[1]) <= MAX_LOCAL_PART_OCTETS and "xn--" not in key:
            return key
    return parse_addr_spec(address).key


def domain_of(address: str | Address) -> str:
    """The domain for DNS (A-labels, lower case), or "" where there is none. Raises AddressError."""
    if isinstance(address, Address):
        return address.ascii_domain
    domain = address.rpartition("@")[2] if "@" in address else ""
    return domain.lower() if domain.isascii() else _a_labels(domain)


def normalise_domain(domain: str, *, policy: DomainPolicy = DEFAULT_POLICY) -> str:
    """A domain on its own as A-labels in lower case, checked like an address's. Raises AddressError."""
    _check_characters(domain)
    ascii_domain = _check_domain(domain, policy)
    return ascii_domain


def is_role(address: str | Address) -> bool:
    """The local part names an office (info, postmaster), not a person. Plus details do not count."""
    local = address.local if isinstance(address, Address) else address.rpartition("@")[0]
    return local.strip('"').lower().partition("+")[0] in ROLE_LOCAL_PARTS


def parse_mailbox(text: str, *, policy: DomainPolicy = DEFAULT_POLICY) -> Address:
    """Read `Zoë <z@x.y>`, `"Doe, Jane" <j@x.y>`, `<j@x.y>` or `j@x.y`. Raises AddressError."""
    found = parse_mailbox_list(text, policy=policy)
    if len(found) != 1:
        raise AddressError(AddressFault.MAILBOX, words.SEVERAL)
    return found[0]


def parse_mailbox_list(text: str, *, policy: DomainPolicy = DEFAULT_POLICY) -> tuple[Address, ...]:
    """Read mailboxes between commas; at least one. Raises AddressError.

    No line breaks or controls anywhere, no groups, no empty places. A comment in
    parentheses is dropped, or is the name where there is no other. Encoded words are
    left as they are: decoding belongs to header fields.
    """
    if _CONTROL.search(text.replace("\t", " ")):
        raise AddressError(AddressFault.CONTROL, words.CONTROL)
    found: list[Address] = []
    for part in _parts(text):
        if len(found) >= MAX_MAILBOXES:
            raise AddressError(AddressFault.TOO_MANY, f"More than {MAX_MAILBOXES} addresses.")
        found.append(_mailbox(part, policy))
    return tuple(found)


_PIECE = re.compile(r'"(?:[^"\\]|\\.)*"|\\.|[(),<>"\\]|[^(),<>"\\]+')


@dataclass(slots=True)
class _Part:
    """The pieces of one mailbox, sorted by where they stood."""

    phrase: list[str] = field(default_factory=list)
    comment: list[str] = field(default_factory=list)
    angle: list[str] | None = None


def _parts(text: str) -> Iterator[_Part]:
    """Cut at commas that stand outside quotes, comments and angle brackets."""
    part, depth, in_angle = _Part(), 0, False
    for match in _PIECE.finditer(text):
        piece = match[0]
        if depth or piece == "(":
            depth += (piece == "(") - (piece == ")")
            if depth and piece not in ("(", ")"):
                part.comment.append(piece)
        elif in_angle:
            in_angle = piece != ">"
            if in_angle and part.angle is not None:
                part.angle.append(piece)
        elif piece == "<" and part.angle is None:
            part.angle, in_angle = [], True
        elif piece == ",":
            yield part
            part = _Part()
        elif piece in ("<", ">", ")", '"') or piece.startswith("\\"):
            raise AddressError(AddressFault.MAILBOX, words.UNMATCHED)
        elif part.angle is not None and piece.strip():
            raise AddressError(AddressFault.MAILBOX, words.BEHIND_BRACKET)
        else:
            part.phrase.append(piece)
    if depth or in_angle:
        raise AddressError(AddressFault.MAILBOX, words.UNCLOSED)
    yield part


def _mailbox(part: _Part, policy: DomainPolicy) -> Address:
    phrase = "".join(part.phrase).strip()
    comment = "".join(part.comment).strip()
    spec = phrase if part.angle is None else "".join(part.angle).strip()
    if not spec:
        raise AddressError(AddressFault.EMPTY, words.MISSING)
    if len(spec) > MAX_MAILBOX_TEXT:
        raise AddressError(AddressFault.TOO_LONG, words.TOO_LONG)
    display = comment if part.angle is None or not phrase else _unquote_phrase(phrase)
    if len(display.encode()) > MAX_DISPLAY_OCTETS:
        raise AddressError(AddressFault.MAILBOX, words.NAME_TOO_LONG)
    if ":" in phrase and part.angle is not None and '"' not in phrase:
        raise AddressError(AddressFault.MAILBOX, words.GROUP)
    address = parse_addr_spec(spec, policy=policy)
    return Address(local=address.local, domain=address.domain, display=display) if display else address


def _unquote_phrase(phrase: str) -> str:
    """`"Doe, Jane" III` -> `Doe, Jane III`."""
    return re.sub(r'"((?:[^"\\]|\\.)*)"', lambda match: _PAIR.sub(r"\1", match[1]), phrase)


def _parse_exactly(text: str, policy: DomainPolicy) -> Address:
    _check_characters(text)
    local, at, domain = text.rpartition("@")
    if not at:
        raise AddressError(AddressFault.NO_AT, words.NO_AT)
    _check_local(local)
    ascii_domain = _check_domain(domain, policy)
    if len(local.encode()) + 1 + len(ascii_domain) > MAX_ADDRESS_OCTETS:
        raise AddressError(AddressFault.TOO_LONG, words.TOO_LONG)
    return Address(local=local, domain=domain)


def _check_characters(text: str) -> None:
    if not text:
        raise AddressError(AddressFault.EMPTY, words.MISSING)
    if len(text) > MAX_LOCAL_PART_OCTETS + MAX_DOMAIN_OCTETS + 1:
        raise AddressError(AddressFault.TOO_LONG, words.TOO_LONG)
    if _CONTROL.search(text):
        raise AddressError(AddressFault.CONTROL, words.CONTROL)


def _check_local(local: str) -> None:
    if len(local.encode()) > MAX_LOCAL_PART_OCTETS:
        raise AddressError(AddressFault.LOCAL_TOO_LONG, words.LOCAL_TOO_LONG)
    if _DOT_ATOM.fullmatch(local) or _is_quoted(local):
        return
    if local.isascii() or not _is_utf8_dot_atom(local):
        raise AddressError(AddressFault.LOCAL_PART, words.LOCAL_PART)


def _is_quoted(local: str) -> bool:
    match = _QUOTED.fullmatch(local)
    return match is not None and all(_is_visible(char) or char == " " for char in match[1])


def _is_utf8_dot_atom(local: str) -> bool:
    """RFC 6531 §3.3: atext is wider by UTF-8; no invisible characters, as they only deceive."""
    if local.startswith(".") or local.endswith(".") or ".." in local:
        return False
    if unicodedata.combining(local[0]):
        return False
    return all(
        (char.isalnum() or char in _ATOM_PUNCTUATION) if char.isascii() else _is_visible(char)
        for char in local
    )


def _is_visible(char: str) -> bool:
    return char in _JOINERS or unicodedata.category(char) not in _REFUSED_CATEGORIES


def _check_domain(domain: str, policy: DomainPolicy) -> str:
    """The domain in A-labels; raises AddressError for what the policy or the syntax refuses."""
    if domain.startswith("["):
        return _check_literal(domain, policy)
    ascii_domain = domain if domain.isascii() and "xn--" not in domain.lower() else _a_labels(domain)
    if len(ascii_domain) > MAX_DOMAIN_OCTETS:
        raise AddressError(AddressFault.DOMAIN_TOO_LONG, words.DOMAIN_TOO_LONG)
    match = _LDH_DOMAIN.fullmatch(ascii_domain)
    if match is None or match[1].isdigit():
        raise AddressError(AddressFault.DOMAIN, words.DOMAIN)
    _check_policy(ascii_domain, match[1], policy)
    return ascii_domain.lower()


def _check_policy(domain: str, last_label: str, policy: DomainPolicy) -> None:
    if last_label.lower() in policy.refused_suffixes:
        raise AddressError(AddressFault.REFUSED_DOMAIN, words.REFUSED_SUFFIX % {"name": last_label.lower()})
    if not policy.allow_single_label and len(last_label) == len(domain):
        raise AddressError(AddressFault.REFUSED_DOMAIN, words.NO_DOT)


def _check_literal(domain: str, policy: DomainPolicy) -> str:
    inner = domain[1:-1]
    try:
        if not domain.endswith("]"):
            raise ValueError(domain)
        if inner[:5].lower() == "ipv6:":
            ipaddress.IPv6Address(inner[5:])
        else:
            ipaddress.IPv4Address(inner)
    except ValueError:
        raise AddressError(AddressFault.DOMAIN, words.LITERAL) from None
    if not policy.allow_literals:
        raise AddressError(AddressFault.LITERAL, words.NO_LITERALS)
    return domain.lower()


def _a_labels(domain: str) -> str:
    """IDNA 2008 with UTS 46 mapping, lower case. The caller bounds the length."""
    if len(domain) > MAX_DOMAIN_OCTETS:
        raise AddressError(AddressFault.DOMAIN_TOO_LONG, words.DOMAIN_TOO_LONG)
    try:
        return idna.encode(domain, uts46=True, std3_rules=True).decode("ascii").lower()
    except (idna.IDNAError, UnicodeError, ValueError, IndexError):
        raise AddressError(AddressFault.DOMAIN, words.NOT_INTERNATIONAL) from None


def _key(local: str, ascii_domain: str) -> str:
    if local.startswith('"'):
        bare = _PAIR.sub(r"\1", local[1:-1])
        is_plain = bool(_DOT_ATOM.fullmatch(bare)) or (not bare.isascii() and _is_utf8_dot_atom(bare))
        local = bare if is_plain else '"' + bare.replace("\\", "\\\\").replace('"', '\\"') + '"'
    if not local.isascii():
        local = unicodedata.normalize("NFC", unicodedata.normalize("NFC", local).lower())
    return f"{local.lower()}@{ascii_domain}" if ascii_domain else local.lower()
