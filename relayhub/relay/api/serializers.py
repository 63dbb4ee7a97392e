"""Shapes of messages, streams, routes and credentials: what comes in is checked, what goes out is written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any
from uuid import UUID

from rest_framework import serializers

from relayhub.core.api.base import StrictSerializer
from relayhub.core.ids import Prefix, encode_id
from relayhub.relay.models import Message, Recipient, Route, SmtpCredential, Stream, Tracking
from relayhub.relay.queries import message_status
from relayhub.relay.subjects import Subject
from relayhub.relay.submission import Accepted

MAX_RECIPIENTS = 1000


def moment(value: datetime | None) -> str | None:
    """RFC 3339 with Z."""
    return value.isoformat().replace("+00:00", "Z") if value else None


class OneLine(serializers.CharField):
    """Text without line breaks: it may go into a header field."""

    def to_internal_value(self, data: Any) -> str:
        """Refuse CR, LF and NUL."""
        text = str(super().to_internal_value(data))
        if any(char in text for char in "\r\n\0"):
            raise serializers.ValidationError("Write this in one line.", code="line_break")
        return text


class Mailboxes(serializers.ListField):
    """One mailbox string or a list of them."""

    child = OneLine(max_length=1000)

    def to_internal_value(self, data: Any) -> list[str]:
        """A string counts as a list of one."""
        return list(super().to_internal_value([data] if isinstance(data, str) else data))


class AttachmentSerializer(StrictSerializer):
    """A file: base64 content and its name."""

    filename = OneLine(max_length=255)
    content = serializers.CharField()
    content_type = OneLine(max_length=120, required=False, default="application/octet-stream")
    content_id = OneLine(max_length=120, required=False, default="", allow_blank=True)


class MessageSerializer(StrictSerializer):
    """A message handed in by its fields."""

    to = Mailboxes(max_length=MAX_RECIPIENTS)
    cc = Mailboxes(required=False, default=list, max_length=MAX_RECIPIENTS)
    bcc = Mailboxes(required=False, default=list, max_length=MAX_RECIPIENTS)
    reply_to = Mailboxes(required=False, default=list, max_length=20)
    subject = OneLine(required=False, allow_null=True, allow_blank=True, default=None, max_length=998,
                      trim_whitespace=False)
    text = serializers.CharField(required=False, allow_null=True, allow_blank=True, default=None,
                                 trim_whitespace=False)
    html = serializers.CharField(required=False, allow_null=True, allow_blank=True, default=None,
                                 trim_whitespace=False)
    template = serializers.CharField(required=False, allow_null=True, default=None)
    variables = serializers.DictField(required=False, allow_null=True, default=None)
    headers = serializers.DictField(child=serializers.CharField(max_length=5000), required=False, default=dict)
    attachments = AttachmentSerializer(many=True, required=False, default=list)
    stream = serializers.SlugField(required=False, allow_null=True, default=None, max_length=80)
    tags = serializers.ListField(child=OneLine(max_length=100), required=False, default=list, max_length=20)
    metadata = serializers.DictField(required=False, default=dict)
    send_at = serializers.DateTimeField(required=False, allow_null=True, default=None)
    track = serializers.ChoiceField(choices=Tracking.choices, required=False, allow_null=True, default=None)

    def get_fields(self) -> dict[str, Any]:
        """`from` is a word of Python's, so it is added here."""
        return {"from": OneLine(max_length=1000), **super().get_fields()}


class StreamSerializer(StrictSerializer):
    """A stream to make or change."""

    slug = serializers.CharField(max_length=63)
    name = OneLine(max_length=120, required=False, default="")
    kind = serializers.CharField(max_length=20, default="transactional")
    track = serializers.CharField(max_length=6, default="none")


class StreamChangeSerializer(StrictSerializer):
    """What of a stream may change."""

    name = OneLine(max_length=120, required=False)
    track = serializers.CharField(max_length=6, required=False)
    paused = serializers.BooleanField(required=False)
    reason = OneLine(max_length=300, required=False, default="", allow_blank=True)


class MatchSerializer(StrictSerializer):
    """When a rule applies; empty = always."""

    streams = serializers.ListField(child=serializers.CharField(max_length=80), required=False, default=list)
    domains = serializers.ListField(child=serializers.CharField(max_length=255), required=False, default=list)


class RouteSerializer(StrictSerializer):
    """A rule to make or change."""

    match = MatchSerializer(required=False, default=dict)
    transport = OneLine(max_length=500)
    name = OneLine(max_length=120, required=False, default="", allow_blank=True)
    weight = serializers.IntegerField(required=False, default=100)
    dkim = serializers.BooleanField(required=False, default=True)
    tls = serializers.CharField(required=False, default="opportunistic", max_length=13)
    max_connections = serializers.IntegerField(required=False, allow_null=True, default=None)
    position = serializers.IntegerField(required=False, allow_null=True, default=None, min_value=1)
    settings = serializers.DictField(child=serializers.CharField(), required=False, allow_null=True, default=None)


class CredentialSerializer(StrictSerializer):
    """An SMTP credential to make."""

    name = OneLine(max_length=120)
    stream = serializers.CharField(max_length=80, required=False, allow_null=True, default=None)
    domains = serializers.ListField(child=serializers.CharField(max_length=255), required=False, default=list)
    networks = serializers.ListField(child=serializers.CharField(max_length=64), required=False, default=list)
    expires_at = serializers.DateTimeField(required=False, allow_null=True, default=None)


class CredentialRotateSerializer(StrictSerializer):
    """How long the old password works on."""

    overlap_seconds = serializers.IntegerField(required=False, default=86_400, min_value=0, max_value=2_592_000)


def accepted_body(accepted: Accepted) -> dict[str, Any]:
    """The 202 answer."""
    counts: dict[str, int] = {}
    for recipient in accepted.recipients:
        counts[recipient.status] = counts.get(recipient.status, 0) + 1
    return {
        "id": encode_id(Prefix.MESSAGE, accepted.message_id),
        "status": message_status(counts),
        "recipients": [
            {"id": encode_id(Prefix.RECIPIENT, recipient.id), "address": recipient.address,
             "status": recipient.status}
            for recipient in accepted.recipients
        ],
    }


def recipient_body(recipient: Recipient, subject: Subject) -> dict[str, Any]:
    """A recipient as lists and messages show it; the subject is that of their copy."""
    return {
        "id": recipient.public_id, "address": recipient.address, "subject": subject.text, "status": recipient.status,
        "attempts": recipient.attempts, "reply": recipient.reply, "transport": recipient.transport or None,
        "provider": recipient.provider or None, "bounce_class": recipient.bounce_class or None,
        "hold_reason": recipient.hold_reason or None,
        "next_attempt_at": moment(recipient.next_attempt_at)
        if recipient.status in ("queued", "deferred") else None,
        "finished_at": moment(recipient.finished_at),
    }


def message_body(
    message: Message, counts: Mapping[str, int], recipients: Sequence[Recipient], subjects: Mapping[UUID, Subject]
) -> dict[str, Any]:
    """A message with its counts and first recipients; `subjects` by recipient."""
    return {
        "id": message.public_id, "status": message_status(counts), "counts": dict(counts),
        "from": message.from_header, "subject": message.subject, "stream": message.stream.slug,
        "source": message.source, "message_id": message.message_id_header, "tags": message.tags,
        "metadata": message.metadata, "track": message.track, "size_bytes": message.size_bytes,
        "send_at": moment(message.send_at), "created_at": moment(message.created_at),
        "expires_at": moment(message.expires_at), "recipient_count": message.recipient_count,
        "recipients": [recipient_body(recipient, subjects[recipient.pk]) for recipient in recipients],
    }


def stream_body(stream: Stream) -> dict[str, Any]:
    """A stream."""
    return {
        "id": stream.public_id, "slug": stream.slug, "name": stream.name, "kind": stream.kind,
        "track": stream.track, "is_default": stream.is_default, "paused_at": moment(stream.paused_at),
        "paused_reason": stream.paused_reason or None, "created_at": moment(stream.created_at),
    }


def route_body(route: Route) -> dict[str, Any]:
    """A rule, without its secret."""
    return {
        "id": route.public_id, "position": route.position, "name": route.name,
        "match": {"streams": route.match_streams, "domains": route.match_domains},
        "transport": route.transport, "weight": route.weight, "dkim": route.dkim, "tls": route.tls,
        "max_connections": route.max_connections, "has_secret": route.secret is not None,
    }


def credential_body(credential: SmtpCredential) -> dict[str, Any]:
    """A credential, without its password."""
    return {
        "id": credential.public_id, "name": credential.name, "username": credential.username,
        "stream": credential.stream.slug if credential.stream else None, "domains": credential.domains,
        "networks": credential.networks, "created_at": moment(credential.created_at),
        "last_used_at": moment(credential.last_used_at), "expires_at": moment(credential.expires_at),
        "revoked_at": moment(credential.revoked_at),
    }
