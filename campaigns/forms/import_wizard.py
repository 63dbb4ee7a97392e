"""What the import wizard asks beside the file and its columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from campaigns.models import MailingList


class ImportForm(forms.Form):
    """The list to import onto, and where the consent for it comes from."""

    list = forms.ChoiceField(required=False, label="Mailing list")
    consent_source = forms.CharField(
        max_length=500, required=False, label="Where does the consent come from?",
        help_text="Kept as evidence with every contact this import puts on the list. Empty: the import itself, "
        "with your name and the time.",
    )

    def __init__(self, *args: Any, lists: Sequence[MailingList], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["list"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            ("", "On no list"),
            *((row.public_id, f"{row.name} ({row.get_opt_in_display().lower()})") for row in lists),
        ]
