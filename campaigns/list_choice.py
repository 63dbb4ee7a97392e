"""Which mailing list is meant: all of them while they fit a menu, a search beyond."""

from __future__ import annotations

from django.db.models import Case, IntegerField, Value, When

from campaigns.lists import lists_of
from campaigns.models import MailingList
from relayhub.core.models import Workspace

#: More lists than this are searched for, not shown.
SHOWN = 30
_FOUND = 20


def choices(workspace: Workspace) -> list[MailingList] | None:
    """All lists by name, or None where there are too many to show."""
    rows = list(lists_of(workspace).order_by("name")[: SHOWN + 1])
    return rows if len(rows) <= SHOWN else None


def find(workspace: Workspace, text: str) -> list[MailingList]:
    """Lists with the text in their name, those that begin with it first; all for an empty text."""
    wanted = " ".join(text.replace("\0", "").split())
    found = lists_of(workspace)
    if wanted:
        found = found.filter(name__icontains=wanted)
    first = Case(When(name__istartswith=wanted, then=Value(0)), default=Value(1), output_field=IntegerField())
    return list(found.order_by(first, "name")[:_FOUND])


def named(workspace: Workspace, name: str) -> MailingList | None:
    """The list of exactly this name, whatever the case; None where there is none or several."""
    wanted = " ".join(name.replace("\0", "").split())
    rows = list(lists_of(workspace).filter(name__iexact=wanted)[:2]) if wanted else []
    return rows[0] if len(rows) == 1 else None
