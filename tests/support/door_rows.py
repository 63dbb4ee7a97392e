"""A workspace that may send: streams, a verified domain, a credential; and messages to hand in."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from deliverability import domains
from deliverability.models import DomainStatus, SendingDomain
from relayhub.core.access import Actor, system_actor
from relayhub.core.clock import now
from relayhub.core.models import Workspace
from relayhub.relay import credentials, inbound, routes, streams_cache
from relayhub.relay.smtpd import auth
from relayhub.relay.streams import ensure_default_streams

DOMAIN = "acme.example"


@dataclass(frozen=True)
class Sender:
    """Who hands in."""

    workspace: Workspace
    actor: Actor
    username: str
    password: str
    credential_id: Any


def forget_everything() -> None:
    """Caches of the process must not outlive the rows of a test."""
    auth.forget()
    routes.forget()
    streams_cache.forget()
    inbound.forget()
    domains._states.clear()


def make_sender(slug: str = "acme", *, domain: str = DOMAIN, is_first: bool = True, **fields: Any) -> Sender:
    """A workspace with a verified domain and a default credential."""
    forget_everything()
    workspace = Workspace.objects.create(name=slug.title(), slug=slug, is_first=is_first, **fields)
    ensure_default_streams(workspace)
    make_domain(workspace, domain)
    actor = system_actor(workspace)
    made = credentials.create_credential(actor, name="test", is_default=True)
    return Sender(workspace, actor, made.username, made.password, made.credential.pk)


def make_domain(workspace: Workspace, name: str, status: str = DomainStatus.VERIFIED) -> SendingDomain:
    """A sending domain in this state."""
    domain = SendingDomain.objects.create(
        workspace=workspace, name=name, status=status,
        verified_at=None if status == DomainStatus.PENDING else now(),
    )
    domains.forget(workspace.pk, name)
    return domain


def letter(
    *, sender: str = f"Ann <ann@{DOMAIN}>", to: str = "bob@example.org", subject: str = "Hello",
    extra: str = "", body: str = "Hi Bob.\r\n",
) -> bytes:
    """A small message with CRLF line ends."""
    return (
        f"From: {sender}\r\nTo: {to}\r\nSubject: {subject}\r\n{extra}\r\n{body}"
    ).encode()
