"""Where the finding of a pre-flight rule is mended: the exact place of one of our pages.

A rule whose fault lies in the set-up of the machine has none: its words say what to set.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse

from campaigns.models import Campaign
from campaigns.preflight import PreflightFinding
from deliverability.models import SendingDomain
from relayhub.protocol.address import AddressError, parse_mailbox


@dataclass(frozen=True, kw_only=True)
class Place:
    """An address of ours, and what the button that leads there says."""

    url: str
    label: str


#: Rule -> step of the campaign, the field there, and the button.
_STEPS = {
    "from": ("content", "id_from_header", "Write From"), "audience": ("audience", "audience", "Choose lists"),
    "consent": ("audience", "audience", "Choose lists"), "subject": ("content", "id_subject", "Write the subject"),
    "MSG-5": ("content", "id_subject", "Write the subject"), "archived_list": ("audience", "audience", "Choose lists"),
    "stream": ("content", "id_stream", "Choose a stream"), "pace": ("schedule", "id_max_per_minute", "Change the pace"),
}
#: Rules whose fault lies in the template: the field there, and the button.
_TEMPLATE = {
    "content": ("", "Open the template"), "merge_fields": ("id_source", "Correct the template"),
    "unsubscribe_link": ("id_source", "Add the link"), "MSG-1": ("id_source", "Open the template"),
    "size": ("id_source", "Shorten the template"), "unpublished": ("", "Open the draft"),
    "loopback": ("id_source", "Open the template"),
}
#: Rules whose fault lies elsewhere: name of the page, the field there, and the button.
_PAGES = {
    "postal_address": ("settings-home", "footer", "Write the address"), "sandbox": ("route-list", "", "Go live"),
    "stream_paused": ("stream-list", "", "See the streams"),
    "REP-5": ("suppression-list", "", "See suppressions"), "REP-6": ("suppression-list", "", "See suppressions"),
}


def place_of(campaign: Campaign, finding: PreflightFinding) -> Place | None:
    """Where the finding is mended; None where no page of ours does it."""
    rule, template = finding.rule, campaign.template
    if rule in _TEMPLATE and template is not None and template.archived_at is None:
        anchor, label = _TEMPLATE[rule]
        return _place("template-detail", template.public_id, anchor=anchor, label=label)
    if rule in _TEMPLATE:
        return _place("campaign-content", campaign.public_id, anchor="id_template", label="Choose a template")
    if rule in _STEPS:
        step, anchor, label = _STEPS[rule]
        return _place(f"campaign-{step}", campaign.public_id, anchor=anchor, label=label)
    if rule == "from_verified":
        return _domain(campaign)
    if rule in _PAGES:
        name, anchor, label = _PAGES[rule]
        return _place(name, anchor=anchor, label=label)
    return None


def _domain(campaign: Campaign) -> Place | None:
    try:
        name = parse_mailbox(campaign.from_header).ascii_domain
    except AddressError:
        return None
    found = SendingDomain.objects.filter(workspace=campaign.workspace_id, name=name, deleted_at=None).first()
    if found is None:
        return _place("domain-new", label=f"Add {name}")
    return _place("domain-detail", found.public_id, label=f"Open {name}")


def _place(name: str, *args: str, label: str, anchor: str = "") -> Place | None:
    try:
        return Place(url=reverse(name, args=args) + (f"#{anchor}" if anchor else ""), label=label)
    except NoReverseMatch:
        return None
