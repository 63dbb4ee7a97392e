"""The SMTP tab of the API page: credentials for programs that speak SMTP, and examples."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from relayhub.core import refusals, shown_once
from relayhub.core.access import CREDENTIALS_READ, CREDENTIALS_WRITE, get_or_absent
from relayhub.core.errors import RelayHubError
from relayhub.core.ids import Prefix
from relayhub.core.models import Workspace
from relayhub.core.pages import PageRequest, page
from relayhub.core.paging import table_page
from relayhub.relay import connecting, credentials
from relayhub.relay.models import SmtpCredential, Stream
from relayhub.relay.views import program
from relayhub.relay.views.program_forms import OVERLAP_CHOICES, CredentialForm

NEW_CREDENTIAL = "smtp-credential"


@require_GET
@never_cache
@page(CREDENTIALS_READ)
def smtp(request: PageRequest) -> HttpResponse:
    """Which programs hand in mail by SMTP, and how."""
    workspace = request.actor.workspace
    found = SmtpCredential.objects.filter(workspace=workspace).select_related("stream")
    table = table_page(request, program.ended(found, request.GET.get("state") == "ended"), size=25)
    new = shown_once.take(request, NEW_CREDENTIAL)
    first = program.ended(SmtpCredential.objects.filter(workspace=workspace), False).order_by("-created_at").first()
    username = (new or {}).get("username") or (first.username if first else "")
    return render(
        request, "relay/api/smtp.html",
        {
            **program.shared(request, "smtp"), "table": table, "new": new,
            "entries": _lines(table.rows, workspace), "chips": program.ENDED_CHIPS,
            "overlaps": OVERLAP_CHOICES, "username": username,
            "examples": connecting.smtp_examples(
                program.place_of(request), program.letter_of(request), username or "YOUR-USER-NAME"
            ),
        },
    )


def _lines(rows: Sequence[SmtpCredential], workspace: Workspace) -> list[dict[str, Any]]:
    refused = refusals.counts_of(workspace, [row.public_id for row in rows])
    return [_line(row, refused.get(row.public_id, 0)) for row in rows]


def _line(row: SmtpCredential, refused: int) -> dict[str, Any]:
    return {"row": row, "refused": refused, "limits": [*row.domains, *row.networks],
            "state": program.state_of(row.revoked_at, row.expires_at),
            "ends_soon": program.ends_soon(row.expires_at), "newer": credentials.newer_of(row)}


@require_http_methods(["GET", "HEAD", "POST"])
@page(CREDENTIALS_WRITE)
def credential_new(request: PageRequest) -> HttpResponse:
    """Make a credential; the next page shows its password, once."""
    workspace = request.actor.workspace
    form = CredentialForm(
        request.POST or None, domains=program.domain_names(workspace), streams=program.stream_choices(workspace)
    )
    if form.is_bound and form.is_valid():
        slug = form.cleaned_data["stream"]
        try:
            made = credentials.create_credential(
                request.actor, name=form.cleaned_data["name"], domains=form.domains_given,
                stream=Stream.objects.get(workspace=workspace, slug=slug) if slug else None,
                networks=form.networks_given, expires_at=form.expires_at,
            )
        except RelayHubError as exc:
            program.refuse(form, exc)
        else:
            return _show(request, made)
    return render(request, "relay/api/smtp_new.html", {"form": form}, status=422 if form.is_bound else 200)


def _show(request: PageRequest, made: credentials.NewCredential) -> HttpResponse:
    shown_once.keep(
        request, NEW_CREDENTIAL,
        {"name": made.credential.name, "username": made.username, "password": made.password},
    )
    return redirect("api-smtp")


def _credential_of(request: PageRequest, credential_id: str) -> SmtpCredential:
    rows = SmtpCredential.objects.filter(workspace=request.actor.workspace).select_related("stream")
    return get_or_absent(rows, Prefix.CREDENTIAL, credential_id)


@require_POST
@page(CREDENTIALS_WRITE)
def credential_rotate(request: PageRequest, credential_id: str) -> HttpResponse:
    """Make a successor; the next page shows its password, once."""
    old = _credential_of(request, credential_id)
    return _show(
        request, credentials.rotate_credential(request.actor, old, overlap=program.overlap_of(request))
    )


@require_POST
@page(CREDENTIALS_WRITE)
def credential_revoke(request: PageRequest, credential_id: str) -> HttpResponse:
    """End a credential; open sessions notice within seconds."""
    row = _credential_of(request, credential_id)
    credentials.revoke_credential(request.actor, row)
    words = _("Revoked “%(name)s”. Sign-ins with it are refused from now on.")
    messages.success(request, words % {"name": row.name})
    return redirect("api-smtp")
