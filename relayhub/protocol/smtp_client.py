"""The client end of SMTP and LMTP as a state machine without I/O: bytes in, events out.

The edge feeds what it read, obeys the events in order, and says when the connection is
gone. Set-up ends in `Ready` or `SessionFailed`; each `start` ends in one
`TransactionDone` with an outcome for every recipient, whatever the peer does. The
machine must never send the final dot by itself: `ReadyForDot` waits for the edge's
`send_dot`, so that the intent is durable before the peer can take the message.

RFC 5321, 1870, 2033, 2920, 3207, 3461, 4616, 4954, 6152, 6531.
"""

import base64
from collections import deque

from relayhub.protocol import reply as replies
from relayhub.protocol.reply import Malformed, ReplyReader, SmtpReply
from relayhub.protocol.smtp_client_events import (
    PHASE_OF,
    ClientConfig,
    ClientEvent,
    ClientState,
    Expected,
    MailTransaction,
    OutcomeKind,
    PeerOffers,
    Ready,
    ReadyForDot,
    SendBody,
    SessionFailed,
    TlsPolicy,
    TransactionDone,
)
from relayhub.protocol.smtp_client_transaction import TransactionBook
from relayhub.protocol.smtp_client_transcript import Direction, Transcript, TranscriptLine
from relayhub.protocol.smtp_wire import AuthMechanism, Close, Send, SmtpPhase, SmtpStateError, StartTls

_REDACTED = "[redacted]"


class ClientSession:
    """One connection. Not thread-safe; every method returns the events it caused, in order."""

    def __init__(self, config: ClientConfig, *, tls_active: bool = False) -> None:
        self.config = config
        self.tls_active = tls_active
        self.offers = PeerOffers()
        self._state = ClientState.SETUP
        self._expected: deque[Expected] = deque((Expected.BANNER,))
        self._reader = ReplyReader()
        self._events: list[ClientEvent] = []
        self._book: TransactionBook | None = None
        self._transcript = Transcript(is_kept=config.keeps_transcript)

    # What the edge may ask

    @property
    def state(self) -> ClientState:
        """What the session is doing."""
        return self._state

    @property
    def phase(self) -> SmtpPhase:
        """What is awaited of the peer: the edge picks its time limit by it."""
        if self._state is ClientState.TLS:
            return SmtpPhase.STARTTLS
        if self._state in (ClientState.BODY, ClientState.DOT_READY):
            return SmtpPhase.BODY
        return PHASE_OF[self._expected[0]] if self._expected else SmtpPhase.MAIL

    def take_transcript(self) -> tuple[TranscriptLine, ...]:
        """The conversation since the last call; stamp it with the time it is taken."""
        return self._transcript.take()

    # What the edge tells

    def feed(self, data: bytes) -> list[ClientEvent]:
        """Take bytes of the peer, in pieces of any size."""
        if self._state in (ClientState.CLOSED, ClientState.TLS):
            return []
        found = self._reader.feed(data)
        for position, item in enumerate(found):
            self._transcript.add_reply(item)
            if isinstance(item, Malformed):
                self._break_off(item.why)
            else:
                self._take(item)
            if self.state is ClientState.TLS:
                self._guard_tls(has_more=position + 1 < len(found))
            if self.state in (ClientState.CLOSED, ClientState.TLS):
                break
        return self._take_events()

    def tls_established(self) -> list[ClientEvent]:
        """The handshake after StartTls is done: what the peer offered before is forgotten."""
        if self._state is ClientState.CLOSED:
            return []
        if self._state is not ClientState.TLS:
            raise SmtpStateError("no TLS handshake was asked for")
        self.tls_active = True
        self._transcript.add(Direction.NOTE, "TLS established")
        self._reader = ReplyReader()
        self._state = ClientState.SETUP
        self._hello()
        return self._take_events()

    def tls_failed(self, why: str) -> list[ClientEvent]:
        """The handshake failed: this connection is lost, another may go without TLS."""
        if self._state is ClientState.CLOSED:
            return []
        if self._state is not ClientState.TLS:
            raise SmtpStateError("no TLS handshake was asked for")
        self._fail(SmtpPhase.STARTTLS, None, why)
        return self._take_events()

    def start(self, transaction: MailTransaction) -> list[ClientEvent]:
        """Send MAIL, and with PIPELINING the RCPTs and DATA behind it."""
        if self._state is not ClientState.IDLE:
            raise SmtpStateError(f"no transaction can start while {self._state}")
        self._book = TransactionBook(transaction)
        refusal = self._why_not_here(transaction)
        if refusal is not None:
            self._book.decide_rest(SmtpPhase.MAIL, OutcomeKind.LOCAL, refusal)
            self._finish(is_reusable=True)
            return self._take_events()
        self._state = ClientState.TRANSACTION
        commands = [transaction.command(self.offers)]
        self._expected.append(Expected.MAIL)
        if self._pipelines:
            commands += (recipient.command(self.offers) for recipient in transaction.recipients)
            commands.append("DATA")
            self._expected.extend([Expected.RCPT] * len(transaction.recipients))
            self._expected.append(Expected.DATA)
        self._send_lines(commands)
        return self._take_events()

    def send_body(self, stuffed: bytes) -> list[ClientEvent]:
        """Answer SendBody with the content as `dot_stuff` made it. Nothing if the peer was quicker."""
        if self._state is ClientState.CLOSED:
            return []
        if self._state is not ClientState.BODY or self._book is None:
            raise SmtpStateError("the peer has not asked for content")
        if stuffed and not stuffed.endswith(b"\r\n"):
            raise ValueError("stuffed content ends with CRLF")
        self._transcript.add(Direction.SENT, f"[content, {len(stuffed)} octets]")
        self._state = ClientState.DOT_READY
        self._events += (Send(stuffed), ReadyForDot(recipients=self._book.accepted))
        return self._take_events()

    def send_dot(self) -> list[ClientEvent]:
        """Send the final dot: from here on the peer may have taken the message.

        Nothing if the session ended meanwhile: the dot was not sent, TransactionDone said so.
        """
        if self._state is ClientState.CLOSED:
            return []
        if self._state is not ClientState.DOT_READY or self._book is None:
            raise SmtpStateError("the content was not sent")
        self._state = ClientState.DOT_SENT
        self._book.dot_is_sent = True
        answers = len(self._book.accepted) if self.config.is_lmtp else 1
        self._expected.extend([Expected.DOT] * answers)
        self._send_lines(["."])
        return self._take_events()

    def abandon(self) -> list[ClientEvent]:
        """Give the transaction up before its dot. Only closing the connection can do that in DATA."""
        if self._state is ClientState.CLOSED:
            return []
        if self._book is not None and self._book.dot_is_sent:
            raise SmtpStateError("the dot was sent; wait for the answer")
        self._transcript.add(Direction.NOTE, "abandoned before the final dot")
        self._book = None
        self._close()
        return self._take_events()

    def quit(self) -> list[ClientEvent]:
        """Say QUIT when idle; else only close."""
        if self._state is ClientState.CLOSED:
            return []
        if self._state is not ClientState.IDLE:
            return self.connection_lost("closed by us")
        self._state = ClientState.QUITTING
        self._expected.append(Expected.QUIT)
        self._send_lines(["QUIT"])
        return self._take_events()

    def connection_lost(self, why: str = "connection lost") -> list[ClientEvent]:
        """The connection is gone, or a time limit passed: whoever is undecided is lost or unknown."""
        if self._state is ClientState.CLOSED:
            return []
        if self._state is ClientState.QUITTING:
            self._close()
        else:
            self._break_off(why)
        return self._take_events()

    # Taking replies

    def _take(self, reply: SmtpReply) -> None:
        if not self._expected:
            self._take_uncalled(reply)
            return
        phase = self.phase
        expected = self._expected.popleft()
        if self._state is ClientState.SETUP:
            self._take_in_setup(expected, reply)
        elif expected is Expected.QUIT:
            self._close()
        elif reply.code == 421 and expected is not Expected.DOT:
            self._end_with(phase, reply)
        else:
            self._take_in_transaction(expected, reply)

    def _take_in_setup(self, expected: Expected, reply: SmtpReply) -> None:
        match expected:
            case Expected.BANNER:
                if reply.code == 220:
                    self._hello()
                else:
                    self._fail(SmtpPhase.BANNER, reply)
            case Expected.EHLO:
                self._ehlo_answered(reply)
            case Expected.HELO:
                if reply.is_positive:
                    self._greeted(PeerOffers())
                else:
                    self._fail(SmtpPhase.EHLO, reply)
            case Expected.STARTTLS:
                self._starttls_answered(reply)
            case _:
                self._auth_answered(expected, reply)

    def _take_in_transaction(self, expected: Expected, reply: SmtpReply) -> None:
        book = self._open_book()
        match expected:
            case Expected.MAIL:
                self._mail_answered(book, reply)
            case Expected.RCPT:
                book.rcpt_answered(reply)
                if not self._pipelines:
                    self._say_next_rcpt(book)
            case Expected.DATA:
                self._data_answered(book, reply)
            case Expected.DOT:
                self._dot_answered(book, reply)
            case Expected.EMPTY_DOT:
                self._finish(is_reusable=True)
            case Expected.RSET:
                self._finish(is_reusable=reply.is_positive)
            case _:
                raise SmtpStateError(f"{expected} answered in a transaction")

    def _take_uncalled(self, reply: SmtpReply) -> None:
        """A reply that answers nothing: from here on replies and commands no longer match."""
        if self._book is not None and (reply.is_temporary or reply.is_permanent):
            self._end_with(self.phase, reply)
        elif self._book is None:
            self._fail(SmtpPhase.MAIL, reply, "the peer spoke without being asked")
        else:
            self._break_off("the peer answered before the content had ended")

    # Set-up

    def _hello(self) -> None:
        verb = "LHLO" if self.config.is_lmtp else "EHLO"
        self._expected.append(Expected.EHLO)
        self._send_lines([f"{verb} {self.config.ehlo_name}"])

    def _ehlo_answered(self, reply: SmtpReply) -> None:
        if reply.is_positive:
            self._greeted(PeerOffers.parse(reply))
        elif reply.is_permanent and self._may_fall_back():
            self._expected.append(Expected.HELO)
            self._send_lines([f"HELO {self.config.ehlo_name}"])
        else:
            self._fail(SmtpPhase.EHLO, reply)

    def _may_fall_back(self) -> bool:
        """HELO offers neither TLS nor AUTH, and LMTP has no such thing."""
        needs_tls = self.config.tls is TlsPolicy.REQUIRED and not self.tls_active
        return not (self.config.is_lmtp or self.config.username or needs_tls)

    def _greeted(self, offers: PeerOffers) -> None:
        self.offers = offers
        if self.tls_active or self.config.tls is TlsPolicy.NONE:
            self._authenticate()
        elif offers.starttls:
            self._expected.append(Expected.STARTTLS)
            self._send_lines(["STARTTLS"])
        elif self.config.tls is TlsPolicy.REQUIRED:
            self._fail(SmtpPhase.STARTTLS, None, "TLS is required and the peer does not offer it")
        else:
            self._authenticate()

    def _starttls_answered(self, reply: SmtpReply) -> None:
        if reply.code == 220:
            self._state = ClientState.TLS
            self._events.append(StartTls())
        elif reply.code == 421 or self.config.tls is TlsPolicy.REQUIRED:
            self._fail(SmtpPhase.STARTTLS, reply)
        else:
            self._authenticate()

    def _guard_tls(self, *, has_more: bool) -> None:
        """Plain text behind the 220 would be read as the peer's word under TLS (CVE-2011-0411)."""
        if has_more or self._reader.has_partial:
            self._events.clear()
            self._fail(SmtpPhase.STARTTLS, None, "plain text behind the answer to STARTTLS")

    def _authenticate(self) -> None:
        if not self.config.username:
            self._ready()
        elif not (self.tls_active or self.config.auth_allows_plaintext):
            self._fail(SmtpPhase.AUTH, None, "authentication needs TLS, which the peer does not give")
        elif AuthMechanism.PLAIN in self.offers.auth_mechanisms:
            secret = _base64(f"\0{self.config.username}\0{self.config.password}")
            self._expected.append(Expected.AUTH_PLAIN)
            self._send_secret(f"AUTH PLAIN {secret}", f"AUTH PLAIN {_REDACTED}")
        elif AuthMechanism.LOGIN in self.offers.auth_mechanisms:
            self._expected.append(Expected.AUTH_LOGIN)
            self._send_lines(["AUTH LOGIN"])
        else:
            self._fail(SmtpPhase.AUTH, None, "the peer offers neither AUTH PLAIN nor LOGIN")

    def _auth_answered(self, expected: Expected, reply: SmtpReply) -> None:
        if expected is Expected.AUTH_LOGIN and reply.code == 334:
            self._expected.append(Expected.AUTH_USERNAME)
            self._send_secret(_base64(self.config.username), _REDACTED)
        elif expected is Expected.AUTH_USERNAME and reply.code == 334:
            self._expected.append(Expected.AUTH_PASSWORD)
            self._send_secret(_base64(self.config.password), _REDACTED)
        elif expected in (Expected.AUTH_PLAIN, Expected.AUTH_PASSWORD) and reply.is_positive:
            self._ready()
        else:
            self._fail(SmtpPhase.AUTH, reply)

    def _ready(self) -> None:
        self._state = ClientState.IDLE
        self._events.append(Ready(offers=self.offers))

    # Transactions

    @property
    def _pipelines(self) -> bool:
        return self.config.uses_pipelining and self.offers.pipelining

    def _open_book(self) -> TransactionBook:
        if self._book is None:
            raise SmtpStateError("no transaction is open")
        return self._book

    def _why_not_here(self, transaction: MailTransaction) -> SmtpReply | None:
        """What the peer's offers rule out before a word is said."""
        if transaction.uses_smtputf8 and not self.offers.smtputf8:
            return replies.SMTPUTF8_NOT_OFFERED
        limit = self.offers.max_size_bytes
        return replies.MESSAGE_TOO_BIG if limit and transaction.size_bytes > limit else None

    def _mail_answered(self, book: TransactionBook, reply: SmtpReply) -> None:
        if reply.is_positive:
            book.mail_is_accepted = True
            if not self._pipelines:
                self._say_next_rcpt(book)
            return
        book.decide_rest(SmtpPhase.MAIL, OutcomeKind.ANSWERED, reply)
        if not self._pipelines:
            self._finish(is_reusable=True)

    def _say_next_rcpt(self, book: TransactionBook) -> None:
        """Without PIPELINING: the next RCPT, else DATA, else give up."""
        if book.has_next_rcpt:
            self._expected.append(Expected.RCPT)
            self._send_lines([book.transaction.recipients[book.next_rcpt].command(self.offers)])
        elif book.accepted:
            self._expected.append(Expected.DATA)
            self._send_lines(["DATA"])
        else:
            self._reset()

    def _data_answered(self, book: TransactionBook, reply: SmtpReply) -> None:
        if reply.code == 354:
            self._content_wanted(book)
        elif reply.is_positive or reply.is_intermediate:
            self._break_off(f"{reply.code} is no answer to DATA", SmtpPhase.DATA)
        else:
            book.decide_rest(SmtpPhase.DATA, OutcomeKind.ANSWERED, reply)
            if book.mail_is_accepted:
                self._reset()
            else:
                self._finish(is_reusable=True)

    def _content_wanted(self, book: TransactionBook) -> None:
        if book.accepted:
            self._state = ClientState.BODY
            self._events.append(SendBody(recipients=book.accepted))
        elif book.has_positive_rcpt:
            # MAIL was refused and yet a RCPT accepted: a lone dot might deliver an empty message.
            self._finish(is_reusable=False)
        else:
            # RFC 2920 §3.1: DATA went out with the RCPTs, all of them were refused, and still 354.
            self._expected.append(Expected.EMPTY_DOT)
            self._send_lines(["."])

    def _dot_answered(self, book: TransactionBook, reply: SmtpReply) -> None:
        if reply.is_intermediate:
            self._break_off(f"{reply.code} is no answer to the end of the content", SmtpPhase.DOT)
        elif book.dot_answered(reply, is_lmtp=self.config.is_lmtp):
            self._finish(is_reusable=reply.code != 421)

    def _reset(self) -> None:
        """MAIL stands but nothing came of it: without RSET the next MAIL would be out of order."""
        self._expected.append(Expected.RSET)
        self._send_lines(["RSET"])

    def _finish(self, *, is_reusable: bool) -> None:
        book, self._book = self._open_book(), None
        self._state = ClientState.IDLE
        self._events.append(TransactionDone(outcomes=book.outcomes(), is_reusable=is_reusable))
        if not is_reusable:
            self._close()

    # Ending

    def _end_with(self, phase: SmtpPhase, reply: SmtpReply) -> None:
        """The peer ends it with a reply: that is the answer for whoever is undecided."""
        if self._book is None:
            self._fail(phase, reply)
            return
        self._book.decide_rest(phase, OutcomeKind.ANSWERED, reply)
        self._finish(is_reusable=False)

    def _break_off(self, why: str, phase: SmtpPhase | None = None) -> None:
        """No sense can be made of the peer, or it is gone."""
        phase = phase or self.phase
        if self._book is None:
            self._fail(phase, None, why)
            return
        self._transcript.add(Direction.NOTE, why)
        self._book.lose_rest(phase, why)
        self._finish(is_reusable=False)

    def _fail(self, phase: SmtpPhase, reply: SmtpReply | None, why: str = "") -> None:
        if why:
            self._transcript.add(Direction.NOTE, why)
        self._events.append(SessionFailed(phase=phase, reply=reply, why=why))
        self._close()

    def _close(self) -> None:
        self._state = ClientState.CLOSED
        self._expected.clear()
        self._events.append(Close())

    # Sending

    def _send_lines(self, lines: list[str]) -> None:
        for line in lines:
            self._transcript.add(Direction.SENT, line)
        self._events.append(Send(("\r\n".join(lines) + "\r\n").encode("utf-8")))

    def _send_secret(self, line: str, shown: str) -> None:
        self._transcript.add(Direction.SENT, shown)
        self._events.append(Send(line.encode("ascii") + b"\r\n"))

    def _take_events(self) -> list[ClientEvent]:
        events, self._events = self._events, []
        return events


def _base64(text: str) -> str:
    return base64.b64encode(text.encode("utf-8")).decode("ascii")
