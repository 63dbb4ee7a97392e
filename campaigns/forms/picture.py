"""Form of the page of a picture."""

from __future__ import annotations

from django import forms


class PictureForm(forms.Form):
    """What it is called and what it shows."""

    name = forms.CharField(max_length=200, help_text="For you: readers do not see it.")
    alternative_text = forms.CharField(
        max_length=300, required=False, label="What it shows",
        help_text="Read out to people who cannot see it, and shown while pictures are off. Templates take it along "
                  "when you put the picture in; those that show it already keep theirs.",
    )
