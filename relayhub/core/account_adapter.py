"""How django-allauth behaves here: no public sign-up, letters through the relay."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from django.http import HttpRequest

from relayhub.core.net import client_ip
from relayhub.core.system_mail import SystemLetter, send_letter


class AccountAdapter(DefaultAccountAdapter):
    """People join by invitation only."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Never: accounts are made by accepting an invitation."""
        return False

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        """Hand allauth's letters (password reset) to the relay's system stream."""
        name = "password_reset" if "password_reset" in template_prefix else "account_notice"
        plain = {key: value for key, value in context.items() if isinstance(value, str)}
        send_letter(SystemLetter(name=name, to=email, context=plain))

    def get_client_ip(self, request: HttpRequest) -> str:
        """The address behind trusted proxies, for allauth's own limits."""
        return client_ip(request) or ""
