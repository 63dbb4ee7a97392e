"""`Idempotency-Key`: the same request twice is carried out once and answered alike for 72 hours.

The key's row is inserted first, in the same transaction as the work. A twin in flight blocks on the unique
index until the first commits and then reads its answer; if the first failed, the twin carries on as if it
were the first. So there is no half-done state to clean up after a kill.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from django.db import OperationalError, connection, transaction
from rest_framework.response import Response

from relayhub.core.api.exceptions import problem
from relayhub.core.clock import now
from relayhub.core.errors import InputError
from relayhub.core.models import IdempotencyRecord

if TYPE_CHECKING:
    from rest_framework.request import Request

    from relayhub.core.access import Actor

KEPT = timedelta(hours=72)
MAX_KEY_CHARACTERS = 255
_WAIT_MS = 10_000


class _Unfinished(Exception):
    """Carries an answer out of a transaction that must not be kept."""

    def __init__(self, response: Response) -> None:
        self.response = response


def key_of(request: Request) -> str | None:
    """The request's key, or None; InputError when it is too long or not plain text."""
    key = request.headers.get("Idempotency-Key")
    if key is None:
        return None
    if not 1 <= len(key) <= MAX_KEY_CHARACTERS or not key.isprintable():
        raise InputError("An idempotency key has 1 to 255 printable characters.", field="Idempotency-Key")
    return key


def carry_out_once(
    request: Request, actor: Actor, key: str, work: Callable[[], Response]
) -> Response:
    """Do the work, or give the first answer again."""
    fingerprint = _fingerprint(request)
    try:
        with transaction.atomic():
            if _claim(actor, key, fingerprint):
                return _first(actor, key, work)
    except _Unfinished as exc:
        return exc.response
    except OperationalError as exc:
        if "lock timeout" in str(exc):
            return problem(409, "idempotency_in_flight", "The same request is being carried out right now. "
                           "Ask again in a moment.", headers={"Retry-After": "2"})
        raise
    return _again(actor, key, fingerprint)


def _claim(actor: Actor, key: str, fingerprint: str) -> bool:
    moment = now()
    with connection.cursor() as cursor:
        cursor.execute(f"SET LOCAL lock_timeout = {_WAIT_MS}")
        cursor.execute(
            "DELETE FROM core_idempotencyrecord WHERE workspace_id = %s AND key = %s AND expires_at < %s",
            [actor.workspace.pk, key, moment],
        )
        cursor.execute(
            "INSERT INTO core_idempotencyrecord (workspace_id, key, fingerprint, created_at, expires_at)"
            " VALUES (%s, %s, %s, %s, %s) ON CONFLICT DO NOTHING",
            [actor.workspace.pk, key, fingerprint, moment, moment + KEPT],
        )
        claimed = bool(cursor.rowcount == 1)
        cursor.execute("SET LOCAL lock_timeout = 0")
    return claimed


def _first(actor: Actor, key: str, work: Callable[[], Response]) -> Response:
    response = work()
    if response.status_code >= 500 or response.status_code == 429:
        # Nothing was done that must not be done again: the next try is a first one.
        raise _Unfinished(response)
    IdempotencyRecord.objects.filter(workspace=actor.workspace, key=key).update(
        status=response.status_code, body={"data": response.data, "type": response.content_type}
    )
    return response


def _again(actor: Actor, key: str, fingerprint: str) -> Response:
    record = IdempotencyRecord.objects.get(workspace=actor.workspace, key=key)
    if record.fingerprint != fingerprint:
        return problem(422, "idempotency_mismatch",
                       "This idempotency key was used for another request. Use a new one.")
    kept: dict[str, Any] = record.body or {}
    return Response(
        kept.get("data"), status=record.status or 200, content_type=kept.get("type"),
        headers={"Idempotent-Replayed": "true"},
    )


def _fingerprint(request: Request) -> str:
    digest = hashlib.sha256(f"{request.method} {request.get_full_path()}\n".encode())
    digest.update(request._request.body)
    return digest.hexdigest()


