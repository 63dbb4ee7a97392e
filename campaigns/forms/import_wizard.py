"""What the import wizard asks beside the file and its columns."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from campaigns.models import MailingList
from relayhub.core import spoken


class ImportForm(forms.Form):
    """The list to import onto, and where the consent for it comes from. `lists` None: too many for a menu, so the page
    searches them.
    """

    list = forms.ChoiceField(required=False, label=_("Mailing list"))
    new_list = forms.CharField(
        max_length=200, required=False, label=_("Or a new list"),
        help_text=_(
            "Its name, as people see it. It is made with the dry run, single opt-in; you can change it later."
        ),
    )
    consent_source = forms.CharField(
        max_length=500, required=False, label=_("Where does the consent come from?"),
        help_text=_(
            "Kept as evidence with every contact this import puts on the list. Empty: the import itself, with your "
            "name and the time."
        ),
    )

    def __init__(
        self, *args: Any, lists: Sequence[MailingList] | None, may_make_lists: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        if not may_make_lists:
            del self.fields["new_list"]
        if lists is None:
            self.fields["list"] = forms.CharField(required=False, max_length=40, label=_("Mailing list"))
            return
        field = self.fields["list"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            ("", _("On no list")),
            *((row.public_id, f"{row.name} ({spoken.within(row.get_opt_in_display())})") for row in lists),
        ]

    def clean(self) -> dict[str, Any]:
        """A list that is there or a new one, not both."""
        values = super().clean() or {}
        if (values.get("list") or self.data.get("list_name", "").strip()) and values.get("new_list"):
            self.add_error("new_list", _("Choose a list above or name a new one, not both."))
        return values
