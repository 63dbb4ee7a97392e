"""Help: the documents, a search over them, and a way from each to the page where the work is done."""

from __future__ import annotations

from django.http import Http404, HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_GET

from relayhub.core.access import SANDBOX
from relayhub.core.pages import PageRequest, page
from relayhub.site.help_library import REFERENCE, TASKS, library, search
from relayhub.site.needs import address

#: Where the work of a document is done, the main place last; a page that is not there is left out.
_PLACES = {
    "verify-a-domain": (("domain-list", "Domains"),),
    "go-live": (("domain-list", "Domains"), ("route-list", "Routes")),
    "import-contacts": (("contact-list", "Contacts"), ("import-new", "Import contacts")),
    "find-contacts": (("contact-list", "Contacts"),),
    "write-a-template": (("settings-home", "Brand"), ("template-list", "Templates"), ("template-new", "New template")),
    "build-a-mail": (("settings-home", "Brand"), ("template-list", "Templates"), ("template-new", "New template")),
    "first-campaign": (("settings-home", "Footer"), ("template-list", "Templates"), ("campaign-list", "Campaigns")),
    "hand-in-mail": (("sandbox-inbox", "Sandbox inbox"), ("api-home", "API")),
    "read-a-bounce": (("live", "Live"), ("suppression-list", "Suppressions"), ("message-list", "Messages")),
    "people-and-safety": (("settings-security", "Security"), ("settings-people", "People")),
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
        (address(name), words) for name, words in _PLACES.get(slug, ())
        if name not in _NEEDS or request.actor.may(_NEEDS[name])
    ]
    return render(
        request, "site/help/page.html",
        {"document": documents[slug], "places": [place for place in places if place[0]],
         "tasks": [documents[name] for name in TASKS], "reference": [documents[name] for name in REFERENCE]},
    )
