"""Send a test of a campaign or a template: the real content, merged for a contact, through the one door."""

from __future__ import annotations

from collections.abc import Sequence
from uuid import UUID

from django.conf import settings
from django.utils.translation import gettext as _

from campaigns import templates
from campaigns.models import Campaign, Contact, MailingList, MailTemplate
from campaigns.preflight import stream_for
from deliverability.models import DomainStatus, SendingDomain
from relayhub.core import audit
from relayhub.core.access import Actor
from relayhub.core.errors import InputError
from relayhub.core.models import Workspace
from relayhub.relay import queries
from relayhub.relay.models import Recipient, StreamKind, Tracking
from relayhub.relay.outgoing import OutgoingFields, accept_all, submission_of
from relayhub.relay.rendering import Rendered
from relayhub.relay.streams import default_stream
from relayhub.relay.submission import Accepted

MAX_ADDRESSES = 10


def test_links() -> dict[str, str]:
    """Where the links of a test lead that only a sent mail has: to a page that says so."""
    base = settings.RELAYHUB_BASE_URL
    return {"unsubscribe_url": f"{base}/u/test", "preferences_url": f"{base}/p/test", "view_url": f"{base}/v/test"}


def send_test(actor: Actor, campaign: Campaign, to: Sequence[str], contact: Contact | None) -> Accepted:
    """Hand in a test of what the campaign would send; its subject begins with [Test]."""
    if campaign.template is None:
        raise InputError(_("Choose a template first."), field="template")
    version = templates.sent_version(campaign.template)
    if version is None or not campaign.from_header:
        raise InputError(_("Choose content and a From address first."), field="from")
    shown = templates.preview(
        actor.workspace, templates.content_of(version), contact, subject=campaign.subject, links=test_links()
    )
    accepted = _send(actor, shown, to, sender=campaign.from_header, stream=stream_for(campaign).slug,
                     test_of=campaign.public_id)
    audit.record(actor, "campaign.test_sent", "campaign", campaign.public_id, summary=campaign.name,
                 after={"to": list(to)})
    return accepted


def send_template_test(
    actor: Actor, template: MailTemplate, to: Sequence[str], contact: Contact | None, *, sender: str
) -> Accepted:
    """Hand in a test of the newest version of a template."""
    version = templates.newest(template)
    if version is None:
        raise InputError(_("This template has no content yet."), field="html")
    if not sender.strip():
        raise InputError(_("A test needs a From address."), field="from")
    shown = templates.preview(
        actor.workspace, templates.content_of(version), contact, links=test_links(), sample=template.sample
    )
    stream = default_stream(actor.workspace, StreamKind.BROADCAST)
    accepted = _send(actor, shown, to, sender=sender, stream=stream.slug, test_of=template.public_id)
    audit.record(actor, "template.test_sent", "template", template.public_id, summary=template.name,
                 after={"to": list(to)})
    return accepted


def _send(
    actor: Actor, shown: Rendered, to: Sequence[str], *, sender: str, stream: str, test_of: str
) -> Accepted:
    if not 1 <= len(to) <= MAX_ADDRESSES:
        raise InputError(_("A test goes to 1 to %(most)s addresses.") % {"most": MAX_ADDRESSES}, field="to")
    if not (shown.html or shown.text):
        raise InputError(_("There is no content to send yet."), field="html")
    fields = OutgoingFields(
        sender=sender, to=list(to), subject=f"[Test] {shown.subject}".strip(), html=shown.html, text=shown.text,
        stream=stream, tags=["test"], track=Tracking.NONE, options={"test_of": test_of},
    )
    result = accept_all([submission_of(actor, fields)])[0]
    if isinstance(result, Exception):
        raise result
    return result


def recipients_of_test(workspace: Workspace, message_id: UUID) -> list[Recipient]:
    """Where each address of a test stands; empty for a message of another workspace."""
    found = queries.recipients_of([message_id]).get(message_id, [])
    return [row for row in found if row.workspace_id == workspace.pk]


def usual_sender(workspace: Workspace) -> str:
    """The From that a test most likely wants: of the last campaign, of a list, or of a verified domain; or ""."""
    used = Campaign.objects.filter(workspace=workspace).exclude(from_header="").order_by("-id").first()
    if used is not None:
        return used.from_header
    listed = MailingList.objects.filter(workspace=workspace).exclude(from_header="").order_by("-id").first()
    if listed is not None:
        return listed.from_header
    domain = SendingDomain.objects.filter(
        workspace=workspace, status=DomainStatus.VERIFIED, deleted_at=None
    ).order_by("id").first()
    return f"hello@{domain.name}" if domain is not None else ""
