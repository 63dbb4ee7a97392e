"""However a job on contacts ends, what it did is in order: it can be undone, begun again, and leaves nothing behind."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest
from django.db import OperationalError

from campaigns import (
    bulk,
    bulk_undo,
    csv_reader,
    field_removal,
    fields,
    import_batches,
    import_undo,
    importer,
    lists,
    standing,
)
from campaigns.models import BulkAct, Contact, ContactImport, FieldDefinition, ImportSeen, MailingList
from relayhub.core import jobs
from relayhub.core.access import Actor
from relayhub.core.errors import ConflictError
from relayhub.core.models import AuditEntry, Job
from tests.campaigns.test_bulk import actor, as_jobs, cities, do, news, people, states

__all__ = ["actor", "as_jobs", "news"]
pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("as_jobs")]


def setting(actor: Actor) -> tuple[BulkAct, Job]:
    """Five people whose field is to be set, by a job in parts of two."""
    fields.define_field(actor, key="city")
    people(actor, *"abcde", city="Oslo")
    act = do(actor, "set_field", field="city", value="Bergen")
    assert act.job is not None
    return act, act.job


def once(real: Callable[..., Any], number: int, instead: Callable[[], object]) -> Callable[..., Any]:
    """The function; but on its so-manieth call something else first."""
    calls: list[int] = []

    def called(*args: Any, **more: Any) -> Any:
        calls.append(1)
        if len(calls) == number:
            instead()
        return real(*args, **more)

    return called


def fault(error: Exception) -> Callable[[], object]:
    def raises() -> object:
        raise error

    return raises


def undone(actor: Actor, act: BulkAct) -> Job:
    job = bulk_undo.undo(actor, act)
    assert job is not None
    jobs.run_job(job.pk)
    job.refresh_from_db()
    return job


def test_an_act_that_failed_is_undone_as_far_as_it_came(actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    act, job = setting(actor)
    monkeypatch.setattr(bulk, "_changed", once(bulk._changed, 2, fault(ValueError("broken"))))
    jobs.run_job(job.pk)
    job.refresh_from_db()
    act.refresh_from_db()
    assert (job.status, act.changed, list(cities().values()).count("Bergen")) == ("failed", 2, 2)
    assert bulk_undo.undo_until(act) is not None

    assert undone(actor, act).status == "done"

    assert set(cities().values()) == {"Oslo"}


def test_a_field_that_is_deleted_meanwhile_is_not_written_again(actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    act, job = setting(actor)
    field = FieldDefinition.objects.get()
    first = once(jobs.JobRun.advance, 1, lambda: field_removal.delete_field(actor, field))
    monkeypatch.setattr(jobs.JobRun, "advance", first)
    jobs.run_job(job.pk)
    job.refresh_from_db()

    assert (job.status, job.error) == ("failed", "The field city was deleted meanwhile.")
    undone(actor, act)
    assert set(cities().values()) == {None}


def test_an_act_that_was_stopped_before_it_began_is_over(actor: Actor) -> None:
    act, job = setting(actor)

    jobs.request_cancel(job)

    act.refresh_from_db()
    assert act.finished_at is not None
    assert bulk_undo.undo_until(act) is None


def test_an_undo_that_was_stopped_or_failed_is_asked_for_again(actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    act, job = setting(actor)
    jobs.run_job(job.pk)
    stopped = bulk_undo.undo(actor, act)
    assert stopped is not None
    with pytest.raises(ConflictError):
        bulk_undo.undo(actor, act)
    jobs.request_cancel(stopped)
    with monkeypatch.context() as patch:
        patch.setattr(bulk_undo, "_take_back", once(bulk_undo._take_back, 2, fault(ValueError("broken"))))
        assert undone(actor, act).status == "failed"

    assert undone(actor, act).status == "done"

    act.refresh_from_db()
    assert (act.restored, set(cities().values())) == (5, {"Oslo"})
    assert AuditEntry.objects.filter(action="contacts.undone").count() == 1


def test_a_batch_that_the_database_gave_up_is_done_again(actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    act, job = setting(actor)
    monkeypatch.setattr(bulk, "_changed", once(bulk._changed, 2, fault(OperationalError("deadlock detected"))))
    jobs.run_job(job.pk)
    job.refresh_from_db()
    assert (job.status, job.done) == ("waiting", 2)

    jobs.run_job(job.pk)

    job.refresh_from_db()
    act.refresh_from_db()
    assert (job.status, job.done, act.changed, set(cities().values())) == ("done", 5, 5, {"Bergen"})
    assert AuditEntry.objects.filter(action="contacts.field_set").count() == 1


def test_a_list_that_is_archived_meanwhile_stops_the_act(
    actor: Actor, news: MailingList, monkeypatch: pytest.MonkeyPatch
) -> None:
    people(actor, *"abcde", on=news)
    other = lists.create_list(actor, name="Other")
    act = do(actor, "add_to_list", bulk.Chosen(query={"list": [news.public_id]}), mailing_list=other)
    assert act.job is not None
    monkeypatch.setattr(bulk, "_batches", once(bulk._batches, 1, lambda: lists.archive_list(actor, news)))

    jobs.run_job(act.job.pk)

    act.refresh_from_db()
    assert Job.objects.get().error == "This list is no longer there."
    assert (act.finished_at is not None, states(other)) == (True, {})


def test_what_an_undo_that_runs_needs_is_not_forgotten(actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    act, job = setting(actor)
    jobs.run_job(job.pk)
    undoing = bulk_undo.undo(actor, act)
    row = an_import(actor, b"email,city\na@x.example,Paris\n")
    jobs.run_job(row.pk)
    import_undo.start_undo(actor, row)
    for module, name in ((bulk_undo, "UNDO_WITHIN"), (import_undo, "KEPT")):
        monkeypatch.setattr(module, name, timedelta(0))

    assert (bulk_undo.forget_old(), import_undo.forget_values()) == (0, 0)
    assert undoing is not None
    for unfinished in Job.objects.filter(status="waiting"):
        jobs.run_job(unfinished.pk)

    assert set(cities().values()) == {"Oslo"}
    assert (bulk_undo.forget_old(), import_undo.forget_values()) == (5, 1)


def test_of_very_many_the_values_of_a_deleted_field_go_in_a_job(
    actor: Actor, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(standing, "EXACT_UP_TO", 1)
    monkeypatch.setattr(field_removal, "_BATCH", 2)
    field = fields.define_field(actor, key="city", label="Town")
    people(actor, *"abc", city="Oslo")
    people(actor, *"de")

    job = field_removal.delete_field(actor, field)
    assert isinstance(job, Job)
    for again in (lambda: fields.define_field(actor, key="city"), lambda: people(actor, "f", city="Bergen")):
        with pytest.raises(ConflictError, match="“city” are still being taken away"):
            again()
    monkeypatch.setattr(field_removal, "_without", once(field_removal._without, 2, fault(OperationalError())))
    jobs.run_job(job.pk)
    jobs.run_job(job.pk)

    job.refresh_from_db()
    assert (job.status, job.done, job.total, job.result) == ("done", 5, 5, {"contacts": 3})
    assert {str(row.fields) for row in Contact.objects.all()} == {"{}"}
    assert fields.define_field(actor, key="city").key == "city"


# -- imports -------------------------------------------------------------------------------------------------


def an_import(actor: Actor, data: bytes, *, is_dry_run: bool = False) -> ContactImport:
    return importer.start_import(actor, importer.ImportRequest(file_name="x.csv", is_dry_run=is_dry_run), [data])


def test_an_import_that_fails_or_is_stopped_keeps_no_addresses(actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importer, "_BATCH_ROWS", 1)
    monkeypatch.setattr(csv_reader, "MAX_ROWS", 2)
    data = b"email\na@x.example\nb@x.example\nc@x.example\n"
    large, tried, stopped = (an_import(actor, data, is_dry_run=number == 1) for number in range(3))

    jobs.run_job(large.pk)
    jobs.run_job(tried.pk)
    monkeypatch.setattr(import_batches, "apply", once(
        import_batches.apply, 2, lambda: jobs.request_cancel(Job.objects.get(pk=stopped.pk))
    ))
    jobs.run_job(stopped.pk)

    ended = {row.pk: (row.status, row.error) for row in Job.objects.all()}
    assert ended[large.pk][0] == ended[tried.pk][0] == "failed"
    assert "The rows before were imported" in ended[large.pk][1]
    assert "Nothing was written" in ended[tried.pk][1]
    assert ended[stopped.pk] == ("cancelled", "")
    assert not ImportSeen.objects.exists()


def test_of_two_who_start_the_same_import_the_second_gets_the_first(actor: Actor) -> None:
    tried = an_import(actor, b"email\na@x.example\n", is_dry_run=True)
    jobs.run_job(tried.pk)

    first, second = (importer.start_after_dry_run(actor, tried) for _ in range(2))
    assert first.pk == second.pk
    jobs.run_job(first.pk)

    assert importer.start_after_dry_run(actor, tried).pk != first.pk
