"""Suppressions: whom will we not write to, and why? Find, add, import, export, lift with a reason."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import redirect, render
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, pgettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from deliverability import address_file, managers, suppression, suppression_list
from deliverability.forms import AddressesForm, LiftForm
from deliverability.models import Suppression, SuppressionReason
from deliverability.suppression import ManyResult, NewSuppression
from deliverability.suppression_list import ScopeNames, SuppressionFilter
from deliverability.surroundings import surroundings
from relayhub.core import formats
from relayhub.core.access import get_or_absent
from relayhub.core.errors import AccessError, InputError, RelayHubError
from relayhub.core.ids import Prefix, decode_id
from relayhub.core.models import Scope
from relayhub.core.pages import PageRequest, page
from relayhub.core.paging import table_page
from relayhub.core.streaming import download

#: How many are lifted on one page at most: what one page of the list shows.
_MAX_LIFTED = 50
_REASONS = {
    SuppressionReason.HARD_BOUNCE: ("bounced", gettext_lazy("Hard bounce")),
    SuppressionReason.COMPLAINT: ("complained", gettext_lazy("Complaint")),
    SuppressionReason.UNSUBSCRIBE: ("unsubscribed", pgettext_lazy("status", "Unsubscribed")),
    SuppressionReason.MANUAL: ("held", gettext_lazy("By hand")),
}
#: What to weigh before lifting.
_BEFORE_LIFTING = {
    SuppressionReason.HARD_BOUNCE: gettext_lazy(
        "The receiving host said that there is no such mailbox. Lift it only if you know that there is one now: mail to"
        " dead mailboxes makes receivers distrust the rest of yours."
    ),
    SuppressionReason.COMPLAINT: gettext_lazy(
        "This person pressed “spam”. Lift it only if they asked for your mail again."
    ),
    SuppressionReason.UNSUBSCRIBE: gettext_lazy(
        "This person left. Lift it only if they asked for it. Their subscription stays ended: they join the list again"
        " themselves."
    ),
    SuppressionReason.MANUAL: "",
}


@dataclass(frozen=True, kw_only=True)
class Line:
    """One suppression as a row shows it."""

    row: Suppression
    status: str
    reason: str
    scope: str
    by: str
    message_id: str
    evidence: str
    lifted_by: str
    lift_reason: str


def suppression_of(request: PageRequest, suppression_id: str) -> Suppression:
    """The suppression, lifted or not, or AccessError."""
    rows = Suppression.objects.filter(workspace=request.actor.workspace).select_related("created_by")
    return get_or_absent(rows, Prefix.SUPPRESSION, suppression_id)


def lines_of(workspace_id: UUID, rows: Sequence[Suppression], names: ScopeNames) -> list[Line]:
    """Rows with the words for their reason and scope, and the message they come from."""
    names.learn(rows)
    found = surroundings().messages_of(workspace_id, {row.recipient_id for row in rows if row.recipient_id})
    return [
        Line(
            row=row, status=_REASONS[SuppressionReason(row.reason)][0],
            reason=str(_REASONS[SuppressionReason(row.reason)][1]), scope=names.name(row), by=_by(row),
            message_id=found.get(row.recipient_id, "") if row.recipient_id else "",
            evidence=suppression_list.evidence_of(row), lifted_by=suppression_list.lifted_by(row),
            lift_reason=suppression_list.lift_reason_of(row),
        )
        for row in rows
    ]


def _by(row: Suppression) -> str:
    if row.created_by is not None:
        return _("by %(who)s") % {"who": row.created_by.label}
    if row.reason in {SuppressionReason.HARD_BOUNCE, SuppressionReason.COMPLAINT}:
        return _("by the relay")
    return _("by the person") if row.reason == SuppressionReason.UNSUBSCRIBE else ""


def filter_of(request: PageRequest) -> SuppressionFilter:
    """What the address asks for; what is none of ours is left out."""
    given = request.GET
    wanted = SuppressionFilter(
        text=given.get("q", ""), reason=given.get("reason", ""), scope=given.get("scope", ""),
        is_lifted=given.get("state", "") == "lifted",
    )
    try:
        suppression_list.find(request.actor.workspace.pk, wanted)
    except InputError:
        return SuppressionFilter(text=wanted.text, is_lifted=wanted.is_lifted)
    return wanted


@require_GET
@page(Scope.SUPPRESSIONS_READ)
def list_page(request: PageRequest) -> HttpResponse:
    """All of them; a whole address typed into the search is answered in a sentence."""
    workspace_id = request.actor.workspace.pk
    wanted, names = filter_of(request), ScopeNames(workspace_id)
    found = suppression_list.find(workspace_id, wanted).select_related("created_by")
    table = table_page(request, found)
    figures = suppression_list.figures(workspace_id)
    return render(
        request, "deliverability/suppression_list.html",
        {
            "table": table, "lines": lines_of(workspace_id, table.rows, names), "wanted": wanted,
            "stats": [_stat(figure) for figure in figures], "answer": _answer(request, wanted, names),
            "has_any": any(figure.total for figure in figures) or wanted.is_lifted,
            "shown": _shown(table.count),
            "chips": [
                *(
                    {"key": "reason", "value": value.value, "label": str(look[1])} for value, look in _REASONS.items()
                ),
                {"key": "state", "value": "lifted", "label": _("Lifted")},
            ],
            "selects": [{"key": "scope", "label": _("Any scope"), "options": _scopes(workspace_id, wanted.scope)}],
        },
    )


def _shown(count: int) -> str:
    if count > 10_000:
        return _("%(count)s+ suppressions") % {"count": formats.number(10_000)}
    return ngettext("%(count)s suppression", "%(count)s suppressions", count) % {"count": formats.number(count)}


def _stat(figure: suppression_list.Figure) -> dict[str, Any]:
    plural = {SuppressionReason.HARD_BOUNCE: _("Hard bounces"), SuppressionReason.COMPLAINT: _("Complaints")}
    reason = SuppressionReason(figure.reason)
    return {
        "label": plural.get(reason) or str(_REASONS[reason][1]), "value": formats.number(figure.total),
        "unit": ngettext("active", "active", figure.total), "url": f"?reason={figure.reason}",
        "note": ngettext("%(count)s new in 30 days", "%(count)s new in 30 days", figure.recent)
        % {"count": formats.number(figure.recent)},
    }


def _scopes(workspace_id: UUID, chosen: str) -> list[tuple[str, str]]:
    """What to narrow to: each stream, and each mailing list while a menu holds them; else the one that is chosen."""
    around = surroundings()
    lists = around.few_lists(workspace_id)
    if lists is None:
        list_id = decode_id(Prefix.LIST, chosen)
        lists = around.lists_among(workspace_id, {list_id}) if list_id is not None else ()
    return [
        ("workspace", _("Everything")),
        *((target.public_id, _("Stream %(name)s") % {"name": target.name}) for target in around.streams(workspace_id)),
        ("list", _("Any mailing list")),
        *((target.public_id, _("List %(name)s") % {"name": target.name}) for target in lists),
    ]


def _answer(request: PageRequest, wanted: SuppressionFilter, names: ScopeNames) -> dict[str, str] | None:
    """Whether the one address that was typed is suppressed, in words."""
    text = wanted.text.strip()
    if not suppression.is_address(text):
        return None
    rows = suppression.rows_for_address(request.actor.workspace.pk, text)
    if not rows:
        return {
            "kind": "ok", "title": _("%(address)s is not suppressed.") % {"address": text},
            "text": _("Mail to it goes out."),
        }
    if any(row.scope == "workspace" for row in rows):
        return {
            "kind": "bad", "title": _("%(address)s is suppressed.") % {"address": text},
            "text": _("No mail of this workspace goes to it."),
        }
    names.learn(rows)
    where = ", ".join(names.name(row) for row in rows)
    return {
        "kind": "warn", "title": _("%(address)s is suppressed in part.") % {"address": text},
        "text": _("Not for: %(scopes)s. Other mail goes out.") % {"scopes": where},
    }


@require_GET
@page(Scope.SUPPRESSIONS_READ)
def detail(request: PageRequest, suppression_id: str) -> HttpResponse:
    """One suppression with its evidence, and what else stops or once stopped the address."""
    row = suppression_of(request, suppression_id)
    workspace_id = request.actor.workspace.pk
    names = ScopeNames(workspace_id)
    others = [other for other in suppression.rows_for_address(workspace_id, row.address) if other.pk != row.pk]
    before = [other for other in suppression_list.lifted_before(workspace_id, row.address_key) if other.pk != row.pk]
    return render(
        request, "deliverability/suppression_detail.html",
        {
            "line": lines_of(workspace_id, [row], names)[0], "others": lines_of(workspace_id, others, names),
            "before": lines_of(workspace_id, before, names),
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@page(Scope.SUPPRESSIONS_WRITE)
def new(request: PageRequest) -> HttpResponse:
    """Suppress addresses by hand; those that are none stay in the form to be put right."""
    form = AddressesForm(request.POST or None, workspace_id=request.actor.workspace.pk)
    context: dict[str, Any] = {"form": form}
    if request.method == "POST" and form.is_valid():
        try:
            result = _suppress(request, form)
        except RelayHubError as exc:
            form.add_error("addresses", exc.message)
        else:
            if not result.rejected:
                messages.success(request, _added(result))
                return redirect("suppression-list")
            context |= _left(request, result)
    return render(
        request, "deliverability/suppression_new.html", context, status=422 if form.is_bound else 200
    )


def _suppress(request: PageRequest, form: AddressesForm) -> ManyResult:
    addresses = address_file.pasted(form.cleaned_data["addresses"])
    if len(addresses) > suppression.MAX_AT_ONCE:
        raise InputError(
            _("These are %(count)s addresses. Paste up to %(most)s, or import a file.")
            % {"count": formats.number(len(addresses)), "most": formats.number(suppression.MAX_AT_ONCE)}
        )
    if not addresses:
        raise InputError(_("Write at least one address."))
    reach, reason = form.reach(), form.cleaned_data["reason"]
    entries = [NewSuppression(address=address, reason=reason, **reach) for address in addresses]
    return suppression.suppress_many(request.actor, entries, source=form.cleaned_data["source"].strip())


def _added(result: ManyResult) -> str:
    words = ngettext("%(count)s address suppressed.", "%(count)s addresses suppressed.", result.added)
    added = words % {"count": formats.number(result.added)}
    if not result.already:
        return added
    already = ngettext("%(count)s was already.", "%(count)s were already.", result.already)
    return f"{added} {already % {'count': formats.number(result.already)}}"


def _left(request: PageRequest, result: ManyResult) -> dict[str, Any]:
    """The form again with what was not taken alone."""
    left = "\n".join(item.address for item in result.rejected)
    again = AddressesForm({**request.POST.dict(), "addresses": left}, workspace_id=request.actor.workspace.pk)
    again.is_valid()
    again.add_error(
        "addresses",
        ngettext(
            "%(count)s entry not taken. Put it right here and add it again, or leave it out.",
            "%(count)s entries not taken. Put them right here and add them again, or leave them out.",
            len(result.rejected),
        ) % {"count": formats.number(len(result.rejected))},
    )
    return {"form": again, "result": result, "result_words": _added(result)}


# -- lifting -------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@page(Scope.SUPPRESSIONS_WRITE)
def lift(request: PageRequest) -> HttpResponse:
    """Lift one or several for one reason; `?id=` names them."""
    given = request.POST if request.method == "POST" else request.GET
    rows = _chosen(request, given.getlist("id"))
    form = LiftForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            lifted = suppression.lift_many(request.actor, rows, reason=form.cleaned_data["reason"])
        except RelayHubError as exc:
            form.add_error("reason", exc.message)
        else:
            _tell_lifted(request, rows, lifted)
            return redirect("suppression-list")
    lines = lines_of(request.actor.workspace.pk, rows, ScopeNames(request.actor.workspace.pk))
    warnings = [str(text) for reason, text in _BEFORE_LIFTING.items() if text and any(r.reason == reason for r in rows)]
    return render(
        request, "deliverability/suppression_lift.html", {"form": form, "lines": lines, "warnings": warnings},
        status=422 if form.is_bound else 200,
    )


def _chosen(request: PageRequest, texts: list[str]) -> list[Suppression]:
    ids = {found for text in texts[:_MAX_LIFTED] if (found := decode_id(Prefix.SUPPRESSION, text)) is not None}
    active = managers.active_suppressions(request.actor.workspace.pk).select_related("created_by")
    rows = list(active.filter(pk__in=ids).order_by("-pk"))
    if not rows:
        raise AccessError(_("These suppressions were lifted already, or are not there."))
    return rows


def _tell_lifted(request: PageRequest, rows: Sequence[Suppression], lifted: int) -> None:
    if len(rows) == 1:
        words = _("%(address)s may be written to again.") % {"address": rows[0].address}
    else:
        words = ngettext("%(count)s suppression lifted.", "%(count)s suppressions lifted.", lifted) % {"count": lifted}
    undo = reverse("suppression-restore", args=[rows[0].public_id]) if len(rows) == 1 and lifted else ""
    messages.success(request, words, extra_tags=f"undo={undo}" if undo else "")


@require_POST
@page(Scope.SUPPRESSIONS_WRITE)
def restore(request: PageRequest, suppression_id: str) -> HttpResponse:
    """Undo a lift."""
    row = suppression_of(request, suppression_id)
    suppression.restore(request.actor, row)
    messages.success(request, _("%(address)s is suppressed as before.") % {"address": row.address})
    return redirect("suppression-list")


@require_GET
@page(Scope.SUPPRESSIONS_READ)
def export(request: PageRequest) -> StreamingHttpResponse:
    """The list as it is filtered, as CSV."""
    return download(request, suppression_list.export(request.actor, filter_of(request)), name="suppressions.csv")
