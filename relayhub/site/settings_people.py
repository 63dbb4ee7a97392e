"""Settings: members, their roles, and invitations. Nobody gives or takes more than they hold."""

from __future__ import annotations

from typing import Any

from allauth.mfa.models import Authenticator
from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST

from relayhub.core import people, role_words, shown_once
from relayhub.core.access import PEOPLE_READ, PEOPLE_WRITE, Actor, get_or_absent
from relayhub.core.errors import RelayHubError
from relayhub.core.ids import Prefix
from relayhub.core.models import Member, Role
from relayhub.core.pages import PageRequest, page
from relayhub.relay.system_mail import letters_leave

_LINK = "invitation"
#: What each role is for; CONTRACT 4 "Roles".
ROLE_WORDS = {
    Role.VIEWER: _("sees everything but message bodies, keys and exports"),
    Role.MARKETER: _("as viewer, and works with contacts, lists, templates and campaigns"),
    Role.DEVELOPER: _(
        "as viewer, and sees message bodies and the sandbox, hands in messages, makes keys and credentials"
    ),
    Role.ADMIN: _("as marketer and developer, and domains, routes, suppressions, settings and people below owner"),
    Role.OWNER: _("everything, other owners included"),
}


class InviteForm(forms.Form):
    """Whom to invite, and as what."""

    email = forms.EmailField(max_length=254, label=_("E-mail address"))
    role = forms.ChoiceField(label=_("Role"), widget=forms.RadioSelect)

    def __init__(self, *args: Any, roles: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["role"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(role, f"{role_words.name_of(role)}: {ROLE_WORDS[Role(role)]}") for role in roles]


def roles_for(actor: Actor) -> list[str]:
    """The roles that the actor may give."""
    return [role for role in Role.values if people.may_give(actor, role)]


@require_http_methods(["GET", "HEAD", "POST"])
@never_cache
@page(PEOPLE_READ, write=PEOPLE_WRITE)
def settings_people(request: PageRequest) -> HttpResponse:
    """Who works here; POST invites somebody."""
    actor = request.actor
    roles = roles_for(actor)
    form = InviteForm(request.POST if request.method == "POST" else None, roles=roles, initial={"role": "viewer"})
    if form.is_bound and form.is_valid():
        try:
            made = people.invite(actor, email=form.cleaned_data["email"], role=form.cleaned_data["role"])
        except RelayHubError as exc:
            field = getattr(exc, "field", "")
            form.add_error(field if field in form.fields else None, exc.message)
        else:
            shown_once.keep(request, _LINK, {"email": made.invitation.email, "link": made.link})
            return redirect("settings-people")
    invitations = list(people.open_invitations(actor.workspace).order_by("-created_at"))
    return render(
        request, "site/settings/people.html",
        {
            "here": "people", "form": form, "entries": _lines(actor, roles), "role_words": ROLE_WORDS,
            "invitations": [{"row": row, "may_revoke": row.role in roles} for row in invitations],
            "new": shown_once.take(request, _LINK), "letters_leave": letters_leave(),
        },
        status=422 if form.is_bound else 200,
    )


def _lines(actor: Actor, roles: list[str]) -> list[dict[str, Any]]:
    members = list(people.members_of(actor.workspace).order_by("created_at"))
    owners = sum(row.role == Role.OWNER for row in members)
    ids = [row.user_id for row in members]
    secured = set(
        Authenticator.objects.filter(user__in=ids, type=Authenticator.Type.TOTP).values_list("user_id", flat=True)
    )
    return [
        {
            "row": row, "is_self": actor.user is not None and row.user_id == actor.user.pk,
            "has_second_factor": row.user_id in secured, "is_last_owner": row.role == Role.OWNER and owners == 1,
            "may_change": row.role in roles,
            "roles": [(role, role_words.name_of(role)) for role in roles] if row.role in roles else [],
        }
        for row in members
    ]


def _member_of(request: PageRequest, member_id: str) -> Member:
    return get_or_absent(people.members_of(request.actor.workspace), Prefix.MEMBER, member_id)


@require_POST
@page(PEOPLE_WRITE)
def member_role(request: PageRequest, member_id: str) -> HttpResponse:
    """Give another role."""
    member, role = _member_of(request, member_id), request.POST.get("role", "")
    people.change_role(request.actor, member, role)
    words = gettext("%(name)s is %(role)s now.")
    messages.success(request, words % {"name": member.user.label, "role": role_words.within(role)})
    return redirect("settings-people")


@require_POST
@page(PEOPLE_READ)
def member_remove(request: PageRequest, member_id: str) -> HttpResponse:
    """Take somebody, or oneself, out of the workspace."""
    member = _member_of(request, member_id)
    people.remove_member(request.actor, member)
    if member.user_id == request.user.pk:
        messages.success(request, gettext("You left %(workspace)s.") % {"workspace": request.actor.workspace.name})
        return redirect("home")
    messages.success(request, gettext("%(name)s is out of this workspace.") % {"name": member.user.label})
    return redirect("settings-people")


@require_POST
@page(PEOPLE_WRITE)
def invitation_revoke(request: PageRequest, invitation_id: str) -> HttpResponse:
    """Make an open invitation useless."""
    found = people.open_invitations(request.actor.workspace)
    row = get_or_absent(found, Prefix.INVITATION, invitation_id)
    people.revoke_invitation(request.actor, row)
    words = gettext("The invitation of %(address)s is taken back; its link opens nothing.")
    messages.success(request, words % {"address": row.email})
    return redirect("settings-people")
