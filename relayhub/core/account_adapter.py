"""How django-allauth behaves here: no public sign-up, letters through the relay."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import DefaultAccountAdapter
from django.conf import settings
from django.http import HttpRequest
from django.utils.functional import lazy
from django.utils.translation import gettext_lazy as _

from relayhub.core.clock import now
from relayhub.core.models import User
from relayhub.core.net import client_ip
from relayhub.core.sessions import device_of
from relayhub.core.system_mail import SystemLetter, send_letter

#: Said in the letter's language, which is not that of the request.
_device_of = lazy(device_of, str)
#: What a letter says that tells of a change, by the last word of allauth's template.
_NEWS = {
    "password_changed": _("the password was changed"),
    "password_reset": _("a new password was set through a link in a letter"),
    "password_set": _("a password was set"),
    "totp_activated": _("an authenticator app was set up as second factor"),
    "totp_deactivated": _("the authenticator app was turned off: the password alone opens the account"),
    "recovery_codes_generated": _("new recovery codes were made; the old ones are void"),
}


class AccountAdapter(DefaultAccountAdapter):
    """People join by invitation only."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Never: accounts are made by accepting an invitation."""
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Hand allauth's letters (a link for a new password, news of a change) to the relay's system stream."""
        word = template_prefix.rsplit("/", 1)[-1]
        own = User.objects.filter(email__iexact=email).values_list("language", flat=True).first() or ""
        plain = {key: value for key, value in context.items() if isinstance(value, str)}
        if word == "password_reset_key":
            plain["password_reset_url"] = _on_our_host(plain["password_reset_url"])
            send_letter(SystemLetter(name="password_reset", to=email, context=plain, language=own))
            return
        news = {
            "news": _NEWS.get(word, _("a setting of the account was changed")), "at": f"{now():%Y-%m-%d %H:%M} UTC",
            "device": _device_of(plain.get("user_agent", "")), "ip": plain.get("ip", ""),
        }
        send_letter(SystemLetter(name="account_notice", to=email, context=news, language=own))

    def send_notification_mail(
        self, template_prefix: str, user: Any, context: dict[str, Any] | None = None, email: str | None = None
    ) -> None:
        """Tell a person of a change, at the address they sign in with."""
        super().send_notification_mail(template_prefix, user, context, email or user.email)

    def get_client_ip(self, request: HttpRequest) -> str:
        """The address behind trusted proxies, for allauth's own limits and the list of sessions."""
        return client_ip(request) or "0.0.0.0"


def _on_our_host(url: str) -> str:
    """The address under the configured base URL: whoever asked chose the Host header, port included."""
    return f"{settings.RELAYHUB_BASE_URL}{urlsplit(url).path}"
