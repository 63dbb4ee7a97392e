"""All that is known of one recipient, for whoever has to be shown: envelope, events, tries with their conversations,
routes that were weighed, and the DNS records of the time. Plain values, as the API answers them and a file holds
them; the content of the mail is not part of it.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from relayhub.core import languages
from relayhub.relay import display, identity, queries, story, subjects
from relayhub.relay.models import Attempt, Recipient


def of_recipient(recipient: Recipient) -> dict[str, Any]:
    """Everything, oldest first, in the language of the source, whoever asks; times are RFC 3339 with Z."""
    with languages.speaking(languages.SOURCE):
        return _of_recipient(recipient)


def _of_recipient(recipient: Recipient) -> dict[str, Any]:
    message, attempts = recipient.message, story.attempts_of(recipient)
    at = attempts[-1].started_at if attempts else recipient.accepted_at
    return {
        "message": message.public_id, "recipient": recipient.public_id, "address": recipient.address,
        "status": recipient.status, "subject": subjects.of_one(message, recipient).text, "from": message.from_header,
        "stream": message.stream.slug, "message_id": display.message_id(recipient),
        "return_path": display.return_path(recipient), "accepted_at": _moment(recipient.accepted_at),
        "accepted": story.accepted_text(message),
        "events": [
            {**queries.timeline_entry(event, recipient.address), "at": _moment(event.at)}
            for event in story.events_of(recipient)
        ],
        "attempts": [_attempt(row) for row in attempts],
        "records": {
            "domain": message.from_domain, "at": _moment(at),
            "checks": [
                {"title": verdict.title, "status": verdict.status, "text": verdict.text}
                for verdict in identity.records_at(message, at)
            ],
        },
    }


def _attempt(row: Attempt) -> dict[str, Any]:
    detail = row.detail if isinstance(row.detail, dict) else {}
    return {
        "number": row.number, "started_at": _moment(row.started_at), "ended_at": _moment(row.ended_at),
        "disposition": row.disposition, "transport": row.transport, "route": str(detail.get("route") or ""),
        "route_why": str(detail.get("route_why") or ""), "considered": list(detail.get("considered") or ()),
        "mx": list(detail.get("mx") or ()), "host": row.peer_host, "host_address": row.peer_address,
        "source_address": row.source_address, "tls": row.tls, "phase": row.phase, "reply": row.reply,
        "bounce_class": row.bounce_class, "bounce_category": row.bounce_category,
        "why": str(detail.get("why") or ""),
        "conversation": [
            {"ms": line[0], "who": str(line[1]), "text": str(line[2])}
            for line in row.transcript or () if isinstance(line, list) and len(line) == 3
        ],
    }


def _moment(value: datetime | None) -> str | None:
    return value.isoformat().replace("+00:00", "Z") if value is not None else None
