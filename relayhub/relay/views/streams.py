"""Streams: classes of traffic, what is measured where nothing else is said, and whether they go."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from relayhub.core.access import get_or_absent
from relayhub.core.clock import now
from relayhub.core.errors import RelayHubError
from relayhub.core.ids import Prefix
from relayhub.core.models import Scope
from relayhub.core.pages import PageRequest, page
from relayhub.relay import controls, lane_view, stream_counts, streams
from relayhub.relay.models import Stream, StreamKind, Tracking

_DAY = timedelta(days=1)


class StreamForm(forms.Form):
    """What may change of a stream."""

    name = forms.CharField(label=gettext_lazy("Name"), max_length=120)
    track = forms.ChoiceField(
        label=gettext_lazy("Measure"), choices=Tracking.choices,
        help_text=gettext_lazy("Where a message does not say itself. Campaigns choose for themselves."),
    )


class NewStreamForm(StreamForm):
    """A stream to make."""

    slug = forms.CharField(
        label=gettext_lazy("Short name"), max_length=63,
        help_text=gettext_lazy("Lower-case letters, digits, hyphens. Programs name it; it stays."),
    )
    kind = forms.ChoiceField(
        label=gettext_lazy("Kind"), widget=forms.RadioSelect, initial="transactional",
        choices=[("transactional", gettext_lazy("Transactional: one person asked for it")),
                 ("broadcast", gettext_lazy("Broadcast: many people at once, with unsubscribe fields"))],
    )


def stream_of(request: PageRequest, stream_id: str) -> Stream:
    """The stream, or AccessError."""
    return get_or_absent(Stream.objects.filter(workspace=request.actor.workspace), Prefix.STREAM, stream_id)


def _refuse(form: forms.Form, error: RelayHubError) -> None:
    field = getattr(error, "field", "") or ("slug" if error.code == "stream_exists" else "")
    form.add_error(field if field in form.fields else None, error.message)


@require_GET
@page(Scope.STREAMS_READ)
def stream_list(request: PageRequest) -> HttpResponse:
    """All of them, with their last 24 hours."""
    workspace = request.actor.workspace
    waiting = lane_view.waiting_by_stream(workspace)
    since = (now() - _DAY).replace(minute=0, second=0, microsecond=0)
    days = stream_counts.spans_by_stream(workspace, start=since, length=_DAY)
    lines: list[dict[str, Any]] = []
    for stream in Stream.objects.filter(workspace=workspace):
        day = days[stream.pk].present if stream.pk in days else {}
        lines.append({"stream": stream, "accepted": day.get("accepted", 0), "delivered": day.get("delivered", 0),
                      "waiting": waiting.get(stream.pk, 0)})
    return render(request, "relay/stream_list.html", {"lines": lines, "nav": "route"})


@require_http_methods(["GET", "HEAD", "POST"])
@page(Scope.STREAMS_WRITE)
def stream_new(request: PageRequest) -> HttpResponse:
    """Make one."""
    form = NewStreamForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            stream = streams.create_stream(request.actor, **form.cleaned_data)
        except RelayHubError as exc:
            _refuse(form, exc)
        else:
            messages.success(request, _("The stream “%(name)s” is there. Programs name it %(slug)s.") % {
                "name": stream.title, "slug": stream.slug
            })
            return redirect("stream-list")
    return render(request, "relay/stream_form.html", {"form": form, "nav": "route"},
                  status=422 if form.is_bound else 200)


@require_http_methods(["GET", "HEAD", "POST"])
@page(Scope.STREAMS_WRITE)
def stream_edit(request: PageRequest, stream_id: str) -> HttpResponse:
    """Change its name and what is measured."""
    stream = stream_of(request, stream_id)
    form = StreamForm(request.POST or None, initial={"name": stream.name, "track": stream.track})
    if request.method == "POST" and form.is_valid():
        try:
            streams.change_stream(request.actor, stream, **form.cleaned_data)
        except RelayHubError as exc:
            _refuse(form, exc)
        else:
            messages.success(request, _("The stream “%(name)s” is changed.") % {"name": stream.title})
            return redirect("stream-list")
    return render(
        request, "relay/stream_form.html",
        {"form": form, "stream": stream, "nav": "route",
         "can_delete": not stream.is_default and stream.kind != StreamKind.SYSTEM},
        status=422 if form.is_bound else 200,
    )


@require_http_methods(["GET", "HEAD", "POST"])
@page(Scope.STREAMS_WRITE)
def stream_pause(request: PageRequest, stream_id: str) -> HttpResponse:
    """Say what pausing does and ask for a reason; on POST keep all mail of the stream back."""
    stream = stream_of(request, stream_id)
    if request.method == "POST":
        controls.pause_stream(request.actor, stream, reason=request.POST.get("reason", "").strip())
        words = _("“%(name)s” is paused. Its mail is accepted and waits.") % {"name": stream.title}
        messages.success(request, words)
        return redirect("stream-list")
    waiting = lane_view.waiting_by_stream(request.actor.workspace).get(stream.pk, 0)
    return render(request, "relay/stream_pause.html", {"stream": stream, "waiting": waiting, "nav": "route"})


@require_POST
@page(Scope.STREAMS_WRITE)
def stream_resume(request: PageRequest, stream_id: str) -> HttpResponse:
    """Let it go on."""
    stream = stream_of(request, stream_id)
    controls.resume_stream(request.actor, stream)
    messages.success(request, _("“%(name)s” goes on.") % {"name": stream.title})
    return redirect("stream-list")


@require_POST
@page(Scope.STREAMS_WRITE)
def stream_delete(request: PageRequest, stream_id: str) -> HttpResponse:
    """Remove one that never carried a message."""
    stream = stream_of(request, stream_id)
    streams.delete_stream(request.actor, stream)
    messages.success(request, _("The stream “%(name)s” is deleted.") % {"name": stream.title})
    return redirect("stream-list")
