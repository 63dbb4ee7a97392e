"""What may be done to a message: cancel, hold, release, try now, send again.

Each takes an empty body for the whole message, or `{"recipients": ["rcp_…"]}` for some of it.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from relayhub.core.access import get_or_absent
from relayhub.core.api.base import ApiView, StrictSerializer, parsed
from relayhub.core.errors import ConflictError, InputError
from relayhub.core.ids import Prefix, decode_id
from relayhub.core.models import Scope
from relayhub.relay import controls, many, queries, resend, subjects
from relayhub.relay.api.serializers import MAX_RECIPIENTS, accepted_body, message_body
from relayhub.relay.models import Message, Recipient


class ChosenSerializer(StrictSerializer):
    """Whom the act is for; nobody named = everybody of the message."""

    recipients = serializers.ListField(
        child=serializers.CharField(max_length=40), required=False, default=None, allow_null=True,
        max_length=MAX_RECIPIENTS,
    )


class _Act(ApiView):
    permissions: ClassVar = {"POST": Scope.MESSAGES_WRITE}

    def message(self, message_id: str) -> Message:
        """The message of the caller's workspace, or AccessError."""
        rows = Message.objects.filter(workspace=self.actor.workspace).select_related("stream", "content")
        return get_or_absent(rows, Prefix.MESSAGE, message_id)

    def chosen(self, request: Request, message: Message) -> list[Recipient] | None:
        """The recipients that the body names; None = all. InputError for one that is not of this message."""
        names: Sequence[str] | None = parsed(ChosenSerializer, request)["recipients"]
        if names is None:
            return None
        ids = [_recipient_id(name) for name in names]
        found = list(Recipient.objects.filter(message=message, pk__in=ids))
        if len(found) < len(set(ids)):
            raise InputError("One of these is no recipient of this message.", field="recipients")
        return found

    def answer(self, message: Message) -> Response:
        """The message as it stands then."""
        counts = queries.counts_of([message.pk])[message.pk]
        recipients = queries.recipients_of([message.pk])[message.pk]
        named = subjects.of_copies((message, row) for row in recipients)
        return Response(message_body(message, counts, recipients, named))


def _recipient_id(text: str) -> UUID:
    value = decode_id(Prefix.RECIPIENT, text)
    if value is None:
        raise InputError(f"“{text[:40]}” is not a recipient’s id.", field="recipients")
    return value


class CancelView(_Act):
    """POST stops what is not out yet."""

    def post(self, request: Request, message_id: str) -> Response:
        """The message as it stands then; 409 where nothing could be stopped."""
        message = self.message(message_id)
        controls.cancel_message(self.actor, message, self.chosen(request, message))
        return self.answer(message)


class HoldView(_Act):
    """POST keeps what waits back until it is released."""

    def post(self, request: Request, message_id: str) -> Response:
        """The message as it stands then; 409 where nothing waits, and for a whole campaign, which is paused instead."""
        message = self.message(message_id)
        if not controls.hold_message(self.actor, message, self.chosen(request, message)):
            raise ConflictError("Nothing waits that could be held.", code="nothing_to_hold")
        return self.answer(message)


class ReleaseView(_Act):
    """POST lets what is held, unknown or quarantined go."""

    def post(self, request: Request, message_id: str) -> Response:
        """The message as it stands then; 409 where nothing is kept back."""
        message = self.message(message_id)
        if not controls.release_message(self.actor, message, self.chosen(request, message)):
            raise ConflictError("Nothing is held, unknown or quarantined.", code="nothing_to_release")
        return self.answer(message)


class RetryView(_Act):
    """POST makes what waits for a later time due at once."""

    def post(self, request: Request, message_id: str) -> Response:
        """The message as it stands then; 409 where nothing waits for a later time."""
        message = self.message(message_id)
        if not controls.retry_message_now(self.actor, message, self.chosen(request, message)):
            raise ConflictError("Nothing waits for a later time.", code="nothing_to_retry")
        return self.answer(message)


class ResendView(_Act):
    """POST hands the same content in again, as a new message."""

    def post(self, request: Request, message_id: str) -> Response:
        """202 with the new message."""
        message = self.message(message_id)
        chosen = self.chosen(request, message)
        if chosen is None:
            chosen = queries.recipients_of([message.pk], limit_each=resend.MAX_RESENT)[message.pk]
        return Response(accepted_body(resend.resend(self.actor, message, chosen).accepted), status=202)


class ManySerializer(StrictSerializer):
    """One act on many messages and recipients."""

    act = serializers.ChoiceField(choices=many.ACTS)
    ids = serializers.ListField(child=serializers.CharField(max_length=40), min_length=1, max_length=many.MAX_PICKED)


class UndoManySerializer(StrictSerializer):
    """What an act answered as `undo`."""

    undo = serializers.CharField(max_length=40)


class ManyView(ApiView):
    """One act on up to 200 messages (`msg_…`) and recipients (`rcp_…`) at once."""

    permissions: ClassVar = {"POST": Scope.MESSAGES_WRITE}

    def post(self, request: Request) -> Response:
        """How many recipients it moved; those in no state for it, and ids of others, are passed over."""
        data = parsed(ManySerializer, request)
        done = many.carry_out(self.actor, data["act"], data["ids"])
        return Response({"moved": done.moved, "undo": done.undo_token or None})


class UndoManyView(ApiView):
    """Takes back a hold or a release, within 15 minutes."""

    permissions: ClassVar = {"POST": Scope.MESSAGES_WRITE}

    def post(self, request: Request) -> Response:
        """How many recipients went back; 409 where it is too late."""
        moved = many.undo(self.actor, parsed(UndoManySerializer, request)["undo"])
        return Response({"moved": moved, "undo": None})
