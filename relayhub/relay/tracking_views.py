"""`/t/o/<token>` and `/t/c/<token>`: no cookie, no script, the same answer to every guess."""

from __future__ import annotations

import base64

from django.db import DatabaseError
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import render
from django.views.decorators.http import require_safe

from relayhub.core import languages
from relayhub.core.net import client_ip
from relayhub.relay import tracking

#: A transparent GIF of one pixel (GIF89a).
_PIXEL = base64.b64decode("R0lGODlhAQABAIAAAAAAAP///yH5BAEAAAAALAAAAAABAAEAAAIBRAA7")


def _visit(request: HttpRequest) -> tracking.Visit:
    return tracking.Visit(
        method=str(request.method), user_agent=request.headers.get("User-Agent", ""), ip=client_ip(request)
    )


@require_safe
def open_pixel(request: HttpRequest, token: str) -> HttpResponse:
    """The pixel, whatever the token; a database that is away costs only the record."""
    try:
        tracking.note_open(token, _visit(request))
    except DatabaseError:
        pass
    response = HttpResponse(_PIXEL, content_type="image/gif")
    response["Cache-Control"] = "no-store, private"
    return response


@require_safe
def click(request: HttpRequest, token: str) -> HttpResponse:
    """To the link's target; a page that says so where the token is unknown or very old."""
    target = tracking.follow(token, _visit(request))
    if target is None:
        return render(request, "public/unknown_link.html", status=404)
    if target.asks:
        with languages.speaking(languages.for_reader(request, workspace=target.workspace.language)):
            response = render(request, "public/old_link.html", {"url": target.url, "workspace": target.workspace})
            languages.say_language(response)
        return response
    response = HttpResponseRedirect(target.url)
    response["Cache-Control"] = "no-store, private"
    response["Referrer-Policy"] = "no-referrer"
    return response
