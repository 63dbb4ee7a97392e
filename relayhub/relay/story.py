"""The story of one recipient, from acceptance to evidence: steps for people, in the order they happened.

Read from events and attempts, which are append-only; what is still to come (a wait, the next try) is read from
the recipient's row. Nothing here changes anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import pgettext

from relayhub.core import formats
from relayhub.core.clock import now
from relayhub.core.ids import uuid7_floor
from relayhub.core.models import ApiKey
from relayhub.core.vocabulary import status_look
from relayhub.relay import causes, waits
from relayhub.relay.models import Attempt, Event, Message, Recipient, Source
from relayhub.relay.models.access import SmtpCredential
from relayhub.relay.retold import retold

#: A wait shorter than this is the ordinary way through the queue.
NOTED_WAIT = timedelta(seconds=2)
_MAX_EVENTS = 500
_WHO = {"C": "us", ">": "us", "S": "them", "<": "them"}


@dataclass(frozen=True, kw_only=True)
class Spoken:
    """One line of an SMTP conversation; `who` is us, them or note."""

    ms: int
    who: str
    code: str
    text: str
    is_hit: bool = False


@dataclass(frozen=True, kw_only=True)
class Try:
    """One attempt as its step shows it."""

    row: Attempt
    lines: tuple[Spoken, ...]
    took: str
    route: str
    route_why: str
    considered: tuple[dict[str, str], ...]
    #: Mail hosts as DNS named them, best first: (preference, name).
    mx: tuple[tuple[str, str], ...]
    tls: str
    is_open: bool


    @property
    def as_text(self) -> str:
        """The conversation as it is copied."""
        arrows = {"us": "->", "them": "<-", "note": "  "}
        return "\n".join(f"{line.ms:>6} {arrows[line.who]} {line.code}{line.text}" for line in self.lines)


@dataclass(frozen=True, kw_only=True)
class Step:
    """One entry of the timeline, as partials/_timeline.html takes it."""

    at: datetime
    status: str
    title: str
    text: str = ""
    since: str = ""
    waiting: bool = False
    style: str = "seconds"
    reply: dict[str, Any] | None = None
    body_template: str = ""
    attempt: Try | None = None
    facts: tuple[tuple[str, str], ...] = field(default=())


def attempts_of(recipient: Recipient) -> list[Attempt]:
    """Every try, oldest first."""
    rows = Attempt.objects.filter(recipient_id=recipient.pk, id__gte=_earliest(recipient))
    return list(rows.order_by("started_at", "id")[:100])


def events_of(recipient: Recipient) -> list[Event]:
    """What happened, oldest first."""
    rows = Event.objects.filter(recipient_id=recipient.pk, id__gte=_earliest(recipient))
    return list(rows.order_by("at", "id")[:_MAX_EVENTS])


def steps_of(
    recipient: Recipient, attempts: Sequence[Attempt], *, waiting_for: str = "", zone: tzinfo = UTC
) -> list[Step]:
    """The timeline, oldest first, with what is still to come at its end; times in texts are in the zone."""
    events = events_of(recipient)
    tries = {row.pk: row for row in attempts}
    last = attempts[-1].pk if attempts else None
    known = waits.known_of(recipient, attempts[-1].started_at if attempts else None, zone=zone)
    steps: list[Step] = []
    previous = recipient.accepted_at
    for event in events:
        if event.type == "attempted":
            continue
        row = tries.get(event.attempt_id) if event.attempt_id else None
        wait = _wait(previous, row, steps, recipient.message, known)
        steps += [wait] if wait else []
        steps.append(_step(event, row, recipient, previous, is_last=row is not None and row.pk == last))
        previous = row.ended_at or event.at if row is not None else event.at
    return steps + _still_to_come(recipient, waiting_for, zone)


def _earliest(recipient: Recipient) -> Any:
    """A bound that lets PostgreSQL skip the months before."""
    return uuid7_floor(recipient.accepted_at - timedelta(days=1))


def _wait(
    previous: datetime, row: Attempt | None, steps: Sequence[Step], message: Message, known: waits.Known
) -> Step | None:
    if row is None or row.started_at - previous < NOTED_WAIT:
        return None
    span = {"span": formats.duration(row.started_at - previous)}
    if steps and steps[-1].status == "deferred":
        return Step(at=previous, status="queued", waiting=True, title=_("Waited %(span)s for the next try") % span,
                    text=known.between(previous, row.started_at))
    if message.send_at is not None and message.send_at > previous:
        return Step(at=previous, status="scheduled", waiting=True, title=_("Waited %(span)s for its time") % span,
                    text=_("It was handed in with a time at which to be sent."))
    return Step(at=previous, status="queued", waiting=True, title=_("Waited %(span)s for its turn") % span,
                text=known.between(previous, row.started_at))


def _step(event: Event, row: Attempt | None, recipient: Recipient, previous: datetime, *, is_last: bool) -> Step:
    detail = event.detail if isinstance(event.detail, dict) else {}
    title, text, status = _words(event, detail, recipient, row)
    gap, facts = event.at - previous, _facts(event, detail)
    body = "relay/_message_facts.html" if facts else ""
    return Step(
        at=event.at, status=status, title=title, text=text, reply=event.reply if _has_words(event.reply) else None,
        since=f"+{formats.duration(gap)}" if timedelta(milliseconds=1) <= gap < timedelta(days=1) else "",
        body_template="relay/_message_attempt.html" if row is not None else body,
        attempt=_try(row, is_open=is_last and event.type != "delivered") if row is not None else None,
        facts=facts,
    )


def _has_words(reply: dict[str, Any] | None) -> bool:
    return bool(reply and reply.get("code"))


def _words(
    event: Event, detail: dict[str, Any], recipient: Recipient, row: Attempt | None
) -> tuple[str, str, str]:
    """(title, text, status) of an event."""
    title = _numbered(status_look(event.type).word, row)
    why, by = retold(str(detail.get("why") or "")), str(detail.get("by") or "")
    match event.type:
        case "accepted":
            return status_look("accepted").word, accepted_text(recipient.message), "accepted"
        case "delivered" if detail.get("transport") == "sandbox" or recipient.transport == "sandbox":
            return status_look("sandboxed").word, _("It did not leave this installation."), "sandboxed"
        case "delivered":
            return title, _("The next host took responsibility for it."), "delivered"
        case "deferred":
            return title, why, "deferred"
        case "bounced" if by == "report":
            return _("Bounced later"), " ".join(filter(None, (_("A bounce message came back."), why))), "bounced"
        case "bounced":
            after = _("The address is on the suppression list now.") if detail.get("suppresses") else ""
            return title, f"{why} {after}".strip(), "bounced"
        case "opened" | "clicked" if detail.get("machine"):
            if event.type == "opened":
                text = _("The pixel was fetched by a proxy or scanner; not counted.")
                return _("Opened by a machine"), text, "machine"
            return _("Clicked by a machine"), _("A link was followed by a proxy or scanner; not counted."), "machine"
        case "complained":
            return _("Marked as spam"), _("The person told their provider that this is spam."), "complained"
        case "held":
            return status_look("held").word, why or causes.hold_words(str(detail.get("reason") or "")), "held"
        case "suppressed":
            return status_look("suppressed").word, _suppressed(detail), "suppressed"
        case "released" | "cancelled":
            told = (why, _("By %(who)s.") % {"who": by} if by else "")
            return status_look(event.type).word, " ".join(filter(None, told)), event.type
        case _:
            return status_look(event.type).word, why, event.type


def _numbered(word: str, row: Attempt | None) -> str:
    if row is None:
        return word
    return _("%(outcome)s, attempt %(number)s") % {"outcome": word, "number": row.number}


def _suppressed(detail: dict[str, Any]) -> str:
    reason = str(detail.get("reason") or "").replace("_", " ")
    if not reason:
        return _("The address is on the suppression list.")
    return _("The address is on the suppression list (%(reason)s).") % {"reason": retold(reason)}


def _facts(event: Event, detail: dict[str, Any]) -> tuple[tuple[str, str], ...]:
    """Short facts of opens, clicks and reports."""
    names = {
        "url": _("Link"), "link": _("Link number"), "user_agent": _("Program"), "ip": _("Address"),
        "source": pgettext("where it came from", "Source"),
    }
    if event.type not in ("opened", "clicked", "unsubscribed", "complained"):
        return ()
    known = {key: str(value) for key, value in detail.items() if key in names and value not in (None, "")}
    if "url" in known:
        known.pop("link", None)
    return tuple((names[key], value) for key, value in known.items())


def accepted_text(message: Message) -> str:
    """Which door, who, from where, how large."""
    parts = [_door(message)]
    if message.client_ip:
        parts.append(_("from %(address)s") % {"address": message.client_ip})
    if message.size_bytes:
        parts.append(formats.size(message.size_bytes))
    resent = message.options.get("resent") if isinstance(message.options, dict) else None
    return ", ".join(parts) + "." + (" " + _("Sent again from %(message)s.") % {"message": resent} if resent else "")


def _door(message: Message) -> str:
    if message.credential_id:
        found = SmtpCredential.objects.filter(pk=message.credential_id, workspace_id=message.workspace_id).first()
        if found is None:
            return _("By SMTP with a deleted credential")
        return _("By SMTP with the credential “%(name)s”") % {"name": found.name}
    if message.api_key_id:
        key = ApiKey.objects.filter(pk=message.api_key_id, workspace_id=message.workspace_id).first()
        if key is None:
            return _("By the REST API with a deleted key")
        return _("By the REST API with the key “%(name)s”") % {"name": key.name}
    words = {
        Source.SMTP: _("By SMTP"), Source.HTTP: _("By the REST API"), Source.RAW: _("As a whole message"),
        Source.CAMPAIGN: _("From a campaign"), Source.SYSTEM: _("Written by RelayHub itself"),
    }
    door = words.get(Source(message.source), message.source)
    return _("%(door)s from a trusted network") % {"door": door} if message.is_trusted_network else door


def _try(row: Attempt, *, is_open: bool) -> Try:
    detail = row.detail if isinstance(row.detail, dict) else {}
    considered = tuple(
        {**item, "rule": retold(str(item.get("rule") or "")), "why": retold(str(item.get("why") or ""))}
        for item in detail.get("considered") or () if isinstance(item, dict)
    )
    took = formats.duration(row.ended_at - row.started_at) if row.ended_at else ""
    return Try(
        row=row, lines=_spoken(row), took=took, route=retold(str(detail.get("route") or "")),
        route_why=retold(str(detail.get("route_why") or "")), considered=considered, tls=_tls(row), is_open=is_open,
        mx=tuple((item.split()[0], item.split()[-1]) for item in map(str, detail.get("mx") or ()) if " " in item),
    )


def _tls(row: Attempt) -> str:
    if not row.tls:
        return _("No, plain text") if row.peer_host and row.transport != "sandbox" else ""
    parts = [str(row.tls.get("version") or "TLS"), str(row.tls.get("cipher") or "")]
    verified = row.tls.get("verified")
    parts.append("" if verified is None else _("certificate matches") if verified else _("certificate not checked"))
    return ", ".join(part for part in parts if part)


def _spoken(row: Attempt) -> tuple[Spoken, ...]:
    lines = [item for item in row.transcript or () if isinstance(item, list) and len(item) == 3]
    hit = _hit(lines, row)
    return tuple(
        _line(int(ms), str(who), str(text), is_hit=index == hit) for index, (ms, who, text) in enumerate(lines)
    )


def _hit(lines: Sequence[Sequence[Any]], row: Attempt) -> int | None:
    """The line that decided: the last one that begins with the reply's code."""
    code = str((row.reply or {}).get("code") or "")
    if row.disposition == "delivered" or not code:
        return None
    found = [i for i, (_ms, who, text) in enumerate(lines) if who in ("S", "<") and str(text).startswith(code)]
    return found[-1] if found else None


def _line(ms: int, who: str, text: str, *, is_hit: bool) -> Spoken:
    side = _WHO.get(who, "note")
    code, rest = "", text
    if side == "them" and text[:3].isdigit():
        code, rest = text[:3], text[3:]
    return Spoken(ms=ms, who=side, code=code, text=rest, is_hit=is_hit)


def _still_to_come(recipient: Recipient, waiting_for: str, zone: tzinfo) -> list[Step]:
    end = formats.moment_text(recipient.message.expires_at, now=now(), zone=zone)
    until = _("Given up if nobody takes it by %(time)s.") % {"time": end}
    because = _("What keeps it back: %(what)s.") % {"what": waiting_for} + " " if waiting_for else ""
    moment = recipient.next_attempt_at
    match recipient.status:
        case "deferred" | "queued" if moment > now():
            ahead = {"when": formats.relative(moment, now=now())}
            title = _("Next try %(when)s") % ahead if recipient.attempts else _("First try %(when)s") % ahead
            return [Step(at=moment, status=recipient.status, waiting=True, since=_("planned"), text=because + until,
                         title=title)]
        case "deferred" | "queued":
            return [Step(at=moment, status=recipient.status, waiting=True, title=_("Waits for its turn"),
                         since=_("due"), text=because + until)]
        case "leased" | "attempting":
            return [Step(at=recipient.lease_until or moment, status="sending", waiting=True,
                         title=_("A worker is sending it now"), since=_("at most until"))]
        case _:
            return []
