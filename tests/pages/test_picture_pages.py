"""The pages of the picture library, and its pictures as mail programs load them."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from campaigns import pictures, starters, templates
from campaigns.models import Picture
from campaigns.templates import TemplateInput
from relayhub.core.models import Role
from relayhub.site import setup
from tests.pages.marketer_rows import Desk, desk
from tests.support.picture_files import HTML, noisy_jpeg, png

pytestmark = pytest.mark.django_db


def file(data: bytes, name: str = "rye.png") -> SimpleUploadedFile:
    return SimpleUploadedFile(name, data, content_type="image/png")


def picture(at: Desk, data: bytes | None = None, name: str = "Rye loaf") -> Picture:
    return pictures.upload(at.actor, data if data is not None else png(), name=name).picture


def test_mail_programs_get_the_picture_and_nothing_else() -> None:
    row = picture(desk())

    answer = Client().get(row.path)

    assert (answer.status_code, answer["Content-Type"]) == (200, "image/png")
    assert answer.content == pictures.bytes_of(row.file)
    assert answer["Cache-Control"] == "public, max-age=31536000, immutable"
    assert answer["X-Content-Type-Options"] == "nosniff"
    assert answer["Content-Disposition"] == "inline"
    assert answer["Cross-Origin-Resource-Policy"] == "cross-origin"
    assert answer["Content-Security-Policy"] == "default-src 'none'; sandbox"
    assert not answer.cookies
    assert not answer.has_header("Vary")
    again = Client().get(row.path, headers={"If-None-Match": answer["ETag"]})
    assert (again.status_code, again.content) == (304, b"")
    assert Client().head(row.path).status_code == 200
    assert Client().post(row.path).status_code == 405


def test_an_address_serves_nothing_but_its_own_picture() -> None:
    at = desk()
    row = picture(at)

    for path in (
        row.path.replace(".png", ".jpg"), row.path.replace(".png", ".html"), row.path[:-4], f"/picture/{'0' * 40}.png",
        f"/picture/{row.public_id}.png", row.path.upper(),
    ):
        assert Client().get(path).status_code == 404, path
    pictures.delete(at.actor, row)
    assert Client().get(row.path).status_code == 404


def test_one_file_is_taken_and_answered_with_what_an_editor_shows() -> None:
    at = desk()

    answer = at.client.post(reverse("picture-upload"), {"file": file(png())})
    again = at.client.post(reverse("picture-upload"), {"file": file(png(), "other.png")})

    row = Picture.objects.get()
    assert (answer.status_code, again.status_code) == (201, 200)
    assert (again.json()["is_new"], again.json()["name"]) == (False, "rye")
    assert f'data-url="{row.url}"' in answer.json()["choice"]


def test_a_page_named_like_a_picture_is_refused_with_words() -> None:
    at = desk()

    answer = at.client.post(reverse("picture-upload"), {"file": file(HTML)})

    assert answer.status_code == 422
    assert "not a picture, whatever its name says" in answer.json()["message"]
    assert at.client.post(reverse("picture-upload")).status_code == 422
    assert not Picture.objects.exists()


def test_without_script_the_good_files_of_several_are_taken() -> None:
    at = desk()

    answer = at.client.post(
        reverse("picture-list"),
        {"file": [file(png(10, 10), "a.png"), file(HTML, "b.png"), file(noisy_jpeg(1400, 90), "c.jpg")], "scale": "1"},
        follow=True,
    )

    shown = answer.content.decode()
    assert sorted(Picture.objects.values_list("name", "width")) == [("a", 10), ("c", 1200)]
    assert "b.png: This is not a picture" in shown
    assert "2 pictures in the library." in shown


def test_the_library_is_paged_searched_and_says_where_a_picture_is_shown() -> None:
    at = desk()
    first = picture(at, png(9, 9), "Oldest")
    for number in range(24):
        picture(at, png(20 + number, 9), f"Picture {number}")
    content = TemplateInput(source=f'<img src="{first.url}" alt="">')
    templates.create_template(at.actor, name="Weekend", content=content, is_published=False)

    newest = at.client.get(reverse("picture-list")).content.decode()
    older = at.client.get(reverse("picture-list") + f"?cursor={Picture.objects.order_by('id')[1].pk}").content.decode()
    found = at.client.get(reverse("picture-list") + "?q=oldest").content.decode()

    assert "Oldest" not in newest
    assert "25 pictures" in newest
    assert "Oldest" in older
    assert "In 1 template" in found
    assert "Picture 3" not in found


def test_a_picture_has_a_page_that_changes_its_words() -> None:
    at = desk()
    row = picture(at)
    page = reverse("picture-detail", args=[row.public_id])

    assert row.url in at.client.get(page).content.decode()
    at.client.post(page, {"name": "Loaf", "alternative_text": "A loaf of rye"})
    row.refresh_from_db()
    assert (row.name, row.alternative_text) == ("Loaf", "A loaf of rye")
    assert at.client.post(page, {"name": "", "alternative_text": ""}).status_code == 422
    told = at.client.post(page, {"name": "Rye", "alternative_text": ""}, headers={"Accept": "application/json"})
    assert told.json() == {"name": "Rye", "alternative_text": ""}


def test_deleting_names_what_shows_the_picture_and_what_was_sent() -> None:
    at = desk()
    row = picture(at)
    content = TemplateInput(source=f'<img src="{row.url}" alt="">')
    templates.create_template(at.actor, name="Weekend", content=content, is_published=False)

    shown = at.client.get(reverse("picture-detail", args=[row.public_id])).content.decode()
    at.client.post(reverse("picture-delete", args=[row.public_id]))
    kept = Picture.objects.exists()
    at.client.post(reverse("picture-delete", args=[row.public_id]), {"anyway": "1"})

    assert "Template “Weekend”" in shown
    assert "Mails that were sent load it whenever they are opened" in shown
    assert kept
    assert not Picture.objects.exists()


def test_a_copy_is_made_as_wide_as_mails_need() -> None:
    at = desk()
    row = picture(at, noisy_jpeg(1300, 90))

    answer = at.client.post(reverse("picture-scale", args=[row.public_id]), follow=True)

    assert "1,200 pixels wide" in answer.content.decode()
    assert sorted(Picture.objects.values_list("width", flat=True)) == [1200, 1300]


def test_a_viewer_sees_the_library_without_a_button_that_would_do_nothing() -> None:
    at = desk()
    row = picture(at, noisy_jpeg(1300, 90))
    viewer = desk(at.workspace, role=Role.VIEWER, email="v@example.com")
    content = starters.starter("newsletter").content(at.workspace)  # type: ignore[union-attr]
    template = templates.create_template(at.actor, name="Weekend", content=content)

    for path in (reverse("picture-list"), reverse("picture-detail", args=[row.public_id])):
        shown = viewer.client.get(path).content.decode()
        assert "Rye loaf" in shown
        for word in ("data-picture-upload", "Delete", 'form="picture"', "Make a copy", "The copy gets"):
            assert word not in shown, word
    editor = viewer.client.get(reverse("template-detail", args=[template.public_id])).content.decode()
    assert "picture-chooser" not in editor
    assert viewer.client.get(reverse("picture-thumbnail", args=[row.public_id])).status_code == 200
    assert viewer.client.get(reverse("picture-choices")).status_code == 403
    for name in ("picture-scale", "picture-delete", "picture-detail"):
        assert viewer.client.post(reverse(name, args=[row.public_id])).status_code == 403
    assert viewer.client.post(reverse("picture-upload"), {"file": file(png())}).status_code == 403


def test_another_workspace_has_no_page_of_it() -> None:
    row, other = picture(desk()), desk(setup.new_workspace("Other"), email="o@example.com")

    for name in ("picture-detail", "picture-thumbnail"):
        assert other.client.get(reverse(name, args=[row.public_id])).status_code == 404
    for name in ("picture-scale", "picture-delete"):
        assert other.client.post(reverse(name, args=[row.public_id])).status_code == 404
    assert "Rye loaf" not in other.client.get(reverse("picture-choices")).content.decode()


def test_both_editors_offer_the_library() -> None:
    at = desk()
    content = starters.starter("newsletter").content(at.workspace)  # type: ignore[union-attr]
    template = templates.create_template(at.actor, name="Weekend", content=content)

    for name in ("template-detail", "template-visual"):
        assert 'id="picture-chooser"' in at.client.get(reverse(name, args=[template.public_id])).content.decode()


def test_the_library_asks_no_more_often_where_it_holds_more(django_assert_max_num_queries: Any) -> None:
    at = desk()
    for number in range(12):
        picture(at, png(20 + number, 9))
    at.client.get(reverse("picture-list"))

    with django_assert_max_num_queries(26):
        at.client.get(reverse("picture-list"))
