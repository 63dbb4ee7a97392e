"""Messages handed in as fields (REST, pages): composed here, then through the one door."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from relayhub.core import clock
from relayhub.core.access import Actor
from relayhub.core.address_faults import fault_told
from relayhub.core.errors import AcceptError, InputError, PrepareError
from relayhub.core.ids import Prefix, encode_id, uuid7
from relayhub.protocol.address import Address, AddressError, parse_mailbox
from relayhub.protocol.compose import (
    Attachment,
    ComposeError,
    Composition,
    MessageTooLarge,
    check_custom_header,
    compose,
)
from relayhub.protocol.headers import HeaderError
from relayhub.protocol.reply import MESSAGE_TOO_BIG
from relayhub.relay import accept, rendering, store, template_words
from relayhub.relay.models import Source, Tracking
from relayhub.relay.submission import Accepted, Submission, SubmittedRecipient


@dataclass(frozen=True, kw_only=True)
class OutgoingFields:
    """A message by its fields; mailboxes are strings such as `Zoë <z@x.example>`."""

    sender: str
    to: Sequence[str]
    cc: Sequence[str] = ()
    bcc: Sequence[str] = ()
    reply_to: Sequence[str] = ()
    subject: str | None = None
    text: str | None = None
    html: str | None = None
    headers: Mapping[str, str] = field(default_factory=dict)
    attachments: Sequence[Attachment] = ()
    #: Merged into subject, text and html where given.
    variables: Mapping[str, Any] | None = None
    stream: str | None = None
    tags: Sequence[str] = ()
    metadata: Mapping[str, Any] = field(default_factory=dict)
    track: Tracking | None = None
    send_at: datetime | None = None
    options: Mapping[str, Any] = field(default_factory=dict)


def submission_of(actor: Actor, fields: OutgoingFields) -> Submission:
    """The submission that these fields make; InputError names the field that cannot be."""
    sender = _mailbox(fields.sender, "from")
    groups = {name: [_mailbox(text, f"{name}.{i}") for i, text in enumerate(getattr(fields, name))]
              for name in ("to", "cc", "bcc", "reply_to")}
    moment, message_id = clock.now(), uuid7()
    try:
        subject, text, html = _merged(fields)
    except PrepareError as exc:
        raise InputError(template_words.told(exc.message), field="variables", code=exc.code) from exc
    try:
        for name, value in fields.headers.items():
            check_custom_header(name, value)
        content = compose(
            Composition(
                author=sender, subject=subject, date=moment, seed=hashlib.sha256(os.urandom(16)).digest(),
                message_id=f"<{encode_id(Prefix.MESSAGE, message_id)}@{sender.ascii_domain}>",
                to=groups["to"], cc=groups["cc"], reply_to=groups["reply_to"], text=text, html=html,
                attachments=fields.attachments, headers=fields.headers, max_bytes=accept.MAX_SIZE,
            )
        )
    except MessageTooLarge as exc:
        raise AcceptError(MESSAGE_TOO_BIG, message=str(exc), code="message_too_large", http_status=413) from exc
    except (HeaderError, ComposeError) as exc:
        raise InputError(str(exc), field="headers", code="invalid_header") from exc
    recipients = tuple(
        SubmittedRecipient(address=address.spec, kind=name)
        for name in ("to", "cc", "bcc")
        for address in groups[name]
    )
    return Submission(
        workspace_id=actor.workspace.pk, source=Source.HTTP, mail_from=sender.spec, recipients=recipients,
        content=content, message_id=message_id, stream=fields.stream, tags=tuple(fields.tags),
        metadata=dict(fields.metadata), track=fields.track, send_at=fields.send_at,
        options=dict(fields.options), **limits_of(actor),
    )


def limits_of(actor: Actor) -> dict[str, Any]:
    """What the caller's key is limited to, and who it is."""
    key = actor.api_key
    return {
        "api_key_id": key.pk if key else None, "client_ip": actor.ip,
        "allowed_domains": tuple(key.domains) if key else (),
        "allowed_streams": tuple(key.streams) if key else (),
    }


def _merged(fields: OutgoingFields) -> tuple[str | None, str | None, str | None]:
    if fields.variables is None:
        return fields.subject, fields.text, fields.html
    context = dict(fields.variables)
    return (
        rendering.render_subject(fields.subject, context) if fields.subject is not None else None,
        rendering.render(fields.text, context, is_html=False) if fields.text is not None else None,
        rendering.render(fields.html, context, is_html=True) if fields.html is not None else None,
    )


def _mailbox(text: str, field_name: str) -> Address:
    try:
        return parse_mailbox(text)
    except AddressError as exc:
        raise InputError(f"“{text[:80]}”: {fault_told(exc.message)}", field=field_name, code="invalid_address") from exc


def accept_all(submissions: Sequence[Submission | Exception]) -> list[Accepted | Exception]:
    """Check each and store the good ones in one transaction; each answers for itself."""
    moment = clock.now()
    answers: dict[int, Accepted | Exception] = {}
    good: list[tuple[int, accept.Acceptable]] = []
    for index, submission in enumerate(submissions):
        if isinstance(submission, Exception):
            answers[index] = submission
            continue
        try:
            good.append((index, accept.check(submission, now=moment)))
        except AcceptError as exc:
            answers[index] = exc
    for (index, _), result in zip(good, store.store_many([item for _, item in good]), strict=True):
        answers[index] = result
    return [answers[index] for index in range(len(submissions))]
