"""Whether mail can be taken decides what /readyz answers; what is away beside that is named."""

from __future__ import annotations

import pytest
from django.test import Client

from relayhub.relay import worker_report
from relayhub.relay.worker_report import WorkerReport
from relayhub.site import health

pytestmark = pytest.mark.django_db
WELL = WorkerReport(name="here, process 1", in_hand=0, sending=0, look_seconds=0.2)


@pytest.mark.parametrize(("workers", "degraded"), [([WELL], []), (None, []), ([], ["no relay worker has reported"])])
def test_workers_that_are_away_leave_it_ready_and_are_named(
    monkeypatch: pytest.MonkeyPatch, workers: list[WorkerReport] | None, degraded: list[str]
) -> None:
    monkeypatch.setattr(health, "_listener_problems", list)
    monkeypatch.setattr(worker_report, "workers", lambda: workers)

    answer = Client().get("/readyz")

    assert answer.status_code == 200
    assert [reason.partition(";")[0] for reason in answer.json().get("degraded", [])] == degraded


def test_a_listener_that_is_away_makes_it_not_ready(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(health, "_accepts", lambda port: False)

    answer = Client().get("/readyz")

    assert answer.status_code == 503
    assert len(answer.json()["reasons"]) == 3
