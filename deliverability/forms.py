"""Forms of the domain and suppression pages."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django import forms

from deliverability.models import SuppressionReason
from deliverability.surroundings import Target

EVERYTHING = "workspace"


class NewDomainForm(forms.Form):
    """A domain to send as."""

    name = forms.CharField(
        max_length=300, label="Domain", help_text="The part after the @ of the address your mail comes from."
    )


class ScopedForm(forms.Form):
    """How far a suppression reaches and why; choices are the workspace's own."""

    scope = forms.ChoiceField(label="Stop")
    reason = forms.ChoiceField(
        label="Reason", initial=SuppressionReason.MANUAL.value,
        choices=[
            (SuppressionReason.MANUAL.value, "Added by hand"),
            (SuppressionReason.UNSUBSCRIBE.value, "They unsubscribed"),
            (SuppressionReason.COMPLAINT.value, "They complained"),
            (SuppressionReason.HARD_BOUNCE.value, "Their mailbox does not exist"),
        ],
    )

    def __init__(
        self, *args: Any, streams: Sequence[Target], lists: Sequence[Target], **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self._targets = {target.public_id: target for target in (*streams, *lists)}
        self._streams = {target.public_id for target in streams}
        field = self.fields["scope"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [
            (EVERYTHING, "All mail of this workspace"),
            ("One stream", [(target.public_id, f"Stream {target.name}") for target in streams]),
            ("One mailing list", [(target.public_id, f"List {target.name}") for target in lists]),
        ]

    def reach(self) -> dict[str, Any]:
        """Scope and target as `NewSuppression` takes them."""
        chosen = self.cleaned_data["scope"]
        if chosen == EVERYTHING:
            return {"scope": EVERYTHING}
        target = self._targets[chosen]
        if chosen in self._streams:
            return {"scope": "stream", "stream_id": target.id}
        return {"scope": "list", "list_id": target.id}


class AddressesForm(ScopedForm):
    """Addresses by hand: one, or a whole column pasted."""

    addresses = forms.CharField(
        label="Addresses", strip=False, widget=forms.Textarea(attrs={"rows": 8, "spellcheck": "false"}),
        help_text="One a line, or parted by commas, semicolons or blanks; up to 10,000.",
    )
    source = forms.CharField(
        label="Note", required=False, max_length=400, help_text="For colleagues: who asked, when, how."
    )
    field_order = ("addresses", "scope", "reason", "source")


class FileForm(ScopedForm):
    """A file of addresses."""

    file = forms.FileField(
        label="File", allow_empty_file=True,
        help_text="CSV or text: one address a line, or a column called address or email. An export of RelayHub"
        " keeps its reasons and scopes.",
    )
    field_order = ("file", "scope", "reason")


class LiftForm(forms.Form):
    """Why an address may be written to again."""

    reason = forms.CharField(
        max_length=500, label="Reason", widget=forms.Textarea(attrs={"rows": 2}),
        help_text="Kept with the address: who said that it may be written to again, and when.",
    )
