"""`/contacts` as a list: found, sorted and counted, and acts on many with their undo; `/contact-views`."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import bulk, bulk_undo, contact_filter, contact_order, contact_table, contacts, exporter, saved_views
from campaigns.api.views_contacts import ConsentSerializer, ContactSerializer, contact_bodies, named_lists
from campaigns.contact_count import count_of
from campaigns.fields import field_types
from campaigns.models import BulkAct, BulkKind, SavedView
from relayhub.core.access import EXPORTS, Actor, get_or_absent
from relayhub.core.api.base import ApiView, StrictSerializer, parsed
from relayhub.core.api.pagination import answer, page_cursor, page_limit
from relayhub.core.api.views import job_body, moment
from relayhub.core.errors import InputError
from relayhub.core.ids import Prefix, decode_id
from relayhub.core.keyset import Place, decode_place, encode_place
from relayhub.core.models import Scope


def filters_of(actor: Actor, request: Request) -> Mapping[str, Sequence[str]]:
    """The filters of a query: those of the view named by `?view=`, and over them what else is given."""
    given = {name: list(values) for name, values in request.query_params.lists()}
    named = (given.pop("view", None) or [""])[-1]
    if not named:
        return given
    view = get_or_absent(saved_views.views_of(actor), Prefix.VIEW, named)
    return {**view.query, **given}


class ContactsView(ApiView):
    """Contacts."""

    permissions: ClassVar = {"GET": Scope.CONTACTS_READ, "POST": Scope.CONTACTS_WRITE}

    def get(self, request: Request) -> Response:
        """Contacts that match, newest first unless `sort` says otherwise.

        `field`, `op` and `value` may be given several times, side by side: all must hold. `standing` is on the
        list where one is named. Days are of UTC. 400 `too_many_to_sort` or `too_slow` where an order cannot be
        had at that size.
        """
        if request.query_params.get("email"):
            found = contacts.find(self.actor.workspace, request.query_params["email"])
            return Response({"data": contact_bodies([found]) if found else [], "next": None})
        given, workspace = filters_of(self.actor, request), self.actor.workspace
        sort = contact_order.parse((given.get("sort") or [""])[-1], field_types(workspace))
        table = contact_table.page_of(
            workspace, contact_filter.from_query(given), sort, size=page_limit(request), after=_place(request)
        )
        rows, after = list(table.page.rows), table.page.after
        return Response(answer(request, contact_bodies(rows), encode_place(after) if after else None))

    def post(self, request: Request) -> Response:
        """Add one; 409 `contact_exists` where the address is known."""
        data = parsed(ContactSerializer, request)
        consent = data["consent"] or {}
        contact = contacts.add_contact(
            self.actor, email=data["email"], name=data["name"], language=data["language"], fields=data["fields"],
            lists=named_lists(self, data["lists"]),
            evidence=contacts.Evidence(
                channel="api", source=consent.get("source", "") or f"added by {self.actor.label}",
                ip=consent.get("ip"),
            ),
        )
        return Response(contact_bodies([contact])[0], status=201)


def _place(request: Request) -> Place | None:
    text = page_cursor(request)
    if text is None:
        return None
    place = decode_place(text)
    if place is None:
        raise InputError("This cursor is none of ours. Begin again without it.", field="cursor")
    return place


class CountView(ApiView):
    """GET how many contacts match."""

    permissions: ClassVar = {"GET": Scope.CONTACTS_READ}

    def get(self, request: Request) -> Response:
        """Takes the filters of the list. Above 10,000 it may be an estimate (`is_exact` false) without `?exactly=true`.
        """
        wanted = contact_filter.from_query(filters_of(self.actor, request))
        found = contact_filter.matching(self.actor.workspace, wanted)
        exactly = request.query_params.get("exactly", "").lower() in {"1", "true", "yes"}
        counted = count_of(self.actor.workspace, wanted, found, exactly=exactly)
        return Response({"count": counted.count, "is_exact": counted.is_exact})


#: Filters whose values belong to each other by their place; an empty one says something there.
_SIDE_BY_SIDE = frozenset({"field", "op", "value"})


# -- many at once --------------------------------------------------------------------------------------------


class ManySerializer(StrictSerializer):
    """Which contacts: up to 10,000 ids, or a filter in the parameters of the list."""

    contacts = serializers.ListField(
        child=serializers.CharField(max_length=40), min_length=1, max_length=bulk.MAX_IDS, required=False
    )
    filter = serializers.DictField(required=False)


class BulkSerializer(ManySerializer):
    """What to do with many contacts."""

    act = serializers.ChoiceField(choices=BulkKind.values)
    list = serializers.CharField(max_length=40, required=False)
    field = serializers.CharField(max_length=60, required=False)
    value = serializers.JSONField(required=False, allow_null=True, default=None)
    consent = ConsentSerializer(required=False, default=dict)


def chosen_of(data: Mapping[str, Any]) -> bulk.Chosen:
    """Whom a body names; InputError unless by ids or by a filter, and not by both."""
    if ("contacts" in data) == ("filter" in data):
        raise InputError("Name the contacts by `contacts` or by `filter`.", field="contacts")
    if "filter" in data:
        return bulk.Chosen(query=_query(data["filter"]))
    return bulk.Chosen(ids=[key for text in data["contacts"] if (key := decode_id(Prefix.CONTACT, text))])


def _query(given: Mapping[str, Any]) -> dict[str, list[str]]:
    """A filter as JSON, {"list": "lst_…", "field": ["city"], …}, as parameters; a misspelt or empty one must not mean
    all: a program that has no list at hand would delete everybody.
    """
    unknown = sorted(set(given) - set(contact_filter.PARAMETERS))
    if unknown:
        raise InputError(f"There is no filter “{unknown[0][:40]}”. Filters are: "
                         f"{', '.join(contact_filter.PARAMETERS)}.", field=f"filter.{unknown[0]}")
    query = {
        name: ["" if item is None else str(item) for item in (value if isinstance(value, (list, tuple)) else [value])]
        for name, value in given.items()
    }
    for name, values in query.items():
        if name not in _SIDE_BY_SIDE and not "".join(values).strip():
            raise InputError(f"The filter “{name}” is empty. Say what is meant, or leave it out.",
                             field=f"filter.{name}", code="empty_filter")
    return query


class BulkView(ApiView):
    """POST one act for many contacts."""

    permissions: ClassVar = {"POST": Scope.CONTACTS_WRITE}

    def post(self, request: Request) -> Response:
        """Up to 2,000 are changed in the answer; more are 202 with the job's id. Ids that are not there are left out.

        Adding leaves alone who has a state on the list or left it; `suppress` needs `suppressions.write` as well.
        `undo` takes everything but a deletion back, within 24 hours.
        """
        data = parsed(BulkSerializer, request)
        order = bulk.Order(
            kind=data["act"], mailing_list=named_lists(self, [data["list"]])[0] if data.get("list") else None,
            field=data.get("field", ""), value=data["value"], source=(data["consent"] or {}).get("source", ""),
        )
        act = bulk.start(self.actor, order, chosen_of(data))
        return Response(_act_body(act), status=202 if act.job else 200)


def _act_body(act: BulkAct) -> dict[str, Any]:
    return {
        "changed": act.changed, "left_alone": act.left_alone, "job": act.job.public_id if act.job else None,
        "undo": act.public_id if act.kind != BulkKind.DELETE and (act.job or bulk_undo.undo_until(act)) else None,
    }


class UndoSerializer(StrictSerializer):
    """What an act on many answered as `undo`."""

    undo = serializers.CharField(max_length=1000)


class UndoView(ApiView):
    """POST takes an act on many back."""

    permissions: ClassVar = {"POST": Scope.CONTACTS_WRITE}

    def post(self, request: Request) -> Response:
        """Within 24 hours; who changed since is left alone. More than 2,000 are 202 with the job's id."""
        acts = bulk_undo.acts_of(self.actor.workspace)
        act = get_or_absent(acts, Prefix.BULK_ACT, parsed(UndoSerializer, request)["undo"])
        job = bulk_undo.undo(self.actor, act)
        body = {"changed": act.restored, "left_alone": 0 if job else act.changed - act.restored,
                "job": job.public_id if job else None, "undo": None}
        return Response(body, status=202 if job else 200)


class ExportSerializer(StrictSerializer):
    """Whom an export is of; nothing means everybody."""

    list = serializers.CharField(max_length=40, required=False)
    contacts = serializers.ListField(
        child=serializers.CharField(max_length=40), min_length=1, max_length=bulk.MAX_IDS, required=False
    )
    filter = serializers.DictField(required=False)


class ExportView(ApiView):
    """POST queues an export; its job's `/file` downloads it."""

    permissions: ClassVar = {"POST": EXPORTS}

    def post(self, request: Request) -> Response:
        """Of everybody, of a list, of ids, or of those that match a filter."""
        data = parsed(ExportSerializer, request)
        mailing_list = named_lists(self, [data["list"]])[0] if data.get("list") else None
        chosen = chosen_of(data) if "contacts" in data or "filter" in data else None
        return Response(job_body(exporter.start_export(self.actor, mailing_list, chosen=chosen)), status=202)


# -- saved views ---------------------------------------------------------------------------------------------


class ViewSerializer(StrictSerializer):
    """A saved view: filters and order in the parameters of the list, and columns."""

    name = serializers.CharField(max_length=200)
    filter = serializers.DictField(required=False, default=dict)
    sort = serializers.CharField(max_length=80, required=False, allow_blank=True)
    columns = serializers.ListField(child=serializers.CharField(max_length=80), required=False, default=list)
    shared = serializers.BooleanField(required=False, default=True)


def _view_body(view: SavedView) -> dict[str, Any]:
    query = dict(view.query)
    sort = (query.pop("sort", None) or [contact_order.DEFAULT])[-1]
    return {
        "id": view.public_id, "name": view.name, "filter": query, "sort": sort, "columns": view.columns,
        "shared": view.is_shared, "made_by": view.made_by, "created_at": moment(view.created_at),
        "updated_at": moment(view.updated_at),
    }


def _view_query(data: Mapping[str, Any], present: Mapping[str, Any]) -> dict[str, list[str]] | None:
    """The filters and order of a body over those that stand; None where it has neither."""
    if "filter" not in data and "sort" not in data:
        return None
    sort = [data["sort"]] if data.get("sort") else ([] if "sort" in data else present.get("sort", []))
    kept = {name: value for name, value in present.items() if name != "sort"}
    return {**(_query(data["filter"]) if "filter" in data else kept), **({"sort": sort} if sort else {})}


class ViewsView(ApiView):
    """Saved views of the contact list."""

    permissions: ClassVar = {"GET": Scope.CONTACTS_READ, "POST": Scope.CONTACTS_WRITE}

    def get(self, request: Request) -> Response:
        """The shared ones, by name; use one as `/contacts?view=viw_…`."""
        rows = saved_views.views_of(self.actor).order_by("name")[: saved_views.MAX_VIEWS]
        return Response({"data": [_view_body(row) for row in rows], "next": None})

    def post(self, request: Request) -> Response:
        """Save one; 409 `view_exists` where the name is taken."""
        data = parsed(ViewSerializer, request)
        view = saved_views.save_view(
            self.actor, name=data["name"], query=_view_query(data, {}) or {}, columns=data["columns"],
            is_shared=data["shared"],
        )
        return Response(_view_body(view), status=201)


class ViewView(ApiView):
    """One saved view."""

    permissions: ClassVar = {
        "GET": Scope.CONTACTS_READ, "PATCH": Scope.CONTACTS_WRITE, "DELETE": Scope.CONTACTS_WRITE
    }

    def _view(self, view_id: str) -> SavedView:
        return get_or_absent(saved_views.views_of(self.actor), Prefix.VIEW, view_id)

    def get(self, request: Request, view_id: str) -> Response:
        """The view."""
        return Response(_view_body(self._view(view_id)))

    def patch(self, request: Request, view_id: str) -> Response:
        """Change what is given."""
        view, data = self._view(view_id), parsed(ViewSerializer, request, partial=True)
        changed = saved_views.change_view(
            self.actor, view, name=data.get("name"), query=_view_query(data, view.query),
            columns=data.get("columns"), is_shared=data.get("shared"),
        )
        return Response(_view_body(changed))

    def delete(self, request: Request, view_id: str) -> Response:
        """Remove it; contacts are as they were."""
        saved_views.delete_view(self.actor, self._view(view_id))
        return Response(status=204)
