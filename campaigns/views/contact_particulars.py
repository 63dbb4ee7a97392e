"""A contact's address, name, language and fields, each changed where it stands; two editors are told of each other."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.views.decorators.http import require_http_methods

from campaigns import contacts
from campaigns.forms.contact import ContactForm, name_of
from campaigns.models import Contact, FieldDefinition
from campaigns.views.common import contact_of, refuse
from relayhub.core.errors import AccessError, ConflictError, RelayHubError
from relayhub.core.models import Scope
from relayhub.core.pages import PageRequest, is_partial, page

_FIELD = name_of("")


def rows_of(request: PageRequest, contact: Contact, definitions: list[FieldDefinition]) -> list[dict[str, Any]]:
    """Every particular for the page; `?edit=` opens one, also without a script."""
    form = ContactForm(definitions=definitions, initial=ContactForm.initial_of(contact, definitions))
    wanted = request.GET.get("edit", "") if request.actor.may(Scope.CONTACTS_WRITE) else ""
    return [_row(contact, form, name, is_edited=name == wanted) for name in form.fields]


def _row(
    contact: Contact, form: ContactForm, name: str, *, is_edited: bool = False, problem: str = ""
) -> dict[str, Any]:
    return {
        "name": name, "bound": form[name], "is_edited": is_edited, "problem": problem, "was": _was(contact, name),
        "shown": _shown(form, name, contact.language if name == "language" else _was(contact, name)),
        "is_language": name == "language",
    }


def _shown(form: ContactForm, name: str, value: str) -> str:
    """A value as the page says it: of a yes or no in the reader's language, others as they are."""
    if name != "language" and isinstance(form.fields[name], forms.ChoiceField) and value in {"yes", "no"}:
        return _("yes") if value == "yes" else _("no")
    return value


def _service_name(name: str) -> str:
    return f"fields.{name.removeprefix(_FIELD)}" if name.startswith(_FIELD) else name


def _was(contact: Contact, name: str) -> str:
    return contacts.shown_value(contact, _service_name(name))


@require_http_methods(["GET", "HEAD", "POST"])
@page(Scope.CONTACTS_READ, write=Scope.CONTACTS_WRITE)
def contact_particular(request: PageRequest, contact_id: str, name: str) -> HttpResponse:
    """One particular to read, to change (`?edit=1`), or changed by POST."""
    contact = contact_of(request, contact_id)
    definitions = list(FieldDefinition.objects.filter(workspace=request.actor.workspace))
    form = ContactForm(
        request.POST or None, definitions=definitions, only=name,
        initial=ContactForm.initial_of(contact, definitions),
    )
    if name not in form.fields:
        raise AccessError
    if request.method == "POST":
        return _changed(request, contact, form, name)
    is_edited = bool(request.GET.get("edit")) and request.actor.may(Scope.CONTACTS_WRITE)
    if not is_partial(request):
        return redirect(f"{_address(contact)}{f'?edit={name}' if is_edited else ''}#particulars")
    return _part(request, contact, _row(contact, form, name, is_edited=is_edited))


def _changed(request: PageRequest, contact: Contact, form: ContactForm, name: str) -> HttpResponse:
    problem, status = "", 422
    if form.is_valid():
        try:
            contact = _save(request, contact, form, name)
        except ConflictError as exc:
            if exc.code != "contact_changed":
                form.add_error(name, exc.message)
            problem, status = exc.message if exc.code == "contact_changed" else "", 409
            contact = contact_of(request, contact.public_id)
        except RelayHubError as exc:
            refuse(form, exc, **{_service_name(name): name})
        else:
            return _saved(request, contact, form, name)
    return _part(request, contact, _row(contact, form, name, is_edited=True, problem=problem), status=status)


def _save(request: PageRequest, contact: Contact, form: ContactForm, name: str) -> Contact:
    was = {_service_name(name): request.POST.get("was", "")}
    if name.startswith(_FIELD):
        return contacts.change_contact(request.actor, contact, fields=form.values(), was=was)
    return contacts.change_contact(request.actor, contact, was=was, **{name: form.cleaned_data[name]})


def _saved(request: PageRequest, contact: Contact, form: ContactForm, name: str) -> HttpResponse:
    if not is_partial(request):
        messages.success(request, _saved_words(form, name))
        return redirect(f"{_address(contact)}#particulars")
    answer = _part(request, contact, _row(contact, form, name), is_saved=True)
    answer["HX-Trigger"] = json.dumps({"rh:toast": {"text": _saved_words(form, name), "kind": "ok"}})
    return answer


def _saved_words(form: ContactForm, name: str) -> str:
    return _("Saved %(field)s.") % {"field": form[name].label}


def _part(
    request: PageRequest, contact: Contact, row: dict[str, Any], *, status: int = 200, is_saved: bool = False
) -> HttpResponse:
    context = {"contact": contact, "row": row, "is_part": True, "is_saved": is_saved}
    if is_partial(request):
        return render(request, "campaigns/_contact_particular.html", context, status=status)
    return render(request, "campaigns/contact_particular.html", context, status=status)


def _address(contact: Contact) -> str:
    return reverse("contact-detail", args=[contact.public_id])
