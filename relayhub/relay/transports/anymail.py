"""Hand over to a provider's API through django-anymail, on threads of its own.

The API call stands for the final dot: the intent is durable before it begins. A call whose end nobody saw (a
time-out while reading, a gateway's 502 or 504) is `unknown`, never repeated blindly. The provider is told of
the envelope's one recipient only, whatever the To field says, and signs by itself, so our signatures are left
out.
"""

from __future__ import annotations

import asyncio
import email
import ipaddress
import socket
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime
from email.encoders import encode_base64
from email.message import EmailMessage as ParsedMessage
from email.mime.base import MIMEBase
from email.policy import default as default_policy
from typing import Any, cast
from urllib.parse import urlsplit

import requests
from anymail.exceptions import (
    AnymailAPIError,
    AnymailConfigurationError,
    AnymailError,
    AnymailRecipientsRefused,
    AnymailUnsupportedFeature,
)
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured
from django.core.mail import EmailMultiAlternatives, get_connection
from django.utils.translation import gettext as _

from relayhub.core import clock
from relayhub.core.address_guard import is_public
from relayhub.core.ids import Prefix, encode_id
from relayhub.protocol.reply import make_reply
from relayhub.relay.shaping import ANYMAIL_CALLS
from relayhub.relay.transports.base import BeforeDot, OutgoingMessage, SendResult, TransportSpec
from relayhub.relay.transports.dialogue import Dialogue

#: django-anymail's providers that take mail of their own by API.
PROVIDERS = frozenset(
    (
        "amazon_ses", "brevo", "mailersend", "mailgun", "mailjet", "mailtrap", "mandrill", "postal",
        "postmark", "resend", "scaleway", "sendgrid", "sparkpost", "unisender_go",
    )
)
#: Fields that the provider writes itself, or that are said in another way.
_LEFT_OUT = frozenset(
    (
        "from", "to", "cc", "bcc", "subject", "reply-to", "mime-version", "content-type",
        "content-transfer-encoding", "content-disposition", "dkim-signature", "return-path", "received",
    )
)
_AMBIGUOUS_STATUS = frozenset((502, 504))
_CONFIGURATION_STATUS = frozenset((401, 402, 403, 404))


class NotUsable(ImproperlyConfigured):
    """A provider or an address of one that no setting from elsewhere could mend."""


@dataclass(frozen=True, kw_only=True, slots=True)
class _Verdict:
    """What a call came to."""

    disposition: str
    why: str = ""
    code: int = 0
    enhanced: str = ""
    detail: dict[str, Any] | None = None


class AnymailTransport:
    """`anymail:NAME`: one provider with its settings."""

    def __init__(self, spec: TransportSpec, *, max_connections: int | None = None) -> None:
        self._spec = spec
        self._threads = ThreadPoolExecutor(
            max_connections or ANYMAIL_CALLS, thread_name_prefix=f"anymail-{spec.name}"
        )
        self._local = threading.local()

    async def send(self, message: OutgoingMessage, *, before_dot: BeforeDot) -> SendResult:
        """Make the intent durable, then call the provider for one recipient."""
        started_at, dialogue = clock.now(), Dialogue()
        loop = asyncio.get_running_loop()
        try:
            made = await loop.run_in_executor(self._threads, self._made, message)
        except (AnymailConfigurationError, ImproperlyConfigured, ImportError) as error:
            why = f"anymail:{self._spec.name} is not set up: {error}"
            return self._result(_Verdict(disposition="deferred", why=why), dialogue, started_at, phase="auth")
        if not await before_dot():
            return self._result(_Verdict(disposition="abandoned"), dialogue, started_at, phase="body")
        dialogue.note(f"calling {self._spec.name} for {message.rcpt_to}")
        verdict = await loop.run_in_executor(self._threads, self._call, made)
        return self._result(verdict, dialogue, started_at, phase="dot")

    async def close(self) -> None:
        """Let the threads end."""
        self._threads.shutdown(wait=False, cancel_futures=True)

    # -- on the threads --------------------------------------------------------------------------------

    def _made(self, message: OutgoingMessage) -> EmailMultiAlternatives:
        self._backend()
        return provider_message(message)

    def _call(self, made: EmailMultiAlternatives) -> _Verdict:
        try:
            backend = self._backend()
            backend.open()
            backend.send_messages([made])
        except Exception as error:  # the providers' libraries raise their own kinds; all become an answer
            return judge_error(error)
        status = made.anymail_status  # type: ignore[attr-defined]  # set by anymail
        found = status.message_id
        return _Verdict(
            disposition="delivered", code=250, enhanced="2.0.0",
            detail={"provider_message_id": str(found)[:300]} if found else None,
        )

    def _backend(self) -> Any:
        backend = getattr(self._local, "backend", None)
        if backend is None:
            backend = self._local.backend = make_backend(self._spec)
        return backend

    def _result(
        self, verdict: _Verdict, dialogue: Dialogue, started_at: datetime, *, phase: str
    ) -> SendResult:
        text = verdict.why or "taken by the provider"
        reply = make_reply(verdict.code, verdict.enhanced, text[:500]) if verdict.code else None
        dialogue.note(str(reply) if reply else verdict.why or verdict.disposition)
        return SendResult(
            disposition=verdict.disposition, phase=phase, reply=reply, why=verdict.why,
            peer_host=self._spec.name, transcript=dialogue.as_rows(), started_at=started_at,
            ended_at=clock.now(), detail={"provider": self._spec.name, **(verdict.detail or {})},
        )


def make_backend(spec: TransportSpec) -> Any:
    """The provider's backend with the rule's settings; NotUsable, or what anymail raises where one is missing."""
    allowed = PROVIDERS | ({"test"} if settings.RELAYHUB_TESTING else set())
    if spec.name not in allowed:
        raise NotUsable(
            _("there is no provider “%(name)s”; known are %(known)s")
            % {"name": spec.name, "known": ", ".join(sorted(PROVIDERS))}
        )
    given: dict[str, Any] = dict(spec.settings)
    _check_api_url(given.get("api_url", ""))
    return get_connection(
        f"anymail.backends.{spec.name}.EmailBackend", ignore_unsupported_features=True, **given
    )


def _check_api_url(url: str) -> None:
    """An API address typed into a form must not reach into our own network (THREATS T17)."""
    if not url or settings.RELAYHUB_ALLOW_PRIVATE_NETWORKS:
        return
    parts = urlsplit(url)
    if parts.scheme != "https" or not parts.hostname:
        raise NotUsable(_("api_url must be an https address"))
    try:
        addresses = {str(ipaddress.ip_address(parts.hostname))}
    except ValueError:
        try:
            addresses = {str(info[4][0]) for info in socket.getaddrinfo(parts.hostname, 443)}
        except OSError as error:
            raise NotUsable(_("the host of api_url is not known")) from error
    if not all(map(is_public, addresses)):
        raise NotUsable(_("api_url leads to a private address"))


def provider_message(message: OutgoingMessage) -> EmailMultiAlternatives:
    """Our finished bytes in the terms of Django's mail and anymail."""
    parsed = email.message_from_bytes(message.content, policy=default_policy)
    text_part, html_part = (parsed.get_body(preferencelist=(kind,)) for kind in ("plain", "html"))
    made = EmailMultiAlternatives(
        subject=str(parsed.get("Subject", "")), body=str(text_part.get_content()) if text_part is not None else "",
        from_email=str(parsed.get("From", "")), to=[message.rcpt_to],
        reply_to=[str(parsed["Reply-To"])] if "Reply-To" in parsed else None,
        headers={
            name: str(value) for name, value in parsed.items() if name.lower() not in _LEFT_OUT
        },
    )
    if html_part is not None:
        made.attach_alternative(str(html_part.get_content()), "text/html")
    for part in _leaves(parsed):
        if part is not text_part and part is not html_part:
            made.attach(_as_attachment(part))
    made.metadata = {"relayhub_recipient": encode_id(Prefix.RECIPIENT, message.recipient_id)}  # type: ignore[attr-defined]
    return made


def _leaves(part: ParsedMessage) -> Iterator[ParsedMessage]:
    """Parts that hold content; an enclosed message is one of them, whole."""
    if part.get_content_maintype() != "multipart":
        yield part
        return
    for inner in part.iter_parts():
        yield from _leaves(cast("ParsedMessage", inner))


def _as_attachment(part: ParsedMessage) -> MIMEBase:
    """A part as Django's mail takes it, with its name, its place and its Content-ID."""
    made = MIMEBase(part.get_content_maintype(), part.get_content_subtype())
    if part.get_content_maintype() == "message":
        made = MIMEBase("application", "octet-stream")
        made.set_payload(b"".join(inner.as_bytes() for inner in part.iter_parts()))
    else:
        payload = part.get_payload(decode=True)
        made.set_payload(payload if isinstance(payload, bytes) else b"")
    encode_base64(made)
    disposition = "inline" if part["Content-ID"] else "attachment"
    name = part.get_filename()
    if name:
        made.add_header("Content-Disposition", disposition, filename=name)
    else:
        made.add_header("Content-Disposition", disposition)
    if part["Content-ID"]:
        made["Content-ID"] = str(part["Content-ID"])
    return made


def judge_error(error: Exception) -> _Verdict:
    """What a failed call means: refused, tried again later, or nobody knows."""
    if isinstance(error, AnymailRecipientsRefused):
        return _refused(error)
    if isinstance(error, requests.ConnectTimeout | requests.exceptions.SSLError):
        return _Verdict(disposition="deferred", why="the provider cannot be reached")
    if isinstance(error, requests.Timeout):
        return _Verdict(disposition="unknown", why="the provider did not answer in time")
    if isinstance(error, requests.ConnectionError):
        return _connection_fault(error)
    if isinstance(error, AnymailAPIError) and error.status_code is not None:
        return _by_status(int(error.status_code), error)
    if isinstance(error, AnymailUnsupportedFeature):
        return _Verdict(
            disposition="bounced", why=f"the provider cannot send this message: {_first_line(error)}",
            code=550, enhanced="5.6.0",
        )
    if isinstance(error, AnymailError | ImproperlyConfigured | ValueError | TypeError):
        return _Verdict(disposition="deferred", why=f"the provider is not set up: {_first_line(error)}")
    return _Verdict(disposition="unknown", why=f"the call ended with {type(error).__name__}")


def _connection_fault(error: requests.ConnectionError) -> _Verdict:
    """No connection at all, or one that broke when the request may have been read."""
    if "NewConnectionError" in repr(error) or "NameResolutionError" in repr(error):
        return _Verdict(disposition="deferred", why="the provider cannot be reached")
    return _Verdict(disposition="unknown", why="the connection to the provider broke")


def _by_status(status: int, error: AnymailError) -> _Verdict:
    text = f"the provider answered {status}: {_first_line(error)}"
    if status in _AMBIGUOUS_STATUS:
        return _Verdict(disposition="unknown", why=text)
    if status in _CONFIGURATION_STATUS:
        return _Verdict(disposition="deferred", why=text, code=451, enhanced="4.7.8")
    if status == 429:
        return _Verdict(disposition="deferred", why=text, code=451, enhanced="4.7.1")
    if 400 <= status < 500:
        return _Verdict(disposition="bounced", why=text, code=554, enhanced="5.6.0")
    return _Verdict(disposition="deferred", why=text, code=451, enhanced="4.3.0")


def _refused(error: AnymailRecipientsRefused) -> _Verdict:
    """The provider's own list said no; only `invalid` speaks of the address."""
    message = getattr(error, "email_message", None)
    statuses = set(getattr(getattr(message, "anymail_status", None), "status", None) or ())
    if "invalid" in statuses:
        why = "the provider says the address is invalid"
        return _Verdict(disposition="bounced", why=why, code=550, enhanced="5.1.3")
    why = "the provider refuses the recipient"
    return _Verdict(disposition="bounced", why=why, code=550, enhanced="5.7.1")


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0][:300] if str(error).strip() else type(error).__name__
