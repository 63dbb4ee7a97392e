"""Forms of the list pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from campaigns.forms.contact import CONSENT_HINT
from campaigns.models import FieldDefinition, MailingList, OptIn

_OPT_IN = (
    (OptIn.SINGLE.value, "Single opt-in: on the list at once"),
    (OptIn.DOUBLE.value, "Double opt-in: on the list after they answered a confirmation mail"),
)


class ListForm(forms.Form):
    """What a list is."""

    name = forms.CharField(max_length=200, help_text="People see it on the sign-up and the preference page.")
    description = forms.CharField(
        max_length=1000, required=False, help_text="One line: what they get, and how often."
    )
    opt_in = forms.ChoiceField(choices=_OPT_IN, widget=forms.RadioSelect, label="How people join")
    from_header = forms.CharField(
        max_length=1000, required=False, label="From of confirmation mails",
        help_text="Name <address@your-domain>; the domain must be verified. Needed for double opt-in.",
    )
    is_public = forms.BooleanField(required=False, label="Offer it on the preference page")
    has_archive = forms.BooleanField(required=False, label="Keep a public archive of its campaigns")

    def clean(self) -> dict[str, Any]:
        """Double opt-in cannot work without a From."""
        data = super().clean() or {}
        if data.get("opt_in") == OptIn.DOUBLE and not data.get("from_header") and "from_header" not in self.errors:
            self.add_error("from_header", "Double opt-in sends confirmation mails: say from which address.")
        return data

    @classmethod
    def initial_of(cls, row: MailingList) -> dict[str, Any]:
        """What the form shows of a list."""
        return {name: getattr(row, name) for name in cls.base_fields}


class SubscriberForm(forms.Form):
    """Somebody to put on the list."""

    email = forms.CharField(max_length=320, label="E-mail address")
    consent = forms.CharField(max_length=500, label="Where does the consent come from?", help_text=CONSENT_HINT)


class SignUpFormForm(forms.Form):
    """A hosted sign-up form."""

    title = forms.CharField(max_length=200, label="Title")
    text = forms.CharField(max_length=5000, required=False, label="Text", widget=forms.Textarea(attrs={"rows": 3}))
    button = forms.CharField(max_length=80, label="Button", initial="Subscribe")
    field_keys = forms.MultipleChoiceField(
        required=False, label="Ask for, beside the address", widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, definitions: Sequence[FieldDefinition], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["field_keys"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [("name", "Name"), *((row.key, row.label or row.key) for row in definitions)]
