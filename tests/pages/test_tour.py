"""A walk through the Demo workspace: every page with something on it. With RELAYHUB_SHOTS it keeps pictures,
and with RELAYHUB_TOUR=FOLDER it takes those of the README (`make tour`)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from campaigns.models import Broadcast, Campaign, Contact, MailingList, MailTemplate
from deliverability.models import SendingDomain, Suppression
from relayhub.core.models import Workspace
from relayhub.relay.models import Message, Recipient
from relayhub.site import demo, setup
from tests.pages.marketer_rows import Desk, desk
from tests.support.browser import Browsing

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

#: name of the picture in the README -> key of `pages_of`.
README = {
    "home": "home", "report": "campaign-report", "message": "message-bounced", "contacts": "contacts",
    "domain": "domain", "editor": "template",
}


def demo_desk() -> Desk:
    workspace: Workspace = setup.new_workspace("Demo", is_demo=True, is_pinned_to_sandbox=True)
    demo.seed(workspace)
    return desk(workspace)


def pages_of(workspace: Workspace) -> dict[str, str]:
    """Name -> path of every page that shows the Demo's rows."""
    mine = {"workspace": workspace}
    run = Broadcast.objects.filter(campaign__workspace=workspace).order_by("-id").first()
    assert run is not None
    campaign = Campaign.objects.get(pk=run.campaign_id).public_id
    bounced = Recipient.objects.filter(status="bounced", message__broadcast_id=None, **mine).order_by("-id").first()
    assert bounced is not None
    plain = Message.objects.filter(broadcast_id=None, **mine).order_by("-id").first()
    assert plain is not None
    return {
        "home": "/", "campaigns": "/campaigns", "campaign-report": f"/campaigns/{campaign}/report",
        "contacts": "/contacts", "contact": f"/contacts/{first(Contact, workspace)}", "fields": "/contacts/fields",
        "lists": "/lists", "list": f"/lists/{first(MailingList, workspace)}",
        "templates": "/templates", "template": f"/templates/{first(MailTemplate, workspace)}",
        "messages": "/messages", "message": f"/messages/{plain.public_id}",
        "message-bounced": f"/messages/{bounced.public_id}", "message-source": f"/messages/{plain.public_id}/source",
        "live": "/live", "sandbox": "/sandbox", "api": "/programs", "smtp": "/programs/smtp",
        "domains": "/domains", "domain": f"/domains/{first(SendingDomain, workspace)}",
        "suppressions": "/suppressions", "suppression": f"/suppressions/{first(Suppression, workspace)}",
        "routes": "/routes", "streams": "/streams", "settings": "/settings", "people": "/settings/people",
        "security": "/settings/security", "audit": "/settings/audit", "profile": "/settings/profile",
        "stop": "/settings/sending", "help": "/help", "help-page": "/help/glossary", "jobs": "/jobs",
        "search": "/search?q=order",
    }


def first(model: type, workspace: Workspace) -> str:
    row = model.objects.filter(workspace=workspace).order_by("id").first()  # type: ignore[attr-defined]
    assert row is not None, model
    return str(row.public_id)


def test_every_page_of_the_demo_looks_right(look: Callable[..., None], browse: Browsing) -> None:
    at = demo_desk()

    for name, path in pages_of(at.workspace).items():
        look(at, path, f"demo-{name}")


@pytest.mark.skipif("RELAYHUB_TOUR" not in os.environ, reason="pictures of the README are made by `make tour`")
def test_the_pictures_of_the_readme(browse: Browsing) -> None:
    at, folder = demo_desk(), Path(os.environ["RELAYHUB_TOUR"])
    pages = pages_of(at.workspace)
    folder.mkdir(parents=True, exist_ok=True)

    for name, key in README.items():
        page = browse(at, 1280, "light")
        page.goto(pages[key])
        page.wait_for_load_state("networkidle")
        page.screenshot(path=folder / f"{name}.png")

    assert {path.stem for path in folder.glob("*.png")} >= set(README)
