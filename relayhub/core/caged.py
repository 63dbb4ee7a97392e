"""Answers that hold message content: caged, without a cookie, whatever the content says (CONTRACT 4)."""

from __future__ import annotations

from django.http import HttpResponse
from django.utils.html import escape

CAGE = (
    "sandbox allow-popups allow-popups-to-escape-sandbox; default-src 'none'; img-src https: http: data:; "
    "style-src 'unsafe-inline'; form-action 'none'"
)


def caged(html: str) -> HttpResponse:
    """Content as a page of its own that can run nothing and send nothing."""
    return caged_response(HttpResponse(html, content_type="text/html; charset=utf-8"))


def caged_text(text: str) -> HttpResponse:
    """Plain text as such a page, its lines wrapped."""
    return caged(
        "<!doctype html><meta charset='utf-8'><meta name='viewport' content='width=device-width'>"
        "<meta name='color-scheme' content='light dark'><pre dir='auto' style='max-width:80ch;margin:2rem auto;"
        f"padding:0 1rem;font:1rem/1.6 monospace;white-space:pre-wrap;overflow-wrap:anywhere'>{escape(text)}</pre>"
    )


def caged_response(response: HttpResponse) -> HttpResponse:
    """Put any answer that holds message content into the cage, downloads as well."""
    response["Content-Security-Policy"] = CAGE
    response["X-Content-Type-Options"] = "nosniff"
    response["Referrer-Policy"] = "no-referrer"
    response["Cache-Control"] = "private, no-store"
    # django-csp leaves an answer alone that names its policy itself.
    response._csp_exempt = True  # type: ignore[attr-defined]
    return response
