"""Help: the documents, a search over them, and a way from each to the page where the work is done."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext, gettext_noop
from django.views.decorators.http import require_GET

from relayhub.core.access import SANDBOX
from relayhub.core.pages import PageRequest, page
from relayhub.site.help_library import REFERENCE, TASKS, library, search
from relayhub.site.needs import address

#: Where the work of a document is done, the main place last; a page that is not there is left out.
_PLACES = {
    "verify-a-domain": (("domain-list", gettext_noop("Domains")),),
    "go-live": (("domain-list", gettext_noop("Domains")), ("route-list", gettext_noop("Routes"))),
    "import-contacts": (("contact-list", gettext_noop("Contacts")), ("import-new", gettext_noop("Import contacts"))),
    "find-contacts": (("contact-list", gettext_noop("Contacts")),),
    "write-a-template": (
        ("settings-home", gettext_noop("Brand")), ("template-list", gettext_noop("Templates")),
        ("template-new", gettext_noop("New template")),
    ),
    "build-a-mail": (
        ("settings-home", gettext_noop("Brand")), ("template-list", gettext_noop("Templates")),
        ("template-new", gettext_noop("New template")),
    ),
    "first-campaign": (
        ("settings-home", gettext_noop("Footer")), ("template-list", gettext_noop("Templates")),
        ("campaign-list", gettext_noop("Campaigns")),
    ),
    "hand-in-mail": (("sandbox-inbox", gettext_noop("Sandbox inbox")), ("api-home", gettext_noop("API"))),
    "read-a-bounce": (
        ("live", gettext_noop("Live")), ("suppression-list", gettext_noop("Suppressions")),
        ("message-list", gettext_noop("Messages")),
    ),
    "people-and-safety": (("settings-security", gettext_noop("Security")), ("settings-people", gettext_noop("People"))),
}

#: Places that not everybody may open.
_NEEDS: dict[str, str] = {"sandbox-inbox": SANDBOX}


@require_GET
@page()
def help_home(request: PageRequest) -> HttpResponse:
    """What does this mean, and how is it done? With `?q=` what the documents say of it."""
    words, documents = request.GET.get("q", "").strip()[:200], library()
    return render(
        request, "site/help/home.html",
        {"words": words, "hits": search(words), "tasks": [documents[slug] for slug in TASKS],
         "reference": [documents[slug] for slug in REFERENCE]},
    )


@require_GET
@page()
def help_page(request: PageRequest, slug: str) -> HttpResponse:
    """One document."""
    documents = library()
    if slug not in documents:
        raise Http404
    places = [
        (address(name), gettext(words)) for name, words in _PLACES.get(slug, ())
        if name not in _NEEDS or request.actor.may(_NEEDS[name])
    ]
    return render(
        request, "site/help/page.html",
        {"document": documents[slug], "places": [place for place in places if place[0]],
         "tasks": [documents[name] for name in TASKS], "reference": [documents[name] for name in REFERENCE]},
    )
