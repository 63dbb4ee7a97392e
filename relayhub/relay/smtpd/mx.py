"""The MX door: mail that comes back. It takes only addresses that RelayHub made or publishes.

Nothing is relayed, nobody signs in. What becomes of mail to an address is said by `relay.inbound`.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence

from django.db import Error as DatabaseError
from django.db import connection

from relayhub.core.errors import AcceptError
from relayhub.protocol import reply as replies
from relayhub.protocol.reply import SmtpReply
from relayhub.protocol.smtp_server_events import RcptTo, Refused, ServerRole
from relayhub.relay import inbound
from relayhub.relay.smtpd.auth import Principal
from relayhub.relay.smtpd.door import Incoming, Peer, RcptAnswer
from relayhub.relay.smtpd.limits import Limits

log = logging.getLogger(__name__)


def mx_limits() -> Limits:
    """Strangers' limits: a receiver that sends a campaign's bounces comes with a few connections."""
    return Limits(connections=1000, connections_per_address=50, messages_per_second=200.0)


class MxDoor:
    """Bounces, feedback reports and unsubscribes."""

    role = ServerRole.MX

    def recipient(self, asked: RcptTo) -> RcptAnswer:
        """Known addresses at once; a domain that was not looked up lately is looked up in a thread."""
        address = asked.parsed
        fresh = inbound.is_ours(address.ascii_domain, may_ask=False)
        if fresh is None:
            return lambda: self._after_asking(asked)
        return _answer(asked, is_our_domain=fresh)

    def _after_asking(self, asked: RcptTo) -> SmtpReply:
        try:
            return _answer(asked, is_our_domain=bool(inbound.is_ours(asked.parsed.ascii_domain)))
        except DatabaseError:
            log.warning("smtpd.database_away", exc_info=True)
            return replies.FAULT_OURS

    def sign_in(self, username: str, password: str, ip: str) -> Principal | SmtpReply:
        """Nobody signs in here; AUTH is not offered."""
        return replies.AUTH_FAILED

    def take(self, batch: Sequence[Incoming]) -> Sequence[SmtpReply]:
        """Record what each message says, each in its own transaction, and answer it."""
        return [_taken(incoming) for incoming in batch]

    def note(self, peer: Peer, refused: Sequence[Refused]) -> None:
        """Nobody here is known."""


def _answer(asked: RcptTo, *, is_our_domain: bool) -> SmtpReply:
    if not is_our_domain:
        return replies.RELAY_DENIED
    if inbound.meaning_of(asked.parsed) is None:
        return replies.NO_SUCH_MAILBOX
    return replies.RECIPIENT_OK


def _taken(incoming: Incoming) -> SmtpReply:
    mail = inbound.ReturnedMail(
        mail_from=incoming.envelope.mail_from,
        recipients=tuple(recipient.parsed for recipient in incoming.envelope.recipients),
        content=incoming.content, ip=incoming.ip,
    )
    try:
        inbound.receive(mail)
    except AcceptError as refused:
        return refused.reply
    except DatabaseError:
        log.warning("smtpd.database_away", exc_info=True)
        connection.close()
        return replies.FAULT_OURS
    except Exception:
        log.exception("smtpd.inbound_failed")
        return replies.FAULT_OURS
    return replies.OK
