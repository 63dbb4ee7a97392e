"""Forms of the template pages."""

from __future__ import annotations

from typing import Any

from django import forms

from campaigns.models import TemplateKind
from campaigns.starters import STARTERS
from campaigns.templates import MAX_SOURCE, TemplateInput

_CODE = {"class": "rh-source", "spellcheck": "false", "autocapitalize": "off", "autocomplete": "off"}


class NewTemplateForm(forms.Form):
    """What a template begins with."""

    name = forms.CharField(max_length=200, help_text="For you and your colleagues; recipients do not see it.")
    starter = forms.ChoiceField(choices=[(item.key, item.name) for item in STARTERS], initial=STARTERS[0].key)


class TemplateForm(forms.Form):
    """What the draft says."""

    name = forms.CharField(max_length=200, label="Name of the template")
    subject = forms.CharField(max_length=998, required=False, label="Subject")
    preheader = forms.CharField(
        max_length=300, required=False, label="Preview text", help_text="What mail programs show behind the subject."
    )
    kind = forms.ChoiceField(choices=TemplateKind.choices, label="Written in")
    source = forms.CharField(
        required=False, strip=False, label="Content", widget=forms.Textarea(attrs={**_CODE, "rows": 22})
    )
    text = forms.CharField(
        required=False, strip=False, label="Plain text", widget=forms.Textarea(attrs={**_CODE, "rows": 8}),
        help_text="Empty: made from the content, as the preview shows it.",
    )

    def clean(self) -> dict[str, Any]:
        """Line ends as they are stored; a text area sends CRLF."""
        data = super().clean() or {}
        for name in ("source", "text"):
            data[name] = (data.get(name) or "").replace("\r\n", "\n").replace("\r", "\n")
            if len(data[name]) > MAX_SOURCE:
                self.add_error(name, f"A template has up to {MAX_SOURCE // 1024:,} KiB.")
        return data

    def content(self) -> TemplateInput:
        """What was written, whatever else is wrong with the form."""
        data = self.cleaned_data
        return TemplateInput(
            kind=data.get("kind") or TemplateKind.HTML, subject=data.get("subject", ""),
            preheader=data.get("preheader", ""), source=data.get("source", ""), text=data.get("text", ""),
        )
