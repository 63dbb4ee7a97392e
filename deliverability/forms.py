"""Forms of the domain and suppression pages."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django import forms
from django.utils.translation import gettext, pgettext_lazy
from django.utils.translation import gettext_lazy as _

from deliverability.models import SuppressionReason
from deliverability.surroundings import Target, surroundings
from relayhub.core.ids import Prefix, decode_id

EVERYTHING = "workspace"
#: Which one is in the fields `list` (an id) and `list_name`.
ONE_LIST = "list"


class NewDomainForm(forms.Form):
    """A domain to send as."""

    name = forms.CharField(
        max_length=300, label=_("Domain"), help_text=_("The part after the @ of the address your mail comes from.")
    )


class ScopedForm(forms.Form):
    """How far a suppression reaches and why; choices are the workspace's own."""

    scope = forms.ChoiceField(label=pgettext_lazy("suppression", "Stop"))
    reason = forms.ChoiceField(
        label=_("Reason"), initial=SuppressionReason.MANUAL.value,
        choices=[
            (SuppressionReason.MANUAL.value, _("Added by hand")),
            (SuppressionReason.UNSUBSCRIBE.value, _("They unsubscribed")),
            (SuppressionReason.COMPLAINT.value, _("They complained")),
            (SuppressionReason.HARD_BOUNCE.value, _("Their mailbox does not exist")),
        ],
    )

    def __init__(self, *args: Any, workspace_id: UUID, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        around = surroundings()
        self._workspace_id = workspace_id
        self._found: Target | None = None
        self._streams = {target.public_id: target for target in around.streams(workspace_id)}
        lists = around.few_lists(workspace_id)
        #: Whether there are more mailing lists than a menu holds: then one is looked for by its name.
        self.searches_lists = lists is None
        self._lists = {target.public_id: target for target in lists or ()}
        field = self.fields["scope"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            (EVERYTHING, _("All mail of this workspace")),
            (_("One stream"), [
                (key, gettext("Stream %(name)s") % {"name": target.name}) for key, target in self._streams.items()
            ]),
            (_("One mailing list"), [
                (key, gettext("List %(name)s") % {"name": target.name}) for key, target in self._lists.items()
            ])
            if lists is not None else (ONE_LIST, _("One mailing list, named below")),
        ]

    def clean(self) -> dict[str, Any]:
        """A mailing list that is looked for has to be found; one that is named for nothing is not passed over."""
        data = dict(super().clean() or {})
        if data.get("scope") == ONE_LIST:
            self._found = self._list_asked_for()
            if self._found is None:
                self.add_error("scope", _("Choose the mailing list: write its name and take it from what is found."))
        elif self.searches_lists and (self.data.get("list") or self.data.get("list_name")):
            self.add_error(
                "scope", _("A mailing list is named below. Choose “One mailing list, named below”, or empty its field.")
            )
        return data

    def _list_asked_for(self) -> Target | None:
        list_id = decode_id(Prefix.LIST, str(self.data.get("list", "")))
        if list_id is None:
            return surroundings().list_called(self._workspace_id, str(self.data.get("list_name", "")).replace("\0", ""))
        return next(iter(surroundings().lists_among(self._workspace_id, {list_id})), None)

    def reach(self) -> dict[str, Any]:
        """Scope and target as `NewSuppression` takes them."""
        chosen = self.cleaned_data["scope"]
        if chosen == EVERYTHING:
            return {"scope": EVERYTHING}
        if chosen in self._streams:
            return {"scope": "stream", "stream_id": self._streams[chosen].id}
        target = self._found if chosen == ONE_LIST else self._lists[chosen]
        assert target is not None
        return {"scope": "list", "list_id": target.id}


class AddressesForm(ScopedForm):
    """Addresses by hand: one, or a whole column pasted."""

    addresses = forms.CharField(
        label=_("Addresses"), strip=False, widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
        help_text=_("One a line, or parted by commas, semicolons or blanks; up to 10,000."),
    )
    source = forms.CharField(
        label=_("Note"), required=False, max_length=400, help_text=_("For colleagues: who asked, when, how.")
    )
    field_order = ("addresses", "scope", "reason", "source")


class FileForm(ScopedForm):
    """A file of addresses."""

    file = forms.FileField(
        label=_("File"), allow_empty_file=True,
        help_text=_(
            "CSV or text: one address a line, or a column called address or email. An export of RelayHub keeps its"
            " reasons and scopes."
        ),
    )
    field_order = ("file", "scope", "reason")


class LiftForm(forms.Form):
    """Why an address may be written to again."""

    reason = forms.CharField(
        max_length=500, label=_("Reason"), widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Kept with the address: who said that it may be written to again, and when."),
    )
