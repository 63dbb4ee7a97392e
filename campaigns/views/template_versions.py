"""The versions of a template: what changed, when, by whom; an older one becomes the draft again."""

from __future__ import annotations

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.http import require_GET, require_POST

from campaigns import template_diff, templates
from campaigns.models import Broadcast
from campaigns.views.common import template_of
from relayhub.core.models import Scope
from relayhub.core.pages import PageRequest, page

#: So many are listed, the newest; older ones are reached by their number in the address.
MAX_SHOWN = 200


@require_GET
@page(Scope.TEMPLATES_READ)
def template_versions(request: PageRequest, template_id: str) -> HttpResponse:
    """Every version, and what two of them differ in."""
    template = template_of(request, template_id)
    versions = template.versions.select_related("created_by").order_by("-number")
    rows = list(versions.defer("source", "text")[:MAX_SHOWN])
    after = versions.filter(number=_number(request, "after")).first() or versions.first()
    before = versions.filter(number=_number(request, "before")).first()
    if before is None and after is not None:
        before = versions.filter(number__lt=after.number).first()
    sent = set(
        Broadcast.objects.filter(template_version__template=template).values_list("template_version__number", flat=True)
    )
    live = templates.published(template)
    parts = template_diff.diff(templates.content_of(before), templates.content_of(after)) if before and after else []
    return render(
        request, "campaigns/template_versions.html",
        {
            "template": template, "rows": rows, "count": versions.count(), "before": before, "after": after,
            "parts": parts, "live": live, "sent": sent, "seen": templates.stamp(rows[0] if rows else None),
            "draft": rows[0] if rows and rows[0].published_at is None else None,
        },
    )


def _number(request: PageRequest, name: str) -> int:
    try:
        return int(request.GET.get(name, ""))
    except ValueError:
        return 0


@require_POST
@page(Scope.TEMPLATES_WRITE)
def template_restore(request: PageRequest, template_id: str, number: int) -> HttpResponse:
    """Make an older text the draft."""
    template = template_of(request, template_id)
    made = templates.restore(request.actor, template, number, seen=request.POST.get("seen", ""))
    messages.success(request, _("Version %(number)s is the draft now, as version %(made)s. Publish it to send it.")
                     % {"number": number, "made": made.number})
    return redirect("template-detail", template.public_id)
