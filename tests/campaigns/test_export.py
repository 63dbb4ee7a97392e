"""Exports: complete, safe in spreadsheets, and what was exported can be imported again."""

from __future__ import annotations

import csv
import io

import pytest

from campaigns import exporter, fields, importer, lists
from campaigns.contacts import Evidence, add_contact
from campaigns.models import Contact, ContactImport
from relayhub.core import cells, files, jobs
from relayhub.core.access import Actor, system_actor
from relayhub.core.models import Job
from relayhub.site import setup

pytestmark = pytest.mark.django_db


@pytest.fixture
def actor() -> Actor:
    return system_actor(setup.new_workspace("Shop"))


def exported(actor: Actor, **which: object) -> bytes:
    job = exporter.start_export(actor, **which)  # type: ignore[arg-type]
    jobs.run_job(job.pk)
    return b"".join(files.iterate_file(exporter.exported_file(Job.objects.get(pk=job.pk))))


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        ("=1+1", "'=1+1"), ("+45 12", "'+45 12"), ("-x", "'-x"), ("@SUM(A1)", "'@SUM(A1)"), ("\t=1", "'\t=1"),
        ("\r=1", "'\r=1"), ("  =1", "'  =1"), ("＝1", "'＝1"), ("a=1", "a=1"), ("", ""), (None, ""),
        (-5, "-5"), (2.5, "2.5"), (True, "True"),
    ],
)
def test_no_cell_is_a_formula(value: object, shown: str) -> None:
    assert cells.safe_cell(value) == shown
    assert cells.plain_cell(shown) == ("" if value is None else str(value))


def test_an_export_holds_everybody_with_fields_and_lists(actor: Actor) -> None:
    news = lists.create_list(actor, name="=News")
    fields.define_field(actor, key="note", label="Note")
    fields.define_field(actor, key="balance", type="number")
    add_contact(actor, email="a@x.example", name="=HYPERLINK(1)", lists=[news], evidence=Evidence(channel="api"),
                fields={"note": "two\nlines, \"quoted\"", "balance": -5})
    add_contact(actor, email="b@x.example", evidence=Evidence(channel="api"))

    rows = list(csv.DictReader(io.StringIO(exported(actor).decode())))

    assert [row["email"] for row in rows] == ["a@x.example", "b@x.example"]
    assert rows[0]["name"] == "'=HYPERLINK(1)"
    assert rows[0]["note"] == "two\nlines, \"quoted\""
    assert rows[0]["balance"] == "-5"
    assert rows[0]["lists"] == "'=News (confirmed)"


def test_an_export_of_a_list_holds_its_people_only(actor: Actor) -> None:
    news = lists.create_list(actor, name="News")
    add_contact(actor, email="a@x.example", lists=[news], evidence=Evidence(channel="api"))
    add_contact(actor, email="b@x.example", evidence=Evidence(channel="api"))

    rows = list(csv.DictReader(io.StringIO(exported(actor, mailing_list=news).decode())))

    assert [row["email"] for row in rows] == ["a@x.example"]


def test_an_export_comes_in_again_unchanged(actor: Actor) -> None:
    fields.define_field(actor, key="note")
    add_contact(actor, email="zoë@x.example", name="Zoë", evidence=Evidence(channel="api"),
                fields={"note": "two\nlines; \"quoted\""})
    data = exported(actor)
    before = Contact.objects.get()

    mapping = {"email": "email", "name": "name", "note": "note"}
    row = importer.start_import(actor, importer.ImportRequest(file_name="back.csv", mapping=mapping), [data])
    jobs.run_job(row.pk)

    row = ContactImport.objects.get()
    assert (row.unchanged, row.rows) == (1, 1)
    after = Contact.objects.get()
    assert (after.name, after.fields) == (before.name, before.fields)
