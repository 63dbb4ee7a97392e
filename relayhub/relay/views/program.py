"""The API page: keys, where to connect, examples to paste. Keys are made, rotated and revoked here as by `/keys`."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from typing import Any

from django import forms
from django.contrib import messages
from django.db.models import Q, QuerySet
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from deliverability.models import SendingDomain
from relayhub.core import keys, refusals, shown_once
from relayhub.core.access import CREDENTIALS_READ, Actor, get_or_absent
from relayhub.core.clock import now
from relayhub.core.errors import RelayHubError
from relayhub.core.formats import number
from relayhub.core.ids import Prefix
from relayhub.core.models import ApiKey, Scope, Workspace
from relayhub.core.pages import PageRequest, page
from relayhub.core.paging import table_page
from relayhub.relay import connecting
from relayhub.relay.models import SmtpCredential, Stream, StreamKind
from relayhub.relay.views.program_forms import OVERLAP_CHOICES, USUAL_SCOPES, KeyForm, RotateForm, scope_rows

NEW_KEY = "api-key"
#: How near an expiry is told in colour.
SOON = timedelta(days=14)
#: More refused requests than this are not counted on every page beside theirs.
_MANY_REFUSED = 1_000


@require_GET
@never_cache
@page()
def api_home(request: PageRequest) -> HttpResponse:
    """How do my programs use it? Keys are shown to those who may see them, the rest to everybody."""
    actor = request.actor
    may_see = actor.may(Scope.KEYS_READ)
    found = ended(ApiKey.objects.filter(workspace=actor.workspace), request.GET.get("state") == "ended")
    table = table_page(request, found, size=25) if may_see else None
    return render(
        request, "relay/api/keys.html",
        {
            **shared(request, "keys"), "table": table, "may_see": may_see,
            "entries": _lines(table.rows, actor) if table else [],
            "new": shown_once.take(request, NEW_KEY) if may_see else None, "chips": ENDED_CHIPS,
            "overlaps": OVERLAP_CHOICES,
            "examples": connecting.rest_examples(place_of(request), letter_of(request)),
        },
    )


ENDED_CHIPS = [{"key": "state", "value": "ended", "label": _("Ended")}]


def ended(found: QuerySet[Any], is_wanted: bool) -> QuerySet[Any]:
    """Those that work no more, or those that do."""
    over = Q(revoked_at__isnull=False) | Q(expires_at__lte=now())
    return found.filter(over) if is_wanted else found.exclude(over)


def _lines(rows: Sequence[ApiKey], actor: Actor) -> list[dict[str, Any]]:
    replaced, held = keys.replaced_among(rows), set(actor.permissions)
    refused = refusals.counts_of(actor.workspace, [row.public_id for row in rows])
    return [
        _line(row, held, is_replaced=row.pk in replaced, refused=refused.get(row.public_id, 0)) for row in rows
    ]


def _line(key: ApiKey, held: set[str], *, is_replaced: bool, refused: int) -> dict[str, Any]:
    streams = (gettext("stream %(name)s") % {"name": name} for name in key.streams)
    return {"row": key, "limits": [*key.domains, *streams, *key.networks],
            "scopes": _scope_words(key.scopes), "state": state_of(key.revoked_at, key.expires_at),
            "may_rotate": not is_replaced and set(key.scopes) <= held, "ends_soon": ends_soon(key.expires_at),
            "refused": refused}


def _scope_words(scopes: Iterable[str]) -> str:
    given = list(scopes)
    return gettext("every scope") if set(given) == set(Scope.values) else ", ".join(given)


def ends_soon(expires_at: datetime | None) -> bool:
    """Whether it ends within the time in which people should act."""
    return expires_at is not None and expires_at - now() < SOON


def state_of(revoked_at: datetime | None, expires_at: datetime | None) -> str:
    """active, expired or revoked."""
    if revoked_at is not None:
        return "revoked"
    return "expired" if expires_at is not None and expires_at <= now() else "active"


def place_of(request: PageRequest) -> connecting.Connection:
    """Where to connect, seen from this request."""
    return connecting.connection(f"{request.scheme}://{request.get_host()}")


def letter_of(request: PageRequest) -> connecting.Letter:
    """The examples' mail: from the workspace's domain to the person who reads."""
    domain, _ = connecting.sender_domain(request.actor.workspace)
    return connecting.Letter(sender=f"hello@{domain}", to=request.user.email)


def shared(request: PageRequest, here: str) -> dict[str, Any]:
    """What both tabs show."""
    workspace = request.actor.workspace
    may_see, may_smtp = request.actor.may(Scope.KEYS_READ), request.actor.may(CREDENTIALS_READ)
    domain, is_verified = connecting.sender_domain(workspace)
    return {
        "here": here, "connect": place_of(request), "domain": domain, "is_verified": is_verified,
        "refused_count": refused_count(workspace) if may_see else "",
        "key_count": ended(ApiKey.objects.filter(workspace=workspace), False).count() if may_see else None,
        "credential_count": ended(SmtpCredential.objects.filter(workspace=workspace), False).count()
        if may_smtp else None,
    }


def refused_count(workspace: Workspace) -> str:
    """How many refused requests are kept, in words: `12`, or `1,000+`."""
    found = refusals.count_of(workspace, most=_MANY_REFUSED + 1)
    return f"{number(_MANY_REFUSED)}+" if found > _MANY_REFUSED else number(found)


def domain_names(workspace: Workspace) -> list[str]:
    """The domains that a key or credential can be limited to."""
    rows = SendingDomain.objects.filter(workspace=workspace, deleted_at=None).order_by("name")
    return list(rows.values_list("name", flat=True))


def stream_choices(workspace: Workspace) -> list[tuple[str, str]]:
    """(slug, name) of the streams that programs may send in."""
    rows = Stream.objects.filter(workspace=workspace).exclude(kind=StreamKind.SYSTEM).order_by("name")
    return [(row.slug, row.title) for row in rows]


def refuse(form: forms.Form, error: RelayHubError) -> None:
    """Show a service's refusal at its field, or above the form."""
    field = getattr(error, "field", "")
    field = {"expires_at": "life"}.get(field, field)
    form.add_error(field if field in form.fields else None, error.message)


@require_http_methods(["GET", "HEAD", "POST"])
@page(Scope.KEYS_WRITE)
def key_new(request: PageRequest) -> HttpResponse:
    """Make a key; the next page shows it, once."""
    workspace = request.actor.workspace
    form = KeyForm(request.POST or None, domains=domain_names(workspace), streams=stream_choices(workspace))
    ticked = set(request.POST.getlist("scopes")) if form.is_bound else set(USUAL_SCOPES)
    if form.is_bound and form.is_valid():
        try:
            made = keys.create_key(
                request.actor, name=form.cleaned_data["name"],
                limits=keys.KeyLimits(
                    scopes=tuple(sorted(ticked)), domains=form.domains_given, networks=form.networks_given,
                    streams=tuple(form.cleaned_data["streams"]), expires_at=form.expires_at,
                    requests_per_second=form.cleaned_data["requests_per_second"],
                ),
            )
        except RelayHubError as exc:
            refuse(form, exc)
        else:
            return _show(request, made)
    rows = scope_rows(request.actor, ticked)
    others = [row for row in rows if not row["is_usual"]]
    return render(
        request, "relay/api/key_new.html",
        {"form": form, "rows": [row for row in rows if row["is_usual"]], "others": others,
         "shows_others": any(row["is_ticked"] for row in others)},
        status=422 if form.is_bound else 200,
    )


def _show(request: PageRequest, made: keys.NewKey) -> HttpResponse:
    shown_once.keep(request, NEW_KEY, {"name": made.key.name, "text": made.text})
    return redirect("api-home")


def _key_of(request: PageRequest, key_id: str) -> ApiKey:
    return get_or_absent(ApiKey.objects.filter(workspace=request.actor.workspace), Prefix.API_KEY, key_id)


def overlap_of(request: PageRequest) -> timedelta:
    """The chosen overlap, or the default where the form says something else."""
    form = RotateForm(request.POST)
    return timedelta(seconds=form.cleaned_data["overlap"]) if form.is_valid() else keys.DEFAULT_OVERLAP


@require_POST
@page(Scope.KEYS_WRITE)
def key_rotate(request: PageRequest, key_id: str) -> HttpResponse:
    """Make a successor; the next page shows it, once."""
    return _show(request, keys.rotate_key(request.actor, _key_of(request, key_id), overlap=overlap_of(request)))


@require_POST
@page(Scope.KEYS_WRITE)
def key_revoke(request: PageRequest, key_id: str) -> HttpResponse:
    """End a key at once."""
    key = _key_of(request, key_id)
    keys.revoke_key(request.actor, key)
    words = gettext("Revoked “%(name)s”. Requests with it are refused from now on.")
    messages.success(request, words % {"name": key.name})
    return redirect("api-home")
