"""Who calls the API: a program with a key, or a person signed in to the dashboard.

Both become an `Actor`, as `request.auth`. A revoked key is refused at once: the row is read each time.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from drf_spectacular.extensions import OpenApiAuthenticationExtension
from rest_framework.authentication import BaseAuthentication, SessionAuthentication
from rest_framework.exceptions import AuthenticationFailed

from relayhub.core.access import Actor, actor_for_key, actor_for_member, member_for
from relayhub.core.api.limits import refuse_wrong_keys
from relayhub.core.errors import AccessError
from relayhub.core.keys import find_key, note_use
from relayhub.core.net import bearer_of, client_ip

if TYPE_CHECKING:
    from django.contrib.auth.models import AnonymousUser
    from rest_framework.request import Request

    from relayhub.core.models import User


class KeyAuthentication(BaseAuthentication):
    """`Authorization: Bearer rh_live_…`."""

    def authenticate(self, request: Request) -> tuple[User | AnonymousUser, Actor] | None:
        """The key's creator and its actor, or None where no bearer is given."""
        from django.contrib.auth.models import AnonymousUser

        text = bearer_of(request._request)
        if text is None:
            return None
        ip = client_ip(request._request)
        key = find_key(text, ip=ip)
        if key is None:
            refuse_wrong_keys(ip)
            raise AuthenticationFailed(
                "This API key is unknown, was revoked, has expired, or may not be used from this address."
            )
        note_use(key)
        return AnonymousUser(), actor_for_key(key, ip=ip)

    def authenticate_header(self, request: Request) -> str:
        """The challenge of a 401."""
        return 'Bearer realm="RelayHub"'


class PersonAuthentication(SessionAuthentication):
    """The dashboard's session, with its CSRF token; the workspace is the one last switched to."""

    def authenticate(self, request: Request) -> tuple[User, Actor] | None:  # type: ignore[override]
        """The person and their actor, or None without a session."""
        found = super().authenticate(request)
        if found is None:
            return None
        user: User = found[0]
        try:
            member = member_for(user)
        except AccessError as exc:
            raise AuthenticationFailed("You are not a member of any workspace.") from exc
        return user, actor_for_member(member, ip=client_ip(request._request))


class KeyScheme(OpenApiAuthenticationExtension):
    """Describes the bearer key in the OpenAPI document."""

    target_class = KeyAuthentication
    name = "apiKey"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        """The security scheme object."""
        return {"type": "http", "scheme": "bearer", "bearerFormat": "rh_live_…"}


class PersonScheme(OpenApiAuthenticationExtension):
    """Describes the session cookie in the OpenAPI document."""

    target_class = PersonAuthentication
    name = "session"

    def get_security_definition(self, auto_schema: object) -> dict[str, str]:
        """The security scheme object."""
        return {"type": "apiKey", "in": "cookie", "name": "sessionid"}
