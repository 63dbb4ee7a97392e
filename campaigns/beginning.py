"""Begin a template from one of our starters, with a name that is free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django.db import transaction
from django.db.models import QuerySet

from campaigns import editing, templates, visual
from campaigns.models import Campaign, CampaignStatus, MailTemplate
from campaigns.starters import Starter
from relayhub.core.access import Actor
from relayhub.core.models import Workspace


def begin(
    actor: Actor, starter: Starter, *, name: str = "", in_builder: bool = False, given: Mapping[str, str] | None = None,
    sample: Mapping[str, Any] | None = None, for_campaign: Campaign | None = None,
) -> tuple[MailTemplate, str]:
    """A draft with the starter's text in the workspace's brand, and the page that opens it.

    Without a name it is named after the starter. `given` parts (fields of `TemplateInput`) and values take the place
    of the starter's. The campaign that it is begun for names it from then on.
    """
    content, page = visual.beginning(actor.workspace, starter, in_builder=in_builder)
    with transaction.atomic():
        template = templates.create_template(
            actor, name=name or _free_name(actor, starter), content=replace(content, **(given or {})),
            is_published=False, sample=starter.sample if sample is None else sample,
        )
        if for_campaign is not None:
            editing.change_campaign(actor, for_campaign, editing.CampaignChanges(template=template))
    return template, page


def waiting_campaigns(workspace: Workspace) -> QuerySet[Campaign]:
    """Drafts that have no template yet."""
    return editing.campaigns_of(workspace).filter(status=CampaignStatus.DRAFT, template=None)


def _free_name(actor: Actor, starter: Starter) -> str:
    wanted = "New template" if starter.key == "blank" else starter.name
    taken = set(
        templates.templates_of(actor.workspace).filter(name__startswith=wanted).values_list("name", flat=True)
    )
    number, name = 1, wanted
    while name in taken:
        number += 1
        name = f"{wanted} {number}"
    return name
