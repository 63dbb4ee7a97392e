"""Two at once, each on a connection of its own: what one has begun the other waits for, and nothing is lost or torn."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection, transaction

from campaigns import bulk, contacts, importer, lists, subscriptions
from campaigns.contacts import Evidence, add_contact
from campaigns.models import Contact, ContactImport, Subscription
from relayhub.core import jobs
from relayhub.core.access import Actor, system_actor
from relayhub.core.models import Job
from relayhub.site import setup
from tests.support.waiting import until

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.servers]


class Beside:
    """Work on another connection; `started` returns once it waits for a lock or has ended."""

    def __init__(self, work: Callable[[], object]) -> None:
        self.problem: Exception | None = None
        self._work, self._pid = work, 0
        self._thread = threading.Thread(target=self._run)

    def _run(self) -> None:
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT pg_backend_pid()")
                self._pid = cursor.fetchone()[0]
            self._work()
        except Exception as exc:
            self.problem = exc
        finally:
            connection.close()

    def started(self) -> None:
        """Begin it."""
        self._thread.start()
        until(lambda: not self._thread.is_alive() or self._waits(), "it waits for a lock or has ended")

    def _waits(self) -> bool:
        with connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM pg_locks WHERE pid = %s AND NOT granted", [self._pid])
            return bool(cursor.fetchone()[0])

    def ended(self) -> None:
        """Wait for its end."""
        self._thread.join(timeout=30)
        assert not self._thread.is_alive()


@pytest.fixture
def actor() -> Actor:
    return system_actor(setup.new_workspace("Shop"))


def an_import(actor: Actor, data: bytes) -> ContactImport:
    return importer.start_import(actor, importer.ImportRequest(file_name="x.csv"), [data])


def test_two_imports_of_the_same_people_take_turns(actor: Actor) -> None:
    first = an_import(actor, b"email,name\na@x.example,Ann\nb@x.example,Bo\n")
    second = an_import(actor, b"email,name\nb@x.example,Bob\na@x.example,Ann\n")
    beside = Beside(lambda: jobs.run_job(second.pk))

    with transaction.atomic():
        jobs.run_job(first.pk)
        beside.started()
    beside.ended()

    assert beside.problem is None
    assert set(Job.objects.values_list("status", flat=True)) == {"done"}
    second.refresh_from_db()
    assert (second.created, second.updated, second.unchanged) == (0, 1, 1)
    assert set(Contact.objects.values_list("name", flat=True)) == {"Ann", "Bob"}


def test_nothing_comes_to_hang_on_a_contact_that_is_going(actor: Actor) -> None:
    news = lists.create_list(actor, name="News")
    ann = add_contact(actor, email="a@x.example", evidence=Evidence(channel="form"))
    beside = Beside(lambda: subscriptions.subscribe(ann, news, evidence=Evidence(channel="form")))

    def in_the_middle(execute: Any, sql: str, params: Any, many: bool, context: Any) -> Any:
        if sql.startswith("DELETE FROM campaigns_contact "):
            beside.started()
        return execute(sql, params, many, context)

    with connection.execute_wrapper(in_the_middle):
        done = bulk.start(actor, bulk.Order(kind="delete"), bulk.Chosen(ids=[ann.pk]))
    beside.ended()

    assert (done.changed, Contact.objects.count(), Subscription.objects.count()) == (1, 0, 0)
    # whoever joined is told that the contact is gone
    assert type(beside.problem).__name__ == "IntegrityError"
    assert contacts.find(actor.workspace, "a@x.example") is None
