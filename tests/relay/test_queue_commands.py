"""The operator's commands: look at the queue, requeue, drain."""

from __future__ import annotations

import json
from io import StringIO
from typing import Any

import pytest
from django.core.management import CommandError, call_command

from relayhub.core.clock import now
from relayhub.relay.models import Lane, Recipient
from tests.support.relay_rows import make_waiting, statuses

pytestmark = pytest.mark.django_db(transaction=True)


def run(*arguments: str) -> str:
    """What a command prints."""
    out = StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def test_inspect_queue_tells_what_waits_and_what_stops_it() -> None:
    make_waiting(["a@b.example", "b@b.example"])
    Lane.objects.update(paused_at=now())

    told = json.loads(run("inspect_queue", "--json"))

    assert told["totals"] == {"queued": 2}
    (lane,) = told["lanes"]
    assert (lane["waiting"], lane["due"], lane["stopped_by"]) == (2, 2, "lane paused")
    assert "lane paused" in run("inspect_queue")


def test_requeue_lets_quarantined_mail_go() -> None:
    (row,) = make_waiting(["a@b.example"])
    Recipient.objects.update(status="quarantined", crashes=3)

    told = run("requeue", row.public_id)

    assert told.strip() == "1 recipients requeued"
    assert statuses([row]) == {"a@b.example": "queued"}


def test_requeue_of_a_message_makes_deferred_mail_due() -> None:
    (row,) = make_waiting(["a@b.example"])
    Recipient.objects.update(status="deferred", next_attempt_at=now().replace(year=2100))

    run("requeue", "--now", row.message.public_id)

    row.refresh_from_db()
    assert row.next_attempt_at <= now()


def test_requeue_says_what_it_does_not_know() -> None:
    with pytest.raises(CommandError, match="names no message"):
        run("requeue", "msg_nothing")


def test_drain_once_delivers_to_the_sandbox(settings: Any) -> None:
    settings.RELAYHUB_DEFAULT_ROUTE = "sandbox"
    rows = make_waiting(["a@b.example"], site="sandbox")

    told = run("drain", "--once")

    assert told.strip() == "drained"
    assert statuses(rows) == {"a@b.example": "delivered"}
