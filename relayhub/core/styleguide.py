"""Invented data for the styleguide page, which shows every part of the interface side by side.

For looking up and for the tests of look and accessibility; nothing else reads it.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from django import forms

from relayhub.core.clock import now
from relayhub.core.models import Job, JobStatus

_STATUSES = (
    ("queued", "accepted, waits for its turn"),
    ("sending", "claimed or talking to the provider now"),
    ("delivered", "the next host took it"),
    ("deferred", "refused for now, will be tried again"),
    ("bounced", "refused for good, now or later"),
    ("unknown", "connection lost after the final dot"),
    ("held", "kept back by our own policy"),
    ("suppressed", "we do not write to this address"),
    ("complained", "a person said spam"),
    ("expired", "gave up after the queue lifetime"),
    ("cancelled", "stopped by a person before sending"),
    ("quarantined", "stopped its worker three times"),
)


class SampleForm(forms.Form):
    """One field of each kind."""

    sender = forms.CharField(label="Sender name", help_text="Shown in front of the address.")
    throttle = forms.IntegerField(label="Throttle", min_value=1, help_text="Recipients a minute.")
    stream = forms.ChoiceField(label="Stream", choices=[("t", "Transactional"), ("b", "Broadcast")])
    note = forms.CharField(label="Note", required=False, widget=forms.Textarea(attrs={"rows": 2}))
    opens = forms.BooleanField(label="Count opens", required=False)
    lists = forms.MultipleChoiceField(
        label="Lists", required=False, choices=[("w", "Weekly letter"), ("s", "Shop news")],
        widget=forms.CheckboxSelectMultiple,
    )
    role = forms.ChoiceField(
        label="Role", choices=[("viewer", "Viewer"), ("admin", "Admin")], widget=forms.RadioSelect
    )


def samples() -> dict[str, Any]:
    """The context of `styleguide.html`."""
    moment = now()
    parts = [
        {"status": "delivered", "value": 26_318}, {"status": "deferred", "value": 871},
        {"status": "bounced", "value": 214}, {"status": "queued", "value": 14_469},
    ]
    return {
        "page_title": "Styleguide",
        "statuses": [{"status": name, "meaning": meaning} for name, meaning in _STATUSES],
        "parts": parts,
        "stats": _stats(),
        "steps": [
            {"label": "Audience", "note": "41,872 contacts", "url": "#", "state": "done"},
            {"label": "Content", "note": "Weekend rye and rolls", "url": "#", "state": "now"},
            {"label": "Pre-flight", "note": "2 warnings", "url": "#", "state": ""},
            {"label": "Schedule", "note": "", "url": "", "state": ""},
        ],
        "timeline": _timeline(moment),
        "chips": [
            {"key": "status", "value": "held", "label": "Held", "count": 214},
            {"key": "status", "value": "deferred", "label": "Deferred", "count": 871},
        ],
        "selects": [{"key": "stream", "label": "Any stream", "options": [("t", "Transactional")]}],
        "rows": _rows(moment),
        "form": SampleForm({"sender": "Northwind Bakery", "throttle": "0", "stream": "b", "opens": "on"}),
        "blank_form": SampleForm(auto_id="blank_%s"),
        "running": _job(moment, JobStatus.RUNNING),
        "finished": _job(moment, JobStatus.DONE),
        "chart": _chart(moment),
        "chart_rows": [["10:00", "25,318", "871"], ["11:00", "1,140", "12"]],
        "chart_head": ["Hour", "Delivered", "Deferred"],
        "chart_legend": [
            {"label": "Delivered", "value": "64,839", "key": ""},
            {"label": "Deferred", "value": "871", "key": "c2", "line": True},
        ],
        "moment": moment,
        "dialog_lines": ["15,303 recipients do not get this mail.", "26,569 already have it; that stays."],
    }


def _stats() -> list[dict[str, Any]]:
    return [
        {"label": "Going out now", "icon": "activity", "value": "1,140", "unit": "a minute",
         "note": "Usual for a Tuesday: 900 to 1,300", "spark": [3, 5, 4, 7, 8, 7, 9, 11, 10, 14]},
        {"label": "Delivered, last 24 h", "value": "64,839", "unit": "of 66,499", "change": -0.2,
         "change_text": "0.2 points", "good": "up", "note": "97.5% against 97.7% the 24 h before"},
        {"label": "Waiting", "value": "15,561", "unit": "recipients",
         "note": "214 held; oldest 23 min", "url": "#"},
        {"label": "Complaints, last 7 days", "value": "0.031%", "unit": "of delivered", "change": -0.006,
         "change_text": "0.006 points", "good": "down", "note": "on the week before; limit 0.08%"},
    ]


def _timeline(moment: datetime) -> list[dict[str, Any]]:
    return [
        {"at": moment - timedelta(minutes=9), "status": "accepted", "title": "Accepted over SMTP",
         "text": "From 198.51.100.24, 10 KB, stream Transactional."},
        {"at": moment - timedelta(minutes=8), "status": "deferred", "title": "Deferred by mx1.harbourmail.example",
         "text": "Greylisting: it asks every new sender to come back.", "since": "after 41 s",
         "reply": {"code": 451, "enhanced": "4.7.1", "text": "Greylisted, try again in 300 seconds"}},
        {"at": moment + timedelta(minutes=4), "status": "queued", "title": "Next try", "waiting": True,
         "text": "The wait of the second try is 15 minutes."},
    ]


def _rows(moment: datetime) -> list[dict[str, Any]]:
    names = ("ines.moreau", "rye.andersen", "tomas.ferreira")
    states = ("delivered", "deferred", "bounced")
    return [
        {"name": f"{name}@harbourmail.example", "subject": "Your order 10247 is ready", "status": state,
         "at": moment - timedelta(hours=9 * number), "size": 10_240 * (number + 1)}
        for number, (name, state) in enumerate(zip(names, states, strict=True))
    ]


def _job(moment: datetime, status: str) -> Job:
    job = Job(
        kind="import", title="Importing subscribers-2026.csv", status=status, done=2_410, total=3_995,
        started_at=moment - timedelta(seconds=12),
    )
    if status == JobStatus.DONE:
        job.done = 3_995
        job.finished_at = moment
    return job


def _chart(moment: datetime) -> dict[str, Any]:
    first = int(moment.timestamp()) // 3600 * 3600 - 23 * 3600
    values = [40, 30, 60, 90, 110, 3_200, 9_100, 9_900, 6_400, 500, 480, 470,
              460, 480, 500, 450, 400, 300, 260, 90, 60, 40, 30, 25_318]
    deferred = [value // 30 for value in values]
    return {
        "x": [first + 3600 * hour for hour in range(24)],
        "unit": "",
        "zone": "UTC",
        "series": [
            {"label": "Delivered", "color": "--c-1", "kind": "bars", "data": values},
            {"label": "Deferred", "color": "--c-2", "kind": "line", "data": deferred},
        ],
    }
