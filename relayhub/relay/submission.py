"""What a client hands in, whichever door it came through (RFC 6409's word)."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from relayhub.relay.models import Source, Tracking


@dataclass(frozen=True, kw_only=True, slots=True)
class SubmittedRecipient:
    """One address of the envelope."""

    address: str
    #: to, cc, bcc: what the client called it; the envelope does not.
    kind: str = "to"
    #: DSN parameters of RFC 3461: notify and original recipient.
    notify: tuple[str, ...] = ()
    original_recipient: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class TraceInfo:
    """Where an SMTP submission came from, for its Received field."""

    helo: str = ""
    ip: str = ""
    protocol: str = "ESMTPSA"
    tls: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Submission:
    """Envelope, content and wishes. `content` is RFC 5322 with CRLF line ends."""

    workspace_id: UUID
    source: Source
    mail_from: str
    recipients: tuple[SubmittedRecipient, ...]
    content: bytes = field(repr=False)
    #: Where the content names it in its Message-ID, or the caller is to know it; None = accept makes one.
    message_id: UUID | None = None
    #: Slug; None = the default of the credential, else the workspace's transactional one.
    stream: str | None = None
    default_stream_id: UUID | None = None
    tags: tuple[str, ...] = ()
    metadata: dict[str, Any] = field(default_factory=dict)
    track: Tracking | None = None
    send_at: datetime | None = None
    #: Of `X-RelayHub-Idempotency-Key`; REST has a way of its own.
    idempotency_key: str | None = None
    api_key_id: UUID | None = None
    credential_id: UUID | None = None
    client_ip: str | None = None
    is_trusted_network: bool = False
    trace: TraceInfo | None = None
    #: What pages show of how it was made: template, variables, DSN parameters.
    options: dict[str, Any] = field(default_factory=dict)
    #: From domains and streams the key or credential is limited to; empty = all.
    allowed_domains: tuple[str, ...] = ()
    allowed_streams: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class AcceptedRecipient:
    """A stored recipient."""

    id: UUID
    address: str
    status: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepted:
    """A stored message; durable once it is returned."""

    message_id: UUID
    recipients: tuple[AcceptedRecipient, ...]
