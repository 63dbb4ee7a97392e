"""The submission listeners: who may hand mail in, and the one door it goes through."""

from __future__ import annotations

import asyncio
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from uuid import UUID

from django.conf import settings
from django.db import DatabaseError, close_old_connections

from relayhub.core import clock
from relayhub.core.errors import AcceptError
from relayhub.core.ids import Prefix, encode_id
from relayhub.protocol import reply as replies
from relayhub.protocol.reply import SmtpReply, queued_as
from relayhub.protocol.smtp_server import ServerSession
from relayhub.protocol.smtp_server_events import (
    AuthAttempt,
    MailFrom,
    MessageReceived,
    RcptTo,
    ServerConfig,
    ServerRole,
)
from relayhub.relay import accept, credentials, store
from relayhub.relay.models import SmtpCredential, Source
from relayhub.relay.smtpd import auth
from relayhub.relay.smtpd.connection import Peer
from relayhub.relay.smtpd.group_commit import GroupCommit
from relayhub.relay.smtpd.limits import Doorkeeper, Limits, is_trusted_submitter
from relayhub.relay.submission import Submission, SubmittedRecipient, TraceInfo

#: How old what a process knows of a credential may be: a revoked one is refused after that.
CREDENTIAL_SECONDS = 3.0


@dataclass(frozen=True, kw_only=True)
class Identity:
    """What a signed-in peer may do."""

    credential_id: UUID
    workspace_id: UUID
    stream_id: UUID | None
    domains: tuple[str, ...]

    @classmethod
    def of(cls, credential: SmtpCredential) -> Identity:
        """From a credential."""
        return cls(
            credential_id=credential.pk, workspace_id=credential.workspace_id, stream_id=credential.stream_id,
            domains=tuple(credential.domains),
        )


class SubmissionRole:
    """Answers the questions of submission sessions."""

    def __init__(self, limits: Limits | None = None) -> None:
        self._limits = limits or Limits()
        self.config = ServerConfig(hostname=settings.RELAYHUB_HOSTNAME, role=ServerRole.SUBMISSION)
        self._door = Doorkeeper(self._limits)
        self._commit: GroupCommit[Submission] = GroupCommit(store_submissions)
        self._auth_threads = ThreadPoolExecutor(2, thread_name_prefix="auth")

    @property
    def waiting_bytes(self) -> int:
        """Octets received and not committed yet."""
        return self._commit.waiting_bytes

    def enter(self, ip: str) -> Peer | None:
        """Count the connection; trusted networks need neither TLS nor AUTH."""
        is_trusted = is_trusted_submitter(ip)
        return Peer(ip=ip, is_trusted=is_trusted) if self._door.enter(ip, is_trusted=is_trusted) else None

    def leave(self, peer: Peer) -> None:
        """The connection is gone."""
        self._door.leave(peer.ip)

    def may_read(self) -> bool:
        """Whether there is room for more messages in memory."""
        return self.waiting_bytes < self._limits.max_waiting_bytes

    def close(self) -> None:
        """End the threads."""
        self._commit.close()
        self._auth_threads.shutdown(wait=False)

    async def sign_in(self, peer: Peer, attempt: AuthAttempt) -> SmtpReply | None:
        """Check the login on a thread."""
        loop = asyncio.get_running_loop()
        result = await loop.run_in_executor(
            self._auth_threads, _sign_in, attempt.username, attempt.password, peer.ip
        )
        if isinstance(result, SmtpReply):
            return result
        peer.identity = result
        return None

    def sender(self, peer: Peer, event: MailFrom) -> SmtpReply:
        """Any MAIL FROM is taken and kept as data."""
        return replies.SENDER_OK

    def recipient(self, peer: Peer, event: RcptTo) -> SmtpReply:
        """Any well-formed recipient is taken; a bare Postmaster is nobody's here."""
        if event.parsed is None or not event.parsed.domain:
            return replies.NO_SUCH_MAILBOX
        return replies.RECIPIENT_OK

    async def message(self, peer: Peer, session: ServerSession, event: MessageReceived) -> SmtpReply:
        """Hand the message to the shared commit."""
        submission = _submission(peer, session, event)
        if submission is None:
            return replies.AUTH_REQUIRED
        return await self._commit.submit(submission, size_bytes=len(event.content))


def _sign_in(username: str, password: str, ip: str) -> Identity | SmtpReply:
    try:
        result = auth.sign_in(username, password, ip=ip)
    except DatabaseError:
        close_old_connections()
        return replies.AUTH_UNAVAILABLE
    if result.is_blocked:
        return replies.AUTH_THROTTLED
    return Identity.of(result.credential) if result.credential else replies.AUTH_FAILED


def _submission(peer: Peer, session: ServerSession, event: MessageReceived) -> Submission | None:
    identity = peer.identity if isinstance(peer.identity, Identity) else None
    if identity is None and not peer.is_trusted:
        return None
    envelope = event.envelope
    protocol = "ESMTP" + ("S" if peer.tls else "") + ("A" if identity else "")
    return Submission(
        # The trusted networks' credential is looked up on the thread that stores.
        workspace_id=identity.workspace_id if identity else UUID(int=0),
        credential_id=identity.credential_id if identity else None,
        default_stream_id=identity.stream_id if identity else None,
        allowed_domains=identity.domains if identity else (),
        source=Source.SMTP, mail_from=envelope.mail_from.address, content=event.content, client_ip=peer.ip,
        is_trusted_network=identity is None,
        recipients=tuple(
            SubmittedRecipient(
                address=recipient.address, notify=tuple(map(str, recipient.params.notify)),
                original_recipient=recipient.params.original_recipient or "",
            )
            for recipient in envelope.recipients
        ),
        trace=TraceInfo(helo=session.helo, ip=peer.ip, protocol=protocol, tls=peer.tls),
    )


# -- on the commit threads -----------------------------------------------------------------------------------

_known: dict[UUID | None, tuple[float, Identity | None]] = {}
_known_lock = threading.Lock()


def store_submissions(submissions: Sequence[Submission]) -> list[SmtpReply]:
    """Check each, store the good ones in one transaction, and answer each for itself."""
    answers: dict[int, SmtpReply] = {}
    good: list[tuple[int, accept.Acceptable]] = []
    moment = clock.now()
    for index, submission in enumerate(submissions):
        try:
            good.append((index, accept.check(_with_identity(submission), now=moment)))
        except AcceptError as exc:
            answers[index] = exc.reply
        except DatabaseError:
            close_old_connections()
            answers[index] = replies.FAULT_OURS
    for (index, _), result in zip(good, store.store_many([item for _, item in good]), strict=True):
        if isinstance(result, AcceptError):
            answers[index] = result.reply
        else:
            answers[index] = queued_as(encode_id(Prefix.MESSAGE, result.message_id))
    return [answers[index] for index in range(len(submissions))]


def _with_identity(submission: Submission) -> Submission:
    """The submission with its credential's present state; AcceptError where that was revoked meanwhile."""
    identity = _identity(submission.credential_id)
    if identity is None:
        raise AcceptError(replies.SENDER_NOT_ALLOWED, code="credential_revoked", http_status=403)
    if submission.credential_id is not None:
        return submission
    from dataclasses import replace

    return replace(
        submission, workspace_id=identity.workspace_id, credential_id=identity.credential_id,
        default_stream_id=identity.stream_id, allowed_domains=identity.domains,
    )


def _identity(credential_id: UUID | None) -> Identity | None:
    """A credential that is still good, as of at most CREDENTIAL_SECONDS ago; None names the trusted networks'."""
    moment = time.monotonic()
    found = _known.get(credential_id)
    if found is not None and moment - found[0] < CREDENTIAL_SECONDS:
        return found[1]
    if credential_id is None:
        row = credentials.default_credential()
    else:
        row = SmtpCredential.objects.filter(pk=credential_id).first()
    identity = Identity.of(row) if row is not None and credentials.is_usable(row) else None
    with _known_lock:
        _known[credential_id] = (moment, identity)
    return identity
