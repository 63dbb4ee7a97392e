"""`/domains` and `/suppressions`."""

from __future__ import annotations

from typing import Any, ClassVar
from uuid import UUID

from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from deliverability import domains, records, signing, suppression
from deliverability.models import SendingDomain, Suppression, SuppressionReason, SuppressionScope
from relayhub.core.access import get_or_absent, require
from relayhub.core.api.base import ApiView, StrictSerializer, parsed
from relayhub.core.api.pagination import page_by_id
from relayhub.core.api.views import moment
from relayhub.core.errors import AccessError, InputError
from relayhub.core.ids import Prefix, decode_id, encode_id
from relayhub.core.models import Scope


class DomainSerializer(StrictSerializer):
    """A domain to add."""

    name = serializers.CharField(max_length=255)


def domain_body(domain: SendingDomain) -> dict[str, Any]:
    """A domain with its checks."""
    return {
        "id": domain.public_id, "name": domain.name, "status": domain.status,
        "verified_at": moment(domain.verified_at), "checked_at": moment(domain.checked_at),
        "next_check_at": moment(domain.next_check_at), "failing_since": moment(domain.failing_since),
        "created_at": moment(domain.created_at),
        "checks": [
            {
                "kind": check.kind, "outcome": check.outcome, "found": check.found, "wanted": check.wanted,
                "explanation": check.explanation, "required": check.is_required, "type": check.record_type,
                "name": check.record_name, "checked_at": moment(check.checked_at),
            }
            for check in domain.checks.all()
        ],
    }


class DomainsView(ApiView):
    """Sending domains."""

    permissions: ClassVar = {"GET": Scope.DOMAINS_READ, "POST": Scope.DOMAINS_WRITE}

    def get(self, request: Request) -> Response:
        """All of them."""
        found = SendingDomain.objects.filter(
            workspace=self.actor.workspace, deleted_at=None
        ).prefetch_related("checks")
        return Response(page_by_id(request, found, lambda rows: map(domain_body, rows)))

    def post(self, request: Request) -> Response:
        """Add one: 201, or 200 where it is there."""
        data = parsed(DomainSerializer, request)
        domain, is_new = domains.add_domain(self.actor, self.actor.workspace, data["name"])
        return Response(domain_body(domain), status=201 if is_new else 200)


class _OneDomain(ApiView):
    def domain(self, domain_id: str) -> SendingDomain:
        """The domain, or AccessError."""
        rows = SendingDomain.objects.filter(workspace=self.actor.workspace, deleted_at=None)
        return get_or_absent(rows.prefetch_related("checks"), Prefix.DOMAIN, domain_id)


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
        domains.verify(self.domain(domain_id), fresh=True)
        return Response(domain_body(self.domain(domain_id)))


class RecordsView(_OneDomain):
    """GET what to publish."""

    permissions: ClassVar = {"GET": Scope.DOMAINS_READ}

    def get(self, request: Request, domain_id: str) -> Response:
        """Every record, the required first."""
        data = [
            {"purpose": record.purpose, "type": record.type, "name": record.name, "value": record.value,
             "required": record.required}
            for record in records.records(self.domain(domain_id))
        ]
        return Response({"data": data, "next": None})


class RotateView(_OneDomain):
    """POST makes new DKIM keys that sign once they are seen in DNS."""

    permissions: ClassVar = {"POST": Scope.DOMAINS_WRITE}

    def post(self, request: Request, domain_id: str) -> Response:
        """The records to publish now."""
        domain = self.domain(domain_id)
        require(self.actor, Scope.DOMAINS_WRITE)
        signing.rotate(self.actor, domain)
        data = [
            {"purpose": record.purpose, "type": record.type, "name": record.name, "value": record.value,
             "required": record.required}
            for record in records.records(self.domain(domain_id))
        ]
        return Response({"data": data, "next": None}, status=201)


class SuppressionSerializer(StrictSerializer):
    """One address to suppress."""

    address = serializers.CharField(max_length=320)
    reason = serializers.ChoiceField(choices=SuppressionReason.choices, default=SuppressionReason.MANUAL)
    scope = serializers.ChoiceField(choices=SuppressionScope.choices, default=SuppressionScope.WORKSPACE)
    stream = serializers.CharField(required=False, allow_null=True, default=None)
    list = serializers.CharField(required=False, allow_null=True, default=None)
    source = serializers.CharField(  # type: ignore[assignment]
        required=False, allow_blank=True, default="", max_length=500
    )


def suppression_body(row: Suppression) -> dict[str, Any]:
    """A suppressed address."""
    return {
        "id": row.public_id, "address": row.address, "reason": row.reason, "scope": row.scope,
        "stream": encode_id(Prefix.STREAM, row.stream_id) if row.stream_id else None,
        "list": encode_id(Prefix.LIST, row.list_id) if row.list_id else None,
        "source": row.source, "created_at": moment(row.created_at),
    }


class SuppressionsView(ApiView):
    """Addresses that are not written to."""

    permissions: ClassVar = {
        "GET": Scope.SUPPRESSIONS_READ, "POST": Scope.SUPPRESSIONS_WRITE, "DELETE": Scope.SUPPRESSIONS_WRITE
    }

    def get(self, request: Request) -> Response:
        """All of them, or every scope of `?address=`."""
        address = request.query_params.get("address")
        if address is not None:
            rows = suppression.rows_for_address(self.actor.workspace.pk, address)
            return Response({"data": [suppression_body(row) for row in rows], "next": None})
        found = Suppression.objects.filter(workspace=self.actor.workspace, lifted_at=None)
        reason = request.query_params.get("reason", "")
        if reason:
            found = found.filter(reason=reason)
        return Response(page_by_id(request, found, lambda rows: map(suppression_body, rows)))

    def post(self, request: Request) -> Response:
        """Add one, or `{"data": […]}` with up to 10,000."""
        given, is_one = _items(request.data)
        entries = []
        for index, item in enumerate(given):
            filled = SuppressionSerializer(data=item)
            if not filled.is_valid():
                raise serializers.ValidationError(filled.errors if is_one else {str(index): filled.errors})
            entries.append(_entry(dict(filled.validated_data)))
        result = suppression.suppress_many(self.actor, entries)
        if is_one:
            if result.rejected:
                raise InputError(result.rejected[0].message, field="address", code="invalid_address")
            rows = suppression.rows_for_address(self.actor.workspace.pk, entries[0].address)
            row = next(row for row in rows if row.scope == entries[0].scope)
            return Response(suppression_body(row), status=201)
        rejected = [{"address": item.address, "detail": item.message} for item in result.rejected]
        return Response({"added": result.added, "already": result.already, "rejected": rejected}, status=201)

    def delete(self, request: Request) -> Response:
        """Lift every scope of `?address=`, with a `reason`."""
        address = request.query_params.get("address", "")
        rows = suppression.rows_for_address(self.actor.workspace.pk, address)
        if not rows:
            raise AccessError
        reason = request.query_params.get("reason") or "lifted through the API"
        for row in rows:
            suppression.lift(self.actor, row, reason=reason)
        return Response(status=204)


def _items(data: Any) -> tuple[list[Any], bool]:
    if isinstance(data, list):
        return data, False
    if isinstance(data, dict) and isinstance(data.get("data"), list) and len(data) == 1:
        return data["data"], False
    if isinstance(data, dict) and isinstance(data.get("addresses"), list):
        rest = {key: value for key, value in data.items() if key != "addresses"}
        return [{**rest, "address": address} for address in data["addresses"]], False
    return [data], True


def _entry(data: dict[str, Any]) -> suppression.NewSuppression:
    return suppression.NewSuppression(
        address=data["address"], reason=data["reason"], scope=data["scope"],
        stream_id=_target(data["stream"], Prefix.STREAM, "stream"),
        list_id=_target(data["list"], Prefix.LIST, "list"), source=data["source"],
    )


def _target(text: str | None, prefix: Prefix, field: str) -> UUID | None:
    if text is None:
        return None
    value = decode_id(prefix, text)
    if value is None:
        raise InputError(f"This is not the id of a {field}.", field=field)
    return value


class SuppressionView(ApiView):
    """One suppression."""

    permissions: ClassVar = {"GET": Scope.SUPPRESSIONS_READ, "DELETE": Scope.SUPPRESSIONS_WRITE}

    def _row(self, suppression_id: str) -> Suppression:
        rows = Suppression.objects.filter(workspace=self.actor.workspace, lifted_at=None)
        return get_or_absent(rows, Prefix.SUPPRESSION, suppression_id)

    def get(self, request: Request, suppression_id: str) -> Response:
        """The address, and why."""
        return Response(suppression_body(self._row(suppression_id)))

    def delete(self, request: Request, suppression_id: str) -> Response:
        """Lift it."""
        reason = request.query_params.get("reason") or "lifted through the API"
        suppression.lift(self.actor, self._row(suppression_id), reason=reason)
        return Response(status=204)


class CheckSerializer(StrictSerializer):
    """Addresses to ask about."""

    addresses = serializers.ListField(child=serializers.CharField(max_length=400), max_length=10_000)


class CheckView(ApiView):
    """POST (or GET ?address=) asks what would become of mail to addresses."""

    permissions: ClassVar = {"GET": Scope.SUPPRESSIONS_READ, "POST": Scope.SUPPRESSIONS_READ}

    def get(self, request: Request) -> Response:
        """One or more `?address=`."""
        return self._answer(request.query_params.getlist("address"))

    def post(self, request: Request) -> Response:
        """Up to 10,000 addresses."""
        return self._answer(parsed(CheckSerializer, request)["addresses"])

    def _answer(self, addresses: list[str]) -> Response:
        found = suppression.check(self.actor.workspace.pk, addresses)
        return Response(
            {
                "data": [
                    {
                        "address": item.address, "valid": item.is_valid, "suppressed": item.is_suppressed,
                        "reason": item.hit.reason if item.hit else None,
                        "scope": item.hit.scope if item.hit else None,
                    }
                    for item in found
                ],
                "next": None,
            }
        )
