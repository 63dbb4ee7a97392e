"""What the views of this package share: rows by their outside ids, refusals as form errors."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms

from campaigns import contacts, editing, list_choice, lists, templates
from campaigns.models import Campaign, Contact, MailingList, MailTemplate
from relayhub.core.access import get_or_absent
from relayhub.core.errors import RelayHubError
from relayhub.core.ids import Prefix, decode_id
from relayhub.core.pages import PageRequest


def campaign_of(request: PageRequest, campaign_id: str) -> Campaign:
    """The campaign, or AccessError."""
    return get_or_absent(editing.campaigns_of(request.actor.workspace), Prefix.CAMPAIGN, campaign_id)


def contact_of(request: PageRequest, contact_id: str) -> Contact:
    """The contact, or AccessError."""
    return get_or_absent(contacts.contacts_of(request.actor.workspace), Prefix.CONTACT, contact_id)


def list_of(request: PageRequest, list_id: str) -> MailingList:
    """The mailing list, or AccessError."""
    return get_or_absent(lists.lists_of(request.actor.workspace), Prefix.LIST, list_id)


def template_of(request: PageRequest, template_id: str) -> MailTemplate:
    """The template, or AccessError."""
    return get_or_absent(templates.templates_of(request.actor.workspace), Prefix.TEMPLATE, template_id)


def chosen_lists(
    request: PageRequest, name: str, *, source: Any = None, with_archived: bool = False
) -> list[MailingList]:
    """The workspace's lists whose ids the field `name` holds; unknown ids are left out."""
    given = (source if source is not None else request.POST).getlist(name)
    ids: set[UUID] = {found for text in given if (found := decode_id(Prefix.LIST, text)) is not None}
    rows = MailingList.objects.filter(workspace=request.actor.workspace, pk__in=ids)
    return list(rows if with_archived else rows.filter(archived_at=None))


def picked_list(request: PageRequest, name: str, *, source: Any = None) -> MailingList | None:
    """The list that a field of one list chose, by its id or, where no script was there, by its name; else None."""
    given = source if source is not None else request.POST
    found = chosen_lists(request, name, source=given)
    return found[0] if found else list_choice.named(request.actor.workspace, given.get(f"{name}_name", ""))


def refuse(form: forms.BaseForm, error: RelayHubError, **names: str) -> None:
    """Show a service's refusal at its field, or above the form; `names` maps service fields to form fields."""
    field = getattr(error, "field", "")
    field = names.get(field, field)
    form.add_error(field if field in form.fields else None, error.message)


def addresses_in(text: str) -> list[str]:
    """Addresses separated by commas, semicolons or white space."""
    return [part for part in text.replace(",", " ").replace(";", " ").split() if part]
