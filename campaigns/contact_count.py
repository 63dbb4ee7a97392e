"""How many contacts match: exact while they are few, an honest “about” beyond, exact again on request.

A random part of the table's pages is looked at with the same filter and scaled up. Unless that is surely beyond
`EXACT_UP_TO`, all are counted. What is beyond is kept for a minute, counted or estimated.
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
from campaigns.contact_walk import read_whole
from campaigns.models import Contact
from relayhub.core.formats import number
from relayhub.core.models import Workspace

EXACT_UP_TO = 10_000
#: An estimate of more than this is that of no fewer than `EXACT_UP_TO`, also where those who match were added together
#: and so stand on few pages.
_SURELY = 5
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
    answer = None if exactly else _estimated(workspace, wanted, found)
    if answer is None:
        # Not cut off at a number: for the first so many PostgreSQL would walk from contact to contact.
        with read_whole():
            answer = Counted(count=found.order_by().values("pk").count(), is_exact=True)
    if answer.count > EXACT_UP_TO:
        cache.set(_key(workspace, wanted), answer, _KEPT_SECONDS)
    return answer


def _estimated(workspace: Workspace, wanted: ContactFilter, found: QuerySet[Contact]) -> Counted | None:
    """The share of a sample that matches, of all there are, who are counted; None where it may come from few."""
    everybody = _everybody(workspace)
    if wanted.is_empty:
        return Counted(count=everybody, is_exact=True)
    if everybody <= EXACT_UP_TO:
        return None
    percent = min(100.0, 100.0 * _SAMPLE / everybody)
    with connection.cursor() as cursor:
        # The same pages each time, so that turning a page does not change the number.
        cursor.execute(
            "SELECT id FROM campaigns_contact TABLESAMPLE SYSTEM (%s) REPEATABLE (7) WHERE workspace_id = %s",
            [percent, workspace.pk],
        )
        sample = [row[0] for row in cursor.fetchall()]
    matched = found.filter(pk__in=sample).order_by().count() if sample else 0
    estimate = round(everybody * matched / len(sample)) if sample else 0
    return Counted(count=estimate, is_exact=False) if estimate > EXACT_UP_TO * _SURELY else None


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
