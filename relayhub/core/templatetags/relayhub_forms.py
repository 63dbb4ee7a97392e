"""Form fields and the progress of long work: the two fragments that need some thinking."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms, template
from django.forms.boundfield import BoundField

from relayhub.core import formats
from relayhub.core.clock import now
from relayhub.core.models import Job

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
    mono: bool = False, autofocus: bool = False,
) -> dict[str, Any]:
    """One form field with label, hint or error, tied together for assistive technology."""
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
        "described": described, "is_optional": not bound.field.required,
    }


@register.inclusion_tag("partials/_progress.html", takes_context=True)
def job_progress(
    context: Any, job: Job, url: str = "", cancel_url: str = "", done_url: str = ""
) -> dict[str, Any]:
    """A job's progress: count, rate, time left. `url` is polled every 2 s and gives this fragment again."""
    speed = _per_second(job, now())
    left = None
    if speed and job.total is not None and not job.is_finished:
        left = (job.total - job.done) / speed
    return {
        "csrf_token": context.get("csrf_token", ""), "url": "" if job.is_finished else url,
        "cancel_url": "" if job.is_finished or job.cancel_requested_at else cancel_url,
        "done_url": done_url if job.is_finished else "", "title": job.title, "status": job.status,
        "done": job.done, "total": job.total, "unit": job.unit, "error": job.error,
        "is_cancelling": bool(job.cancel_requested_at) and not job.is_finished,
        "is_finished": job.is_finished, "ident": job.public_id,
        "rate": f"{formats.number(round(speed))} {job.unit} a second" if speed and not job.is_finished else "",
        "left": formats.duration(left) if left is not None else "",
    }


def _per_second(job: Job, moment: datetime) -> float | None:
    """The mean speed since the start; None while it would be a guess."""
    if job.started_at is None or job.done <= 0:
        return None
    seconds = ((job.finished_at or moment) - job.started_at).total_seconds()
    return job.done / seconds if seconds >= 1 else None
