"""Domains in tests: added through the service, and what their DNS should hold."""

from __future__ import annotations

from typing import Any

from deliverability import domains
from deliverability.models import SendingDomain
from relayhub.core.access import Actor, system_actor
from relayhub.core.models import Workspace
from relayhub.relay import streams
from relayhub.relay.models import Stream, StreamKind


def make_actor(slug: str = "acme") -> Actor:
    """The system acting in a workspace of its own."""
    workspace, _ = Workspace.objects.get_or_create(slug=slug, defaults={"name": slug.title()})
    return system_actor(workspace)


def make_domain(name: str = "shop.example", *, actor: Actor | None = None) -> SendingDomain:
    """A domain that was just added."""
    doer = actor or make_actor()
    return domains.add_domain(doer, doer.workspace, name)[0]


def published(domain: SendingDomain, *, without: str = "") -> dict[str, Any]:
    """The zone in which all of a domain's records are published, but for those of one kind."""
    zone: dict[str, Any] = {domain.name: {}}
    for record in domains.records(domain):
        if record.kind != without:
            value = record.value.split() if record.type == "MX" else record.value
            zone.setdefault(record.name, {}).setdefault(record.type, []).append(value)
    return zone


def bulk_stream(actor: Actor) -> Stream:
    """The workspace's default stream for bulk mail."""
    streams.ensure_default_streams(actor.workspace)
    return streams.default_stream(actor.workspace, StreamKind.BROADCAST)
