"""The import wizard: upload, say what each column is, try it, run it; each run is found again at its address."""

from __future__ import annotations

from uuid import UUID

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, pgettext
from django.views.decorators.http import require_http_methods, require_POST

from campaigns import importer, list_choice, lists
from campaigns.column_guess import EMAIL
from campaigns.csv_reader import MAX_BYTES, MAX_COLUMNS, MAX_ROWS
from campaigns.forms.import_wizard import ImportForm
from campaigns.import_columns import Columns
from campaigns.models import ContactImport
from campaigns.views import import_choices
from campaigns.views.common import chosen_lists, picked_list
from relayhub.core import formats, jobs
from relayhub.core.access import get_or_absent
from relayhub.core.errors import InputError, RelayHubError
from relayhub.core.ids import Prefix, decode_id
from relayhub.core.models import Scope, StoredFile
from relayhub.core.pages import PageRequest, page

_RECENT = 20
_CHUNK_BYTES = 1024 * 1024
#: How a file came, for people.
_ENCODINGS = {
    "utf-8": "UTF-8", "utf-16": "UTF-16", "cp1250": "Windows-1250", "cp1252": "Windows-1252 (Latin-1)",
}
_DELIMITERS = {
    ",": gettext_lazy("commas"), ";": gettext_lazy("semicolons"), "\t": gettext_lazy("tabs"), "|": gettext_lazy("bars"),
}


def run_of(request: PageRequest, import_id: str) -> ContactImport:
    """The import or dry run, or AccessError."""
    return get_or_absent(importer.imports_of(request.actor.workspace), Prefix.IMPORT, import_id, field="job_id")


def steps(
    here: str, *, file: StoredFile | None, notes: dict[str, str], query: str = "", may_change: bool = True
) -> list[dict[str, str]]:
    """The four steps with their results; without links for those who may not change an import."""
    labels = {
        "upload": _("Upload"), "columns": _("Columns"), "dry_run": _("Dry run"), "import": pgettext("noun", "Import"),
    }
    order = list(labels)
    urls = {"upload": reverse("import-new"),
            "columns": reverse("import-columns", args=[file.pk]) + query if file else ""}
    found = []
    for number, (step, label) in enumerate(labels.items()):
        state = "now" if step == here else "done" if number < order.index(here) else ""
        found.append({
            "label": label, "state": state, "note": notes.get(step, "" if state == "done" else _("Not started")),
            "url": urls.get(step, "") if may_change and (state == "done" or step == here) else "",
        })
    return found


# -- upload --------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@page(Scope.CONTACTS_READ, write=Scope.CONTACTS_WRITE)
def import_new(request: PageRequest) -> HttpResponse:
    """Take the file; the runs before are below."""
    problem = ""
    onto = chosen_lists(request, "list", source=request.GET)
    if request.method == "POST":
        try:
            file = _taken(request)
        except InputError as exc:
            problem = exc.message
        else:
            query = f"?list={onto[0].public_id}" if onto else ""
            return redirect(reverse("import-columns", args=[file.pk]) + query)
    recent = list(importer.imports_of(request.actor.workspace).defer("samples")[:_RECENT])
    return render(
        request, "campaigns/import_new.html",
        {
            "nav": "contact", "problem": problem, "recent": recent, "onto": onto[0] if onto else None,
            "steps": steps("upload", file=None, notes={"upload": _("A CSV file")}),
            "limits": _("Up to %(size)s MB, %(rows)s rows and %(columns)s columns.") % {
                "size": MAX_BYTES // 1024 // 1024, "rows": formats.number(MAX_ROWS), "columns": MAX_COLUMNS
            },
        },
        status=422 if problem else 200,
    )


def _taken(request: PageRequest) -> StoredFile:
    file = request.FILES.get("file")
    if not isinstance(file, UploadedFile):
        raise InputError(_("Choose a CSV file first."), field="file")
    return importer.upload(request.actor, file.name or "contacts.csv", file.chunks(_CHUNK_BYTES))


# -- columns -------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@page(Scope.CONTACTS_WRITE)
def import_columns(request: PageRequest, file_id: UUID) -> HttpResponse:
    """Say what each column becomes; POST starts the dry run."""
    file = importer.upload_of(request.actor.workspace, file_id)
    dialect, sample = importer.columns_and_sample(file, importer.GUESSED_FROM)
    before = run_of(request, request.GET["from"]) if request.GET.get("from") else None
    choices, initial = list_choice.choices(request.actor.workspace), _initial(request, before)
    form = ImportForm(
        request.POST or None, lists=choices, may_make_lists=request.actor.may(Scope.LISTS_WRITE), initial=initial
    )
    columns = Columns.of(request.actor.workspace, dialect, sample, has_list=True)
    chosen = import_choices.of_guesses(columns) if before is None else import_choices.of_import(before)
    problem = ""
    if request.method == "POST":
        chosen = import_choices.posted(columns, request.POST)
        try:
            return _try(request, file, chosen, form)
        except RelayHubError as exc:
            problem = _no_address() if exc.code == "no_email_column" else exc.message
    unused = columns.unused_answer(chosen.mapping)
    used = sum(1 for target in chosen.mapping.values() if target)
    return render(
        request, "campaigns/import_columns.html",
        {
            "nav": "contact", "file": file, "form": form, "problem": problem,
            "answer": next(iter(columns.answers), ""), "is_unused": bool(unused) and _has_list(request, initial),
            "columns": import_choices.rows(columns, chosen), "used": used, "column_count": len(columns.names),
            "steps": steps("columns", file=file, notes={
                "upload": file.name, "columns": _("%(used)s of %(count)s used") % {
                    "used": used, "count": len(dialect.columns)}}),
            "read_as": _("%(encoding)s, columns parted by %(marks)s") % {
                "encoding": _ENCODINGS.get(importer.encoding_of(file), importer.encoding_of(file)),
                "marks": _DELIMITERS.get(dialect.delimiter, dialect.delimiter),
            },
            "guessed_encoding": _guessed_encoding(file), "has_header": dialect.has_header,
            "lacks_address": not problem and EMAIL not in chosen.mapping.values(),
            "is_empty": not sample, "list_choices": choices,
            "picked": _picked(request, initial["list"]) if choices is None else None,
        },
        status=422 if problem or form.errors else 200,
    )


def _no_address() -> str:
    """In the words of the page, whose answers have no keys."""
    return _("Choose “Address” for one column: the one that holds the e-mail addresses.")


def _guessed_encoding(file: StoredFile) -> str:
    """The name of an encoding that was guessed from the letters, "" where the file itself tells it."""
    encoding = importer.encoding_of(file)
    return _ENCODINGS[encoding] if encoding in ("cp1250", "cp1252") else ""


def _picked(request: PageRequest, text: str) -> dict[str, str]:
    """What the field that searches lists holds: as it was sent, else as it begins."""
    if request.method == "POST":
        found, typed = picked_list(request, "list"), request.POST.get("list_name", "")
    else:
        key = decode_id(Prefix.LIST, text)
        found, typed = lists.lists_of(request.actor.workspace).filter(pk=key).first() if key else None, ""
    return {"id": found.public_id if found else "", "name": found.name if found else typed}


def _has_list(request: PageRequest, initial: dict[str, str]) -> bool:
    """Whether the page as it is shown has a list chosen or named."""
    given = request.POST if request.method == "POST" else initial
    return bool(given.get("list") or given.get("new_list", "").strip())


def _initial(request: PageRequest, before: ContactImport | None) -> dict[str, str]:
    if before is None:
        return {"list": request.GET.get("list", "")}
    by_default = before.consent_source.startswith(f"import {before.public_id} ")
    return {"list": before.mailing_list.public_id if before.mailing_list else "",
            "consent_source": "" if by_default else before.consent_source}


def _try(
    request: PageRequest, file: StoredFile, columns: import_choices.Choices, form: ImportForm
) -> HttpResponse:
    if not form.is_valid():
        raise InputError(_("Look at the mailing list and the consent."), field="list")
    onto, name = picked_list(request, "list"), form.cleaned_data.get("new_list", "")
    if onto is None and (request.POST.get("list") or request.POST.get("list_name", "").strip()):
        raise InputError(_("There is no such list. Choose one of those found."), field="list", code="unknown_list")
    with transaction.atomic():  # a mapping that is refused leaves no list behind
        if name:
            onto = lists.create_list(request.actor, name=name)
        run = importer.start_from(
            request.actor, file,
            importer.ImportRequest(
                file_name=file.name, mailing_list=onto, mapping=columns.mapping,
                types=columns.types, formats=columns.formats, is_dry_run=True,
                consent_source=form.cleaned_data["consent_source"],
            ),
        )
    return redirect("contact-import-run", run.public_id)


@require_POST
@page(Scope.CONTACTS_WRITE)
def import_start(request: PageRequest, import_id: str) -> HttpResponse:
    """Import for real what a dry run showed."""
    run = importer.start_after_dry_run(request.actor, run_of(request, import_id))
    return redirect("contact-import-run", run.public_id)


@require_POST
@page(Scope.CONTACTS_WRITE)
def import_cancel(request: PageRequest, import_id: str) -> HttpResponse:
    """Stop it after the rows that are being worked on."""
    jobs.cancel(request.actor, run_of(request, import_id).job)
    messages.info(request, _("It stops after the rows that are being worked on."))
    return redirect("contact-import-run", import_id)
