"""`/lists` and their subscriptions."""

from __future__ import annotations

from typing import Any, ClassVar

from django.conf import settings
from django.db import transaction
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import confirmation, contacts, list_members, lists
from campaigns.api.views_contacts import ConsentSerializer
from campaigns.models import MailingList, OptIn, SignUpForm, Subscription, SubscriptionStatus
from relayhub.core.access import get_or_absent
from relayhub.core.api.base import ApiView, StrictSerializer, parsed
from relayhub.core.api.pagination import page_by_id
from relayhub.core.api.views import job_body, moment
from relayhub.core.errors import AccessError, InputError
from relayhub.core.ids import Prefix, encode_id
from relayhub.core.models import Scope


class ListSerializer(StrictSerializer):
    """A list to make or change."""

    name = serializers.CharField(max_length=200)
    description = serializers.CharField(max_length=1000, required=False, allow_blank=True, default="")
    opt_in = serializers.ChoiceField(choices=OptIn.choices, required=False, default=OptIn.SINGLE)
    from_header = serializers.CharField(max_length=1000, required=False, allow_blank=True, default="")
    is_public = serializers.BooleanField(required=False, default=False)
    has_archive = serializers.BooleanField(required=False, default=False)

    def get_fields(self) -> dict[str, Any]:
        """`from`, the word campaigns have for it, stands for `from_header`."""
        wanted = serializers.CharField(max_length=1000, required=False, allow_blank=True)
        return {**super().get_fields(), "from": wanted}

    def validate(self, attrs: dict[str, Any]) -> dict[str, Any]:
        """One field for the services."""
        if "from" in attrs:
            attrs["from_header"] = attrs.pop("from")
        return attrs


def list_bodies(rows: list[MailingList]) -> list[dict[str, Any]]:
    """Lists with their counts; one query for all."""
    counts = lists.counts_by_status([row.pk for row in rows])
    return [
        {
            "id": row.public_id, "name": row.name, "description": row.description, "opt_in": row.opt_in,
            "from": row.from_header, "from_header": row.from_header, "is_public": row.is_public,
            "has_archive": row.has_archive, "counts": counts[row.pk], "created_at": moment(row.created_at),
        }
        for row in rows
    ]


class ListsView(ApiView):
    """Mailing lists."""

    permissions: ClassVar = {"GET": Scope.LISTS_READ, "POST": Scope.LISTS_WRITE}

    def get(self, request: Request) -> Response:
        """All that are not archived."""
        return Response(page_by_id(request, lists.lists_of(self.actor.workspace), list_bodies))

    def post(self, request: Request) -> Response:
        """Make one."""
        row = lists.create_list(self.actor, **parsed(ListSerializer, request))
        return Response(list_bodies([row])[0], status=201)


class _OneList(ApiView):
    def row(self, list_id: str) -> MailingList:
        """The list, or AccessError."""
        return get_or_absent(lists.lists_of(self.actor.workspace), Prefix.LIST, list_id)


class ListView(_OneList):
    """One list."""

    permissions: ClassVar = {
        "GET": Scope.LISTS_READ, "PATCH": Scope.LISTS_WRITE, "DELETE": Scope.LISTS_WRITE
    }

    def get(self, request: Request, list_id: str) -> Response:
        """The list."""
        return Response(list_bodies([self.row(list_id)])[0])

    def patch(self, request: Request, list_id: str) -> Response:
        """Change it."""
        row = lists.change_list(self.actor, self.row(list_id), **parsed(ListSerializer, request, partial=True))
        return Response(list_bodies([row])[0])

    def delete(self, request: Request, list_id: str) -> Response:
        """Archive it; its history stays."""
        lists.archive_list(self.actor, self.row(list_id))
        return Response(status=204)


class RestoreView(ApiView):
    """POST takes an archived list back into use."""

    permissions: ClassVar = {"POST": Scope.LISTS_WRITE}

    def post(self, request: Request, list_id: str) -> Response:
        """409 `list_exists` where its name was taken meanwhile."""
        row = get_or_absent(lists.archived_lists_of(self.actor.workspace), Prefix.LIST, list_id)
        return Response(list_bodies([lists.restore_list(self.actor, row)])[0])


class AskUnconfirmedView(_OneList):
    """Ask the unconfirmed of a list to confirm: GET tells how many, POST does it as a job."""

    permissions: ClassVar = {"GET": Scope.LISTS_READ, "POST": Scope.LISTS_WRITE}

    def get(self, request: Request, list_id: str) -> Response:
        """How many would be asked now; nobody is asked more often than once in 30 days."""
        return Response({"waiting": confirmation.waiting(self.row(list_id))})

    def post(self, request: Request, list_id: str) -> Response:
        """Queue it; 409 where nobody waits or it runs already."""
        return Response(job_body(confirmation.ask_unconfirmed(self.actor, self.row(list_id))), status=202)


class SubscribeSerializer(StrictSerializer):
    """Who joins, and with what consent; `ask`: on a double opt-in list send the confirmation mail at once."""

    contact = serializers.CharField(max_length=40, required=False)
    email = serializers.CharField(max_length=320, required=False)
    consent = ConsentSerializer(required=False, default=dict)
    ask = serializers.BooleanField(required=False, default=False)


def subscription_body(row: Subscription) -> dict[str, Any]:
    """A contact on a list."""
    return {
        "id": row.public_id, "contact": encode_id(Prefix.CONTACT, row.contact_id), "email": row.contact.email,
        "list": encode_id(Prefix.LIST, row.mailing_list_id), "status": row.status,
        "created_at": moment(row.created_at), "confirmed_at": moment(row.confirmed_at),
        "unsubscribed_at": moment(row.unsubscribed_at),
    }


class SubscriptionsView(_OneList):
    """Who is on a list."""

    permissions: ClassVar = {
        "GET": Scope.LISTS_READ, "POST": Scope.CONTACTS_WRITE, "DELETE": Scope.CONTACTS_WRITE
    }

    def get(self, request: Request, list_id: str) -> Response:
        """Subscriptions, newest first; `?status=` narrows."""
        found = Subscription.objects.filter(mailing_list=self.row(list_id)).select_related("contact")
        status = request.query_params.get("status", "")
        if status and status not in SubscriptionStatus.values:
            raise InputError(f"A status is one of: {', '.join(SubscriptionStatus.values)}.", field="status")
        if status:
            found = found.filter(status=status)
        return Response(page_by_id(request, found, lambda rows: map(subscription_body, rows)))

    def post(self, request: Request, list_id: str) -> Response:
        """Put a contact on the list; an unknown `email` becomes a contact."""
        data = parsed(SubscribeSerializer, request)
        mailing_list = self.row(list_id)
        consent = data["consent"] or {}
        evidence = contacts.Evidence(
            channel="api", source=consent.get("source", "") or f"added by {self.actor.label}",
            ip=consent.get("ip"),
        )
        with transaction.atomic():  # a refusal to ask leaves no new contact behind
            contact = self._contact(data, evidence)
            row = list_members.subscribe(self.actor, contact, mailing_list, evidence=evidence, asks=data["ask"])
        return Response(subscription_body(row), status=201)

    def delete(self, request: Request, list_id: str) -> Response:
        """Unsubscribe `?contact=con_…` (or `?email=`) from the list."""
        mailing_list, given = self.row(list_id), request.query_params
        contact = self._contact({"contact": given.get("contact"), "email": given.get("email")}, None)
        ended = list_members.unsubscribe(
            self.actor, contact, mailing_list,
            evidence=contacts.Evidence(channel="api", source=f"unsubscribed by {self.actor.label}"),
        )
        return Response({"unsubscribed": ended})

    def _contact(self, data: dict[str, Any], evidence: contacts.Evidence | None) -> Any:
        if data.get("contact"):
            rows = contacts.contacts_of(self.actor.workspace)
            return get_or_absent(rows, Prefix.CONTACT, str(data["contact"]))
        if not data.get("email"):
            raise InputError("Name the contact or an email.", field="contact")
        found = contacts.find(self.actor.workspace, str(data["email"]))
        if found is None and evidence is not None:
            return contacts.add_contact(self.actor, email=str(data["email"]), evidence=evidence)
        if found is None:
            raise AccessError
        return found


class FormSerializer(StrictSerializer):
    """A hosted sign-up form."""

    title = serializers.CharField(max_length=200)
    text = serializers.CharField(max_length=5000, required=False, allow_blank=True, default="")
    button = serializers.CharField(max_length=80, required=False, default="Subscribe")
    field_keys = serializers.ListField(child=serializers.CharField(max_length=60), required=False, default=list)


class FormChangeSerializer(FormSerializer):
    """What may be changed of one; `is_enabled` opens or closes it."""

    is_enabled = serializers.BooleanField(required=False)


def form_body(row: SignUpForm) -> dict[str, Any]:
    """A sign-up form and its address."""
    return {
        "id": row.public_id, "list": encode_id(Prefix.LIST, row.mailing_list_id), "title": row.title,
        "text": row.text, "button": row.button, "field_keys": row.field_keys, "is_enabled": row.is_enabled,
        "url": f"{settings.RELAYHUB_BASE_URL}/f/{row.public_id}", "created_at": moment(row.created_at),
    }


class FormsView(_OneList):
    """The sign-up forms of a list."""

    permissions: ClassVar = {"GET": Scope.LISTS_READ, "POST": Scope.LISTS_WRITE}

    def get(self, request: Request, list_id: str) -> Response:
        """Newest first."""
        found = lists.forms_of(self.actor.workspace).filter(mailing_list=self.row(list_id))
        return Response(page_by_id(request, found, lambda rows: map(form_body, rows)))

    def post(self, request: Request, list_id: str) -> Response:
        """Make one; it takes sign-ups at once."""
        made = lists.create_form(self.actor, self.row(list_id), **parsed(FormSerializer, request))
        return Response(form_body(made), status=201)


class FormView(ApiView):
    """One sign-up form."""

    permissions: ClassVar = {"GET": Scope.LISTS_READ, "PATCH": Scope.LISTS_WRITE}

    def _form(self, form_id: str) -> SignUpForm:
        return get_or_absent(lists.forms_of(self.actor.workspace), Prefix.FORM, form_id)

    def get(self, request: Request, form_id: str) -> Response:
        """The form."""
        return Response(form_body(self._form(form_id)))

    def patch(self, request: Request, form_id: str) -> Response:
        """Change it, open or close it."""
        data = parsed(FormChangeSerializer, request, partial=True)
        return Response(form_body(lists.change_form(self.actor, self._form(form_id), **data)))
