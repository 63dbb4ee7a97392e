"""Forms of the campaign wizard."""

from __future__ import annotations

import zoneinfo
from typing import Any

from django import forms

from relayhub.relay.models import Tracking

ZONES = sorted(zoneinfo.available_timezones())
WHEN_CHOICES = (("now", "Now"), ("at", "At a time"))


class NewCampaignForm(forms.Form):
    """What a campaign begins with."""

    name = forms.CharField(max_length=200, help_text="For you and your colleagues; recipients do not see it.")


class ContentForm(forms.Form):
    """Who it is from and what it says."""

    name = forms.CharField(max_length=200, label="Name of the campaign")
    from_header = forms.CharField(
        max_length=1000, label="From", help_text="What people see as the sender: Name <address@your-domain>."
    )
    reply_to = forms.CharField(
        max_length=1000, required=False, label="Reply to", help_text="Empty: answers go to From."
    )
    template = forms.ChoiceField(label="Template")
    subject = forms.CharField(
        max_length=998, required=False, label="Subject", help_text="Empty: the subject of the template."
    )
    track = forms.ChoiceField(
        label="Measure", choices=Tracking.choices,
        help_text="Opens by a picture in the mail, clicks by links that pass through here.",
    )

    stream = forms.ChoiceField(
        required=False, label="Stream", help_text="Each has a reputation and limits of its own."
    )

    def __init__(
        self, *args: Any, templates: list[tuple[str, str]], streams: list[tuple[str, str]], **kwargs: Any
    ) -> None:
        """`templates`, `streams`: id and label of those on offer; one stream alone is no question."""
        super().__init__(*args, **kwargs)
        field, stream = self.fields["template"], self.fields["stream"]
        assert isinstance(field, forms.ChoiceField)
        assert isinstance(stream, forms.ChoiceField)
        field.choices = [("", "Choose a template"), *templates]
        stream.choices = streams
        if len(streams) < 2:
            del self.fields["stream"]


class ScheduleForm(forms.Form):
    """When, and how fast."""

    when = forms.ChoiceField(choices=WHEN_CHOICES)
    at = forms.DateTimeField(
        required=False, label="Time",
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    zone = forms.ChoiceField(choices=[(name, name) for name in ZONES], required=False, label="Time zone")
    max_per_minute = forms.IntegerField(
        required=False, min_value=1, max_value=100_000, label="At most, recipients a minute",
        help_text="Empty: as fast as the receivers take it.",
    )
    in_sandbox = forms.BooleanField(required=False)
    override = forms.CharField(max_length=500, required=False, label="Reason to launch all the same")
