"""Whose DNS a domain is in, told by its name servers, and how records are entered there.

Pure: host names of name servers come in, a provider comes out. The ends of the names are those that the providers
hand out to their customers; the words are those of their own pages in 2026. An unknown name server is no error:
the general way is right everywhere.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

_ADDS_ZONE = "Enter the short host: the name of the zone is added to it."


@dataclass(frozen=True, kw_only=True)
class DnsHost:
    """A company that runs people's DNS."""

    key: str
    name: str
    #: Where its form for records is, as a person finds it from the start page of their account.
    path: str
    #: How a host is written there, and what else goes wrong with it.
    hints: tuple[str, ...] = (_ADDS_ZONE,)


_QUOTES = "Put a TXT value into quotation marks; one of more than 255 characters as several quoted pieces."
_AT = "For the domain itself write @ as the host."

_HOSTS: tuple[tuple[DnsHost, tuple[str, ...]], ...] = (
    (
        DnsHost(
            key="cloudflare", name="Cloudflare", path="your domain, then DNS, Records, Add record",
            hints=(_ADDS_ZONE, "Paste a TXT value as it is; Cloudflare adds quotation marks by itself and says so."),
        ), ("ns.cloudflare.com", "foundationdns.com", "foundationdns.net", "foundationdns.org"),
    ),
    (
        DnsHost(
            key="route53", name="Amazon Route 53", path="Hosted zones, your domain, Create record",
            hints=(_ADDS_ZONE, _QUOTES, "Priority and server of an MX record go into one field: 10 mail.example.com."),
        ), (".awsdns-",),
    ),
    (
        DnsHost(
            key="godaddy", name="GoDaddy", path="My products, your domain, DNS, Add new record",
            hints=(_ADDS_ZONE, _AT),
        ), ("domaincontrol.com",),
    ),
    (
        DnsHost(
            key="namecheap", name="Namecheap", path="Domain list, Manage, Advanced DNS, Add new record",
            hints=(
                _ADDS_ZONE, _AT,
                "An MX record is under Mail settings: choose Custom MX first. Keep the MX records that are there.",
            ),
        ), ("registrar-servers.com",),
    ),
    (
        DnsHost(
            key="google-cloud", name="Google Cloud DNS or Squarespace",
            path="your zone, Add standard (Squarespace: Domains, your domain, DNS, Add record)",
            hints=(
                "Google Cloud adds the name of the zone by itself; so does Squarespace. Enter the short host.", _QUOTES,
            ),
        ), ("googledomains.com",),
    ),
    (
        DnsHost(key="squarespace", name="Squarespace", path="Domains, your domain, DNS, Custom records",
                hints=(_ADDS_ZONE, _AT)),
        ("squarespacedns.com",),
    ),
    (
        DnsHost(key="azure", name="Azure DNS", path="DNS zones, your domain, Record sets, Add",
                hints=(_ADDS_ZONE, "Several TXT values of one name go into one record set.")),
        ("azure-dns.com", "azure-dns.net", "azure-dns.org", "azure-dns.info"),
    ),
    (
        DnsHost(key="hetzner", name="Hetzner", path="DNS, your zone, Add record", hints=(_ADDS_ZONE, _AT)),
        ("hetzner.com", "hetzner.de", "second-ns.com", "your-server.de"),
    ),
    (
        DnsHost(
            key="ionos", name="IONOS", path="Domains & SSL, the gear of your domain, DNS, Add record",
            hints=(_ADDS_ZONE, _AT),
        ), ("ui-dns.com", "ui-dns.org", "ui-dns.de", "ui-dns.biz"),
    ),
    (
        DnsHost(
            key="ovh", name="OVHcloud", path="Domain names, your domain, DNS zone, Add an entry",
            hints=(_ADDS_ZONE, "Choose TXT, not “SPF”, “DKIM” or “DMARC”: the guided forms change what you paste."),
        ), ("ovh.net", "ovh.ca", "anycast.me"),
    ),
    (
        DnsHost(key="strato", name="STRATO", path="Domains, Domain management, the gear, DNS, TXT and MX records",
                hints=(_ADDS_ZONE,)),
        ("rzone.de", "strato.de"),
    ),
    (
        DnsHost(
            key="gandi", name="Gandi", path="Domain, your domain, DNS records, Add",
            hints=(_ADDS_ZONE, _AT, "End the server of an MX record with a dot."),
        ), ("gandi.net",),
    ),
    (
        DnsHost(key="digitalocean", name="DigitalOcean", path="Networking, Domains, your domain",
                hints=(_ADDS_ZONE, _AT, "End the server of an MX record with a dot.")),
        ("digitalocean.com",),
    ),
    (
        DnsHost(key="porkbun", name="Porkbun", path="Domain management, your domain, DNS",
                hints=(_ADDS_ZONE, "For the domain itself leave the host empty.")),
        ("porkbun.com",),
    ),
    (
        DnsHost(key="name-com", name="Name.com", path="My domains, your domain, Manage DNS records",
                hints=(_ADDS_ZONE, "For the domain itself leave the host empty.")),
        ("name.com",),
    ),
    (
        DnsHost(key="hover", name="Hover", path="your domain, DNS, Add a record", hints=(_ADDS_ZONE, _AT)),
        ("hover.com",),
    ),
    (
        DnsHost(key="dreamhost", name="DreamHost", path="Websites, Manage, DNS, Add record",
                hints=(_ADDS_ZONE, "For the domain itself leave the host empty.")),
        ("dreamhost.com",),
    ),
    (
        DnsHost(key="bluehost", name="Bluehost", path="Domains, your domain, Manage, DNS, Add record",
                hints=(_ADDS_ZONE, _AT)),
        ("bluehost.com",),
    ),
    (
        DnsHost(key="wix", name="Wix", path="Domains, the three dots, Manage DNS records",
                hints=(_ADDS_ZONE, "Delete an MX record of the same host before you add ours, no other.")),
        ("wixdns.net",),
    ),
    (
        DnsHost(key="vercel", name="Vercel", path="Domains, your domain, DNS records", hints=(_ADDS_ZONE,)),
        ("vercel-dns.com",),
    ),
    (
        DnsHost(key="ns1", name="NS1 or Netlify", path="Domains (NS1: Zones), your domain, Add new record"),
        ("nsone.net",),
    ),
    (
        DnsHost(key="dnsimple", name="DNSimple", path="your domain, DNS, Manage records, Add",
                hints=(_ADDS_ZONE, "For the domain itself leave the host empty.")),
        ("dnsimple.com", "dnsimple-edge.net", "dnsimple-edge.org", "dnsimple-edge.io"),
    ),
    (
        DnsHost(
            key="desec", name="deSEC", path="Domains, your domain, the plus sign",
            hints=(
                _ADDS_ZONE, _QUOTES, "Leave the host empty for the domain itself; end the server of an MX with a dot.",
            ),
        ), ("desec.io", "desec.org"),
    ),
    (
        DnsHost(key="infomaniak", name="Infomaniak", path="Web and domain, your domain, DNS zone, Add a record",
                hints=(_ADDS_ZONE,)),
        ("infomaniak.ch", "infomaniak.com"),
    ),
    (
        DnsHost(key="all-inkl", name="ALL-INKL", path="KAS, Tools, DNS settings, your domain, Add",
                hints=(_ADDS_ZONE, "For the domain itself leave the host empty.")),
        ("kasserver.com",),
    ),
    (
        DnsHost(key="home-pl", name="home.pl", path="Domains, your domain, DNS configuration, Add record",
                hints=(_ADDS_ZONE,)),
        ("home.pl",),
    ),
    (
        DnsHost(key="linode", name="Akamai (Linode)", path="Domains, your domain, Add a record",
                hints=(_ADDS_ZONE, "For the domain itself leave the host empty.")),
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
