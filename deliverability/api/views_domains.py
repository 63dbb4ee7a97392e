"""`/domains`."""

from __future__ import annotations

from typing import Any, ClassVar

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from deliverability import domains, managers, records, sharing
from deliverability.dns_hosts import dns_host
from deliverability.models import DomainCheckChange, DomainShare, DomainStatus, SendingDomain
from deliverability.verdict import verdict_of
from relayhub.core.access import get_or_absent
from relayhub.core.api.base import ApiView, StrictSerializer, parsed
from relayhub.core.api.pagination import page_by_id
from relayhub.core.api.views import moment
from relayhub.core.errors import InputError
from relayhub.core.ids import Prefix
from relayhub.core.models import Scope


class DomainSerializer(StrictSerializer):
    """A domain to add."""

    name = serializers.CharField(max_length=255)


def domain_body(domain: SendingDomain) -> dict[str, Any]:
    """A domain with its keys and checks, and what they mean in a sentence."""
    checks, host = list(domain.checks.all()), dns_host(domain.name_servers)
    return {
        "id": domain.public_id, "name": domain.name, "status": domain.status,
        "verdict": verdict_of(domain, checks).sentence,
        "verified_at": moment(domain.verified_at), "checked_at": moment(domain.checked_at),
        "next_check_at": moment(domain.next_check_at), "failing_since": moment(domain.failing_since),
        "created_at": moment(domain.created_at),
        "name_servers": domain.name_servers, "dns_provider": host.name if host is not None else None,
        "keys": [
            {
                "selector": key.selector, "algorithm": key.algorithm, "state": key.state,
                "seen_in_dns_at": moment(key.seen_in_dns_at), "activated_at": moment(key.activated_at),
                "retired_at": moment(key.retired_at),
            }
            for key in domain.keys.all()
        ],
        "checks": [
            {
                "kind": check.kind, "outcome": check.outcome, "found": check.found, "wanted": check.wanted,
                "explanation": check.explanation, "required": check.is_required, "type": check.record_type,
                "name": check.record_name, "checked_at": moment(check.checked_at),
            }
            for check in checks
        ],
    }


def record_bodies(domain: SendingDomain) -> list[dict[str, Any]]:
    """What to publish, the required first."""
    return [
        {"purpose": record.purpose, "type": record.type, "name": record.name, "value": record.value,
         "required": record.required}
        for record in records.records(domain)
    ]


class DomainsView(ApiView):
    """Sending domains."""

    permissions: ClassVar = {"GET": Scope.DOMAINS_READ, "POST": Scope.DOMAINS_WRITE}

    def get(self, request: Request) -> Response:
        """All of them, or those of `?status=` or `?name=`."""
        found = managers.live_domains(self.actor.workspace.pk).prefetch_related("checks", "keys")
        status, name = request.query_params.get("status", ""), request.query_params.get("name", "")
        if status:
            if status not in DomainStatus.values:
                raise InputError(f"The status is one of: {', '.join(DomainStatus.values)}.", field="status")
            found = found.filter(status=status)
        if name:
            found = found.filter(name=name.strip().rstrip(".").lower())
        return Response(page_by_id(request, found, lambda rows: map(domain_body, rows)))

    def post(self, request: Request) -> Response:
        """Add one: 201, or 200 where it is there."""
        data = parsed(DomainSerializer, request)
        domain, is_new = domains.add_domain(self.actor, self.actor.workspace, data["name"])
        return Response(domain_body(domain), status=201 if is_new else 200)


class _OneDomain(ApiView):
    def domain(self, domain_id: str) -> SendingDomain:
        """The domain, or AccessError."""
        rows = managers.live_domains(self.actor.workspace.pk)
        return get_or_absent(rows.prefetch_related("checks", "keys"), Prefix.DOMAIN, domain_id)


class DomainView(_OneDomain):
    """One domain."""

    permissions: ClassVar = {"GET": Scope.DOMAINS_READ, "DELETE": Scope.DOMAINS_WRITE}

    def get(self, request: Request, domain_id: str) -> Response:
        """The domain and its checks."""
        return Response(domain_body(self.domain(domain_id)))

    def delete(self, request: Request, domain_id: str) -> Response:
        """Remove it with its keys."""
        domains.delete_domain(self.actor, self.domain(domain_id))
        return Response(status=204)


class VerifyView(_OneDomain):
    """POST looks at DNS now, past any cache."""

    permissions: ClassVar = {"POST": Scope.DOMAINS_WRITE}
    is_idempotent = False

    def post(self, request: Request, domain_id: str) -> Response:
        """The domain as it stands after the look."""
        domains.verify_when_asked(self.actor, self.domain(domain_id))
        return Response(domain_body(self.domain(domain_id)))


class RecordsView(_OneDomain):
    """GET what to publish."""

    permissions: ClassVar = {"GET": Scope.DOMAINS_READ}

    def get(self, request: Request, domain_id: str) -> Response:
        """Every record, the required first."""
        return Response({"data": record_bodies(self.domain(domain_id)), "next": None})


class RotateView(_OneDomain):
    """POST makes new DKIM keys that sign once they are seen in DNS."""

    permissions: ClassVar = {"POST": Scope.DOMAINS_WRITE}

    def post(self, request: Request, domain_id: str) -> Response:
        """The records to publish now."""
        domain = self.domain(domain_id)
        domains.rotate_keys(self.actor, domain)
        return Response({"data": record_bodies(domain), "next": None}, status=201)


class ChangesView(_OneDomain):
    """GET what changed in DNS between two looks."""

    permissions: ClassVar = {"GET": Scope.DOMAINS_READ}

    def get(self, request: Request, domain_id: str) -> Response:
        """Newest first."""
        found = DomainCheckChange.objects.filter(domain=self.domain(domain_id))
        return Response(page_by_id(request, found, lambda rows: map(_change_body, rows)))


class SharesView(_OneDomain):
    """Links that show the records to whoever runs the domain's DNS."""

    permissions: ClassVar = {"GET": Scope.DOMAINS_READ, "POST": Scope.DOMAINS_WRITE}
    is_idempotent = False  # a secret must not be kept for a second answer

    def get(self, request: Request, domain_id: str) -> Response:
        """Those that still open something, newest first; at most ten."""
        rows = sharing.open_shares(self.domain(domain_id))
        return Response({"data": [share_body(row) for row in rows], "next": None})

    def post(self, request: Request, domain_id: str) -> Response:
        """Make one; its `url` is told here and never again."""
        made = sharing.share(self.actor, self.domain(domain_id))
        return Response(share_body(made.share) | {"url": made.link}, status=201)


class ShareView(_OneDomain):
    """One link."""

    permissions: ClassVar = {"DELETE": Scope.DOMAINS_WRITE}

    def delete(self, request: Request, domain_id: str, share_id: str) -> Response:
        """Take it back."""
        rows = DomainShare.objects.filter(domain=self.domain(domain_id)).select_related("domain")
        sharing.revoke(self.actor, get_or_absent(rows, Prefix.DOMAIN_SHARE, share_id))
        return Response(status=204)


def share_body(row: DomainShare) -> dict[str, Any]:
    """A link without its secret."""
    return {
        "id": row.public_id, "created_at": moment(row.created_at), "made_by": row.made_by,
        "expires_at": moment(row.expires_at), "opened_at": moment(row.opened_at),
    }


def _change_body(row: DomainCheckChange) -> dict[str, Any]:
    return {
        "kind": row.kind, "name": row.record_name, "at": moment(row.at), "explanation": row.explanation,
        "before": {"outcome": row.old_outcome or None, "found": row.old_found},
        "after": {"outcome": row.new_outcome, "found": row.new_found},
    }
