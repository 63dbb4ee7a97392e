"""Where a request comes from, believing proxies only where the settings name them."""

from __future__ import annotations

import ipaddress
from functools import lru_cache
from typing import TYPE_CHECKING

from django.conf import settings

if TYPE_CHECKING:
    from django.http import HttpRequest

Network = ipaddress.IPv4Network | ipaddress.IPv6Network


@lru_cache(maxsize=4)
def _networks(texts: tuple[str, ...]) -> tuple[Network, ...]:
    return tuple(ipaddress.ip_network(text, strict=False) for text in texts)


def is_trusted_proxy(address: str) -> bool:
    """Whether `RELAYHUB_TRUSTED_PROXIES` holds the address."""
    try:
        value = ipaddress.ip_address(address)
    except ValueError:
        return False
    return any(value in network for network in _networks(tuple(map(str, settings.RELAYHUB_TRUSTED_PROXIES))))


def bearer_of(request: HttpRequest) -> str | None:
    """The API key that the request carries, "" where it names none; None where it does not come as a program.

    Whatever is no bearer is judged by its session, so everything that asks how a request is authorised asks here.
    """
    scheme, _, text = request.headers.get("Authorization", "").partition(" ")
    return text.strip() if scheme.lower() == "bearer" else None


def client_ip(request: HttpRequest) -> str | None:
    """The client's address: the last one in `X-Forwarded-For` that is no trusted proxy of ours."""
    peer: str | None = request.META.get("REMOTE_ADDR") or None
    if peer is None or not is_trusted_proxy(peer):
        return peer
    for text in reversed(request.headers.get("X-Forwarded-For", "").split(",")):
        candidate = text.strip()
        try:
            ipaddress.ip_address(candidate)
        except ValueError:
            return peer
        if not is_trusted_proxy(candidate):
            return candidate
        peer = candidate
    return peer


def client_network(request: HttpRequest) -> str:
    """Where a request comes from, for limits: the address, of IPv6 its /64, all of which one line holds."""
    address = client_ip(request) or ""
    try:
        value = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if value.version == 4 or value.ipv4_mapped:
        return address
    return str(ipaddress.ip_network((value, 64), strict=False))
