"""The merge fields that a template of a workspace may use: ours, its own, with the fallback that each is best given."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from difflib import get_close_matches

from django.utils.translation import gettext_noop as _
from django.utils.translation import pgettext

from campaigns.models import FieldDefinition
from relayhub.core.models import Workspace
from relayhub.relay.rendering import OWN_FIELDS

MAX_OWN = 200
#: In which the catalogues have all words of this file (`extraction`): "Unsubscribe" is a link, and no act.
_CONTEXT = "merge field"
_OURS = (
    (_("Person"), (
        ("contact.first_name", _("First name"), '|default("there")'), ("contact.name", _("Name"), '|default("")'),
        ("contact.last_name", _("Last name"), '|default("")'), ("contact.email", _("E-mail address"), ""),
    )),
    (_("Links"), (
        ("unsubscribe_url", _("Unsubscribe"), ""), ("preferences_url", _("Choose what you get"), ""),
        ("view_url", _("View in browser"), ""),
    )),
    (_("Sender"), (
        ("workspace.company", _("Company"), ""), ("workspace.name", _("Workspace"), ""),
        ("workspace.postal_address", _("Postal address"), ""),
    )),
    (_("Campaign"), (("campaign.name", _("Its name"), ""), ("campaign.subject", _("Its subject"), ""))),
)
assert {name for _, rows in _OURS for name, *_ in rows} == OWN_FIELDS


@dataclass(frozen=True, kw_only=True)
class MergeField:
    """One field: what is written between the braces, and what people call it."""

    name: str
    label: str
    group: str
    fallback: str = ""

    @property
    def code(self) -> str:
        """As it stands in a template."""
        return "{{ " + self.name + self.fallback + " }}"


def meant(name: str, own: Iterable[str]) -> str:
    """The field that somebody who wrote `name` will have meant: `first_name` is `contact.first_name`; "" where none
    comes near. `own` are the keys of the workspace's fields."""
    full = [field for _, rows in _OURS for field, *_ in rows] + [f"contact.fields.{key}" for key in own]
    by_last: dict[str, str] = {}
    for field in full:
        by_last.setdefault(_bare(field), field)
    near = get_close_matches(_bare(name), by_last, n=1, cutoff=0.8)
    return by_last[near[0]] if near else ""


def _bare(name: str) -> str:
    """What stands behind the last dot, without what people write between words."""
    return name.rsplit(".", 1)[-1].replace("_", "").replace("-", "").casefold()


def merge_fields(workspace: Workspace) -> list[MergeField]:
    """Every field, in the present language, by group: the person, own fields, links, sender, campaign."""
    ours = [
        [MergeField(name=name, label=pgettext(_CONTEXT, label), group=pgettext(_CONTEXT, group), fallback=fallback)
         for name, label, fallback in rows]
        for group, rows in _OURS
    ]
    own = [
        MergeField(name=f"contact.fields.{row.key}", label=row.label or row.key,
                   group=pgettext(_CONTEXT, _("Your fields")), fallback='|default("")')
        for row in FieldDefinition.objects.filter(workspace=workspace).order_by("label")[:MAX_OWN]
    ]
    return [*ours[0], *own, *(field for rows in ours[1:] for field in rows)]
