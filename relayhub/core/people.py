"""Members, roles and invitations of a workspace.

Nobody raises anybody above themselves: an admin manages people below owner, an owner everybody, and the
last owner can neither leave nor be lowered. Invitations are kept as hashes; the letter goes out through
`settings.SYSTEM_MAIL_SENDER`, and the inviter always sees the link as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction

from relayhub.core import audit
from relayhub.core.access import PEOPLE_WRITE, Actor, require
from relayhub.core.clock import now
from relayhub.core.crypto import hash_secret, random_secret
from relayhub.core.errors import AccessError, ConflictError, ForbiddenError, InputError
from relayhub.core.models import Invitation, Member, Role, User, Workspace
from relayhub.core.system_mail import SystemLetter, send_letter

INVITATION_LIFE = timedelta(days=7)


@dataclass(frozen=True, kw_only=True)
class NewInvitation:
    """An invitation as it is made, with the link that its letter carries."""

    invitation: Invitation
    link: str = field(repr=False)


def invite(actor: Actor, *, email: str, role: str) -> NewInvitation:
    """Invite somebody; an open invitation of the same address is replaced."""
    require(actor, PEOPLE_WRITE)
    _check_role(actor, role)
    address = email.strip()
    try:
        validate_email(address)
    except ValidationError as exc:
        raise InputError(f"“{address}” is not an e-mail address.", field="email") from exc
    if Member.objects.filter(workspace=actor.workspace, user__email__iexact=address).exists():
        raise ConflictError(f"{address} is a member already.", code="already_member")
    token = random_secret()
    with transaction.atomic():
        Invitation.objects.filter(
            workspace=actor.workspace, email__iexact=address, accepted_at=None, revoked_at=None
        ).update(revoked_at=now())
        invitation = Invitation.objects.create(
            workspace=actor.workspace, email=address, role=role, token_hash=hash_secret(token),
            invited_by=actor.user, expires_at=now() + INVITATION_LIFE,
        )
        audit.record(
            actor, "member.invited", "invitation", invitation.public_id, summary=f"{address} as {role}",
            after={"email": address, "role": role},
        )
        link = f"{settings.RELAYHUB_BASE_URL}/invitations/{token}"
        transaction.on_commit(lambda: _send_invitation(actor, invitation, link))
    return NewInvitation(invitation=invitation, link=link)


def _send_invitation(actor: Actor, invitation: Invitation, link: str) -> None:
    send_letter(
        SystemLetter(
            name="invitation",
            to=invitation.email,
            context={"workspace": actor.workspace.name, "inviter": actor.label, "role": invitation.role,
                     "link": link},
        )
    )


def open_invitation(token: str) -> Invitation:
    """The open invitation of a link; AccessError when unknown, used, revoked or out of time."""
    found = Invitation.objects.select_related("workspace").filter(token_hash=hash_secret(token)).first()
    if found is None or found.accepted_at or found.revoked_at or found.expires_at <= now():
        raise AccessError("This invitation does not exist, was used already, or has run out. "
                          "Ask for a new one.")
    return found


def accept_invitation(token: str, user: User) -> Member:
    """Make the person a member; the address of the account need not be the invited one."""
    with transaction.atomic():
        invitation = open_invitation(token)
        taken = Invitation.objects.filter(pk=invitation.pk, accepted_at=None).update(accepted_at=now())
        if not taken:
            raise AccessError("This invitation was used already.")
        member, made = Member.objects.get_or_create(
            workspace=invitation.workspace, user=user, defaults={"role": invitation.role}
        )
        User.objects.filter(pk=user.pk).update(last_workspace=invitation.workspace)
        if made:
            who = Actor(workspace=invitation.workspace, permissions=frozenset(), label=user.email, user=user)
            audit.record(who, "member.joined", "member", member.public_id, after={"role": member.role})
    return member


def revoke_invitation(actor: Actor, invitation: Invitation) -> None:
    """Make an open invitation useless."""
    require(actor, PEOPLE_WRITE)
    with transaction.atomic():
        open_ones = Invitation.objects.filter(pk=invitation.pk, accepted_at=None, revoked_at=None)
        if not open_ones.update(revoked_at=now()):
            raise ConflictError("This invitation is not open any more.", code="invitation_closed")
        audit.record(actor, "invitation.revoked", "invitation", invitation.public_id)


def change_role(actor: Actor, member: Member, role: str) -> None:
    """Give a member another role."""
    require(actor, PEOPLE_WRITE)
    _check_role(actor, role)
    with transaction.atomic():
        locked = Member.objects.select_for_update().get(pk=member.pk)
        _check_may_touch(actor, locked)
        if locked.role == Role.OWNER and role != Role.OWNER:
            _check_not_last_owner(locked.workspace)
        before = locked.role
        Member.objects.filter(pk=locked.pk).update(role=role)
        audit.record(
            actor, "member.role_changed", "member", member.public_id, summary=member.user.email,
            before={"role": before}, after={"role": role},
        )


def remove_member(actor: Actor, member: Member) -> None:
    """Take a member out of the workspace; people may always remove themselves, but for the last owner."""
    if actor.user is None or actor.user.pk != member.user_id:
        require(actor, PEOPLE_WRITE)
        _check_may_touch(actor, member)
    with transaction.atomic():
        locked = Member.objects.select_for_update().get(pk=member.pk)
        if locked.role == Role.OWNER:
            _check_not_last_owner(locked.workspace)
        locked.delete()
        audit.record(
            actor, "member.removed", "member", member.public_id, summary=member.user.email,
            before={"role": member.role},
        )


def _check_role(actor: Actor, role: str) -> None:
    if role not in Role.values:
        raise InputError(f"“{role}” is not a role. Roles are: {', '.join(Role.values)}.", field="role")
    if role == Role.OWNER and actor.role != Role.OWNER:
        raise ForbiddenError("Only an owner can make somebody an owner.")


def _check_may_touch(actor: Actor, member: Member) -> None:
    if member.role == Role.OWNER and actor.role != Role.OWNER:
        raise ForbiddenError("Only an owner can change or remove an owner.")


def _check_not_last_owner(workspace: Workspace) -> None:
    owners = Member.objects.select_for_update().filter(workspace=workspace, role=Role.OWNER)
    if len(owners) <= 1:
        raise ConflictError("A workspace keeps at least one owner. Make somebody else an owner first.",
                            code="last_owner")
