"""The pages that a person can go to by name, and what people call them; for search and its keys.

A page's own permission decides who is offered it, so that nobody is led to a refusal.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.urls import NoReverseMatch, resolve, reverse
from django.utils.translation import gettext

from relayhub.core.access import Actor
from relayhub.core.folding import folded
from relayhub.core.pages import permission_of

_WORD = re.compile(r"[^\W_]+")


def _called(text: str) -> str:
    """Marks a page's name for the catalogues; it is translated when it is shown."""
    return text


def _also(text: str) -> str:
    """Marks other words for a page, which each language has its own of."""
    return text


@dataclass(frozen=True, kw_only=True)
class Place:
    """A page by name; `words` are others that people use for it. Both are English; `label` is what is shown."""

    page: str
    name: str
    icon: str
    words: str = ""
    #: Part of an address behind the page's own, such as "#figures".
    rest: str = ""

    @property
    def label(self) -> str:
        """Its name in the present language."""
        return gettext(self.name)

    @property
    def known_by(self) -> set[str]:
        """Every word it is found by: of the present language and English, without accents."""
        other = gettext(self.words) if self.words else ""
        return words_of(f"{self.label} {other} {self.name} {self.words}")

    @property
    def url(self) -> str:
        """Its address; "" where the product has no such page."""
        try:
            return reverse(self.page) + self.rest
        except NoReverseMatch:
            return ""


PLACES = (
    Place(page="home", name=_called("Home"), icon="home", words=_also("start overview health dashboard today")),
    Place(page="campaign-list", name=_called("Campaigns"), icon="send",
          words=_also("newsletters mailings broadcasts report")),
    Place(page="campaign-new", name=_called("New campaign"), icon="plus",
          words=_also("write send newsletter create add mailing")),
    Place(page="contact-list", name=_called("Contacts"), icon="users",
          words=_also("people subscribers recipients audience")),
    Place(page="contact-new", name=_called("New contact"), icon="plus", words=_also("add person subscriber create")),
    Place(page="import-new", name=_called("Import contacts"), icon="upload",
          words=_also("csv upload file excel spreadsheet")),
    Place(page="contact-fields", name=_called("Contact fields"), icon="users",
          words=_also("custom attributes properties columns")),
    Place(page="list-list", name=_called("Lists"), icon="list-check",
          words=_also("audiences groups subscriptions forms opt-in")),
    Place(page="list-new", name=_called("New list"), icon="plus", words=_also("add create group")),
    Place(page="template-list", name=_called("Templates"), icon="template", words=_also("designs layouts")),
    Place(page="template-new", name=_called("New template"), icon="plus",
          words=_also("add create design gallery starter")),
    Place(page="picture-list", name=_called("Pictures"), icon="photo",
          words=_also("images photos media library gallery upload files graphics")),
    Place(page="message-list", name=_called("Messages"), icon="mail",
          words=_also("log activity delivered bounced mail history")),
    Place(page="live", name=_called("Live"), icon="activity",
          words=_also("queue lanes rate workers traffic pause slow")),
    Place(page="sandbox-inbox", name=_called("Sandbox inbox"), icon="inbox", words=_also("test mail catcher preview")),
    Place(page="api-home", name=_called("API keys"), icon="code",
          words=_also("rest token developer program curl python node")),
    Place(page="api-key-new", name=_called("New API key"), icon="plus", words=_also("create token rest add")),
    Place(page="api-refused", name=_called("Refused requests"), icon="code",
          words=_also("errors failed calls log rejected denied 400 401 403 404 422 429")),
    Place(page="api-smtp", name=_called("SMTP credentials"), icon="code",
          words=_also("submission login password program host port")),
    Place(page="api-smtp-new", name=_called("New SMTP credential"), icon="plus",
          words=_also("create login password add")),
    Place(page="domain-list", name=_called("Domains"), icon="world",
          words=_also("dns dkim spf dmarc verify sender identity")),
    Place(page="domain-new", name=_called("Add domain"), icon="plus", words=_also("new verify dns sender create")),
    Place(page="suppression-list", name=_called("Suppressions"), icon="ban",
          words=_also("blocklist unsubscribed bounced not mailed")),
    Place(page="suppression-new", name=_called("Suppress an address"), icon="plus", words=_also("add block stop new")),
    Place(page="suppression-import", name=_called("Import suppressions"), icon="upload",
          words=_also("csv file blocklist upload")),
    Place(page="route-list", name=_called("Routes"), icon="route", words=_also("smarthost relay transport esp mx way")),
    Place(page="route-new", name=_called("New route"), icon="plus", words=_also("add smarthost transport create")),
    Place(page="route-go-live", name=_called("Go live"), icon="route",
          words=_also("leave sandbox production start sending real")),
    Place(page="stream-list", name=_called("Streams"), icon="route", words=_also("transactional bulk pools")),
    Place(page="job-list", name=_called("Jobs"), icon="clock",
          words=_also("progress exports imports long work downloads")),
    Place(page="settings-home", name=_called("Settings"), icon="settings",
          words=_also("workspace company postal address footer colour brand logo tracking")),
    Place(page="settings-sending", name=_called("Settings: sending"), icon="settings",
          words=_also("limits throttle pause stop emergency")),
    Place(page="settings-people", name=_called("Settings: people"), icon="settings",
          words=_also("members roles invite team users")),
    Place(page="settings-security", name=_called("Settings: security"), icon="settings",
          words=_also("two factor second mfa totp sessions password sign out")),
    Place(page="settings-audit", name=_called("Settings: audit log"), icon="settings",
          words=_also("history changes who did")),
    Place(page="profile", name=_called("Your profile"), icon="settings",
          words=_also("name zone timezone language me account")),
    Place(page="help-home", name=_called("Help"), icon="help-circle", words=_also("documentation manual guide")),
)


def places_for(actor: Actor, text: str = "") -> list[Place]:
    """Pages that fit every word of the text and that the person may open, those with it in their name first."""
    wanted = words_of(text)
    if text.strip() and not wanted:
        return []
    found = [place for place in PLACES if _fits(place, wanted) and _may_open(actor, place)]
    found.sort(key=lambda place: -_in_name(place, wanted))
    return found


def words_of(text: str) -> set[str]:
    """The words of a text as they are compared: in lower case, without accents."""
    return set(_WORD.findall(folded(text)))


def _fits(place: Place, wanted: set[str]) -> bool:
    known = place.known_by if wanted else set()
    return all(any(word.startswith(start) for word in known) for start in wanted)


def _in_name(place: Place, wanted: set[str]) -> int:
    known = words_of(f"{place.label} {place.name}") if wanted else set()
    return sum(any(word.startswith(start) for word in known) for start in wanted)


def _may_open(actor: Actor, place: Place) -> bool:
    address = place.url.partition("#")[0]
    if not address:
        return False
    permission = permission_of(resolve(address).func)
    return permission is None or actor.may(permission)
