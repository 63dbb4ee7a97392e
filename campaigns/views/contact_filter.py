"""What the address of the contact list asks for: filters, order, saved view, columns; and how a page words them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import tzinfo
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.http import QueryDict
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from campaigns import contact_filter, contact_order, list_choice, lists, saved_views
from campaigns.comparisons import OPS_OF, WITHOUT_VALUE, Comparison, Op, words_of
from campaigns.contact_filter import ConsentBy, ContactFilter, Did
from campaigns.contact_order import Sort
from campaigns.fields import field_types
from campaigns.models import ContactTaste, FieldDefinition, FieldType, MailingList, SavedView, SubscriptionStatus
from campaigns.standing import Standing
from relayhub.core import formats, spoken
from relayhub.core.clock import now
from relayhub.core.errors import InputError
from relayhub.core.ids import Prefix, decode_id
from relayhub.core.languages import SOURCE
from relayhub.core.pages import PageRequest

#: All contacts, for somebody whose list opens with a view.
EVERYBODY = "all"


@dataclass(kw_only=True)
class Asked:
    """What an address asks for, and why it cannot be met where it cannot."""

    wanted: ContactFilter
    sort: Sort
    view: SavedView | None = None
    mailing_list: MailingList | None = None
    definitions: list[FieldDefinition] = field(default_factory=list)
    taste: ContactTaste | None = None
    problem: str = ""

    @property
    def types(self) -> dict[str, str]:
        """Field key -> kind."""
        return {row.key: row.type for row in self.definitions}

    @property
    def query(self) -> dict[str, list[str]]:
        """Filters and order as parameters."""
        query = contact_filter.to_query(self.wanted)
        return query if self.sort.text == contact_order.DEFAULT else {**query, "sort": [self.sort.text]}


def zone_of(request: PageRequest) -> tzinfo:
    """The zone of the person's days."""
    try:
        return ZoneInfo(request.user.timezone)
    except (KeyError, ValueError, OSError):
        return timezone.get_current_timezone()


def given_in(request: PageRequest, query: QueryDict) -> dict[str, list[str]]:
    """The parameters as lists; a mailing list may be named in words where no script gave its id.

    InputError where no list is called so, or several are: to leave the filter out would find everybody.
    """
    given = {name: [str(value) for value in values] for name, values in query.lists()}
    for name in ("list", "not_list"):
        words = query.get(f"{name}_name", "").strip()
        if words and not (given.get(name) or [""])[-1]:
            row = list_choice.named(request.actor.workspace, words)
            if row is None:
                raise InputError(
                    _("“%(name)s” is the name of no list, or of several. Choose one of those found.")
                    % {"name": words[:60]}, field=name, code="unknown_list",
                )
            given[name] = [row.public_id]
    if "standing" not in given and not (given.get("list") or [""])[-1]:
        status = (given.get("status") or [""])[-1]
        if status in Standing.values:  # over all lists, as addresses of earlier versions say it
            given["standing"] = [given.pop("status")[-1]]
    return given


def asked_by(request: PageRequest) -> Asked:
    """Read the address; what cannot be read is said in `problem`, and finds nobody."""
    actor = request.actor
    definitions = list(FieldDefinition.objects.filter(workspace=actor.workspace))
    asked = Asked(
        wanted=ContactFilter(), sort=Sort(key="added", is_descending=True), definitions=definitions,
        taste=saved_views.taste_of(actor), view=view_of(request, request.GET.get("view", "")),
    )
    try:
        asked.wanted = contact_filter.from_query(given_in(request, request.GET))
    except InputError as exc:
        asked.problem = exc.message
    try:
        asked.sort = contact_order.parse(request.GET.get("sort", ""), asked.types)
    except InputError:
        pass  # the order of a view whose field was removed: the usual one hides nobody
    if asked.wanted.mailing_list:
        asked.mailing_list = lists.lists_of(actor.workspace).filter(pk=asked.wanted.mailing_list).first()
    return asked


def view_of(request: PageRequest, text: str) -> SavedView | None:
    """The saved view of an id, if the person has it."""
    key = decode_id(Prefix.VIEW, text)
    return saved_views.views_of(request.actor).filter(pk=key).first() if key else None


def address_of(view: SavedView) -> str:
    """The parameters of the list under a view: its filters stand in the address, so that they can be changed there."""
    ordered = {name: view.query[name] for name in (*contact_filter.PARAMETERS, "sort") if name in view.query}
    return "?" + urlencode({"view": view.public_id, **ordered}, doseq=True)


# -- columns -------------------------------------------------------------------------------------------------


def columns_of(asked: Asked) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """(those shown, all there are with `is_on`); a column is {"key", "label", "type", "sort"}."""
    every: list[dict[str, Any]] = [
        *({"key": f"field:{row.key}", "label": row.label or row.key, "type": row.type, "sort": f"field:{row.key}"}
          for row in asked.definitions),
        *({"key": key, "label": str(label), "type": key, "sort": "added" if key == "added" else ""}
          for key, label in saved_views.COLUMNS.items()),
    ]
    chosen = saved_views.columns_for(asked.taste, [row.key for row in asked.definitions], asked.view)
    every = [{**column, "is_on": column["key"] in chosen} for column in every]
    return [column for column in every if column["is_on"]], every


# -- words ---------------------------------------------------------------------------------------------------


def chips_of(request: PageRequest, asked: Asked) -> list[dict[str, str]]:
    """Each filter that is on, in words, with the address without it."""
    wanted, labels = asked.wanted, {row.key: row.label or row.key for row in asked.definitions}
    chips = [(name, text) for name, text in _single_words(request, asked) if text]
    found = [{"text": text, "url": _without(request, *names)} for names, text in chips]
    for index, item in enumerate(wanted.comparisons):
        kind = asked.types.get(item.field, FieldType.TEXT)
        found.append({"text": _compared(kind, item, labels.get(item.field, item.field)),
                      "url": _without_comparison(request, index)})
    return found


def _single_words(request: PageRequest, asked: Asked) -> list[tuple[tuple[str, ...], str]]:
    wanted, gone = asked.wanted, _("On a list that is no longer there") if asked.wanted.mailing_list else ""
    away = lists.lists_of(request.actor.workspace).filter(pk=wanted.not_on).first() if wanted.not_on else None
    return [
        (("list", "list_name", "status"),
         _("On “%(name)s”") % {"name": _short(asked.mailing_list.name)} if asked.mailing_list else gone),
        (("status",), _("On that list: %(status)s")
         % {"status": spoken.within(str(SubscriptionStatus(wanted.status).label))}
         if asked.mailing_list and wanted.status in SubscriptionStatus.values else ""),
        (("not_list", "not_list_name"), _("Not on “%(name)s”") % {"name": _short(away.name)} if away
         else _("Not on a list that is no longer there") if wanted.not_on else ""),
        (("standing",) if asked.mailing_list else ("standing", "status"),
         str(Standing(wanted.standing).label) if wanted.standing in Standing.values else ""),
        (("consent",), _("Consent: %(word)s") % {"word": ConsentBy(wanted.consent).label} if wanted.consent else ""),
        (("import",), _("Added by one import") if wanted.source.startswith("import ") else ""),
        (("source",), _("Came from %(source)s") % {"source": _short(wanted.source)}
         if wanted.source and not wanted.source.startswith("import ") else ""),
        (("did", "within"), _did(wanted)),
        (("added_from",), _("Added from %(day)s") % {"day": _day(wanted.added_from)} if wanted.added_from else ""),
        (("added_to",), _("Added up to %(day)s") % {"day": _day(wanted.added_to)} if wanted.added_to else ""),
    ]


def _did(wanted: ContactFilter) -> str:
    if not wanted.did:
        return ""
    label, days = Did(wanted.did).label, wanted.within_days
    if not days:
        return _("%(did)s, ever") % {"did": label}
    return ngettext("%(did)s in %(days)s day", "%(did)s in %(days)s days", days) % {
        "did": label, "days": formats.number(days)
    }


def _day(day: Any) -> str:
    if spoken.language() != SOURCE:
        return spoken.long_day(day)
    return f"{day.day} {day:%b}" if day.year == now().year else f"{day.day} {day:%b %Y}"


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:39]}…"


def _compared(kind: str, item: Comparison, label: str) -> str:
    try:
        return _short(words_of(kind, item, label))
    except InputError:
        return _short(f"{label} {item.op} {item.value}")


def _without(request: PageRequest, *names: str) -> str:
    query = _first_page(request)
    for name in names:
        query.pop(name, None)
    return f"?{query.urlencode()}" if query else f"?view={EVERYBODY}"


def _without_comparison(request: PageRequest, index: int) -> str:
    query = _first_page(request)
    triples = contact_filter.from_query({name: query.getlist(name) for name in ("field", "op", "value")}).comparisons
    kept = [item for place, item in enumerate(triples) if place != index]
    for name in ("field", "op", "value"):
        query.setlist(name, [getattr(item, name) for item in kept])
    return f"?{query.urlencode()}" if query.urlencode() else f"?view={EVERYBODY}"


def _first_page(request: PageRequest) -> QueryDict:
    query = request.GET.copy()
    for name in ("cursor", "newer"):
        query.pop(name, None)
    return query


# -- what the panel of filters offers ------------------------------------------------------------------------


def panel_of(request: PageRequest, asked: Asked) -> dict[str, Any]:
    """Choices and present values of the filters, for the page."""
    wanted = asked.wanted
    return {
        "standings": Standing.choices, "consents": ConsentBy.choices, "dids": Did.choices, "wanted": wanted,
        "within": wanted.within_days or ("" if wanted.did else contact_filter.DEFAULT_DAYS),
        "list_name": asked.mailing_list.name if asked.mailing_list else "",
        "not_on": lists.lists_of(request.actor.workspace).filter(pk=wanted.not_on).first() if wanted.not_on else None,
        "ops": [{"value": op.value, "label": op.label, "kinds": _kinds(op), "alone": op in WITHOUT_VALUE}
                for op in Op],
        "rows": [*wanted.comparisons, Comparison(field="")],
        "count": _count(wanted),
    }


def _kinds(op: Op) -> str:
    return " ".join(str(kind) for kind, known in OPS_OF.items() if op in known)


def _count(wanted: ContactFilter) -> int:
    """How many filters the panel holds; the words looked for stand beside it."""
    single: Sequence[object] = (
        wanted.mailing_list, wanted.not_on, wanted.mailing_list and wanted.status, wanted.standing, wanted.consent,
        wanted.source, wanted.did, wanted.added_from, wanted.added_to,
    )
    return sum(bool(value) for value in single) + len(wanted.comparisons)


# -- whom an act on many is for ------------------------------------------------------------------------------


def chosen_ids(request: PageRequest) -> list[UUID]:
    """The ticked contacts."""
    return [key for text in request.POST.getlist("contact") if (key := decode_id(Prefix.CONTACT, text))]


def query_in_form(request: PageRequest) -> Mapping[str, Sequence[str]] | None:
    """The filters that a form on all that match carries, or None where it is for the ticked ones."""
    return given_in(request, request.POST) if request.POST.get("all") else None


def known_types(request: PageRequest) -> dict[str, str]:
    """Field key -> kind."""
    return field_types(request.actor.workspace)
