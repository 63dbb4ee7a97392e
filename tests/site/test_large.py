"""The large workspace, made small: its counts are those of its rows, and it is made once."""

from __future__ import annotations

import pytest
from django.core.management import CommandError, call_command

from campaigns.models import Broadcast, Campaign, Contact
from relayhub.core.models import Workspace
from relayhub.relay import ledger
from relayhub.relay.models import Event, Recipient
from relayhub.site import large, setup

pytestmark = pytest.mark.django_db


@pytest.mark.servers
def test_it_satisfies_every_invariant_and_counts_as_told() -> None:
    workspace = setup.new_workspace("Large", is_demo=True, is_pinned_to_sandbox=True)

    events = large.seed(workspace, part=0.0006)

    found = ledger.verify()
    runs = Broadcast.objects.filter(workspace=workspace)
    assert [(item.invariant.id, list(item.breaches)) for item in found.findings if not item.holds] == []
    assert Contact.objects.filter(workspace=workspace).count() == 600
    assert events == pytest.approx(Event.objects.filter(workspace_id=workspace.pk).count(), rel=0.01)
    assert Campaign.objects.filter(workspace=workspace).count() == 20
    assert runs.count() == 16
    assert {"delivered", "bounced", "suppressed"} == set(
        Recipient.objects.filter(workspace=workspace).values_list("status", flat=True)
    )
    assert not Recipient.objects.filter(workspace=workspace).exclude(address_key__endswith=".example").exists()
    for run in runs:
        assert run.audience_count == Recipient.objects.filter(broadcast_id=run.pk).count()


def test_it_is_made_once() -> None:
    Workspace.objects.create(name=large.NAME, slug="large")

    with pytest.raises(CommandError, match="already"):
        call_command("seed_demo", scale="large")


def test_a_part_must_be_one() -> None:
    with pytest.raises(CommandError, match="0 and 1"):
        call_command("seed_demo", scale="large", part=3.0)
