"""Opens and clicks: read a token, tell people from machines, record, and say where a click leads.

GET and HEAD change nothing but the record of the visit. Machines are marked by simple rules and counted apart:
HEAD requests, known proxies and scanners by their names, and visits before or within seconds of the delivery, which no
person makes (THREATS T13).
"""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass
from datetime import date, timedelta

from django.db import DatabaseError

from relayhub.core.clock import now
from relayhub.core.crypto import link_keyring
from relayhub.core.models import Workspace
from relayhub.protocol.tokens import Purpose, Reference, TokenProblem, read_reference
from relayhub.relay import events_feedback
from relayhub.relay.models import Message, Recipient, RecipientStatus, TrackedLink

log = logging.getLogger(__name__)

#: Visits this soon after the delivery are a scanner's.
MACHINE_WITHIN = timedelta(seconds=8)
#: Older click tokens show their target and ask (CONTRACT 4).
STALE_AFTER = timedelta(days=730)
#: Image proxies, prefetchers and link scanners, as seen in the field in 2026.
_MACHINES = re.compile(
    r"GoogleImageProxy|YahooMailProxy|ggpht|Outlook-iOS.*Proxy|Mimecast|Barracuda|Proofpoint|SafeLinks|"
    r"Symantec|MessageLabs|TrendMicro|Cisco|IronPort|FireEye|ZScaler|Sophos|(?<!cu)bot\b|crawler|spider|preview|"
    r"python-requests|curl/|wget/|Go-http-client|okhttp|HeadlessChrome|facebookexternalhit|Slackbot",
    re.IGNORECASE,
)
#: What Apple Mail's privacy proxy sends, and nothing else does.
_BARE_MOZILLA = re.compile(r"\s*Mozilla/5\.0\s*")


@dataclass(frozen=True, kw_only=True)
class Visit:
    """Who asks, as far as can be told."""

    method: str
    user_agent: str
    ip: str | None


@dataclass(frozen=True, kw_only=True)
class Target:
    """Where a click leads; `asks` where the token is old and the person decides."""

    url: str
    asks: bool
    workspace: Workspace


def is_machine(visit: Visit, recipient: Recipient) -> bool:
    """Whether a program, not a person, made the visit."""
    if visit.method == "HEAD" or not visit.user_agent:
        return True
    if _MACHINES.search(visit.user_agent) or _BARE_MOZILLA.fullmatch(visit.user_agent):
        return True
    if recipient.finished_at is None:
        # Nobody has the mail yet: the receiver's own scanner looks at it while it is being handed over.
        return recipient.status in (RecipientStatus.LEASED, RecipientStatus.ATTEMPTING)
    return now() - recipient.finished_at < MACHINE_WITHIN


def reference(purpose: Purpose, token: str) -> Reference | None:
    """What a token refers to, or None where it is not one of ours for this purpose."""
    found = read_reference(purpose, token, link_keyring())
    return None if isinstance(found, TokenProblem) else found


def recipient_of(purpose: Purpose, token: str) -> Recipient | None:
    """The recipient of a token, with message and workspace; None where there is none."""
    found = reference(purpose, token)
    if found is None:
        return None
    rows = Recipient.objects.select_related("message", "workspace")
    return rows.filter(pk=found.id).first()


def note_open(token: str, visit: Visit) -> None:
    """Record a fetch of the pixel; a token of nobody's is let go."""
    recipient = recipient_of(Purpose.OPEN, token)
    if recipient is not None:
        events_feedback.record_open(
            recipient.pk, is_machine=is_machine(visit, recipient), detail=_detail(visit)
        )


def follow(token: str, visit: Visit) -> Target | None:
    """Record a click and say where it leads; None where the token or its link is unknown.

    The target is only ever read from the stored links, never from the request.
    """
    found = reference(Purpose.CLICK, token)
    recipient = recipient_of(Purpose.CLICK, token) if found else None
    if found is None or recipient is None:
        return None
    url = _link(recipient.message, found.link_number)
    if url is None:
        return None
    try:
        events_feedback.record_click(
            recipient.pk, link=found.link_number, url=url, is_machine=is_machine(visit, recipient),
            detail=_detail(visit),
        )
    except DatabaseError:  # such as a disk that is full: the person gets where they want to go all the same
        log.exception("tracking.click_lost", extra={"recipient": recipient.public_id})
    return Target(url=url, asks=_is_stale(found.issued_on), workspace=recipient.workspace)


def _link(message: Message, number: int) -> str | None:
    row = TrackedLink.objects.filter(content_id=message.content_id, number=number).first()
    if row is None or not row.url.lower().startswith(("http://", "https://")):
        return None
    return row.url


def _is_stale(issued_on: date) -> bool:
    return now().date() - issued_on > STALE_AFTER


def _detail(visit: Visit) -> dict[str, str]:
    detail = {"user_agent": visit.user_agent[:200]}
    return detail | ({"ip": visit.ip} if visit.ip else {})
