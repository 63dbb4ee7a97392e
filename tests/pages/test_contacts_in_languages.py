"""Contacts, imports and lists in the language of the person: pages, and what is stored in English and said anew."""

from __future__ import annotations

import re
from collections.abc import Callable
from html import unescape

import pytest
from django.urls import reverse

from campaigns import bulk, fields, importer, list_members, lists
from campaigns.contacts import Evidence, add_contact
from campaigns.models import Contact, ContactImport
from relayhub.core import jobs
from relayhub.core.models import Job, User
from tests.pages.marketer_rows import Desk, reading

pytestmark = pytest.mark.django_db

#: Of what the pages of a list say in English; none of it may be left over.
_ENGLISH = re.compile(
    r"\b(the|of|and|with|from|this|that|they|list|lists|contacts|contact(?!\.)|rows?|unconfirmed|evidence|added|changed|"
    r"rejected|written|nobody|nothing|import of|since|columns)\b", re.IGNORECASE,
)


def people_of(language: str) -> Desk:
    """A person who reads that language, with a list, a few people on it, and a field."""
    at = reading(language)
    news = lists.create_list(at.actor, name="Gazeta", opt_in="double", from_header="Maja <maja@example.com>")
    fields.define_field(at.actor, key="punkte", label="Punkte", type="number")
    fields.define_field(at.actor, key="karte", label="Karte", type="boolean")
    for name in ("ann", "bo", "cy"):
        add_contact(
            at.actor, email=f"{name}@x.example", fields={"punkte": 3, "karte": True},
            evidence=Evidence(channel="dashboard", source="added by Maja Lindqvist"), lists=[news],
        )
    ann, bo = (Contact.objects.get(email_key=f"{name}@x.example") for name in ("ann", "bo"))
    list_members.unsubscribe(at.actor, ann, news, evidence=Evidence(channel="api", source="unsubscribed by Maja"))
    bulk.start(at.actor, bulk.Order(kind="suppress"), bulk.Chosen(ids=[bo.pk]))
    return at


def tried(at: Desk, *, is_dry_run: bool) -> ContactImport:
    """An import or a dry run with a new, a changed, an unchanged and three refused rows."""
    request = importer.ImportRequest(file_name="a.csv", mailing_list=lists.lists_of(at.workspace).get(),
                                     is_dry_run=is_dry_run)
    data = (
        b"email,name,punkte\nnew@x.example,N,1\nann@x.example,Ann,3\nbo@x.example,,3\nx,,\nnew@x.example,,\n"
        b"z@x.example,,a\n"
    )
    row = importer.start_import(at.actor, request, [data])
    jobs.run_job(row.pk)
    return row


def answered(at: Desk) -> list[str]:
    """Columns and result of a file that says who agreed, and the dry run of one whose answers are not used."""
    news = lists.lists_of(at.workspace).get()
    data = "email,Newsletter\nyes@x.example,tak\nq@x.example,nie\nw@x.example,?\nempty@x.example,\ncy@x.example,nie\n"
    found = []
    for mapping in (None, {"email": "email"}):
        request = importer.ImportRequest(
            file_name="a.csv", mailing_list=news, is_dry_run=True, mapping=mapping
        )
        row = importer.start_import(at.actor, request, [data.encode()])
        jobs.run_job(row.pk)
        assert row.file is not None
        found += [reverse("contact-import-run", args=[row.public_id]),
                  reverse("import-columns", args=[row.file.pk]) + f"?from={row.public_id}"]
    return found


def text_of(at: Desk, path: str) -> str:
    """What a reader sees and hears of the page's main part and its dialogs."""
    page = at.client.get(path).content.decode()
    main = page[page.index("<main"): page.index("</main>")] + "".join(re.findall(r"<dialog.*?</dialog>", page, re.S))
    spoken = re.findall(r'(?:aria-label|placeholder|data-label)="([^"]*)"', main)
    main = re.sub(r'<(pre|code|time|bdi|svg)\b.*?</\1>|value="[^"]*"', " ", main, flags=re.DOTALL)
    return re.sub(r"\s+", " ", unescape(" ".join([re.sub(r"<[^>]+>", " ", main), *spoken])))


def pages_of(at: Desk) -> list[str]:
    """The addresses of every kind of page about contacts, imports and lists, with something on it."""
    ann, bo = (Contact.objects.get(email_key=f"{name}@x.example").public_id for name in ("ann", "bo"))
    news = lists.lists_of(at.workspace).get()
    form = lists.create_form(at.actor, news, title="F", text="", button="B", field_keys=[])
    dry, run = tried(at, is_dry_run=True), tried(at, is_dry_run=False)
    assert dry.file is not None
    at.client.post(reverse("contact-import-undo-count", args=[run.public_id]))
    jobs.run_job(Job.objects.order_by("-id")[0].pk)
    filters = "standing=suppressed&field=punkte&op=ge&value=2&did=opened&within=5&consent=form&added_from=2020-01-02"
    pages: list[tuple[str, str]] = [
        ("contact-list", ""), ("contact-new", ""), ("contact-fields", ""), ("list-list", ""), ("list-new", ""),
        ("import-new", ""), ("contact-detail", ann), ("contact-detail", bo), ("list-detail", news.public_id),
        ("list-edit", news.public_id), ("list-form-new", news.public_id), ("list-form", form.public_id),
        ("list-preferences", news.public_id), ("import-columns", str(dry.file.pk)),
        ("contact-import-run", dry.public_id), ("contact-import-run", run.public_id),
        ("contact-import-undo", run.public_id),
    ]
    paths = [reverse(name, args=[key] if key else []) for name, key in pages]
    paths += answered(at)
    return [*paths, f"{paths[0]}?{filters}&list={news.public_id}&status=unconfirmed", f"{paths[0]}?q=nobody-here"]


def test_no_page_of_contacts_imports_and_lists_is_left_in_english() -> None:
    at = people_of("de")

    said = {path: text_of(at, path) for path in pages_of(at)}

    assert {path: _ENGLISH.findall(text) for path, text in said.items() if _ENGLISH.search(text)} == {}
    together = " ".join(said.values())
    for words in ("Schreiben erlaubt", "Darf nicht angeschrieben werden: abgemeldet", "Kontakte importieren",
                  "Doppelt zu Zeile 2", "Karte ja",
                  "Punkte ist mindestens 2", "Auf „Gazeta“", "3 Personen daraus kommen nicht auf die Liste.",
                  "hinzugefügt von Maja Lindqvist"):
        assert words in together


def test_polish_counts_in_three_forms() -> None:
    at = people_of("pl")
    run = tried(at, is_dry_run=True)
    news = lists.lists_of(at.workspace).get()

    assert "Importuj 3 wiersze" in text_of(at, reverse("contact-import-run", args=[run.public_id]))
    assert "3 kontakty" in text_of(at, reverse("list-detail", args=[news.public_id]))
    for number in range(5):
        add_contact(at.actor, email=f"p{number}@x.example", evidence=Evidence(channel="api"))
    assert "8 kontaktów" in text_of(at, reverse("contact-list"))


def test_what_is_stored_stays_english_and_is_said_anew() -> None:
    at = people_of("fr")
    run = tried(at, is_dry_run=False)

    page = text_of(at, reverse("contact-import-run", args=[run.public_id]))

    assert run.consent_source.startswith("import imp_")
    assert run.rejects.get(row=6).reason == "duplicate of row 2"
    assert "Doublon de la ligne 2" in page
    assert "par maja@example.com le 2" in page
    assert str(Job.objects.order_by("id")[0].title).startswith("Import a.csv")


def test_the_reply_to_an_act_is_in_the_persons_language_and_the_interface_stays_english() -> None:
    at = people_of("es")
    ann = Contact.objects.get(email_key="ann@x.example")

    at.client.post(reverse("contact-bulk"), {"act": "suppress", "contact": ann.public_id})
    answer = at.client.get(f"/api/v1/contacts/{ann.public_id}", headers={"Accept-Language": "es"})

    assert "Suprimido: 1 contacto." in unescape(at.client.get(reverse("contact-list")).content.decode())
    assert "suprimido" not in answer.content.decode().lower()


@pytest.mark.parametrize("number", ["1.203", "1203", "1\u202f203", "1,203"])
def test_a_number_to_confirm_is_taken_as_any_language_writes_it(number: str) -> None:
    at = people_of("de")
    Contact.objects.bulk_create(
        Contact(workspace=at.workspace, email=f"m{count}@x.example", email_key=f"m{count}@x.example")
        for count in range(1200)
    )

    at.client.post(reverse("contact-bulk"), {"act": "delete", "all": "1", "typed": number})

    assert not Contact.objects.exists()


@pytest.mark.browser
@pytest.mark.django_db(transaction=True)
def test_contacts_look_right_in_long_words(look: Callable[..., None]) -> None:
    at = people_of("de")
    run = tried(at, is_dry_run=True)
    ann = Contact.objects.get(email_key="ann@x.example")
    look(at, reverse("contact-list"), "contacts-de", only_words=True)
    look(at, reverse("contact-detail", args=[ann.public_id]), "contact-de", only_words=True)
    User.objects.filter(pk=at.user.pk).update(language="pl")
    look(at, reverse("contact-import-run", args=[run.public_id]), "import-dry-run-pl", only_words=True)
    look(at, reverse("list-detail", args=[lists.lists_of(at.workspace).get().public_id]), "list-pl", only_words=True)
