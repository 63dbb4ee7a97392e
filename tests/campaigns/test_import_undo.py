"""Undoing an import: what it made goes, what people did since stays, and a killed undo goes on where it stood."""

from __future__ import annotations

from datetime import timedelta

import pytest

from campaigns import contacts, fields, import_undo, importer, leaving, lists, subscriptions
from campaigns.contacts import Evidence, add_contact
from campaigns.models import ConsentEntry, Contact, ContactImport, ImportBefore, ImportKept, MailingList, Subscription
from relayhub.core import jobs
from relayhub.core.access import Actor, system_actor
from relayhub.core.clock import now
from relayhub.core.errors import ConflictError
from relayhub.core.models import AuditEntry, Job
from relayhub.relay.models import Stream
from relayhub.site import setup
from tests.support.relay_rows import make_lane, make_message, make_recipients, make_stream

pytestmark = [pytest.mark.django_db, pytest.mark.servers]
ANY = Evidence(channel="form")


@pytest.fixture
def actor() -> Actor:
    return system_actor(setup.new_workspace("Shop"))


@pytest.fixture
def news(actor: Actor) -> MailingList:
    return lists.create_list(actor, name="News")


def run(actor: Actor, data: bytes, mailing_list: MailingList | None = None) -> ContactImport:
    row = importer.start_import(
        actor, importer.ImportRequest(file_name="people.csv", mailing_list=mailing_list), [data]
    )
    jobs.run_job(row.pk)
    return again(row)


def again(row: ContactImport) -> ContactImport:
    return ContactImport.objects.select_related("job", "undo", "undo_count").get(pk=row.pk)


def count(actor: Actor, row: ContactImport) -> dict[str, int]:
    return _counts(import_undo.start_count(actor, row))


def undo(actor: Actor, row: ContactImport) -> dict[str, int]:
    return _counts(import_undo.start_undo(actor, row))


def _counts(job: Job) -> dict[str, int]:
    jobs.run_job(job.pk)
    job.refresh_from_db()
    assert job.status == "done", job.error
    return {key: value for key, value in job.result.items() if value}


def write_to(actor: Actor, email: str) -> None:
    stream = Stream.objects.filter(workspace=actor.workspace).first() or make_stream(actor.workspace)
    make_recipients(make_message(stream), make_lane(stream), [email])


def test_all_of_it_is_taken_back(actor: Actor, news: MailingList) -> None:
    add_contact(actor, email="ann@x.example", name="Ann", fields={"city": "Oslo"}, evidence=ANY)
    add_contact(actor, email="same@x.example", lists=[news], evidence=ANY)
    data = b"email,name,city,age\nann@x.example,Anna,Bergen,41\nnew@x.example,New,,\nsame@x.example,,,\n"
    row = run(actor, data, news)
    assert (row.created, row.updated, row.unchanged, row.joined) == (1, 1, 1, 2)

    expected = {"removed": 1, "restored": 1, "taken_off": 2}
    assert count(actor, row) == expected
    assert Contact.objects.count() == 3
    assert undo(actor, row) == expected

    ann = Contact.objects.get(email_key="ann@x.example")
    assert (ann.name, ann.fields) == ("Ann", {"city": "Oslo"})
    assert not Contact.objects.filter(email_key="new@x.example").exists()
    assert list(Subscription.objects.values_list("contact__email", flat=True)) == ["same@x.example"]
    off = ConsentEntry.objects.get(contact=ann, action="removed")
    assert row.public_id in off.source
    assert set(AuditEntry.objects.filter(action__startswith="import.").values_list("action", flat=True)) == {
        "import.started", "import.undo_started", "import.undone"}


def test_what_somebody_did_since_is_kept_and_named(actor: Actor, news: MailingList) -> None:
    other = lists.create_list(actor, name="Other")
    row = run(actor, b"email\n" + b"".join(b"%s@x.example\n" % name for name in (
        b"written", b"left", b"other", b"changed", b"idle")), news)
    people = {contact.email.partition("@")[0]: contact for contact in Contact.objects.all()}
    write_to(actor, "written@x.example")
    subscriptions.unsubscribe(people["left"], [news.pk], evidence=Evidence(channel="link"))
    subscriptions.subscribe(people["other"], other, evidence=ANY)
    contacts.change_contact(actor, people["changed"], name="Given by hand")

    expected = {"removed": 1, "kept": 4, "written_to": 1, "answered": 1, "other_list": 1, "changed": 1,
                "taken_off": 4, "places_kept": 1}
    assert count(actor, row) == expected
    assert undo(actor, row) == expected

    named = dict(import_undo.kept_of(row))
    assert set(named) == {f"{name}@x.example" for name in ("written", "left", "other", "changed")}
    assert named["written@x.example"] == "Written to since"
    assert Subscription.objects.get(contact=people["left"]).status == "unsubscribed"
    assert Subscription.objects.get(contact=people["other"]).mailing_list == other


def test_mail_before_the_import_is_no_reason(actor: Actor) -> None:
    write_to(actor, "old@x.example")
    row = run(actor, b"email\nold@x.example\n")

    assert undo(actor, row) == {"removed": 1}


def test_a_value_that_changed_again_stays(actor: Actor) -> None:
    ann = add_contact(actor, email="ann@x.example", name="Ann", fields={"city": "Oslo", "shop": "A"}, evidence=ANY)
    row = run(actor, b"email,name,city,shop\nann@x.example,Anna,Bergen,B\n")
    contacts.change_contact(actor, ann, fields={"city": "Voss"})

    assert count(actor, row) == {"restored": 1, "values_kept": 1}
    assert undo(actor, row) == {"restored": 1, "values_kept": 1}

    ann.refresh_from_db()
    assert (ann.name, ann.fields) == ("Ann", {"city": "Voss", "shop": "A"})


def test_a_language_goes_back_unless_it_was_chosen_anew(actor: Actor) -> None:
    ann, bea = (add_contact(actor, email=f"{name}@x.example", language="fr", evidence=ANY) for name in ("ann", "bea"))
    row = run(actor, b"email,language\nann@x.example,de\nbea@x.example,de\n")
    contacts.change_contact(actor, bea, language="pl")

    assert undo(actor, row) == {"restored": 1, "values_kept": 1}

    ann.refresh_from_db()
    bea.refresh_from_db()
    assert (ann.language, bea.language) == ("fr", "pl")


def test_of_two_imports_the_first_is_undone_around_the_second(actor: Actor) -> None:
    add_contact(actor, email="ann@x.example", fields={"city": "Oslo"}, evidence=ANY)
    first = run(actor, b"email,city,shop\nann@x.example,Bergen,A\nnew@x.example,Bergen,A\n")
    run(actor, b"email,city\nann@x.example,Voss\nnew@x.example,Voss\n")

    assert undo(actor, first) == {"kept": 1, "changed": 1, "restored": 1, "values_kept": 1}

    assert Contact.objects.get(email_key="ann@x.example").fields == {"city": "Voss"}
    assert Contact.objects.get(email_key="new@x.example").fields == {"city": "Voss", "shop": "A"}


def test_a_killed_undo_goes_on_where_it_stood(
    actor: Actor, news: MailingList, monkeypatch: pytest.MonkeyPatch
) -> None:
    for number in range(30):
        add_contact(actor, email=f"p{number}@x.example", fields={"city": "Oslo"}, evidence=ANY)
    row = run(actor, b"email,city\n" + b"".join(b"p%d@x.example,Bergen\n" % n for n in range(75)), news)
    monkeypatch.setattr(import_undo, "_BATCH", 10)
    job = import_undo.start_undo(actor, row)
    deaths = 0
    while deaths < 12:
        passes: list[int] = []

        def dies(name: str, passes: list[int] = passes) -> None:
            passes.append(1)
            if len(passes) == 2:
                raise SystemExit

        monkeypatch.setattr(import_undo, "crashpoint", dies)
        try:
            jobs.run_job(job.pk)
        except SystemExit:
            deaths += 1
            Job.objects.filter(pk=job.pk).update(heartbeat_at="2020-01-01T00:00:00Z")
        else:
            break
    assert deaths > 5
    job.refresh_from_db()

    assert job.status == "done"
    assert {key: value for key, value in job.result.items() if value} == {
        "removed": 45, "restored": 30, "taken_off": 75}
    assert (job.done, job.total) == (150, 150)
    assert set(Contact.objects.values_list("fields__city", flat=True)) == {"Oslo"}
    assert Contact.objects.count() == 30
    assert not Subscription.objects.exists()


def test_a_stopped_undo_is_done_again_for_the_rest(actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    row = run(actor, b"email\n" + b"".join(b"p%d@x.example\n" % n for n in range(25)))
    monkeypatch.setattr(import_undo, "_BATCH", 10)
    job = import_undo.start_undo(actor, row)
    monkeypatch.setattr(import_undo, "crashpoint", lambda name: Job.objects.filter(pk=job.pk).update(
        cancel_requested_at=now()))
    jobs.run_job(job.pk)
    job.refresh_from_db()
    assert (job.status, job.done, Contact.objects.count()) == ("cancelled", 10, 15)

    assert undo(actor, again(row)) == {"removed": 15}


def test_what_a_stopped_undo_gave_back_did_not_change_again(actor: Actor, monkeypatch: pytest.MonkeyPatch) -> None:
    for number in range(25):
        add_contact(actor, email=f"p{number}@x.example", name="Ann", fields={"city": "Oslo"}, evidence=ANY)
    row = run(actor, b"email,name,city\n" + b"".join(b"p%d@x.example,Bo,Bergen\n" % n for n in range(25)))
    monkeypatch.setattr(import_undo, "_BATCH", 10)
    job = import_undo.start_undo(actor, row)
    monkeypatch.setattr(import_undo, "crashpoint", lambda name: Job.objects.filter(pk=job.pk).update(
        cancel_requested_at=now()))
    jobs.run_job(job.pk)

    assert count(actor, again(row)) == {"restored": 15}
    assert undo(actor, again(row)) == {"restored": 15}
    assert set(Contact.objects.values_list("name", "fields__city")) == {("Ann", "Oslo")}


def test_when_it_cannot_be(actor: Actor) -> None:
    nothing = run(actor, b"email\nnonsense\n")
    done = run(actor, b"email\na@x.example\n")
    undo(actor, done)
    old = run(actor, b"email\nb@x.example\n")
    Job.objects.filter(pk=old.pk).update(finished_at=now() - import_undo.KEPT - timedelta(seconds=1))
    going = run(actor, b"email\nc@x.example\n")
    import_undo.start_undo(actor, going)
    dry = importer.ImportRequest(file_name="x.csv", is_dry_run=True)
    tried = importer.start_import(actor, dry, [b"email\nz@x.example\n"])

    for row, words in ((nothing, "changed nothing"), (done, "undone already"), (old, "30 days"),
                       (going, "being undone now"), (tried, "dry run")):
        with pytest.raises(ConflictError, match=words):
            import_undo.start_undo(actor, again(row))


def test_the_values_before_are_forgotten_in_time(actor: Actor) -> None:
    add_contact(actor, email="ann@x.example", name="Ann", evidence=ANY)
    row = run(actor, b"email,name\nann@x.example,Anna\n")
    contacts.change_contact(actor, Contact.objects.get(), name="Annie")
    count(actor, row)
    assert (ImportBefore.objects.count(), ImportKept.objects.count()) == (1, 1)
    assert import_undo.forget_values() == 0

    Job.objects.filter(pk=row.pk).update(finished_at=now() - import_undo.KEPT - timedelta(seconds=1))

    assert import_undo.forget_values() == 2


def test_what_was_kept_goes_with_the_contact(actor: Actor) -> None:
    add_contact(actor, email="ann@x.example", name="Ann", evidence=ANY)
    row = run(actor, b"email,name\nann@x.example,Anna\n")

    contacts.delete_rows([contact.pk for contact in contacts.contacts_of(actor.workspace)])

    assert not ImportBefore.objects.exists()
    assert undo(actor, row) == {}


def test_who_told_more_of_themselves_since_stays(actor: Actor, news: MailingList) -> None:
    fields.define_field(actor, key="city")
    row = run(actor, b"email\na@x.example\nb@x.example\n", news)
    form = lists.create_form(actor, news, title="Join", field_keys=["city"])

    leaving.join(form, {"email": "a@x.example", "city": "Oslo"}, ANY)

    told = Contact.objects.get(email="a@x.example")
    assert (told.fields, told.updated_at > told.created_at) == ({"city": "Oslo"}, True)
    assert undo(actor, row) == {"removed": 1, "kept": 1, "answered": 1, "taken_off": 1, "places_kept": 1}
    assert Contact.objects.get() == told


def test_who_joined_by_themselves_since_stays_on_the_list(actor: Actor, news: MailingList) -> None:
    add_contact(actor, email="a@x.example", evidence=ANY)
    row = run(actor, b"email\na@x.example\nb@x.example\nc@x.example\n", news)
    form = lists.create_form(actor, news, title="Join")

    for email in ("a@x.example", "b@x.example", "b@x.example"):
        leaving.join(form, {"email": email}, ANY)

    own = ConsentEntry.objects.filter(channel="form").values_list("contact__email", "action")
    assert sorted(own) == [("a@x.example", "subscribed"), ("b@x.example", "subscribed")]
    assert undo(actor, row) == {"removed": 1, "kept": 1, "answered": 1, "taken_off": 1, "places_kept": 2}
    assert set(Subscription.objects.values_list("contact__email", "status")) == {
        ("a@x.example", "confirmed"), ("b@x.example", "confirmed")}
