"""Remove a custom field: it is gone at once; its values go with it, of very many contacts in a job behind it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from uuid import UUID

from django.db import connection, transaction
from django.db.models.expressions import RawSQL
from django.utils.translation import gettext as _
from django.utils.translation import gettext_noop

from campaigns.models import Contact, FieldDefinition, SignUpForm
from campaigns.standing import is_quickly_counted
from relayhub.core import audit, jobs
from relayhub.core.access import Actor, require
from relayhub.core.clock import now
from relayhub.core.errors import ConflictError
from relayhub.core.models import Job, Scope, Workspace

JOB_KIND = "field_removal"
_BATCH = 5000


def delete_field(actor: Actor, field: FieldDefinition) -> int | Job:
    """Remove a field and its value from every contact: how many had one, or the job that takes the values away."""
    require(actor, Scope.CONTACTS_WRITE)
    workspace = actor.workspace
    with transaction.atomic():
        SignUpForm.objects.filter(workspace=workspace, field_keys__contains=[field.key]).update(
            field_keys=RawSQL("field_keys - %s", [field.key])
        )
        found: int | Job
        if is_quickly_counted(workspace):
            found = _without(field.key, Contact.objects.filter(workspace=workspace).values_list("pk", flat=True))
        else:
            found = jobs.start_job(
                workspace, kind=JOB_KIND, title=f"Delete the values of {field.label or field.key}",
                created_by=actor.user, unit="contacts", state={"key": field.key},
            )
        audit.record(
            actor, "field.deleted", "field", field.public_id, summary=field.key,
            before={"label": field.label, "type": field.type},
            after={"job": found.public_id} if isinstance(found, Job) else {"contacts": found},
        )
        field.delete()
    return found


def check_free(workspace: Workspace, keys: Iterable[str]) -> None:
    """ConflictError (`field_going`) while values of a deleted field of such a key are still there."""
    going = Job.objects.filter(workspace=workspace, kind=JOB_KIND, status__in=jobs.UNFINISHED)
    found = going.filter(state__key__in=list(keys)).values_list("state__key", flat=True).first()
    if found is not None:
        raise ConflictError(
            _("The values of the deleted field “%(field)s” are still being taken away. Define it anew once that job "
              "has ended.") % {"field": found}, code="field_going",
        )


@jobs.job_runner(
    JOB_KIND, label=gettext_noop("Deletion of a field"), icon="trash", cancel_scope="",
    titles=[gettext_noop("Delete the values of %(name)s")],
    on_cancel=gettext_noop("The field is deleted; its values go to the last."),
)
def run_removal(run: jobs.JobRun) -> None:
    """Take the values away, from the checkpoint on."""
    key, rows = str(run.state["key"]), Contact.objects.filter(workspace=run.job.workspace).order_by("pk")
    last = UUID(run.state["last"]) if run.state.get("last") else None
    done, had = int(run.job.done), int(run.state.get("had", 0))
    if last is None:
        run.advance(total=rows.count())
    while ids := list((rows.filter(pk__gt=last) if last else rows).values_list("pk", flat=True)[:_BATCH]):
        last, done = ids[-1], done + len(ids)
        with transaction.atomic():
            had += _without(key, ids)
            run.advance(done=done, last=str(last), had=had)
    run.finish(contacts=had)


def _without(key: str, ids: Sequence[UUID] | Iterable[UUID]) -> int:
    """Take the value away from these contacts; how many had one."""
    with connection.cursor() as cursor:
        cursor.execute(
            "WITH held AS (SELECT id FROM campaigns_contact WHERE id = ANY(%(ids)s) AND jsonb_exists(fields, %(key)s)"
            " ORDER BY id FOR NO KEY UPDATE)"
            " UPDATE campaigns_contact c SET fields = c.fields - %(key)s, updated_at = %(now)s"
            " FROM held WHERE c.id = held.id",
            {"ids": list(ids), "key": key, "now": now()},
        )
        return int(cursor.rowcount)
