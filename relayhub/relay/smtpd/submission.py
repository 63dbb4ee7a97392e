"""The submission door: what signed-in programs and trusted networks hand in goes through `relay.accept`.

A batch is checked message by message, stored in one transaction, and answered message by message: a refused
one never disturbs its neighbours. RFC 6409.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from typing import Any

from django.db import Error as DatabaseError
from django.db import connection

from relayhub.core import clock, refusals
from relayhub.core.errors import AcceptError
from relayhub.core.ids import Prefix, encode_id
from relayhub.core.models import Door
from relayhub.core.refusals import Caller, Refusal
from relayhub.protocol import reply as replies
from relayhub.protocol.reply import SmtpReply, make_reply, queued_as
from relayhub.protocol.smtp_server_events import RcptTo, Refused, ServerRole
from relayhub.relay import accept, store
from relayhub.relay.models import Source
from relayhub.relay.smtpd import auth
from relayhub.relay.smtpd.auth import Principal
from relayhub.relay.smtpd.door import Incoming, Peer
from relayhub.relay.submission import Submission, SubmittedRecipient, TraceInfo

log = logging.getLogger(__name__)

CREDENTIAL_ENDED = make_reply(550, "5.7.1", "This credential does not work any more")
NO_DEFAULT_CREDENTIAL = make_reply(451, "4.7.1", "Trusted networks have no default credential to act as")
#: How the log of refused requests calls what the session refuses by itself.
_CODES = {
    replies.TOO_MANY_RECIPIENTS: "too_many_recipients", replies.NO_VALID_RECIPIENTS: "no_recipients",
    replies.CONTENT_LINE_TOO_LONG: "line_too_long", replies.MESSAGE_TOO_BIG: "message_too_large",
    replies.BARE_LINE_END_IN_CONTENT: "malformed_message", replies.NUL_IN_CONTENT: "malformed_message",
}
_BAD_SEQUENCE = 503  # RFC 5321 §4.2.2
_ABOUT_ADDRESS = 1  # RFC 3463 §3.2


class SubmissionDoor:
    """Mail handed in to be sent."""

    role = ServerRole.SUBMISSION

    def recipient(self, asked: RcptTo) -> SmtpReply:
        """Every well-formed address is taken; Postmaster without a domain is nobody's here."""
        return replies.RECIPIENT_OK if asked.parsed.domain else replies.NO_SUCH_MAILBOX

    def sign_in(self, username: str, password: str, ip: str) -> Principal | SmtpReply:
        """Check a login."""
        return auth.authenticate(username, password, ip)

    def take(self, batch: Sequence[Incoming]) -> Sequence[SmtpReply]:
        """Check, store and answer a batch."""
        now = clock.now()
        answers: list[SmtpReply] = [replies.FAULT_OURS] * len(batch)
        good: list[tuple[int, accept.Acceptable]] = []
        refused: list[tuple[Incoming, AcceptError]] = []
        for position, incoming in enumerate(batch):
            try:
                good.append((position, accept.check(submission_of(incoming), now=now)))
            except AcceptError as error:
                answers[position] = error.reply
                refused.append((incoming, error))
                log.info("smtpd.refused", extra={"ip": incoming.ip, "code": error.code})
            except DatabaseError:
                log.warning("smtpd.database_away", exc_info=True)
                connection.close()
            except Exception:
                # One strange message must not take its batch with it: a fault of ours until shown otherwise.
                log.exception("smtpd.check_failed")
        if good:
            for (position, _), stored in zip(good, store.store_many([item for _, item in good]), strict=True):
                if isinstance(stored, AcceptError):
                    answers[position] = stored.reply
                    refused.append((batch[position], stored))
                else:
                    answers[position] = queued_as(encode_id(Prefix.MESSAGE, stored.message_id))
        if refused:
            refusals.note([found for one, error in refused if (found := refusal_of(one, error)) is not None])
        return answers

    def note(self, peer: Peer, refused: Sequence[Refused]) -> None:
        """Keep in the log of refused requests what the session refused by itself."""
        try:
            caller = _caller(peer)
        except DatabaseError:
            log.warning("smtpd.database_away", exc_info=True)
            return
        if caller is not None:
            refusals.note([_session_refusal(caller, peer, one) for one in refused])


def refusal_of(incoming: Incoming, error: AcceptError) -> Refusal | None:
    """What the developer of the program finds in the log of refused requests; None where nobody had signed in."""
    if error.code == "not_available":  # the database is away, and so is the log
        return None
    caller = _caller(incoming)
    if caller is None:
        return None
    envelope, reply = incoming.envelope, error.reply
    pointers = [{"pointer": f"/{error.field}", "code": error.code, "detail": error.message}] if error.field else []
    return Refusal(
        caller=caller, door=Door.SMTP, method="DATA",
        path=f"MAIL FROM:<{envelope.mail_from}> RCPT TO:{len(envelope.recipients)}", status=reply.code,
        code=error.code, detail=_words(reply), errors=pointers, ip=incoming.ip, user_agent=_program(incoming),
    )


def _session_refusal(caller: Caller, peer: Peer, refused: Refused) -> Refusal:
    envelope = f"MAIL FROM:<{refused.mail_from}> RCPT TO:{refused.recipients}" if refused.mail_from is not None else ""
    return Refusal(
        caller=caller, door=Door.SMTP, method=refused.verb, path=envelope, status=refused.reply.code,
        code=_code_of(refused.reply), detail=_words(refused.reply), ip=peer.ip, user_agent=_program(peer),
    )


def _code_of(reply: SmtpReply) -> str:
    if reply in _CODES:
        return _CODES[reply]
    if reply.enhanced is not None and reply.enhanced.subject == _ABOUT_ADDRESS:
        return "invalid_address"
    return "command_out_of_order" if reply.code == _BAD_SEQUENCE else "malformed_command"


def _caller(peer: Peer | Incoming) -> Caller | None:
    """As whom it acts; None where nobody had signed in."""
    principal = peer.principal or (auth.trusted_principal() if peer.is_trusted else None)
    if principal is None:
        return None
    credential = encode_id(Prefix.CREDENTIAL, principal.credential_id)
    return Caller(workspace_id=principal.workspace_id, id=credential, name=principal.name)


def _words(reply: SmtpReply) -> str:
    return f"{reply.enhanced} {reply.text}" if reply.enhanced else reply.text


def _program(peer: Peer | Incoming) -> str:
    return f"EHLO {peer.helo}" if peer.helo else ""


def submission_of(incoming: Incoming) -> Submission:
    """The submission in the shape that accept takes; AcceptError where its credential ended meanwhile."""
    principal = _principal(incoming)
    return Submission(
        workspace_id=principal.workspace_id, source=Source.SMTP, mail_from=incoming.envelope.mail_from,
        recipients=tuple(
            SubmittedRecipient(
                address=recipient.address,
                notify=tuple(sorted(each.value for each in recipient.params.notify)),
                original_recipient=recipient.params.original_recipient or "",
            )
            for recipient in incoming.envelope.recipients
        ),
        content=incoming.content, default_stream_id=principal.stream_id,
        credential_id=principal.credential_id, client_ip=incoming.ip or None,
        is_trusted_network=incoming.is_trusted,
        trace=TraceInfo(helo=incoming.helo, ip=incoming.ip, protocol=incoming.protocol, tls=incoming.tls),
        options=_dsn_options(incoming), allowed_domains=principal.domains,
    )


def _principal(incoming: Incoming) -> Principal:
    if incoming.principal is not None:
        living = auth.living_principal(incoming.principal.credential_id)
        if living is None:
            raise AcceptError(CREDENTIAL_ENDED, code="credential_ended", http_status=403)
        return living
    if not incoming.is_trusted:
        raise AcceptError(replies.AUTH_REQUIRED, code="not_signed_in", http_status=401)
    default = auth.trusted_principal()
    if default is None:
        raise AcceptError(NO_DEFAULT_CREDENTIAL, code="no_default_credential")
    return default


def _dsn_options(incoming: Incoming) -> dict[str, Any]:
    """What RFC 3461 parameters asked for, kept as data."""
    params = incoming.envelope.params
    found: dict[str, Any] = {}
    if params.envelope_id:
        found["envelope_id"] = params.envelope_id
    if params.dsn_return is not None:
        found["return"] = params.dsn_return.value
    for recipient in incoming.envelope.recipients:
        asked = recipient.params
        if asked.notify or asked.original_recipient:
            found.setdefault("recipients", {})[recipient.address] = {
                "notify": sorted(each.value for each in asked.notify),
                "original_recipient": asked.original_recipient or "",
            }
    return {"dsn": found} if found else {}
