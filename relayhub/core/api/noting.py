"""Notes refused requests of programs as they are answered; an accepted one costs nothing here.

A request that a key was not taken for is noted for the workspace of the key that it begins like.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import structlog

from relayhub.core import refusals
from relayhub.core.access import Actor
from relayhub.core.keys import find_refused
from relayhub.core.net import bearer_of, client_ip

if TYPE_CHECKING:
    from rest_framework.request import Request
    from rest_framework.response import Response

REQUEST_ID = "X-Request-ID"


def request_id() -> str:
    """The id that the log has for this request; "" outside of one."""
    return str(structlog.contextvars.get_contextvars().get("request_id", ""))


def note_answer(request: Request, response: Response) -> None:
    """Note an answer of 400 and above to a program; people's are on their pages. Never raises."""
    problem = getattr(response, "data", None)
    if not isinstance(problem, dict):
        return
    try:
        found = _caller(request, response.status_code)
    except Exception:
        # Whoever was refused is told so, whatever happens here.
        refusals.log.warning("refusals.caller_unknown", exc_info=True)
        return
    if found is not None:
        caller, reason = found
        refusals.note([
            refusals.of_request(request._request, caller, status=response.status_code, problem=problem,
                                reason=reason, request_id=request_id())
        ])


def _caller(request: Request, status: int) -> tuple[refusals.Caller, str] | None:
    """The key that was used, or that a refused one begins like, and why that was not taken."""
    # Not `request.auth`: it would sign in again where that was what failed.
    actor = getattr(request, "_auth", None)
    if isinstance(actor, Actor):
        return (refusals.Caller.of_key(actor.api_key), "") if actor.api_key is not None else None
    text = bearer_of(request._request) if status == 401 else None
    found = find_refused(text, ip=client_ip(request._request)) if text else None
    return (refusals.Caller.of_key(found[0]), found[1]) if found is not None else None


def note_items(request: Request, actor: Actor, problems: Sequence[dict[str, Any] | None]) -> None:
    """Note the refused items of a batch that was accepted as such, in one line; None are those that were taken."""
    refused = [(place, problem) for place, problem in enumerate(problems) if problem is not None]
    if not refused or actor.api_key is None:
        return
    place, first = refused[0]
    errors = [
        {"pointer": f"/messages/{place}{error['pointer']}", "code": error["code"], "detail": error["detail"]}
        for place, problem in refused
        for error in problem["errors"] or [{"pointer": "", "code": problem["code"], "detail": problem["detail"]}]
    ]
    detail = f"{len(refused):,} of {len(problems):,} items were refused. Item {place + 1}: {first['detail']}"
    refusals.note([
        refusals.of_request(
            request._request, refusals.Caller.of_key(actor.api_key), status=first["status"], request_id=request_id(),
            problem={"code": first["code"], "detail": detail, "errors": errors[: refusals.MAX_ERRORS]},
        )
    ])
