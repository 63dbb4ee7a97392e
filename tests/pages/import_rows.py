"""A file that says who agreed to a list, and imports of it, for tests of the wizard's pages."""

from __future__ import annotations

from django.urls import reverse

from campaigns import importer, lists
from campaigns.contacts import Evidence, add_contact
from campaigns.models import MailingList
from relayhub.core import jobs
from tests.pages.marketer_rows import Desk

CSV = (
    "E-mail;Name;Newsletter\nada@kanalhus.example;Ada Krog;ja\nbo@fjordpost.example;Bo Lund;ja\n"
    "grete@oldharbour.example;Grete Holm;nein\nmember@kanalhus.example;Inès Moreau;nein\n"
    "lotte@kanalhus.example;Lotte Kjær;\nsoeren@fjordpost.example;Søren Bek;nur im Advent\n"
    "zoe@molenstraat.example;Zoë van Rijn;nur im Advent\nnora@molenstraat.example;Nora;per Telefon\n"
).encode()
#: The columns with the one that says who agreed left out.
WITHOUT = {"E-mail": "email", "Name": "name", "Newsletter": ""}


def weekly_letter(at: Desk) -> MailingList:
    """A list with one of the file on it already, who says no there."""
    row = lists.create_list(at.actor, name="Weekly letter")
    add_contact(at.actor, email="member@kanalhus.example", lists=[row], evidence=Evidence(channel="form"))
    return row


def columns_of(at: Desk) -> str:
    """The address of the columns step of the file."""
    file = importer.upload(at.actor, "subscribers-2026.csv", [CSV])
    return reverse("import-columns", args=[file.pk])


def imported(at: Desk, onto: MailingList, *, dry: bool, mapping: dict[str, str] | None = None) -> str:
    """The address of a finished import or dry run of the file."""
    request = importer.ImportRequest(
        file_name="subscribers-2026.csv", mailing_list=onto, is_dry_run=dry, mapping=mapping
    )
    row = importer.start_import(at.actor, request, [CSV])
    jobs.run_job(row.pk)
    return reverse("contact-import-run", args=[row.public_id])
