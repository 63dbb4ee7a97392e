"""One shape for every error: RFC 9457 `application/problem+json` with a stable code."""

from __future__ import annotations

import logging
from typing import Any

from django.conf import settings
from django.core.exceptions import PermissionDenied, RequestDataTooBig, SuspiciousOperation
from django.db import InterfaceError, OperationalError
from django.http import Http404
from rest_framework import exceptions
from rest_framework.renderers import JSONRenderer
from rest_framework.response import Response
from rest_framework.views import set_rollback

from relayhub.core.errors import AcceptError, InputError, LimitError, RelayHubError

log = logging.getLogger(__name__)

PROBLEM = "application/problem+json"
_TITLES = {
    400: "The request is not understood", 401: "Not signed in", 403: "Not allowed", 404: "Not found",
    405: "Method not allowed", 406: "Not acceptable", 409: "The present state does not allow this",
    413: "Too large", 415: "Unsupported media type", 422: "The request cannot be carried out",
    429: "Too many requests", 500: "Our fault", 503: "Not available now",
}
_CODES = {
    exceptions.NotAuthenticated: "not_authenticated", exceptions.AuthenticationFailed: "not_authenticated",
    exceptions.PermissionDenied: "forbidden", exceptions.NotFound: "not_found",
    exceptions.MethodNotAllowed: "method_not_allowed", exceptions.NotAcceptable: "not_acceptable",
    exceptions.UnsupportedMediaType: "unsupported_media_type", exceptions.Throttled: "rate_limited",
    exceptions.ParseError: "malformed_request",
}


class ProblemRenderer(JSONRenderer):
    """Says that an error body is a problem document."""

    media_type = PROBLEM
    format = "problem"


def problem(
    status: int, code: str, detail: str, *, errors: list[dict[str, str]] | None = None,
    headers: dict[str, str] | None = None, **extra: Any,
) -> Response:
    """An error answer. `errors` holds {"pointer", "code", "detail"} with JSON pointers (RFC 6901)."""
    body: dict[str, Any] = {
        "type": "about:blank", "title": _TITLES.get(status, "Error"), "status": status, "code": code,
        "detail": detail, "errors": errors or [], **extra,
    }
    return Response(body, status=status, headers=headers, content_type=PROBLEM)


def handle(exc: Exception, context: dict[str, Any]) -> Response | None:
    """DRF's exception handler: everything that can be said in words becomes a problem document."""
    response = response_for(exc)
    if response is not None:
        set_rollback()
    return response


def response_for(exc: Exception) -> Response | None:
    if isinstance(exc, exceptions.ValidationError):
        return _validation_problem(exc)
    if isinstance(exc, RelayHubError):
        return _own_problem(exc)
    if isinstance(exc, Http404):
        return problem(404, "not_found", "There is nothing here, or you may not see it.")
    if isinstance(exc, PermissionDenied):
        return problem(403, "forbidden", "You may not do this.")
    if isinstance(exc, exceptions.APIException):
        return _framework_problem(exc)
    if isinstance(exc, RequestDataTooBig):
        most = settings.DATA_UPLOAD_MAX_MEMORY_SIZE // 1024 // 1024
        return problem(413, "body_too_large", f"A body may have {most} MiB at most; send it in parts.")
    if isinstance(exc, SuspiciousOperation):
        return problem(400, "malformed_request", "The request is not one that an honest program sends.")
    if isinstance(exc, (OperationalError, InterfaceError)):
        log.warning("api.database_away", extra={"error": str(exc)[:200]})
        return problem(503, "not_available", "The database cannot be reached. Nothing was changed; try again.",
                       headers={"Retry-After": "5"})
    log.exception("api.failed")
    return problem(500, "internal_error", "Something failed on our side. Nothing was changed; try again, and "
                   "look at the log if it happens again.")


def _own_problem(exc: RelayHubError) -> Response:
    errors = []
    headers = {"Retry-After": "5"} if exc.http_status == 503 else None
    if isinstance(exc, LimitError):
        headers = {"Retry-After": str(exc.retry_after_seconds)}
    if isinstance(exc, (InputError, AcceptError)) and exc.field:
        errors = [{"pointer": _pointer(exc.field), "code": exc.code, "detail": exc.message}]
    extra: dict[str, Any] = {}
    if isinstance(exc, AcceptError):
        enhanced = exc.reply.enhanced
        extra["smtp"] = {"code": exc.reply.code, "enhanced": str(enhanced) if enhanced else None}
    findings = getattr(exc, "findings", None)
    if findings is not None:
        extra["findings"] = findings
    return problem(exc.http_status, exc.code, exc.message, errors=errors, headers=headers, **extra)


def _framework_problem(exc: exceptions.APIException) -> Response:
    code = next((code for kind, code in _CODES.items() if isinstance(exc, kind)), "error")
    headers: dict[str, str] = {}
    wait = getattr(exc, "wait", None)
    if wait is not None:
        headers["Retry-After"] = str(max(1, round(wait)))
    challenge = getattr(exc, "auth_header", None)
    if challenge:
        headers["WWW-Authenticate"] = challenge
    return problem(exc.status_code, code, _flat(exc.detail), headers=headers)


def _validation_problem(exc: exceptions.ValidationError) -> Response:
    errors = list(_walk(exc.get_full_details(), ""))
    first = errors[0]["detail"] if errors else "The request is not valid."
    where = errors[0]["pointer"] if errors and errors[0]["pointer"] else ""
    detail = f"{where}: {first}" if where else first
    return problem(422, "invalid_request", detail, errors=errors)


def _walk(node: Any, pointer: str) -> Any:
    if isinstance(node, dict) and set(node) == {"message", "code"}:
        yield {"pointer": pointer, "code": str(node["code"]), "detail": str(node["message"])}
    elif isinstance(node, dict):
        for key, value in node.items():
            step = "" if key == "non_field_errors" else f"/{str(key).replace('~', '~0').replace('/', '~1')}"
            yield from _walk(value, pointer + step)
    elif isinstance(node, list):
        leaves = all(isinstance(item, dict) and set(item) == {"message", "code"} for item in node)
        for index, item in enumerate(node):
            yield from _walk(item, pointer if leaves else f"{pointer}/{index}")


def _pointer(field: str) -> str:
    return field if field.startswith("/") or not field else "/" + field.replace(".", "/")


def _flat(detail: Any) -> str:
    if isinstance(detail, list):
        return " ".join(map(_flat, detail))
    if isinstance(detail, dict):
        return " ".join(map(_flat, detail.values()))
    return str(detail)
