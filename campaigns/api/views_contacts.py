"""One contact of `/contacts`, `/contact-fields`, and the files of exports."""

from __future__ import annotations

from typing import Any, ClassVar

from django.http import StreamingHttpResponse
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import contacts, exporter, field_removal, fields, lists, standing
from campaigns.models import ConsentEntry, Contact, FieldDefinition, MailingList, Subscription
from relayhub.core import files
from relayhub.core.access import EXPORTS, get_or_absent
from relayhub.core.api.base import ApiView, StrictSerializer, parsed
from relayhub.core.api.pagination import page_by_id
from relayhub.core.api.views import moment
from relayhub.core.errors import InputError
from relayhub.core.ids import Prefix, encode_id
from relayhub.core.models import Job, Scope
from relayhub.core.streaming import download
from relayhub.relay import queries
from relayhub.relay.models import Event


class ConsentSerializer(StrictSerializer):
    """Where a consent came from."""

    source = serializers.CharField(  # type: ignore[assignment]
        max_length=500, required=False, allow_blank=True, default=""
    )
    ip = serializers.IPAddressField(required=False, allow_null=True, default=None)


class ContactSerializer(StrictSerializer):
    """A contact to add or change."""

    email = serializers.CharField(max_length=320)
    name = serializers.CharField(max_length=500, required=False, allow_blank=True, default="")
    language = serializers.CharField(max_length=60, required=False, allow_blank=True, default="")
    fields = serializers.DictField(required=False, default=dict)  # type: ignore[assignment]
    lists = serializers.ListField(child=serializers.CharField(max_length=40), required=False, default=list)
    consent = ConsentSerializer(required=False, default=dict)


class ContactChangeSerializer(ContactSerializer):
    """What to change of a contact, and when it was read; lists are joined and left at the list, with consent."""

    lists = None  # type: ignore[assignment]
    consent = None  # type: ignore[assignment]
    updated_at = serializers.CharField(max_length=40, required=False)


def contact_bodies(rows: list[Contact]) -> list[dict[str, Any]]:
    """Contacts with the lists they are on and whether they may be written to; two queries for all."""
    chosen = Contact.objects.filter(pk__in=[row.pk for row in rows])
    stands = {
        row.pk: standing.standing_of(row).value for row in standing.with_standing(chosen, rows[0].workspace)
    } if rows else {}
    on: dict[Any, list[Subscription]] = {row.pk: [] for row in rows}
    for subscription in Subscription.objects.filter(contact__in=rows).order_by("id"):
        on[subscription.contact_id].append(subscription)
    return [
        {
            "id": row.public_id, "email": row.email, "name": row.name, "language": row.language,
            "fields": row.fields,
            "lists": [encode_id(Prefix.LIST, item.mailing_list_id) for item in on[row.pk]],
            "subscriptions": [
                {"list": encode_id(Prefix.LIST, item.mailing_list_id), "status": item.status}
                for item in on[row.pk]
            ],
            "standing": stands.get(row.pk, standing.Standing.NONE.value), "source": row.source,
            "created_at": moment(row.created_at), "updated_at": moment(row.updated_at),
        }
        for row in rows
    ]


def named_lists(view: ApiView, ids: list[str]) -> list[MailingList]:
    """The lists of these ids; InputError names the first that is not there."""
    found = []
    for index, text in enumerate(ids):
        try:
            found.append(get_or_absent(lists.lists_of(view.actor.workspace), Prefix.LIST, text))
        except Exception as exc:
            raise InputError("There is no such list.", field=f"lists.{index}", code="unknown_list") from exc
    return found


class _OneContact(ApiView):
    def contact(self, contact_id: str) -> Contact:
        """The contact, or AccessError."""
        return get_or_absent(contacts.contacts_of(self.actor.workspace), Prefix.CONTACT, contact_id)


class ContactView(_OneContact):
    """One contact."""

    permissions: ClassVar = {
        "GET": Scope.CONTACTS_READ, "PATCH": Scope.CONTACTS_WRITE, "DELETE": Scope.CONTACTS_WRITE
    }

    def get(self, request: Request, contact_id: str) -> Response:
        """The contact."""
        return Response(contact_bodies([self.contact(contact_id)])[0])

    def patch(self, request: Request, contact_id: str) -> Response:
        """Change address, name or fields; a field set to null goes.

        With the `updated_at` that was read: 409 `contact_changed` where somebody changed it since.
        """
        data = parsed(ContactChangeSerializer, request, partial=True)
        contact = contacts.change_contact(
            self.actor, self.contact(contact_id), email=data.get("email"), name=data.get("name"),
            language=data.get("language"), fields=data.get("fields"), seen_at=data.get("updated_at", ""),
        )
        return Response(contact_bodies([contact])[0])

    def delete(self, request: Request, contact_id: str) -> Response:
        """Remove the contact; suppressions of its address stay."""
        contacts.delete_contact(self.actor, self.contact(contact_id))
        return Response(status=204)


class ContactEventsView(_OneContact):
    """GET what mail to the contact came to."""

    permissions: ClassVar = {"GET": Scope.CONTACTS_READ}

    def get(self, request: Request, contact_id: str) -> Response:
        """Events, newest first."""
        contact = self.contact(contact_id)
        found = queries.events_of_address(self.actor.workspace, contact.email_key)
        return Response(page_by_id(request, found, _event_bodies))


class ContactConsentsView(_OneContact):
    """GET the evidence of consent."""

    permissions: ClassVar = {"GET": Scope.CONTACTS_READ}

    def get(self, request: Request, contact_id: str) -> Response:
        """Every entry, newest first."""
        found = ConsentEntry.objects.filter(contact=self.contact(contact_id))
        return Response(page_by_id(request, found, lambda rows: map(_consent_body, rows)))


def _consent_body(row: ConsentEntry) -> dict[str, Any]:
    return {
        "list": encode_id(Prefix.LIST, row.mailing_list_id), "action": row.action, "channel": row.channel,
        "source": row.source, "ip": row.ip, "at": moment(row.at),
    }


def _event_bodies(rows: list[Event]) -> list[dict[str, Any]]:
    return [
        {
            "id": row.public_id, "type": row.type, "at": moment(row.at), "reply": row.reply,
            "detail": row.detail, "message": encode_id(Prefix.MESSAGE, row.message_id),
        }
        for row in rows
    ]


class FieldSerializer(StrictSerializer):
    """A custom field to define."""

    key = serializers.CharField(max_length=60)
    label = serializers.CharField(  # type: ignore[assignment]
        max_length=120, required=False, allow_blank=True, default=""
    )
    type = serializers.CharField(max_length=8, required=False, default="text")


class FieldsView(ApiView):
    """Custom fields."""

    permissions: ClassVar = {"GET": Scope.CONTACTS_READ, "POST": Scope.CONTACTS_WRITE}

    def get(self, request: Request) -> Response:
        """All of them."""
        rows = FieldDefinition.objects.filter(workspace=self.actor.workspace)
        return Response({"data": [_field_body(row) for row in rows], "next": None})

    def post(self, request: Request) -> Response:
        """Define one."""
        return Response(_field_body(fields.define_field(self.actor, **parsed(FieldSerializer, request))), status=201)


class FieldView(ApiView):
    """One custom field."""

    permissions: ClassVar = {
        "GET": Scope.CONTACTS_READ, "PATCH": Scope.CONTACTS_WRITE, "DELETE": Scope.CONTACTS_WRITE
    }

    def _field(self, field_id: str) -> FieldDefinition:
        rows = FieldDefinition.objects.filter(workspace=self.actor.workspace)
        return get_or_absent(rows, Prefix.FIELD, field_id)

    def get(self, request: Request, field_id: str) -> Response:
        """The field."""
        return Response(_field_body(self._field(field_id)))

    def patch(self, request: Request, field_id: str) -> Response:
        """Give it another label; key and type stay."""
        row, data = self._field(field_id), parsed(RenameSerializer, request)
        return Response(_field_body(fields.rename_field(self.actor, row, label=data["label"])))

    def delete(self, request: Request, field_id: str) -> Response:
        """Remove it, and its value from every contact; of very many the values go in a job, which `/jobs` lists."""
        field_removal.delete_field(self.actor, self._field(field_id))
        return Response(status=204)


class RenameSerializer(StrictSerializer):
    """Another label."""

    label = serializers.CharField(max_length=120)  # type: ignore[assignment]


def _field_body(row: FieldDefinition) -> dict[str, Any]:
    return {"id": row.public_id, "key": row.key, "label": row.label, "type": row.type}


# -- exports ------------------------------------------------------------------------------------------------


class ExportFileView(ApiView):
    """GET the finished file of an export."""

    permissions: ClassVar = {"GET": EXPORTS}

    def get(self, request: Request, job_id: str) -> StreamingHttpResponse:
        """A download."""
        jobs = Job.objects.filter(workspace=self.actor.workspace, kind__in=exporter.FILE_KINDS)
        file = exporter.exported_file(get_or_absent(jobs, Prefix.JOB, job_id))
        return download(request, files.iterate_file(file), name=file.name, size_bytes=file.size_bytes)
