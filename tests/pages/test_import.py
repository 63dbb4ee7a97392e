"""The import wizard: every file people really have, mapping, dry run, run, and what is refused."""

from __future__ import annotations

import re
from uuid import UUID

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.http import HttpResponse
from django.urls import reverse

from campaigns import lists
from campaigns.contacts import Evidence, add_contact
from campaigns.models import Contact, ContactImport, MailingList, Subscription
from relayhub.core import files, jobs
from relayhub.core.models import Job, Role, StoredFile
from relayhub.relay import routes
from relayhub.site import setup
from tests.pages.marketer_rows import Desk, desk

pytestmark = pytest.mark.django_db


@pytest.fixture
def at() -> Desk:
    routes.forget()
    return desk()


def upload(at: Desk, data: bytes, **query: str) -> HttpResponse:
    path = reverse("import-new") + (f"?list={query['list']}" if query else "")
    return at.client.post(path, {"file": SimpleUploadedFile("people.csv", data)})


def guessed(at: Desk, page: str) -> dict[str, str]:
    """The form's own choices, as a browser would send them."""
    chosen = re.findall(r'<select[^>]*name="(column-\d+)"[^>]*>(.*?)</select>', page, re.S)
    return {
        name: (re.search(r'value="([^"]*)" selected', options) or ["", ""])[1] for name, options in chosen
    }


def dry_run(at: Desk, data: bytes, **changes: str) -> ContactImport:
    """Through upload and columns as a browser goes, to the finished dry run."""
    there = upload(at, data)
    assert there.status_code == 302, there.content.decode()
    given = guessed(at, at.client.get(there["Location"]).content.decode()) | changes
    tried = at.client.post(there["Location"], given)
    assert tried.status_code == 302, tried.content.decode()
    return finished(tried["Location"])


def finished(location: str) -> ContactImport:
    row = next(row for row in ContactImport.objects.all() if row.public_id in location)
    jobs.run_job(row.pk)
    row.refresh_from_db()
    assert row.rows == row.created + row.updated + row.unchanged + row.rejected
    return row


def test_the_whole_way(at: Desk) -> None:
    news = lists.create_list(at.actor, name="News")
    add_contact(at.actor, email="lotte@x.example", name="Lotte", fields={"shop": "East"},
                evidence=Evidence(channel="api"))
    data = b"E-mail,Name,Shop\nada@x.example,Ada,West\nlotte@x.example,,North\nnonsense,,\nADA@x.example,,\n"

    tried = dry_run(at, data, list=news.public_id, consent_source="paper sheet")
    page = at.client.get(reverse("contact-import-run", args=[tried.public_id])).content.decode()

    assert Contact.objects.count() == 1
    assert "Import 2 rows" in page
    for words in ("<del>East</del>", "<ins>North</ins>", "<ins>new contact</ins>", "Address is not valid",
                  "Duplicate of row 2", "paper sheet"):
        assert words in page, words
    assert "all is there already</span>" not in page
    started = at.client.post(reverse("contact-import-start", args=[tried.public_id]))
    run = finished(started["Location"])
    assert (run.created, run.updated, run.rejected) == (1, 1, 2)
    assert Subscription.objects.count() == 2
    done = at.client.get(started["Location"]).content.decode()
    assert "See 1 new contact" in done
    seen = at.client.get(reverse("contact-list"), {"import": run.public_id}).content.decode()
    assert "ada@x.example" in seen
    assert "lotte@x.example" not in seen


@pytest.mark.parametrize(
    "data",
    [
        "email,name\nzoë@x.example,Zoë\n".encode("latin-1"),
        "email,name\nzoë@x.example,Zoë\n".encode("utf-16"),
        "email,name\nzoë@x.example,Zoë\n".encode("utf-16-be").join([b"\xfe\xff", b""]),
        "\ufeffemail,name\r\nzoë@x.example,Zoë\r\n".encode(),
        "email;name\nzoë@x.example;Zoë\n".encode(),
        "email,name\rzoë@x.example,Zoë\r".encode(),
        "Zoë,zoë@x.example\n".encode(),
        "Kontakt,Navn\nzoë@x.example,Zoë\n".encode(),
    ],
    ids=["latin-1", "utf-16", "utf-16 big-endian", "bom", "semicolons", "old mac", "no header", "unknown heading"],
)
def test_files_as_people_have_them(at: Desk, data: bytes) -> None:
    tried = dry_run(at, data)
    at.client.post(reverse("contact-import-start", args=[tried.public_id]))
    finished(ContactImport.objects.get(is_dry_run=False).public_id)

    assert Contact.objects.get().email == "zoë@x.example"


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (b"", "The file is empty."),
        (b"\n \n\n", "The file holds no rows."),
        (b"PK\x03\x04\x14\x00\x06\x00\x08\x00", "it holds binary data"),
        (b"email," + b",".join(b"c%d" % i for i in range(200)) + b"\na@x.example\n", "201 columns"),
    ],
    ids=["empty", "blank", "a spreadsheet", "201 columns"],
)
def test_a_file_that_cannot_be_read_says_why_and_leaves_nothing(at: Desk, data: bytes, words: str) -> None:
    answer = upload(at, data)

    assert answer.status_code == 422
    assert words in answer.content.decode()
    assert not StoredFile.objects.exists()
    assert not Job.objects.exists()


def test_200_columns_are_taken(at: Desk) -> None:
    data = b"email," + b",".join(b"c%d" % i for i in range(199)) + b"\na@x.example" + b",v" * 199 + b"\n"

    tried = dry_run(at, data)

    assert (tried.created, tried.rejected) == (1, 0)


def test_no_file_is_told(at: Desk) -> None:
    answer = at.client.post(reverse("import-new"))

    assert answer.status_code == 422
    assert "Choose a CSV file first." in answer.content.decode()


def test_a_file_without_addresses_asks_for_the_column(at: Desk) -> None:
    there = upload(at, b"name,town\nZoe,Oslo\n")["Location"]
    assert "No column looks like e-mail addresses." in at.client.get(there).content.decode()

    answer = at.client.post(there, {"column-0": "name", "column-1": "town"})

    assert answer.status_code == 422
    page = answer.content.decode()
    assert "Choose “Address” for one column" in page
    assert "map it to" not in page
    assert re.search(r'value="text:town" selected', page)
    assert not Job.objects.exists()


def test_a_dry_run_shows_each_kind_of_contact(at: Desk) -> None:
    for name in ("Ann", "Bo"):
        add_contact(at.actor, email=f"{name}@x.example", name=name, evidence=Evidence(channel="api"))
    tried = dry_run(at, b"email,name\nann@x.example,Ann\nbo@x.example,Bob\ncy@x.example,Cy\n")
    url = reverse("contact-import-run", args=[tried.public_id])

    def shown(**query: str) -> list[str]:
        page = at.client.get(url, query).content.decode()
        part = page[page.index('id="changes"'):]
        return re.findall(r"(\w+)@x\.example", part[: part.index("</section>")])

    assert shown() == ["bo", "cy"]
    assert shown(show="new") == ["cy"]
    assert shown(show="changed") == ["bo"]
    assert shown(show="unchanged") == ["ann"]


def test_a_dry_run_shows_a_few_of_each_kind_and_one_kind_page_by_page(at: Desk) -> None:
    tried = dry_run(at, b"email\n" + b"".join(b"n%d@x.example\n" % number for number in range(30)))
    url = reverse("contact-import-run", args=[tried.public_id])

    def shown(**query: str) -> list[str]:
        return re.findall(r">n(\d+)@x\.example<", at.client.get(url, query).content.decode())

    assert len(shown()) == 6
    assert len(shown(show="new")) == 25
    assert "?show=new&amp;from=25#changes" in at.client.get(url, {"show": "new"}).content.decode()
    assert shown(show="new", **{"from": "25"}) == ["25", "26", "27", "28", "29"]
    assert len(shown(show="new", **{"from": "250"})) == 25


def test_columns_are_guessed_with_the_types_of_new_fields(at: Desk) -> None:
    data = b"E-mail,Fornavn,Efternavn,Oprettet,Point\na@x.example,Ada,Krog,03-04-2025,120\n"
    page = at.client.get(upload(at, data)["Location"]).content.decode()
    assert "Check: day or month first?" in page
    assert "New field, number" in page

    tried = dry_run(at, data, **{"format-3": "date.mdy", "column-4": "text:points"})
    at.client.post(reverse("contact-import-start", args=[tried.public_id]))
    finished(ContactImport.objects.get(is_dry_run=False).public_id)

    ada = Contact.objects.get()
    assert (ada.name, ada.fields) == ("Ada Krog", {"oprettet": "2025-03-04", "points": "120"})
    again = at.client.get(
        reverse("import-columns", args=[tried.file_id]), {"from": tried.public_id}
    ).content.decode()
    assert 'value="date.mdy" selected' in again


def test_a_list_can_be_made_on_the_way(at: Desk) -> None:
    tried = dry_run(at, b"email\nzoe@example.org\n", new_list="Newsletter")

    assert tried.mailing_list is not None
    assert (tried.mailing_list.name, tried.mailing_list.opt_in) == ("Newsletter", "single")


def test_a_refused_file_leaves_no_new_list_behind(at: Desk) -> None:
    there = upload(at, b"email\nzoe@example.org\n")["Location"]

    refused = at.client.post(there, {"column-0": "", "new_list": "Newsletter"})
    assert refused.status_code == 422
    assert 'value="Newsletter"' in refused.content.decode()
    assert not MailingList.objects.exists()

    row = lists.create_list(at.actor, name="Letters")
    both = at.client.post(there, {"column-0": "email", "new_list": "Newsletter", "list": row.public_id})
    assert both.status_code == 422
    assert "not both" in both.content.decode()
    again = at.client.post(there, {"column-0": "email", "new_list": "Letters"})
    assert again.status_code == 422
    assert MailingList.objects.count() == 1


def test_two_columns_for_one_field_are_refused(at: Desk) -> None:
    there = upload(at, b"email,a,b\na@x.example,1,2\n")["Location"]

    answer = at.client.post(there, {"column-0": "email", "column-1": "city", "column-2": "city"})

    assert answer.status_code == 422
    assert "Two columns are mapped to “city”." in answer.content.decode()


def test_every_refused_row_is_on_the_page_and_in_the_download(at: Desk) -> None:
    data = (
        b'email,name\na@x.example,A\n"b@x.example,B\nc@x.example,C\nnonsense,N\n,empty\na@x.example,again\n'
        b"d@x.example,D,too,many\n=cmd(1)@x,=1+1\n"
    )

    tried = dry_run(at, data)
    url = reverse("contact-import-run", args=[tried.public_id])
    page = at.client.get(url).content.decode()

    assert (tried.created, tried.rejected) == (2, 6)
    for words in ("A quote is opened and never closed", "No e-mail address", "Duplicate of row 2", "4 cells"):
        assert words in page, words
    only = at.client.get(url, {"code": "duplicate"}).content.decode()
    table = only[only.index('id="rejected"'):]
    assert "Duplicate of row 2" in table
    assert "never closed" not in table[: table.index("</table>")]
    lines = b"".join(at.client.get(reverse("contact-import-rejects", args=[tried.public_id]))).decode().splitlines()
    assert len(lines) == 7
    assert any("'=cmd(1)@x" in line and "'=1+1" in line for line in lines)


def test_rejected_rows_come_in_pages(at: Desk) -> None:
    tried = dry_run(at, b"email\nok@x.example\n" + b"bad\n" * 60)
    url = reverse("contact-import-run", args=[tried.public_id])

    def shown(**query: str) -> list[str]:
        return re.findall(r">Row (\d+)<", at.client.get(url, query).content.decode())

    assert shown() == ["3", "4", "5", "6", "7", "8"]
    assert len(shown(code="invalid_address")) == 25
    assert shown(after="52")[0] == "53"


def test_columns_can_be_changed_after_a_dry_run(at: Desk) -> None:
    tried = dry_run(at, b"email,town\na@x.example,Oslo\n", **{"column-1": ""})
    assert tried.file is not None

    page = at.client.get(
        reverse("import-columns", args=[tried.file.pk]), {"from": tried.public_id}
    ).content.decode()

    assert guessed(at, page) == {"column-0": "email", "column-1": ""}


def test_a_running_import_shows_progress_and_is_stopped(at: Desk) -> None:
    there = upload(at, b"email\na@x.example\n")["Location"]
    tried = at.client.post(there, {"column-0": "email"})["Location"]

    page = at.client.get(tried).content.decode()
    part = at.client.get(tried, HTTP_HX_REQUEST="true")
    assert 'hx-trigger="every 2s"' in page
    assert b"<html" not in part.content
    row = ContactImport.objects.get()
    at.client.post(reverse("contact-import-cancel", args=[row.public_id]))

    assert "stopped by a person" in at.client.get(tried).content.decode()
    assert row.public_id in at.client.get(reverse("import-new")).content.decode()


@pytest.mark.parametrize(("data", "words"), [
    (b"email,town\n", "the file has no rows below its heading"),
    (b"email,town\nnobody,Oslo\n", "no row of the file can be imported"),
])
def test_a_dry_run_of_nothing_says_so_and_leads_to_another_file(at: Desk, data: bytes, words: str) -> None:
    tried = dry_run(at, data)

    page = at.client.get(reverse("contact-import-run", args=[tried.public_id])).content.decode()

    assert words in page
    assert "is there already." not in page
    assert "Import another file" in page


def test_a_stopped_dry_run_says_that_nothing_was_written(at: Desk) -> None:
    there = upload(at, b"email\na@x.example\n")["Location"]
    tried = at.client.post(there, {"column-0": "email"})["Location"]
    assert "a dry run has written nothing" in at.client.get(tried).content.decode()

    at.client.post(reverse("contact-import-cancel", args=[ContactImport.objects.get().public_id]))

    assert "nothing was written" in at.client.get(tried).content.decode()


def test_polish_letters_of_a_spreadsheet_are_read_as_they_were_written(at: Desk) -> None:
    there = upload(at, "email;Imię\nl@x.example;Łukasz\n".encode("cp1250"))["Location"]

    page = at.client.get(there).content.decode()

    assert "Łukasz" in page
    assert "it was read as Windows-1250" in page


def test_the_file_of_an_old_dry_run_is_gone(at: Desk) -> None:
    tried = dry_run(at, b"email\na@x.example\n")
    StoredFile.objects.update(expires_at="2020-01-01T00:00:00Z")
    assert files.delete_expired() == 1

    page = at.client.get(reverse("contact-import-run", args=[tried.public_id])).content.decode()

    assert "Upload the file again" in page
    answer = at.client.post(
        reverse("contact-import-start", args=[tried.public_id]), HTTP_REFERER="http://testserver/contacts/import",
        follow=True,
    )
    assert "Upload it again." in answer.content.decode()
    assert not Contact.objects.exists()


def test_roles_and_strangers(at: Desk) -> None:
    tried = dry_run(at, b"email\na@x.example\nnonsense\n")
    assert tried.file is not None
    viewer = desk(at.workspace, role=Role.VIEWER, email="v@example.com")
    other = desk(setup.new_workspace("Other"), email="o@example.com")

    seen = viewer.client.get(reverse("contact-import-run", args=[tried.public_id]))
    assert seen.status_code == 200
    assert f'href="{reverse("import-columns", args=[tried.file.pk])}' not in seen.content.decode()
    for name in ("contact-import-rejects", "contact-import-kept"):
        path = reverse(name, args=[tried.public_id])
        assert path not in seen.content.decode()
        assert (viewer.client.get(path).status_code, at.client.get(path).status_code) == (403, 200)
    assert "Choose the file" not in viewer.client.get(reverse("import-new")).content.decode()
    assert upload(viewer, b"email\n").status_code == 403
    for name in ("contact-import-start", "contact-import-cancel"):
        assert viewer.client.post(reverse(name, args=[tried.public_id])).status_code == 403
        assert other.client.post(reverse(name, args=[tried.public_id])).status_code == 404
    for name in ("contact-import-run", "contact-import-rejects"):
        assert other.client.get(reverse(name, args=[tried.public_id])).status_code == 404
    assert other.client.get(reverse("import-columns", args=[UUID(str(tried.file.pk))])).status_code == 404
