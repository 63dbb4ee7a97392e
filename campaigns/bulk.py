"""Acts on many contacts: counted before, audited, at once for a few, as a job for many, undone where that is possible.

Whom an act is for is said by ids or by a filter. A filter means those that match it now: contacts that come in
while a job runs are left out, for their ids are younger. What a deletion takes cannot be brought back; everything
else can for `UNDO_WITHIN`, but for those who acted by themselves since.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from django.db import transaction
from django.db.models import QuerySet
from django.utils.translation import gettext, gettext_noop
from django.utils.translation import gettext_lazy as _

from campaigns import bulk_sql, contact_filter, contacts, subscriptions
from campaigns.column_values import typed
from campaigns.contacts import Evidence
from campaigns.fields import checked_value, field_types
from campaigns.models import BulkAct, BulkChange, BulkKind, Contact, MailingList
from deliverability import suppression
from deliverability.models import SuppressionReason
from relayhub.core import audit, jobs
from relayhub.core.access import ROLE_PERMISSIONS, Actor, require, system_actor
from relayhub.core.clock import now
from relayhub.core.errors import ConflictError, InputError
from relayhub.core.formats import counted, number, recorded
from relayhub.core.models import Job, Role, Scope, Workspace

JOB_KIND = "bulk"
UNDO_JOB_KIND = "bulk_undo"
#: More than this many are a job; so many take well under a second.
AT_ONCE = 2_000
#: By ids, as many as a person ticks or a program names in one call.
MAX_IDS = 10_000
#: As long as what was there before is kept.
UNDO_WITHIN = timedelta(hours=24)
_BATCH = 2_000
#: Those that are about one mailing list.
ON_LISTS = frozenset({BulkKind.ADD_TO_LIST, BulkKind.REMOVE_FROM_LIST, BulkKind.UNSUBSCRIBE})
_AUDITED = {
    BulkKind.ADD_TO_LIST: "list.contacts_added", BulkKind.REMOVE_FROM_LIST: "list.contacts_removed",
    BulkKind.UNSUBSCRIBE: "list.contacts_unsubscribed", BulkKind.SUPPRESS: "contacts.suppressed",
    BulkKind.SET_FIELD: "contacts.field_set", BulkKind.DELETE: "contacts.deleted",
}


#: (what was done, what was not, why some were left alone).
_WORDS = {
    BulkKind.ADD_TO_LIST: (
        _("Added %(contacts)s to “%(name)s”."), _("Nobody was added to “%(name)s”."),
        _("%(count)s left alone: on it already, or they had left it."),
    ),
    BulkKind.REMOVE_FROM_LIST: (
        _("Took %(contacts)s off “%(name)s”."), _("Nobody was taken off “%(name)s”."),
        _("%(count)s left alone: not on it, or they had left it."),
    ),
    BulkKind.UNSUBSCRIBE: (
        _("Unsubscribed %(contacts)s from “%(name)s”."), _("Nobody was unsubscribed from “%(name)s”."),
        _("%(count)s left alone: not on it, or they had left it."),
    ),
    BulkKind.SUPPRESS: (
        _("Suppressed %(contacts)s."), _("Nobody was suppressed."), _("%(count)s left alone: suppressed already."),
    ),
    BulkKind.SET_FIELD: (
        _("Changed %(name)s of %(contacts)s."), _("Nothing was changed."),
        _("%(count)s left alone: they had this value already."),
    ),
    BulkKind.DELETE: (_("Deleted %(contacts)s."), _("Nobody was deleted."), ""),
}


@dataclass(frozen=True, kw_only=True)
class Order:
    """What to do with contacts; `mailing_list` of acts on lists, `field` and `value` of setting one."""

    kind: str
    mailing_list: MailingList | None = None
    field: str = ""
    #: As typed; "" takes the field away.
    value: Any = ""
    #: Where the consent or the no comes from.
    source: str = ""


@dataclass(frozen=True, kw_only=True)
class Chosen:
    """Whom an act is for: these ids, or everybody that matches the parameters of a filter."""

    ids: Sequence[UUID] = ()
    query: Mapping[str, Sequence[str]] | None = None
    #: Of the filter's days.
    zone: str = "UTC"


# -- who, and how many ---------------------------------------------------------------------------------------


def chosen_rows(actor: Actor, chosen: Chosen) -> QuerySet[Contact]:
    """The contacts that are meant; InputError where the filter cannot be used."""
    if chosen.query is None:
        if len(chosen.ids) > MAX_IDS:
            raise InputError(
                gettext("Name up to %(most)s contacts, or a filter.") % {"most": number(MAX_IDS)}, field="contacts",
                code="too_many",
            )
        return Contact.objects.filter(workspace=actor.workspace, pk__in=list(chosen.ids))
    wanted = contact_filter.from_query(chosen.query)
    return contact_filter.matching(actor.workspace, wanted, zone=ZoneInfo(chosen.zone))


def count_chosen(actor: Actor, chosen: Chosen) -> int:
    """How many there are now, exactly."""
    return chosen_rows(actor, chosen).order_by().count()


# -- doing ---------------------------------------------------------------------------------------------------


def start(actor: Actor, order: Order, chosen: Chosen) -> BulkAct:
    """Do it: finished in the answer for up to `AT_ONCE`, else `job` says how far it is."""
    require(actor, Scope.CONTACTS_WRITE)
    if order.kind == BulkKind.SUPPRESS:
        require(actor, Scope.SUPPRESSIONS_WRITE)
    act = _act(actor, order)
    rows = chosen_rows(actor, chosen).order_by()
    count = rows.count()
    if count == 0:
        raise InputError(gettext("Choose at least one contact."), field="contact")
    newest = rows.order_by("-pk").values_list("pk", flat=True).first()
    act.chosen = stored(chosen, newest)
    with transaction.atomic():
        if count > AT_ONCE:
            act.job = jobs.start_job(
                actor.workspace, kind=JOB_KIND, title=title_of(act, count), created_by=actor.user, total=count,
                unit="contacts", state={"act": str(act.pk)},
            )
        act.save(force_insert=True)
        if act.job is None:
            for ids in _batches(act, None):
                _do(act, actor, ids)
            _close(act, actor)
    return act


def _act(actor: Actor, order: Order) -> BulkAct:
    if order.kind not in BulkKind.values:
        raise InputError(gettext("Choose what to do with these contacts."), field="act")
    if order.kind in ON_LISTS and order.mailing_list is None:
        raise InputError(gettext("Choose a list first."), field="list")
    act = BulkAct(
        workspace=actor.workspace, kind=order.kind, mailing_list=order.mailing_list, created_by=actor.user,
        actor=actor.label[:300], channel="api" if actor.api_key is not None else "dashboard",
        source=" ".join(order.source.replace("\0", "").split())[:500],
    )
    if order.kind == BulkKind.SET_FIELD:
        kind = field_types(actor.workspace).get(order.field)
        if kind is None:
            raise InputError(
                gettext("There is no field “%(field)s”.") % {"field": order.field[:60]} if order.field
                else gettext("Choose a field first."), field="field",
            )
        act.field_key, act.value = order.field, checked_value(kind, typed(kind, order.value), order.field)
    return act


def stored(chosen: Chosen, newest: UUID | None = None) -> dict[str, Any]:
    """Whom it is for, as JSON; `newest` leaves out who comes in later."""
    if chosen.query is None:
        return {"ids": [str(key) for key in chosen.ids]}
    query = contact_filter.to_query(contact_filter.from_query(chosen.query))
    return {"query": query, "zone": chosen.zone, "newest": str(newest) if newest else None}


def stored_rows(workspace: Workspace, kept: Mapping[str, Any]) -> QuerySet[Contact]:
    """The contacts that `stored` kept, as they match now."""
    actor = system_actor(workspace)
    if "ids" in kept:
        return chosen_rows(actor, Chosen(ids=[UUID(key) for key in kept["ids"]]))
    rows = chosen_rows(actor, Chosen(query=kept["query"], zone=kept["zone"]))
    return rows.filter(pk__lte=UUID(kept["newest"])) if kept["newest"] else rows


#: As `title_of` writes them.
TITLES = (
    gettext_noop("Add 1 contact to “%(name)s”"), gettext_noop("Add %(count)s contacts to “%(name)s”"),
    gettext_noop("Remove 1 contact from “%(name)s”"), gettext_noop("Remove %(count)s contacts from “%(name)s”"),
    gettext_noop("Unsubscribe 1 contact from “%(name)s”"),
    gettext_noop("Unsubscribe %(count)s contacts from “%(name)s”"),
    gettext_noop("Suppress 1 contact"), gettext_noop("Suppress %(count)s contacts"),
    gettext_noop("Set %(field)s of 1 contact"), gettext_noop("Set %(field)s of %(count)s contacts"),
    gettext_noop("Delete 1 contact"), gettext_noop("Delete %(count)s contacts"),
)


def title_of(act: BulkAct, count: int) -> str:
    """What the act is called: “Add 3,418 contacts to “News””."""
    many = recorded(count, "contact")
    name = act.mailing_list.name if act.mailing_list else ""
    return {
        BulkKind.ADD_TO_LIST: f"Add {many} to “{name}”", BulkKind.REMOVE_FROM_LIST: f"Remove {many} from “{name}”",
        BulkKind.UNSUBSCRIBE: f"Unsubscribe {many} from “{name}”", BulkKind.SUPPRESS: f"Suppress {many}",
        BulkKind.SET_FIELD: f"Set {act.field_key} of {many}", BulkKind.DELETE: f"Delete {many}",
    }[BulkKind(act.kind)][:300]


def words_of(act: BulkAct) -> str:
    """What the act came to, in words."""
    done, nobody, alone = _WORDS[BulkKind(act.kind)]
    name = act.mailing_list.name if act.mailing_list else act.field_key
    words = str(done if act.changed else nobody) % {"contacts": counted(act.changed, "contact"), "name": name}
    if act.left_alone and alone:
        return f"{words} {str(alone) % {'count': number(act.left_alone)}}"
    return words


def _batches(act: BulkAct, after: UUID | None) -> Iterator[list[UUID]]:
    """The ids of whom the act is for, in their order: each is met once, whatever the act does to the filter."""
    rows = stored_rows(act.workspace, act.chosen)
    while True:
        part = rows.filter(pk__gt=after) if after else rows
        ids = list(part.order_by("pk").values_list("pk", flat=True)[:_BATCH])
        if not ids:
            return
        yield ids
        after = ids[-1]


def _actor_of(act: BulkAct) -> Actor:
    """Who asked, whose rights were looked at then."""
    return Actor(
        workspace=act.workspace, permissions=ROLE_PERMISSIONS[Role.OWNER], label=act.actor, user=act.created_by,
        role=Role.OWNER,
    )


def _do(act: BulkAct, actor: Actor, ids: Sequence[UUID]) -> None:
    """One part of the act, in the caller's transaction."""
    changed = _changed(act, actor, ids)
    act.changed += changed
    act.left_alone += len(ids) - changed
    act.save(update_fields=["changed", "left_alone"])


def _changed(act: BulkAct, actor: Actor, ids: Sequence[UUID]) -> int:
    if act.kind == BulkKind.SET_FIELD:
        if act.field_key not in field_types(act.workspace):
            raise ConflictError(
                gettext("The field %(key)s was deleted meanwhile.") % {"key": act.field_key}, code="unknown_field"
            )
        return bulk_sql.set_field(act, ids)
    if act.kind == BulkKind.DELETE:
        return contacts.delete_rows(ids)
    if act.kind == BulkKind.SUPPRESS:
        return _suppress(act, ids)
    mailing_list = _list_of(act)
    if act.kind == BulkKind.ADD_TO_LIST:
        evidence = _evidence(act, act.source or f"added by {act.actor}", ip=actor.ip)
        return subscriptions.subscribe_new(ids, mailing_list, evidence=evidence)
    if act.kind == BulkKind.REMOVE_FROM_LIST:
        return subscriptions.remove(ids, mailing_list, evidence=_evidence(act, f"removed by {act.actor}"))
    return subscriptions.unsubscribe_many(
        ids, mailing_list, act=act.pk, by=act.created_by,
        evidence=_evidence(act, act.source or f"unsubscribed by {act.actor}"),
    )


def _list_of(act: BulkAct) -> MailingList:
    if act.mailing_list is None:
        raise ConflictError(gettext("The list of this act is gone."), code="unknown_list")
    return act.mailing_list


def _evidence(act: BulkAct, source: str, *, ip: str | None = None) -> Evidence:
    return Evidence(channel=act.channel, source=source, ip=ip, detail={"act": str(act.pk)})


def _suppress(act: BulkAct, ids: Sequence[UUID]) -> int:
    rows = {key: (pk, email) for pk, key, email in
            Contact.objects.filter(pk__in=ids).values_list("pk", "email_key", "email")}
    stopped = suppression.suppress_known(
        act.workspace_id, {key: email for key, (_, email) in rows.items()}, reason=SuppressionReason.MANUAL,
        source=act.source or f"suppressed by {act.actor}", created_by=act.created_by,
    )
    BulkChange.objects.bulk_create([
        BulkChange(act=act, contact_id=rows[key][0], before={"suppression": str(row)}) for key, row in stopped.items()
    ])
    return len(stopped)


def _close(act: BulkAct, actor: Actor) -> None:
    """Remember that it ended, and write the audit log."""
    act.finished_at = now()
    act.save(update_fields=["finished_at"])
    if act.changed:
        audit.record(
            actor, _AUDITED[BulkKind(act.kind)], "list" if act.mailing_list else "contact",
            act.mailing_list.public_id if act.mailing_list else "", summary=title_of(act, act.changed),
            after={"count": act.changed, "act": str(act.pk), "field": act.field_key, "value": act.value},
        )


def _at_end(job: Job) -> None:
    """However the job ended, what the act did can be undone from now on."""
    acts = BulkAct.objects.select_related("workspace", "mailing_list", "created_by")
    act = acts.filter(job=job, finished_at=None).first()
    if act is not None:
        _close(act, _actor_of(act))


@jobs.job_runner(
    JOB_KIND, label=gettext_noop("Act on contacts"), icon="users", at_end=_at_end,
    titles=TITLES,
    on_cancel=gettext_noop("What was done stays, and can be undone below; the rest of the contacts are as they were."),
)
def run_bulk(run: jobs.JobRun) -> None:
    """Go on where the checkpoint is; each part and its checkpoint become true together."""
    act = BulkAct.objects.select_related("workspace", "mailing_list", "created_by").get(pk=run.state["act"])
    actor = _actor_of(act)
    after = UUID(run.state["after"]) if run.state.get("after") else None
    done = int(run.job.done)
    for ids in _batches(act, after):
        with transaction.atomic():
            _do(act, actor, ids)
            done += len(ids)
            run.advance(done=done, after=str(ids[-1]))
    run.finish(act=act.public_id, changed=act.changed, left_alone=act.left_alone, undo=_undo_of(act))


def _undo_of(act: BulkAct) -> str | None:
    """What undoes it, for programs that poll the job."""
    return act.public_id if act.changed and act.kind != BulkKind.DELETE else None
