"""Suppressions in and out of files: any encoding, every refusal told, exact counts through a kill."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import replace
from typing import Any

import pytest

from deliverability import address_file, suppression, suppression_import, suppression_list
from deliverability.address_file import EncodingGuess, NotText
from deliverability.models import Suppression
from deliverability.suppression_import import ImportOf
from deliverability.suppression_list import SuppressionFilter
from relayhub.core import jobs
from relayhub.core.access import Actor
from relayhub.core.errors import AccessError, ForbiddenError, InputError
from relayhub.core.models import AuditEntry, Job, StoredFile
from tests.support.deliverability_rows import bulk_stream, make_actor

pytestmark = pytest.mark.django_db


def imported(actor: Actor, data: bytes, **chosen: Any) -> Job:
    job = suppression_import.start_import(actor, ImportOf(file_name="old.csv", **chosen), [data])
    jobs.run_job(job.pk)
    job.refresh_from_db()
    return job


def rows() -> list[tuple[str, str, str]]:
    return list(Suppression.objects.order_by("address").values_list("address", "reason", "scope"))


# -- reading -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a@x.example", ["a@x.example"]),
        ("a@x.example, b@x.example; c@x.example\nd@x.example e@x.example", [f"{c}@x.example" for c in "abcde"]),
        ("Zoë Ünal <z@x.example>\r\n\r\nmailto:y@x.example", ["z@x.example", "y@x.example"]),
        ("'a@x.example'", ["a@x.example"]),
        ("nonsense", ["nonsense"]),
        (" \n ", []),
    ],
)
def test_pasted_text_is_taken_apart(text: str, expected: list[str]) -> None:
    assert address_file.pasted(text) == expected


@pytest.mark.parametrize(
    ("data", "expected"),
    [
        (b"a@x.example\nb@x.example\n", ["a@x.example", "b@x.example"]),  # no heading, one a line
        (b"\xef\xbb\xbfaddress\na@x.example", ["a@x.example"]),  # UTF-8 with its mark
        ("Name;E-Mail\nZoë;z@x.example\n".encode("cp1252"), ["z@x.example"]),  # semicolons, Latin
        ("email\nz@bäcker.example\n".encode("utf-16"), ["z@bäcker.example"]),
        (b"Subscribers\na@x.example\n", ["a@x.example"]),  # a heading that says nothing
        (b'email,name\n"a@x.example,"Ann\nb@x.example,Bob\n', ["a@x.example,Ann", "b@x.example"]),  # quote not closed
        (b"name\temail\nAnn\ta@x.example\n\n\n", ["a@x.example"]),
        (b"Ann <a@x.example>\n", ["a@x.example"]),
        (b"email\n'+a@x.example\n", ["+a@x.example"]),  # kept from a spreadsheet
        (b"", []),
    ],
)
def test_files_are_read_as_people_have_them(data: bytes, expected: list[str]) -> None:
    guess = EncodingGuess()
    whole = b"".join(guess.watch([data[:3], data[3:]]))

    found = address_file.lines_of(address_file.open_text(io.BytesIO(whole), guess.encoding))

    assert [line.address for line in found] == expected


@pytest.mark.parametrize("data", [b"PK\x03\x04sheet", b"a@x.example\n\0\0\0"])
def test_what_is_no_text_is_refused(data: bytes) -> None:
    with pytest.raises(NotText):
        list(EncodingGuess().watch([data]))


def test_a_file_without_line_ends_costs_no_memory() -> None:
    stream = io.StringIO("x" * 1_000_000 + "\na@x.example\n")

    found = list(address_file.lines_of(stream))

    assert max(len(line.address) for line in found) <= 64 * 1024
    assert found[-1].address == "a@x.example"


# -- importing -----------------------------------------------------------------------------------------------


def test_every_line_is_counted_and_every_refusal_told() -> None:
    actor = make_actor()
    suppression.suppress(actor.workspace.pk, "old@x.example", reason="hard_bounce", scope="workspace")
    data = b"email,reason\na@x.example,complaint\nOLD@x.example,\nnobody,\nb@x.example,no idea\na@x.example,\n"

    job = imported(actor, data, reason="unsubscribe")

    assert (job.status, job.result) == ("done", {"added": 2, "already": 2, "rejected": 1})
    assert rows() == [
        ("a@x.example", "complaint", "workspace"), ("b@x.example", "unsubscribe", "workspace"),
        ("old@x.example", "hard_bounce", "workspace"),
    ]
    refused = b"".join(suppression_import.reject_lines(actor, job)).decode().splitlines()
    assert refused == ["line,address,reason", "4,nobody,This is not an address."]
    assert AuditEntry.objects.get(action="suppression.imported").summary == "2 of 5 from old.csv"


def test_what_was_exported_can_be_imported_elsewhere_with_its_reasons() -> None:
    actor = make_actor()
    stream = bulk_stream(actor)
    wid = actor.workspace.pk
    suppression.suppress(wid, "a@x.example", reason="hard_bounce", scope="workspace", source="550 5.1.1\nno such user")
    suppression.suppress(wid, "=b@x.example", reason="complaint", scope="stream", stream_id=stream.pk)

    data = b"".join(suppression_list.export(actor, SuppressionFilter()))
    Suppression.objects.all().delete()
    job = imported(actor, data)

    assert job.result == {"added": 2, "already": 0, "rejected": 0}
    assert rows() == [("=b@x.example", "complaint", "stream"), ("a@x.example", "hard_bounce", "workspace")]
    assert Suppression.objects.get(scope="stream").stream_id == stream.pk
    assert Suppression.objects.get(scope="workspace").source == "550 5.1.1 no such user"


def test_a_target_of_another_workspace_in_a_file_is_refused() -> None:
    stranger = make_actor("other")
    theirs = bulk_stream(stranger)
    suppression.suppress(
        stranger.workspace.pk, "a@x.example", reason="complaint", scope="stream", stream_id=theirs.pk
    )
    data = b"".join(suppression_list.export(stranger, SuppressionFilter()))

    job = imported(make_actor(), data)

    assert job.result == {"added": 0, "already": 0, "rejected": 1}


def test_a_killed_import_goes_on_where_it_stood(monkeypatch: pytest.MonkeyPatch) -> None:
    actor = make_actor()
    monkeypatch.setattr(suppression_import, "_BATCH", 2)
    data = b"".join(b"u%d@x.example\n" % number for number in range(7))
    job = suppression_import.start_import(actor, ImportOf(file_name="old.csv"), [data])
    run = jobs.take(job.pk)
    assert run is not None
    real = suppression.add_batch
    calls = iter(range(10))

    def dies_at_the_third(*args: Any, **kwargs: Any) -> Any:
        if next(calls) == 2:
            raise KeyboardInterrupt
        return real(*args, **kwargs)

    monkeypatch.setattr(suppression, "add_batch", dies_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        suppression_import.run_import(run)
    assert Suppression.objects.count() == 4
    Job.objects.filter(pk=job.pk).update(status="waiting")

    jobs.run_job(job.pk)

    job.refresh_from_db()
    assert job.result == {"added": 7, "already": 0, "rejected": 0}


@pytest.mark.parametrize(
    ("data", "chosen", "field"),
    [
        (b"", {}, "file"), (b"PK\x03\x04", {}, "file"), (b"a@x.example", {"scope": "list"}, "scope"),
        (b"a@x.example", {"reason": "because"}, "scope"),
    ],
)
def test_what_cannot_be_imported_is_refused_at_once(data: bytes, chosen: dict[str, str], field: str) -> None:
    with pytest.raises(InputError) as refusal:
        suppression_import.start_import(make_actor(), ImportOf(file_name="old.csv", **chosen), [data])

    assert refusal.value.field == field
    assert not Job.objects.exists()


def test_a_file_that_is_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(address_file, "MAX_LINES", 2)

    with pytest.raises(InputError, match="Split it"):
        suppression_import.start_import(make_actor(), ImportOf(file_name="old.csv"), [b"a@x.example\n" * 3])


def test_people_need_the_right_to_export_and_to_import() -> None:
    actor = make_actor()
    reader = replace(actor, permissions=frozenset({"suppressions.read"}))

    with pytest.raises(ForbiddenError):
        suppression_list.export(reader, SuppressionFilter())
    with pytest.raises(ForbiddenError):
        suppression_import.start_import(reader, ImportOf(file_name="old.csv"), iter_of(b"a@x.example"))


def iter_of(data: bytes) -> Iterator[bytes]:
    yield data


def test_what_was_refused_cannot_be_fetched_once_the_file_is_gone() -> None:
    actor = make_actor()
    job = imported(actor, b"a@x.example\nnobody\n")
    before = b"".join(suppression_import.reject_lines(actor, job)).decode()

    StoredFile.objects.all().delete()

    assert before.splitlines()[1:] == ["2,nobody,This is not an address."]
    with pytest.raises(AccessError, match="kept for 7 days"):
        suppression_import.reject_lines(actor, job)
