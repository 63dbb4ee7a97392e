"""Listeners for tests that speak SMTP to a real socket in front of the real database."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from relayhub.relay.smtpd.mx import MxDoor
from relayhub.relay.smtpd.submission import SubmissionDoor
from tests.support.door_rows import Sender, make_sender
from tests.support.smtp_listener import LOOPBACK, Listener, listening


@pytest.fixture
def sender(transactional_db: None) -> Sender:
    """A workspace that may send as acme.example."""
    return make_sender()


@pytest.fixture
def listener(sender: Sender) -> Iterator[Listener]:
    """Submission with AUTH."""
    with listening(SubmissionDoor()) as running:
        yield running


@pytest.fixture
def trusted_listener(sender: Sender) -> Iterator[Listener]:
    """Submission where loopback is trusted."""
    with listening(SubmissionDoor(), trusted=LOOPBACK) as running:
        yield running


@pytest.fixture
def mx_listener(sender: Sender) -> Iterator[Listener]:
    """The MX."""
    with listening(MxDoor()) as running:
        yield running
