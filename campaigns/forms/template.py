"""Forms of the template pages."""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from campaigns.models import TemplateKind
from campaigns.templates import MAX_SOURCE, TemplateInput, checked_sample
from relayhub.core.errors import InputError
from relayhub.core.formats import number

_CODE = {"class": "rh-source", "spellcheck": "false", "autocapitalize": "off", "autocomplete": "off"}


def sample_text(sample: dict[str, Any]) -> str:
    """Sample values as they are shown to be written."""
    return json.dumps(sample, indent=2, ensure_ascii=False) if sample else ""


class TemplateForm(forms.Form):
    """What the draft says."""

    name = forms.CharField(max_length=200, label=_("Name of the template"))
    subject = forms.CharField(max_length=998, required=False, label=_("Subject"))
    preheader = forms.CharField(
        max_length=300, required=False, label=_("Preview text"),
        help_text=_("What mail programs show behind the subject."),
    )
    kind = forms.ChoiceField(choices=TemplateKind.choices, label=_("Written in"))
    source = forms.CharField(
        required=False, strip=False, label=_("Content"), widget=forms.Textarea(attrs={**_CODE, "rows": 22})
    )
    text = forms.CharField(
        required=False, strip=False, label=_("Plain text"), widget=forms.Textarea(attrs={**_CODE, "rows": 8}),
        help_text=_("Empty: made from the content, as the preview shows it."),
    )

    sample = forms.CharField(
        required=False, strip=False, label=_("Sample values"), widget=forms.Textarea(attrs={**_CODE, "rows": 6}),
        help_text=_(
            "For variables that single messages bring, as JSON. Previews and tests use them; nothing else does."
        ),
    )

    def clean_sample(self) -> dict[str, Any]:
        """The values; ValidationError where they are no JSON or cannot be used."""
        text = self.cleaned_data["sample"].strip()
        try:
            return checked_sample(json.loads(text) if text else {})
        except json.JSONDecodeError as exc:
            raise forms.ValidationError(
                gettext("This is no JSON: %(problem)s in line %(line)s.") % {"problem": exc.msg, "line": exc.lineno}
            ) from exc
        except InputError as exc:
            raise forms.ValidationError(exc.message) from exc

    def sample_values(self) -> dict[str, Any]:
        """The sample values as far as they can be read."""
        found = self.cleaned_data.get("sample") if self.is_bound else None
        return found if isinstance(found, dict) else {}

    def clean(self) -> dict[str, Any]:
        """Line ends as they are stored; a text area sends CRLF."""
        data = super().clean() or {}
        for name in ("source", "text"):
            data[name] = (data.get(name) or "").replace("\r\n", "\n").replace("\r", "\n")
            if len(data[name]) > MAX_SOURCE:
                size = {"size": number(MAX_SOURCE // 1024)}
                self.add_error(name, gettext("A template has up to %(size)s KiB.") % size)
        return data

    def content(self) -> TemplateInput:
        """What was written, whatever else is wrong with the form."""
        data = self.cleaned_data
        return TemplateInput(
            kind=data.get("kind") or TemplateKind.HTML, subject=data.get("subject", ""),
            preheader=data.get("preheader", ""), source=data.get("source", ""), text=data.get("text", ""),
        )
