"""The pages that a person can go to by name, and what people call them; for search and its keys.

A page's own permission decides who is offered it, so that nobody is led to a refusal.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from django.urls import NoReverseMatch, resolve, reverse

from relayhub.core.access import Actor
from relayhub.core.pages import permission_of

_WORD = re.compile(r"[^\W_]+")


@dataclass(frozen=True, kw_only=True)
class Place:
    """A page by name; `words` are others that people use for it."""

    page: str
    label: str
    icon: str
    words: str = ""
    note: str = ""
    #: Part of an address behind the page's own, such as "#figures".
    rest: str = ""

    @property
    def url(self) -> str:
        """Its address; "" where the product has no such page."""
        try:
            return reverse(self.page) + self.rest
        except NoReverseMatch:
            return ""


PLACES = (
    Place(page="home", label="Home", icon="home", words="start overview health dashboard today"),
    Place(page="campaign-list", label="Campaigns", icon="send", words="newsletters mailings broadcasts report"),
    Place(page="campaign-new", label="New campaign", icon="plus", words="write send newsletter create add mailing"),
    Place(page="contact-list", label="Contacts", icon="users", words="people subscribers recipients audience"),
    Place(page="contact-new", label="New contact", icon="plus", words="add person subscriber create"),
    Place(page="import-new", label="Import contacts", icon="upload", words="csv upload file excel spreadsheet"),
    Place(page="contact-fields", label="Contact fields", icon="users", words="custom attributes properties columns"),
    Place(page="list-list", label="Lists", icon="list-check", words="audiences groups subscriptions forms opt-in"),
    Place(page="list-new", label="New list", icon="plus", words="add create group"),
    Place(page="template-list", label="Templates", icon="template", words="designs layouts"),
    Place(page="template-new", label="New template", icon="plus", words="add create design gallery starter"),
    Place(page="picture-list", label="Pictures", icon="photo",
          words="images photos media library gallery upload files graphics"),
    Place(page="message-list", label="Messages", icon="mail", words="log activity delivered bounced mail history"),
    Place(page="live", label="Live", icon="activity", words="queue lanes rate workers traffic pause slow"),
    Place(page="sandbox-inbox", label="Sandbox inbox", icon="inbox", words="test mail catcher preview"),
    Place(page="api-home", label="API keys", icon="code", words="rest token developer program curl python node"),
    Place(page="api-key-new", label="New API key", icon="plus", words="create token rest add"),
    Place(page="api-smtp", label="SMTP credentials", icon="code", words="submission login password program host port"),
    Place(page="api-smtp-new", label="New SMTP credential", icon="plus", words="create login password add"),
    Place(page="domain-list", label="Domains", icon="world", words="dns dkim spf dmarc verify sender identity"),
    Place(page="domain-new", label="Add domain", icon="plus", words="new verify dns sender create"),
    Place(page="suppression-list", label="Suppressions", icon="ban", words="blocklist unsubscribed bounced not mailed"),
    Place(page="suppression-new", label="Suppress an address", icon="plus", words="add block stop new"),
    Place(page="suppression-import", label="Import suppressions", icon="upload", words="csv file blocklist upload"),
    Place(page="route-list", label="Routes", icon="route", words="smarthost relay transport esp mx way"),
    Place(page="route-new", label="New route", icon="plus", words="add smarthost transport create"),
    Place(page="route-go-live", label="Go live", icon="route", words="leave sandbox production start sending real"),
    Place(page="stream-list", label="Streams", icon="route", words="transactional bulk pools"),
    Place(page="job-list", label="Jobs", icon="clock", words="progress exports imports long work downloads"),
    Place(page="settings-home", label="Settings", icon="settings",
          words="workspace company postal address footer colour brand logo tracking"),
    Place(page="settings-sending", label="Settings: sending", icon="settings",
          words="limits throttle pause stop emergency"),
    Place(page="settings-people", label="Settings: people", icon="settings", words="members roles invite team users"),
    Place(page="settings-security", label="Settings: security", icon="settings",
          words="two factor second mfa totp sessions password sign out"),
    Place(page="settings-audit", label="Settings: audit log", icon="settings", words="history changes who did"),
    Place(page="profile", label="Your profile", icon="settings", words="name zone timezone language me account"),
    Place(page="help-home", label="Help", icon="help-circle", words="documentation manual guide"),
)


def places_for(actor: Actor, text: str = "") -> list[Place]:
    """Pages that fit every word of the text and that the person may open, those with it in their name first."""
    wanted = [word.casefold() for word in _WORD.findall(text)]
    if text.strip() and not wanted:
        return []
    found = [place for place in PLACES if _fits(place, wanted) and _may_open(actor, place)]
    found.sort(key=lambda place: -_in_name(place, wanted))
    return found


def _fits(place: Place, wanted: list[str]) -> bool:
    known = [word.casefold() for word in _WORD.findall(f"{place.label} {place.words}")]
    return all(any(word.startswith(start) for word in known) for start in wanted)


def _in_name(place: Place, wanted: list[str]) -> int:
    known = [word.casefold() for word in _WORD.findall(place.label)]
    return sum(any(word.startswith(start) for word in known) for start in wanted)


def _may_open(actor: Actor, place: Place) -> bool:
    address = place.url.partition("#")[0]
    if not address:
        return False
    permission = permission_of(resolve(address).func)
    return permission is None or actor.may(permission)
