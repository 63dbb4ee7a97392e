"""Whose DNS a domain is in, told by its name servers, and how records are entered there.

Pure: host names of name servers come in, a provider comes out. The ends of the names are those that the providers
hand out to their customers; the words are those of their own pages in 2026. An unknown name server is no error:
the general way is right everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

_ADDS_ZONE = _("Enter the short host: the name of the zone is added to it.")


@dataclass(frozen=True, kw_only=True)
class DnsHost:
    """A company that runs people's DNS."""

    key: str
    name: str
    #: `path` and `hints` as they are written here, in English.
    way: str
    advice: tuple[str, ...] = (_ADDS_ZONE,)

    @property
    def path(self) -> str:
        """Where its form for records is, as a person finds it from the start page of their account."""
        return gettext(self.way)

    @property
    def hints(self) -> tuple[str, ...]:
        """How a host is written there, and what else goes wrong with it."""
        return tuple(gettext(text) for text in self.advice)


_QUOTES = _("Put a TXT value into quotation marks; one of more than 255 characters as several quoted pieces.")
_EMPTY_HOST = _("For the domain itself leave the host empty.")
_FINAL_DOT = _("End the server of an MX record with a dot.")
_AT = _("For the domain itself write @ as the host.")

_HOSTS: tuple[tuple[DnsHost, tuple[str, ...]], ...] = (
    (
        DnsHost(
            key="cloudflare", name="Cloudflare", way=_("your domain, then DNS, Records, Add record"),
            advice=(
                _ADDS_ZONE, _("Paste a TXT value as it is; Cloudflare adds quotation marks by itself and says so."),
            ),
        ), ("ns.cloudflare.com", "foundationdns.com", "foundationdns.net", "foundationdns.org"),
    ),
    (
        DnsHost(
            key="route53", name="Amazon Route 53", way=_("Hosted zones, your domain, Create record"),
            advice=(
                _ADDS_ZONE, _QUOTES, _("Priority and server of an MX record go into one field: 10 mail.example.com."),
            ),
        ), (".awsdns-",),
    ),
    (
        DnsHost(
            key="godaddy", name="GoDaddy", way=_("My products, your domain, DNS, Add new record"),
            advice=(_ADDS_ZONE, _AT),
        ), ("domaincontrol.com",),
    ),
    (
        DnsHost(
            key="namecheap", name="Namecheap", way=_("Domain list, Manage, Advanced DNS, Add new record"),
            advice=(
                _ADDS_ZONE, _AT,
                _("An MX record is under Mail settings: choose Custom MX first. Keep the MX records that are there."),
            ),
        ), ("registrar-servers.com",),
    ),
    (
        DnsHost(
            key="google-cloud", name="Google Cloud DNS / Squarespace",
            way=_("your zone, Add standard (Squarespace: Domains, your domain, DNS, Add record)"),
            advice=(
                _("Google Cloud adds the name of the zone by itself; so does Squarespace. Enter the short host."),
                _QUOTES,
            ),
        ), ("googledomains.com",),
    ),
    (
        DnsHost(key="squarespace", name="Squarespace", way=_("Domains, your domain, DNS, Custom records"),
                advice=(_ADDS_ZONE, _AT)),
        ("squarespacedns.com",),
    ),
    (
        DnsHost(key="azure", name="Azure DNS", way=_("DNS zones, your domain, Record sets, Add"),
                advice=(_ADDS_ZONE, _("Several TXT values of one name go into one record set."))),
        ("azure-dns.com", "azure-dns.net", "azure-dns.org", "azure-dns.info"),
    ),
    (
        DnsHost(key="hetzner", name="Hetzner", way=_("DNS, your zone, Add record"), advice=(_ADDS_ZONE, _AT)),
        ("hetzner.com", "hetzner.de", "second-ns.com", "your-server.de"),
    ),
    (
        DnsHost(
            key="ionos", name="IONOS", way=_("Domains & SSL, the gear of your domain, DNS, Add record"),
            advice=(_ADDS_ZONE, _AT),
        ), ("ui-dns.com", "ui-dns.org", "ui-dns.de", "ui-dns.biz"),
    ),
    (
        DnsHost(
            key="ovh", name="OVHcloud", way=_("Domain names, your domain, DNS zone, Add an entry"),
            advice=(
                _ADDS_ZONE, _("Choose TXT, not “SPF”, “DKIM” or “DMARC”: the guided forms change what you paste."),
            ),
        ), ("ovh.net", "ovh.ca", "anycast.me"),
    ),
    (
        DnsHost(key="strato", name="STRATO", way=_("Domains, Domain management, the gear, DNS, TXT and MX records"),
                advice=(_ADDS_ZONE,)),
        ("rzone.de", "strato.de"),
    ),
    (
        DnsHost(
            key="gandi", name="Gandi", way=_("Domain, your domain, DNS records, Add"),
            advice=(_ADDS_ZONE, _AT, _FINAL_DOT),
        ), ("gandi.net",),
    ),
    (
        DnsHost(key="digitalocean", name="DigitalOcean", way=_("Networking, Domains, your domain"),
                advice=(_ADDS_ZONE, _AT, _FINAL_DOT)),
        ("digitalocean.com",),
    ),
    (
        DnsHost(key="porkbun", name="Porkbun", way=_("Domain management, your domain, DNS"),
                advice=(_ADDS_ZONE, _EMPTY_HOST)),
        ("porkbun.com",),
    ),
    (
        DnsHost(key="name-com", name="Name.com", way=_("My domains, your domain, Manage DNS records"),
                advice=(_ADDS_ZONE, _EMPTY_HOST)),
        ("name.com",),
    ),
    (
        DnsHost(key="hover", name="Hover", way=_("your domain, DNS, Add a record"), advice=(_ADDS_ZONE, _AT)),
        ("hover.com",),
    ),
    (
        DnsHost(key="dreamhost", name="DreamHost", way=_("Websites, Manage, DNS, Add record"),
                advice=(_ADDS_ZONE, _EMPTY_HOST)),
        ("dreamhost.com",),
    ),
    (
        DnsHost(key="bluehost", name="Bluehost", way=_("Domains, your domain, Manage, DNS, Add record"),
                advice=(_ADDS_ZONE, _AT)),
        ("bluehost.com",),
    ),
    (
        DnsHost(key="wix", name="Wix", way=_("Domains, the three dots, Manage DNS records"),
                advice=(_ADDS_ZONE, _("Delete an MX record of the same host before you add ours, no other."))),
        ("wixdns.net",),
    ),
    (
        DnsHost(key="vercel", name="Vercel", way=_("Domains, your domain, DNS records"), advice=(_ADDS_ZONE,)),
        ("vercel-dns.com",),
    ),
    (
        DnsHost(key="ns1", name="NS1 / Netlify", way=_("Domains (NS1: Zones), your domain, Add new record")),
        ("nsone.net",),
    ),
    (
        DnsHost(key="dnsimple", name="DNSimple", way=_("your domain, DNS, Manage records, Add"),
                advice=(_ADDS_ZONE, _EMPTY_HOST)),
        ("dnsimple.com", "dnsimple-edge.net", "dnsimple-edge.org", "dnsimple-edge.io"),
    ),
    (
        DnsHost(
            key="desec", name="deSEC", way=_("Domains, your domain, the plus sign"),
            advice=(
                _ADDS_ZONE, _QUOTES,
                _("Leave the host empty for the domain itself; end the server of an MX with a dot."),
            ),
        ), ("desec.io", "desec.org"),
    ),
    (
        DnsHost(key="infomaniak", name="Infomaniak", way=_("Web and domain, your domain, DNS zone, Add a record"),
                advice=(_ADDS_ZONE,)),
        ("infomaniak.ch", "infomaniak.com"),
    ),
    (
        DnsHost(key="all-inkl", name="ALL-INKL", way=_("KAS, Tools, DNS settings, your domain, Add"),
                advice=(_ADDS_ZONE, _EMPTY_HOST)),
        ("kasserver.com",),
    ),
    (
        DnsHost(key="home-pl", name="home.pl", way=_("Domains, your domain, DNS configuration, Add record"),
                advice=(_ADDS_ZONE,)),
        ("home.pl",),
    ),
    (
        DnsHost(key="linode", name="Akamai (Linode)", way=_("Domains, your domain, Add a record"),
                advice=(_ADDS_ZONE, _EMPTY_HOST)),
        ("linode.com",),
    ),
)


def dns_host(name_servers: Iterable[str]) -> DnsHost | None:
    """Whose these name servers are; None where they are nobody's that is known, or of two companies at once."""
    hosts = {_one(name.lower().rstrip(".")) for name in name_servers}
    return hosts.pop() if len(hosts) == 1 else None


def _one(name: str) -> DnsHost | None:
    for host, ends in _HOSTS:
        if any(_matches(name, end) for end in ends):
            return host
    return None


def _matches(name: str, end: str) -> bool:
    if end.startswith("."):  # numbered names under many suffixes, such as ns-12.awsdns-34.co.uk
        return end in name
    return name == end or name.endswith(f".{end}")
