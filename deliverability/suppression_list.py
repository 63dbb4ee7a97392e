"""The read side of suppressions: find, count, name their scopes, export."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import timedelta
from itertools import islice
from uuid import UUID

from django.db.models import Count, Q, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, gettext_noop

from deliverability import managers
from deliverability.models import Suppression, SuppressionReason, SuppressionScope
from deliverability.suppression import THE_PERSON, is_address
from deliverability.suppression_import import csv_line, require_export
from deliverability.surroundings import surroundings
from relayhub.core.access import Actor
from relayhub.core.clock import now
from relayhub.core.errors import InputError
from relayhub.core.ids import Prefix, decode_id, encode_id, uuid7_floor
from relayhub.core.retelling import KnownSentences
from relayhub.protocol.address import normalise

EXPORT_HEADING = ("address", "reason", "scope", "stream", "list", "applies_to", "source", "created_at")
_BATCH = 2000
#: How somebody left, as it is stored, and in words.
_LEFT_BY = {
    "unsubscribed by one_click": gettext_lazy("unsubscribed by one click in the mail program"),
    "unsubscribed by link": gettext_lazy("unsubscribed by the link in a mail"),
    "unsubscribed by preferences": gettext_lazy("unsubscribed on the preference page"),
    "unsubscribed by mail": gettext_lazy("unsubscribed by a mail"),
    "unsubscribe mail": gettext_lazy("unsubscribed by a mail"),
    "unsubscribed by form": gettext_lazy("unsubscribed by a form"),
    "unsubscribed by import": gettext_lazy("unsubscribed by an import"),
    "unsubscribed by dashboard": gettext_lazy("unsubscribed in the dashboard"),
    "unsubscribed by api": gettext_lazy("unsubscribed by the API"),
}
#: What is stored as evidence, beside replies of hosts and what people write.
_EVIDENCE = KnownSentences(
    gettext_noop("import of %(file)s by %(who)s"), gettext_noop("added by %(who)s"),
    gettext_noop("suppressed by %(who)s"), gettext_noop("unsubscribed by %(who)s"), gettext_noop("undone by %(who)s"),
    gettext_noop("feedback report from %(address)s"), gettext_noop("feedback report"),
    gettext_noop("%(code)s by a bounce report"), gettext_noop("by a bounce report"),
    gettext_noop("event %(id)s"), gettext_noop("subscribed again"), gettext_noop("the act was undone"),
)
_RECENT = timedelta(days=30)


@dataclass(frozen=True, kw_only=True)
class SuppressionFilter:
    """What a list is narrowed to; empty means all. `scope` is a scope, or the public id of a stream or list."""

    text: str = ""
    reason: str = ""
    scope: str = ""
    is_lifted: bool = False


@dataclass(frozen=True, kw_only=True)
class Figure:
    """How many active suppressions have one reason, and how many of them are of the last 30 days."""

    reason: str
    total: int
    recent: int


def find(workspace_id: UUID, wanted: SuppressionFilter) -> QuerySet[Suppression]:
    """The workspace's rows that pass; InputError for a reason or scope that is none."""
    if wanted.is_lifted:
        rows = Suppression.objects.filter(workspace_id=workspace_id, lifted_at__isnull=False)
    else:
        rows = managers.active_suppressions(workspace_id)
    if wanted.reason:
        if wanted.reason not in SuppressionReason.values:
            raise InputError(
                _("The reason is one of: %(reasons)s.") % {"reasons": ", ".join(SuppressionReason.values)},
                field="reason",
            )
        rows = rows.filter(reason=wanted.reason)
    if wanted.scope:
        rows = rows.filter(_in_scope(wanted.scope))
    text = wanted.text.strip()
    return rows.filter(_with_text(text)) if text else rows


def _with_text(text: str) -> Q:
    """A whole address, the beginning of one (both by an index), or any part; keys are in lower case."""
    if is_address(text):
        return Q(address_key=normalise(text))
    begins = "@" in text[1:]
    return Q(**{"address_key__startswith" if begins else "address_key__contains": text.lower()})


def _in_scope(scope: str) -> Q:
    if scope in SuppressionScope.values:
        return Q(scope=scope)
    stream_id, list_id = decode_id(Prefix.STREAM, scope), decode_id(Prefix.LIST, scope)
    if stream_id is None and list_id is None:
        raise InputError(
            _("The scope is one of: %(scopes)s, or the id of a stream or list.")
            % {"scopes": ", ".join(SuppressionScope.values)}, field="scope",
        )
    return Q(stream_id=stream_id) if stream_id else Q(list_id=list_id)


def figures(workspace_id: UUID) -> list[Figure]:
    """One for each reason, in the order of the reasons."""
    since = uuid7_floor(now() - _RECENT)
    counted = managers.active_suppressions(workspace_id).order_by().values("reason").annotate(
        total=Count("pk"), recent=Count("pk", filter=Q(pk__gte=since))
    )
    found = {
        row["reason"]: Figure(reason=row["reason"], total=row["total"], recent=row["recent"]) for row in counted
    }
    return [found.get(reason, Figure(reason=reason, total=0, recent=0)) for reason in SuppressionReason.values]


def lifted_before(workspace_id: UUID, address_key: str) -> list[Suppression]:
    """What once stopped an address and was lifted, newest first."""
    rows = Suppression.objects.filter(workspace_id=workspace_id, address_key=address_key, lifted_at__isnull=False)
    return list(rows.order_by("-lifted_at")[:20])


def evidence_of(row: Suppression) -> str:
    """What a suppression rests on, as it is said to the reader."""
    return str(_LEFT_BY.get(row.source) or _EVIDENCE.told(row.source))


def lift_reason_of(row: Suppression) -> str:
    """Why it was lifted: what a person wrote, or what brought it about."""
    return _EVIDENCE.told(row.lift_reason)


def lifted_by(row: Suppression) -> str:
    """Who lifted it."""
    return _(THE_PERSON) if row.lifted_by == THE_PERSON else row.lifted_by


class ScopeNames:
    """The words for scopes of one workspace; of mailing lists only those are looked up that rows name."""

    def __init__(self, workspace_id: UUID) -> None:
        self._workspace_id = workspace_id
        self._streams = {target.id: target.name for target in surroundings().streams(workspace_id)}
        self._lists: dict[UUID, str] = {}

    def learn(self, rows: Iterable[Suppression]) -> None:
        """Look up what these rows name; one query where there is anything new."""
        new = {row.list_id for row in rows if row.list_id is not None} - self._lists.keys()
        found = surroundings().lists_among(self._workspace_id, new)
        self._lists |= {target.id: target.name for target in found}

    def name(self, row: Suppression) -> str:
        """How far a suppression reaches, in words."""
        if row.scope == SuppressionScope.WORKSPACE:
            return _("Everything")
        return self.name_of(row.stream_id, row.list_id)

    def name_of(self, stream_id: UUID | None, list_id: UUID | None) -> str:
        """A stream or list by name, also when it is gone."""
        if stream_id is not None:
            name = self._streams.get(stream_id)
            return _("Stream %(name)s") % {"name": name} if name is not None else _("A stream that is gone")
        if list_id is None:
            return _("Everything")
        name = self._lists.get(list_id)
        return _("List %(name)s") % {"name": name} if name is not None else _("A list that is gone")


def export(actor: Actor, wanted: SuppressionFilter) -> Iterator[bytes]:
    """CSV of the rows that pass, oldest first, in pieces of some thousand lines; can be imported again."""
    require_export(actor)
    rows = find(actor.workspace.pk, wanted).order_by("id")
    names = ScopeNames(actor.workspace.pk)
    return _export_pieces(rows, names)


def _export_pieces(rows: QuerySet[Suppression], names: ScopeNames) -> Iterator[bytes]:
    yield csv_line(EXPORT_HEADING)
    found = rows.iterator(chunk_size=_BATCH)
    while batch := list(islice(found, _BATCH)):
        names.learn(batch)
        yield b"".join(_export_line(row, names) for row in batch)


def _export_line(row: Suppression, names: ScopeNames) -> bytes:
    return csv_line(
        [row.address, row.reason, row.scope, _id(Prefix.STREAM, row.stream_id), _id(Prefix.LIST, row.list_id),
         names.name(row), row.source, row.created_at.strftime("%Y-%m-%dT%H:%M:%SZ")]
    )


def _id(prefix: Prefix, value: UUID | None) -> str:
    return encode_id(prefix, value) if value is not None else ""
