"""Figures for Prometheus are those of the rows."""

from __future__ import annotations

import re

import pytest
from django.db import connection
from django.test import Client
from rest_framework.test import APIClient

from relayhub.core.access import ALL_SCOPES, system_actor
from relayhub.core.keys import KeyLimits, create_key
from relayhub.relay import figures
from relayhub.relay.models import Recipient
from relayhub.site import metrics, setup

pytestmark = [pytest.mark.django_db, pytest.mark.servers]


def test_what_was_handed_in_is_counted_and_nobody_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(metrics, "FRESH_SECONDS", -1.0)
    workspace = setup.new_workspace("Northwind Bakery")
    key = create_key(system_actor(workspace, "test"), name="k", limits=KeyLimits(scopes=ALL_SCOPES))
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Bearer {key.text}")
    mail = {"from": "a@shop.example", "to": ["b@x.example", "c@x.example"], "subject": "s", "text": "t"}
    assert client.post("/api/v1/messages", mail, format="json").status_code == 202

    answer = Client().get("/metrics")

    text = answer.content.decode()
    assert answer["Content-Type"].startswith("text/plain")
    assert 'relayhub_events_total{stream="transactional",type="accepted"} 2.0' in text
    assert 'relayhub_recipients{status="queued"} 2.0' in text
    assert "relayhub_database_up 1.0" in text
    assert re.search(r"^relayhub_oldest_due_seconds \d", text, re.MULTILINE)
    assert not re.search("x.example|shop.example|Northwind", text)


def test_what_is_open_is_counted_without_reading_what_is_done() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")
        cursor.execute(f"EXPLAIN {figures._OPEN_SQL}")
        plan = "\n".join(row[0] for row in cursor.fetchall())

    assert "Seq Scan" not in plan
    used = {index.name for index in Recipient._meta.indexes if index.name in plan}
    # Which of two partial indexes is taken of an empty table is the planner's; neither holds what was delivered.
    assert used - {"recipient_by_trouble"} >= {"recipient_due", "recipient_in_flight"}
    assert used <= {"recipient_due", "recipient_in_flight", "recipient_set_aside", "recipient_by_trouble"}
