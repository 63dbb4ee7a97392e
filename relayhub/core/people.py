"""Members, roles and invitations of a workspace.

Nobody gives or takes a role that holds more than they do: an admin manages people below owner, an owner
everybody, a key those whose permissions it has. The last owner can neither leave nor be lowered. Invitations are
kept as hashes and end with their inviter's right to invite; the letter goes out through
`settings.SYSTEM_MAIL_SENDER`, and the inviter always sees the link as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

from allauth.mfa.models import Authenticator
from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from relayhub.core import audit, languages, role_words, zones
from relayhub.core.access import PEOPLE_WRITE, ROLE_PERMISSIONS, Actor, require
from relayhub.core.clock import now
from relayhub.core.crypto import hash_secret, random_secret
from relayhub.core.errors import AccessError, ConflictError, ForbiddenError, InputError
from relayhub.core.models import ApiKey, Invitation, Member, Role, User, Workspace
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
        raise InputError(
                _("“%(address)s” is not an e-mail address.") % {"address": address}, field="email"
            ) from exc
    if Member.objects.filter(workspace=actor.workspace, user__email__iexact=address).exists():
        raise ConflictError(_("%(address)s is a member already.") % {"address": address}, code="already_member")
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
            language=_language_of(invitation.email) or actor.workspace.language,
            context={"workspace": actor.workspace.name, "inviter": actor.label, "role": invitation.role,
                     "link": link},
        )
    )


def _language_of(email: str) -> str:
    """What the person of an address reads, where they have an account."""
    return str(User.objects.filter(email__iexact=email).values_list("language", flat=True).first() or "")


def open_invitation(token: str) -> Invitation:
    """The open invitation of a link; AccessError when unknown, used, revoked or out of time."""
    found = Invitation.objects.select_related("workspace").filter(token_hash=hash_secret(token)).first()
    if found is None or found.accepted_at or found.revoked_at or found.expires_at <= now():
        raise AccessError(_("This invitation does not exist, was used already, or has run out. Ask for a new one."))
    return found


def accept_invitation(token: str, user: User) -> Member:
    """Make the person a member; the address of the account need not be the invited one."""
    with transaction.atomic():
        invitation = open_invitation(token)
        still_open = Invitation.objects.filter(pk=invitation.pk, accepted_at=None, revoked_at=None)
        taken = still_open.update(accepted_at=now())
        if not taken:
            raise AccessError(_("This invitation was used already, or taken back."))
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
    if not may_give(actor, invitation.role):
        words = _("You cannot take back the invitation of %(role)s.")
        raise ForbiddenError(words % {"role": role_words.with_article(invitation.role)})
    with transaction.atomic():
        open_ones = Invitation.objects.filter(pk=invitation.pk, accepted_at=None, revoked_at=None)
        if not open_ones.update(revoked_at=now()):
            raise ConflictError(_("This invitation is not open any more."), code="invitation_closed")
        audit.record(
            actor, "invitation.revoked", "invitation", invitation.public_id,
            summary=f"{invitation.email} as {invitation.role}",
        )


def change_role(actor: Actor, member: Member, role: str) -> None:
    """Give a member another role."""
    require(actor, PEOPLE_WRITE)
    _check_role(actor, role)
    with transaction.atomic():
        locked = _locked(member)
        _check_may_touch(actor, locked)
        before = locked.role
        if before == role:
            return
        if before == Role.OWNER:
            _check_not_last_owner(locked.workspace)
        Member.objects.filter(pk=locked.pk).update(role=role)
        if PEOPLE_WRITE not in ROLE_PERMISSIONS[role] or before == Role.OWNER:
            _end_invitations_by(locked)
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
        locked = _locked(member)
        if locked.role == Role.OWNER:
            _check_not_last_owner(locked.workspace)
        _end_invitations_by(locked)
        locked.delete()
        audit.record(
            actor, "member.removed", "member", member.public_id, summary=member.user.email,
            before={"role": member.role},
        )


def _check_role(actor: Actor, role: str) -> None:
    if role not in Role.values:
        raise InputError(f"“{role}” is not a role. Roles are: {', '.join(Role.values)}.", field="role")
    if _is_limited(actor.api_key):
        raise ForbiddenError("This key is limited; a person is not, and so it cannot give somebody a role.")
    if not may_give(actor, role):
        words = _("You cannot make somebody %(role)s: the role holds more than you do.")
        raise ForbiddenError(words % {"role": role_words.with_article(role)})


def _check_may_touch(actor: Actor, member: Member) -> None:
    if not may_give(actor, member.role):
        words = _("You cannot change or remove %(role)s: the role holds more than you do.")
        raise ForbiddenError(words % {"role": role_words.with_article(member.role)})


def may_give(actor: Actor, role: str) -> bool:
    """Whether the actor holds all that the role does, and so may give, change and take it."""
    return actor.may(PEOPLE_WRITE) and ROLE_PERMISSIONS[role] <= actor.permissions


def _is_limited(key: ApiKey | None) -> bool:
    """Whether a key is limited in a way that no person can be, who would then get round it."""
    return key is not None and bool(key.domains or key.streams or key.networks or key.expires_at)


def _locked(member: Member) -> Member:
    """The member as it stands now; changes of one workspace's people wait for each other."""
    Workspace.objects.select_for_update(no_key=True).get(pk=member.workspace_id)
    found = Member.objects.filter(pk=member.pk).select_related("workspace", "user").first()
    if found is None:
        raise AccessError
    return found


def _end_invitations_by(member: Member) -> None:
    """Somebody who may not invite any more leaves no open door behind."""
    Invitation.objects.filter(
        workspace=member.workspace_id, invited_by=member.user_id, accepted_at=None, revoked_at=None
    ).update(revoked_at=now())


def open_invitations(workspace: Workspace) -> QuerySet[Invitation]:
    """Those that can still be accepted."""
    return Invitation.objects.filter(
        workspace=workspace, accepted_at=None, revoked_at=None, expires_at__gt=now()
    ).select_related("invited_by")


def members_of(workspace: Workspace) -> QuerySet[Member]:
    """The members, with their people."""
    return Member.objects.filter(workspace=workspace).select_related("user", "workspace")


def _check_not_last_owner(workspace: Workspace) -> None:
    if Member.objects.filter(workspace=workspace, role=Role.OWNER).count() <= 1:
        raise ConflictError(_("A workspace keeps at least one owner. Make somebody else an owner first."),
                            code="last_owner")


PROFILE_NAME_LENGTH = 150


def change_profile(user: User, *, display_name: str, timezone: str, language: str) -> None:
    """Let a person say what they are called, which language they read and in which zone they read times."""
    name = " ".join(display_name.split())
    if len(name) > PROFILE_NAME_LENGTH:
        words = _("A name has up to %(count)s characters.") % {"count": PROFILE_NAME_LENGTH}
        raise InputError(words, field="display_name")
    if timezone not in zones.ZONES:
        words = _("“%(zone)s” is not a time zone. Choose one such as Europe/Berlin.") % {"zone": timezone}
        raise InputError(words, field="timezone")
    if language not in languages.shipped():
        raise InputError(f"“{language}” is not one of: {', '.join(languages.shipped())}.", field="language")
    User.objects.filter(pk=user.pk).update(display_name=name, timezone=timezone, language=language)


def close_account(user: User, *, by: str) -> None:
    """Let the person sign in nowhere any more; what they did stays. Open sessions end at their next request."""
    _set_account(user, is_active=False, by=by, action="account.closed")


def open_account(user: User, *, by: str) -> None:
    """Let a person whose account was closed sign in again."""
    _set_account(user, is_active=True, by=by, action="account.opened")


def _set_account(user: User, *, is_active: bool, by: str, action: str) -> None:
    with transaction.atomic():
        if not User.objects.filter(pk=user.pk, is_active=not is_active).update(is_active=is_active):
            return
        _tell_workspaces(user, by, action)


def remove_second_factor(user: User, *, by: str) -> None:
    """Let a person who lost phone and recovery codes sign in with the password alone, until they set up anew."""
    with transaction.atomic():
        if not Authenticator.objects.filter(user=user).delete()[0]:
            return
        _tell_workspaces(user, by, "account.second_factor_removed")


def ask_for_new_password(user: User, *, by: str) -> None:
    """Make the person choose another password at their next page."""
    with transaction.atomic():
        if User.objects.filter(pk=user.pk, must_change_password=False).update(must_change_password=True):
            _tell_workspaces(user, by, "account.new_password_asked")


def _tell_workspaces(user: User, by: str, action: str) -> None:
    """Write a change of an account to the log of each workspace the person is in."""
    for member in Member.objects.filter(user=user).select_related("workspace"):
        who = Actor(workspace=member.workspace, permissions=frozenset(), label=by)
        audit.record(who, action, "user", user.public_id, summary=user.email)
