"""What the endpoints of the picture library take and answer."""

from __future__ import annotations

from campaigns.api import views_pictures as pictures
from campaigns.models import CampaignStatus, PictureFormat
from relayhub.core.api.schema import (
    FILE,
    MOMENT,
    NUMBER,
    TEXT,
    YES_OR_NO,
    Operation,
    Schema,
    declare,
    each,
    extend,
    fields,
    identifier,
    one_of,
    shape,
)

shape(
    "Picture", id=identifier("pic"), name=TEXT, alternative_text=TEXT, url=TEXT, format=one_of(PictureFormat.values),
    width=NUMBER, height=NUMBER, size_bytes=NUMBER, is_animated=YES_OR_NO, created_at=MOMENT,
)
extend(
    "ShownPicture", "Picture",
    shown_by=fields(
        templates=each(fields(id=identifier("tpl"), name=TEXT)),
        campaigns=each(fields(id=identifier("cmp"), name=TEXT, status=one_of(CampaignStatus.values))),
        footer=YES_OR_NO,
    ),
)
_UPLOAD: Schema = {
    "type": "object", "required": ["file"],
    "properties": {
        "file": {**FILE, "description": "PNG, JPEG, GIF or WebP, up to 10 MB and 40 megapixels."},
        "name": {**TEXT, "description": "Default: the name of the file."},
        "alternative_text": {**TEXT, "description": "What it shows."},
        "max_width": {**NUMBER, "description": "A wider picture is made this wide, in pixels; animations stay."},
    },
}

declare(
    pictures.PicturesView, "GET",
    Operation(
        name="list_pictures", answer="Picture", is_list=True, query={"q": "Words of the name or alternative text."},
        beside={"storage": fields(pictures=NUMBER, used_bytes=NUMBER, quota_bytes=NUMBER)},
    ),
)
declare(
    pictures.PicturesView, "POST",
    Operation(name="upload_picture", answer="Picture", status=201, also=(200,), body=_UPLOAD,
              body_type="multipart/form-data"),
)
declare(pictures.PictureView, "GET", Operation(name="get_picture", answer="ShownPicture"))
declare(
    pictures.PictureView, "PATCH",
    Operation(name="change_picture", answer="ShownPicture", body=pictures.PictureChangeSerializer),
)
declare(
    pictures.PictureView, "DELETE",
    Operation(name="delete_picture", status=204,
              query={"anyway": "`true`: also where templates or campaigns show it."}),
)
declare(
    pictures.SmallerView, "POST",
    Operation(name="make_picture_smaller", answer="Picture", status=201, also=(200,), body=pictures.SmallerSerializer),
)
