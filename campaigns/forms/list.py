"""Forms of the list pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from campaigns.forms.contact import CONSENT_HINT
from campaigns.models import FieldDefinition, MailingList, OptIn

_OPT_IN = (
    (OptIn.SINGLE.value, _("Single opt-in: on the list at once")),
    (OptIn.DOUBLE.value, _("Double opt-in: on the list after they answered a confirmation mail")),
)


class ListForm(forms.Form):
    """What a list is."""

    name = forms.CharField(
        max_length=200, label=_("Name"), help_text=_("People see it on the sign-up and the preference page.")
    )
    description = forms.CharField(
        max_length=1000, required=False, label=_("Description"), help_text=_("One line: what they get, and how often.")
    )
    opt_in = forms.ChoiceField(choices=_OPT_IN, widget=forms.RadioSelect, label=_("How people join"))
    from_header = forms.CharField(
        max_length=1000, required=False, label=_("From of confirmation mails"),
        help_text=_("Name <address@your-domain>; the domain must be verified. Needed for double opt-in."),
    )
    is_public = forms.BooleanField(required=False, label=_("Offer it on the preference page"))
    has_archive = forms.BooleanField(required=False, label=_("Keep a public archive of its campaigns"))

    def clean(self) -> dict[str, Any]:
        """Double opt-in cannot work without a From."""
        data = super().clean() or {}
        if data.get("opt_in") == OptIn.DOUBLE and not data.get("from_header") and "from_header" not in self.errors:
            self.add_error("from_header", _("Double opt-in sends confirmation mails: say from which address."))
        return data

    @classmethod
    def initial_of(cls, row: MailingList) -> dict[str, Any]:
        """What the form shows of a list."""
        return {name: getattr(row, name) for name in cls.base_fields}


class SubscriberForm(forms.Form):
    """Somebody to put on the list."""

    email = forms.CharField(max_length=320, label=_("E-mail address"))
    consent = forms.CharField(max_length=500, label=_("Where does the consent come from?"), help_text=CONSENT_HINT)


class SignUpFormForm(forms.Form):
    """A hosted sign-up form."""

    title = forms.CharField(max_length=200, label=_("Title"))
    text = forms.CharField(max_length=5000, required=False, label=_("Text"), widget=forms.Textarea(attrs={"rows": 3}))
    button = forms.CharField(max_length=80, label=_("Button"), initial="Subscribe")
    field_keys = forms.MultipleChoiceField(
        required=False, label=_("Ask for, beside the address"), widget=forms.CheckboxSelectMultiple
    )

    def __init__(self, *args: Any, definitions: Sequence[FieldDefinition], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["field_keys"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [
            ("name", pgettext_lazy("of a person", "Name")), *((row.key, row.label or row.key) for row in definitions)
        ]
