"""Form fields and the progress of long work: the two fragments that need some thinking."""

from __future__ import annotations

from typing import Any

from django import forms, template
from django.forms.boundfield import BoundField
from django.utils.translation import gettext as _

from relayhub.core import formats, jobs
from relayhub.core.clock import now
from relayhub.core.models import Job, JobStatus

register = template.Library()


def _kind(widget: forms.Widget) -> str:
    if isinstance(widget, forms.CheckboxSelectMultiple | forms.RadioSelect):
        return "group"
    if isinstance(widget, forms.CheckboxInput):
        return "check"
    if isinstance(widget, forms.Select):
        return "select"
    return "input"


@register.inclusion_tag("partials/_field.html")
def field(
    bound: BoundField, label: str = "", hint: str = "", placeholder: str = "", switch: bool = False,
    mono: bool = False, autofocus: bool = False, optional: bool = True,
) -> dict[str, Any]:
    """One form field with label, hint or error, tied together for assistive technology.

    `optional` False: not called so though the form can do without, for what another field makes necessary.
    """
    kind = _kind(bound.field.widget)
    words = hint or bound.help_text
    described = f"{bound.auto_id}_error" if bound.errors else f"{bound.auto_id}_hint" if words else ""
    classes = {"check": "form-check-input", "group": "form-check-input", "select": "form-select"}
    attrs: dict[str, Any] = {"class": classes.get(kind, "form-control") + (" mono" if mono else "")}
    if bound.errors:
        attrs["class"] += " is-invalid"
        attrs["aria-invalid"] = "true"
    if described:
        attrs["aria-describedby"] = described
    if placeholder:
        attrs["placeholder"] = placeholder
    if autofocus:
        attrs["autofocus"] = True
    if switch:
        attrs["role"] = "switch"
    return {
        "bound": bound, "kind": kind, "label": label or bound.label, "hint": words, "switch": switch,
        "widget": bound.as_widget(attrs=attrs) if kind != "group" else "", "attrs": attrs,
        "described": described, "is_optional": optional and not bound.field.required,
    }


@register.inclusion_tag("partials/_progress.html", takes_context=True)
def job_progress(
    context: Any, job: Job, url: str = "", cancel_url: str = "", done_url: str = "", mail_url: str = "",
    is_alone: bool = False,
) -> dict[str, Any]:
    """A job's progress: count, rate, time left. `url` is polled every 2 s and gives this fragment again.

    The button that stops it is there for those who may stop it, whoever asks for the fragment. `is_alone`: the page's
    heading has its title and status.
    """
    speed, left, about = job.per_second, job.seconds_left, jobs.kind_of(job)
    actor = getattr(context.get("request"), "actor", None)
    may_stop = actor is None or about is None or jobs.may_cancel(actor, job)
    is_mine = actor is not None and actor.user is not None and job.created_by_id == actor.user.pk
    return {
        "csrf_token": context.get("csrf_token", ""), "url": "" if job.is_finished else url,
        "cancel_url": "" if job.is_finished or job.cancel_requested_at or not may_stop else cancel_url,
        "on_cancel": about.on_cancel if about and about.cancel_scope else "",
        "not_here": about.on_cancel if about and not about.cancel_scope else "",
        "mail_url": mail_url if is_mine and not job.is_finished and _is_long(job) else "",
        "mail_when_done": job.mail_when_done,
        "done_url": done_url if job.is_finished else "", "is_alone": is_alone,
        "title": jobs.title_of(job), "status": job.status,
        "done": job.done, "total": job.total, "error": jobs.error_of(job),
        "amount": formats.progress(job.done, job.total, job.unit),
        "is_cancelling": bool(job.cancel_requested_at) and not job.is_finished,
        "is_waiting": job.status == JobStatus.WAITING,
        "is_finished": job.is_finished, "ident": job.public_id,
        "rate": _("%(amount)s a second") % {"amount": formats.progress(round(speed), None, job.unit)}
        if speed and not job.is_finished else "",
        # A guess is never finer than a second.
        "left": formats.duration(max(left, 1)) if left is not None else "",
    }


def _is_long(job: Job) -> bool:
    """Whether its end is worth a mail: it has run for a while, or will."""
    limit = jobs.MAIL_AFTER.total_seconds()
    return (job.seconds_left or 0) > limit or (now() - job.created_at).total_seconds() > limit or job.mail_when_done
