"""`/sandbox`: what the sandbox route kept, as the inbox of the dashboard shows it; clearing it, and undoing that.

The mail itself is read at `/messages/{id}/content?recipient=rcp_…`. What people have read is theirs: a key has
read nothing.
"""

from __future__ import annotations

from datetime import UTC
from typing import Any, ClassVar

from rest_framework.request import Request
from rest_framework.response import Response

from relayhub.core.access import SANDBOX
from relayhub.core.api.base import ApiView
from relayhub.core.api.pagination import page_by_id
from relayhub.core.clock import now
from relayhub.core.models import Scope
from relayhub.relay import sandbox, search, search_words, subjects
from relayhub.relay.api.serializers import moment
from relayhub.relay.api.views_messages import below_cursor, read_as
from relayhub.relay.models import Recipient


def _bodies(rows: list[Recipient]) -> list[dict[str, Any]]:
    named = subjects.of_recipients(rows)
    return [
        {
            "id": row.public_id, "message": row.message.public_id, "from": row.message.from_header, "to": row.address,
            "subject": named[row.pk].text, "stream": row.stream.slug, "tags": row.message.tags,
            "size_bytes": row.message.size_bytes, "kept_at": moment(row.finished_at),
        }
        for row in rows
    ]


class SandboxView(ApiView):
    """The sandbox inbox of the workspace."""

    permissions: ClassVar = {"GET": SANDBOX, "DELETE": Scope.MESSAGES_WRITE}

    def get(self, request: Request) -> Response:
        """Mails that were kept since the inbox was cleared, newest first."""
        workspace, given = self.actor.workspace, request.query_params
        reading = search.resolved(workspace, search_words.read(given.get("q", ""), now=now(), zone=UTC))
        wanted = search.Wanted(reading=reading, stream=given.get("stream", ""), below=below_cursor(request))
        look = search.recipients(workspace, wanted, within=sandbox.kept(workspace))
        page = page_by_id(request, look.rows, _bodies, back_to=look.back_to)
        return Response({**page, **read_as(reading, look)})

    def delete(self, request: Request) -> Response:
        """Take all mails out of the inbox; they stay among the messages."""
        return Response({"cleared": sandbox.clear(self.actor)})


class SandboxRestoreView(ApiView):
    """Undoes the last clearing."""

    permissions: ClassVar = {"POST": Scope.MESSAGES_WRITE}

    def post(self, request: Request) -> Response:
        """204; 409 where there is nothing to undo."""
        sandbox.restore(self.actor)
        return Response(status=204)
