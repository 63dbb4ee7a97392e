"""Which language is spoken, and who acts: sets `request.actor`, and sends people first where safety needs them.

Somebody with a first password changes it before anything else; where the workspace (or production, for
staff) asks for a second factor, they set one up. Refusals of services become pages here.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from allauth.account.signals import password_changed, password_reset, password_set
from allauth.mfa.utils import is_mfa_enabled
from django.conf import settings
from django.contrib import messages
from django.dispatch import receiver
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import redirect
from django.utils.translation import gettext as _

from relayhub.core import languages
from relayhub.core.access import Actor, actor_for_member, member_for
from relayhub.core.errors import AccessError, RelayHubError
from relayhub.core.models import User
from relayhub.core.net import bearer_of, client_ip
from relayhub.core.pages import answer_error, is_page

#: Programs' door: it finds its own actor.
_API = "/api/"
_ADMIN = "/admin/"


class PlainQueryMiddleware:
    """Takes NUL out of what an address asks: no text of ours has one, and PostgreSQL would refuse to look for it."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Before anybody has read the query."""
        query = request.META.get("QUERY_STRING", "")
        if "%00" in query:
            request.META["QUERY_STRING"] = query.replace("%00", "")
        return self.get_response(request)


class PlainFormMiddleware:
    """The same for what a form says: every page finds its text without NUL. Programs' bodies see `core.api.parsers`."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Nothing is read yet: whoever asks for an upload may still say how it is taken."""
        return self.get_response(request)

    def process_view(self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any) -> None:
        """Read the form once and take the NULs out, keys as well."""
        if request.method != "POST" or request.path.startswith(_API):
            return
        given = request.POST
        if not any("\0" in text for key, values in given.lists() for text in (key, *values)):
            return
        plain = QueryDict(mutable=True, encoding=given.encoding)
        for key, values in given.lists():
            plain.setlistdefault(key.replace("\0", "")).extend(value.replace("\0", "") for value in values)
        plain._mutable = False
        request.POST = plain  # type: ignore[assignment]


class SameForAllMiddleware:
    """Lets every cache keep one copy of an answer that is the same for everybody: pictures of mails."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Take away what would make a cache keep one for each cookie and language."""
        response = self.get_response(request)
        if getattr(response, "is_same_for_all", False):
            del response["Vary"], response["Content-Language"]
        return response


class LanguageMiddleware:
    """Speaks the language of a signed-in person, else the browser's; programs are answered in English."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Answer in it. Pages for contacts choose anew, by what is known of the contact."""
        with languages.speaking(_language(request)):
            response = self.get_response(request)
            languages.say_language(response)
        return response


def _language(request: HttpRequest) -> str:
    if request.path.startswith(_API):
        return languages.SOURCE
    own = request.user.language if isinstance(request.user, User) else ""
    return languages.shipped_for(own) or languages.asked_for(request) or languages.SOURCE


class ActorMiddleware:
    """Gives every request of a signed-in person its actor."""

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """Find the actor, then go on."""
        request.actor = None if request.path.startswith(_API) else _actor(request)  # type: ignore[attr-defined]
        return self.get_response(request)

    def process_view(
        self, request: HttpRequest, view: Callable[..., Any], args: Any, kwargs: Any
    ) -> HttpResponse | None:
        """Send people to what safety asks of them before they see a page."""
        by_session = request.path.startswith(_API) and bearer_of(request) is None
        if not (is_page(view) or by_session or request.path.startswith(_ADMIN)):
            return None
        user = request.user
        if not isinstance(user, User):
            return None
        if user.must_change_password:
            messages.info(request, _("Choose a password of your own before you go on."))
            return redirect("account_change_password")
        actor = _actor(request) if by_session else getattr(request, "actor", None)
        if _needs_second_factor(user, actor) and not is_mfa_enabled(user):
            messages.info(request, _("This workspace asks for a second factor. Set one up to go on."))
            return redirect("mfa_activate_totp")
        return None

    def process_exception(self, request: HttpRequest, exception: Exception) -> HttpResponse | None:
        """Turn a service's refusal into a page."""
        if isinstance(exception, RelayHubError) and not request.path.startswith(_API):
            return answer_error(request, exception)
        return None


def _actor(request: HttpRequest) -> Actor | None:
    if not isinstance(request.user, User):
        return None
    try:
        member = member_for(request.user)
    except AccessError:
        return None
    return actor_for_member(member, ip=client_ip(request))


def _needs_second_factor(user: User, actor: Actor | None) -> bool:
    if settings.IS_PRODUCTION and user.is_staff:
        return True
    return actor is not None and actor.workspace.requires_mfa


@receiver([password_changed, password_reset, password_set])
def own_password_chosen(user: User, **__: Any) -> None:
    """The person chose a password: the first one is forgotten."""
    User.objects.filter(pk=user.pk, must_change_password=True).update(must_change_password=False)
