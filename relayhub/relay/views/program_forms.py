"""Forms of the API pages: a key, an SMTP credential, a rotation."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.utils.translation import pgettext_lazy

from relayhub.core.access import ALL_SCOPES, Actor
from relayhub.core.clock import now
from relayhub.core.models import Scope

_DAY_SECONDS = 86_400
LIFE_CHOICES = (("", _("Never")), ("30", _("In 30 days")), ("90", _("In 90 days")), ("365", _("In a year")))
OVERLAP_CHOICES = (
    (str(_DAY_SECONDS), _("24 hours")), ("0", _("Not at all")), ("3600", _("An hour")),
    (str(7 * _DAY_SECONDS), _("7 days")), (str(30 * _DAY_SECONDS), _("30 days")),
)
#: What a new key is ticked for: the usual reason to make one.
USUAL_SCOPES = (str(Scope.MESSAGES_WRITE), str(Scope.MESSAGES_READ))
#: What programs that only send mail need; the others are folded until one of them is ticked.
_SENDING = frozenset({"messages", "events", "stats"})
#: What a scope is over, and what that holds.
_WORDS = {
    "messages": (_("Messages"), _("hand in mail, see what happened to it")),
    "events": (_("Events"), _("what happened, as a stream")),
    "stats": (_("Stats"), _("counts by hour and day")),
    "contacts": (_("Contacts"), _("contacts, imports and exports")), "lists": (_("Lists"), _("mailing lists")),
    "templates": (_("Templates"), _("mail templates")), "campaigns": (_("Campaigns"), _("campaigns and reports")),
    "domains": (_("Domains"), _("sending domains")),
    "suppressions": (_("Suppressions"), _("addresses not written to")), "streams": (_("Streams"), _("streams")),
    "routes": (_("Routes"), _("which way mail leaves")), "keys": (_("Keys"), _("API keys and SMTP credentials")),
    "workspace": (_("Workspace"), _("name, footer, stop and resume")),
    "people": (_("People"), _("members and invitations")), "audit": (_("Audit"), _("the audit log")),
}
_VERBS = {
    "read": pgettext_lazy("scope", "read"), "write": pgettext_lazy("scope", "write"),
    "launch": pgettext_lazy("scope", "launch"), "override": pgettext_lazy("scope", "override"),
}


def scope_rows(actor: Actor, ticked: set[str]) -> list[dict[str, Any]]:
    """Scopes the actor may give, by resource, each with `boxes` of {scope, verb, is_ticked}."""
    rows: dict[str, dict[str, Any]] = {}
    for scope in ALL_SCOPES:
        resource, verb = scope.split(".")
        if actor.may(scope):
            row = rows.setdefault(resource, {
                "name": _WORDS[resource][0], "text": _WORDS[resource][1], "boxes": [],
                "is_usual": resource in _SENDING, "is_ticked": False,
            })
            row["is_ticked"] |= scope in ticked
            row["boxes"].append({"scope": scope, "verb": _VERBS[verb], "is_ticked": scope in ticked})
    return list(rows.values())


def lines_of(text: str) -> tuple[str, ...]:
    """What stands between blanks, commas and line ends."""
    return tuple(text.replace(",", " ").split())


class _LimitedForm(forms.Form):
    name = forms.CharField(
        max_length=120, label=_("Name"), help_text=_("What uses it: “shop”, “printer in the hall”."),
    )
    domains = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple, label=_("Only from these domains"),
        help_text=_("None ticked: every domain of the workspace."),
    )
    networks = forms.CharField(
        required=False, max_length=2000, widget=forms.Textarea(attrs={"rows": 2}),
        label=_("Only from these addresses"),
        help_text=_("IP addresses or networks such as 203.0.113.0/24, one a line. Empty: from anywhere."),
    )
    life = forms.ChoiceField(choices=LIFE_CHOICES, required=False, label=_("Expires"))

    def __init__(self, *args: Any, domains: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if domains:
            _choices(self, "domains", [(name, name) for name in domains])
        else:
            del self.fields["domains"]

    @property
    def expires_at(self) -> datetime | None:
        """When it ends, counted from now."""
        days = self.cleaned_data["life"]
        return now() + timedelta(days=int(days)) if days else None

    @property
    def networks_given(self) -> tuple[str, ...]:
        """The networks as written."""
        return lines_of(self.cleaned_data["networks"])

    @property
    def domains_given(self) -> tuple[str, ...]:
        """The ticked domains."""
        return tuple(self.cleaned_data.get("domains", ()))


class KeyForm(_LimitedForm):
    """An API key to make; its scopes are ticked in a table of their own."""

    streams = forms.MultipleChoiceField(
        required=False, widget=forms.CheckboxSelectMultiple, label=_("Only in these streams"),
        help_text=_("None ticked: every stream."),
    )
    requests_per_second = forms.IntegerField(
        min_value=1, max_value=10_000, initial=100, label=_("Requests a second"),
        help_text=_("More are answered with 429 and told when to come again."),
    )

    def __init__(self, *args: Any, streams: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _choices(self, "streams", streams)


class CredentialForm(_LimitedForm):
    """An SMTP credential to make."""

    stream = forms.ChoiceField(
        required=False, label=_("Stream"),
        help_text=_("Where its mail goes that names no stream by X-RelayHub-Stream."),
    )

    def __init__(self, *args: Any, streams: list[tuple[str, str]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _choices(self, "stream", [("", _("The default, transactional")), *streams])


class RotateForm(forms.Form):
    """How long the old secret works on."""

    overlap = forms.TypedChoiceField(choices=OVERLAP_CHOICES, coerce=int)


def _choices(form: forms.Form, name: str, choices: Sequence[tuple[str, str | Promise]]) -> None:
    field = form.fields[name]
    assert isinstance(field, forms.ChoiceField)
    field.choices = choices
