"""`/v`, `/a`: a mail in the browser, and the public archive of a list with its feed. Content is caged."""

from __future__ import annotations

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed
from django.views.decorators.http import require_safe

from campaigns import archive as archives
from campaigns.public.content import caged, caged_text, self_contained
from campaigns.public.pages import answer, in_language_of, language_links
from campaigns.public.views import unknown
from relayhub.core import languages
from relayhub.core.errors import PrepareError
from relayhub.core.ids import Prefix, decode_id
from relayhub.core.models import Workspace
from relayhub.protocol.tokens import Purpose
from relayhub.relay import display, tracking


@require_safe
def view_in_browser(request: HttpRequest, token: str) -> HttpResponse:
    """The mail as its recipient got it, caged."""
    recipient = tracking.recipient_of(Purpose.VIEW, token)
    if recipient is None:
        return unknown(request, token)
    try:
        shown = display.readable(display.recipient_bytes(recipient))
    except PrepareError:
        return _gone(request, recipient.workspace)
    return caged(shown.html) if shown.html is not None else caged_text(shown.text or "")


def _gone(request: HttpRequest, workspace: Workspace) -> HttpResponse:
    return answer(request, "public/gone.html", {"workspace": workspace}, status=410)


@require_safe
def archive(request: HttpRequest, list_id: str) -> HttpResponse:
    """The sent campaigns of a list that keeps a public archive, newest first."""
    mailing_list = archives.list_of(list_id)
    if mailing_list is None:
        return unknown(request)
    page = archives.page_of(mailing_list, number=_number(request.GET.get("page", "")))
    with in_language_of(request, workspace=mailing_list.workspace):
        html = render_to_string("public/archive.html", {
            "workspace": mailing_list.workspace, "mailing_list": mailing_list, "page": page,
            "form": archives.form_of(mailing_list), "request": request, **language_links(request),
        })
        response = caged(self_contained(html))
        languages.say_language(response)
    return response


def _number(text: str) -> int:
    return min(int(text), 1000) if text.isascii() and text.isdigit() and len(text) < 5 and int(text) else 1


@require_safe
def archive_feed(request: HttpRequest, list_id: str) -> HttpResponse:
    """The archive's newest issues as an Atom feed (RFC 4287)."""
    mailing_list = archives.list_of(list_id)
    if mailing_list is None:
        return unknown(request)
    base = settings.RELAYHUB_BASE_URL
    here = f"{base}{reverse('public-archive', args=[mailing_list.public_id])}"
    feed = Atom1Feed(
        title=mailing_list.name, link=here, description=mailing_list.description,
        feed_url=f"{base}{reverse('public-archive-feed', args=[mailing_list.public_id])}",
        author_name=mailing_list.workspace.company or mailing_list.workspace.name,
        language=mailing_list.workspace.language,
    )
    for issue in archives.page_of(mailing_list, number=1, size=archives.IN_FEED).issues:
        path = reverse("public-archive-campaign", args=[mailing_list.public_id, issue.campaign.public_id])
        feed.add_item(
            title=issue.title, link=f"{base}{path}", description=issue.preheader, unique_id=f"{base}{path}",
            pubdate=issue.campaign.launched_at, updateddate=issue.campaign.launched_at,
        )
    return HttpResponse(feed.writeString("utf-8"), content_type="application/atom+xml; charset=utf-8")


@require_safe
def archived_campaign(request: HttpRequest, list_id: str, campaign_id: str) -> HttpResponse:
    """One campaign of an archive, as nobody in particular would see it."""
    mailing_list = archives.list_of(list_id)
    value = decode_id(Prefix.CAMPAIGN, campaign_id)
    campaign = archives.sent_to(mailing_list).filter(pk=value).first() if mailing_list and value else None
    if campaign is None:
        return unknown(request)
    try:
        shown = archives.for_nobody(campaign, links=_links_of(request, list_id))
    except PrepareError:
        return _gone(request, campaign.workspace)
    return caged(shown.html) if shown.html else caged_text(shown.text or "")


def _links_of(request: HttpRequest, list_id: str) -> dict[str, str]:
    """The links of one person's mail: here they lead to a page that says whose they are, or to this one."""
    base = settings.RELAYHUB_BASE_URL
    ask, choose = (reverse(f"public-{name}", args=[list_id]) for name in ("unsubscribe", "preferences"))
    here = {"unsubscribe_url": ask, "preferences_url": choose, "view_url": request.path}
    return {name: f"{base}{path}" for name, path in here.items()}
