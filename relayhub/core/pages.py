"""What every page of the dashboard goes through: signed in, a member, holding the permission.

A page names the permission that reading it needs and, where it differs, the one that changing needs. A stranger
is sent to sign in, a person without any workspace to a page that says so, a member without the permission
gets the 403 page. Services check again what they change.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any, Protocol
from urllib.parse import urlsplit

from django.conf import settings
from django.contrib.auth.views import redirect_to_login
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseNotAllowed
from django.shortcuts import redirect, render
from django.utils.http import url_has_allowed_host_and_scheme

from relayhub.core.access import Actor, require
from relayhub.core.errors import AccessError, RelayHubError
from relayhub.core.models import User

_READS = frozenset({"GET", "HEAD", "OPTIONS"})


class PageRequest(HttpRequest):
    """A request of a page: the person is known, and so is what they may do."""

    actor: Actor
    user: User


class View(Protocol):
    """A view of any request."""

    def __call__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        """Answer the request."""


def page(
    permission: str | None = None, *, write: str | None = None, methods: tuple[str, ...] = ()
) -> Callable[[Callable[..., HttpResponseBase]], View]:
    """Make a function a page of the dashboard.

    `permission` is needed to look (None: any member), `write` for POST (default: the same). `methods` limits
    the verbs, such as ("POST",).
    """

    def wrap(view: Callable[..., HttpResponseBase]) -> View:
        @wraps(view)
        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
            if not request.user.is_authenticated:
                return _to_sign_in(request)
            if methods and request.method not in (*methods, *(("HEAD",) if "GET" in methods else ())):
                return HttpResponseNotAllowed(methods)
            actor = getattr(request, "actor", None)
            if actor is None:
                return redirect("no-workspace")
            needed = permission if request.method in _READS else (write or permission)
            if needed is not None:
                require(actor, str(needed))
            return view(request, *args, **kwargs)

        guarded.is_page = True  # type: ignore[attr-defined]
        guarded.permission = permission  # type: ignore[attr-defined]
        return guarded

    return wrap


def _to_sign_in(request: HttpRequest) -> HttpResponse:
    """To sign-in and back: to the page itself, or to the page that a form was sent from.

    A part that htmx asks for must not be filled with the sign-in page: it gets 401, which the page explains. So does a
    stream of events, which cannot follow to a page.
    """
    if is_partial(request) or "text/event-stream" in request.headers.get("Accept", ""):
        return HttpResponse(status=401)
    back = request.get_full_path() if request.method in _READS else back_to(request, settings.LOGIN_REDIRECT_URL)
    return redirect_to_login(back, settings.LOGIN_URL)


def permission_of(view: object) -> str | None:
    """What looking at a page needs; None where every member may."""
    return getattr(view, "permission", None)


def is_page(view: object) -> bool:
    """Whether the view was made by `page`."""
    return bool(getattr(view, "is_page", False))


def answer_error(request: HttpRequest, error: RelayHubError) -> HttpResponse:
    """What a person sees of a refusal: 403 or 404, the page they came from with the reason, or a page of its own."""
    if isinstance(error, AccessError):
        template = "403.html" if error.http_status == 403 else "404.html"
        return render(request, template, {"exception": error.message}, status=error.http_status)
    came_from = back_to(request)
    if request.method == "POST" and came_from and not is_partial(request):
        from django.contrib import messages

        messages.error(request, error.message)
        return redirect(came_from)
    return render(request, "core/problem.html", {"problem": error}, status=error.http_status)


def is_partial(request: HttpRequest) -> bool:
    """Whether htmx asks for a part of a page."""
    return request.headers.get("HX-Request") == "true"


def back_to(request: HttpRequest, default: str = "") -> str:
    """The page of ours that the request came from, as a path; `default` where there is none."""
    referer = request.headers.get("Referer", "")
    if not url_has_allowed_host_and_scheme(referer, allowed_hosts={request.get_host()}):
        return default
    parts = urlsplit(referer)
    path = f"{parts.path}?{parts.query}" if parts.query else parts.path
    # A path of ours that begins with two slashes names another host once it stands alone.
    return path if url_has_allowed_host_and_scheme(path, allowed_hosts=None) else default
