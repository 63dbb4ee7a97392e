"""The first two steps of a campaign: audience and content. Each POST saves and goes on.

A save carries the revision the person saw. Where somebody else saved meanwhile nothing is written: the page comes
back with what was entered, says what stands there now, and the next save is made knowingly.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.http import HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.views.decorators.clickjacking import xframe_options_sameorigin
from django.views.decorators.http import require_GET, require_http_methods

from campaigns import audience, contacts, editing, list_choice, lists, preflight, template_looks, templates, test_send
from campaigns.forms.campaign import ContentForm
from campaigns.models import Campaign, Contact, MailingList, MailTemplate, TemplateVersion
from campaigns.public.content import caged
from campaigns.views.common import addresses_in, campaign_of, chosen_lists, picked_list, refuse
from campaigns.views.template_editor import test_rows
from campaigns.views.template_preview import framed, text_page
from campaigns.views.wizard_steps import (
    audience_notes,
    editable,
    left_out,
    reach,
    refusal_of,
    seen_revision,
    step_context,
)
from deliverability.models import DomainStatus, SendingDomain
from relayhub.core.access import get_or_absent
from relayhub.core.errors import AccessError, ConflictError, InputError, PrepareError, RelayHubError
from relayhub.core.ids import Prefix, encode_id
from relayhub.core.live_feed import Feed
from relayhub.core.live_response import live_response
from relayhub.core.models import Scope, User
from relayhub.core.pages import PageRequest, page
from relayhub.core.templatetags.relayhub_extras import nav_url
from relayhub.relay import template_words

#: Contacts offered to look at a mail as.
PEOPLE_OFFERED = 20


# -- audience ------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@page(Scope.CAMPAIGNS_READ, write=Scope.CAMPAIGNS_WRITE)
def audience_step(request: PageRequest, campaign_id: str) -> HttpResponse:
    """Choose lists and exclusions."""
    campaign = editable(request, campaign_id)
    if campaign is None:
        return redirect("campaign-report", campaign_id)
    if request.method != "POST":
        return _audience_page(request, campaign, _chosen_before(request, campaign), list(campaign.excluded_lists.all()))
    chosen, excluded = _ticked(request, "lists", request.POST), _ticked(request, "excluded", request.POST)
    try:
        _refuse_unknown(request)
        if not chosen:
            raise InputError(_("Choose at least one list."), field="lists")
        changes = editing.CampaignChanges(lists=chosen, excluded_lists=excluded, step=reach(campaign, "content"))
        editing.change_campaign(request.actor, campaign, changes, revision=seen_revision(request))
    except ConflictError as exc:
        fresh = campaign_of(request, campaign_id)
        theirs = ", ".join(fresh.lists.values_list("name", flat=True)) or _("no list")
        words = _("Not saved: %(why)s They chose %(lists)s. Your choice is kept below.")
        problem = words % {"why": exc.message, "lists": theirs}
        return _audience_page(request, fresh, chosen, excluded, problem=problem, status=409)
    except InputError as exc:
        return _audience_page(request, campaign, chosen, excluded, problem=exc.message, status=422)
    if "close" in request.POST:
        return redirect("campaign-list")
    return redirect("campaign-content", campaign.public_id)


def _chosen_before(request: PageRequest, campaign: Campaign) -> list[MailingList]:
    """The lists as saved; in a campaign that nobody saved yet the only list there is."""
    saved = list(campaign.lists.filter(archived_at=None))
    if saved or campaign.revision:
        return saved
    offered = list(lists.lists_of(request.actor.workspace)[:2])
    return offered if len(offered) == 1 else []


def _audience_page(
    request: PageRequest, campaign: Campaign, chosen: Sequence[MailingList], excluded: Sequence[MailingList], *,
    problem: str = "", status: int = 200,
) -> HttpResponse:
    found = audience.count(
        request.actor.workspace, [row.pk for row in chosen], excluded=[row.pk for row in excluded],
        stream_id=preflight.stream_for(campaign).pk,
    )
    return render(
        request, "campaigns/campaign_audience.html",
        step_context(
            request, campaign, "audience", audience_notes(campaign, found), problem=problem,
            revision=request.POST.get("revision", campaign.revision) if status == 422 else campaign.revision,
            has_lists=lists.lists_of(request.actor.workspace).exists(), **_offered_lists(request, chosen, excluded),
            found=found, left_out=left_out(found), **_asked(request, campaign, chosen, excluded),
        ),
        status=status,
    )


def _ticked(request: PageRequest, name: str, source: QueryDict) -> list[MailingList]:
    """The lists that are ticked, and the one that was found by its name and is to be ticked.

    Who is left out stays left out although the list was archived since.
    """
    added = picked_list(request, f"add_{name}", source=source)
    rows = chosen_lists(request, name, source=source, with_archived=name == "excluded")
    return list({row.pk: row for row in [*rows, *([added] if added else [])]}.values())


def _refuse_unknown(request: PageRequest) -> None:
    """InputError for a name that no list has: it was typed to be ticked."""
    for name in ("lists", "excluded"):
        typed = request.POST.get(f"add_{name}_name", "").strip()
        if typed and picked_list(request, f"add_{name}") is None:
            words = _("There is no list “%(name)s”. Choose one that the search finds.")
            raise InputError(words % {"name": typed[:200]}, field=name)


def _offered_lists(
    request: PageRequest, chosen: Sequence[MailingList], excluded: Sequence[MailingList]
) -> dict[str, Any]:
    """The lists to tick: all while they fit a page, else the ticked ones and a search."""
    every = list_choice.choices(request.actor.workspace)
    rows, out = chosen, excluded
    if every is not None:
        rows, out = every, [*every, *(row for row in excluded if row.archived_at is not None)]
    counts = lists.counts_by_status([*{row.pk for row in (*rows, *out)}])

    def shown(row: MailingList) -> dict[str, Any]:
        return {"row": row, "confirmed": counts[row.pk].get("confirmed", 0),
                "unconfirmed": counts[row.pk].get("unconfirmed", 0)}

    return {"lists": [shown(row) for row in rows], "excluded_lists": [shown(row) for row in out],
            "is_searched": every is None,
            "chosen": {row.pk for row in chosen}, "excluded": {row.pk for row in excluded}}


def _asked(
    request: PageRequest, campaign: Campaign, chosen: Sequence[MailingList], excluded: Sequence[MailingList]
) -> dict[str, Any]:
    """Would the address that somebody looks up get it, and why not?"""
    email = request.GET.get("ask", "").strip()[:320]
    if not email:
        return {"ask": "", "asked": None}
    found = audience.ask(
        request.actor.workspace, email, [row.pk for row in chosen], excluded=[row.pk for row in excluded],
        stream_id=preflight.stream_for(campaign).pk,
    )
    contact = encode_id(Prefix.CONTACT, found.contact_id) if found.contact_id else ""
    return {"ask": email, "asked": found, "asked_url": nav_url("contact-detail", contact) if contact else "",
            "asked_tone": "delivered" if found.is_reached else "suppressed"}


@require_GET
@page(Scope.CAMPAIGNS_READ)
def audience_ask(request: PageRequest, campaign_id: str) -> HttpResponse:
    """Whether one address would get it with the lists that are ticked now."""
    campaign = campaign_of(request, campaign_id)
    chosen, excluded = _ticked(request, "lists", request.GET), _ticked(request, "excluded", request.GET)
    return render(request, "campaigns/_audience_ask.html", {
        "campaign": campaign, **_asked(request, campaign, chosen, excluded),
    })


@require_GET
@page(Scope.CAMPAIGNS_READ)
def campaign_watch(request: PageRequest, campaign_id: str) -> HttpResponseBase:
    """Tells an open step that somebody else saved, scheduled, launched or cancelled the campaign meanwhile."""
    campaign, user, seen = campaign_of(request, campaign_id), request.user, request.GET.get("revision", "")
    feed = Feed(
        key=f"campaign-watch:{campaign.pk}:{user.timezone}:{seen}", workspace_id=campaign.workspace_id,
        every_seconds=2.0, floor_seconds=15.0, render=lambda: _meanwhile(campaign, user, seen),
    )
    return live_response(request, feed)


def _meanwhile(looked_at: Campaign, user: User, seen: str) -> dict[str, Any]:
    campaign = Campaign.objects.filter(pk=looked_at.pk, workspace_id=looked_at.workspace_id).first()
    is_changed = campaign is None or str(campaign.revision) != seen or campaign.status not in editing.EDITABLE
    html = render_to_string("campaigns/_wizard_meanwhile.html", {
        "meanwhile": campaign, "is_changed": is_changed, "user": user,
        "is_launched": campaign is not None and campaign.status not in editing.EDITABLE,
        "refused": refusal_of(campaign) if campaign is not None else None,
    })
    return {"html": {"wizard-meanwhile": html}, "end": is_changed}


@require_GET
@page(Scope.CAMPAIGNS_READ)
def audience_count(request: PageRequest, campaign_id: str) -> HttpResponse:
    """The count for the lists that are ticked now, saved or not; one that was searched for is ticked by it."""
    campaign = campaign_of(request, campaign_id)
    chosen, excluded = _ticked(request, "lists", request.GET), _ticked(request, "excluded", request.GET)
    found = audience.count(
        request.actor.workspace, [row.pk for row in chosen], excluded=[row.pk for row in excluded],
        stream_id=preflight.stream_for(campaign).pk,
    )
    context: dict[str, Any] = {"found": found, "left_out": left_out(found), "is_part": True}
    added = [name for name in ("lists", "excluded") if request.GET.get(f"add_{name}")]
    if added:
        context |= {"added": added, **_offered_lists(request, chosen, excluded)}
    return render(request, "campaigns/_audience_count.html", context)


# -- content -------------------------------------------------------------------------------------------------


@require_http_methods(["GET", "HEAD", "POST"])
@page(Scope.CAMPAIGNS_READ, write=Scope.CAMPAIGNS_WRITE)
def content_step(request: PageRequest, campaign_id: str) -> HttpResponse:
    """Choose From, subject and template; a test is saved first, so that it shows what is on the page."""
    campaign = editable(request, campaign_id)
    if campaign is None:
        return redirect("campaign-report", campaign_id)
    rows = _offered(request, campaign)
    form = ContentForm(request.POST or None, templates=_labelled(rows), initial=_initial(campaign, rows),
                       streams=[(row.slug, row.title) for row in preflight.streams_of(request.actor.workspace)])
    posted = request.POST.get("revision", str(campaign.revision))
    if request.method != "POST" or not form.is_valid():
        return _content_page(request, campaign, form, revision=posted, has_templates=bool(rows))
    conflict: dict[str, str] = {}
    try:
        _save_content(request, campaign, form.cleaned_data, rows)
        posted = ""  # what stands there from now on is what this page says
        if request.POST.get("act") == "test":
            return _send_test(request, campaign_of(request, campaign_id))
    except ConflictError as exc:
        conflict = _differences(form, campaign_of(request, campaign_id))
        refuse(form, exc)
    except RelayHubError as exc:
        refuse(form, exc, **{"from": "from_header"})
    else:
        step = "campaign-content" if request.POST.get("act") == "stay" else "campaign-preflight"
        return redirect(step, campaign.public_id)
    fresh = campaign_of(request, campaign_id)
    revision = str(fresh.revision) if conflict or not posted else posted
    return _content_page(
        request, fresh, form, revision=revision, has_templates=True, conflict=conflict, status=409 if conflict else 422
    )


def _offered(request: PageRequest, campaign: Campaign) -> list[MailTemplate]:
    """Templates to choose from; one that was archived stays on offer where it is chosen already."""
    rows = list(templates.templates_of(request.actor.workspace))
    if campaign.template is not None and campaign.template not in rows:
        rows.append(campaign.template)
    return rows


def _labelled(rows: Sequence[MailTemplate]) -> list[tuple[str, str]]:
    """Id and words of each; what nobody published yet says so."""
    published = set(
        TemplateVersion.objects.filter(template__in=rows).exclude(published_at=None).values_list("template", flat=True)
    )
    return [(row.public_id, row.name if row.pk in published else _("%(name)s (not published yet)") % {"name": row.name})
            for row in rows]


def _template_before(campaign: Campaign, rows: Sequence[MailTemplate]) -> str:
    """The template as saved; else the only one there is."""
    if campaign.template is not None:
        return campaign.template.public_id
    return rows[0].public_id if len(rows) == 1 else ""


def _initial(campaign: Campaign, rows: Sequence[MailTemplate]) -> dict[str, Any]:
    return {
        "name": campaign.name, "from_header": campaign.from_header or test_send.usual_sender(campaign.workspace),
        "reply_to": campaign.reply_to, "template": _template_before(campaign, rows),
        "subject": campaign.subject, "track": campaign.track, "stream": preflight.stream_for(campaign).slug,
    }


def _content_page(
    request: PageRequest, campaign: Campaign, form: ContentForm, *, revision: str, has_templates: bool,
    conflict: dict[str, str] | None = None, status: int = 422,
) -> HttpResponse:
    found = audience.lately_counted_for(campaign, preflight.stream_for(campaign).pk)
    tested = request.GET.get("tested", "")
    return render(
        request, "campaigns/campaign_content.html",
        step_context(
            request, campaign, "content", audience_notes(campaign, found), form=form, has_templates=has_templates,
            revision=revision, conflict=conflict, domains=_verified_domains(request),
            people=_people(request, campaign).values_list("email", flat=True)[:PEOPLE_OFFERED],
            as_text=request.POST.get("as", ""), test_to=request.POST.get("test_to", request.user.email),
            tested=tested, test_rows=test_rows(request, tested),
        ),
        status=status if form.is_bound else 200,
    )


def _differences(form: ContentForm, stored: Campaign) -> dict[str, str]:
    """Label -> what stands there now, of the fields in which somebody else's save differs from this one."""
    now = {"name": stored.name, "from_header": stored.from_header, "reply_to": stored.reply_to,
           "subject": stored.subject, "template": stored.template.public_id if stored.template else "",
           "track": stored.track, "stream": preflight.stream_for(stored).slug}
    words = {**now, "template": stored.template.name if stored.template else "",
             "track": dict(form.fields["track"].choices).get(stored.track, ""),  # type: ignore[attr-defined]
             "stream": preflight.stream_for(stored).title}
    found = {
        str(form.fields[field].label): words[field] or _("empty")
        for field, value in now.items() if field in form.fields and value != form.cleaned_data.get(field)
    }
    return found or {_("Audience or schedule"): _("changed")}


def _save_content(
    request: PageRequest, campaign: Campaign, data: dict[str, Any], rows: Sequence[MailTemplate]
) -> None:
    template = next((row for row in rows if row.public_id == data["template"]), None)
    streams = preflight.streams_of(request.actor.workspace) if data.get("stream") else []
    editing.change_campaign(
        request.actor, campaign,
        editing.CampaignChanges(
            name=data["name"], from_header=data["from_header"], reply_to=data["reply_to"], template=template,
            subject=data["subject"], track=data["track"] or None, step=reach(campaign, "preflight"),
            stream=next((row for row in streams if row.slug == data["stream"]), None),
        ),
        revision=seen_revision(request),
    )


def _verified_domains(request: PageRequest) -> list[str]:
    rows = SendingDomain.objects.filter(
        workspace=request.actor.workspace, status=DomainStatus.VERIFIED, deleted_at=None
    )
    return list(rows.values_list("name", flat=True)[:10])


def _people(request: PageRequest, campaign: Campaign) -> Any:
    """Contacts on the campaign's lists, newest first."""
    found = contacts.contacts_of(request.actor.workspace).filter(subscriptions__mailing_list__in=campaign.lists.all())
    return found.order_by("-id").distinct()


def _shown_to(request: PageRequest, campaign: Campaign) -> Contact | None:
    """The contact that was asked for by address, else the newest on the lists."""
    text = request.POST.get("as", request.GET.get("as", "")).strip()
    if text:
        return contacts.find(request.actor.workspace, text)
    person: Contact | None = _people(request, campaign).first()
    return person


@require_GET
@xframe_options_sameorigin
@page(Scope.CAMPAIGNS_READ)
def content_preview(request: PageRequest, campaign_id: str) -> HttpResponse:
    """What a contact would get, for the sandboxed frame: as saved, or with the template and subject asked for.

    `show=text` shows the plain text, `dark=1` the mail's own dark styles, `images=off` what is left without pictures.
    """
    campaign = campaign_of(request, campaign_id)
    template, wanted = campaign.template, request.GET.get("template", "")
    if wanted and (template is None or wanted != template.public_id):
        template = _template_asked_for(request, wanted)
    version = templates.sent_version(template) if template else None
    if version is None:
        return caged(framed(_("Choose a template to see the mail here.")))
    subject = request.GET.get("subject", campaign.subject)
    try:
        shown = templates.preview(
            request.actor.workspace, templates.content_of(version), _shown_to(request, campaign), subject=subject
        )
    except PrepareError as exc:
        return caged(framed(template_words.told(exc.message)))
    if request.GET.get("show") == "text" or not shown.html:
        return caged(text_page(shown.text or ""))
    html = (template_looks.in_the_dark if request.GET.get("dark") else template_looks.in_the_light)(shown.html)
    if request.GET.get("images") == "off":
        html = template_looks.without_images(html)
    return caged(html)


def _template_asked_for(request: PageRequest, template_id: str) -> MailTemplate | None:
    try:
        return get_or_absent(templates.templates_of(request.actor.workspace), Prefix.TEMPLATE, template_id)
    except AccessError:
        return None


def _send_test(request: PageRequest, campaign: Campaign) -> HttpResponse:
    """Send what was just saved, and come back to where its way is shown."""
    to = addresses_in(request.POST.get("test_to", ""))
    accepted = test_send.send_test(request.actor, campaign, to, _shown_to(request, campaign))
    response = redirect("campaign-content", campaign.public_id)
    response["Location"] += f"?tested={encode_id(Prefix.MESSAGE, accepted.message_id)}#test"
    return response
