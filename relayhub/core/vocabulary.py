"""The words, icons and colours in which a status is shown; one table for pages, live updates and legends.

Colour is only the third sign: every status has an icon and a word. A status that is not in the table is shown
in its own word and neutral, so that a new one is never hidden.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from django.utils.translation import pgettext

from relayhub.core import spoken
from relayhub.core.languages import SOURCE


@dataclass(frozen=True, kw_only=True)
class StatusLook:
    """How one status is shown. `tone` is the class `s-<tone>` of status.css."""

    word: str
    icon: str
    tone: str


def _look(word: str, icon: str, tone: str) -> StatusLook:
    return StatusLook(word=word, icon=icon, tone=tone)


#: Recipients, events, campaigns, domains, jobs, keys and people.
STATUS_LOOKS: dict[str, StatusLook] = {
    # where a recipient stands
    "queued": _look("Queued", "clock", "queued"),
    "leased": _look("Sending", "send", "sending"),
    "attempting": _look("Sending", "send", "sending"),
    "sending": _look("Sending", "send", "sending"),
    "delivered": _look("Delivered", "circle-check", "delivered"),
    "sandboxed": _look("Kept in the sandbox", "inbox", "delivered"),
    "deferred": _look("Deferred", "clock-pause", "deferred"),
    "bounced": _look("Bounced", "circle-x", "bounced"),
    "unknown": _look("Unknown", "help-circle", "unknown"),
    "held": _look("Held", "hand-stop", "held"),
    "suppressed": _look("Suppressed", "ban", "suppressed"),
    "complained": _look("Complained", "flag", "complained"),
    "expired": _look("Expired", "hourglass", "expired"),
    "cancelled": _look("Cancelled", "x", "cancelled"),
    "quarantined": _look("Quarantined", "alert-octagon", "quarantined"),
    # events beside these
    "accepted": _look("Accepted", "mail", "queued"),
    "attempted": _look("Attempted", "send", "sending"),
    "released": _look("Released", "player-play", "sending"),
    "opened": _look("Opened", "mail-opened", "delivered"),
    "clicked": _look("Clicked", "click", "delivered"),
    "unsubscribed": _look("Unsubscribed", "user-minus", "suppressed"),
    # campaigns, jobs
    "draft": _look("Draft", "pencil", "queued"),
    "scheduled": _look("Scheduled", "calendar", "sending"),
    "preparing": _look("Preparing", "loader-2", "sending"),
    "running": _look("Running", "player-play", "sending"),
    "waiting": _look("Waiting", "clock", "queued"),
    "paused": _look("Paused", "player-pause", "held"),
    "stopped": _look("Stopped", "player-stop", "held"),
    "sent": _look("Sent", "circle-check", "delivered"),
    "done": _look("Done", "circle-check", "delivered"),
    "failed": _look("Failed", "circle-x", "bounced"),
    # findings, domains, records
    "pass": _look("Pass", "circle-check", "delivered"),
    "ok": _look("Right", "circle-check", "delivered"),
    "info": _look("Note", "info-circle", "none"),
    "warn": _look("Warning", "alert-triangle", "deferred"),
    "block": _look("Blocks", "circle-x", "bounced"),
    "verified": _look("Verified", "circle-check", "delivered"),
    "unverified": _look("Not verified", "clock-pause", "deferred"),
    "pending": _look("Pending", "clock-pause", "deferred"),
    "broken": _look("Broken", "shield-x", "bounced"),
    "wrong": _look("Wrong", "circle-x", "bounced"),
    "missing": _look("Missing", "circle-x", "bounced"),
    "healthy": _look("Healthy", "circle-check", "delivered"),
    "failing": _look("Failing", "circle-x", "bounced"),
    # people, contacts, keys, templates
    "confirmed": _look("Confirmed", "circle-check", "delivered"),
    "unconfirmed": _look("Unconfirmed", "clock-pause", "deferred"),
    "active": _look("Active", "circle-check", "delivered"),
    "published": _look("Published", "circle-check", "delivered"),
    "revoked": _look("Revoked", "x", "cancelled"),
    "archived": _look("Archived", "archive", "none"),
    "machine": _look("Machine", "robot", "none"),
    "none": _look("None", "minus", "none"),
}


def _inclined(context: str, word: str) -> tuple[str, str]:
    """Marks a word that other languages incline by what it is said of."""
    return context, word


#: (what it is said of, a word) that has forms of its own; all others are said alike of everything.
_INCLINED = frozenset({
    _inclined("status of a campaign", "Scheduled"), _inclined("status of a campaign", "Sent"),
    _inclined("status of a campaign", "Cancelled"), _inclined("status of a campaign", "Archived"),
    _inclined("status of a job", "Done"), _inclined("status of a job", "Failed"),
    _inclined("status of a job", "Cancelled"),
    _inclined("status of a key", "Revoked"), _inclined("status of a key", "Expired"),
    _inclined("status of a version", "Published"), _inclined("status of a template", "Archived"),
    _inclined("status of a domain", "Verified"), _inclined("status of a domain", "Not verified"),
    _inclined("status of a domain", "Broken"),
})


def status_look(status: str, *, of: str = "") -> StatusLook:
    """The look of a status in the present language; an unlisted one in its own word, neutral.

    `of` names what it is said of, one of campaign, job, key, version, template and domain: "annulé" is "annulée" of
    a campaign.
    """
    key = str(status or "none").lower()
    found = STATUS_LOOKS.get(key)
    if found is not None:
        if spoken.language() == SOURCE:
            return found
        said_of = f"status of a {of}"
        return replace(found, word=pgettext(said_of if (said_of, found.word) in _INCLINED else "status", found.word))
    return _look(key.replace("_", " ").replace("-", " ").capitalize(), "circle", "none")
