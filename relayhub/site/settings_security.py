"""Settings: how safely people sign in: the second factor of everybody, one’s own factors, sessions and profile."""

from __future__ import annotations

from allauth.mfa.models import Authenticator
from allauth.mfa.utils import is_mfa_enabled
from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from relayhub.core import people, sessions, workspaces, zones
from relayhub.core.errors import AccessError, RelayHubError
from relayhub.core.models import Member, Scope
from relayhub.core.pages import PageRequest, page


@require_GET
@page()
def settings_security(request: PageRequest) -> HttpResponse:
    """The second factor of the workspace, and the person's own sign-in."""
    ids = Member.objects.filter(workspace=request.actor.workspace).values_list("user_id", flat=True)
    secured = Authenticator.objects.filter(user__in=ids, type=Authenticator.Type.TOTP).values("user").distinct()
    return render(
        request, "site/settings/security.html",
        {"here": "security", "sessions": sessions.sessions_of(request, request.user),
         "has_second_factor": is_mfa_enabled(request.user), "member_count": len(ids),
         "unsecured_count": len(ids) - secured.count()},
    )


@require_POST
@page(Scope.WORKSPACE_WRITE)
def security_require(request: PageRequest) -> HttpResponse:
    """Ask every member for a second factor, or no longer."""
    wanted = request.POST.get("requires_mfa") == "1"
    workspaces.change_workspace(request.actor, requires_mfa=wanted)
    words = (
        gettext("Every member needs a second factor now.") if wanted
        else gettext("A second factor is up to each member now.")
    )
    messages.success(request, words)
    return redirect("settings-security")


@require_POST
@page()
def session_end(request: PageRequest, session_id: int) -> HttpResponse:
    """Sign out in one other place."""
    if not sessions.end_session(request.user, session_id):
        raise AccessError
    messages.success(request, gettext("Signed out there."))
    return redirect("settings-security")


@require_POST
@page()
def sessions_end(request: PageRequest) -> HttpResponse:
    """Sign out everywhere but here."""
    ended = sessions.end_all(request.user, but_key=request.session.session_key)
    words = ngettext("Signed out in %(count)s other place.", "Signed out in %(count)s other places.", ended)
    messages.success(request, words % {"count": ended})
    return redirect("settings-security")


class ProfileForm(forms.Form):
    """What a person is called, the language they read, and their zone."""

    display_name = forms.CharField(max_length=150, required=False, label=_("Your name"))
    language = forms.ChoiceField(
        choices=settings.LANGUAGES, label=_("Your language"),
        help_text=_(
            "The whole dashboard is in it, and writes numbers and dates as it does. Help and API stay English."
        ),
    )
    timezone = forms.ChoiceField(
        choices=zones.choices, label=_("Your time zone"),
        help_text=_("Times on every page are in it."),
    )


@require_http_methods(["GET", "HEAD", "POST"])
@page()
def profile(request: PageRequest) -> HttpResponse:
    """One's own name, language and zone."""
    present = {field: getattr(request.user, field) for field in ("display_name", "language", "timezone")}
    form = ProfileForm(request.POST if request.method == "POST" else None, initial=present)
    if form.is_bound and form.is_valid():
        try:
            people.change_profile(request.user, **form.cleaned_data)
        except RelayHubError as exc:
            form.add_error(None, exc.message)
        else:
            messages.success(request, gettext("Saved."))
            return redirect("profile")
    return render(
        request, "site/settings/profile.html", {"here": "profile", "nav": "settings", "form": form},
        status=422 if form.is_bound else 200,
    )
