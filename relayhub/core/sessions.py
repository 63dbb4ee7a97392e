"""Where a person is signed in: their sessions, and ending them.

A session is listed from its sign-in on (django-allauth writes the row); it is not written to at each request, so what
is known is when and from where it began.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from allauth.usersessions.models import UserSession
from django.http import HttpRequest
from django.utils.translation import gettext as _

from relayhub.core.models import User

_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("Android", "Android"), ("iPhone", "iPhone"), ("iPad", "iPad"), ("Windows", "Windows"), ("Mac OS X", "macOS"),
    ("CrOS", "ChromeOS"), ("Linux", "Linux"),
)


@dataclass(frozen=True, kw_only=True)
class OwnSession:
    """One place where the person is signed in."""

    id: int
    device: str
    ip: str
    since: datetime
    is_current: bool


def sessions_of(request: HttpRequest, user: User) -> list[OwnSession]:
    """The person's living sessions, this one first; rows of ended ones are removed."""
    key = request.session.session_key
    if not UserSession.objects.filter(session_key=key).exists():
        note_sign_in(request)
    rows = [_described(row, row.session_key == key) for row in UserSession.objects.purge_and_list(user)]
    return sorted(rows, key=lambda row: (not row.is_current, -row.since.timestamp()))


def note_sign_in(request: HttpRequest) -> None:
    """List the session that has just begun; django-allauth does it for its own sign-in."""
    UserSession.objects.create_from_request(request)


def _described(row: UserSession, is_current: bool) -> OwnSession:
    return OwnSession(
        id=row.pk, device=device_of(row.user_agent), ip=row.ip, since=row.created_at, is_current=is_current
    )


def device_of(user_agent: str) -> str:
    """“Firefox on Linux”, as far as the browser tells."""
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    system = next((name for mark, name in _SYSTEMS if mark in user_agent), "")
    if browser and system:
        return _("%(browser)s on %(system)s") % {"browser": browser, "system": system}
    return browser or system or _("A browser that does not say which")


def end_session(user: User, session_id: int) -> bool:
    """Sign the person out there; False where they have no such session."""
    row = UserSession.objects.filter(user=user, pk=session_id).first()
    if row is None:
        return False
    row.end()
    return True


def end_all(user: User, *, but_key: str | None = None) -> int:
    """Sign the person out everywhere, but for one session; how many ended."""
    rows = list(UserSession.objects.filter(user=user).exclude(session_key=but_key or ""))
    for row in rows:
        row.end()
    return len(rows)
