"""`/u`, `/p`, `/f`, `/v`, `/a`: guessed, foreign and stale tokens all get the same page."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.template.loader import render_to_string
from django.utils.crypto import constant_time_compare
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods, require_safe

from campaigns import archive as archives
from campaigns import leaving, lists, subscriptions
from campaigns.contacts import Evidence
from campaigns.models import MailingList, SignUpForm, Subscription
from campaigns.public.content import caged, caged_text, self_contained
from relayhub.core.errors import PrepareError, RelayHubError
from relayhub.core.ids import Prefix, decode_id
from relayhub.core.net import client_ip
from relayhub.protocol.tokens import Purpose
from relayhub.relay import display, tracking
from relayhub.relay.models import Recipient

MAX_SIGN_UPS_AN_HOUR = 20
#: What the links of a test mail hold in place of a token.
TEST_TOKEN = "test"


def _evidence(request: HttpRequest, channel: str, source: str = "") -> Evidence:
    return Evidence(
        channel=channel, source=source, ip=client_ip(request),
        user_agent=request.headers.get("User-Agent", "")[:300],
    )


def _unknown(request: HttpRequest, token: str = "") -> HttpResponse:
    if token == TEST_TOKEN:
        return render(request, "public/test_link.html")
    return render(request, "public/unknown_link.html", status=404)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """GET asks; POST leaves, by the button or by a mail program's one click (RFC 8058: no cookie, no token)."""
    recipient = tracking.recipient_of(Purpose.UNSUBSCRIBE, token)
    if recipient is None:
        return _unknown(request, token)
    on_lists = leaving.lists_of_recipient(recipient)
    context = {"workspace": recipient.workspace, "lists": on_lists, "address": recipient.address,
               "preferences": _preferences_link(recipient)}
    if request.method != "POST":
        return render(request, "public/unsubscribe.html", context)
    is_one_click = request.POST.get("List-Unsubscribe") == "One-Click"
    leaving.leave(recipient, _evidence(request, "one_click" if is_one_click else "link"))
    return render(request, "public/unsubscribed.html", context)


def _preferences_link(recipient: Recipient) -> str:
    from relayhub.core.clock import now
    from relayhub.core.crypto import link_keyring
    from relayhub.protocol.tokens import Reference, sign_reference

    token = sign_reference(
        Purpose.PREFERENCES, Reference(id=recipient.pk, issued_on=now().date()), link_keyring()
    )
    return f"/p/{token}"


@csrf_exempt  # the token in the path is the secret; a cookie would add nothing but itself
@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows a person's lists; POST makes them what is ticked."""
    recipient = tracking.recipient_of(Purpose.PREFERENCES, token)
    contact = leaving.contact_of(recipient) if recipient is not None else None
    if recipient is None or contact is None:
        return _unknown(request, token)
    context: dict[str, Any] = {"workspace": recipient.workspace, "address": contact.email}
    if request.method == "POST":
        wanted = {
            value for text in request.POST.getlist("list") if (value := decode_id(Prefix.LIST, text)) is not None
        }
        if request.POST.get("none"):
            wanted = set()
        leaving.choose(contact, wanted, _evidence(request, "preferences"))
        context["saved"] = True
    return render(request, "public/preferences.html", {**context, "choices": leaving.choices(contact)})


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """GET asks, for programs follow links; POST is the person's yes."""
    found = tracking.reference(Purpose.CONFIRM, token)
    rows = Subscription.objects.select_related("mailing_list", "mailing_list__workspace", "contact")
    row = rows.filter(pk=found.id).first() if found else None
    if row is None:
        return _unknown(request)
    context = {"workspace": row.mailing_list.workspace, "mailing_list": row.mailing_list,
               "address": row.contact.email}
    if request.method != "POST":
        return render(request, "public/confirm.html", context)
    subscriptions.confirm(row, evidence=_evidence(request, "confirmation"))
    return render(request, "public/confirmed.html", context)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def sign_up(request: HttpRequest, form_id: str) -> HttpResponse:
    """A hosted sign-up form."""
    value = decode_id(Prefix.FORM, form_id)
    rows = SignUpForm.objects.select_related("mailing_list", "workspace", "mailing_list__workspace")
    form = rows.filter(pk=value, is_enabled=True, mailing_list__archived_at=None).first() if value else None
    if form is None:
        return _unknown(request)
    ip = client_ip(request)
    token = leaving.form_token(form, ip)
    context: dict[str, Any] = {
        "workspace": form.workspace, "form": form, "token": token, "values": request.POST,
        "asks_name": "name" in form.field_keys, "asked": lists.asked_fields(form),
    }
    if request.method != "POST":
        return render(request, "public/sign_up.html", context)
    # A robot fills in the field nobody sees, or posts without having read the page: told the same as people.
    is_robot = request.POST.get("website") or not constant_time_compare(request.POST.get("token", ""), token)
    if is_robot and request.POST.get("website"):
        return render(request, "public/signed_up.html", context)
    if "token" not in request.POST:
        # From a form embedded in another site: the address is filled in here, and one more click subscribes.
        return render(request, "public/sign_up.html", context)
    if is_robot:
        context["error"] = "This form was open for too long. What you wrote is still here: send it once more."
        return render(request, "public/sign_up.html", context, status=422)
    if not _within_limit(f"sign-up:{ip}"):
        context["error"] = "Too many sign-ups came from where you are. Try again in an hour."
        return render(request, "public/sign_up.html", context, status=429)
    try:
        leaving.join(form, request.POST.dict(), _evidence(request, "form", request.build_absolute_uri()))
    except RelayHubError as exc:
        return render(request, "public/sign_up.html", {**context, "error": exc.message}, status=422)
    return render(request, "public/signed_up.html", context)


def _within_limit(key: str) -> bool:
    cache.add(key, 0, 3600)
    try:
        return cache.incr(key) <= MAX_SIGN_UPS_AN_HOUR
    except ValueError:
        return True


@require_safe
def view_in_browser(request: HttpRequest, token: str) -> HttpResponse:
    """The mail as its recipient got it, caged."""
    recipient = tracking.recipient_of(Purpose.VIEW, token)
    if recipient is None:
        return _unknown(request, token)
    return _shown(recipient)


def _shown(recipient: Recipient) -> HttpResponse:
    try:
        shown = display.readable(display.recipient_bytes(recipient))
    except PrepareError:
        return caged("<p>This message cannot be shown any more.</p>")
    return caged(shown.html) if shown.html is not None else caged_text(shown.text or "")


@require_safe
def archive(request: HttpRequest, list_id: str) -> HttpResponse:
    """The sent campaigns of a list that keeps a public archive."""
    mailing_list = _archived_list(list_id)
    if mailing_list is None:
        return _unknown(request)
    html = render_to_string("public/archive.html", {
        "workspace": mailing_list.workspace, "mailing_list": mailing_list, "issues": archives.issues(mailing_list),
    })
    return caged(self_contained(html))


@require_safe
def archived_campaign(request: HttpRequest, list_id: str, campaign_id: str) -> HttpResponse:
    """One campaign of an archive, as nobody in particular would see it."""
    mailing_list = _archived_list(list_id)
    value = decode_id(Prefix.CAMPAIGN, campaign_id)
    campaign = archives.sent_to(mailing_list).filter(pk=value).first() if mailing_list and value else None
    if campaign is None:
        return _unknown(request)
    try:
        shown = archives.for_nobody(campaign)
    except PrepareError:
        return caged("<p>This message cannot be shown any more.</p>")
    return caged(shown.html) if shown.html else caged_text(shown.text or "")


def _archived_list(list_id: str) -> MailingList | None:
    value: UUID | None = decode_id(Prefix.LIST, list_id)
    rows = MailingList.objects.select_related("workspace").filter(has_archive=True, archived_at=None)
    return rows.filter(pk=value).first() if value else None
