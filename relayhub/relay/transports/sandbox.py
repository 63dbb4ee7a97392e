"""The sandbox: kept inside to be looked at, never sent. Delivered, with the reply of nobody."""

from __future__ import annotations

from relayhub.core import clock
from relayhub.relay.transports.base import BeforeDot, OutgoingMessage, SendResult


class SandboxTransport:
    """`sandbox`: the relay keeps whole claims there in one go; this is the way of a single recipient."""

    async def send(self, message: OutgoingMessage, *, before_dot: BeforeDot) -> SendResult:
        """Record the intent and be done."""
        started_at = clock.now()
        may_send = await before_dot()
        return SendResult(
            disposition="delivered" if may_send else "abandoned", phase="", started_at=started_at,
            ended_at=clock.now(), detail={"transport": "sandbox"} if may_send else {},
        )

    async def close(self) -> None:
        """Nothing is open."""
