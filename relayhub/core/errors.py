"""The families of errors, by what their reader must be told.

`message` is for the stranger: no host names of ours, ids, SQL or exception text. `detail` goes to the
log and the operator's page. What peers answered is never an exception but a `SendResult`.
"""

from __future__ import annotations

from django.utils.translation import gettext as _

from relayhub.protocol.reply import SmtpReply


class RelayHubError(Exception):
    """Anything we refuse or fail at, with a stable code and a text that is safe to show."""

    http_status = 500
    default_code = "internal_error"

    def __init__(self, message: str, *, code: str | None = None, detail: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.code = code or self.default_code
        self.detail = detail


class InputError(RelayHubError):
    """The request has the wrong shape or value; `field` is a JSON pointer or form field name."""

    http_status = 400
    default_code = "invalid_request"

    def __init__(
        self, message: str, *, field: str = "", code: str | None = None, detail: str = ""
    ) -> None:
        super().__init__(message, code=code, detail=detail)
        self.field = field


class AccessError(RelayHubError):
    """Absent or not allowed: a stranger cannot tell which."""

    http_status = 404
    default_code = "not_found"

    def __init__(self, message: str = "", **kwargs: str) -> None:
        super().__init__(message or _("There is nothing here, or you may not see it."), **kwargs)


class ForbiddenError(AccessError):
    """The thing is known to the caller, but its role or key may not do this to it."""

    http_status = 403
    default_code = "forbidden"


class ConflictError(RelayHubError):
    """The present state does not allow the verb."""

    http_status = 409
    default_code = "conflict"


class LimitError(RelayHubError):
    """Asked more often than is good for others; `retry_after_seconds` says when to come again."""

    http_status = 429
    default_code = "rate_limited"

    def __init__(self, message: str, *, retry_after_seconds: int, code: str | None = None, detail: str = "") -> None:
        super().__init__(message, code=code, detail=detail)
        self.retry_after_seconds = retry_after_seconds


class AcceptError(RelayHubError):
    """Refused at the door; the same reply answers SMTP and, by `http_status`, HTTP."""

    http_status = 422
    default_code = "not_accepted"

    def __init__(
        self,
        reply: SmtpReply,
        *,
        message: str | None = None,
        code: str | None = None,
        field: str = "",
        detail: str = "",
        http_status: int | None = None,
    ) -> None:
        text = message if message is not None else reply.text
        super().__init__(text, code=code, detail=detail)
        self.reply = reply
        self.field = field
        if http_status is not None:
            self.http_status = http_status
        elif reply.code < 500:
            self.http_status = 503


class PrepareError(RelayHubError):
    """A recipient's bytes could not be made; `temporary` when trying later may help."""

    default_code = "cannot_prepare"

    def __init__(self, message: str, *, temporary: bool, code: str | None = None, detail: str = "") -> None:
        super().__init__(message, code=code, detail=detail)
        self.temporary = temporary


class TransportError(RelayHubError):
    """What a peer did not say: connect, TLS, time-out. `reply` only if it said something before."""

    default_code = "transport_failed"

    def __init__(
        self, message: str, *, temporary: bool = True, reply: SmtpReply | None = None, detail: str = ""
    ) -> None:
        super().__init__(message, detail=detail)
        self.temporary = temporary
        self.reply = reply


class ConfigurationError(RelayHubError):
    """A setting that cannot work; stops the start instead of failing later."""

    default_code = "configuration"
