"""The workspace's own fields: what they are called, what they hold, how many contacts have a value."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_http_methods, require_POST

from campaigns import field_removal, fields, standing
from campaigns.forms.contact import FieldForm
from campaigns.models import FieldDefinition
from campaigns.views.common import refuse
from relayhub.core import formats
from relayhub.core.access import get_or_absent
from relayhub.core.errors import RelayHubError
from relayhub.core.ids import Prefix
from relayhub.core.models import Job, Scope
from relayhub.core.pages import PageRequest, page


def _field(request: PageRequest, field_id: str) -> FieldDefinition:
    rows = FieldDefinition.objects.filter(workspace=request.actor.workspace)
    return get_or_absent(rows, Prefix.FIELD, field_id)


@require_http_methods(["GET", "HEAD", "POST"])
@page(Scope.CONTACTS_READ, write=Scope.CONTACTS_WRITE)
def contact_fields(request: PageRequest) -> HttpResponse:
    """All of them; POST defines one."""
    form = FieldForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        label = form.cleaned_data["label"]
        key = form.cleaned_data["key"] or fields.key_from_heading(label)
        try:
            made = fields.define_field(request.actor, key=key, label=label, type=form.cleaned_data["type"])
        except RelayHubError as exc:
            refuse(form, exc)
        else:
            messages.success(request, _("Added the field “%(field)s”.") % {"field": made.label})
            return redirect("contact-fields")
    rows = list(FieldDefinition.objects.filter(workspace=request.actor.workspace))
    # Counting the values of very many contacts would keep the page waiting.
    counts = (
        fields.contacts_with(request.actor.workspace, [row.key for row in rows])
        if standing.is_quickly_counted(request.actor.workspace) else {}
    )
    return render(
        request, "campaigns/contact_fields.html",
        {"form": form, "lines": [_line(row, counts.get(row.key)) for row in rows]},
        status=422 if form.is_bound else 200,
    )


def _line(row: FieldDefinition, count: int | None) -> dict[str, object]:
    if count is None:
        lost = _("Every contact that has one loses its value.")
    elif count == 0:
        lost = _("No contact has a value.")
    else:
        lost = ngettext("%(count)s contact loses its value.", "%(count)s contacts lose their value.", count) % {
            "count": formats.number(count)
        }
    title = _("Delete the field “%(field)s”?") % {"field": row.label or row.key}
    return {"row": row, "count": count, "title": title, "lost": [
        lost, _("Templates that name it miss it: pre-flight will say so."), _("Sign-up forms stop asking for it."),
    ]}


@require_POST
@page(Scope.CONTACTS_WRITE)
def contact_field_rename(request: PageRequest, field_id: str) -> HttpResponse:
    """Another label."""
    row = fields.rename_field(request.actor, _field(request, field_id), label=request.POST.get("label", ""))
    messages.success(
        request, _("It is called “%(field)s” now; its key stays %(key)s.") % {"field": row.label, "key": row.key}
    )
    return redirect("contact-fields")


@require_POST
@page(Scope.CONTACTS_WRITE)
def contact_field_delete(request: PageRequest, field_id: str) -> HttpResponse:
    """Remove it with its values; of very many contacts these go in a job."""
    row = _field(request, field_id)
    found = field_removal.delete_field(request.actor, row)
    if isinstance(found, Job):
        return redirect("job-detail", found.public_id)
    messages.success(
        request, ngettext(
            "Deleted the field “%(field)s” and %(count)s value of it.",
            "Deleted the field “%(field)s” and %(count)s values of it.", found,
        ) % {"field": row.label, "count": formats.number(found)},
    )
    return redirect("contact-fields")
