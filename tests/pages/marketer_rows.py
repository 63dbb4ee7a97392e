"""A signed-in person and the filled Demo workspace, for tests of the marketer's pages."""

from __future__ import annotations

from dataclasses import dataclass

from django.test import Client

from relayhub.core.access import Actor, actor_for_member
from relayhub.core.models import Member, Role, User, Workspace
from relayhub.relay import streams
from relayhub.site import setup


@dataclass(frozen=True, kw_only=True)
class Desk:
    """Somebody at work."""

    client: Client
    actor: Actor
    workspace: Workspace
    user: User


def desk(workspace: Workspace | None = None, *, role: str = Role.OWNER, email: str = "maja@example.com") -> Desk:
    """Sign somebody in to a workspace, a new one unless given."""
    if workspace is None:
        workspace = setup.new_workspace("Northwind Bakery")
        streams.ensure_default_streams(workspace)
    user = User.objects.create_user(email, "a long enough word 7", display_name="Maja Lindqvist")
    member = Member.objects.create(workspace=workspace, user=user, role=role)
    client = Client()
    client.force_login(user, backend="allauth.account.auth_backends.AuthenticationBackend")
    return Desk(client=client, actor=actor_for_member(member), workspace=workspace, user=user)


def reading(language: str, workspace: Workspace | None = None) -> Desk:
    """A person at a desk who reads that language."""
    at = desk(workspace)
    User.objects.filter(pk=at.user.pk).update(language=language)
    return at
