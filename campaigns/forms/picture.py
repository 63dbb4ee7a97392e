"""Form of the page of a picture."""

from __future__ import annotations

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy


class PictureForm(forms.Form):
    """What it is called and what it shows."""

    name = forms.CharField(
        max_length=200, label=pgettext_lazy("of a thing", "Name"), help_text=_("For you: readers do not see it.")
    )
    alternative_text = forms.CharField(
        max_length=300, required=False, label=_("What it shows"),
        help_text=_(
            "Read out to people who cannot see it, and shown while pictures are off. Templates take it along "
            "when you put the picture in; those that show it already keep theirs."
        ),
    )
