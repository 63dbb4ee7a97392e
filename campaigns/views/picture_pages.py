"""The picture library: its page, one picture, uploads, and the pictures that an editor offers to choose from."""

from __future__ import annotations

from typing import Any

from django.contrib import messages
from django.core.files.uploadedfile import UploadedFile
from django.http import HttpResponse, JsonResponse
from django.shortcuts import redirect, render
from django.template.loader import render_to_string
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_GET, require_http_methods, require_POST

from campaigns import picture_uses, pictures
from campaigns.forms.picture import PictureForm
from campaigns.models import WIDE_PIXELS, Picture
from campaigns.views.common import refuse
from relayhub.core import formats
from relayhub.core.access import get_or_absent
from relayhub.core.errors import RelayHubError
from relayhub.core.ids import Prefix
from relayhub.core.models import Scope
from relayhub.core.pages import PageRequest, page
from relayhub.core.paging import table_page

PAGE_SIZE = 24
#: Names that the dialog before deleting shows.
MAX_NAMED = 8


def picture_of(request: PageRequest, picture_id: str) -> Picture:
    """The picture, or AccessError."""
    return get_or_absent(pictures.pictures_of(request.actor.workspace), Prefix.PICTURE, picture_id)


@require_http_methods(["GET", "HEAD", "POST"])
@page(Scope.TEMPLATES_READ, write=Scope.TEMPLATES_WRITE)
def picture_list(request: PageRequest) -> HttpResponse:
    """Which pictures do we have? POST takes files where no script sends them one by one."""
    if request.method == "POST":
        _take_all(request)
        return redirect("picture-list")
    workspace = request.actor.workspace
    return render(request, "campaigns/picture_list.html", {
        **_lines(request), "storage": pictures.storage_of(workspace), **pictures.limits(),
    })


def _lines(request: PageRequest) -> dict[str, Any]:
    """The pictures that the address asks for, with how many templates show each."""
    workspace = request.actor.workspace
    table = table_page(request, pictures.pictures_of(workspace, request.GET.get("q", "")), size=PAGE_SIZE)
    counts = picture_uses.template_counts(workspace, table.rows)
    return {"table": table, "lines": [{"picture": row, "templates": counts.get(row.pk, 0)} for row in table.rows]}


def _take_all(request: PageRequest) -> None:
    """Each file for itself: one that is refused keeps no other out."""
    taken = [_taken_with_note(request, file) for file in request.FILES.getlist("file")]
    if not taken:
        messages.error(request, _("Choose a file first."))
    elif count := sum(taken):
        messages.success(request, ngettext(
            "%(count)s picture in the library.", "%(count)s pictures in the library.", count
        ) % {"count": formats.number(count)})


def _taken_with_note(request: PageRequest, file: UploadedFile) -> bool:
    try:
        _take(request, file)
    except RelayHubError as exc:
        messages.error(request, f"{file.name}: {exc.message}")
        return False
    return True


def _take(request: PageRequest, file: UploadedFile) -> pictures.Taken:
    max_width = WIDE_PIXELS if request.POST.get("scale") else None
    return pictures.upload(request.actor, file.read(pictures.MAX_BYTES + 1), name=file.name or "", max_width=max_width)


@require_POST
@page(Scope.TEMPLATES_WRITE)
def picture_upload(request: PageRequest) -> JsonResponse:
    """Take one file and say what became of it; 422 with the reason where it is refused."""
    file = request.FILES.get("file")
    if not isinstance(file, UploadedFile):
        return JsonResponse({"message": _("There is no file in this request. Choose one.")}, status=422)
    try:
        taken = _take(request, file)
    except RelayHubError as exc:
        return JsonResponse({"message": exc.message}, status=422)
    picture = taken.picture
    return JsonResponse({
        "is_new": taken.is_new, "name": picture.name, "size": formats.size(picture.size_bytes),
        "choice": render_to_string("campaigns/_picture_choice.html", {"picture": picture}, request),
    }, status=201 if taken.is_new else 200)


@require_GET
@page(Scope.TEMPLATES_WRITE)
def picture_choices(request: PageRequest) -> HttpResponse:
    """The pictures that an editor offers, as a part of its page."""
    table = table_page(request, pictures.pictures_of(request.actor.workspace, request.GET.get("q", "")), size=PAGE_SIZE)
    return render(request, "campaigns/_picture_choices.html", {"table": table})


@require_http_methods(["GET", "HEAD", "POST"])
@page(Scope.TEMPLATES_READ, write=Scope.TEMPLATES_WRITE)
def picture_detail(request: PageRequest, picture_id: str) -> HttpResponse:
    """One picture: its address, its words, and where it is shown. POST changes the words (JSON for an editor)."""
    picture = picture_of(request, picture_id)
    form = PictureForm(request.POST or None, initial={
        "name": picture.name, "alternative_text": picture.alternative_text,
    })
    if request.method == "POST" and form.is_valid():
        try:
            pictures.change(request.actor, picture, **form.cleaned_data)
            if request.headers.get("Accept") == "application/json":
                return JsonResponse({"name": picture.name, "alternative_text": picture.alternative_text})
            messages.success(request, _("Saved."))
            return redirect("picture-detail", picture.public_id)
        except RelayHubError as exc:
            refuse(form, exc)
    uses = picture_uses.uses_of(picture)
    return render(request, "campaigns/picture_detail.html", {
        "picture": picture, "form": form, "uses": uses, "lines": _named(uses.names), "wide": WIDE_PIXELS,
    }, status=422 if form.errors else 200)


def _named(names: list[str]) -> list[str]:
    more = len(names) - MAX_NAMED
    return [*names[:MAX_NAMED], *([_("and %(count)s more") % {"count": formats.number(more)}] if more > 0 else [])]


@require_GET
@page(Scope.TEMPLATES_READ)
def picture_thumbnail(request: PageRequest, picture_id: str) -> HttpResponse:
    """The small one, for lists."""
    picture = picture_of(request, picture_id)
    response = HttpResponse(pictures.bytes_of(picture.thumbnail), content_type="image/webp")
    response["Cache-Control"] = "private, max-age=31536000, immutable"
    return response


@require_POST
@page(Scope.TEMPLATES_WRITE)
def picture_scale(request: PageRequest, picture_id: str) -> HttpResponse:
    """Make a copy that is as wide as a mail needs; JSON for an editor, its page for others."""
    taken = pictures.scaled_copy(request.actor, picture_of(request, picture_id), WIDE_PIXELS)
    picture = taken.picture
    if request.headers.get("Accept") == "application/json":
        choice = render_to_string("campaigns/_picture_choice.html", {"picture": picture}, request)
        return JsonResponse({"choice": choice, "name": picture.name})
    made = {"width": formats.number(picture.width), "size": formats.size(picture.size_bytes)}
    messages.success(request, _("The copy is %(width)s pixels wide and has %(size)s.") % made if taken.is_new
                     else _("This copy was in the library already."))
    return redirect("picture-detail", picture.public_id)


@require_POST
@page(Scope.TEMPLATES_WRITE)
def picture_delete(request: PageRequest, picture_id: str) -> HttpResponse:
    """Remove one; `anyway` where the person was told what shows it."""
    picture = picture_of(request, picture_id)
    pictures.delete(request.actor, picture, anyway=bool(request.POST.get("anyway")))
    messages.success(request, _("Deleted “%(name)s”.") % {"name": picture.name})
    return redirect("picture-list")

