"""The book of one outgoing transaction: which recipient stands where, and why.

It sends nothing; the session tells it what was answered. A recipient's first decision
stands: after MAIL was refused, what the peer says to the RCPTs behind it changes nothing.
"""

from relayhub.protocol.reply import SmtpReply
from relayhub.protocol.smtp_client_events import MailTransaction, OutcomeKind, RecipientOutcome
from relayhub.protocol.smtp_wire import SmtpPhase


class TransactionBook:
    """Outcomes by recipient, in the order of the transaction."""

    def __init__(self, transaction: MailTransaction) -> None:
        self.transaction = transaction
        self.mail_is_accepted = False
        self.dot_is_sent = False
        #: The peer said yes to at least one RCPT, whatever it had said to MAIL.
        self.has_positive_rcpt = False
        self._outcomes: list[RecipientOutcome | None] = [None] * len(transaction.recipients)
        self._accepted: list[int] = []
        self._next_rcpt = 0
        self._next_dot = 0

    @property
    def accepted(self) -> tuple[str, ...]:
        """Recipients whose RCPT was accepted and who are not decided yet."""
        recipients = self.transaction.recipients
        return tuple(recipients[index].address for index in self._accepted if not self._outcomes[index])

    @property
    def has_next_rcpt(self) -> bool:
        """Some RCPT has not been answered."""
        return self._next_rcpt < len(self._outcomes)

    @property
    def next_rcpt(self) -> int:
        """Index of the RCPT whose answer is due."""
        return self._next_rcpt

    def rcpt_answered(self, reply: SmtpReply) -> None:
        """One RCPT's reply, in order."""
        index = self._next_rcpt
        self._next_rcpt += 1
        if reply.is_positive:
            self.has_positive_rcpt = True
            if self._outcomes[index] is None:
                self._accepted.append(index)
        else:
            self._decide(index, SmtpPhase.RCPT, OutcomeKind.ANSWERED, reply)

    def dot_answered(self, reply: SmtpReply, *, is_lmtp: bool) -> bool:
        """The reply to the dot, in LMTP one for each accepted recipient; True when all are in."""
        if not is_lmtp:
            self.decide_rest(SmtpPhase.DOT, OutcomeKind.ANSWERED, reply)
            return True
        self._decide(self._accepted[self._next_dot], SmtpPhase.DOT, OutcomeKind.ANSWERED, reply)
        self._next_dot += 1
        return self._next_dot >= len(self._accepted)

    def decide_rest(
        self, phase: SmtpPhase, kind: OutcomeKind, reply: SmtpReply | None = None, why: str = ""
    ) -> None:
        """The same end for everybody who has none yet."""
        for index in range(len(self._outcomes)):
            self._decide(index, phase, kind, reply, why)

    def lose_rest(self, phase: SmtpPhase, why: str) -> None:
        """No answer will come: unknown only if the dot was sent."""
        kind = OutcomeKind.UNKNOWN if self.dot_is_sent else OutcomeKind.LOST
        self.decide_rest(phase, kind, why=why)

    def outcomes(self) -> tuple[RecipientOutcome, ...]:
        """All outcomes; every recipient must have been decided."""
        decided = tuple(outcome for outcome in self._outcomes if outcome is not None)
        if len(decided) != len(self._outcomes):
            raise ValueError("a recipient has no outcome yet")
        return decided

    def _decide(
        self, index: int, phase: SmtpPhase, kind: OutcomeKind, reply: SmtpReply | None, why: str = ""
    ) -> None:
        if self._outcomes[index] is None:
            address = self.transaction.recipients[index].address
            self._outcomes[index] = RecipientOutcome(
                address=address, phase=phase, kind=kind, reply=reply, why=why
            )
