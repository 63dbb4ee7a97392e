"""Forms of the route pages: a rule in fields, put together into what the service takes."""

from __future__ import annotations

from typing import Any
from urllib.parse import quote

from django import forms
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from relayhub.core.errors import RelayHubError
from relayhub.relay.models import Route, Stream
from relayhub.relay.routes import RouteInput
from relayhub.relay.transports.anymail import PROVIDERS
from relayhub.relay.transports.base import DEFAULT_PORTS, TransportKind, TransportSpec

KINDS = (
    ("direct", _("Straight to the receivers’ mail hosts")), ("smtp", _("Smarthost, STARTTLS where it is offered")),
    ("smtps", _("Smarthost, TLS from the start")), ("lmtp", _("Mail store of your own, LMTP")),
    ("anymail", _("Provider with an API")), ("sandbox", _("Sandbox inbox: kept here, never leaves")),
)
_LIVE_KINDS = tuple(kind for kind in KINDS if kind[0] != "sandbox")
_TLS = (
    ("opportunistic", _("Where it is offered")), ("required", _("Always, with a valid certificate")),
    ("none", _("Never")),
)
_HOSTED = ("smtp", "smtps", "lmtp")
#: What a service names, and the field that shows it.
FIELD_NAMES = {
    "transport": "host", "match.streams": "streams", "match.domains": "domains", "tls": "tls", "weight": "weight",
}


class WayForm(forms.Form):
    """A way out: kind, host, login, TLS, or a provider with its settings."""

    kind = forms.ChoiceField(label=_("Way out"), choices=_LIVE_KINDS, widget=forms.RadioSelect, initial="direct")
    host = forms.CharField(label=_("Host"), max_length=253)
    port = forms.IntegerField(
        label=_("Port"), min_value=1, max_value=65535, required=False,
        help_text=_("Empty: 25, with TLS 465, LMTP 24."),
    )
    username = forms.CharField(label=_("User"), max_length=300, required=False)
    password = forms.CharField(
        label=_("Password"), max_length=500, required=False, strip=False,
        widget=forms.PasswordInput(attrs={"autocomplete": "new-password"}),
    )
    provider = forms.ChoiceField(
        label=_("Provider"), required=False,
        choices=[("", _("Choose a provider")), *((name, name.replace("_", " ").title()) for name in sorted(PROVIDERS))],
    )
    provider_settings = forms.CharField(
        label=_("Settings of the provider"), required=False, max_length=5000, strip=False,
        widget=forms.Textarea(attrs={"rows": 3, "autocomplete": "off", "spellcheck": "false"}),
        help_text=_("One a line, such as api_key=key-123. Kept sealed and not shown again."),
    )
    tls = forms.ChoiceField(label="TLS", choices=_TLS, initial="opportunistic", required=False)

    #: What a kind cannot do without is not called optional, though other kinds leave it empty.
    use_required_attribute = False
    _needed_by_kind = ("host", "provider", "tls")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._call_needed(is_needed=True)

    def full_clean(self) -> None:
        """Check the fields one by one without asking for those of other kinds; `clean` asks for its own."""
        self._call_needed(is_needed=False)
        super().full_clean()
        self._call_needed(is_needed=True)

    def _call_needed(self, *, is_needed: bool) -> None:
        for name in self._needed_by_kind:
            self.fields[name].required = is_needed

    def clean_provider_settings(self) -> dict[str, str]:
        """`name=value` lines as a mapping."""
        found: dict[str, str] = {}
        for line in str(self.cleaned_data["provider_settings"]).splitlines():
            if not line.strip():
                continue
            name, sign, value = line.partition("=")
            if not sign or not name.strip().isidentifier():
                raise forms.ValidationError(_("Write one setting a line as name=value, such as api_key=key-123."))
            found[name.strip()] = value.strip()
        return found

    def clean(self) -> dict[str, Any]:
        """Each kind needs what belongs to it, and a login needs both halves."""
        data = dict(super().clean() or {})
        kind = data.get("kind", "")
        if kind in _HOSTED and not data.get("host") and "host" not in self.errors:
            self.add_error("host", gettext("Write the host that takes the mail, such as smtp.example.com."))
        if kind == "anymail" and not data.get("provider"):
            self.add_error("provider", gettext("Choose the provider."))
        if kind in _HOSTED and bool(data.get("username")) != bool(data.get("password")):
            missing = "password" if data.get("username") else "username"
            self.add_error(missing, gettext("A login is a user and a password: write both, or neither."))
        return data

    def transport_text(self) -> str:
        """The transport as rules name it, with the login in it."""
        data = self.cleaned_data
        kind = data["kind"]
        if kind == "anymail":
            return f"anymail:{data['provider']}"
        if kind not in _HOSTED:
            return str(kind)
        host = data["host"].strip()
        if ":" in host and not host.startswith("["):
            host = f"[{host}]"
        login = f"{quote(data['username'], safe='')}:{quote(data['password'], safe='')}@" if data["username"] else ""
        return f"{kind}://{login}{host}:{data['port'] or DEFAULT_PORTS[kind]}"

    def way_input(self) -> RouteInput:
        """The rule for all mail by this way."""
        data = self.cleaned_data
        is_provider = data["kind"] == "anymail"
        return RouteInput(
            transport=self.transport_text(), tls=data["tls"] or "opportunistic",
            provider_settings=(data["provider_settings"] or None) if is_provider else None,
            dkim=not is_provider,
        )


class GoLiveForm(WayForm):
    """Going live: what was typed stays, the password among it, so that a second try does not ask again."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["password"].widget = forms.PasswordInput(
            render_value=True, attrs={"autocomplete": "new-password"}
        )


class RuleForm(WayForm):
    """A rule: which mail, and which way."""

    name = forms.CharField(label=_("Name"), max_length=120, required=False)
    streams = forms.MultipleChoiceField(
        label=_("Streams"), required=False, widget=forms.CheckboxSelectMultiple,
        help_text=_("None ticked: every stream."),
    )
    domains = forms.CharField(
        label=_("Recipient domains"), required=False, max_length=20_000, widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("One a line; *.example.com takes its sub-domains. Empty: every domain."),
    )
    weight = forms.IntegerField(
        label=_("Weight"), min_value=0, max_value=10_000, initial=100,
        help_text=_("Neighbouring rules with the same match share by weight. 0 switches the rule off."),
    )
    dkim = forms.BooleanField(label=_("Sign with DKIM here"), required=False, initial=True)
    max_connections = forms.IntegerField(
        label=_("Connections at most"), min_value=1, max_value=1000, required=False,
        help_text=_("Of each relay process. Empty: by what is usual for the receiver."),
    )
    forget_secret = forms.BooleanField(label=_("Forget the stored login"), required=False)
    position = forms.IntegerField(label=_("Place"), min_value=1, max_value=200, required=False)

    def __init__(self, *args: Any, streams: list[tuple[str, str]], has_secret: bool = False, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, choices in (("streams", streams), ("kind", list(KINDS))):
            field = self.fields[name]
            assert isinstance(field, forms.ChoiceField)
            field.choices = choices
        self.has_secret = has_secret
        self.fields["position"].help_text = gettext("Rules are tried from 1. Empty: the last of the stored ones.")

    def route_input(self) -> RouteInput:
        """What the service takes."""
        data = self.cleaned_data
        is_provider = data["kind"] == "anymail"
        return RouteInput(
            transport=self.transport_text(), streams=data["streams"],
            domains=[part for part in data["domains"].replace(",", " ").split() if part], name=data["name"],
            weight=data["weight"], dkim=data["dkim"], tls=data["tls"] or "opportunistic",
            max_connections=data["max_connections"],
            provider_settings=(data["provider_settings"] or None) if is_provider else None,
            forget_secret=data["forget_secret"],
        )


def initial_of(route: Route) -> dict[str, Any]:
    """A stored rule in fields, without its secret."""
    spec = TransportSpec.parse(route.transport)
    return {
        "name": route.name, "kind": spec.kind.value, "host": spec.host, "port": spec.port or None,
        "provider": spec.name if spec.kind is TransportKind.ANYMAIL else "", "tls": route.tls,
        "streams": route.match_streams, "domains": "\n".join(route.match_domains), "weight": route.weight,
        "dkim": route.dkim, "max_connections": route.max_connections, "position": route.position,
    }


class WhichWayForm(forms.Form):
    """A recipient to ask about."""

    address = forms.CharField(label=_("Recipient"), max_length=320)
    stream = forms.ChoiceField(label=_("Stream"))
    from_domain = forms.CharField(label=_("From domain"), max_length=255, required=False)

    def __init__(self, *args: Any, streams: list[Stream], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["stream"]
        assert isinstance(field, forms.ChoiceField)
        field.choices = [(row.slug, row.title) for row in streams]


def refuse(form: WayForm, error: RelayHubError) -> None:
    """Show a service's refusal at its field, or above the form."""
    field = FIELD_NAMES.get(getattr(error, "field", ""), getattr(error, "field", ""))
    form.add_error(field if field in form.fields else None, error.message)
