"""SMTP credentials: make, check, revoke, rotate. The password is shown once; its SHA-256 is kept."""

from __future__ import annotations

import base64
import ipaddress
import os
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from django.db import transaction
from django.utils.crypto import constant_time_compare
from django.utils.translation import gettext as _

from relayhub.core import audit, keys
from relayhub.core.access import CREDENTIALS_WRITE, Actor, require
from relayhub.core.clock import now
from relayhub.core.crypto import hash_secret, random_secret
from relayhub.core.errors import ConflictError, ForbiddenError, InputError
from relayhub.core.models import Scope, Workspace
from relayhub.relay.models import SmtpCredential, Stream

_LAST_USED_EVERY = timedelta(minutes=1)
DEFAULT_OVERLAP = keys.DEFAULT_OVERLAP


@dataclass(frozen=True, kw_only=True)
class NewCredential:
    """A credential as it is made: the only moment its password exists."""

    credential: SmtpCredential
    username: str
    password: str = field(repr=False)


def create_credential(
    actor: Actor,
    *,
    name: str,
    stream: Stream | None = None,
    is_default: bool = False,
    domains: tuple[str, ...] = (),
    networks: tuple[str, ...] = (),
    expires_at: datetime | None = None,
) -> NewCredential:
    """Make a credential; the user name is random too, so that it cannot be guessed from the other."""
    require(actor, CREDENTIALS_WRITE)
    # Whoever holds a credential hands in mail: nobody makes one who may not hand in mail.
    require(actor, Scope.MESSAGES_WRITE)
    title = " ".join(name.split())
    if not 1 <= len(title) <= 120:
        raise InputError(_("Give the credential a name of 1 to 120 characters."), field="name")
    keys.check_networks(networks)
    keys.check_expiry(expires_at)
    own_domains = keys.checked_domains(domains)
    _refuse_wider(actor, own_domains, networks, expires_at)
    username = "rh-" + base64.b32encode(os.urandom(10)).decode().lower()
    password = random_secret()
    with transaction.atomic():
        credential = SmtpCredential.objects.create(
            workspace=actor.workspace, name=title, username=username, secret_hash=hash_secret(password),
            stream=stream, is_default=is_default, domains=own_domains, networks=list(networks),
            expires_at=expires_at, created_by=actor.user,
        )
        audit.record(
            actor, "credential.created", "credential", credential.public_id, summary=title,
            after={"stream": stream.slug if stream else None, "domains": own_domains, "networks": list(networks),
                   "expires_at": expires_at},
        )
    return NewCredential(credential=credential, username=username, password=password)


def _refuse_wider(
    actor: Actor, domains: list[str], networks: tuple[str, ...], expires_at: datetime | None
) -> None:
    """ForbiddenError where a limited API key would get a wider way in; streams do not limit a credential."""
    if actor.api_key is not None and actor.api_key.streams:
        raise ForbiddenError("This key is limited to streams, which an SMTP credential cannot be.")
    keys.refuse_wider(actor, domains=domains, streams=(), networks=networks, expires_at=expires_at)


def find_credential(username: str, password: str, *, ip: str | None) -> SmtpCredential | None:
    """The living credential of these, or None: unknown, wrong, revoked, expired, or not from this address."""
    found = SmtpCredential.objects.select_related("workspace", "stream").filter(username=username[:64]).first()
    # The same work is done for an unknown name, so that the time tells nothing.
    matches = constant_time_compare(found.secret_hash if found else hash_secret(""), hash_secret(password))
    if found is None or not matches or not is_usable(found):
        return None
    if found.networks and not _is_within(found.networks, ip):
        return None
    return found


def is_usable(credential: SmtpCredential) -> bool:
    """Whether it was neither revoked nor has expired."""
    expired = credential.expires_at is not None and credential.expires_at <= now()
    return credential.revoked_at is None and not expired


def _is_within(networks: list[str], ip: str | None) -> bool:
    if ip is None:
        return False
    address = ipaddress.ip_address(ip)
    return any(address in ipaddress.ip_network(network, strict=False) for network in networks)


def default_credential() -> SmtpCredential | None:
    """What trusted networks act as: the default credential of the first workspace."""
    return (
        SmtpCredential.objects.select_related("workspace", "stream")
        .filter(workspace__is_first=True, is_default=True, revoked_at=None)
        .order_by("-created_at")
        .first()
    )


def note_use(credential: SmtpCredential) -> None:
    """Remember that it was used; writes at most once a minute."""
    moment = now()
    if credential.last_used_at is None or moment - credential.last_used_at > _LAST_USED_EVERY:
        SmtpCredential.objects.filter(pk=credential.pk).update(last_used_at=moment)
        credential.last_used_at = moment


def revoke_credential(actor: Actor, credential: SmtpCredential) -> None:
    """End a credential; open sessions notice within seconds."""
    require(actor, CREDENTIALS_WRITE)
    with transaction.atomic():
        if not SmtpCredential.objects.filter(pk=credential.pk, revoked_at=None).update(revoked_at=now()):
            raise ConflictError(_("This credential was revoked already."), code="credential_revoked")
        audit.record(actor, "credential.revoked", "credential", credential.public_id, summary=credential.name)


def rotate_credential(
    actor: Actor, credential: SmtpCredential, *, overlap: timedelta = DEFAULT_OVERLAP
) -> NewCredential:
    """Make a successor with the same limits and, where it expires, the same life; the old one works `overlap` more."""
    require(actor, CREDENTIALS_WRITE)
    keys.check_overlap(overlap)
    with transaction.atomic():
        held = SmtpCredential.objects.select_for_update().get(pk=credential.pk)  # two clicks make one successor
        if not is_usable(held):
            raise ConflictError(
                _("An ended credential cannot be rotated; make a new one."), code="credential_revoked"
            )
        if newer_of(held) is not None:
            raise ConflictError(
                _("This credential was rotated already; rotate its successor."), code="credential_replaced"
            )
        new = create_credential(
            actor, name=credential.name, stream=credential.stream, is_default=credential.is_default,
            domains=tuple(credential.domains), networks=tuple(credential.networks),
            expires_at=keys.same_life(credential.created_at, credential.expires_at),
        )
        ends = now() + overlap
        changes: dict[str, Any] = {"is_default": False}
        if credential.expires_at is None or credential.expires_at > ends:
            changes["expires_at"] = ends
        SmtpCredential.objects.filter(pk=credential.pk).update(**changes)
        audit.record(
            actor, "credential.rotated", "credential", new.credential.public_id, summary=credential.name,
            after={"replaces": credential.public_id, "old_ends_at": ends},
        )
    return new


def newer_of(credential: SmtpCredential) -> SmtpCredential | None:
    """The usable credential that replaces one which is about to end: made later under the same name."""
    if credential.expires_at is None or credential.expires_at > now() + keys.MAX_OVERLAP:
        return None
    later = SmtpCredential.objects.filter(
        workspace=credential.workspace_id, name=credential.name, created_at__gt=credential.created_at,
    )
    return next((row for row in later if is_usable(row)), None)


def credentials_of(workspace: Workspace) -> list[SmtpCredential]:
    """All of a workspace's, newest first."""
    return list(SmtpCredential.objects.filter(workspace=workspace).select_related("stream"))
