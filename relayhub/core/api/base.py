"""The base of every endpoint: parse, check the scope, call a service, serialise.

A view names the permission of each verb in `permissions`; a verb without one is refused, so that no route
is open by omission. Errors, limits and idempotency are dealt with here once.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, ClassVar

from django.db import transaction
from rest_framework import serializers
from rest_framework.exceptions import NotAuthenticated, Throttled
from rest_framework.response import Response
from rest_framework.views import APIView

from relayhub.core.access import Actor, require
from relayhub.core.api import idempotency, limits, noting
from relayhub.core.errors import ForbiddenError

if TYPE_CHECKING:
    from collections.abc import Callable

    from rest_framework.request import Request

_READS = frozenset({"GET", "HEAD", "OPTIONS"})


class CountedView(APIView):
    """Whoever calls is known and counted, and finds in the log of refused requests what was wrong."""

    _rate_headers: dict[str, str] = {}

    def perform_authentication(self, request: Request) -> None:
        """Who calls, counted at once: refused requests count as well. Throttled beyond the caller's limit."""
        super().perform_authentication(request)
        if not isinstance(request.auth, Actor):
            return
        limit, allowance = limits.take_request(request.auth)
        self._rate_headers = limits.headers_of(limit, allowance)
        if not allowance.is_allowed:
            raise Throttled(
                wait=allowance.retry_after_seconds,
                detail=f"More than {limit.per_second:.0f} requests a second. Wait as long as Retry-After says.",
            )

    def finalize_response(self, request: Request, response: Response, *args: Any, **kwargs: Any) -> Response:
        """Add the rate limit's headers and the request's id; note what a program was refused."""
        final: Response = super().finalize_response(request, response, *args, **kwargs)
        for name, value in self._rate_headers.items():
            final[name] = value
        if known := noting.request_id():
            final[noting.REQUEST_ID] = known
        if final.status_code >= 400:
            noting.note_answer(request, final)
        return final


class ApiView(CountedView):
    """One resource; subclasses write `get`, `post`, `patch`, `delete`."""

    #: Verb -> permission, such as {"GET": "contacts.read"}.
    permissions: ClassVar[dict[str, str]] = {}
    #: Whether `Idempotency-Key` is honoured by wrapping the whole verb in one transaction.
    is_idempotent = True

    @property
    def actor(self) -> Actor:
        """Who calls."""
        actor = self.request.auth
        if not isinstance(actor, Actor):
            raise NotAuthenticated
        return actor

    def check_permissions(self, request: Request) -> None:
        """NotAuthenticated or ForbiddenError unless the verb's permission is held."""
        if not isinstance(request.auth, Actor):
            raise NotAuthenticated("Send “Authorization: Bearer rh_live_…”.")
        verb = "GET" if request.method == "HEAD" else str(request.method)
        if verb == "OPTIONS" or verb.lower() not in self._verbs():
            return
        permission = self.permissions.get(verb)
        if permission is None:
            raise ForbiddenError("This verb is not open here.")
        require(request.auth, permission)

    def _verbs(self) -> set[str]:
        return {name for name in self.http_method_names if hasattr(self, name)}

    def initial(self, request: Request, *args: Any, **kwargs: Any) -> None:
        """Checks in DRF's order, then wraps the handler for idempotent writes."""
        super().initial(request, *args, **kwargs)
        if request.method in _READS or not self.is_idempotent:
            return
        key = idempotency.key_of(request)
        if key is not None:
            self._wrap(request, key)

    def _wrap(self, request: Request, key: str) -> None:
        name = str(request.method).lower()
        handler: Callable[..., Response] = getattr(self, name)

        def once(req: Request, *args: Any, **kwargs: Any) -> Response:
            def work() -> Response:
                try:
                    # A savepoint: a refused request leaves nothing behind but its answer.
                    with transaction.atomic():
                        return handler(req, *args, **kwargs)
                except Exception as exc:
                    return self.handle_exception(exc)

            return idempotency.carry_out_once(req, self.actor, key, work)

        setattr(self, name, once)


class StrictSerializer(serializers.Serializer[Any]):
    """Refuses fields it does not know: a misspelt field must not vanish silently."""

    def to_internal_value(self, data: Any) -> Any:
        """Validate; unknown fields are errors at their own pointer."""
        if isinstance(data, dict):
            unknown = sorted(set(map(str, data)) - set(self.fields))
            if unknown:
                known = ", ".join(name for name, field in self.fields.items() if not field.read_only)
                raise serializers.ValidationError(
                    {name: [f"There is no such field. Fields are: {known}."] for name in unknown}, code="unknown"
                )
        return super().to_internal_value(data)


def parsed(serializer: type[serializers.Serializer[Any]], request: Request, **kwargs: Any) -> dict[str, Any]:
    """The request's validated body."""
    filled = serializer(data=request.data, **kwargs)
    filled.is_valid(raise_exception=True)
    return dict(filled.validated_data)
