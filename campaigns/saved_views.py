"""Saved views of the contact list, and what each person likes to see: columns and the view it opens with.

A view belongs to one person or to the whole workspace. Anybody who may read contacts keeps views of their own;
shared ones are made and changed by those who may change contacts.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.db import IntegrityError, transaction
from django.db.models import Q, QuerySet
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from campaigns import contact_filter, contact_order
from campaigns.fields import field_types
from campaigns.models import ContactTaste, SavedView
from relayhub.core import audit
from relayhub.core.access import Actor, require
from relayhub.core.clock import now
from relayhub.core.errors import ConflictError, ForbiddenError, InputError
from relayhub.core.models import Scope

MAX_NAME = 120
#: Of one person, and of a workspace: more than anybody finds again.
MAX_VIEWS = 200
#: Columns that every workspace has, beside its own fields.
COLUMNS = {
    "lists": _("Lists"), "last": _("Last event"), "source": _("Came from"), "added": pgettext_lazy("moment", "Added"),
}
_FIELD = "field:"
#: How many fields are shown to somebody who never chose.
_SHOWN_FIELDS = 2
#: Where columns are kept that were chosen outside of any view.
_ANYWHERE = ""


def views_of(actor: Actor) -> QuerySet[SavedView]:
    """The person's own views and the shared ones, by name."""
    mine = Q(owner=actor.user) if actor.user is not None else Q(pk__in=[])
    return SavedView.objects.filter(Q(owner=None) | mine, workspace=actor.workspace)


def may_change(actor: Actor, view: SavedView) -> bool:
    """Whether the actor may change or remove the view."""
    return actor.may(Scope.CONTACTS_WRITE) if view.is_shared else view.owner_id == getattr(actor.user, "pk", None)


def save_view(
    actor: Actor, *, name: str, query: Mapping[str, Sequence[str]], columns: Sequence[str] = (), is_shared: bool = False
) -> SavedView:
    """Keep a view; ConflictError (`view_exists`) where the name is taken among those who see it."""
    if views_of(actor).count() >= MAX_VIEWS:
        raise ConflictError(
            gettext("There are %(count)s views already. Remove one that nobody uses.") % {"count": MAX_VIEWS},
            code="too_many_views",
        )
    view = SavedView(workspace=actor.workspace, made_by=actor.label[:300])
    _own(actor, view, is_shared)
    view.name, view.query = _name(name), checked_query(actor, query)
    view.columns = known_columns(actor, columns)
    with transaction.atomic():
        _store(view)
        _record(actor, view, "view.saved")
    return view


def change_view(
    actor: Actor, view: SavedView, *, name: str | None = None, query: Mapping[str, Sequence[str]] | None = None,
    columns: Sequence[str] | None = None, is_shared: bool | None = None,
) -> SavedView:
    """Change what is given; ForbiddenError for somebody else's."""
    _require_change(actor, view)
    if name is not None:
        view.name = _name(name)
    if query is not None:
        view.query = checked_query(actor, query)
    if columns is not None:
        view.columns = known_columns(actor, columns)
    if is_shared is not None and is_shared != view.is_shared:
        _own(actor, view, is_shared)
    view.updated_at = now()
    with transaction.atomic():
        _store(view)
        _record(actor, view, "view.changed")
    return view


def delete_view(actor: Actor, view: SavedView) -> None:
    """Remove a view; whoever had it as their first one sees all contacts again."""
    _require_change(actor, view)
    with transaction.atomic():
        _record(actor, view, "view.deleted")
        view.delete()


def _require_change(actor: Actor, view: SavedView) -> None:
    if not may_change(actor, view):
        raise ForbiddenError(gettext("This view is shared; changing it needs the permission to change contacts."))


def _own(actor: Actor, view: SavedView, is_shared: bool) -> None:
    """Give the view to everybody or to the actor."""
    if is_shared:
        require(actor, Scope.CONTACTS_WRITE)
    elif actor.user is None:
        raise InputError(gettext("A key has no views of its own; make it a shared one."), field="shared")
    view.owner = None if is_shared else actor.user


def _name(text: str) -> str:
    name = " ".join(text.replace("\0", "").split())
    if not 1 <= len(name) <= MAX_NAME:
        raise InputError(gettext("A view has a name of 1 to %(most)s characters.") % {"most": MAX_NAME}, field="name")
    return name


def _store(view: SavedView) -> None:
    try:
        with transaction.atomic():
            view.save()
    except IntegrityError as exc:
        raise ConflictError(
            gettext("There is a view “%(name)s” already.") % {"name": view.name}, code="view_exists"
        ) from exc


def _record(actor: Actor, view: SavedView, action: str) -> None:
    """What everybody sees is logged; what one person keeps for themselves is not."""
    if view.is_shared:
        audit.record(actor, action, "view", view.public_id, summary=view.name, after={"query": view.query})


def checked_query(actor: Actor, given: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Filters and order in their one spelling; InputError where they cannot be used."""
    wanted = contact_filter.from_query(given)
    contact_filter.matching(actor.workspace, wanted)
    query = contact_filter.to_query(wanted)
    sort = contact_order.parse((given.get("sort") or [""])[-1], field_types(actor.workspace)).text
    return query if sort == contact_order.DEFAULT else {**query, "sort": [sort]}


# -- what a person likes to see ------------------------------------------------------------------------------


def known_columns(actor: Actor, keys: Sequence[str]) -> list[str]:
    """Those of the keys that are columns here, in their order and once each."""
    known = {*COLUMNS, *(f"{_FIELD}{key}" for key in field_types(actor.workspace))}
    return [key for key in dict.fromkeys(keys) if key in known]


def taste_of(actor: Actor) -> ContactTaste | None:
    """What the person chose in this workspace, if anything."""
    if actor.user is None:
        return None
    rows = ContactTaste.objects.filter(workspace=actor.workspace, user=actor.user)
    return rows.select_related("default_view").first()


def columns_for(taste: ContactTaste | None, field_keys: Sequence[str], view: SavedView | None) -> list[str]:
    """The columns shown: what the person chose for this view, the view's own, what they chose for all, the first ones.
    """
    chosen: dict[str, list[str]] = taste.columns if taste is not None else {}
    if view is not None and view.public_id in chosen:
        return chosen[view.public_id]
    if view is not None and view.columns:
        return [str(key) for key in view.columns]
    if _ANYWHERE in chosen:
        return chosen[_ANYWHERE]
    return [*(f"{_FIELD}{key}" for key in field_keys[:_SHOWN_FIELDS]), "lists", "last"]


def keep_columns(actor: Actor, keys: Sequence[str], view: SavedView | None = None) -> None:
    """Remember the columns for this person, on whatever device: of one view, or of the list without any."""
    with transaction.atomic():
        taste, _ = ContactTaste.objects.select_for_update().get_or_create(
            workspace=actor.workspace, user=actor.user
        )
        taste.columns[view.public_id if view is not None else _ANYWHERE] = known_columns(actor, keys)
        taste.save(update_fields=["columns"])


def open_with(actor: Actor, view: SavedView | None) -> None:
    """Let the list open with this view for this person; None: with all contacts."""
    ContactTaste.objects.update_or_create(
        workspace=actor.workspace, user=actor.user, defaults={"default_view": view}
    )


def default_view_of(actor: Actor, taste: ContactTaste | None) -> SavedView | None:
    """The view that the list opens with, while the person still has it."""
    view = taste.default_view if taste is not None else None
    if view is None or (view.owner_id is not None and view.owner_id != getattr(actor.user, "pk", None)):
        return None
    return view
