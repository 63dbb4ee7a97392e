"""Which network addresses a stranger's DNS may send us to: public ones only (THREATS T17).

Judges the address that will be connected to, never a name: names change between look and connect. Addresses
that carry another one inside (mapped, translated, tunnelled) are refused whole: no mail host needs them.
"""

from __future__ import annotations

import ipaddress

_REFUSED = tuple(
    ipaddress.ip_network(text)
    for text in (
        "0.0.0.0/8", "100.64.0.0/10", "192.0.0.0/24", "192.88.99.0/24", "224.0.0.0/4", "240.0.0.0/4",
        "::/96", "::ffff:0:0/96", "64:ff9b::/96", "64:ff9b:1::/48", "2002::/16", "2001::/32", "fc00::/7",
        "fe80::/10", "fec0::/10", "ff00::/8",
    )
)


def is_public(address: str) -> bool:
    """Whether the address is a global unicast one; False for anything that is no address."""
    try:
        value = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    if not value.is_global:
        return False
    return not any(value.version == network.version and value in network for network in _REFUSED)


def is_private_line(address: str) -> bool:
    """Loopback, link-local or a private network: credentials may cross it without TLS."""
    try:
        value = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return False
    return value.is_loopback or value.is_link_local or (value.is_private and not value.is_unspecified)
