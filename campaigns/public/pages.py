"""How a page for people outside is answered: in their language, with the sender's name, colour and logo.

The language is the one a link names (`?lang=`), else the contact's own, else the browser's, else the workspace's.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from campaigns.models import Contact
from relayhub.core import languages
from relayhub.core.models import Workspace

#: What a link names a language with.
PARAMETER = "lang"


def named_language(request: HttpRequest) -> str:
    """The shipped language that the address names; "" where it names none."""
    return languages.shipped_for(request.GET.get(PARAMETER, "")[: languages.MAX_TAG])


def language_of(request: HttpRequest, *, contact: Contact | None = None, workspace: Workspace | None = None) -> str:
    """What the page is in."""
    return named_language(request) or languages.for_reader(
        request, contact=contact.language if contact else "", workspace=workspace.language if workspace else ""
    )


@contextmanager
def in_language_of(
    request: HttpRequest, *, contact: Contact | None = None, workspace: Workspace | None = None
) -> Iterator[str]:
    """Say everything within in the reader's language; gives which that is."""
    language = language_of(request, contact=contact, workspace=workspace)
    with languages.speaking(language):
        yield language


def answer(
    request: HttpRequest, template: str, context: dict[str, Any] | None = None, *, status: int = 200,
    contact: Contact | None = None,
) -> HttpResponse:
    """The page, with links to it in the other languages."""
    values = context or {}
    with in_language_of(request, contact=contact, workspace=values.get("workspace")):
        response = render(request, template, {**values, **language_links(request)}, status=status)
        languages.say_language(response)
    return response


def language_links(request: HttpRequest) -> dict[str, Any]:
    """The same page in each language, and what keeps a chosen one on the way to other pages.

    The answer to a form has no such links: they would lead back to the question.
    """
    named = named_language(request)
    others = [] if request.method == "POST" else languages.shipped().items()
    return {
        "language_links": [(tag, name, f"?{PARAMETER}={tag}") for tag, name in others],
        "keep_language": f"?{PARAMETER}={named}" if named else "",
    }
