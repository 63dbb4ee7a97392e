"""The audit log is one chain whoever writes it, and tells its kinds workspace by workspace."""

from __future__ import annotations

import time
from types import SimpleNamespace

import pytest

from relayhub.core import audit, ids
from relayhub.core.access import system_actor
from relayhub.core.models import AuditEntry
from relayhub.site import setup

pytestmark = pytest.mark.django_db


def test_a_host_whose_clock_is_behind_does_not_break_the_chain(monkeypatch: pytest.MonkeyPatch) -> None:
    actor = system_actor(setup.new_workspace("Shop"))
    audit.record(actor, "list.created", "list", "one")
    behind = time.time_ns() - 5_000_000_000
    monkeypatch.setattr(ids, "time", SimpleNamespace(time_ns=lambda: behind))

    for name in ("two", "three"):
        audit.record(actor, "list.created", "list", name)

    assert audit.first_broken_link(actor.workspace) is None
    told = AuditEntry.objects.filter(object_type="list").order_by("id").values_list("object_id", flat=True)
    assert list(told) == ["one", "two", "three"]


def test_the_kinds_of_a_log_are_found_from_one_to_the_next() -> None:
    here, other = setup.new_workspace("Shop"), setup.new_workspace("Other")
    for kind in ("contact", "domain", "contact", "api_key", "contact"):
        audit.record(system_actor(here), f"{kind}.changed", kind, "x")
    audit.record(system_actor(other), "route.changed", "route", "x")

    assert audit.kinds(here) == ["api_key", "contact", "domain"]
    assert audit.kinds(setup.new_workspace("Empty")) == []
