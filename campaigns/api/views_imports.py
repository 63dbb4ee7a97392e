"""`/contacts/import` and `/contacts/imports`: take a file, follow it, start what a dry run showed, undo it."""

from __future__ import annotations

import json
from typing import Any, ClassVar

from django.core.files.uploadedfile import UploadedFile
from django.http import StreamingHttpResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import exporter, import_undo, importer
from campaigns.api.views_contacts import named_lists
from campaigns.models import ContactImport
from relayhub.core import jobs
from relayhub.core.access import EXPORTS, get_or_absent
from relayhub.core.api.base import ApiView, StrictSerializer, parsed
from relayhub.core.api.pagination import page_by_id
from relayhub.core.api.parsers import StrictFormParser, StrictMultiPartParser
from relayhub.core.api.views import job_body, moment
from relayhub.core.errors import ConflictError, InputError
from relayhub.core.ids import Prefix, encode_id
from relayhub.core.models import Job, Scope
from relayhub.core.streaming import download


def import_body(row: ContactImport) -> dict[str, Any]:
    """An import and how far it is."""
    return {
        "id": row.public_id, "status": importer.public_status(row.job), **importer.counts(row),
        "file": row.file_name, "dry_run": row.is_dry_run, "mapping": row.mapping, "types": row.types,
        "formats": row.formats, "columns": row.dialect["columns"],
        "list": encode_id(Prefix.LIST, row.mailing_list_id) if row.mailing_list_id else None,
        "consent_source": row.consent_source, "error": row.job.error or None,
        "samples": row.samples if row.is_dry_run else [], "created_at": moment(row.created_at),
        "finished_at": moment(row.job.finished_at), "total_estimate": row.job.total,
        "job": row.job.public_id, "joined": row.joined,
        "not_joined": importer.not_joined(row) if importer.asks_rows(row) else None,
        "unclear_values": row.unclear_values, "unused_answer": row.unused_answer or None,
        "undo": None if row.is_dry_run else _undo_body(row),
    }


def _undo_body(row: ContactImport) -> dict[str, Any]:
    """Whether it can be undone, what that would do as far as it was counted, and what it did."""
    state = import_undo.state_of(row)
    return {
        "until": moment(state.until), "why_not": state.why_not or None,
        "would": _tally(state.count), "did": _tally(state.undo),
    }


def _tally(job: Job | None) -> dict[str, Any] | None:
    return None if job is None else {"job": job.public_id, "status": job.status, **import_undo.counts_of(job)}


class ImportView(ApiView):
    """POST a CSV file; 202 with the job."""

    permissions: ClassVar = {"POST": Scope.CONTACTS_WRITE}
    parser_classes = (StrictMultiPartParser, StrictFormParser)
    is_idempotent = False

    def post(self, request: Request) -> Response:
        """Take the file, understand it, queue the work."""
        given: Any = request.data
        file = request.FILES.get("file")
        if not isinstance(file, UploadedFile):
            raise InputError("Send the CSV file as the form field “file”.", field="file")
        mailing_list = None
        if given.get("list"):
            mailing_list = named_lists(self, [str(given["list"])])[0]
        row = importer.start_import(
            self.actor,
            importer.ImportRequest(
                file_name=file.name or "contacts.csv", mailing_list=mailing_list,
                mapping=_object(given.get("mapping"), "mapping"), types=_types(given.get("types")),
                formats=_object(given.get("formats"), "formats") or {},
                consent_source=str(given.get("consent_source") or ""),
                is_dry_run=str(given.get("dry_run") or "").lower() in {"1", "true", "yes", "on"},
            ),
            file.chunks(1024 * 1024),
        )
        return Response(import_body(row), status=202)


def _object(text: Any, field: str) -> dict[str, str] | None:
    if not text:
        return None
    try:
        found = json.loads(text)
    except ValueError as exc:
        raise InputError(f"{field} is JSON: an object of texts.", field=field) from exc
    if not isinstance(found, dict):
        raise InputError(f"{field} is an object of texts.", field=field)
    return {str(name): str(value or "") for name, value in found.items()}


def _types(text: Any) -> dict[str, str] | None:
    """Key -> type, or None for `guess`: as the first rows look."""
    return None if text == "guess" else _object(text, "types") or {}


class ImportsView(ApiView):
    """GET the imports and dry runs so far."""

    permissions: ClassVar = {"GET": Scope.CONTACTS_READ}

    def get(self, request: Request) -> Response:
        """Newest first."""
        found = importer.imports_of(self.actor.workspace)
        return Response(page_by_id(request, found, lambda rows: map(import_body, rows), field="job_id"))


class _OneImport(ApiView):
    def row(self, import_id: str) -> ContactImport:
        """The import, or AccessError."""
        return get_or_absent(importer.imports_of(self.actor.workspace), Prefix.IMPORT, import_id, field="job_id")


class ImportStatusView(_OneImport):
    """GET how far an import is; DELETE stops it."""

    permissions: ClassVar = {"GET": Scope.CONTACTS_READ, "DELETE": Scope.CONTACTS_WRITE}

    def get(self, request: Request, import_id: str) -> Response:
        """Counts and status."""
        return Response(import_body(self.row(import_id)))

    def delete(self, request: Request, import_id: str) -> Response:
        """Ask it to stop after the rows it is working on; what was imported stays."""
        jobs.cancel(self.actor, self.row(import_id).job)
        return Response(import_body(self.row(import_id)), status=202)


class ImportStartView(_OneImport):
    """POST imports for real what a dry run showed."""

    permissions: ClassVar = {"POST": Scope.CONTACTS_WRITE}

    def post(self, request: Request, import_id: str) -> Response:
        """The file of a dry run is kept for 7 days; 409 `file_gone` after that."""
        tried = self.row(import_id)
        if not tried.is_dry_run:
            raise ConflictError("This is no dry run.", code="not_a_dry_run")
        return Response(import_body(importer.start_after_dry_run(self.actor, tried)), status=202)


class RejectsView(_OneImport):
    """GET the refused rows as CSV."""

    permissions: ClassVar = {"GET": EXPORTS}

    def get(self, request: Request, import_id: str) -> StreamingHttpResponse:
        """A download."""
        row = self.row(import_id)
        lines = exporter.reject_lines(row.rejects.all())
        return download(request, lines, name=f"{row.public_id}-rejected.csv")


class NotJoinedView(_OneImport):
    """GET whom the file does not let onto the list, and why, as CSV."""

    permissions: ClassVar = {"GET": EXPORTS}

    def get(self, request: Request, import_id: str) -> StreamingHttpResponse:
        """A download; `?reason=` takes one reason alone."""
        row = self.row(import_id)
        lines = exporter.left_off_lines(importer.left_off(row, request.query_params.get("reason", "")))
        return download(request, lines, name=f"{row.public_id}-not-on-the-list.csv")


class UndoSerializer(StrictSerializer):
    """Only count, or take it back."""

    dry_run = serializers.BooleanField(required=False, default=False)


class ImportUndoView(_OneImport):
    """POST takes an import back, or counts what that would do."""

    permissions: ClassVar = {"POST": Scope.CONTACTS_WRITE}

    def post(self, request: Request, import_id: str) -> Response:
        """202 with the job, whose result is the count; 409 `cannot_undo` says why not."""
        row, data = self.row(import_id), parsed(UndoSerializer, request)
        start = import_undo.start_count if data["dry_run"] else import_undo.start_undo
        return Response(job_body(start(self.actor, row)), status=202)


class ImportKeptView(_OneImport):
    """GET what the last count or undo keeps, and why, as CSV."""

    permissions: ClassVar = {"GET": EXPORTS}

    def get(self, request: Request, import_id: str) -> StreamingHttpResponse:
        """A download."""
        row = self.row(import_id)
        return download(request, exporter.kept_lines(import_undo.kept_of(row)), name=f"{row.public_id}-kept.csv")
