"""Ways out: one transport a rule and event loop, made when first needed, closed with its loop."""

from __future__ import annotations

import asyncio
from weakref import WeakKeyDictionary

from relayhub.relay.transports.base import Transport, TransportKind, TransportSpec
from relayhub.relay.transports.direct import DirectTransport
from relayhub.relay.transports.sandbox import SandboxTransport
from relayhub.relay.transports.smtp import SmarthostTransport

__all__ = ["close_all", "transport_for"]

_Key = tuple[TransportSpec, str, int | None]
_by_loop: WeakKeyDictionary[asyncio.AbstractEventLoop, dict[_Key, Transport]] = WeakKeyDictionary()


def transport_for(
    spec: TransportSpec, *, tls: str = "opportunistic", max_connections: int | None = None
) -> Transport:
    """The transport of a rule in the running loop, with its pooled connections.

    tls is none, opportunistic or required; max_connections limits this process.
    """
    made = _by_loop.setdefault(asyncio.get_running_loop(), {})
    key = (spec, tls, max_connections)
    found = made.get(key)
    if found is None:
        found = made[key] = _make(spec, tls, max_connections)
    return found


def _make(spec: TransportSpec, tls: str, max_connections: int | None) -> Transport:
    if spec.kind is TransportKind.SANDBOX:
        return SandboxTransport()
    if spec.kind is TransportKind.DIRECT:
        return DirectTransport(tls=tls, max_connections=max_connections)
    if spec.kind is TransportKind.ANYMAIL:
        # Its libraries take 6 MB, in every process that imports this package.
        from relayhub.relay.transports.anymail import AnymailTransport

        return AnymailTransport(spec, max_connections=max_connections)
    return SmarthostTransport(spec, tls=tls, max_connections=max_connections)


async def close_all() -> None:
    """Close every transport of the running loop."""
    made = _by_loop.pop(asyncio.get_running_loop(), {})
    for transport in made.values():
        await transport.close()
