"""`/pictures`: the picture library of a workspace, for programs that make templates and mails."""

from __future__ import annotations

from typing import Any, ClassVar

from django.core.files.uploadedfile import UploadedFile
from rest_framework import serializers
from rest_framework.request import Request
from rest_framework.response import Response

from campaigns import picture_uses, pictures
from campaigns.models import WIDE_PIXELS, Picture
from relayhub.core.access import get_or_absent
from relayhub.core.api.base import ApiView, StrictSerializer, parsed
from relayhub.core.api.pagination import page_by_id
from relayhub.core.api.parsers import StrictMultiPartParser
from relayhub.core.api.views import moment
from relayhub.core.errors import InputError
from relayhub.core.ids import Prefix
from relayhub.core.models import Scope


def picture_body(row: Picture) -> dict[str, Any]:
    """A picture."""
    return {
        "id": row.public_id, "name": row.name, "alternative_text": row.alternative_text, "url": row.url,
        "format": row.format, "width": row.width, "height": row.height, "size_bytes": row.size_bytes,
        "is_animated": row.is_animated, "created_at": moment(row.created_at),
    }


def shown_body(row: Picture) -> dict[str, Any]:
    """A picture, and where it is shown."""
    uses = picture_uses.uses_of(row)
    return {
        **picture_body(row),
        "shown_by": {
            "templates": [{"id": template.public_id, "name": template.name} for template in uses.templates],
            "campaigns": [
                {"id": campaign.public_id, "name": campaign.name, "status": campaign.status}
                for campaign in uses.campaigns
            ],
            "footer": uses.is_in_footer,
        },
    }


class PictureUploadSerializer(StrictSerializer):
    """A file; its name unless given. `max_width`: a wider picture is made this wide, in pixels."""

    file = serializers.FileField()
    name = serializers.CharField(max_length=200, required=False, allow_blank=True, default="")
    alternative_text = serializers.CharField(max_length=300, required=False, allow_blank=True, default="")
    max_width = serializers.IntegerField(min_value=pictures.WIDTHS[0], max_value=pictures.WIDTHS[1], required=False)


class PicturesView(ApiView):
    """Pictures of the library, newest first."""

    permissions: ClassVar = {"GET": Scope.TEMPLATES_READ, "POST": Scope.TEMPLATES_WRITE}
    parser_classes = (StrictMultiPartParser,)
    is_idempotent = False

    def get(self, request: Request) -> Response:
        """A page of them, and how full the library is."""
        found = pictures.pictures_of(self.actor.workspace, request.query_params.get("q", ""))
        storage = pictures.storage_of(self.actor.workspace)
        return Response({
            **page_by_id(request, found, lambda rows: map(picture_body, rows)),
            "storage": {"pictures": storage.count, "used_bytes": storage.used_bytes,
                        "quota_bytes": storage.quota_bytes},
        })

    def post(self, request: Request) -> Response:
        """Take a PNG, JPEG, GIF or WebP of up to 10 MB: 201, or 200 where the library had the same bytes."""
        data = parsed(PictureUploadSerializer, request)
        file = data["file"]
        if not isinstance(file, UploadedFile):
            raise InputError("Send the picture as the form field “file”.", field="file")
        taken = pictures.upload(
            self.actor, file.read(pictures.MAX_BYTES + 1), name=data["name"] or file.name or "",
            alternative_text=data["alternative_text"], max_width=data.get("max_width"),
        )
        return Response(picture_body(taken.picture), status=201 if taken.is_new else 200)


class OnePicture(ApiView):
    """A picture of the library by its id."""

    def picture(self, picture_id: str) -> Picture:
        """The picture, or AccessError."""
        return get_or_absent(pictures.pictures_of(self.actor.workspace), Prefix.PICTURE, picture_id)


class PictureChangeSerializer(StrictSerializer):
    """What may be changed; the bytes never do."""

    name = serializers.CharField(max_length=200, required=False)
    alternative_text = serializers.CharField(max_length=300, required=False, allow_blank=True)


class PictureView(OnePicture):
    """One picture."""

    permissions: ClassVar = {
        "GET": Scope.TEMPLATES_READ, "PATCH": Scope.TEMPLATES_WRITE, "DELETE": Scope.TEMPLATES_WRITE,
    }

    def get(self, request: Request, picture_id: str) -> Response:
        """The picture, and the templates and campaigns that show it."""
        return Response(shown_body(self.picture(picture_id)))

    def patch(self, request: Request, picture_id: str) -> Response:
        """Change its name or alternative text; templates keep the text that they were written with."""
        picture = self.picture(picture_id)
        pictures.change(self.actor, picture, **parsed(PictureChangeSerializer, request))
        return Response(shown_body(picture))

    def delete(self, request: Request, picture_id: str) -> Response:
        """Remove it: mails that show it, also those that were sent, have an empty place from then on.

        409 `picture_used` with names where templates or campaigns show it, unless `anyway`.
        """
        anyway = request.query_params.get("anyway", "") == "true"
        pictures.delete(self.actor, self.picture(picture_id), anyway=anyway)
        return Response(status=204)


class SmallerSerializer(StrictSerializer):
    """How wide the copy is, in pixels."""

    width = serializers.IntegerField(
        min_value=pictures.WIDTHS[0], max_value=pictures.WIDTHS[1], required=False, default=WIDE_PIXELS
    )


class SmallerView(OnePicture):
    """POST makes a smaller copy of a picture, at an address of its own."""

    permissions: ClassVar = {"POST": Scope.TEMPLATES_WRITE}

    def post(self, request: Request, picture_id: str) -> Response:
        """201 with the copy, or 200 where the library had it."""
        width = parsed(SmallerSerializer, request)["width"]
        taken = pictures.scaled_copy(self.actor, self.picture(picture_id), width)
        return Response(picture_body(taken.picture), status=201 if taken.is_new else 200)
