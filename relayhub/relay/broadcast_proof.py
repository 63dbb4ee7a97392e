"""Make one copy of a broadcast as it would be sent, and read it back as a receiver would.

The copy is addressed to nobody and stored nowhere. Signing is proved with a key made for the proof, whose
record the check is given, so that a fault in composing shows before a launch and not at the receiver.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from email import message_from_bytes, policy
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from relayhub.core import clock
from relayhub.core.crypto import link_keyring
from relayhub.core.errors import PrepareError
from relayhub.core.ids import uuid7
from relayhub.protocol import dkim
from relayhub.protocol.address import parse_mailbox
from relayhub.protocol.resolver import ZoneResolver
from relayhub.relay import prepare, rendering, template_words
from relayhub.relay.broadcast_content import BroadcastContent
from relayhub.relay.compiled import CompiledSource
from relayhub.relay.managers import ClaimedRecipient, MessageRow
from relayhub.relay.models import Stream

_SELECTOR = "proof"
_NOBODY = UUID(int=0)


@dataclass(frozen=True, kw_only=True)
class ProofProblem:
    """Something a receiver would hold against the message."""

    rule: str
    message: str
    fix: str


@lru_cache(maxsize=1)
def _key() -> Any:
    return dkim.generate_ed25519()


def problems(
    source: CompiledSource, *, stream: Stream, from_header: str, shared: Mapping[str, Any]
) -> list[ProofProblem]:
    """What is wrong with the copy; empty when a receiver would find nothing."""
    domain = parse_mailbox(from_header).ascii_domain
    whole = dataclasses.replace(source, from_header=from_header, shared=dict(shared))
    try:
        raw = _copy(whole, stream, domain)
    except PrepareError as exc:
        return [ProofProblem(rule="loopback", message=template_words.told(exc.message), fix=_("Correct the template."))]
    return [*_signature_problems(raw, domain), *_header_problems(raw)]


def _copy(source: CompiledSource, stream: Stream, domain: str) -> bytes:
    moment = clock.now()
    context = rendering.contact_context(email=f"proof@{domain}", name="Proof Reader", fields={})
    recipient = ClaimedRecipient(
        id=uuid7(), token=_NOBODY, workspace_id=stream.workspace_id, stream_id=stream.pk, message_id=_NOBODY,
        lane_id=0, broadcast_id=_NOBODY, contact_id=None, address=f"proof@{domain}", domain=domain,
        merge={"contact": context}, attempts=0, crashes=0, unknown_retried=False, accepted_at=moment,
    )
    message = MessageRow(
        id=_NOBODY, workspace_id=stream.workspace_id, stream_id=stream.pk, stream_slug=stream.slug,
        stream_kind=stream.kind, content_id=_NOBODY, source="campaign", from_header=source.from_header,
        from_address=parse_mailbox(source.from_header).spec, from_domain=domain, mail_from="",
        subject=source.subject, message_id_header="", track="none", broadcast_id=_NOBODY, size_bytes=0,
        created_at=moment, expires_at=moment,
    )
    key = dkim.SigningKey(
        domain=domain, selector=_SELECTOR, algorithm=dkim.algorithm_of(_key()), private_key=_key()
    )
    origin = prepare.Origin(base_url=settings.RELAYHUB_BASE_URL, keyring=link_keyring())
    content = BroadcastContent(source, seed=_NOBODY.bytes)
    return prepare.prepare(recipient, message, content, origin=origin, keys=[key]).content


def _signature_problems(raw: bytes, domain: str) -> list[ProofProblem]:
    zone = ZoneResolver({f"{_SELECTOR}._domainkey.{domain}": {"TXT": [dkim.public_record(_key())]}})
    found = dkim.verify(raw, zone, now=clock.now())
    if found and all(str(item.result) == "pass" for item in found):
        return []
    why = found[0].why if found else _("there is no signature")
    words = _("The signature of a copy does not verify: %(why)s.")
    return [ProofProblem(rule="AUTH-2", message=words % {"why": why},
                         fix=_("Tell whoever runs RelayHub; nothing was sent."))]


def _header_problems(raw: bytes) -> list[ProofProblem]:
    parsed = message_from_bytes(raw, policy=policy.default)
    found = []
    for name in ("From", "Date", "Message-ID", "Subject"):
        if len(parsed.get_all(name, [])) != 1:
            words = _("The copy has no single %(name)s field.")
            found.append(ProofProblem(rule="MSG-1", message=words % {"name": name},
                                      fix=_("Tell whoever runs RelayHub; nothing was sent.")))
    if "One-Click" not in str(parsed.get("List-Unsubscribe-Post", "")) or "/u/" not in str(
        parsed.get("List-Unsubscribe", "")
    ):
        found.append(ProofProblem(rule="MSG-2", message=_("The copy cannot be unsubscribed from with one click."),
                                  fix=_("Tell whoever runs RelayHub; nothing was sent.")))
    return found
