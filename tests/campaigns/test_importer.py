"""CSV imports: what is accepted, what is refused and why, and that a killed run goes on where it stood."""

from __future__ import annotations

import pytest

from campaigns import import_batches, importer, lists, subscriptions
from campaigns.contacts import Evidence, add_contact
from campaigns.models import ConsentEntry, Contact, ContactImport, FieldDefinition, MailingList, Subscription
from relayhub.core import jobs
from relayhub.core.access import Actor, system_actor
from relayhub.core.errors import InputError
from relayhub.core.models import Job
from relayhub.site import setup

pytestmark = [pytest.mark.django_db, pytest.mark.servers]


@pytest.fixture
def actor() -> Actor:
    return system_actor(setup.new_workspace("Shop"))


def start(actor: Actor, data: bytes, mailing_list: MailingList | None = None, **more: object) -> ContactImport:
    request = importer.ImportRequest(file_name="people.csv", mailing_list=mailing_list, **more)  # type: ignore[arg-type]
    return importer.start_import(actor, request, [data])


def run(actor: Actor, data: bytes, mailing_list: MailingList | None = None, **more: object) -> ContactImport:
    row = start(actor, data, mailing_list, **more)
    jobs.run_job(row.pk)
    row = ContactImport.objects.select_related("job").get(pk=row.pk)
    assert row.rows == row.created + row.updated + row.unchanged + row.rejected
    return row


@pytest.mark.parametrize(
    "data",
    [
        "email,name\nzoë@x.example,Zoë\n".encode(),
        "\ufeffemail,name\r\nzoë@x.example,Zoë\r\n".encode(),
        "email;name\nzoë@x.example;Zoë\n".encode("latin-1"),
        "email\tname\nzoë@x.example\tZoë\n".encode("utf-16"),
        "zoë@x.example,Zoë\n".encode(),
    ],
    ids=["utf-8", "bom and crlf", "latin-1 and semicolons", "utf-16 and tabs", "no header"],
)
def test_it_reads_files_as_people_send_them(actor: Actor, data: bytes) -> None:
    row = run(actor, data)

    assert (row.job.status, row.created) == ("done", 1)
    assert Contact.objects.get().email == "zoë@x.example"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "empty"),
        (b"PK\x03\x04\x00\x00", "binary"),
        (b"name,town\nZoe,Oslo\n", "e-mail address"),
        (b",".join(b"c%d" % i for i in range(201)) + b"\n", "201 columns"),
    ],
    ids=["empty", "binary", "no address column", "too many columns"],
)
def test_a_file_that_cannot_be_used_is_refused_in_words(actor: Actor, data: bytes, words: str) -> None:
    with pytest.raises(InputError, match=words):
        start(actor, data)

    assert not Job.objects.exists()


def test_every_refused_row_says_why(actor: Actor) -> None:
    data = (
        b"email,age\na@x.example,1\nnonsense,2\nA@X.example,3\n,4\nb@x.example,5,6,7\n"
        b'c@x.example,"open\nd@x.example,8\n'
    )

    row = run(actor, data)

    reasons = {reject.row: reject.reason for reject in row.rejects.all()}
    assert row.created == 2
    assert reasons[4] == "duplicate of row 2"
    assert "no e-mail address" in reasons[5]
    assert "4 cells" in reasons[6]
    assert "quote" in reasons[7]
    assert set(reasons) == {3, 4, 5, 6, 7}


def test_it_fills_fields_and_leaves_what_is_empty_alone(actor: Actor) -> None:
    add_contact(actor, email="a@x.example", name="Ann", fields={"city": "Oslo"}, evidence=Evidence(channel="api"))

    row = run(actor, b"email,name,city,age\nA@x.example,,Bergen,41\nb@x.example,Bo,,\n")

    ann = Contact.objects.get(email_key="a@x.example")
    assert (ann.name, ann.fields) == ("Ann", {"city": "Bergen", "age": "41"})
    assert (row.created, row.updated) == (1, 1)
    assert FieldDefinition.objects.filter(key="age").exists()
    again = run(actor, b"email,name,city,age\nA@x.example,,Bergen,41\n")
    assert again.unchanged == 1


def test_a_column_of_languages_is_guessed_and_kept_as_tags(actor: Actor) -> None:
    add_contact(actor, email="a@x.example", language="fr", evidence=Evidence(channel="api"))

    data = "email,Sprache\na@x.example,\nb@x.example,Deutsch\nc@x.example,pt_br\nd@x.example,klingonish\n"
    row = run(actor, data.encode())

    assert row.mapping == {"email": "email", "Sprache": "language"}
    assert dict(Contact.objects.values_list("email", "language")) == {
        "a@x.example": "fr", "b@x.example": "de", "c@x.example": "pt-BR"
    }
    assert [reject.code for reject in row.rejects.all()] == ["unknown_language"]
    assert run(actor, b"email,lang\nb@x.example,PL\n").updated == 1
    assert not FieldDefinition.objects.exists()


def test_it_never_raises_consent(actor: Actor) -> None:
    mailing_list = lists.create_list(actor, name="News")
    gone = add_contact(
        actor, email="gone@x.example", lists=[mailing_list], evidence=Evidence(channel="form")
    )
    subscriptions.unsubscribe(gone, [mailing_list.pk], evidence=Evidence(channel="link"))

    run(actor, b"email\ngone@x.example\nnew@x.example\n", mailing_list)

    states = dict(Subscription.objects.values_list("contact__email", "status"))
    assert states == {"gone@x.example": "unsubscribed", "new@x.example": "confirmed"}
    assert ConsentEntry.objects.filter(contact__email="new@x.example", channel="import").exists()


def test_on_a_double_opt_in_list_people_wait(actor: Actor) -> None:
    mailing_list = lists.create_list(actor, name="News", opt_in="double")

    run(actor, b"email\na@x.example\n", mailing_list)

    assert Subscription.objects.get().status == "unconfirmed"


def test_a_dry_run_changes_nothing_and_shows_what_would_change(actor: Actor) -> None:
    add_contact(actor, email="a@x.example", name="Ann", evidence=Evidence(channel="api"))

    row = run(actor, b"email,name,town\na@x.example,Anna,Oslo\nb@x.example,Bo,\n", is_dry_run=True)

    assert (row.created, row.updated) == (1, 1)
    assert Contact.objects.count() == 1
    assert not FieldDefinition.objects.exists()
    assert row.samples[0]["before"] == {"name": "Ann", "language": "", "fields": {}}


def test_a_killed_import_goes_on_where_it_stood(actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importer, "_BATCH_ROWS", 10)
    data = b"email\n" + b"".join(b"p%d@x.example\n" % (i % 35) for i in range(50))
    row = start(actor, data)
    applied = []
    real = import_batches.apply

    def dies_in_the_third_batch(*args: object) -> object:
        applied.append(1)
        if len(applied) == 3:
            raise SystemExit
        return real(*args)  # type: ignore[arg-type]

    monkeypatch.setattr(import_batches, "apply", dies_in_the_third_batch)
    with pytest.raises(SystemExit):
        jobs.run_job(row.pk)
    Job.objects.filter(pk=row.pk).update(heartbeat_at="2020-01-01T00:00:00Z")

    jobs.run_job(row.pk)

    row.refresh_from_db()
    assert (row.rows, row.created, row.rejected) == (50, 35, 15)
    assert Contact.objects.count() == 35
    assert row.rejects.filter(code="duplicate").count() == 15


def test_a_mapping_names_the_columns(actor: Actor) -> None:
    row = run(actor, b"Mail,Town,Junk\na@x.example,Oslo,x\n", mapping={"Mail": "email", "Town": "city", "Junk": ""})

    assert row.created == 1
    assert Contact.objects.get().fields == {"city": "Oslo"}


def test_new_fields_have_the_types_that_were_chosen_and_values_as_they_are_written(actor: Actor) -> None:
    data = b"email;Vorname;Nachname;Seit;Punkte;Karte\na@x.example;Ada;Krog;03.04.2025;1.200,5;ja\n"
    row = run(actor, data + b"b@x.example;;Lund;;;nein\nc@x.example;;;24.12.2025;;\n", types=None)

    assert row.types == {"seit": "date", "punkte": "number", "karte": "boolean"}
    assert dict(FieldDefinition.objects.values_list("key", "type")) == row.types
    ada = Contact.objects.get(email_key="a@x.example")
    assert (ada.name, ada.fields) == ("Ada Krog", {"seit": "2025-04-03", "punkte": 1200.5, "karte": True})
    assert Contact.objects.get(email_key="b@x.example").name == "Lund"
    assert row.created == 3


def test_a_dry_run_refuses_what_will_not_fit_the_new_field(actor: Actor) -> None:
    data = b"email,points\na@x.example,12\nb@x.example,many\n"

    row = run(actor, data, is_dry_run=True, types={"points": "number"})

    assert (row.created, row.rejected) == (1, 1)
    assert "a number" in row.rejects.get().reason
    assert run(actor, data).created == 2  # nothing said: texts, as ever


@pytest.mark.parametrize(
    ("more", "words"),
    [
        ({"types": {"points": "colour"}}, "not a kind of field"),
        ({"formats": {"points": "number.roman"}}, "none of"),
        ({"mapping": {"email": "email", "points": "name.first", "name": "name"}}, "whole name"),
    ],
)
def test_what_cannot_be_chosen(actor: Actor, more: dict[str, object], words: str) -> None:
    with pytest.raises(InputError, match=words):
        start(actor, b"email,points,name\na@x.example,12,A\n", **more)


def test_a_name_has_the_length_that_it_has_elsewhere(actor: Actor) -> None:
    row = run(actor, b"email,name\na@x.example," + b"a" * 500 + b"\nb@x.example," + b"b" * 501 + b"\n")

    assert Contact.objects.get().name == "a" * 500
    assert row.rejects.get().reason == "a name has up to 500 characters, this one 501"


def test_nothing_of_no_text_comes_in_from_a_sheet(actor: Actor) -> None:
    data = "email,\0town\0\na@x.example,Os\0lo\n".encode("utf-16")

    run(actor, data)

    assert Contact.objects.get().fields == {"town": "Oslo"}


def test_blank_lines_before_the_heading_do_not_count(actor: Actor) -> None:
    row = run(actor, b"\n\nemail,points\na@x.example,7\n", types=None)

    assert (row.created, row.types) == (1, {"points": "number"})
