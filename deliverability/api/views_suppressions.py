"""`/suppressions`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, ClassVar
from uuid import UUID

from django.core.files.uploadedfile import UploadedFile
from django.http import StreamingHttpResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from deliverability import managers, suppression, suppression_import, suppression_list
from deliverability.models import Suppression, SuppressionReason, SuppressionScope
from deliverability.surroundings import surroundings
from relayhub.core.access import get_or_absent
from relayhub.core.api.base import ApiView, StrictSerializer, parsed
from relayhub.core.api.pagination import page_by_id
from relayhub.core.api.parsers import StrictFormParser, StrictMultiPartParser
from relayhub.core.api.views import moment
from relayhub.core.errors import AccessError, ConflictError, InputError
from relayhub.core.ids import Prefix, decode_id, encode_id
from relayhub.core.models import Job, JobStatus, Scope
from relayhub.core.streaming import download


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
        "recipient": encode_id(Prefix.RECIPIENT, row.recipient_id) if row.recipient_id else None,
        "lifted_at": moment(row.lifted_at), "lifted_by": row.lifted_by or None,
        "lift_reason": row.lift_reason or None,
    }


class SuppressionsView(ApiView):
    """Addresses that are not written to."""

    permissions: ClassVar = {
        "GET": Scope.SUPPRESSIONS_READ, "POST": Scope.SUPPRESSIONS_WRITE, "DELETE": Scope.SUPPRESSIONS_WRITE
    }

    def get(self, request: Request) -> Response:
        """All of them, every scope of `?address=`, or those of `?reason=`, `?scope=`, `?q=`, `?lifted=true`."""
        address = request.query_params.get("address")
        if address is not None:
            rows = suppression.rows_for_address(self.actor.workspace.pk, address)
            return Response({"data": [suppression_body(row) for row in rows], "next": None})
        found = suppression_list.find(self.actor.workspace.pk, _filter(request))
        return Response(page_by_id(request, found, lambda rows: map(suppression_body, rows)))

    def post(self, request: Request) -> Response:
        """Add one, or `{"data": […]}` with up to 10,000."""
        given, is_one = _items(request.data)
        if len(given) > suppression.MAX_AT_ONCE:
            raise InputError(f"At most {suppression.MAX_AT_ONCE:,} addresses at once.", field="addresses")
        entries, targets = [], Targets(self.actor.workspace.pk)
        targets.learn_lists(item.get("list") for item in given if isinstance(item, dict))
        for index, item in enumerate(given):
            filled = SuppressionSerializer(data=item)
            if not filled.is_valid():
                raise serializers.ValidationError(filled.errors if is_one else {str(index): filled.errors})
            entries.append(_entry(dict(filled.validated_data), targets))
        result = suppression.suppress_many(self.actor, entries)
        if is_one:
            if result.rejected:
                message = result.rejected[0].message
                if message == suppression.NOT_AN_ADDRESS:
                    raise InputError(message, field="address", code="invalid_address")
                raise InputError(message, field="scope")
            return Response(suppression_body(self._standing(entries[0])), status=201)
        rejected = [{"address": item.address, "detail": item.message} for item in result.rejected]
        return Response({"added": result.added, "already": result.already, "rejected": rejected}, status=201)

    def _standing(self, entry: suppression.NewSuppression) -> Suppression:
        """The row that stops the address in the scope that was asked for."""
        rows = suppression.rows_for_address(self.actor.workspace.pk, entry.address)
        wanted = (entry.scope, entry.stream_id, entry.list_id)
        found = next((row for row in rows if (row.scope, row.stream_id, row.list_id) == wanted), None)
        if found is None:
            raise ConflictError("Somebody lifted it in the same instant. Suppress it again.", code="lifted_meanwhile")
        return found

    def delete(self, request: Request) -> Response:
        """Lift every scope of `?address=`, with a `reason`."""
        address = request.query_params.get("address", "")
        rows = suppression.rows_for_address(self.actor.workspace.pk, address)
        if not rows:
            raise AccessError
        reason = request.query_params.get("reason") or "lifted through the API"
        suppression.lift_many(self.actor, rows, reason=reason)
        return Response(status=204)


def _filter(request: Request) -> suppression_list.SuppressionFilter:
    given = request.query_params
    return suppression_list.SuppressionFilter(
        text=given.get("q", ""), reason=given.get("reason", ""), scope=given.get("scope", ""),
        is_lifted=given.get("lifted", "").lower() in {"1", "true", "yes"},
    )


def _items(data: Any) -> tuple[list[Any], bool]:
    if isinstance(data, list):
        return data, False
    if isinstance(data, dict) and isinstance(data.get("data"), list) and len(data) == 1:
        return data["data"], False
    if isinstance(data, dict) and isinstance(data.get("addresses"), list):
        rest = {key: value for key, value in data.items() if key != "addresses"}
        return [{**rest, "address": address} for address in data["addresses"]], False
    return [data], True


def _entry(data: dict[str, Any], targets: Targets) -> suppression.NewSuppression:
    return suppression.NewSuppression(
        address=data["address"], reason=data["reason"], scope=data["scope"],
        stream_id=targets.stream(data["stream"]), list_id=targets.mailing_list(data["list"]), source=data["source"],
    )


class Targets:
    """The workspace's streams (by id or slug) and mailing lists (by id); asked for once, if at all."""

    def __init__(self, workspace_id: UUID) -> None:
        self._workspace_id = workspace_id
        self._streams: dict[str, UUID] | None = None
        self._lists: dict[str, UUID] = {}

    def learn_lists(self, texts: Iterable[Any]) -> None:
        """Look up all mailing lists that will be asked for, in one query."""
        ids = {found for text in texts if isinstance(text, str) and (found := decode_id(Prefix.LIST, text)) is not None}
        rows = surroundings().lists_among(self._workspace_id, ids)
        self._lists |= {row.public_id: row.id for row in rows}

    def stream(self, text: str | None) -> UUID | None:
        """The stream's id; InputError where there is none."""
        if text is None:
            return None
        if self._streams is None:
            rows = surroundings().streams(self._workspace_id)
            self._streams = {key: row.id for row in rows for key in (row.public_id, row.slug) if key}
        return _known(self._streams, text, "stream", "stream")

    def mailing_list(self, text: str | None) -> UUID | None:
        """The list's id, of those that were learnt; InputError where there is none."""
        return None if text is None else _known(self._lists, text, "list", "mailing list")


def _known(targets: dict[str, UUID], text: str, field: str, noun: str) -> UUID:
    found = targets.get(text)
    if found is None:
        raise InputError(f"“{text[:80]}” is no {noun} of this workspace.", field=field)
    return found


class SuppressionView(ApiView):
    """One suppression."""

    permissions: ClassVar = {"GET": Scope.SUPPRESSIONS_READ, "DELETE": Scope.SUPPRESSIONS_WRITE}

    def _row(self, suppression_id: str) -> Suppression:
        rows = managers.active_suppressions(self.actor.workspace.pk)
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


# -- files ---------------------------------------------------------------------------------------------------


class ExportView(ApiView):
    """GET the list as CSV, with the filters of the list."""

    permissions: ClassVar = {"GET": Scope.SUPPRESSIONS_READ}

    def get(self, request: Request) -> StreamingHttpResponse:
        """A download that can be imported again."""
        return download(request, suppression_list.export(self.actor, _filter(request)), name="suppressions.csv")


def import_body(job: Job) -> dict[str, Any]:
    """An import and how far it is."""
    is_over = job.status in {JobStatus.DONE, JobStatus.FAILED, JobStatus.CANCELLED}
    counts = job.result or job.state
    return {
        "id": job.public_id, "status": job.status if is_over else "running", "done": job.done, "total": job.total,
        **{key: int(counts.get(key, 0)) for key in ("added", "already", "rejected")},
        "error": job.error or None, "created_at": moment(job.created_at), "finished_at": moment(job.finished_at),
    }


class ImportView(ApiView):
    """POST a CSV or text file of addresses; 202 with the job."""

    permissions: ClassVar = {"POST": Scope.SUPPRESSIONS_WRITE}
    parser_classes = (StrictMultiPartParser, StrictFormParser)
    is_idempotent = False

    def post(self, request: Request) -> Response:
        """`file`, and `reason`, `scope`, `stream`, `list` for lines that do not say."""
        given: Any = request.data
        file = request.FILES.get("file")
        if not isinstance(file, UploadedFile):
            raise InputError("Send the file as the form field “file”.", field="file")
        stream, mailing_list = given.get("stream") or None, given.get("list") or None
        targets = Targets(self.actor.workspace.pk)
        targets.learn_lists([mailing_list])
        job = suppression_import.start_import(
            self.actor,
            suppression_import.ImportOf(
                file_name=file.name or "addresses.csv",
                reason=str(given.get("reason") or SuppressionReason.MANUAL),
                scope=str(given.get("scope") or SuppressionScope.WORKSPACE),
                stream_id=targets.stream(stream),
                list_id=targets.mailing_list(mailing_list),
            ),
            file.chunks(1024 * 1024),
        )
        return Response(import_body(job), status=202)


class _OneImport(ApiView):
    def job(self, job_id: str) -> Job:
        """The import, or AccessError."""
        return get_or_absent(suppression_import.imports_of(self.actor.workspace), Prefix.JOB, job_id)


class ImportStatusView(_OneImport):
    """GET how far an import is."""

    permissions: ClassVar = {"GET": Scope.SUPPRESSIONS_READ}

    def get(self, request: Request, job_id: str) -> Response:
        """Its counts; their sum is what the file held."""
        return Response(import_body(self.job(job_id)))


class RejectsView(_OneImport):
    """GET the lines that were refused, as CSV."""

    permissions: ClassVar = {"GET": Scope.SUPPRESSIONS_READ}

    def get(self, request: Request, job_id: str) -> StreamingHttpResponse:
        """A download."""
        job = self.job(job_id)
        return download(request, suppression_import.reject_lines(self.actor, job), name=f"{job.public_id}-rejected.csv")
