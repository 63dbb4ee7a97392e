"""The client machine against scripted peers: every reply at every step, cut at every byte."""

import base64
from dataclasses import dataclass, field

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from relayhub.protocol.smtp_client import ClientSession
from relayhub.protocol.smtp_client_events import (
    ClientConfig,
    ClientEvent,
    ClientState,
    MailTransaction,
    OutcomeKind,
    OutgoingRecipient,
    Ready,
    ReadyForDot,
    SendBody,
    SessionFailed,
    TlsPolicy,
    TransactionDone,
)
from relayhub.protocol.smtp_wire import (
    Close,
    DsnNotify,
    DsnReturn,
    RcptParams,
    Send,
    SmtpPhase,
    SmtpStateError,
    StartTls,
    dot_stuff,
)

PLAIN = ClientConfig(ehlo_name="me.example", tls=TlsPolicy.NONE)
EHLO = b"250-peer\r\n250-PIPELINING\r\n250-SIZE 1000000\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 DSN\r\n"
BARE_EHLO = b"250 peer\r\n"


@dataclass
class Edge:
    """Obeys the machine: sends bodies and dots at once, unless told to wait."""

    session: ClientSession
    sends_dot: bool = True
    out: bytes = b""
    events: list[ClientEvent] = field(default_factory=list)

    def obey(self, events: list[ClientEvent]) -> None:
        queue = list(events)
        while queue:
            event = queue.pop(0)
            self.events.append(event)
            match event:
                case Send(data=data):
                    self.out += data
                case StartTls():
                    queue += self.session.tls_established()
                case SendBody():
                    queue += self.session.send_body(dot_stuff(b"Subject: x\r\n\r\n.dot"))
                case ReadyForDot() if self.sends_dot:
                    queue += self.session.send_dot()

    def hear(self, *chunks: bytes) -> bytes:
        before = len(self.out)
        for chunk in chunks:
            self.obey(self.session.feed(chunk))
        return self.out[before:]

    @property
    def done(self) -> TransactionDone:
        (found,) = (event for event in self.events if isinstance(event, TransactionDone))
        return found

    @property
    def failed(self) -> SessionFailed:
        (found,) = (event for event in self.events if isinstance(event, SessionFailed))
        return found

    def verdicts(self) -> list[tuple[str, str, int | None]]:
        return [
            (outcome.phase.value, outcome.kind.value, outcome.reply.code if outcome.reply else None)
            for outcome in self.done.outcomes
        ]


def mail(*addresses: str, size_bytes: int = 100) -> MailTransaction:
    recipients = tuple(OutgoingRecipient(address=address) for address in addresses or ("x@y.z",))
    return MailTransaction(mail_from="a@b.c", recipients=recipients, size_bytes=size_bytes)


def started(
    *addresses: str, ehlo: bytes = EHLO, config: ClientConfig = PLAIN, sends_dot: bool = True
) -> Edge:
    made = Edge(ClientSession(config), sends_dot=sends_dot)
    made.hear(b"220 hi\r\n", ehlo)
    assert isinstance(made.events[-1], Ready)
    made.obey(made.session.start(mail(*addresses)))
    return made


def test_a_pipelined_transaction_whole() -> None:
    made = started("x@y.z", "no@y.z")
    assert made.out.endswith(b"MAIL FROM:<a@b.c> SIZE=100\r\nRCPT TO:<x@y.z>\r\nRCPT TO:<no@y.z>\r\nDATA\r\n")

    sent = made.hear(b"250 ok\r\n250 2.1.5 ok\r\n550 5.1.1 no\r\n354 go\r\n")
    made.hear(b"250 2.0.0 taken\r\n")

    assert sent == b"Subject: x\r\n\r\n..dot\r\n.\r\n"
    assert made.verdicts() == [("dot", "answered", 250), ("rcpt", "answered", 550)]
    assert made.done.outcomes[0].is_accepted
    assert made.done.is_reusable


def test_without_pipelining_one_command_at_a_time() -> None:
    made = started("x@y.z", "no@y.z", ehlo=BARE_EHLO)

    assert made.hear(b"250 ok\r\n") == b"RCPT TO:<x@y.z>\r\n"
    assert made.hear(b"250 ok\r\n") == b"RCPT TO:<no@y.z>\r\n"
    assert made.hear(b"550 no\r\n") == b"DATA\r\n"
    made.hear(b"354 go\r\n", b"250 taken\r\n")

    assert made.verdicts() == [("dot", "answered", 250), ("rcpt", "answered", 550)]


def test_the_cut_of_the_bytes_changes_nothing() -> None:
    octets = b"250-a\r\n250 ok\r\n250 2.1.5 ok\r\n550 5.1.1 no\r\n354 go\r\n"
    whole = started("x@y.z", "no@y.z")
    whole.hear(octets, b"250 2.0.0 taken\r\n")

    for cut in range(len(octets)):
        made = started("x@y.z", "no@y.z")
        made.hear(octets[:cut], octets[cut:], b"250 2.0.0 taken\r\n")
        assert (made.out, made.done) == (whole.out, whole.done)


def test_the_dot_waits_for_the_edge() -> None:
    made = started(sends_dot=False)
    made.hear(b"250 ok\r\n250 ok\r\n354 go\r\n")

    assert made.events[-1] == ReadyForDot(recipients=("x@y.z",))
    assert made.session.state is ClientState.DOT_READY
    assert not made.out.endswith(b"\r\n.\r\n")
    assert made.session.send_dot() == [Send(b".\r\n")]


@pytest.mark.parametrize(
    ("said", "verdict", "is_reusable"),
    [
        ([b"550 no\r\n503 x\r\n503 x\r\n"], ("mail", "answered", 550), True),
        ([b"451 no\r\n503 x\r\n354 go\r\n", b"250 empty\r\n"], ("mail", "answered", 451), True),
        ([b"550 no\r\n250 odd\r\n354 go\r\n"], ("mail", "answered", 550), False),  # a dot would deliver
        ([b"250 ok\r\n550 no\r\n354 go\r\n", b"554 none\r\n"], ("rcpt", "answered", 550), True),
        ([b"250 ok\r\n550 no\r\n503 x\r\n", b"250 reset\r\n"], ("rcpt", "answered", 550), True),
        ([b"250 ok\r\n250 ok\r\n451 no\r\n", b"250 reset\r\n"], ("data", "answered", 451), True),
        ([b"250 ok\r\n250 ok\r\n250 what\r\n"], ("data", "lost", None), False),
        ([b"421 bye\r\n"], ("mail", "answered", 421), False),
        ([b"250 ok\r\n421 bye\r\n"], ("rcpt", "answered", 421), False),
        ([b"250 ok\r\n250 ok\r\n421 bye\r\n"], ("data", "answered", 421), False),
        ([b"250 ok\r\n250 ok\r\n354 go\r\n", b"421 bye\r\n"], ("dot", "answered", 421), False),
        ([b"250 ok\r\n250 ok\r\n354 go\r\n", b"552 full\r\n"], ("dot", "answered", 552), True),
        ([b"250 ok\r\n250 ok\r\n354 go\r\n", b"354 what\r\n"], ("dot", "unknown", None), False),
        ([b"250 ok\r\n250 ok\r\n354 go\r\n", b"hello\r\n"], ("dot", "unknown", None), False),
        ([b"250 ok\r\nhello\r\n"], ("rcpt", "lost", None), False),
        ([b"250-ok\r\n550 ok\r\n"], ("mail", "lost", None), False),
    ],
)
def test_every_refusal_has_its_phase(
    said: list[bytes], verdict: tuple[str, str, int | None], is_reusable: bool
) -> None:
    made = started()

    made.hear(*said)

    assert made.verdicts() == [verdict]
    assert made.done.is_reusable is is_reusable
    assert made.session.state is (ClientState.IDLE if is_reusable else ClientState.CLOSED)


@pytest.mark.parametrize(
    ("said", "verdict"),
    [
        (b"", ("mail", "lost", None)),
        (b"250 ok\r\n", ("rcpt", "lost", None)),
        (b"250 ok\r\n250 ok\r\n", ("data", "lost", None)),
        (b"250 ok\r\n250 ok\r\n354 go\r\n", ("dot", "unknown", None)),
    ],
)
def test_a_drop_is_unknown_only_after_the_dot(said: bytes, verdict: tuple[str, str, int | None]) -> None:
    made = started()
    made.hear(said)

    made.obey(made.session.connection_lost())

    assert made.verdicts() == [verdict]


def test_a_drop_between_body_and_dot_is_lost() -> None:
    made = started(sends_dot=False)
    made.hear(b"250 ok\r\n250 ok\r\n354 go\r\n")

    made.obey(made.session.connection_lost())

    assert made.verdicts() == [("body", "lost", None)]
    assert made.session.send_dot() == []  # the edge's intent came too late, and no dot goes out


def test_a_refusal_during_the_body_is_an_answer() -> None:
    made = started(sends_dot=False)
    made.hear(b"250 ok\r\n250 ok\r\n354 go\r\n", b"552 too big\r\n")

    assert made.verdicts() == [("body", "answered", 552)]
    assert made.session.state is ClientState.CLOSED


def test_a_positive_reply_before_the_dot_is_never_believed() -> None:
    made = started(sends_dot=False)
    made.hear(b"250 ok\r\n250 ok\r\n354 go\r\n250 taken\r\n")

    assert made.verdicts() == [("body", "lost", None)]


def test_an_abandoned_transaction_sends_no_dot() -> None:
    made = started(sends_dot=False)
    made.hear(b"250 ok\r\n250 ok\r\n354 go\r\n")

    assert made.session.abandon() == [Close()]
    assert not made.out.endswith(b"\r\n.\r\n")
    assert made.session.send_dot() == []


def test_lmtp_answers_for_each_recipient() -> None:
    lmtp = ClientConfig(ehlo_name="me.example", tls=TlsPolicy.NONE, is_lmtp=True)
    made = started("a@y.z", "no@y.z", "b@y.z", "c@y.z", config=lmtp)
    made.hear(b"250 ok\r\n250 ok\r\n550 no\r\n250 ok\r\n250 ok\r\n354 go\r\n", b"250 a\r\n452 b\r\n")
    assert b"LHLO me.example\r\n" in made.out

    made.obey(made.session.connection_lost())

    assert made.verdicts() == [
        ("dot", "answered", 250),
        ("rcpt", "answered", 550),
        ("dot", "answered", 452),
        ("dot", "unknown", None),
    ]


def test_a_session_is_used_again() -> None:
    made = started()
    made.hear(b"250 ok\r\n250 ok\r\n354 go\r\n", b"250 one\r\n")
    made.events.clear()

    made.obey(made.session.start(mail("two@y.z")))
    made.hear(b"250 ok\r\n250 ok\r\n354 go\r\n", b"250 two\r\n")

    assert made.verdicts() == [("dot", "answered", 250)]
    assert made.session.quit() == [Send(b"QUIT\r\n")]
    assert made.session.feed(b"221 bye\r\n") == [Close()]


def test_a_peer_that_speaks_while_idle_is_left() -> None:
    made = Edge(ClientSession(PLAIN))
    made.hear(b"220 hi\r\n", EHLO, b"421 idle too long\r\n")

    assert made.failed.reply is not None
    assert made.failed.reply.code == 421
    assert made.session.state is ClientState.CLOSED


@pytest.mark.parametrize(
    ("said", "phase", "code"),
    [
        ([b"554 no\r\n"], "banner", 554),
        ([b"421 busy\r\n"], "banner", 421),
        ([b"250 what\r\n"], "banner", 250),
        ([b"SSH-2.0\r\n"], "banner", None),
        ([b"220 hi\r\n", b"421 no\r\n"], "ehlo", 421),
        ([b"220 hi\r\n", b"500 what\r\n", b"550 no\r\n"], "ehlo", 550),
    ],
)
def test_set_up_fails_with_its_phase(said: list[bytes], phase: str, code: int | None) -> None:
    made = Edge(ClientSession(PLAIN))

    made.hear(*said)

    assert made.failed.phase == phase
    assert (made.failed.reply.code if made.failed.reply else None) == code
    assert made.events[-1] == Close()


def test_helo_where_ehlo_is_not_known() -> None:
    made = Edge(ClientSession(PLAIN))

    assert made.hear(b"220 hi\r\n", b"502 what\r\n") == b"EHLO me.example\r\nHELO me.example\r\n"
    made.hear(b"250 hi\r\n")

    assert isinstance(made.events[-1], Ready)


STARTTLS = b"250-peer\r\n250 STARTTLS\r\n"


def test_starttls_and_ehlo_again() -> None:
    made = Edge(ClientSession(ClientConfig(ehlo_name="me.example", tls=TlsPolicy.REQUIRED)))
    made.hear(b"220 hi\r\n", STARTTLS, b"220 go\r\n", EHLO)

    assert made.out == b"EHLO me.example\r\nSTARTTLS\r\nEHLO me.example\r\n"
    assert made.session.tls_active
    assert isinstance(made.events[-1], Ready)


@pytest.mark.parametrize("behind", [b"250-evil\r\n250 AUTH PLAIN\r\n", b"250"])
def test_plain_text_behind_the_answer_to_starttls_ends_it(behind: bytes) -> None:
    session = ClientSession(ClientConfig(ehlo_name="me.example"))
    session.feed(b"220 hi\r\n")
    session.feed(STARTTLS)

    events = session.feed(b"220 go\r\n" + behind)

    assert not any(isinstance(event, StartTls) for event in events)
    assert session.state is ClientState.CLOSED


@pytest.mark.parametrize(
    ("policy", "said", "is_ready"),
    [
        (TlsPolicy.OPPORTUNISTIC, [BARE_EHLO], True),
        (TlsPolicy.OPPORTUNISTIC, [STARTTLS, b"454 not now\r\n"], True),
        (TlsPolicy.REQUIRED, [BARE_EHLO], False),
        (TlsPolicy.REQUIRED, [STARTTLS, b"454 not now\r\n"], False),
        (TlsPolicy.REQUIRED, [b"502 what\r\n"], False),
        (TlsPolicy.NONE, [STARTTLS], True),
    ],
)
def test_tls_policies(policy: TlsPolicy, said: list[bytes], is_ready: bool) -> None:
    made = Edge(ClientSession(ClientConfig(ehlo_name="me.example", tls=policy)))

    made.hear(b"220 hi\r\n", *said)

    assert any(isinstance(event, Ready) for event in made.events) is is_ready
    assert any(isinstance(event, SessionFailed) for event in made.events) is not is_ready


def login(ehlo: bytes, *said: bytes, tls_active: bool = True) -> Edge:
    config = ClientConfig(
        ehlo_name="me.example", username="user", password="geheim", tls=TlsPolicy.OPPORTUNISTIC
    )
    made = Edge(ClientSession(config, tls_active=tls_active))
    made.hear(b"220 hi\r\n", ehlo, *said)
    return made


def test_auth_plain_and_login_and_nothing_secret_in_the_transcript() -> None:
    plain = login(b"250-p\r\n250 AUTH LOGIN PLAIN\r\n", b"235 ok\r\n")
    by_login = login(
        b"250-p\r\n250 AUTH=LOGIN\r\n", b"334 VXNlcm5hbWU6\r\n", b"334 UGFzc3dvcmQ6\r\n", b"235 ok\r\n"
    )

    for made in (plain, by_login):
        assert isinstance(made.events[-1], Ready)
        shown = repr(made.session.take_transcript()) + repr(made.session.config)
        assert "geheim" not in shown
        assert base64.b64encode(b"geheim").decode() not in shown
        assert base64.b64encode(b"\0user\0geheim").decode() not in shown
    assert base64.b64encode(b"\0user\0geheim") in plain.out
    assert base64.b64encode(b"geheim") in by_login.out


@pytest.mark.parametrize(
    ("ehlo", "said", "tls_active"),
    [
        (b"250-p\r\n250 AUTH PLAIN\r\n", [b"535 no\r\n"], True),
        (b"250-p\r\n250 AUTH PLAIN\r\n", [b"334 \r\n"], True),
        (b"250-p\r\n250 AUTH LOGIN\r\n", [b"235 too soon\r\n"], True),
        (b"250-p\r\n250 AUTH CRAM-MD5\r\n", [], True),
        (b"250-p\r\n250 AUTH PLAIN\r\n", [], False),  # never in plain text
    ],
)
def test_auth_that_fails(ehlo: bytes, said: list[bytes], tls_active: bool) -> None:
    made = login(ehlo, *said, tls_active=tls_active)

    assert made.failed.phase is SmtpPhase.AUTH
    if not tls_active:
        assert b"AUTH" not in made.out


def test_what_the_peer_cannot_take_is_refused_here() -> None:
    made = Edge(ClientSession(PLAIN))
    made.hear(b"220 hi\r\n", b"250-p\r\n250 SIZE 50\r\n")

    made.obey(made.session.start(mail(size_bytes=51)))
    assert made.verdicts() == [("mail", "local", 552)]
    made.events.clear()
    made.obey(made.session.start(mail("ü@y.z")))
    assert made.verdicts() == [("mail", "local", 553)]
    assert made.session.state is ClientState.IDLE
    assert b"MAIL" not in made.out


def test_parameters_only_where_they_are_offered() -> None:
    params = RcptParams(
        notify=frozenset([DsnNotify.FAILURE, DsnNotify.DELAY]), original_recipient="rfc822;x+y@y.z"
    )
    transaction = MailTransaction(
        mail_from="",
        recipients=(OutgoingRecipient(address="x@y.z", params=params),),
        size_bytes=5,
        needs_8bit=True,
        dsn_return=DsnReturn.HEADERS,
        envelope_id="a+b",
    )
    rich, poor = (Edge(ClientSession(PLAIN)) for _ in range(2))
    rich.hear(b"220 hi\r\n", EHLO)
    poor.hear(b"220 hi\r\n", BARE_EHLO)

    assert rich.session.start(transaction) == [
        Send(
            b"MAIL FROM:<> SIZE=5 BODY=8BITMIME RET=HDRS ENVID=a+2Bb\r\n"
            b"RCPT TO:<x@y.z> NOTIFY=DELAY,FAILURE ORCPT=rfc822;x+2By@y.z\r\nDATA\r\n"
        )
    ]
    assert poor.session.start(transaction) == [Send(b"MAIL FROM:<>\r\n")]


@pytest.mark.parametrize("path", ["a@b.c>\r\nDATA", "a@b.c\n", "a b@c.d", "<a@b.c>", "a\0@b.c", '"a\r"@b.c'])
def test_no_path_can_inject_a_command(path: str) -> None:
    with pytest.raises(ValueError, match="path"):
        OutgoingRecipient(address=path)
    with pytest.raises(ValueError, match="path"):
        MailTransaction(mail_from=path, recipients=(OutgoingRecipient(address="x@y.z"),))
    with pytest.raises(ValueError, match="EHLO"):
        ClientConfig(ehlo_name="me\r\nMAIL")


def test_steps_out_of_order_are_faults_of_ours() -> None:
    session = ClientSession(PLAIN)
    with pytest.raises(SmtpStateError):
        session.start(mail())
    with pytest.raises(SmtpStateError):
        session.send_dot()
    with pytest.raises(SmtpStateError):
        session.send_body(b"")


def test_the_transcript_reads_like_the_conversation() -> None:
    made = started()
    made.hear(b"250 ok\r\n250 ok\r\n354 go\r\n", b"250 2.0.0 taken\r\n")

    lines = [f"{line.direction.value} {line.text}" for line in made.session.take_transcript()]

    assert lines[:2] == ["< 220 hi", "> EHLO me.example"]
    assert lines[-4:] == ["< 354 go", "> [content, 21 octets]", "> .", "< 250 2.0.0 taken"]
    assert made.session.take_transcript() == ()


REPLIES = st.sampled_from(
    [b"220 x\r\n", b"250 x\r\n", EHLO, STARTTLS, b"354 x\r\n", b"421 x\r\n", b"450 x\r\n", b"550 5.1.1 x\r\n",
     b"334 \r\n", b"235 x\r\n", b"250-x\r\n", b"x" * 5000]
)  # fmt: skip


@settings(max_examples=300, deadline=None)
@given(st.lists(st.one_of(REPLIES, st.binary(max_size=30)), max_size=25), st.booleans(), st.booleans())
def test_whatever_the_peer_says_every_recipient_gets_one_outcome(
    chunks: list[bytes], is_lmtp: bool, is_set_up: bool
) -> None:
    made = Edge(ClientSession(ClientConfig(ehlo_name="me.example", is_lmtp=is_lmtp, tls=TlsPolicy.NONE)))
    if is_set_up:
        made.hear(b"220 hi\r\n", EHLO)
    transactions = 0
    for chunk in chunks:
        if made.session.state is ClientState.IDLE:
            transactions += 1
            made.obey(made.session.start(mail("a@y.z", "b@y.z")))
        made.hear(chunk)
    made.obey(made.session.connection_lost())

    done = [event for event in made.events if isinstance(event, TransactionDone)]
    assert len(done) == transactions
    for event in done:
        assert [outcome.address for outcome in event.outcomes] == ["a@y.z", "b@y.z"]
        for outcome in event.outcomes:
            assert (outcome.reply is None) == (outcome.kind in (OutcomeKind.LOST, OutcomeKind.UNKNOWN))
    assert made.session.state is ClientState.CLOSED
