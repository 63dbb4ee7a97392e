"""What a list of contacts is narrowed to. One vocabulary for addresses of pages, API calls, saved views and acts on
all that match: a filter is read from parameters, written back as parameters, and applied to a workspace.

At a million contacts each filter finds its first page by an index: words and field values by GIN, lists, standing,
consent and mail by one look-up a contact.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import zip_longest
from uuid import UUID

from django.contrib.postgres.search import SearchQuery
from django.db import connection, models
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from campaigns.comparisons import Comparison, condition
from campaigns.fields import field_types
from campaigns.models import ConsentAction, ConsentEntry, Contact, MailingList, Subscription, SubscriptionStatus
from campaigns.models.contact import Words
from campaigns.standing import having, is_quickly_counted
from relayhub.core.clock import now
from relayhub.core.errors import InputError
from relayhub.core.formats import number
from relayhub.core.ids import Prefix, decode_id, encode_id, uuid7_floor
from relayhub.core.models import Workspace
from relayhub.relay.touches import with_touch

MAX_COMPARISONS = 10
MAX_DAYS = 3650
DEFAULT_DAYS = 90
#: Words that no more contacts than this have are looked up in the index first; so many of the newest tell which are.
_RARE = 5_000
#: What the time within an id can hold.
_FIRST_YEAR, _LAST_YEAR = 1970, 2999
#: In the order in which an address holds them; `field`, `op` and `value` may come several times, side by side.
PARAMETERS = (
    "q", "list", "not_list", "status", "standing", "field", "op", "value", "import", "source", "consent",
    "added_from", "added_to", "did", "within",
)


class ConsentBy(models.TextChoices):
    """Where the evidence of a consent came from."""

    CONFIRMATION = "confirmation", _("Confirmed by mail")
    FORM = "form", _("Sign-up form")
    IMPORT = "import", pgettext_lazy("noun", "Import")
    DASHBOARD = "dashboard", _("Added by a colleague")
    API = "api", "API"
    PREFERENCES = "preferences", _("Preference page")
    NONE = "none", _("No evidence")  # nobody recorded a consent of theirs


class Did(models.TextChoices):
    """What a contact did with our mail, or did not."""

    OPENED = "opened", _("Opened")
    CLICKED = "clicked", _("Clicked")
    WRITTEN = "written", _("Was written to")
    BOUNCED = "bounced", _("Bounced")
    COMPLAINED = "complained", _("Complained")
    NOT_OPENED = "not_opened", _("Opened nothing")
    NOT_CLICKED = "not_clicked", _("Clicked nothing")
    NOT_WRITTEN = "not_written", _("Was not written to")


@dataclass(frozen=True, kw_only=True)
class ContactFilter:
    """What a list of contacts is narrowed to; empty means all."""

    text: str = ""
    mailing_list: UUID | None = None
    not_on: UUID | None = None
    #: Of the subscription to `mailing_list`.
    status: str = ""
    #: A `standing.Standing`: over all lists, or on `mailing_list`.
    standing: str = ""
    comparisons: tuple[Comparison, ...] = ()
    #: How the address came to be known, such as `import imp_…`.
    source: str = ""
    #: A `ConsentBy`: on `mailing_list`, or on any list.
    consent: str = ""
    #: Days on which it was added, both included; in the zone that `matching` is given.
    added_from: date | None = None
    added_to: date | None = None
    #: A `Did`, within so many days; None: ever.
    did: str = ""
    within_days: int | None = None

    @property
    def is_empty(self) -> bool:
        """Whether it narrows nothing."""
        return self == ContactFilter()


# -- reading and writing parameters --------------------------------------------------------------------------


def from_query(given: Mapping[str, Sequence[str]]) -> ContactFilter:
    """The filter that parameters ask for; InputError names the first that cannot be read."""

    def one(name: str) -> str:
        values = given.get(name) or [""]
        return values[-1].strip().replace("\0", "")

    run = one("import")
    did = _one_of(one("did"), Did.values, "did")
    return ContactFilter(
        text=one("q"), mailing_list=_list(one("list"), "list"), not_on=_list(one("not_list"), "not_list"),
        status=one("status"), standing=one("standing"), comparisons=_comparisons(given),
        source=f"import {run}" if run else one("source"),
        consent=_one_of(one("consent"), ConsentBy.values, "consent"),
        added_from=_day(one("added_from"), "added_from"), added_to=_day(one("added_to"), "added_to"),
        did=did, within_days=_days(one("within")) if did else None,
    )


def to_query(wanted: ContactFilter) -> dict[str, list[str]]:
    """The same filter as parameters, in one spelling; what narrows nothing is left out."""
    is_import = wanted.source.startswith("import ")
    single = {
        "q": wanted.text, "list": _list_id(wanted.mailing_list), "not_list": _list_id(wanted.not_on),
        "status": wanted.status, "standing": wanted.standing,
        "import": wanted.source.removeprefix("import ") if is_import else "",
        "source": "" if is_import else wanted.source, "consent": wanted.consent,
        "added_from": wanted.added_from.isoformat() if wanted.added_from else "",
        "added_to": wanted.added_to.isoformat() if wanted.added_to else "",
        "did": wanted.did, "within": str(wanted.within_days) if wanted.within_days else "",
    }
    query = {name: [value] for name, value in single.items() if value}
    if wanted.comparisons:
        query["field"] = [item.field for item in wanted.comparisons]
        query["op"] = [item.op for item in wanted.comparisons]
        query["value"] = [item.value for item in wanted.comparisons]
    return query


def _comparisons(given: Mapping[str, Sequence[str]]) -> tuple[Comparison, ...]:
    columns = [list(given.get(name) or []) for name in ("field", "op", "value")]
    rows = zip_longest(*columns, fillvalue="")
    found = tuple(
        Comparison(field=field.strip(), op=op.strip(), value=value.strip()) for field, op, value in rows if field
    )
    if len(found) > MAX_COMPARISONS:
        raise InputError(gettext("Compare up to %(most)s fields at once.") % {"most": MAX_COMPARISONS}, field="field")
    return found


def _list(text: str, name: str) -> UUID | None:
    if not text:
        return None
    key = decode_id(Prefix.LIST, text)
    if key is None:
        raise InputError(gettext("This list is no longer there."), field=name, code="unknown_list")
    return key


def _list_id(key: UUID | None) -> str:
    return encode_id(Prefix.LIST, key) if key else ""


def _one_of(text: str, values: Sequence[str], name: str) -> str:
    if text and text not in values:
        raise InputError(
            gettext("“%(given)s” is none of: %(known)s.") % {"given": text[:40], "known": ", ".join(values)}, field=name
        )
    return text


def _day(text: str, name: str) -> date | None:
    if not text:
        return None
    try:
        day = date.fromisoformat(text)
    except ValueError:
        day = date.min
    if not _FIRST_YEAR <= day.year <= _LAST_YEAR:
        raise InputError(
            gettext("“%(given)s” is not a day. Write it as 2026-11-24.") % {"given": text[:30]}, field=name
        )
    return day


def _days(text: str) -> int | None:
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 9 and 1 <= int(text) <= MAX_DAYS):
        raise InputError(
            gettext("“%(given)s” is not a number of days. Write 1 to %(most)s.")
            % {"given": text[:20], "most": number(MAX_DAYS)}, field="within",
        )
    return int(text)


# -- applying ------------------------------------------------------------------------------------------------


def matching(workspace: Workspace, wanted: ContactFilter, *, zone: tzinfo = UTC) -> QuerySet[Contact]:
    """Contacts that fit, newest first; InputError where a list, field, status or standing is none."""
    found = _with_text(Contact.objects.filter(workspace=workspace), workspace, wanted.text)
    found = _on_lists(found, workspace, wanted)
    if wanted.standing:
        found = having(found, workspace, wanted.standing, wanted.mailing_list)
    if wanted.comparisons:
        types = field_types(workspace)
        found = found.filter(*(condition(types, item) for item in wanted.comparisons))
    if wanted.source:
        found = found.filter(source=wanted.source)
    if wanted.consent:
        found = found.filter(_consented(wanted))
    if wanted.did:
        since = now() - timedelta(days=wanted.within_days) if wanted.within_days else None
        found = with_touch(found, workspace.pk, wanted.did, since=since)
    return _added(found, wanted, zone)


def added(workspace: Workspace, wanted: ContactFilter, *, zone: tzinfo = UTC) -> QuerySet[Contact]:
    """Everybody who was added on the days of the filter, whatever else it asks."""
    return _added(Contact.objects.filter(workspace=workspace), wanted, zone)


def search(workspace: Workspace, text: str) -> QuerySet[Contact]:
    """Contacts that the words of an address or a name lead to."""
    return matching(workspace, ContactFilter(text=text))


def _with_text(found: QuerySet[Contact], workspace: Workspace, text: str) -> QuerySet[Contact]:
    wanted = text.strip().lower().replace("\0", "")
    if not wanted:
        return found
    by_id = decode_id(Prefix.CONTACT, wanted)
    if by_id is not None:
        return found.filter(pk=by_id)
    if "@" in wanted and not wanted.startswith("@"):
        return found.filter(email_key__startswith=wanted)
    if is_quickly_counted(workspace):
        return found.filter(Q(name__icontains=wanted) | Q(email_key__contains=wanted))
    words = re.findall(r"[^\W_]+", wanted)
    if not words:
        return found.none()
    # With very many contacts only an index answers in time, and it knows how words begin.
    return _with_words(found, workspace, " & ".join(f"{word}:*" for word in words))


def _with_words(found: QuerySet[Contact], workspace: Workspace, query: str) -> QuerySet[Contact]:
    """Contacts with these beginnings of words in their name or address (`query`: a `to_tsquery` text)."""
    # PostgreSQL takes every word to be a frequent one, which a walk through the newest soon meets. A rare one it
    # would look for in a million rows: those are looked up first.
    words, wanted = Words("name", "email_key"), SearchQuery(query, config="simple", search_type="raw")
    if not _is_frequent(workspace, query):
        fitting = Contact.objects.annotate(words=words).filter(workspace=workspace, words=wanted)
        ids = list(fitting.values_list("pk", flat=True)[: _RARE + 1])
        if len(ids) <= _RARE:
            return found.filter(pk__in=ids)
    return found.annotate(words=words).filter(words=wanted)


_FREQUENT_SQL = f"""
SELECT count(*) FROM (
  SELECT name, email_key FROM campaigns_contact WHERE workspace_id = %s ORDER BY id DESC LIMIT %s) newest
WHERE {Words.template % {"expressions": "name || ' ' || email_key"}} @@ to_tsquery('simple', %s)"""


def _is_frequent(workspace: Workspace, query: str) -> bool:
    """Whether at least one in a hundred of the newest has the words."""
    with connection.cursor() as cursor:
        cursor.execute(_FREQUENT_SQL, [workspace.pk, _RARE, query])
        return bool(cursor.fetchone()[0] >= _RARE / 100)


def _on_lists(found: QuerySet[Contact], workspace: Workspace, wanted: ContactFilter) -> QuerySet[Contact]:
    for name, key in (("list", wanted.mailing_list), ("not_list", wanted.not_on)):
        if key and not MailingList.objects.filter(workspace=workspace, pk=key, archived_at=None).exists():
            raise InputError(gettext("This list is no longer there."), field=name, code="unknown_list")
    _one_of(wanted.status, SubscriptionStatus.values, "status")
    if wanted.mailing_list is not None:
        on_list = Subscription.objects.filter(contact=OuterRef("pk"), mailing_list_id=wanted.mailing_list)
        if wanted.status:
            on_list = on_list.filter(status=wanted.status)
        found = found.filter(Exists(on_list))
    if wanted.not_on is not None:
        found = found.filter(~Exists(Subscription.objects.filter(contact=OuterRef("pk"), mailing_list=wanted.not_on)))
    return found


def _consented(wanted: ContactFilter) -> Q | Exists:
    said = ConsentEntry.objects.filter(
        contact=OuterRef("pk"), action__in=[ConsentAction.SUBSCRIBED, ConsentAction.CONFIRMED]
    )
    if wanted.mailing_list is not None:
        said = said.filter(mailing_list_id=wanted.mailing_list)
    if wanted.consent == ConsentBy.NONE:
        return ~Q(Exists(said))
    return Exists(said.filter(channel=wanted.consent))


def _added(found: QuerySet[Contact], wanted: ContactFilter, zone: tzinfo) -> QuerySet[Contact]:
    """The id is made in the moment of adding and has the index."""
    if wanted.added_from is not None:
        found = found.filter(pk__gte=uuid7_floor(datetime.combine(wanted.added_from, time(), zone)))
    if wanted.added_to is not None:
        after = datetime.combine(wanted.added_to + timedelta(days=1), time(), zone)
        found = found.filter(pk__lt=uuid7_floor(after))
    return found
