"""Begin a template from one of our starters, with a name that is free."""

from __future__ import annotations

from campaigns import templates, visual
from campaigns.models import MailTemplate
from campaigns.starters import Starter
from relayhub.core.access import Actor


def begin(
    actor: Actor, starter: Starter, *, name: str = "", in_builder: bool = False
) -> tuple[MailTemplate, str]:
    """A draft with the starter's text in the workspace's brand, and the page that opens it.

    Without a name it is named after the starter.
    """
    content, page = visual.beginning(actor.workspace, starter, in_builder=in_builder)
    template = templates.create_template(
        actor, name=name or _free_name(actor, starter), content=content, is_published=False, sample=starter.sample
    )
    return template, page


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
