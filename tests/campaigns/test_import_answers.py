"""Imports whose file says who agreed: who is put on the list, who is not and why, and that all of it is counted."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns import exporter, fields, import_batches, import_undo, importer, lists, subscriptions
from campaigns.contacts import Evidence, add_contact
from campaigns.models import (
    ConsentEntry,
    Contact,
    ContactImport,
    FieldDefinition,
    ImportLeftOff,
    MailingList,
    Subscription,
)
from relayhub.core import jobs
from relayhub.core.access import Actor, system_actor
from relayhub.core.clock import now
from relayhub.core.errors import InputError
from relayhub.core.models import Job
from relayhub.site import setup

pytestmark = [pytest.mark.django_db, pytest.mark.servers]
FILE = (
    b"email,Newsletter\nyes@x.example,ja\nno@x.example,Nein\nempty@x.example,\nodd@x.example,weekly\n"
    b"odd2@x.example,weekly\nodd3@x.example,monthly\nshort@x.example\nmember@x.example,nein\nsilent@x.example,\n"
    b"gone@x.example,ja\ngone2@x.example,nein\nbroken,ja\n"
)
MAPPING = {"email": "email", "Newsletter": "list.agreed"}
NOT_JOINED = {"said_no": 2, "empty": 2, "unclear": 3, "on_it_already": 1}


@pytest.fixture
def actor() -> Actor:
    return system_actor(setup.new_workspace("Shop"))


@pytest.fixture
def news(actor: Actor) -> MailingList:
    """A list with two on it and two who left."""
    row = lists.create_list(actor, name="News")
    for name in ("member", "silent", "gone", "gone2"):
        contact = add_contact(actor, email=f"{name}@x.example", lists=[row], evidence=Evidence(channel="form"))
        if name.startswith("gone"):
            subscriptions.unsubscribe(contact, [row.pk], evidence=Evidence(channel="link"))
    return row


def run(actor: Actor, data: bytes, mailing_list: MailingList | None, **more: object) -> ContactImport:
    request = importer.ImportRequest(file_name="people.csv", mailing_list=mailing_list, **more)  # type: ignore[arg-type]
    row = importer.start_import(actor, request, [data])
    jobs.run_job(row.pk)
    row = ContactImport.objects.select_related("job", "undo", "undo_count").get(pk=row.pk)
    assert row.rows == row.created + row.updated + row.unchanged + row.rejected
    return row


def states(mailing_list: MailingList) -> dict[str, str]:
    found = Subscription.objects.filter(mailing_list=mailing_list).values_list("contact__email", "status")
    return {email.partition("@")[0]: status for email, status in found}


def test_only_who_says_yes_is_put_on_the_list(actor: Actor, news: MailingList) -> None:
    before = states(news)

    row = run(actor, FILE, news, mapping=MAPPING)

    assert states(news) == {**before, "yes": "confirmed"}
    assert before["member"] == before["silent"] == "confirmed"
    assert Contact.objects.count() == 11
    assert (row.created, row.joined, row.rejected) == (7, 1, 1)
    assert importer.not_joined(row) == NOT_JOINED
    assert row.unclear_values == {"weekly": 2, "monthly": 1}
    assert row.job.result["joined"] == 1
    assert row.job.result["not_joined"] == 7
    assert not FieldDefinition.objects.exists()


def test_a_dry_run_says_the_same_and_changes_nothing(actor: Actor, news: MailingList) -> None:
    row = run(actor, FILE, news, mapping=MAPPING, is_dry_run=True)

    assert importer.not_joined(row) == NOT_JOINED
    assert row.unclear_values == {"weekly": 2, "monthly": 1}
    assert row.job.result["not_joined"] == 7
    assert Contact.objects.count() == 4
    answers = {sample["email"].partition("@")[0]: sample["answer"] for sample in row.samples}
    assert (answers["yes"], answers["no"], answers["empty"], answers["odd"]) == ("yes", "said_no", "empty", "unclear")


def test_the_download_names_everybody_with_the_reason(actor: Actor, news: MailingList) -> None:
    row = run(actor, FILE, news, mapping=MAPPING)

    lines = b"".join(exporter.left_off_lines(importer.left_off(row))).decode().splitlines()
    assert lines[0] == "row,email,code,why,value"
    assert lines[1] == "3,no@x.example,said_no,said no,Nein"
    assert '5,odd@x.example,unclear,"neither yes nor no, taken as no",weekly' in lines
    assert '9,member@x.example,on_it_already,"said no, but on the list already and left on it",nein' in lines
    assert len(lines) == 1 + 8
    only = importer.left_off(row, "empty").values_list("email", flat=True)
    assert list(only) == ["empty@x.example", "short@x.example"]
    with pytest.raises(InputError, match="is none of"):
        importer.left_off(row, "nonsense")


def test_on_a_double_opt_in_list_who_agreed_waits_and_the_others_are_not_asked(actor: Actor) -> None:
    letters = lists.create_list(actor, name="Letters", opt_in="double")

    run(actor, FILE, letters, mapping=MAPPING)

    assert states(letters) == {"yes": "unconfirmed", "gone": "unconfirmed"}


def test_a_column_of_those_who_left_keeps_them_off_whatever_the_other_says(actor: Actor, news: MailingList) -> None:
    data = b"email,agreed,unsubscribed\na@x.example,1,\nb@x.example,1,2025-01-02\nc@x.example,1,no\nd@x.example,,0\n"

    row = run(actor, data, news)

    assert row.mapping == {"email": "email", "agreed": "list.agreed", "unsubscribed": "list.left"}
    assert {"a", "c"} < set(states(news))
    assert not {"b", "d"} & set(states(news))
    assert importer.not_joined(row) == {"said_no": 1, "empty": 1, "unclear": 0, "on_it_already": 0}


def test_the_guess_keeps_those_who_said_no_off_where_nothing_was_mapped(actor: Actor, news: MailingList) -> None:
    data = b"Email Address,Status\na@x.example,subscribed\nb@x.example,unsubscribed\nc@x.example,cleaned\n"

    assert run(actor, data, news).mapping["Status"] == "list.agreed"
    assert {"a", "b", "c"} & set(states(news)) == {"a"}
    assert run(actor, data, None).mapping["Status"] == "status"


def test_a_list_is_what_one_agrees_to(actor: Actor) -> None:
    with pytest.raises(InputError, match=r"“Newsletter” says who agreed.*no list is chosen") as refused:
        run(actor, FILE, None, mapping=MAPPING)

    assert refused.value.code == "needs_list"
    assert not Job.objects.exists()


def test_an_unused_column_is_remembered(actor: Actor, news: MailingList) -> None:
    without = {"email": "email", "Newsletter": ""}

    assert run(actor, FILE, news, mapping=without, is_dry_run=True).unused_answer == "Newsletter"
    assert run(actor, FILE, news, mapping={**without, "Newsletter": "note"}).unused_answer == "Newsletter"
    assert run(actor, FILE, news, mapping=MAPPING).unused_answer == ""
    assert run(actor, FILE, None, mapping=without).unused_answer == ""
    row = run(actor, b"email\nz@x.example\n", news)
    assert (row.unused_answer, "joined" in row.job.result) == ("", False)


def test_the_undo_takes_back_exactly_what_the_import_did(actor: Actor, news: MailingList) -> None:
    before = states(news)
    row = run(actor, FILE, news, mapping=MAPPING)

    job = import_undo.start_undo(actor, row)
    jobs.run_job(job.pk)
    job.refresh_from_db()

    assert {key: value for key, value in job.result.items() if value} == {"removed": 7, "taken_off": 1}
    assert states(news) == before
    # Whoever is removed is nowhere any more, also not among those left off.
    left = set(ImportLeftOff.objects.values_list("email", flat=True))
    assert left == {"member@x.example", "gone2@x.example"}


def test_a_killed_import_counts_nobody_twice(
    actor: Actor, news: MailingList, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(importer, "_BATCH_ROWS", 3)

    def die(name: str) -> None:
        """In the third batch, when all of it is written and nothing of it committed."""
        if ImportLeftOff.objects.count() > 4:
            raise SystemExit(name)

    monkeypatch.setattr(importer, "crashpoint", die)
    request = importer.ImportRequest(file_name="people.csv", mailing_list=news, mapping=MAPPING)
    row = importer.start_import(actor, request, [FILE])
    with pytest.raises(SystemExit):
        jobs.run_job(row.pk)
    Job.objects.filter(pk=row.pk).update(heartbeat_at="2020-01-01T00:00:00Z")
    monkeypatch.undo()

    jobs.run_job(row.pk)

    row.refresh_from_db()
    assert importer.not_joined(row) == NOT_JOINED
    assert row.unclear_values == {"weekly": 2, "monthly": 1}
    assert ImportLeftOff.objects.filter(contact_import=row).count() == 8


# -- an address that stands twice ----------------------------------------------------------------------------

#: Per person the answers of their rows; `odd` has a row that is refused for its age, `!`.
_TWICE = {
    "yes": ("ja", "", "weekly"), "turned": ("ja", "nein"), "first": ("nein", "ja"), "late": ("ja", "ja", "Nein"),
    "nothing": ("", "nein"), "vague": ("weekly", "nein"), "unsure": ("weekly", "ja"), "odd": ("!nein", "ja"),
    "member": ("ja", "nein"), "silent": ("", "weekly"), "gone": ("ja", "nein"),
}


def _twice() -> bytes:
    """The first rows of all, then the second ones, then the third."""
    lines = [
        f"{name.title() if turn else name}@x.example,{'old' if said.startswith('!') else ''},{said.removeprefix('!')}"
        for turn in range(3) for name, answers in _TWICE.items() for said in answers[turn : turn + 1]
    ]
    return "\n".join(["email,age,Newsletter", *lines, ""]).encode()


@pytest.mark.parametrize("rows", [1, 4, 5000])
def test_a_no_counts_in_whichever_row_of_an_address_it_stands(
    actor: Actor, news: MailingList, monkeypatch: pytest.MonkeyPatch, rows: int
) -> None:
    monkeypatch.setattr(importer, "_BATCH_ROWS", rows)
    fields.define_field(actor, key="age", type="number")
    before, mapping = states(news), {"email": "email", "age": "age", "Newsletter": "list.agreed"}

    dry = run(actor, _twice(), news, mapping=mapping, is_dry_run=True)
    row = run(actor, _twice(), news, mapping=mapping)

    assert states(news) == {**before, "yes": "confirmed"}
    assert not ConsentEntry.objects.filter(channel="import").exclude(contact__email="yes@x.example").exists()
    assert (row.joined, row.created, row.rejected) == (1, 8, 13)
    assert importer.not_joined(row) == {"said_no": 7, "empty": 0, "unclear": 1, "on_it_already": 1}
    assert importer.not_joined(dry) == importer.not_joined(row)
    assert (dry.created, dry.rejected, dry.unclear_values) == (8, 13, {"weekly": 1})
    assert row.unclear_values == dry.unclear_values
    # The row that says it, which is not always the one that counts.
    told = {left.email.partition("@")[0].lower(): (left.row, left.said) for left in importer.left_off(row, "said_no")}
    assert (told["late"], told["first"], told["odd"]) == ((25, "Nein"), (4, "nein"), (9, "nein"))
    assert [left.email for left in importer.left_off(row, "on_it_already")] == ["member@x.example"]
    kinds = {sample["email"].partition("@")[0]: sample["answer"] for sample in dry.samples}
    assert (kinds["turned"], kinds["late"], kinds["yes"]) == ("said_no", "said_no", "yes")


def test_a_no_counts_also_for_a_worker_that_goes_on_behind_it_and_after_an_undo(
    actor: Actor, news: MailingList, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = b"email,age,Newsletter\na@x.example,x,nein\nb@x.example,1,ja\na@x.example,1,ja\n"
    monkeypatch.setattr(importer, "_BATCH_ROWS", 1)
    fields.define_field(actor, key="age", type="number")
    before = states(news)
    ends = iter([None, None, SystemExit("killed")])

    def die(name: str) -> None:
        if end := next(ends, None):
            raise end

    monkeypatch.setattr(importer, "crashpoint", die)
    request = importer.ImportRequest(file_name="people.csv", mailing_list=news)
    row = importer.start_import(actor, request, [data])
    with pytest.raises(SystemExit):
        jobs.run_job(row.pk)
    Job.objects.filter(pk=row.pk).update(heartbeat_at="2020-01-01T00:00:00Z")
    with connection.cursor() as cursor:  # another worker has a connection of its own
        cursor.execute("DROP TABLE import_noes")

    jobs.run_job(row.pk)

    assert states(news) == {**before, "b": "confirmed"}
    row = ContactImport.objects.select_related("job", "undo", "undo_count").get(pk=row.pk)
    assert (row.joined, importer.not_joined(row)["said_no"], row.checkpoint_row) == (1, 1, 4)
    jobs.run_job(import_undo.start_undo(actor, row).pk)
    assert states(news) == before
    assert run(actor, data, news).joined == 1
    assert states(news) == {**before, "b": "confirmed"}


def test_no_query_is_made_for_a_row(actor: Actor, news: MailingList, monkeypatch: pytest.MonkeyPatch) -> None:
    def queries(count: int, column: str) -> int:
        rows = "".join(f"{column}{n}@y.example,{'ja' if n % 2 else 'x?'}\n" for n in range(count))
        mapping = {"email": "email", "Newsletter": column}
        request = importer.ImportRequest(file_name="a.csv", mailing_list=news, mapping=mapping)
        row = importer.start_import(actor, request, [f"email,Newsletter\n{rows}".encode()])
        with CaptureQueriesContext(connection) as found:
            jobs.run_job(row.pk)
        return len(found)

    few, many, plain = queries(4, "list.agreed"), queries(400, "list.agreed"), queries(400, "")

    assert few == many
    # Seven gather the noes of the file, one looks them up a batch, one keeps who is left off.
    assert many <= plain + 9


def test_values_beyond_the_first_are_not_told_apart() -> None:
    first = {f"v{n}": 1 for n in range(import_batches.UNCLEAR_VALUES)}

    found = import_batches.merged_values(first, {"v0": 2, "new": 5})

    assert (found["v0"], "new" in found) == (3, False)


def test_the_names_go_when_an_undo_is_no_longer_possible(actor: Actor, news: MailingList) -> None:
    row = run(actor, FILE, news, mapping=MAPPING)
    Job.objects.filter(pk=row.pk).update(finished_at=now() - import_undo.KEPT * 2)

    import_undo.forget_values()

    assert not ImportLeftOff.objects.exists()
    row.refresh_from_db()
    assert importer.not_joined(row) == NOT_JOINED
