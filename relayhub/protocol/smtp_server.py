"""The server end of SMTP as a state machine without I/O: bytes in, events out.

The edge feeds what it read and obeys the events in order. `AuthAttempt`, `MailFrom`,
`RcptTo` and `MessageReceived` ask it something: until it answers (`accept_auth`,
`reject_auth`, `reply`) nothing more is parsed and input is held, within a limit. The
machine must never accept a message itself, execute a line it could not read whole, or
keep plaintext across STARTTLS. Time limits are the edge's; `state` says which applies.

RFC 5321, 1870, 2034, 2920, 3207, 3461, 4954, 6152, 6409, 6531.
"""

from collections.abc import Callable
from typing import assert_never

from relayhub.protocol import reply as replies
from relayhub.protocol.reply import SmtpReply, make_reply
from relayhub.protocol.smtp_server_auth import AuthDialogue, AuthStep, begin_auth, who_may_not_send
from relayhub.protocol.smtp_server_content import CONTENT_REFUSALS, ContentFault, ContentReader
from relayhub.protocol.smtp_server_events import (
    AuthAttempt,
    EnvelopeRecipient,
    MailFrom,
    MessageReceived,
    Question,
    RcptTo,
    Refused,
    ServerConfig,
    ServerEvent,
    ServerState,
    SmtpEnvelope,
)
from relayhub.protocol.smtp_server_lines import LineFault, LineReader
from relayhub.protocol.smtp_server_params import (
    ArgumentRefused,
    is_hello_name,
    parse_mail,
    parse_rcpt,
    refuse_verb,
)
from relayhub.protocol.smtp_wire import Close, Send, SmtpStateError, StartTls


class ServerSession:
    """One connection. Not thread-safe; every method returns the events it caused, in order."""

    def __init__(self, config: ServerConfig, *, tls_active: bool = False, is_trusted: bool = False) -> None:
        self.config = config
        #: The peer may submit without TLS and AUTH.
        self.is_trusted = is_trusted
        self.tls_active = tls_active
        #: The name the peer gave with EHLO or HELO, "" before.
        self.helo = ""
        self.is_esmtp = False
        #: The name that AUTH accepted, None before.
        self.username: str | None = None
        #: Messages answered positively.
        self.accepted_messages = 0
        self._messages = 0
        self._errors = 0
        self._auth_failures = 0
        self._input = LineReader(max_line_octets=max(config.max_command_line_octets, config.max_auth_line_octets))
        self._out = bytearray()
        self._events: list[ServerEvent] = []
        self._question: Question | None = None
        self._asked: MailFrom | RcptTo | AuthAttempt | None = None
        self._auth: AuthDialogue | None = None
        self._content: ContentReader | None = None
        self._awaits_tls = False
        self._is_closed = False
        self._mail: MailFrom | None = None
        self._recipients: list[EnvelopeRecipient] = []
        self._verb = ""
        self._refused: list[Refused] = []

    # What the edge may ask

    @property
    def state(self) -> ServerState:
        """What is awaited from the peer."""
        if self._is_closed:
            return ServerState.CLOSED
        if self._awaits_tls:
            return ServerState.TLS
        if self._content is not None:
            return ServerState.CONTENT
        if self._auth is not None:
            return ServerState.AUTH
        if self._mail is not None:
            return ServerState.TRANSACTION
        return ServerState.READY if self.helo else ServerState.HELLO

    @property
    def is_waiting(self) -> bool:
        """The edge owes an answer: it should stop reading until it has given it."""
        return self._question is not None

    @property
    def held_bytes(self) -> int:
        """Memory taken by input that is not yet handed out."""
        return self._input.held_bytes + (self._content.held_bytes if self._content else 0)

    def take_refused(self) -> list[Refused]:
        """What the session refused by itself since this was asked last; of very many the first."""
        refused, self._refused = self._refused, []
        return refused

    # What the edge tells

    def start(self) -> list[ServerEvent]:
        """Greet. Once, when the connection (for implicit TLS: the handshake) stands."""
        self._say(make_reply(220, None, f"{self.config.hostname} {self.config.greeting}"))
        return self._advance()

    def feed(self, data: bytes) -> list[ServerEvent]:
        """Take bytes of the peer, in pieces of any size."""
        if self._is_closed or self._awaits_tls:
            return []
        self._input.feed(data)
        if self._question is not None:
            if self._input.held_bytes > self.config.max_pipelined_bytes:
                self._end(replies.TOO_MUCH_PIPELINED)
                return self._advance()
            return []
        return self._advance()

    def reply(self, reply: SmtpReply) -> list[ServerEvent]:
        """Answer MailFrom, RcptTo or MessageReceived. A 421 also ends the session."""
        if self._is_closed:
            return []
        question, self._question = self._question, None
        if question is None or question is Question.AUTH:
            raise SmtpStateError("there is nothing that a reply would answer")
        if question is Question.MESSAGE:
            self._messages += 1
            self.accepted_messages += reply.is_positive
            self._forget_transaction()
        elif reply.is_positive:
            self._take_asked()
        self._asked = None
        self._say(reply)
        return self._advance()

    def accept_auth(self, reply: SmtpReply = replies.AUTHENTICATED) -> list[ServerEvent]:
        """The credentials of AuthAttempt are right."""
        if self._is_closed:
            return []
        asked = self._take_auth_question()
        self.username = asked.username
        self._say(reply)
        return self._advance()

    def reject_auth(self, reply: SmtpReply = replies.AUTH_FAILED) -> list[ServerEvent]:
        """The credentials of AuthAttempt are wrong (5yz), or cannot be checked now (4yz)."""
        if self._is_closed:
            return []
        self._take_auth_question()
        self._auth_refused(reply)
        return self._advance()

    def tls_started(self) -> list[ServerEvent]:
        """The handshake after StartTls is done: everything known of the peer is forgotten."""
        if self._is_closed:
            return []
        if not self._awaits_tls:
            raise SmtpStateError("no STARTTLS was answered")
        self._awaits_tls = False
        self.tls_active = True
        self.helo, self.is_esmtp, self.username = "", False, None
        self._forget_transaction()
        self._auth = None
        self._input.clear()
        return []

    def close(self, reply: SmtpReply = replies.SHUTTING_DOWN) -> list[ServerEvent]:
        """End the session from our side, saying why (TIMED_OUT, SHUTTING_DOWN, FAULT)."""
        if self._is_closed:
            return []
        if self._awaits_tls:
            self._out.clear()
            self._is_closed = True
            return [Close()]
        self._end(reply)
        return self._advance()

    # Reading

    def _advance(self) -> list[ServerEvent]:
        """Parse until input is used up or the edge is asked; replies go out in one piece."""
        while self._question is None and not self._is_closed and not self._awaits_tls:
            if not (self._take_content() if self._content is not None else self._take_line()):
                break
        if self._is_closed or self._awaits_tls:
            self._input.clear()
        else:
            self._input.compact()
        # Held while the edge is asked: what it answers then goes out in the same segment (RFC 2920).
        events, self._events = self._events, []
        if self._out and self._question is None:
            events.insert(0, Send(bytes(self._out)))
            self._out.clear()
        if self._is_closed:
            events.append(Close())
        return events

    def _take_content(self) -> bool:
        content = self._content
        if content is None or not self._input.held_bytes:
            return False
        # What came behind DATA before 354 was given is content too: its end is as strict.
        data = self._input.take_rest()
        used = content.feed(data)
        if used is None:
            return False
        if used < len(data):
            self._input.feed(data[used:])
        self._content = None
        self._finish_content(content.finish())
        return True

    def _finish_content(self, content: bytes | ContentFault) -> None:
        mail = self._mail
        if mail is None:
            raise SmtpStateError("content without a transaction")
        if isinstance(content, ContentFault):
            self._refuse(CONTENT_REFUSALS[content])
            self._forget_transaction()
            self._messages += 1
            return
        envelope = SmtpEnvelope(mail_from=mail.address, params=mail.params, recipients=tuple(self._recipients))
        self._question = Question.MESSAGE
        self._events.append(MessageReceived(envelope=envelope, content=content))

    def _take_line(self) -> bool:
        line = self._input.next_line()
        if line is None:
            return False
        self._verb = ""
        if line is LineFault.TOO_LONG:
            self._line_too_long()
        elif line is LineFault.BARE_LINE_FEED:
            # A peer that never writes CRLF would wait for ever, and one that hides a
            # command behind a bare LF is not worth talking to.
            self._refuse(replies.BARE_LINE_END)
            self._is_closed = True
        else:
            self._execute(line)
        return True

    def _line_too_long(self) -> None:
        was_auth, self._auth = self._auth is not None, None
        self._refuse(replies.AUTH_LINE_TOO_LONG if was_auth else replies.LINE_TOO_LONG)

    def _execute(self, line: bytes) -> None:
        if len(line) + 2 > self.config.max_command_line_octets and not self._may_be_long(line):
            self._line_too_long()
        elif b"\r" in line:
            self._auth = None
            self._refuse(replies.BARE_LINE_END)
        elif b"\0" in line:
            self._auth = None
            self._refuse(replies.NUL_IN_COMMAND)
        else:
            self._dispatch(line)

    def _may_be_long(self, line: bytes) -> bool:
        is_auth = self._auth is not None or line[:5].upper() == b"AUTH "
        return is_auth and len(line) + 2 <= self.config.max_auth_line_octets

    def _dispatch(self, line: bytes) -> None:
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError:
            self._auth = None
            self._refuse(replies.BAD_ENCODING)
            return
        if self._auth is not None:
            self._auth_step(self._auth.answer(text))
            return
        verb, _, argument = text.rstrip(" \t").partition(" ")
        verb = verb.upper()
        command = _COMMANDS.get(verb)
        if command is not None:
            self._verb = verb
            command(self, argument)
        else:
            refusal = refuse_verb(verb)
            self._refuse(refusal)
            self._is_closed |= refusal is replies.NOT_SMTP

    # Saying

    def _say(self, reply: SmtpReply) -> None:
        self._out += reply.render(allow_utf8=self._mail is not None and self._mail.params.is_smtputf8)
        self._is_closed |= reply.code == 421

    def _refuse(self, reply: SmtpReply) -> None:
        """Refuse what the peer should have known; too often, and it is sent away."""
        self._say(reply)
        self._note(reply)
        self._errors += 1
        if self._errors >= self.config.max_errors:
            self._end(replies.TOO_MANY_ERRORS)

    def _note(self, reply: SmtpReply) -> None:
        if len(self._refused) < self.config.max_errors:
            mail_from = self._mail.address if self._mail is not None else None
            so_far = len(self._recipients)
            self._refused.append(Refused(reply=reply, verb=self._verb, mail_from=mail_from, recipients=so_far))

    def _end(self, reply: SmtpReply) -> None:
        self._say(reply)
        self._question = self._asked = None
        self._is_closed = True

    # Greeting commands

    def _ehlo(self, argument: str) -> None:
        if self._hello(argument):
            self.is_esmtp = True
            self._say(make_reply(250, None, self.config.hostname, *self.config.offers(tls_active=self.tls_active)))

    def _helo(self, argument: str) -> None:
        if self._hello(argument):
            self.is_esmtp = False
            self._say(make_reply(250, None, self.config.hostname))

    def _hello(self, argument: str) -> bool:
        if not is_hello_name(argument.strip()):
            self._refuse(replies.HELO_NEEDS_NAME)
            return False
        self._forget_transaction()
        self.helo = argument.strip()
        return True

    def _starttls(self, argument: str) -> None:
        if argument:
            self._refuse(replies.SYNTAX_ERROR)
        elif not self.helo:
            self._refuse(replies.HELLO_FIRST)
        elif self.tls_active or self._mail is not None:
            self._refuse(replies.BAD_SEQUENCE)
        elif not self.config.offers_starttls:
            self._refuse(replies.NOT_IMPLEMENTED)
        else:
            self._say(replies.READY_FOR_TLS)
            self._awaits_tls = True
            # Whatever the peer, or somebody between, sent behind STARTTLS in plain text is
            # dropped with the buffer (CVE-2011-0411).
            self._events.append(StartTls())

    # AUTH

    def _auth_command(self, argument: str) -> None:
        if not self.config.offers_auth:
            self._refuse(replies.NOT_IMPLEMENTED)
        elif not self.is_esmtp:
            self._refuse(replies.HELLO_FIRST)
        elif self.username is not None:
            self._refuse(replies.ALREADY_AUTHENTICATED)
        elif self._mail is not None:
            self._refuse(replies.BAD_SEQUENCE)
        elif not self.config.allows_auth(tls_active=self.tls_active):
            self._refuse(replies.AUTH_NEEDS_TLS)
        else:
            self._auth, step = begin_auth(argument, self.config.auth_mechanisms)
            self._auth_step(step)

    def _auth_step(self, step: AuthStep) -> None:
        if isinstance(step, AuthAttempt):
            self._auth = None
            self._ask(Question.AUTH, step)
        elif step.code == 334:
            self._say(step)
        else:
            self._auth = None
            (self._auth_refused if step is replies.AUTH_FAILED else self._refuse)(step)

    def _take_auth_question(self) -> AuthAttempt:
        asked = self._asked
        if self._question is not Question.AUTH or not isinstance(asked, AuthAttempt):
            raise SmtpStateError("no AUTH was asked")
        self._question = None
        self._asked = None
        return asked

    def _auth_refused(self, reply: SmtpReply) -> None:
        self._say(reply)
        self._auth_failures += reply.is_permanent
        if self._auth_failures >= self.config.max_auth_failures and not self._is_closed:
            self._end(replies.TOO_MANY_ERRORS)

    # Transactions

    def _mail_command(self, argument: str) -> None:
        refusal = self._why_no_mail(argument)
        if refusal is not None:
            self._refuse(refusal)
            return
        if self._messages >= self.config.max_messages:
            self._end(replies.TOO_MANY_MESSAGES)
            return
        try:
            address, params = parse_mail(argument[5:], self.config.sender_policy, self.config.max_size_bytes)
        except ArgumentRefused as refused:
            self._refuse(refused.reply)
            return
        self._ask(Question.MAIL, MailFrom(address=address.spec if address else "", parsed=address, params=params))

    def _why_no_mail(self, argument: str) -> SmtpReply | None:
        if argument[:5].upper() != "FROM:":
            return replies.BAD_SENDER_SYNTAX
        if not self.helo:
            return replies.HELLO_FIRST
        if self._mail is not None:
            return replies.ALREADY_IN_TRANSACTION
        if self.is_trusted:
            return None
        return who_may_not_send(self.config, tls_active=self.tls_active, username=self.username)

    def _rcpt_command(self, argument: str) -> None:
        mail = self._mail
        if argument[:3].upper() != "TO:":
            self._refuse(replies.BAD_RECIPIENT_SYNTAX)
            return
        if mail is None:
            self._refuse(replies.MAIL_FIRST)
            return
        if len(self._recipients) >= self.config.max_recipients:
            self._say(replies.TOO_MANY_RECIPIENTS)
            self._note(replies.TOO_MANY_RECIPIENTS)
            return
        try:
            address, params = parse_rcpt(
                argument[3:], self.config.recipient_policy, is_smtputf8=mail.params.is_smtputf8
            )
        except ArgumentRefused as refused:
            self._refuse(refused.reply)
            return
        self._ask(Question.RCPT, RcptTo(address=address.spec, parsed=address, params=params))

    def _ask(self, question: Question, asked: MailFrom | RcptTo | AuthAttempt) -> None:
        self._question = question
        self._asked = asked
        self._events.append(asked)

    def _take_asked(self) -> None:
        """The edge said yes to what it was asked."""
        match self._asked:
            case MailFrom():
                self._mail = self._asked
            case RcptTo(address=address, parsed=parsed, params=params):
                self._recipients.append(EnvelopeRecipient(address=address, parsed=parsed, params=params))
            case AuthAttempt() | None:
                raise SmtpStateError("there is nothing to accept")
            case _:
                assert_never(self._asked)

    def _data(self, argument: str) -> None:
        if argument:
            self._refuse(replies.SYNTAX_ERROR)
        elif self._mail is None:
            self._refuse(replies.MAIL_FIRST)
        elif not self._recipients:
            self._refuse(replies.NO_VALID_RECIPIENTS)
        else:
            self._say(replies.GO_AHEAD)
            self._content = ContentReader(
                max_size_bytes=self.config.max_size_bytes, max_line_octets=self.config.max_line_octets
            )

    def _forget_transaction(self) -> None:
        self._mail = None
        self._recipients = []

    # Small commands

    def _rset(self, argument: str) -> None:
        self._forget_transaction()
        self._say(replies.OK)

    def _noop(self, argument: str) -> None:
        self._say(replies.OK)

    def _quit(self, argument: str) -> None:
        self._say(replies.BYE)
        self._is_closed = True

    def _vrfy(self, argument: str) -> None:
        self._say(replies.CANNOT_VERIFY) if argument else self._refuse(replies.SYNTAX_ERROR)

    def _help(self, argument: str) -> None:
        self._say(replies.HELP_TEXT)


_COMMANDS: dict[str, Callable[[ServerSession, str], None]] = {
    "AUTH": ServerSession._auth_command, "DATA": ServerSession._data, "EHLO": ServerSession._ehlo,
    "HELO": ServerSession._helo, "HELP": ServerSession._help, "MAIL": ServerSession._mail_command,
    "NOOP": ServerSession._noop, "QUIT": ServerSession._quit, "RCPT": ServerSession._rcpt_command,
    "RSET": ServerSession._rset, "STARTTLS": ServerSession._starttls, "VRFY": ServerSession._vrfy,
}
