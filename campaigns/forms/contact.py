"""Forms of the contact pages: a contact with the workspace's own fields, and what is done with a list."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any

from django import forms
from django.forms.boundfield import BoundField
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from campaigns.contacts import MAX_NAME, shown_value
from campaigns.models import Contact, FieldDefinition, FieldType, MailingList
from relayhub.core import languages, spoken

_YES_NO = (("", "–"), ("yes", _("Yes")), ("no", _("No")))
#: As all shipped languages but English write decimals.
_WITH_COMMA = re.compile(r"\s*-?\d+,\d+\s*", re.ASCII)
CONSENT_HINT = _("Kept as evidence, such as “order form at the Nørrebro shop, 12 March”.")


def name_of(key: str) -> str:
    """The form's name of a custom field; a field may be called `email`-like things itself."""
    return f"field_{key}"


class ContactForm(forms.Form):
    """Address, name, language and every custom field, by its kind. Values are checked by the service."""

    email = forms.CharField(max_length=320, label=_("E-mail address"))
    name = forms.CharField(max_length=MAX_NAME, required=False, label=pgettext_lazy("of a person", "Name"))
    language = forms.ChoiceField(
        required=False, label=_("Language"), choices=languages.contact_choices,
        help_text=_("Preference pages and confirmation mails are in it where there is a translation."),
    )

    def __init__(
        self, *args: Any, definitions: Sequence[FieldDefinition], only: str = "", **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.definitions = [row for row in definitions if not only or name_of(row.key) == only]
        present = str(self.initial.get("language", ""))
        self.fields["language"].choices = languages.contact_choices(present)  # type: ignore[attr-defined]
        self.fields["email"].widget.attrs["autocomplete"] = "off"
        for definition in definitions:
            name = name_of(definition.key)
            self.fields[name] = _field(definition, is_long="\n" in str(self.initial.get(name, "")))
        if only:
            self.fields = {name: field for name, field in self.fields.items() if name == only}

    @property
    def custom_fields(self) -> list[BoundField]:
        """The workspace's own fields, as they are shown."""
        return [self[name_of(definition.key)] for definition in self.definitions]

    def values(self) -> dict[str, str]:
        """Field key -> what was typed; an empty one takes the value away."""
        return {
            definition.key: _plain(definition, str(self.cleaned_data.get(name_of(definition.key), "")))
            for definition in self.definitions
        }

    @classmethod
    def initial_of(cls, contact: Contact, definitions: Sequence[FieldDefinition]) -> dict[str, str]:
        """What the form shows of a contact."""
        values = {
            name_of(definition.key): shown_value(contact, f"fields.{definition.key}") for definition in definitions
        }
        return {"email": contact.email, "name": contact.name, "language": contact.language, **values}


def _plain(definition: FieldDefinition, text: str) -> str:
    """What was typed as services read it: lines end in one way, and a number's comma is that of the language."""
    if definition.type == FieldType.NUMBER and spoken.language() != languages.SOURCE and _WITH_COMMA.fullmatch(text):
        return text.replace(",", ".")
    return text.replace("\r\n", "\n")


def _field(definition: FieldDefinition, *, is_long: bool) -> forms.Field:
    """The form's field; `is_long`: the value has several lines, which a field of one line would join."""
    label = definition.label or definition.key
    if definition.type == FieldType.BOOLEAN:
        return forms.ChoiceField(choices=_YES_NO, required=False, label=label)
    if definition.type == FieldType.DATE:
        return forms.CharField(max_length=30, required=False, label=label,
                               widget=forms.TextInput(attrs={"type": "date"}))
    if definition.type == FieldType.NUMBER:
        return forms.CharField(max_length=60, required=False, label=label,
                               widget=forms.TextInput(attrs={"inputmode": "decimal"}))
    return forms.CharField(max_length=32 * 1024, required=False, label=label,
                           widget=forms.Textarea(attrs={"rows": 3}) if is_long else forms.TextInput())


class NewContactForm(ContactForm):
    """A contact, the lists it joins, and the consent for that."""

    lists = forms.MultipleChoiceField(required=False, label=_("Lists"), widget=forms.CheckboxSelectMultiple)
    consent = forms.CharField(
        max_length=500, required=False, label=_("Where does the consent come from?"), help_text=CONSENT_HINT
    )

    def __init__(
        self, *args: Any, lists: Sequence[MailingList], is_on_lists: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.is_on_lists = is_on_lists
        field = self.fields["lists"]
        assert isinstance(field, forms.MultipleChoiceField)
        field.choices = [
            (row.public_id,
             gettext("%(list)s (asked to confirm)") % {"list": row.name} if row.opt_in == "double" else row.name)
            for row in lists
        ]

    def clean(self) -> dict[str, Any]:
        """Joining a list needs a word of where the consent is from."""
        data = super().clean() or {}
        if self.is_on_lists and not data.get("consent"):
            self.add_error("consent", gettext("Say where the person agreed to get this list."))
        return data


class SubscribeForm(forms.Form):
    """Put the contact on one list, which the page picks, with the evidence."""

    list = forms.CharField(max_length=300, required=False, label=_("List"))
    consent = forms.CharField(max_length=500, label=_("Where does the consent come from?"), help_text=CONSENT_HINT)


class FieldForm(forms.Form):
    """A custom field to define."""

    label = forms.CharField(
        max_length=120, label=pgettext_lazy("field", "Label"), help_text=_("What people see, such as “Home town”.")
    )
    key = forms.CharField(
        max_length=60, required=False, label=_("Key"),
        help_text=_(
            "What templates call it: {{ contact.fields.home_town }}. Made from the label where empty; it stays."
        ),
    )
    type = forms.ChoiceField(choices=FieldType.choices, label=_("Holds"))


class RenameFieldForm(forms.Form):
    """Another label for a field."""

    label = forms.CharField(max_length=120, label=pgettext_lazy("field", "Label"))
