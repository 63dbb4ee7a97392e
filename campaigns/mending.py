"""Where the finding of a pre-flight rule is mended: the exact place of one of our pages.

A rule whose fault lies in the set-up of the machine has none: its words say what to set.
"""

from __future__ import annotations

from dataclasses import dataclass

from django.urls import NoReverseMatch, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from campaigns.client_support import FOR_NOBODY
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
    "from": ("content", "id_from_header", _("Write From")), "audience": ("audience", "audience", _("Choose lists")),
    "consent": ("audience", "audience", _("Choose lists")),
    "archived_list": ("audience", "audience", _("Choose lists")),
    "subject": ("content", "id_subject", _("Write the subject")),
    "MSG-5": ("content", "id_subject", _("Write the subject")),
    "stream": ("content", "id_stream", _("Choose a stream")),
    "pace": ("schedule", "id_max_per_minute", _("Change the pace")),
}
#: Rules whose fault lies in the template: the field there, and the button.
_TEMPLATE = {
    "content": ("", _("Open the template")), "merge_fields": ("id_source", _("Correct the template")),
    "unsubscribe_link": ("id_source", _("Add the link")), "MSG-1": ("id_source", _("Open the template")),
    "size": ("id_source", _("Shorten the template")), "unpublished": ("", _("Open the draft")),
    "loopback": ("id_source", _("Open the template")), "placeholder_links": ("id_source", _("Open the template")),
    **dict.fromkeys(FOR_NOBODY, ("id_source", _("Open the template"))),
}
#: Rules whose fault lies elsewhere: name of the page, the field there, and the button.
_PAGES = {
    "postal_address": ("settings-home", "footer", _("Write the address")), "sandbox": ("route-list", "", _("Go live")),
    "stream_paused": ("stream-list", "", _("See the streams")),
    "REP-5": ("suppression-list", "", _("See suppressions")), "REP-6": ("suppression-list", "", _("See suppressions")),
}


def place_of(campaign: Campaign, finding: PreflightFinding) -> Place | None:
    """Where the finding is mended; None where no page of ours does it."""
    rule, template = finding.rule, campaign.template
    if rule in _TEMPLATE and template is not None and template.archived_at is None:
        anchor, label = _TEMPLATE[rule]
        return _place("template-detail", template.public_id, anchor=anchor, label=gettext(label))
    if rule in _TEMPLATE:
        return _place("campaign-content", campaign.public_id, anchor="id_template", label=gettext("Choose a template"))
    if rule in _STEPS:
        step, anchor, label = _STEPS[rule]
        return _place(f"campaign-{step}", campaign.public_id, anchor=anchor, label=gettext(label))
    if rule == "from_verified":
        return _domain(campaign)
    if rule in _PAGES:
        name, anchor, label = _PAGES[rule]
        return _place(name, anchor=anchor, label=gettext(label))
    return None


def _domain(campaign: Campaign) -> Place | None:
    try:
        name = parse_mailbox(campaign.from_header).ascii_domain
    except AddressError:
        return None
    found = SendingDomain.objects.filter(workspace=campaign.workspace_id, name=name, deleted_at=None).first()
    if found is None:
        return _place("domain-new", label=gettext("Add %(name)s") % {"name": name})
    return _place("domain-detail", found.public_id, label=gettext("Open %(name)s") % {"name": name})


def _place(name: str, *args: str, label: str, anchor: str = "") -> Place | None:
    try:
        return Place(url=reverse(name, args=args) + (f"#{anchor}" if anchor else ""), label=label)
    except NoReverseMatch:
        return None
