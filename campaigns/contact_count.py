"""How many contacts match: exact while that is quick, an honest “about” beyond, exact again on request.

Up to `EXACT_UP_TO` rows are counted. Beyond, a random part of the table's pages is looked at with the same filter
and scaled up; both that and a count on request are kept for a minute.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass

from django.core.cache import cache
from django.db import connection
from django.db.models import QuerySet
from django.utils.translation import gettext as _

from campaigns.contact_filter import ContactFilter, to_query
from campaigns.models import Contact
from relayhub.core.formats import number
from relayhub.core.models import Workspace

EXACT_UP_TO = 10_000
#: Rows of the sample. Of half a million matches 5,000 looked at tell the share to about one in a hundred.
_SAMPLE = 5_000
_KEPT_SECONDS = 60


@dataclass(frozen=True, kw_only=True)
class Counted:
    """How many; `is_exact` False: estimated, to be shown with `text` and no more digits than that."""

    count: int
    is_exact: bool

    @property
    def text(self) -> str:
        """`3,418`, or `about 412,000`."""
        return number(self.count) if self.is_exact else _("about %(count)s") % {"count": number(_rounded(self.count))}


def count_of(
    workspace: Workspace, wanted: ContactFilter, found: QuerySet[Contact], *, exactly: bool = False
) -> Counted:
    """Count the contacts found by a filter, cheaply unless told otherwise."""
    kept: Counted | None = cache.get(_key(workspace, wanted))
    if kept is not None and (kept.is_exact or not exactly):
        return kept
    few = None if exactly else few_of(found)
    if few is not None:
        return few
    if exactly:
        answer = Counted(count=found.order_by().values("pk").count(), is_exact=True)
    else:
        answer = _estimated(workspace, wanted, found)
    if answer.count > EXACT_UP_TO:
        cache.set(_key(workspace, wanted), answer, _KEPT_SECONDS)
    return answer


def few_of(found: QuerySet[Contact]) -> Counted | None:
    """The exact count where there are up to `EXACT_UP_TO`, else None; counts no further."""
    count = found.order_by().values("pk")[: EXACT_UP_TO + 1].count()
    return Counted(count=count, is_exact=True) if count <= EXACT_UP_TO else None


def _estimated(workspace: Workspace, wanted: ContactFilter, found: QuerySet[Contact]) -> Counted:
    """The share of a sample that matches, of all there are; never below what was counted already."""
    everybody = _everybody(workspace)
    if wanted.is_empty or everybody <= EXACT_UP_TO:
        return Counted(count=everybody, is_exact=True)
    percent = min(100.0, 100.0 * _SAMPLE / everybody)
    with connection.cursor() as cursor:
        # The same pages each time, so that turning a page does not change the number.
        cursor.execute(
            "SELECT id FROM campaigns_contact TABLESAMPLE SYSTEM (%s) REPEATABLE (7) WHERE workspace_id = %s",
            [percent, workspace.pk],
        )
        sample = [row[0] for row in cursor.fetchall()]
    matched = found.filter(pk__in=sample).order_by().count() if sample else 0
    estimate = round(everybody * matched / len(sample)) if sample else EXACT_UP_TO
    return Counted(count=min(everybody, max(EXACT_UP_TO + 1, estimate)), is_exact=False)


def _everybody(workspace: Workspace) -> int:
    """All contacts of the workspace, up to a minute old where there are many."""
    key = f"contacts-all:{workspace.pk}"
    count: int = cache.get(key) or Contact.objects.filter(workspace=workspace).order_by().count()
    if count > EXACT_UP_TO:
        cache.set(key, count, _KEPT_SECONDS)
    return count


def _key(workspace: Workspace, wanted: ContactFilter) -> str:
    text = json.dumps(to_query(wanted), sort_keys=True)
    return f"contact-count:{workspace.pk}:{hashlib.sha256(text.encode()).hexdigest()[:32]}"


def _rounded(count: int) -> int:
    """Two figures: an estimate knows no more."""
    digits = max(0, len(str(count)) - 2)
    return round(count, -digits)
