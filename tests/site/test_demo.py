"""The Demo workspace tells a story that the ledger believes."""

from __future__ import annotations

import pytest

from relayhub.core.models import Workspace
from relayhub.relay import ledger
from relayhub.relay.models import Recipient
from relayhub.site import demo, setup


@pytest.fixture
def filled() -> Workspace:
    workspace = setup.new_workspace("Demo", is_demo=True, is_pinned_to_sandbox=True)
    demo.seed(workspace)
    return workspace


@pytest.mark.django_db
@pytest.mark.servers
def test_it_satisfies_every_invariant(filled: Workspace) -> None:
    found = ledger.verify()

    assert [(item.invariant.id, list(item.breaches)) for item in found.findings if not item.holds] == []
    assert found.totals["delivered"] > 1000


@pytest.mark.django_db
def test_nothing_in_it_waits_and_every_address_is_an_example(filled: Workspace) -> None:
    recipients = Recipient.objects.filter(workspace=filled)

    assert set(recipients.values_list("status", flat=True)) == {"delivered", "bounced"}
    assert not recipients.exclude(address_key__endswith=".example").exists()
