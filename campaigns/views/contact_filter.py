"""What the address of the contact list asks for: filters, columns, and the choice a bulk act is given."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db.models import QuerySet
from django.http import QueryDict

from campaigns import contacts, fields, lists
from campaigns.contacts import ContactFilter
from campaigns.models import Contact, FieldDefinition, MailingList
from campaigns.standing import Standing, with_standing
from relayhub.core.errors import InputError
from relayhub.core.ids import Prefix, decode_id
from relayhub.core.pages import PageRequest

#: Names of the filters in the address; a bulk act on all that match carries them on.
FILTERS = ("q", "list", "status", "field", "value", "import")
#: Columns that every workspace has, beside its own fields.
COLUMNS = {"lists": "Lists", "last": "Last event", "source": "Came from", "added": "Added"}
_SHOWN_FIELDS = 2


@dataclass(frozen=True, kw_only=True)
class Found:
    """The contacts an address asks for, or why it asks for nothing that can be found."""

    rows: QuerySet[Contact]
    mailing_list: MailingList | None
    problem: str = ""


def found_by(request: PageRequest, given: QueryDict) -> Found:
    """Contacts by the filters of a query; a filter that cannot be met finds nobody and says why."""
    workspace = request.actor.workspace
    mailing_list = None
    wanted_list = given.get("list", "")
    if wanted_list:
        key = decode_id(Prefix.LIST, wanted_list)
        mailing_list = lists.lists_of(workspace).filter(pk=key).first() if key else None
        if mailing_list is None:
            return Found(rows=Contact.objects.none(), mailing_list=None, problem="This list is no longer there.")
    run = given.get("import", "")
    wanted = ContactFilter(
        text=given.get("q", ""), mailing_list=mailing_list.pk if mailing_list else None,
        standing=given.get("status", ""), field=given.get("field", ""), value=given.get("value", ""),
        source=f"import {run}" if run else "",
    )
    try:
        rows = contacts.matching(workspace, wanted)
    except InputError as exc:
        return Found(rows=Contact.objects.none(), mailing_list=mailing_list, problem=exc.message)
    return Found(rows=rows, mailing_list=mailing_list)


def annotated(request: PageRequest, found: Found) -> QuerySet[Contact]:
    """The same contacts with their standing: over all lists, or on the one filtered by."""
    return with_standing(found.rows, request.actor.workspace, found.mailing_list.pk if found.mailing_list else None)


def chosen_by(request: PageRequest) -> QuerySet[Contact]:
    """Whom a bulk act is for: the ticked ones, or everybody that matches the filters it was given with."""
    if request.POST.get("all"):
        found = found_by(request, request.POST)
        if found.problem:
            raise InputError(found.problem, field="list")
        return found.rows
    ids: set[UUID] = {key for text in request.POST.getlist("contact") if (key := decode_id(Prefix.CONTACT, text))}
    return contacts.contacts_of(request.actor.workspace).filter(pk__in=ids)


# -- columns -------------------------------------------------------------------------------------------------


def _session_key(request: PageRequest) -> str:
    return f"contact_columns:{request.actor.workspace.public_id}"


def columns_of(request: PageRequest) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(those shown, all there are with `is_on`); a column is {"key", "label", "type"}."""
    definitions = list(FieldDefinition.objects.filter(workspace=request.actor.workspace))
    every: list[dict[str, Any]] = [
        *({"key": f"field:{row.key}", "label": row.label or row.key, "type": row.type} for row in definitions),
        *({"key": key, "label": label, "type": key} for key, label in COLUMNS.items()),
    ]
    default = [*(f"field:{row.key}" for row in definitions[:_SHOWN_FIELDS]), "lists", "last"]
    chosen = request.session.get(_session_key(request), default)
    every = [{**column, "is_on": column["key"] in chosen} for column in every]
    return [column for column in every if column["is_on"]], every


def keep_columns(request: PageRequest, chosen: list[str]) -> None:
    """Remember the columns for this person's session and workspace."""
    known = {*COLUMNS, *(f"field:{key}" for key in fields.field_types(request.actor.workspace))}
    request.session[_session_key(request)] = [key for key in chosen if key in known]


def selects_of(request: PageRequest) -> list[dict[str, Any]]:
    """The choices of the filter bar."""
    rows = lists.lists_of(request.actor.workspace).order_by("name").values_list("pk", "name")
    named = [(MailingList(pk=pk).public_id, name) for pk, name in rows]
    return [
        {"key": "list", "label": "Any list", "options": named},
        {"key": "status", "label": "May I write?", "options": list(Standing.choices)},
    ]
