"""What the fault matrix shares: a receiver, a sender whose mail goes to it, and an empty history."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from tests.support.campaign_run import sign_with_keys
from tests.support.door_rows import Sender, forget_everything, make_sender
from tests.support.relay_rows import clear_history
from tests.support.smtp_sink import SmtpSink, smtp_sink


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with smtp_sink() as running:
        yield running


@pytest.fixture
def sender(transactional_db: None, settings: Any, sink: SmtpSink) -> Sender:
    """A workspace whose signed mail leaves by the sink."""
    clear_history()
    settings.RELAYHUB_DEFAULT_ROUTE = f"smtp://127.0.0.1:{sink.port}"
    forget_everything()
    made = make_sender()
    sign_with_keys(made)
    return made
