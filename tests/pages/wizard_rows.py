"""A campaign with all it needs, and what the forms of its steps send."""

from __future__ import annotations

from django.urls import reverse

from campaigns import editing, lists, templates
from campaigns.contacts import Evidence, add_contact
from campaigns.models import Campaign, MailingList, MailTemplate
from campaigns.templates import TemplateInput
from relayhub.core.access import Actor
from relayhub.relay import routes
from tests.pages.marketer_rows import Desk
from tests.support.door_rows import make_domain

SAID = Evidence(channel="api", source="the shop")
SENDER = "Shop <news@shop.example>"


def make_list(actor: Actor, name: str = "Weekly letter", people: int = 3) -> MailingList:
    made = lists.create_list(actor, name=name)
    for number in range(people):
        email = f"{name[:3].lower()}{number}@x.example"
        add_contact(actor, email=email, name=f"Person {number}", lists=[made], evidence=SAID)
    return made


def make_template(at: Desk, *, is_published: bool = True, html: str = "<p>Hi {{ contact.name }}</p>") -> MailTemplate:
    return templates.create_template(
        at.actor, name="Rye week", content=TemplateInput(subject="Rye", source=html), is_published=is_published
    )


def make_campaign(at: Desk, **more: object) -> Campaign:
    """A draft that could be launched."""
    make_domain(at.workspace, "shop.example")
    changes = {"name": "Saturday rye", "from_header": SENDER, "step": "schedule", **more}
    changes.setdefault("template", make_template(at) if "template" not in more else None)
    changes.setdefault("lists", [make_list(at.actor)] if "lists" not in more else None)
    return editing.create_campaign(at.actor, editing.CampaignChanges(**changes))  # type: ignore[arg-type]


def step(campaign: Campaign, name: str) -> str:
    return reverse(f"campaign-{name}", args=[campaign.public_id])


def content(campaign: Campaign, **more: str) -> dict[str, str]:
    """What the form of the content step sends."""
    return {
        "name": campaign.name, "from_header": campaign.from_header, "reply_to": "", "subject": campaign.subject,
        "template": campaign.template.public_id if campaign.template else "", "track": campaign.track,
        "revision": str(campaign.revision), "act": "go", **more,
    }


def found_in(at: Desk, campaign: Campaign) -> str:
    return at.client.get(step(campaign, "preflight")).content.decode()


def go_live(at: Desk) -> None:
    """Give the workspace a route that leaves the sandbox."""
    routes.create_route(at.actor, routes.RouteInput(transport="smtp://relay.example:587"))


def launch(campaign: Campaign, **more: str) -> dict[str, str]:
    return {"when": "now", "revision": str(campaign.revision), "in_sandbox": "1", **more}
