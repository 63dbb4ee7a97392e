"""Domains: may I send as this one, and what is missing? Add, look again, rotate keys, take the zone file, delete."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.translation import gettext as _
from django.utils.translation import ngettext, pgettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from deliverability import domain_history, domains, managers, sharing, signing
from deliverability.dns_hosts import dns_host
from deliverability.forms import NewDomainForm
from deliverability.models import DkimKey, DomainStatus, KeyAlgorithm, KeyState, SendingDomain
from deliverability.record_words import RecordState, RecordView, record_views
from deliverability.surroundings import surroundings
from deliverability.verdict import Verdict, verdict_of
from relayhub.core import formats, shown_once
from relayhub.core.access import get_or_absent
from relayhub.core.clock import now
from relayhub.core.errors import RelayHubError
from relayhub.core.ids import Prefix
from relayhub.core.models import Scope
from relayhub.core.pages import PageRequest, page
from relayhub.core.paging import table_page
from relayhub.core.vocabulary import status_look

#: What of the history is shown before “all”.
_HISTORY_SHOWN = 6
_KEY_ORDER = [KeyState.ACTIVE, KeyState.PUBLISHING, KeyState.RETIRING, KeyState.RETIRED]


@dataclass(frozen=True, kw_only=True)
class DomainLine:
    """A domain of the list."""

    domain: SendingDomain
    verdict: Verdict
    is_due: bool


def domain_of(request: PageRequest, domain_id: str) -> SendingDomain:
    """The domain with its checks, or AccessError."""
    rows = managers.live_domains(request.actor.workspace.pk).prefetch_related("checks")
    return get_or_absent(rows, Prefix.DOMAIN, domain_id)


def _line(domain: SendingDomain) -> DomainLine:
    return DomainLine(
        domain=domain, verdict=verdict_of(domain, list(domain.checks.all())), is_due=domain.next_check_at <= now()
    )


@require_GET
@page(Scope.DOMAINS_READ)
def domain_list(request: PageRequest) -> HttpResponse:
    """Every domain with its verdict; those in trouble are told above."""
    everything = managers.live_domains(request.actor.workspace.pk)
    found = everything.prefetch_related("checks")
    text, status = request.GET.get("q", "").strip().lower(), request.GET.get("status", "")
    if text:
        found = found.filter(name__icontains=text)
    if status in DomainStatus.values:
        found = found.filter(status=status)
    table = table_page(request, found)
    broken = everything.filter(status=DomainStatus.BROKEN).prefetch_related("checks")[:5]
    return render(
        request, "deliverability/domain_list.html",
        {
            "table": table, "lines": [_line(row) for row in table.rows], "has_any": everything.exists(),
            "broken": [_line(row) for row in broken],
            "chips": [
                {"key": "status", "value": value, "label": status_look(value, of="domain").word}
                for value in DomainStatus.values
            ],
        },
    )


@require_http_methods(["GET", "HEAD", "POST"])
@page(Scope.DOMAINS_WRITE)
def domain_new(request: PageRequest) -> HttpResponse:
    """Name a domain; its records are on its page."""
    form = NewDomainForm(request.POST or None)
    if request.method == "POST" and form.is_valid():
        try:
            domain, is_new = domains.add_domain(
                request.actor, request.actor.workspace, form.cleaned_data["name"]
            )
        except RelayHubError as exc:
            form.add_error("name", exc.message)
        else:
            if not is_new:
                messages.info(request, _("%(domain)s was here already.") % {"domain": domain.name})
            return redirect("domain-detail", domain.public_id)
    return render(
        request, "deliverability/domain_new.html", {"form": form}, status=422 if form.is_bound else 200
    )


@require_GET
@page(Scope.DOMAINS_READ)
def domain_detail(request: PageRequest, domain_id: str) -> HttpResponse:
    """The verdict, every record as wanted and found, keys, history."""
    domain = domain_of(request, domain_id)
    context = _context(request, domain) | {"new_share": shown_once.take(request, share_name(domain))}
    return render(request, "deliverability/domain_detail.html", context)


@require_GET
@page(Scope.DOMAINS_READ)
def domain_state(request: PageRequest, domain_id: str) -> HttpResponse:
    """The part of the page that changes, for its polling; 204 while nothing was looked up anew."""
    domain = domain_of(request, domain_id)
    if request.GET.get("seen", "") == stamp_of(domain):
        return HttpResponse(status=204)
    context = _context(request, domain) | {"is_polled": True}
    return render(request, "deliverability/_domain_state.html", context)


@require_POST
@page(Scope.DOMAINS_WRITE)
def domain_check(request: PageRequest, domain_id: str) -> HttpResponse:
    """Ask DNS now, past any cache."""
    domain = domain_of(request, domain_id)
    domains.verify_when_asked(request.actor, domain)
    line = _line(domain_of(request, domain_id))
    _tell(request, line)
    return redirect("domain-detail", domain.public_id)


def _tell(request: PageRequest, line: DomainLine) -> None:
    words = _("Looked up just now.") + f" {line.verdict.sentence}"
    if line.domain.status == DomainStatus.VERIFIED and line.verdict.breaks_at is None:
        messages.success(request, words)
    else:
        messages.info(request, words)


@require_POST
@page(Scope.DOMAINS_WRITE)
def domain_rotate(request: PageRequest, domain_id: str) -> HttpResponse:
    """Make new DKIM keys to publish."""
    domain = domain_of(request, domain_id)
    domains.rotate_keys(request.actor, domain)
    messages.success(
        request, _("New keys are made. Publish their records below; the present keys sign until then.")
    )
    return redirect("domain-detail", domain.public_id)


@require_POST
@page(Scope.DOMAINS_WRITE)
def domain_delete(request: PageRequest, domain_id: str) -> HttpResponse:
    """Remove the domain and its keys."""
    domain = domain_of(request, domain_id)
    if request.POST.get("typed", "").strip().lower() != domain.name:
        messages.error(
            request,
            _("Nothing was deleted: the name that was typed is not %(domain)s.") % {"domain": domain.name},
        )
        return redirect("domain-detail", domain.public_id)
    domains.delete_domain(request.actor, domain)
    messages.success(
        request, _("%(domain)s is deleted. Its records may be taken out of DNS.") % {"domain": domain.name}
    )
    return redirect("domain-list")


@require_GET
@page(Scope.DOMAINS_READ)
def domain_zone(request: PageRequest, domain_id: str) -> HttpResponse:
    """The records as a zone file."""
    domain = domain_of(request, domain_id)
    answer = HttpResponse(domains.zone_text(domain), content_type="text/plain; charset=utf-8")
    answer["Content-Disposition"] = f'attachment; filename="{domain.name}.zone"'
    return answer


# -- what the page says --------------------------------------------------------------------------------------


def share_name(domain: SendingDomain) -> str:
    """Under which a new link waits to be shown."""
    return f"share-{domain.public_id}"


def stamp_of(domain: SendingDomain) -> str:
    """Changes with every look, every change of status and every new key."""
    keys = managers.keys_of(domain)
    last = keys[-1].pk if keys else 0
    return f"{domain.checked_at.timestamp() if domain.checked_at else 0}-{domain.status}-{last}"


def state_words(domain: SendingDomain, keys: Sequence[DkimKey], *, is_demo: bool) -> dict[str, Any]:
    """What everybody who may look at the records is told: the verdict, the records, where its DNS is."""
    line = _line(domain)
    retiring = frozenset(key.selector for key in keys if key.state == KeyState.RETIRING)
    views = record_views(domain.name, domains.records(domain), domain.checks.all(), retiring=retiring)
    if domain.verified_at is not None:
        views.sort(key=lambda view: not (view.needs_work and view.is_required))
    return {
        "domain": domain, "verdict": line.verdict, "is_due": line.is_due, "stamp": stamp_of(domain),
        "is_moving": _is_moving(domain, keys, is_demo=is_demo), "records": views,
        "zone": views[0].zone if views else domain.name, "dns_host": dns_host(domain.name_servers),
    }


def folded(views: Sequence[RecordView]) -> tuple[list[RecordView], list[RecordView]]:
    """Those that are shown at once, and those that nobody has to look at: optional and right."""
    settled = [view for view in views if not view.is_required and view.state is RecordState.RIGHT]
    return [view for view in views if view not in settled], settled


def _context(request: PageRequest, domain: SendingDomain) -> dict[str, Any]:
    keys = managers.keys_of(domain, *KeyState)
    words = state_words(domain, keys, is_demo=request.actor.workspace.is_demo)
    views: list[RecordView] = words["records"]
    shown, settled = folded(views)
    only_wrong = request.GET.get("show", "") == "todo"
    history = domain_history.history_of(domain)
    may_write = request.actor.may(Scope.DOMAINS_WRITE)
    is_broken = domain.status == DomainStatus.BROKEN
    mail = surroundings().mail_of_domain(domain.workspace_id, domain.name) if is_broken or may_write else None
    return words | {
        "records": [view for view in shown if view.needs_work or not only_wrong], "only_wrong": only_wrong,
        "settled": [] if only_wrong else settled,
        "todo": sum(1 for view in views if view.needs_work),
        "keys": [_key_line(key, views) for key in sorted(keys, key=_key_order)], "is_rotating": _is_rotating(keys),
        "recent": history[:_HISTORY_SHOWN], "earlier": history[_HISTORY_SHOWN:], "mail": mail,
        "delete_lines": _delete_lines(domain, mail) if may_write and mail is not None else [],
        "is_new": domain.status == DomainStatus.PENDING,
        "shares": list(sharing.open_shares(domain)) if may_write else [],
        "unreachable_host": settings.RELAYHUB_HOSTNAME if "." not in settings.RELAYHUB_HOSTNAME else "",
    }


def _is_rotating(keys: Sequence[DkimKey]) -> bool:
    rsa = [key for key in keys if key.algorithm == KeyAlgorithm.RSA]
    return any(key.state == KeyState.ACTIVE for key in rsa) and any(key.state == KeyState.PUBLISHING for key in rsa)


def _is_moving(domain: SendingDomain, keys: Sequence[DkimKey], *, is_demo: bool) -> bool:
    """Whether somebody may be waiting at this page for what the next look says."""
    if is_demo:
        return False
    return domain.status != DomainStatus.VERIFIED or domain.failures > 0 or _is_rotating(keys)


def _key_order(key: DkimKey) -> int:
    return _KEY_ORDER.index(KeyState(key.state))


def _key_line(key: DkimKey, views: Sequence[RecordView]) -> dict[str, Any]:
    record = next((view for view in views if view.name.startswith(f"{key.selector}._domainkey.")), None)
    states = {
        KeyState.PUBLISHING: ("pending", pgettext("DKIM key", "Waits")),
        KeyState.ACTIVE: ("active", pgettext("DKIM key", "Signs")),
        KeyState.RETIRING: ("stopped", pgettext("DKIM key", "Retiring")),
        KeyState.RETIRED: ("archived", pgettext("DKIM key", "Retired")),
    }
    status, word = states[KeyState(key.state)]
    if key.state == KeyState.ACTIVE and record is not None and record.needs_work:
        status, word = "missing", _("Not in DNS")
    return {
        "key": key, "status": status, "word": word, "anchor": record.anchor if record else "",
        "keep_until": key.retired_at + signing.RETIRING_FOR if key.retired_at else None,
    }


def _delete_lines(domain: SendingDomain, mail: Any) -> list[str]:
    lines = [
        _(
            "Mail from addresses of %(domain)s is refused at once, by SMTP and by the API, unless it goes to the"
            " sandbox."
        ) % {"domain": domain.name},
        _("Both private keys are destroyed. Adding the domain again makes new ones, with new records to publish."),
    ]
    waiting = mail.held + mail.queued
    if waiting > 10_000:
        lines.append(
            _("More than %(count)s recipients of its mail get nothing more from now on: they are held and expire.")
            % {"count": formats.number(10_000)}
        )
    elif waiting:
        lines.append(
            ngettext(
                "%(count)s waiting recipient of its mail gets nothing more from now on: it is held and expires.",
                "%(count)s waiting recipients of its mail get nothing more from now on: they are held and expire.",
                waiting,
            ) % {"count": formats.number(waiting)}
        )
    return lines
