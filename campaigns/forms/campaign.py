"""Forms of the campaign wizard."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from relayhub.core import zones
from relayhub.relay.models import Tracking

_CLOCKS_CHANGE = _(
    "The clocks change in that hour: it is skipped, or comes twice. Choose a time before or after it."
)
WHEN_CHOICES = (("now", _("Now")), ("at", _("At a time")))


class NewCampaignForm(forms.Form):
    """What a campaign begins with."""

    name = forms.CharField(
        max_length=200, label=pgettext_lazy("thing", "Name"),
        help_text=_("For you and your colleagues; recipients do not see it."),
    )


class ContentForm(forms.Form):
    """Who it is from and what it says."""

    name = forms.CharField(max_length=200, label=_("Name of the campaign"))
    from_header = forms.CharField(
        max_length=1000, label=_("From"), help_text=_("What people see as the sender: Name <address@your-domain>.")
    )
    reply_to = forms.CharField(
        max_length=1000, required=False, label=_("Reply to"), help_text=_("Empty: answers go to From.")
    )
    template = forms.ChoiceField(label=_("Template"))
    subject = forms.CharField(
        max_length=998, required=False, label=_("Subject"), help_text=_("Empty: the subject of the template.")
    )
    track = forms.ChoiceField(
        label=_("Measure"), choices=Tracking.choices,
        help_text=_("Opens by a picture in the mail, clicks by links that pass through here."),
    )

    stream = forms.ChoiceField(
        required=False, label=_("Stream"), help_text=_("Each has a reputation and limits of its own.")
    )

    def __init__(
        self, *args: Any, templates: list[tuple[str, str]], streams: list[tuple[str, str]], **kwargs: Any
    ) -> None:
        """`templates`, `streams`: id and label of those on offer; one stream alone is no question."""
        super().__init__(*args, **kwargs)
        field, stream = self.fields["template"], self.fields["stream"]
        assert isinstance(field, forms.ChoiceField)
        assert isinstance(stream, forms.ChoiceField)
        field.choices = [("", _("Choose a template")), *templates]
        stream.choices = streams
        if len(streams) < 2:
            del self.fields["stream"]


class TimeField(forms.DateTimeField):
    """A time in the zone that is active; one that its clocks skip or show twice is refused in words."""

    def to_python(self, value: Any) -> datetime | None:
        """The moment; ValidationError where there is none or there are two."""
        try:
            found: datetime | None = super().to_python(value)
        except forms.ValidationError as exc:
            if exc.code != "ambiguous_timezone":
                raise
            raise forms.ValidationError(_CLOCKS_CHANGE, code=exc.code) from exc
        return found


class ScheduleForm(forms.Form):
    """When, and how fast."""

    when = forms.ChoiceField(choices=WHEN_CHOICES)
    at = TimeField(
        required=False, label=_("Time"),
        widget=forms.DateTimeInput(attrs={"type": "datetime-local"}, format="%Y-%m-%dT%H:%M"),
    )
    zone = forms.ChoiceField(choices=zones.choices, required=False, label=_("Time zone"))
    max_per_minute = forms.IntegerField(
        required=False, min_value=1, max_value=100_000, label=_("At most, recipients a minute"),
        help_text=_("Empty: as fast as the receivers take it."),
    )
    in_sandbox = forms.BooleanField(required=False)
    override = forms.CharField(max_length=500, required=False, label=_("Reason to launch all the same"))
