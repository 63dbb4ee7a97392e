"""Who may do what, and the only way to a tenant's rows.

A role holds a set of permissions; an API key holds the scopes it was given. Both speak one vocabulary:
the scopes of `Scope`, and a few permissions that only people can hold. Views and API call `require` and then
look rows up with `.filter(workspace=actor.workspace)`; absent and forbidden look the same to a stranger.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, TypeVar
from uuid import UUID

from django.db import models
from django.utils.translation import gettext as _

from relayhub.core import role_words
from relayhub.core.errors import AccessError, ForbiddenError
from relayhub.core.ids import Prefix, decode_id
from relayhub.core.models import ApiKey, Member, Role, Scope, User, Workspace

if TYPE_CHECKING:
    from collections.abc import Iterable

ModelT = TypeVar("ModelT", bound=models.Model)

PEOPLE_READ = str(Scope.PEOPLE_READ)
PEOPLE_WRITE = str(Scope.PEOPLE_WRITE)
AUDIT_READ = str(Scope.AUDIT_READ)
#: Permissions that no key is given by name; see `actor_for_key`.
MESSAGE_BODY = "messages.body"
SANDBOX = "sandbox.read"
EXPORTS = "exports.read"
CREDENTIALS_READ = "credentials.read"
CREDENTIALS_WRITE = "credentials.write"
OWNER_ONLY = "workspace.owner"

_VIEWER = frozenset(
    {
        Scope.MESSAGES_READ, Scope.EVENTS_READ, Scope.STATS_READ, Scope.CONTACTS_READ, Scope.LISTS_READ,
        Scope.TEMPLATES_READ, Scope.CAMPAIGNS_READ, Scope.DOMAINS_READ, Scope.SUPPRESSIONS_READ,
        Scope.STREAMS_READ, Scope.ROUTES_READ, Scope.WORKSPACE_READ, PEOPLE_READ,
    }
)
_MARKETER = _VIEWER | {
    Scope.CONTACTS_WRITE, Scope.LISTS_WRITE, Scope.TEMPLATES_WRITE, Scope.CAMPAIGNS_WRITE,
    Scope.CAMPAIGNS_LAUNCH, EXPORTS,
}
_DEVELOPER = _VIEWER | {
    MESSAGE_BODY, SANDBOX, Scope.MESSAGES_WRITE, Scope.KEYS_READ, Scope.KEYS_WRITE, CREDENTIALS_READ,
    CREDENTIALS_WRITE,
}
_ADMIN = _MARKETER | _DEVELOPER | {
    Scope.DOMAINS_WRITE, Scope.SUPPRESSIONS_WRITE, Scope.STREAMS_WRITE, Scope.ROUTES_WRITE,
    Scope.WORKSPACE_WRITE, Scope.CAMPAIGNS_OVERRIDE, PEOPLE_WRITE, AUDIT_READ,
}

#: CONTRACT section 4, "Roles".
ROLE_PERMISSIONS: dict[str, frozenset[str]] = {
    Role.VIEWER: frozenset(map(str, _VIEWER)),
    Role.MARKETER: frozenset(map(str, _MARKETER)),
    Role.DEVELOPER: frozenset(map(str, _DEVELOPER)),
    Role.ADMIN: frozenset(map(str, _ADMIN)),
    Role.OWNER: frozenset(map(str, _ADMIN | {OWNER_ONLY})),
}
ALL_SCOPES: tuple[str, ...] = tuple(Scope.values)


@dataclass(frozen=True, kw_only=True)
class Actor:
    """Who acts, in which workspace, with which permissions; what services and the audit log are given."""

    workspace: Workspace
    permissions: frozenset[str]
    #: In words that outlive the row: an address, `API key shop`, `system`.
    label: str
    user: User | None = None
    api_key: ApiKey | None = None
    role: str = ""
    ip: str | None = None

    def may(self, permission: str) -> bool:
        """Whether the permission is held."""
        return permission in self.permissions


def actor_for_member(member: Member, *, ip: str | None = None) -> Actor:
    """The actor that a signed-in person is in one workspace."""
    return Actor(
        workspace=member.workspace,
        permissions=ROLE_PERMISSIONS[member.role],
        label=member.user.email,
        user=member.user,
        role=member.role,
        ip=ip,
    )


def actor_for_key(key: ApiKey, *, ip: str | None = None) -> Actor:
    """The actor that an API key is. A key with `messages.read` may read bodies: programs have no other door."""
    scopes = set(key.scopes)
    if Scope.MESSAGES_READ in scopes:
        scopes |= {MESSAGE_BODY, SANDBOX}
    if Scope.KEYS_READ in scopes:
        scopes.add(CREDENTIALS_READ)
    if Scope.KEYS_WRITE in scopes:
        scopes.add(CREDENTIALS_WRITE)
    if Scope.CONTACTS_READ in scopes:
        scopes.add(EXPORTS)
    return Actor(
        workspace=key.workspace,
        permissions=frozenset(map(str, scopes)),
        label=f"API key {key.name}",
        api_key=key,
        ip=ip,
    )


def system_actor(workspace: Workspace, label: str = "system") -> Actor:
    """The actor of commands, sweeps and scheduled work: it may do everything."""
    return Actor(workspace=workspace, permissions=ROLE_PERMISSIONS[Role.OWNER], label=label, role=Role.OWNER)


def memberships(user: User) -> models.QuerySet[Member]:
    """The person's places, oldest workspace first."""
    return Member.objects.filter(user=user).select_related("workspace", "user").order_by("created_at", "id")


def member_for(user: User, workspace_id: UUID | None = None) -> Member:
    """The person's membership of that workspace, or of the last one used, or of the first; AccessError if none."""
    places = memberships(user)
    wanted = workspace_id or user.last_workspace_id
    member = (places.filter(workspace_id=wanted).first() if wanted else None) or (
        None if workspace_id else places.first()
    )
    if member is None:
        raise AccessError
    return member


def require(actor: Actor, permission: str) -> None:
    """ForbiddenError unless the permission is held."""
    if not actor.may(permission):
        raise ForbiddenError(_refusal(actor, permission), code="forbidden")


def _refusal(actor: Actor, permission: str) -> str:
    if actor.api_key is not None:
        words = _("This needs the permission “%(permission)s”, which this key does not have.")
    elif not actor.role:
        words = _("This needs the permission “%(permission)s”, which the role given does not have.")
    else:
        words = _("This needs the permission “%(permission)s”, which the role %(role)s does not have.")
    return words % {"permission": permission, "role": role_words.within(actor.role)}


def get_or_absent(
    queryset: models.QuerySet[ModelT], prefix: Prefix, text: str, *, field: str = "id"
) -> ModelT:
    """The row of an outside id within an already limited queryset; AccessError when absent or malformed."""
    value = decode_id(prefix, text)
    found = queryset.filter(**{field: value}).first() if value is not None else None
    if found is None:
        raise AccessError
    return found


def unknown_scopes(scopes: Iterable[str]) -> list[str]:
    """Those that are no scope of ours."""
    return sorted(set(scopes) - set(ALL_SCOPES))
