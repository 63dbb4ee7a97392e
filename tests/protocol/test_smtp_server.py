"""The server machine, driven byte by byte by a small edge that answers every question."""

import base64
from dataclasses import dataclass, field, replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relayhub.protocol import reply as replies
from relayhub.protocol.reply import SmtpReply
from relayhub.protocol.smtp_server import ServerSession
from relayhub.protocol.smtp_server_events import (
    AuthAttempt,
    MailFrom,
    MessageReceived,
    RcptTo,
    ServerConfig,
    ServerEvent,
    ServerRole,
    ServerState,
)
from relayhub.protocol.smtp_wire import BodyKind, Close, DsnNotify, DsnReturn, Send, SmtpStateError, StartTls

CONFIG = ServerConfig(hostname="relay.example")
MX = ServerConfig(hostname="mx.example", role=ServerRole.MX)
SECRET = base64.b64encode(b"\0user\0right").decode()


@dataclass
class Edge:
    """Answers at once: yes to all, but no to wrong passwords and recipients named `no`."""

    session: ServerSession
    out: bytes = b""
    messages: list[MessageReceived] = field(default_factory=list)
    events: list[ServerEvent] = field(default_factory=list)
    is_closed: bool = False

    def obey(self, events: list[ServerEvent]) -> None:
        queue = list(events)
        while queue:
            event = queue.pop(0)
            self.events.append(event)
            queue += self.answer(event)

    def answer(self, event: ServerEvent) -> list[ServerEvent]:
        session = self.session
        match event:
            case Send(data=data):
                self.out += data
            case Close():
                self.is_closed = True
            case StartTls():
                return session.tls_started()
            case AuthAttempt(password=password):
                return session.accept_auth() if password == "right" else session.reject_auth()
            case MailFrom():
                return session.reply(replies.SENDER_OK)
            case RcptTo(parsed=parsed):
                is_unknown = parsed.local == "no"
                return session.reply(replies.NO_SUCH_MAILBOX if is_unknown else replies.RECIPIENT_OK)
            case MessageReceived():
                self.messages.append(event)
                return session.reply(replies.queued_as("msg_1"))
        return []

    def say(self, *chunks: bytes) -> bytes:
        """Feed; give what was sent back."""
        before = len(self.out)
        for chunk in chunks:
            self.obey(self.session.feed(chunk))
        return self.out[before:]


def edge(config: ServerConfig = MX, *, tls_active: bool = False, is_trusted: bool = False) -> Edge:
    made = Edge(ServerSession(config, tls_active=tls_active, is_trusted=is_trusted))
    made.obey(made.session.start())
    return made


def in_data(config: ServerConfig = MX) -> Edge:
    made = edge(config)
    made.say(b"EHLO c.example\r\nMAIL FROM:<a@b.c>\r\nRCPT TO:<x@y.z>\r\nDATA\r\n")
    assert made.session.state is ServerState.CONTENT
    return made


def codes(octets: bytes) -> list[int]:
    return [int(line[:3]) for line in octets.splitlines() if line[3:4] == b" "]


DIALOGUE = (
    b"EHLO c.example\r\nAUTH PLAIN\r\n" + SECRET.encode() + b"\r\n"
    b"MAIL FROM:<> BODY=8BITMIME RET=HDRS ENVID=a+2Bb SIZE=10\r\n"
    b"RCPT TO:<x@y.z> NOTIFY=SUCCESS,DELAY ORCPT=rfc822;x@y.z\r\nRCPT TO:<no@y.z>\r\nDATA\r\n"
    b"Subject: x\r\n\r\n..dot\r\n.x\r\n...\r\n\r\n.\r\n"
    b"NOOP\r\nRSET\r\nVRFY x\r\nFOO\r\nQUIT\r\n"
)


def test_one_dialogue_whole() -> None:
    made = edge(CONFIG, tls_active=True)

    made.say(DIALOGUE)

    assert codes(made.out) == [220, 250, 334, 235, 250, 250, 550, 354, 250, 250, 250, 252, 500, 221]
    assert made.is_closed
    (message,) = made.messages
    assert message.content == b"Subject: x\r\n\r\n.dot\r\nx\r\n..\r\n\r\n"
    assert message.envelope.mail_from == ""
    assert message.envelope.params.body is BodyKind.EIGHT_BIT
    assert message.envelope.params.dsn_return is DsnReturn.HEADERS
    assert message.envelope.params.envelope_id == "a+b"
    (recipient,) = message.envelope.recipients
    assert recipient.address == "x@y.z"
    assert recipient.params.notify == {DsnNotify.SUCCESS, DsnNotify.DELAY}
    assert recipient.params.original_recipient == "rfc822;x@y.z"


def test_the_cut_of_the_bytes_changes_nothing() -> None:
    whole = edge(CONFIG, tls_active=True)
    whole.say(DIALOGUE)

    for cut in range(len(DIALOGUE)):
        made = edge(CONFIG, tls_active=True)
        made.say(DIALOGUE[:cut], DIALOGUE[cut:])
        assert made.out == whole.out
        assert made.messages == whole.messages
    single = edge(CONFIG, tls_active=True)
    single.say(*(bytes([octet]) for octet in DIALOGUE))
    assert (single.out, single.messages) == (whole.out, whole.messages)


def test_ehlo_offers_what_stands_now() -> None:
    made = edge(CONFIG)

    plain = made.say(b"EHLO c\r\n")
    made.say(b"STARTTLS\r\n")
    under_tls = made.say(b"EHLO c\r\n")

    assert b"STARTTLS" in plain
    assert b"AUTH" not in plain
    assert b"STARTTLS" not in under_tls
    assert b"250-AUTH PLAIN LOGIN\r\n" in under_tls
    for keyword in (
        b"PIPELINING",
        b"SIZE 26214400",
        b"8BITMIME",
        b"SMTPUTF8",
        b"ENHANCEDSTATUSCODES",
        b"DSN",
    ):
        assert keyword in plain


def test_starttls_forgets_all_and_drops_plain_text_behind_it() -> None:
    made = edge(CONFIG)

    said = made.say(b"EHLO c\r\nSTARTTLS\r\nEHLO evil\r\nRSET\r\n")

    assert codes(said) == [250, 220]
    assert made.session.tls_active
    assert made.session.helo == ""
    assert codes(made.say(b"MAIL FROM:<a@b.c>\r\n")) == [503]


def test_submission_needs_tls_then_auth() -> None:
    made = edge(CONFIG)

    assert codes(made.say(b"EHLO c\r\nMAIL FROM:<a@b.c>\r\nAUTH PLAIN x\r\nSTARTTLS\r\n")) == [
        250,
        530,
        538,
        220,
    ]
    assert codes(made.say(b"EHLO c\r\nMAIL FROM:<a@b.c>\r\n")) == [250, 530]
    assert codes(made.say(f"AUTH PLAIN {SECRET}\r\nMAIL FROM:<a@b.c>\r\n".encode())) == [235, 250]
    assert made.session.username == "user"


def test_a_trusted_peer_needs_neither() -> None:
    assert codes(edge(CONFIG, is_trusted=True).say(b"HELO c\r\nMAIL FROM:<a@b.c>\r\n")) == [250, 250]


@pytest.mark.parametrize(
    ("lines", "answers"),
    [
        (["AUTH LOGIN", "dXNlcg==", "cmlnaHQ="], [334, 334, 235]),
        (["AUTH LOGIN dXNlcg==", "cmlnaHQ="], [334, 235]),
        (["AUTH LOGIN", "dXNlcg==", "d3Jvbmc="], [334, 334, 535]),
        (["AUTH LOGIN", "*"], [334, 501]),
        (["AUTH PLAIN", "*", "NOOP"], [334, 501, 250]),
        (["AUTH PLAIN ="], [501]),
        (["AUTH PLAIN !!!"], [501]),
        (["AUTH PLAIN " + base64.b64encode(b"other\0user\0right").decode()], [535]),
        (["AUTH PLAIN " + base64.b64encode(b"\0user\0ri\0ght").decode()], [501]),
        (["AUTH CRAM-MD5"], [504]),
        (["AUTH"], [501]),
        ([f"AUTH PLAIN {SECRET}", f"AUTH PLAIN {SECRET}"], [235, 503]),
        (["AUTH PLAIN", "x" * 12300], [334, 500]),
    ],
)
def test_auth_exchanges(lines: list[str], answers: list[int]) -> None:
    made = edge(CONFIG, tls_active=True)
    made.say(b"EHLO c\r\n")

    assert codes(made.say("\r\n".join([*lines, ""]).encode())) == answers


def test_three_wrong_passwords_end_the_session() -> None:
    made = edge(CONFIG, tls_active=True)
    wrong = base64.b64encode(b"\0user\0wrong")

    said = made.say(b"EHLO c\r\n" + (b"AUTH PLAIN " + wrong + b"\r\n") * 4)

    assert codes(said) == [250, 535, 535, 535, 421]
    assert made.is_closed


def test_a_password_is_not_in_the_representation() -> None:
    made = edge(CONFIG, tls_active=True)
    made.say(f"EHLO c\r\nAUTH PLAIN {SECRET}\r\n".encode())

    assert "right" not in repr(made.events)


@pytest.mark.parametrize(
    "fake_end",
    [b"\n.\n", b"\r.\r", b"\n.\r\n", b"\r\n.\n", b"\r\n.\r", b"\r.\r\n", b"\r\n\0.\r\n", b"\r\r\n.\r\n\n"],
)
def test_only_one_end_ends_a_message(fake_end: bytes) -> None:
    smuggled = b"MAIL FROM:<evil@b.c>\r\nRCPT TO:<v@y.z>\r\nDATA\r\nevil\r\n.\r\n"

    made = in_data(replace(MX, max_errors=100))
    said = made.say(b"Subject: x\r\n\r\nbody" + fake_end + smuggled)

    assert codes(said)[0] == 550  # the content with the bare line end, whole
    assert made.messages == []


@pytest.mark.parametrize(
    ("content", "answer"),
    [
        (b"a\nb\r\n", 550),
        (b"a\rb\r\n", 550),
        (b"a\rb\nc\r\n", 550),
        (b"a\n\rb\r\n", 550),
        (b"a\0b\r\n", 550),
        (b"x" * 998 + b"\r\n", 250),
        (b"x" * 999 + b"\r\n", 550),
        (b"a\r\n" + b"x" * 999 + b"\r\n", 550),
        (b"." + b"x" * 998 + b"\r\n", 250),  # the stuffed dot does not count
        (b"x" * 5_000_000 + b"\r\n", 550),
        (b"", 250),
        (b"\r\n", 250),
        ("grüße\r\n".encode(), 250),
    ],
)
def test_contents_taken_and_refused(content: bytes, answer: int) -> None:
    made = in_data()

    assert codes(made.say(content + b".\r\n" + b"NOOP\r\n")) == [answer, 250]
    assert made.session.state is ServerState.READY


def test_too_big_is_refused_at_mail_and_after_data_in_bounded_memory() -> None:
    small = replace(MX, max_size_bytes=10_000)
    made = edge(small)
    assert codes(made.say(b"EHLO c\r\nMAIL FROM:<a@b.c> SIZE=10001\r\n")) == [250, 552]

    made = in_data(small)
    for _ in range(1000):
        made.say(b"y" * 70 + b"\r\n")
        assert made.session.held_bytes < 20_000

    assert made.say(b".\r\nNOOP\r\n") == b"552 5.3.4 Message is too big\r\n250 2.0.0 Ok\r\n"


def test_the_size_limit_is_exact() -> None:
    small = replace(MX, max_size_bytes=12)

    assert codes(in_data(small).say(b"..........\r\n..\r\n"[-12:] + b".\r\n")) == [250]
    assert codes(in_data(small).say(b"0123456789\r\n.\r\n")) == [250]
    assert codes(in_data(small).say(b"01234567890\r\n.\r\n")) == [552]


def test_recipients_past_the_limit_leave_the_others_unharmed() -> None:
    made = edge(MX)
    rcpts = b"".join(b"RCPT TO:<u%d@y.z>\r\n" % number for number in range(2000))

    said = made.say(b"EHLO c\r\nMAIL FROM:<a@b.c>\r\n" + rcpts + b"DATA\r\n", b"x\r\n.\r\n")

    assert codes(said) == [250, 250, *[250] * 1000, *[452] * 1000, 354, 250]
    assert b"452 4.5.3" in said
    assert len(made.messages[0].envelope.recipients) == 1000
    # For the log the first of very many are enough.
    refused = made.session.take_refused()
    assert {(one.reply, one.verb, one.mail_from, one.recipients) for one in refused} == {
        (replies.TOO_MANY_RECIPIENTS, "RCPT", "a@b.c", 1000)
    }
    assert len(refused) == MX.max_errors
    assert made.session.take_refused() == []


def test_a_refused_content_is_noted_with_its_envelope() -> None:
    made = in_data(MX)

    made.say(b"x" * 999 + b"\r\n.\r\n")

    (refused,) = made.session.take_refused()
    assert (refused.reply, refused.verb, refused.recipients) == (replies.CONTENT_LINE_TOO_LONG, "DATA", 1)


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (b"MAIL FROM:<a@b.c>", 250),
        (b"mail from:<a@b.c>", 250),
        (b"MAIL FROM: <a@b.c>", 250),
        (b"MAIL FROM:<>", 250),
        (b"MAIL FROM:<@r.x,@s.x:a@b.c>", 250),
        (b'MAIL FROM:<"a b>"@b.c>', 250),
        (b"MAIL FROM:<a@[192.0.2.1]>", 250),
        ("MAIL FROM:<ü@b.c> SMTPUTF8".encode(), 250),
        ("MAIL FROM:<ü@b.c>".encode(), 553),
        (b"MAIL FROM:<\xff@b.c>", 501),
        (b"MAIL FROM:a@b.c", 501),
        (b"MAIL FROM:<a@b.c", 501),
        (b"MAIL FROM:<a@b.c>x", 501),
        (b"MAIL FROM:<a b@b.c>", 501),
        (b"MAIL FROM:<a>", 501),
        (b"MAIL TO:<a@b.c>", 501),
        (b"MAIL", 501),
        (b"MAIL FROM:<a@b.c> FOO=1", 555),
        (b"MAIL FROM:<a@b.c> SIZE=x", 501),
        (b"MAIL FROM:<a@b.c> SIZE=1 SIZE=2", 501),
        (b"MAIL FROM:<a@b.c> BODY=9BIT", 501),
        (b"MAIL FROM:<a@b.c> RET=SOME", 501),
        (b"MAIL FROM:<a@b.c> ENVID=a+0D+0A", 501),
        (b"MAIL FROM:<a@b.c> SMTPUTF8=1", 501),
        (b"MAIL FROM:<a@b.c>\rRCPT TO:<x@y.z>", 500),
        (b"MAIL FROM:<a\0@b.c>", 500),
        (b"MAIL FROM:<" + b"a" * 3000 + b"@b.c>", 500),
        (b"NOOP " + b"x" * 5_000_000, 500),
        (b"EHLO", 501),
        (b"EHLO a\tb", 501),
        (b"RCPT TO:<x@y.z>", 503),
        (b"DATA", 503),
        (b"BDAT 10", 502),
        (b"EXPN x", 502),
        (b"AUTH PLAIN", 502),
        (b"HELP", 214),
        (b"", 500),
        (b"\x16\x03\x01", 500),
    ],
)  # fmt: skip
def test_single_commands(line: bytes, answer: int) -> None:
    made = edge(MX)
    made.say(b"EHLO c\r\n")

    assert codes(made.say(line + b"\r\nNOOP\r\n")) == [answer, 250]


@pytest.mark.parametrize(
    ("line", "answer"),
    [
        (b"RCPT TO:<x@y.z>", 250),
        (b"RCPT TO:<Postmaster>", 250),
        (b"RCPT TO:<x@[192.0.2.1]>", 550),
        (b"RCPT TO:<x@y.invalid>", 550),
        (b"RCPT TO:<>", 501),
        (b"RCPT TO:<x@y.z> NOTIFY=NEVER,DELAY", 501),
        (b"RCPT TO:<x@y.z> NOTIFY=", 501),
        (b"RCPT TO:<x@y.z> ORCPT=x@y.z", 501),
        (b"RCPT TO:<x@y.z> SIZE=1", 555),
        ("RCPT TO:<ü@y.z>".encode(), 553),
        (b"MAIL FROM:<a@b.c>", 503),
        (b"DATA", 554),
        (b"STARTTLS", 503),
    ],
)
def test_commands_in_a_transaction(line: bytes, answer: int) -> None:
    made = edge(MX)
    made.say(b"EHLO c\r\nMAIL FROM:<a@b.c>\r\n")

    assert codes(made.say(line + b"\r\n")) == [answer]


@pytest.mark.parametrize(
    "line", [b"NOOP\n", b"MAIL FROM:<a@b.c>\nRCPT TO:<x@y.z>\r\n", b"\n", b"GET / HTTP/1.1\r\n"]
)
def test_a_bare_line_feed_or_another_protocol_ends_the_session(line: bytes) -> None:
    made = edge(MX)
    made.say(b"EHLO c\r\n")

    assert codes(made.say(line + b"NOOP\r\n")) == [500]
    assert made.is_closed
    assert made.session.feed(b"NOOP\r\n") == []


def test_too_many_errors_and_too_many_messages_end_the_session() -> None:
    made = edge(replace(MX, max_errors=3))
    assert codes(made.say(b"FOO\r\n" * 5)) == [500, 500, 500, 421]

    made = edge(replace(MX, max_messages=1))
    mail = b"MAIL FROM:<a@b.c>\r\nRCPT TO:<x@y.z>\r\nDATA\r\n"
    assert codes(made.say(b"EHLO c\r\n" + mail, b"x\r\n.\r\n" + mail)) == [250, 250, 250, 354, 250, 421]
    assert made.is_closed


def test_input_is_held_while_an_answer_is_due_but_not_without_end() -> None:
    session = ServerSession(replace(MX, max_pipelined_bytes=1000))
    session.start()

    assert session.feed(b"EHLO c\r\nMAIL FROM:<a@b.c>\r\nNOOP\r\n")[-1].__class__ is MailFrom
    assert session.is_waiting
    assert session.feed(b"x" * 900) == []
    events = session.feed(b"x" * 900)

    assert isinstance(events[0], Send)
    assert events[0].data.endswith(replies.TOO_MUCH_PIPELINED.render())
    assert events[1:] == [Close()]
    assert session.reply(replies.SENDER_OK) == []  # too late, and harmless


@pytest.mark.parametrize("answer", [replies.FAULT_OURS, replies.POLICY_REFUSED, replies.SHUTTING_DOWN])
def test_a_message_the_edge_refuses_is_over(answer: SmtpReply) -> None:
    session = ServerSession(MX)
    session.start()
    session.feed(b"EHLO c\r\nMAIL FROM:<a@b.c>\r\n")
    session.reply(replies.SENDER_OK)
    session.feed(b"RCPT TO:<x@y.z>\r\n")
    session.reply(replies.RECIPIENT_OK)
    session.feed(b"DATA\r\n")
    assert isinstance(session.feed(b"x\r\n.\r\n")[0], MessageReceived)

    events = session.reply(answer)

    assert events[0] == Send(answer.render())
    assert session.state is (ServerState.CLOSED if answer.code == 421 else ServerState.READY)


def test_answers_without_a_question_are_faults_of_ours() -> None:
    session = ServerSession(MX)
    for call in (
        lambda: session.reply(replies.OK),
        session.accept_auth,
        session.reject_auth,
        session.tls_started,
    ):
        with pytest.raises(SmtpStateError):
            call()


def test_closing_from_our_side_says_why_once() -> None:
    made = edge(MX)
    made.obey(made.session.close(replies.TIMED_OUT))

    assert made.out.endswith(replies.TIMED_OUT.render())
    assert made.session.close() == []


FRAGMENTS = st.sampled_from(
    [b"EHLO c\r\n", b"MAIL FROM:<a@b.c>\r\n", b"RCPT TO:<x@y.z>\r\n", b"DATA\r\n", b".\r\n", b"\r\n", b"\n",
     b"\r", b"AUTH PLAIN ", SECRET.encode(), b"AUTH LOGIN\r\n", b"STARTTLS\r\n", b"RSET\r\n", b"x" * 600,
     b"\0", b"..", b"*\r\n"]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(FRAGMENTS, st.binary(max_size=60)), max_size=40), st.booleans())
def test_nothing_a_peer_sends_raises_or_grows(chunks: list[bytes], is_submission: bool) -> None:
    made = edge(
        replace(CONFIG if is_submission else MX, max_size_bytes=1000, max_errors=5), is_trusted=is_submission
    )
    for chunk in chunks:
        made.say(chunk)
        assert made.session.held_bytes < 20_000
    for message in made.messages:
        assert message.content.count(b"\r\n") == message.content.count(b"\n") == message.content.count(b"\r")
        assert message.envelope.recipients
