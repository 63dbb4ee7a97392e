"""What to tell a person about an address beside whether it is valid: misspelt, disposable.

Advice only: nothing is refused and nothing is changed by it. It must never ask DNS.
"""

from __future__ import annotations

from functools import lru_cache

from relayhub.protocol.address import Address, AddressError, parse_addr_spec

#: Domains that many people have their mailbox at; a near miss is nearly always a slip.
_COMMON_DOMAINS = (
    "gmail.com", "googlemail.com", "yahoo.com", "yahoo.co.uk", "yahoo.fr", "yahoo.de", "hotmail.com",
    "hotmail.fr",
    "hotmail.co.uk", "outlook.com", "outlook.de", "live.com", "msn.com", "icloud.com", "me.com", "aol.com",
    "gmx.de",
    "gmx.net", "gmx.at", "gmx.ch", "web.de", "t-online.de", "freenet.de", "orange.fr", "wanadoo.fr",
    "free.fr",
    "laposte.net", "sfr.fr", "libero.it", "mail.ru", "yandex.ru", "qq.com", "163.com", "comcast.net",
    "verizon.net",
    "att.net", "btinternet.com", "proton.me", "protonmail.com", "bluewin.ch", "seznam.cz", "wp.pl", "onet.pl",
    "interia.pl", "uol.com.br", "bol.com.br", "terra.com.br", "rediffmail.com", "zoho.com", "fastmail.com",
)
#: Real domains that are one slip away from a common one.
_REAL_NEIGHBOURS = frozenset(
    {
    "mail.com", "gmx.com", "gmx.fr", "gmx.es", "gmx.us", "gmail.co", "ymail.com", "email.com", "live.fr",
    "live.de",
     "live.it", "live.nl", "live.ca", "live.co.uk", "mac.com", "aol.de", "aol.fr", "outlook.fr",
     "outlook.es", "outlook.it",
     "hotmail.de", "hotmail.it", "hotmail.es", "yahoo.it", "yahoo.es", "yahoo.ca", "yahoo.in", "web.com",
     "fmail.com",
     "126.com", "qq.cn", "me.net", "wp.eu", "ua.com", "sfr.net", "free.com", "orange.com", "orange.net",
     "att.com",
     "proton.ch", "hmail.com", "mail.de", "mail.ua", "mail.ee", "mail.bg", "ok.ru", "inbox.ru", "list.ru",
     "bk.ru",
    }
)
_TOP_LEVEL_SLIPS = {
    "con": "com", "cmo": "com", "ocm": "com", "comm": "com", "vom": "com", "xom": "com", "cpm": "com",
    "coom": "com",
    "c0m": "com", "comn": "com", "nte": "net", "ent": "net", "nett": "net", "met": "net", "ogr": "org",
    "rog": "org",
    "orgg": "org", "dde": "de", "fre": "fr", "ffr": "fr",
}
_MAX_CHECKED = 40  # no common domain is longer


def suggestion_for(text: str) -> str | None:
    """The address that was probably meant, or None where there is no reason to doubt."""
    local, at, domain = text.strip().rpartition("@")
    if not at or not local or len(domain) > _MAX_CHECKED:
        return None
    meant = _probable_domain(domain.lower().replace(",", ".").strip(". "))
    if meant == domain.lower():
        return None
    try:
        parse_addr_spec(f"{local}@{meant}")
    except AddressError:
        return None
    return f"{local}@{meant}"


def _probable_domain(domain: str) -> str:
    if domain in _COMMON_DOMAINS or domain in _REAL_NEIGHBOURS:
        return domain
    near = next((common for common in _COMMON_DOMAINS if _is_one_slip(domain, common)), None)
    if near is not None:
        return near
    name, dot, top = domain.rpartition(".")
    if not dot and domain in {common.partition(".")[0] for common in _COMMON_DOMAINS[:12]}:
        return f"{domain}.com"
    return f"{name}.{_TOP_LEVEL_SLIPS[top]}" if dot and top in _TOP_LEVEL_SLIPS else domain


def _is_one_slip(given: str, meant: str) -> bool:
    """One letter left out, added, changed, or two swapped; of short names only a swap counts."""
    if abs(len(given) - len(meant)) > 1 or given == meant:
        return False
    pairs = enumerate(zip(given, meant, strict=False))
    start = next((place for place, (a, b) in pairs if a != b), min(len(given), len(meant)))
    rest, wanted = given[start:], meant[start:]
    if len(given) == len(meant):
        is_swap = len(rest) > 1 and rest[:2] == wanted[1::-1] and rest[2:] == wanted[2:]
        return is_swap or (rest[1:] == wanted[1:] and len(meant) > 8)
    if len(given) < len(meant):
        return rest == wanted[1:] and len(meant) > 6
    return rest[1:] == wanted and len(meant) > 6


@lru_cache(maxsize=1)
def _disposable_domains() -> frozenset[str]:
    from disposable_email_domains import blocklist

    return frozenset(blocklist)


def is_disposable(address: Address | str) -> bool:
    """Whether the domain, or one above it, gives out throw-away mailboxes."""
    domain = address.ascii_domain if isinstance(address, Address) else address.rpartition("@")[2].lower()
    labels = domain.split(".")
    known = _disposable_domains()
    return any(".".join(labels[start:]) in known for start in range(len(labels) - 1))
