"""`/u`, `/p`, `/f`: leave, choose, join, confirm. Guessed, foreign and stale tokens all get the same page."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from campaigns import archive, leaving, lists, subscriptions
from campaigns.contacts import Evidence
from campaigns.lists import AskedField
from campaigns.models import Contact, FieldType, SignUpForm, Subscription, SubscriptionStatus
from campaigns.public.pages import answer, language_of, named_language
from relayhub.core import languages
from relayhub.core.clock import now
from relayhub.core.crypto import link_keyring
from relayhub.core.errors import InputError, RelayHubError
from relayhub.core.ids import Prefix, decode_id
from relayhub.core.net import client_ip, client_network
from relayhub.protocol.tokens import Purpose, Reference, sign_reference
from relayhub.relay import tracking
from relayhub.relay.models import Recipient

MAX_SIGN_UPS_AN_HOUR = 20
#: What the links of a test mail hold in place of a token.
TEST_TOKEN = "test"
#: Fields of the sign-up form itself. No custom field can be called so: their keys are small letters, digits and _.
FORM_TOKEN, TRAP = "form-token", "Website"
_STALE = _("This form was open for too long. What you wrote is still here: send it once more.")
_TOO_MANY = _("Too many sign-ups came from where you are. Try again in an hour.")
_BAD_ADDRESS = _("This is not an e-mail address that mail can be sent to. Write one such as name@example.com.")
_BAD_VALUE = _("One of the answers does not fit its field. Look through them and send the form again.")
#: By what the field holds; of text there is only too much.
_BAD_VALUES = {
    FieldType.NUMBER: _("Write a number here, such as 12 or 3.5."),
    FieldType.DATE: _("Write a day here, such as 1990-11-24."),
    FieldType.BOOLEAN: _("Choose yes or no here."),
    FieldType.TEXT: _("This is too long. Write it in fewer words."),
}
_FAILED = _("Signing up does not work at present. Try again later.")


def _evidence(request: HttpRequest, channel: str, source: str = "") -> Evidence:
    return Evidence(
        channel=channel, source=source, ip=client_ip(request),
        user_agent=request.headers.get("User-Agent", "")[:300],
    )


def unknown(request: HttpRequest, token: str = "") -> HttpResponse:
    """What every address that leads nowhere says; the links of test mails say what they are.

    So do those of an issue in an archive, which name its list.
    """
    if token == TEST_TOKEN:
        return answer(request, "public/test_link.html")
    mailing_list = archive.list_of(token)
    if mailing_list is not None:
        return answer(request, "public/archive_link.html", {"workspace": mailing_list.workspace})
    return answer(request, "public/unknown_link.html", status=404)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    """GET asks; POST leaves, by the button or by a mail program's one click (RFC 8058: no cookie, no token)."""
    recipient = tracking.recipient_of(Purpose.UNSUBSCRIBE, token)
    if recipient is None:
        return unknown(request, token)
    contact = leaving.contact_of(recipient)
    context = {
        "workspace": recipient.workspace, "lists": leaving.lists_of_recipient(recipient),
        "address": recipient.address, "preferences": _preferences_link(recipient) if contact else "",
    }
    if request.method != "POST":
        return answer(request, "public/unsubscribe.html", context, contact=contact)
    is_one_click = request.POST.get("List-Unsubscribe") == "One-Click"
    leaving.leave(recipient, _evidence(request, "one_click" if is_one_click else "link"))
    return answer(request, "public/unsubscribed.html", context, contact=contact)


def _preferences_link(recipient: Recipient) -> str:
    token = sign_reference(
        Purpose.PREFERENCES, Reference(id=recipient.pk, issued_on=now().date()), link_keyring()
    )
    return f"/p/{token}"


@csrf_exempt  # the token in the path is the secret; a cookie would add nothing but itself
@require_http_methods(["GET", "HEAD", "POST"])
def preferences(request: HttpRequest, token: str) -> HttpResponse:
    """GET shows a person's lists; POST makes them what is ticked, or takes back a leave."""
    recipient = tracking.recipient_of(Purpose.PREFERENCES, token)
    contact = leaving.contact_of(recipient) if recipient is not None else None
    if recipient is None or contact is None:
        return unknown(request, token)
    workspace = recipient.workspace
    context: dict[str, Any] = {"workspace": workspace, "address": contact.email}
    if request.method == "POST":
        _choose(request, contact, language_of(request, contact=contact, workspace=workspace))
        context["is_saved"] = True
    choices = leaving.choices(contact)
    context |= {
        "choices": choices, "count": sum(choice.is_on for choice in choices), "languages": languages.shipped().items(),
        "present_language": language_of(request, contact=contact, workspace=workspace),
    }
    return answer(request, "public/preferences.html", context, contact=contact)


def _choose(request: HttpRequest, contact: Contact, shown_in: str) -> None:
    """Do what the form says. A language that was only shown is nobody's choice and is not kept as one."""
    chosen = languages.shipped_for(request.POST.get("language", "")[: languages.MAX_TAG])
    if chosen and chosen != contact.language and (chosen != shown_in or named_language(request)):
        leaving.set_language(contact, chosen)
    evidence = _evidence(request, "preferences")
    again = _lists_in(request, "again")
    if again:
        leaving.come_back(contact, again, evidence)
    elif request.POST.get("none"):
        leaving.leave_everything(contact, evidence)
    else:
        leaving.choose(contact, _lists_in(request, "list"), evidence)


def _lists_in(request: HttpRequest, name: str) -> set[Any]:
    return {value for text in request.POST.getlist(name) if (value := decode_id(Prefix.LIST, text)) is not None}


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def confirm(request: HttpRequest, token: str) -> HttpResponse:
    """GET asks, for programs follow links, and says it where the answer is there; POST is the person's yes."""
    found = tracking.reference(Purpose.CONFIRM, token)
    rows = Subscription.objects.select_related("mailing_list", "mailing_list__workspace", "contact")
    row = rows.filter(pk=found.id).first() if found else None
    if row is None:
        return unknown(request)
    context = {"workspace": row.mailing_list.workspace, "mailing_list": row.mailing_list,
               "address": row.contact.email}
    if request.method != "POST":
        is_on = row.status == SubscriptionStatus.CONFIRMED
        return answer(request, f"public/{'confirmed' if is_on else 'confirm'}.html", context, contact=row.contact)
    subscriptions.confirm(row, evidence=_evidence(request, "confirmation"))
    return answer(request, "public/confirmed.html", context, contact=row.contact)


@csrf_exempt
@require_http_methods(["GET", "HEAD", "POST"])
def sign_up(request: HttpRequest, form_id: str) -> HttpResponse:
    """A hosted sign-up form; also where forms embedded in other sites send."""
    value = decode_id(Prefix.FORM, form_id)
    rows = SignUpForm.objects.select_related("mailing_list", "workspace", "mailing_list__workspace")
    form = rows.filter(pk=value).first() if value else None
    if form is None:
        return unknown(request)
    context: dict[str, Any] = {"workspace": form.workspace, "form": form, "mailing_list": form.mailing_list}
    if not form.is_enabled or form.mailing_list.archived_at is not None:
        return answer(request, "public/closed_form.html", context, status=410)
    context |= {
        "token": leaving.form_token(form, client_ip(request)), "values": request.POST,
        "asks_name": "name" in form.field_keys, "asked": lists.asked_fields(form),
    }
    # Posted without a token: from a form in another site. The address is filled in, and one more click subscribes.
    is_sent = request.method == "POST" and (FORM_TOKEN in request.POST or bool(request.POST.get(TRAP)))
    if not is_sent:
        return answer(request, "public/sign_up.html", context)
    return _taken(request, form, context)


def _taken(request: HttpRequest, form: SignUpForm, context: dict[str, Any]) -> HttpResponse:
    """Take what was sent. A robot, which fills in the field nobody sees, is told the same as people."""
    def again(error: str | Promise, status: int, field: str = "") -> HttpResponse:
        values = {**context, "error": error, "error_field": field}
        return answer(request, "public/sign_up.html", values, status=status)

    if request.POST.get(TRAP):
        return answer(request, "public/signed_up.html", context)
    if not leaving.is_form_token(form, client_ip(request), request.POST.get(FORM_TOKEN, "")):
        return again(_STALE, 422)
    if not _within_limit(f"sign-up:{client_network(request)}"):
        return again(_TOO_MANY, 429)
    evidence = _evidence(request, "form", request.build_absolute_uri(request.path))
    spoken = named_language(request) or languages.asked_for(request)
    try:
        leaving.join(form, request.POST.dict(), evidence, language=spoken)
    except InputError as exc:
        return again(*_told(exc.field, context["asked"]))
    except RelayHubError:
        return again(_FAILED, 422)
    return answer(request, "public/signed_up.html", context)


def _told(field: str, asked: Sequence[AskedField]) -> tuple[str | Promise, int, str]:
    """What is said of a refused answer, the status, and the field it stands beside; "" where it is none of the form."""
    if field == "email":
        return _BAD_ADDRESS, 422, field
    if field == "name":
        return _BAD_VALUES[FieldType.TEXT], 422, field
    wrong = next((item for item in asked if field == f"fields.{item.key}"), None)
    return (_BAD_VALUES[FieldType(wrong.kind)], 422, wrong.key) if wrong is not None else (_BAD_VALUE, 422, "")


def _within_limit(key: str) -> bool:
    cache.add(key, 0, 3600)
    try:
        return cache.incr(key) <= MAX_SIGN_UPS_AN_HOUR
    except ValueError:
        return True
