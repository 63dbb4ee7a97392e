"""Who runs a domain's mail and its DNS, told by host names alone.

A site is what shares limits: all domains whose MX hosts belong to one provider's platform are one site. Facts
as published by the providers and seen in the field in 2026; an unknown provider's site is the registrable
domain of its first MX host.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

from publicsuffixlist import PublicSuffixList

#: Suffix of the MX host -> (provider, site). Longer suffixes are found first.
_MX_SUFFIXES: dict[str, tuple[str, str]] = {
    "google.com": ("Google", "google"), "googlemail.com": ("Google", "google"),
    "smtp.goog": ("Google", "google"),
    "mail.protection.outlook.com": ("Microsoft 365", "microsoft-365"),
    "mx.microsoft": ("Microsoft 365", "microsoft-365"),
    "olc.protection.outlook.com": ("Microsoft consumer", "microsoft-consumer"),
    "hotmail.com": ("Microsoft consumer", "microsoft-consumer"),
    "yahoodns.net": ("Yahoo", "yahoo"), "aol.com": ("Yahoo", "yahoo"),
    "icloud.com": ("Apple", "apple"), "apple.com": ("Apple", "apple"), "mail.me.com": ("Apple", "apple"),
    "gmx.net": ("GMX", "gmx"), "gmx.com": ("GMX", "gmx"), "web.de": ("GMX", "gmx"),
    "kundenserver.de": ("IONOS", "ionos"),
    "ionos.com": ("IONOS", "ionos"), "ionos.de": ("IONOS", "ionos"), "1and1.com": ("IONOS", "ionos"),
    "mail.ru": ("Mail.ru", "mail-ru"), "yandex.net": ("Yandex", "yandex"), "yandex.ru": ("Yandex", "yandex"),
    "pphosted.com": ("Proofpoint", "proofpoint"), "ppe-hosted.com": ("Proofpoint", "proofpoint"),
    "mimecast.com": ("Mimecast", "mimecast"), "mimecast.co.za": ("Mimecast", "mimecast"),
    "barracudanetworks.com": ("Barracuda", "barracuda"), "messagelabs.com": ("Broadcom", "broadcom"),
    "iphmx.com": ("Cisco", "cisco"), "trendmicro.com": ("Trend Micro", "trend-micro"),
    "zoho.com": ("Zoho", "zoho"), "zoho.eu": ("Zoho", "zoho"),
    "messagingengine.com": ("Fastmail", "fastmail"),
    "protonmail.ch": ("Proton", "proton"), "tutanota.de": ("Tuta", "tuta"),
    "mailbox.org": ("mailbox.org", "mailbox-org"),
    "posteo.de": ("Posteo", "posteo"), "ovh.net": ("OVH", "ovh"), "ovh.ca": ("OVH", "ovh"),
    "t-online.de": ("T-Online", "t-online"), "orange.fr": ("Orange", "orange"),
    "wanadoo.fr": ("Orange", "orange"),
    "free.fr": ("Free", "free"), "laposte.net": ("La Poste", "laposte"), "sfr.fr": ("SFR", "sfr"),
    "libero.it": ("Libero", "libero"), "wp.pl": ("WP", "wp"), "onet.pl": ("Onet", "onet"),
    "o2.pl": ("WP", "wp"),
    "interia.pl": ("Interia", "interia"), "seznam.cz": ("Seznam", "seznam"),
    "comcast.net": ("Comcast", "comcast"),
    "att.net": ("AT&T", "att"), "cloudfilter.net": ("Charter/Cox", "cloudfilter"),
    "qq.com": ("Tencent", "tencent"),
    "netease.com": ("NetEase", "netease"), "secureserver.net": ("GoDaddy", "godaddy"),
    "emailsrvr.com": ("Rackspace", "rackspace"), "gandi.net": ("Gandi", "gandi"),
    "registrar-servers.com": ("Namecheap", "namecheap"), "privateemail.com": ("Namecheap", "namecheap"),
    "hostinger.com": ("Hostinger", "hostinger"), "strato.de": ("Strato", "strato"),
    "rzone.de": ("Strato", "strato"),
    "infomaniak.ch": ("Infomaniak", "infomaniak"), "migadu.com": ("Migadu", "migadu"),
    "amazonaws.com": ("Amazon SES", "amazon-ses"), "mailgun.org": ("Mailgun", "mailgun"),
    "sendgrid.net": ("SendGrid", "sendgrid"),
}

#: Where the MX hosts are not known: domains that many people have their mailbox at.
_CONSUMER_DOMAINS: dict[str, tuple[str, str]] = {
    **dict.fromkeys(("gmail.com", "googlemail.com"), ("Google", "google")),
    **dict.fromkeys(
        (
            "outlook.com", "hotmail.com", "live.com", "msn.com", "hotmail.co.uk", "hotmail.fr", "live.fr",
            "outlook.de", "outlook.fr", "hotmail.de", "live.de", "hotmail.it", "hotmail.es", "live.co.uk",
            "live.nl",
        ),
        ("Microsoft consumer", "microsoft-consumer"),
    ),
    **dict.fromkeys(
        (
            "yahoo.com", "ymail.com", "rocketmail.com", "aol.com", "yahoo.co.uk", "yahoo.fr", "yahoo.de",
            "yahoo.it",
            "yahoo.es", "yahoo.ca", "yahoo.com.br", "yahoo.in", "aim.com",
        ),
        ("Yahoo", "yahoo"),
    ),
    **dict.fromkeys(("icloud.com", "me.com", "mac.com"), ("Apple", "apple")),
}

_DNS_OPERATORS: dict[str, str] = {
    "ns.cloudflare.com": "Cloudflare", "awsdns": "Amazon Route 53", "googledomains.com": "Google Cloud DNS",
    "azure-dns": "Azure DNS", "domaincontrol.com": "GoDaddy", "registrar-servers.com": "Namecheap",
    "ui-dns": "IONOS", "hetzner": "Hetzner", "ovh.net": "OVH", "gandi.net": "Gandi", "strato": "Strato",
    "digitalocean.com": "DigitalOcean", "vercel-dns.com": "Vercel", "nsone.net": "NS1", "wixdns.net": "Wix",
    "squarespacedns.com": "Squarespace", "dnsimple.com": "DNSimple", "infomaniak": "Infomaniak",
    "inwx": "INWX", "name-services.com": "eNom", "hostinger.com": "Hostinger", "one.com": "one.com",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class SiteGuess:
    """Who takes a domain's mail. `provider` is "" where nobody known does."""

    provider: str
    site: str


def site_of(domain: str, mx_hosts: Sequence[str]) -> SiteGuess:
    """The provider and site of a domain with these MX hosts in order of preference (the domain itself where
    there are none). All in A-labels, lower case."""
    known = None if mx_hosts else _CONSUMER_DOMAINS.get(domain)
    if known is not None:
        return SiteGuess(provider=known[0], site=known[1])
    first = (mx_hosts[0] if mx_hosts else domain).lower().rstrip(".")
    for suffix in _suffixes(first):
        found = _MX_SUFFIXES.get(suffix)
        if found is not None:
            return SiteGuess(provider=found[0], site=found[1])
    return SiteGuess(provider="", site=registrable_domain(first) or first)


def _suffixes(host: str) -> list[str]:
    labels = host.split(".")
    return [".".join(labels[start:]) for start in range(len(labels))]


@lru_cache(maxsize=1)
def _suffix_list() -> PublicSuffixList:
    return PublicSuffixList()


@lru_cache(maxsize=8192)
def registrable_domain(name: str) -> str:
    """The part of a name that somebody registered; "" for a public suffix or a single label."""
    return _suffix_list().privatesuffix(name) or ""


def is_public_suffix(name: str) -> bool:
    """Whether the name is one that others register names under, such as `co.uk`."""
    return "." in name and _suffix_list().is_public(name)


def dns_operator(ns_hosts: Sequence[str]) -> str:
    """Who runs the DNS that these name servers belong to, or ""."""
    for host in ns_hosts:
        for mark, operator in _DNS_OPERATORS.items():
            if mark in host.lower():
                return operator
    return ""
