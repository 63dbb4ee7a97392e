"""The self-check says what it looked at and what is wrong."""

from __future__ import annotations

import contextlib
import io
import json

import pytest
import redis
from django.core.management import call_command

from relayhub.site import doctor

pytestmark = [pytest.mark.django_db, pytest.mark.servers]


def test_it_names_what_keeps_mail_safe() -> None:
    out = io.StringIO()
    with contextlib.suppress(SystemExit):
        call_command("doctor", "--json", stdout=out)

    checks = {check["name"]: check for check in json.loads(out.getvalue())["checks"]}

    for name in ("fsync", "synchronous_commit", "full_page_writes"):
        assert checks[f"postgres.{name}"] == {
            "name": f"postgres.{name}", "ok": True, "value": "on", "message": ""
        }
    assert checks["migrations"]["ok"]


def test_a_broker_that_is_away_fails_in_words(settings: object, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("django.conf.settings.REDIS_URL", "redis://127.0.0.1:1/0")

    found = {check.name: check for check in doctor.run()}

    assert not found["broker"].ok
    assert "cannot be looked at" in found["broker"].message


def test_a_broker_that_keeps_its_settings_to_itself_is_no_fault(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> None:
        raise redis.ResponseError("unknown command 'CONFIG'")

    monkeypatch.setattr(redis.Redis, "config_get", refuse)

    found = {check.name: check for check in doctor.run()}

    assert found["redis.version"].ok
    assert (found["redis.maxmemory_policy"].ok, found["redis.maxmemory_policy"].value) == (True, "not told")
    assert "broker" not in found
