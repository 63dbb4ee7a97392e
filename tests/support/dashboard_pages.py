"""Every page of the dashboard that shows a workspace's rows, by name: for tours, measurements and counts of queries."""

from __future__ import annotations

from campaigns.models import Broadcast, Campaign, Contact, MailingList, MailTemplate, Picture
from deliverability.models import SendingDomain, Suppression
from relayhub.core.models import RefusedRequest, Workspace
from relayhub.relay.models import Message, Recipient

#: Pages whose first screen is a list: they must be quicker than the others.
LISTS = frozenset(
    {
        "campaigns", "contacts", "lists", "templates", "pictures", "messages", "sandbox", "domains", "suppressions",
        "jobs", "audit",
    }
)


def pages_of(workspace: Workspace, *, run: Broadcast | None = None) -> dict[str, str]:
    """Name -> path; of the newest campaign unless another run is given. Pages without a row are left out."""
    mine = {"workspace": workspace}
    run = run or Broadcast.objects.filter(campaign__workspace=workspace).order_by("-id").first()
    recipients = Recipient.objects.filter(**mine).order_by("-id")
    bounced = recipients.filter(status="bounced", message__broadcast_id=None).first()
    bounced = bounced or recipients.filter(status="bounced").first()
    plain = Message.objects.filter(broadcast_id=None, **mine).order_by("-id").first()
    found = {
        "home": "/", "campaigns": "/campaigns", "contacts": "/contacts",
        "contact": _first(Contact, "/contacts/{}", mine), "fields": "/contacts/fields",
        "lists": "/lists", "list": _first(MailingList, "/lists/{}", mine),
        "templates": "/templates", "template": _first(MailTemplate, "/templates/{}", mine),
        "pictures": "/pictures", "picture": _first(Picture, "/pictures/{}", mine), "messages": "/messages",
        "live": "/live", "sandbox": "/sandbox", "api": "/programs", "smtp": "/programs/smtp",
        "refused": "/programs/refused", "refused-one": _first(RefusedRequest, "/programs/refused/{}", mine),
        "domains": "/domains", "domain": _first(SendingDomain, "/domains/{}", mine), "suppressions": "/suppressions",
        "suppression": _first(Suppression, "/suppressions/{}", mine), "routes": "/routes", "streams": "/streams",
        "settings": "/settings", "people": "/settings/people", "security": "/settings/security",
        "audit": "/settings/audit", "profile": "/settings/profile", "stop": "/settings/sending", "help": "/help",
        "help-page": "/help/glossary", "jobs": "/jobs", "search": "/search?q=order",
    }
    if run is not None:
        campaign = Campaign.objects.get(pk=run.campaign_id).public_id
        found["campaign-report"] = f"/campaigns/{campaign}/report"
    if plain is not None:
        found |= {"message": f"/messages/{plain.public_id}", "message-source": f"/messages/{plain.public_id}/source"}
    if bounced is not None:
        found["message-bounced"] = f"/messages/{bounced.public_id}"
    return {name: path for name, path in found.items() if path}


def narrowed_pages_of(workspace: Workspace, run: Broadcast) -> dict[str, str]:
    """The same for lists that are narrowed and searched, by words that many, few and none have."""
    reached = Recipient.objects.filter(broadcast_id=run.pk).order_by("id").first()
    assert reached is not None
    report = f"/campaigns/{Campaign.objects.get(pk=run.campaign_id).public_id}/report"
    mailing_list = MailingList.objects.filter(workspace=workspace).order_by("id").first()
    assert mailing_list is not None
    on_list = f"/contacts?list={mailing_list.public_id}"
    return {
        **{f"contacts: {text}": f"/contacts?q={text}" for text in ("ada", "zzyzx", reached.address)},
        "contacts: a list": on_list, "contacts: left a list": f"{on_list}&status=unsubscribed",
        "contacts: not on a list": f"/contacts?not_list={mailing_list.public_id}",
        **{f"contacts: {name}": f"/contacts?standing={name}"
           for name in ("may", "unconfirmed", "unsubscribed", "suppressed", "none")},
        # Their rows come after the page: what that takes.
        **{f"contacts: {name}, the rows": f"/contacts?{query}&whole=1" for name, query in {
            "not on a list": f"not_list={mailing_list.public_id}", "none": "standing=none",
            "opened": "did=opened&within=30", "no evidence": "consent=none",
        }.items()},
        "contacts: opened": "/contacts?did=opened&within=30", "contacts: bounced": "/contacts?did=bounced&within=90",
        "contacts: opened nothing": "/contacts?did=not_opened&within=90",
        "contacts: no evidence": "/contacts?consent=none", "contacts: by name": "/contacts?sort=name",
        "contacts: by field": "/contacts?field=city&op=is&value=Town+499",
        "messages: an address": f"/messages?q={reached.address}", "messages: a domain": f"/messages?q={reached.domain}",
        "messages: bounced": "/messages?q=bounced", "messages: a word": "/messages?q=order",
        "messages: no such word": "/messages?q=zzyzx", "messages: a day": "/messages?q=yesterday",
        **{f"report: {name}": f"{report}?{query}" for name, query in {
            "opened": "did=opened", "machines": "did=opened_by_machines", "clicked": "did=clicked",
            "bounced": "status=bounced", "a provider": "provider=Gmail", "an address": f"q={reached.address}",
        }.items()},
        "search: ada": "/search?q=ada", "search: nothing": "/search?q=zzyzx",
        "search: an address": f"/search?q={reached.address}", "search: a domain": f"/search?q={reached.domain}",
        "suppressions: a word": "/suppressions?q=person",
    }


def _first(model: type, path: str, mine: dict[str, Workspace]) -> str:
    row = model.objects.filter(**mine).order_by("id").first()  # type: ignore[attr-defined]
    return path.format(row.public_id) if row is not None else ""
