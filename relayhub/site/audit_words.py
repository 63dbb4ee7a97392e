"""The words of the audit log in the present language: acts, kinds of objects and fields, which are kept as names."""

from __future__ import annotations

import json
from datetime import datetime, tzinfo
from typing import Any

from django.utils.translation import pgettext

from relayhub.core import formats, role_words, spoken
from relayhub.core.clock import now
from relayhub.core.vocabulary import status_look

_LONGEST_VALUE = 200
#: Fields that hold a moment, kept as ISO 8601.
_MOMENTS = frozenset({"at", "expires_at", "old_ends_at"})


def _logged(word: str) -> str:
    """Marks a word for the catalogues; it is translated when it is shown."""
    return word


#: What names are made into by `words`; one that is not here is shown as it is made.
KNOWN = frozenset({
    # acts
    _logged("Account closed"), _logged("Account new password asked"), _logged("Account opened"),
    _logged("Account second factor removed"), _logged("Campaign archived"), _logged("Campaign cancelled"),
    _logged("Campaign changed"), _logged("Campaign created"), _logged("Campaign deleted"), _logged("Campaign exported"),
    _logged("Campaign launch blocked"), _logged("Campaign launched"), _logged("Campaign paused"),
    _logged("Campaign resumed"), _logged("Campaign scheduled"), _logged("Campaign test sent"),
    _logged("Campaign unarchived"), _logged("Campaign unscheduled"), _logged("Contact added"),
    _logged("Contact asked to confirm"), _logged("Contact changed"), _logged("Contact deleted"),
    _logged("Contact subscribed"), _logged("Contact unsubscribed"), _logged("Contacts deleted"),
    _logged("Contacts exported"), _logged("Contacts field set"), _logged("Contacts suppressed"),
    _logged("Contacts undone"), _logged("Credential created"), _logged("Credential revoked"),
    _logged("Credential rotated"), _logged("Domain added"), _logged("Domain broken"), _logged("Domain deleted"),
    _logged("Domain dkim rotated"), _logged("Domain pending"), _logged("Domain share revoked"),
    _logged("Domain shared"), _logged("Domain verified"), _logged("Field added"), _logged("Field deleted"),
    _logged("Field renamed"), _logged("Form changed"), _logged("Form created"), _logged("Import started"),
    _logged("Import undo started"), _logged("Import undone"), _logged("Installation sending resumed"),
    _logged("Invitation revoked"), _logged("Job cancelled"), _logged("Key created"), _logged("Key revoked"),
    _logged("Key rotated"), _logged("Lane paced"), _logged("Lane paused"), _logged("Lane resumed"),
    _logged("List archived"), _logged("List asked unconfirmed"), _logged("List changed"),
    _logged("List contacts added"), _logged("List contacts removed"), _logged("List contacts unsubscribed"),
    _logged("List created"), _logged("List restored"), _logged("List undone"), _logged("Member invited"),
    _logged("Member joined"), _logged("Member removed"), _logged("Member role changed"), _logged("Message cancelled"),
    _logged("Message held"), _logged("Message released"), _logged("Message resent"), _logged("Message retried"),
    _logged("Picture changed"), _logged("Picture deleted"), _logged("Picture uploaded"), _logged("Recipients released"),
    _logged("Route changed"), _logged("Route created"), _logged("Route deleted"), _logged("Route moved"),
    _logged("Sandbox cleared"), _logged("Sandbox restored"), _logged("Stream changed"), _logged("Stream created"),
    _logged("Stream deleted"), _logged("Stream paused"), _logged("Stream resumed"), _logged("Suppression added"),
    _logged("Suppression imported"), _logged("Suppression lifted"), _logged("Suppression restored"),
    _logged("Template archived"), _logged("Template created"), _logged("Template deleted"),
    _logged("Template draft saved"), _logged("Template published"), _logged("Template renamed"),
    _logged("Template restored"), _logged("Template sample changed"), _logged("Template test sent"),
    _logged("Template unarchived"), _logged("View changed"), _logged("View deleted"), _logged("View saved"),
    _logged("Workspace changed"), _logged("Workspace logo removed"), _logged("Workspace logo set"),
    _logged("Workspace sending resumed"), _logged("Workspace sending stopped"),
    # kinds of objects
    _logged("Campaign"), _logged("Contact"), _logged("Credential"), _logged("Domain"), _logged("Field"),
    _logged("Form"), _logged("Import"), _logged("Installation"), _logged("Invitation"), _logged("Job"), _logged("Key"),
    _logged("Lane"), _logged("List"), _logged("Member"), _logged("Message"), _logged("Picture"), _logged("Recipient"),
    _logged("Route"), _logged("Sandbox"), _logged("Stream"), _logged("Suppression"), _logged("Template"),
    _logged("User"), _logged("View"), _logged("Workspace"),
    # fields
    _logged("Act"), _logged("Adds footer"), _logged("Address"), _logged("Alternative text"), _logged("At"),
    _logged("Audience"), _logged("Brand colour"), _logged("Brand font"), _logged("Button"), _logged("Company"),
    _logged("Contacts"), _logged("Count"), _logged("Description"), _logged("Domains"), _logged("Email"),
    _logged("Expires at"), _logged("Field keys"), _logged("Footer html"), _logged("From header"),
    _logged("Has archive"), _logged("Is enabled"), _logged("Is public"), _logged("Kind"), _logged("Label"),
    _logged("Language"), _logged("Left out"), _logged("Lists"), _logged("Max attachment mib"), _logged("Name"),
    _logged("Networks"), _logged("Old ends at"), _logged("Opt in"), _logged("Override"), _logged("Position"),
    _logged("Postal address"), _logged("Query"), _logged("Reason"), _logged("Refused attachments"), _logged("Removed"),
    _logged("Replaces"), _logged("Restored"), _logged("Kept"), _logged("Requires mfa"), _logged("Role"),
    _logged("Scope"), _logged("Scopes"), _logged("Share"), _logged("Shown by"), _logged("Size bytes"),
    _logged("Source"), _logged("Status"), _logged("Streams"), _logged("Text"), _logged("Timezone"), _logged("Title"),
    _logged("To"), _logged("Track"), _logged("Transport"), _logged("Type"), _logged("Url"), _logged("Value"),
    _logged("Weight"),
})


def words(name: str) -> str:
    """`sending_stopped` as “Sending stopped”."""
    plain = name.replace(".", " ").replace("_", " ").capitalize()
    return pgettext("audit log", plain) if plain in KNOWN else plain


def value(field: str, kept: Any, zone: tzinfo) -> str:
    """A value of a field as somebody in that zone reads it; a dash for none, cut where it is long."""
    if is_empty(kept):
        return formats.MISSING
    text = _moment(kept, zone) if field in _MOMENTS else _text(field, kept)
    return text if len(text) <= _LONGEST_VALUE else f"{text[:_LONGEST_VALUE]}…"


def is_empty(kept: Any) -> bool:
    """Whether there is nothing to say of it."""
    return kept in (None, "", [], {})


def _text(field: str, kept: Any) -> str:
    if isinstance(kept, bool):
        return pgettext("audit log", "yes") if kept else pgettext("audit log", "no")
    if isinstance(kept, int):
        return formats.number(kept)
    if isinstance(kept, list) and all(isinstance(part, str) for part in kept):
        return ", ".join(kept)
    if not isinstance(kept, str):
        return json.dumps(kept, ensure_ascii=False)
    return {"role": role_words.within, "status": _status}.get(field, str)(kept)


def _moment(kept: Any, zone: tzinfo) -> str:
    """A moment; as it was kept where it is none."""
    try:
        moment = datetime.fromisoformat(str(kept))
    except ValueError:
        return str(kept)
    return formats.moment_text(moment, now=now(), zone=zone, style="inline")


def _status(kept: str) -> str:
    return spoken.within(status_look(kept).word)
