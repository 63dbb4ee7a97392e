"""Begin a template from one of our starters, with a name that is free."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from campaigns import templates, visual
from campaigns.models import MailTemplate
from campaigns.starters import Starter
from relayhub.core.access import Actor


def begin(
    actor: Actor, starter: Starter, *, name: str = "", in_builder: bool = False, given: Mapping[str, str] | None = None,
    sample: Mapping[str, Any] | None = None,
) -> tuple[MailTemplate, str]:
    """A draft with the starter's text in the workspace's brand, and the page that opens it.

    Without a name it is named after the starter. `given` parts (fields of `TemplateInput`) and values take the place
    of the starter's.
    """
    content, page = visual.beginning(actor.workspace, starter, in_builder=in_builder)
    template = templates.create_template(
        actor, name=name or _free_name(actor, starter), content=replace(content, **(given or {})), is_published=False,
        sample=starter.sample if sample is None else sample,
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
