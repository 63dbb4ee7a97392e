"""Send a test of a campaign: the real content, merged for a contact, marked as a test, through the one door."""

from __future__ import annotations

from collections.abc import Sequence

from campaigns import templates
from campaigns.models import Campaign, Contact
from campaigns.preflight import stream_for
from relayhub.core.access import Actor
from relayhub.core.errors import InputError
from relayhub.relay.models import Tracking
from relayhub.relay.outgoing import OutgoingFields, accept_all, submission_of
from relayhub.relay.submission import Accepted

MAX_ADDRESSES = 10


def send_test(actor: Actor, campaign: Campaign, to: Sequence[str], contact: Contact | None) -> Accepted:
    """Hand in a test; its subject begins with [Test]."""
    if campaign.template is None:
        raise InputError("Choose a template first.", field="template")
    version = templates.newest(campaign.template)
    if version is None or not campaign.from_header:
        raise InputError("Choose content and a From address first.", field="from")
    if not 1 <= len(to) <= MAX_ADDRESSES:
        raise InputError(f"A test goes to 1 to {MAX_ADDRESSES} addresses.", field="to")
    shown = templates.preview(
        actor.workspace, templates.content_of(version), contact, subject=campaign.subject
    )
    fields = OutgoingFields(
        sender=campaign.from_header, to=list(to), subject=f"[Test] {shown.subject}", html=shown.html,
        text=shown.text, stream=stream_for(campaign).slug, tags=["test"], track=Tracking.NONE,
        options={"test_of": campaign.public_id},
    )
    result = accept_all([submission_of(actor, fields)])[0]
    if isinstance(result, Exception):
        raise result
    return result
