"""Pages of the frame itself: switch workspaces, join one, say that there is none, remember the theme."""

from __future__ import annotations

from uuid import UUID

from django.conf import settings
from django.contrib import messages
from django.contrib.auth import login, password_validation
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect, render
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_http_methods, require_POST, require_safe

from relayhub.core import people, script_words, sessions, way_back, zones
from relayhub.core.access import get_or_absent, memberships
from relayhub.core.errors import AccessError
from relayhub.core.ids import Prefix
from relayhub.core.logos import logo_bytes
from relayhub.core.models import Invitation, User, Workspace
from relayhub.core.pages import PageRequest, back_to, page
from relayhub.core.workspaces import switch_workspace as remember_workspace

_YEAR_SECONDS = 365 * 24 * 3600
_BACKEND = "allauth.account.auth_backends.AuthenticationBackend"


@require_POST
@page()
def switch_workspace(request: PageRequest) -> HttpResponseBase:
    """Go over to another workspace of the person's."""
    own = Workspace.objects.filter(members__user=request.user)
    workspace = get_or_absent(own, Prefix.WORKSPACE, request.POST.get("workspace", ""))
    remember_workspace(request.user, workspace)
    return redirect("home")


def absent(request: HttpRequest) -> HttpResponse:
    """A page that RelayHub does not have, though a library brings it."""
    raise Http404


@require_GET
def no_workspace(request: HttpRequest) -> HttpResponse:
    """Say that the person is in no workspace."""
    if not isinstance(request.user, User):
        return redirect("account_login")
    if memberships(request.user).exists():
        return redirect("home")
    return render(request, "core/no_workspace.html")


@require_safe
def logo(request: HttpRequest, file_id: UUID) -> HttpResponse:
    """A workspace's logo, for anybody: pages for contacts and confirmation mails show it."""
    response = HttpResponse(logo_bytes(file_id), content_type="image/png")
    response["Cache-Control"] = f"public, max-age={_YEAR_SECONDS}, immutable"
    # Mail programs show it within pages of their own.
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    response.is_same_for_all = True  # type: ignore[attr-defined]
    return response


@require_safe
def words_of_scripts(request: HttpRequest, language: str, version: str) -> HttpResponse:
    """What scripts say in a language, for anybody; kept for ever under the version that it has now."""
    if language not in script_words.languages():
        raise Http404
    response = HttpResponse(script_words.script(language), content_type="text/javascript; charset=utf-8")
    # A page of another release may ask for its own version: it gets this one's, and asks again next time.
    is_current = version == script_words.version(language)
    response["Cache-Control"] = f"public, max-age={_YEAR_SECONDS}, immutable" if is_current else "no-cache"
    response.is_same_for_all = True  # type: ignore[attr-defined]
    return response


@require_POST
def forget_way_back(request: HttpRequest) -> HttpResponse:
    """Somebody does not want to be led back."""
    way_back.forget(request)
    return redirect(back_to(request, "/"))


@require_POST
def theme(request: HttpRequest) -> HttpResponse:
    """Remember light, dark, or what the device says."""
    chosen = request.POST.get("theme", "")
    answer = redirect(back_to(request, "/"))
    if chosen in {"light", "dark"}:
        answer.set_cookie("theme", chosen, max_age=_YEAR_SECONDS, samesite="Lax", secure=request.is_secure())
    else:
        answer.delete_cookie("theme")
    return answer


@require_http_methods(["GET", "HEAD", "POST"])
def invitation(request: HttpRequest, token: str) -> HttpResponse:
    """Join a workspace: with the account that is signed in, or with a new one."""
    try:
        invited = people.open_invitation(token)
    except AccessError as exc:
        return render(request, "core/invitation_closed.html", {"reason": exc.message}, status=exc.http_status)
    if isinstance(request.user, User):
        return _join(request, token, invited, request.user)
    if User.objects.filter(email__iexact=invited.email).exists():
        return render(request, "core/invitation.html", {"invitation": invited, "has_account": True})
    if request.method != "POST":
        return render(request, "core/invitation.html", {"invitation": invited})
    return _new_person(request, token, invited)


def _join(request: HttpRequest, token: str, invited: Invitation, user: User) -> HttpResponse:
    if request.method != "POST":
        return render(request, "core/invitation.html", {"invitation": invited, "person": user})
    people.accept_invitation(token, user)
    messages.success(request, _("You are in %(workspace)s now.") % {"workspace": invited.workspace.name})
    return redirect("home")


def _zone_given(request: HttpRequest, invited: Invitation) -> str:
    """The time zone that the browser told, else the workspace's."""
    told = request.POST.get("timezone", "")
    return told if told in zones.ZONES else invited.workspace.timezone


def _new_person(request: HttpRequest, token: str, invited: Invitation) -> HttpResponse:
    name = " ".join(request.POST.get("display_name", "").replace("\0", "").split())[:150]
    password = request.POST.get("password", "")
    try:
        password_validation.validate_password(password, User(email=invited.email, display_name=name))
    except ValidationError as exc:
        return render(
            request, "core/invitation.html",
            {"invitation": invited, "problems": exc.messages, "display_name": name}, status=422,
        )
    try:
        with transaction.atomic():
            user = User.objects.create_user(
                invited.email, password, display_name=name, timezone=_zone_given(request, invited),
                language=get_language() or settings.LANGUAGE_CODE,
            )
            people.accept_invitation(token, user)
    except IntegrityError:  # sent twice at once: the other one made the account
        return redirect("invitation", token)
    login(request, user, backend=_BACKEND)
    sessions.note_sign_in(request)
    messages.success(request, _("Welcome. You are in %(workspace)s now.") % {"workspace": invited.workspace.name})
    return redirect("home")
