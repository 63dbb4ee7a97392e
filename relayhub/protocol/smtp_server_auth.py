"""The AUTH exchange of the server: challenges out, credentials in.

It knows no accounts; the edge decides. Nothing here is ever logged. RFC 4954, RFC 4616,
draft-murchison-sasl-login.
"""

import base64
import binascii
from typing import TypeAlias

from relayhub.protocol import reply as replies
from relayhub.protocol.reply import SmtpReply, make_reply
from relayhub.protocol.smtp_server_events import AuthAttempt, ServerConfig
from relayhub.protocol.smtp_wire import AuthMechanism

_PLAIN_CHALLENGE = make_reply(334, None, "")
_USERNAME_CHALLENGE = make_reply(334, None, "VXNlcm5hbWU6")  # "Username:"
_PASSWORD_CHALLENGE = make_reply(334, None, "UGFzc3dvcmQ6")  # "Password:"
MAX_USERNAME_OCTETS = 320

#: A 334 goes on, any other reply ends the exchange, an attempt asks the edge.
AuthStep: TypeAlias = SmtpReply | AuthAttempt


class AuthDialogue:
    """One AUTH command. Call `begin` once, then `answer` for each line that follows."""

    def __init__(self, mechanism: AuthMechanism) -> None:
        self._mechanism = mechanism
        self._username: str | None = None

    def begin(self, initial: str | None) -> AuthStep:
        """Start, with the initial response if there was one; `=` stands for an empty one."""
        if initial is not None:
            return self.answer("" if initial == "=" else initial)
        return _PLAIN_CHALLENGE if self._mechanism is AuthMechanism.PLAIN else _USERNAME_CHALLENGE

    def answer(self, line: str) -> AuthStep:
        """Take the client's next line."""
        if line == "*":
            return replies.AUTH_CANCELLED
        text = _decode(line)
        if text is None:
            return replies.AUTH_BAD_BASE64
        if self._mechanism is AuthMechanism.PLAIN:
            return self._plain(text)
        return self._login(text)

    def _plain(self, text: str) -> AuthStep:
        parts = text.split("\0")
        if len(parts) != 3:
            return replies.AUTH_BAD_BASE64
        authorise_as, username, password = parts
        if authorise_as not in ("", username):
            return replies.AUTH_FAILED
        return self._attempt(username, password)

    def _login(self, text: str) -> AuthStep:
        if "\0" in text:
            return replies.AUTH_BAD_BASE64
        if self._username is None:
            self._username = text
            return _PASSWORD_CHALLENGE
        return self._attempt(self._username, text)

    def _attempt(self, username: str, password: str) -> AuthStep:
        if not username or len(username.encode()) > MAX_USERNAME_OCTETS or not username.isprintable():
            return replies.AUTH_FAILED
        return AuthAttempt(mechanism=self._mechanism, username=username, password=password)


def begin_auth(argument: str, offered: tuple[AuthMechanism, ...]) -> tuple[AuthDialogue | None, AuthStep]:
    """Start what the argument of AUTH asks for: a mechanism, and perhaps an initial response."""
    words = argument.split()
    if not 1 <= len(words) <= 2:
        return None, replies.SYNTAX_ERROR
    if words[0].upper() not in offered:
        return None, replies.AUTH_UNKNOWN_MECHANISM
    dialogue = AuthDialogue(AuthMechanism(words[0].upper()))
    return dialogue, dialogue.begin(words[1] if len(words) == 2 else None)


def who_may_not_send(config: ServerConfig, *, tls_active: bool, username: str | None) -> SmtpReply | None:
    """Why a peer that is not trusted may not say MAIL; None if it may."""
    needs_auth = config.offers_auth and username is None
    if not tls_active and (config.requires_tls or (needs_auth and config.auth_needs_tls)):
        return replies.TLS_REQUIRED
    return replies.AUTH_REQUIRED if needs_auth else None


def _decode(line: str) -> str | None:
    try:
        return base64.b64decode(line.encode("ascii"), validate=True).decode("utf-8")
    except (binascii.Error, UnicodeError, ValueError):
        return None
