"""`/picture/<key>.<ending>`: a picture of a library, for whoever reads a mail that shows it."""

from __future__ import annotations

from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe

from campaigns import pictures
from campaigns.models import PICTURE_TYPES

_YEAR_SECONDS = 365 * 24 * 3600


@require_safe
def picture(request: HttpRequest, key: str, ending: str) -> HttpResponse:
    """The bytes as they are kept, never as anything but a picture; the address is of these bytes alone."""
    found = pictures.published(key, ending)
    etag = f'"{found.key}"'
    if etag in request.headers.get("If-None-Match", ""):
        return _for_ever(HttpResponse(status=304), etag)
    response = HttpResponse(pictures.bytes_of(found.file), content_type=PICTURE_TYPES[found.format])
    response["Content-Disposition"] = "inline"
    return _for_ever(response, etag)


def _for_ever(response: HttpResponse, etag: str) -> HttpResponse:
    response["ETag"] = etag
    response["Cache-Control"] = f"public, max-age={_YEAR_SECONDS}, immutable"
    response["X-Content-Type-Options"] = "nosniff"
    # Mail programs show it within pages of their own.
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    # Should a browser ever take it for a page, that page can do nothing.
    response["Content-Security-Policy"] = "default-src 'none'; sandbox"
    response.is_same_for_all = True  # type: ignore[attr-defined]
    response._csp_exempt = True  # type: ignore[attr-defined]
    return response
