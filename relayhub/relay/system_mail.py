"""RelayHub's own letters, handed to the one door as the first workspace's system stream.

While the domain of `RELAYHUB_SYSTEM_FROM` is not verified there, letters stay in the sandbox inbox.
"""

from __future__ import annotations

import hashlib

from django.conf import settings
from django.template.exceptions import TemplateDoesNotExist
from django.template.loader import render_to_string

from deliverability import domains
from relayhub.core import languages
from relayhub.core.clock import now
from relayhub.core.models import Workspace
from relayhub.core.system_mail import SystemLetter
from relayhub.protocol.address import parse_addr_spec, parse_mailbox
from relayhub.protocol.compose import Composition, compose
from relayhub.relay.accept import accept
from relayhub.relay.models import Source, Tracking
from relayhub.relay.routes import workspace_in_sandbox
from relayhub.relay.streams import SYSTEM_SLUG
from relayhub.relay.submission import Submission, SubmittedRecipient


def send(letter: SystemLetter) -> None:
    """Render a letter of `templates/emails/` and hand it in."""
    workspace = Workspace.objects.get(is_first=True)
    sender = parse_mailbox(settings.RELAYHUB_SYSTEM_FROM)
    moment = now()
    with languages.speaking(languages.shipped_for(letter.language) or languages.SOURCE):
        subject = " ".join(render_to_string(f"emails/{letter.name}-subject.txt", letter.context).split())
        text, html = render_to_string(f"emails/{letter.name}-body.txt", letter.context), _html(letter)
    seed = hashlib.sha256(f"{letter.name}{letter.to}{moment.isoformat()}".encode()).digest()
    content = compose(
        Composition(
            author=sender, to=(parse_addr_spec(letter.to),), subject=subject, date=moment,
            message_id=f"<{seed.hex()[:32]}@{sender.ascii_domain}>", seed=seed,
            text=text, html=html,
        )
    )
    is_verified = domains.sending_state(workspace.pk, sender.ascii_domain) == "verified"
    accept(
        Submission(
            workspace_id=workspace.pk, source=Source.SYSTEM, stream=SYSTEM_SLUG, mail_from=sender.spec,
            recipients=(SubmittedRecipient(address=letter.to),), content=content, track=Tracking.NONE,
            tags=(letter.name,), options={} if is_verified else {"sandbox_only": True},
        )
    )


def letters_leave() -> bool:
    """Whether RelayHub's own letters reach people, or stay in the first workspace's sandbox inbox."""
    workspace = Workspace.objects.filter(is_first=True).first()
    if workspace is None:
        return False
    sender = parse_mailbox(settings.RELAYHUB_SYSTEM_FROM)
    is_verified = domains.sending_state(workspace.pk, sender.ascii_domain) == "verified"
    return is_verified and not workspace_in_sandbox(workspace.pk)


def _html(letter: SystemLetter) -> str | None:
    try:
        return render_to_string(f"emails/{letter.name}-body.html", letter.context)
    except TemplateDoesNotExist:
        return None
