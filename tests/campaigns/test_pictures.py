"""The picture library: taken once, kept apart by workspace, within its quota, found where it is shown, deleted."""

from __future__ import annotations

from typing import Any

import pytest

from campaigns import picture_uses, pictures, template_review, templates
from campaigns.models import Campaign, MailTemplate, Picture, PictureFormat
from campaigns.templates import TemplateInput
from relayhub.core.errors import AccessError, ConflictError, ForbiddenError, InputError
from relayhub.core.models import AuditEntry, Role, StoredFile, StoredFileChunk
from relayhub.site import setup
from tests.pages.marketer_rows import Desk, desk
from tests.support.picture_files import animated_gif, noisy_jpeg, opened, photo, png

pytestmark = pytest.mark.django_db


def taken(at: Desk, data: bytes | None = None, name: str = "Rye.png", **more: Any) -> Picture:
    return pictures.upload(at.actor, data if data is not None else png(), name=name, **more).picture


def template_with(at: Desk, picture: Picture, name: str = "Weekend", *, is_published: bool = True) -> MailTemplate:
    content = TemplateInput(subject="Rye", source=f'<img src="{picture.url}" alt="" width="40">')
    return templates.create_template(at.actor, name=name, content=content, is_published=is_published)


def test_a_file_becomes_a_picture_with_an_address_that_nobody_can_guess() -> None:
    at = desk()

    picture = taken(at, name="C:\\photos\\Rye and rolls.PNG", alternative_text=" A loaf  of rye ")

    assert (picture.name, picture.alternative_text) == ("Rye and rolls", "A loaf of rye")
    assert (picture.format, picture.width, picture.height) == (PictureFormat.PNG, 40, 30)
    assert picture.created_by == at.user
    assert picture.size_bytes == len(pictures.bytes_of(picture.file))
    assert len(picture.key) == 40
    assert opened(pictures.bytes_of(picture.thumbnail)).format == "WEBP"
    assert AuditEntry.objects.get(action="picture.uploaded").summary == "Rye and rolls"


def test_the_same_file_is_one_picture_in_a_workspace_and_another_in_the_next() -> None:
    at, other = desk(), desk(setup.new_workspace("Other"), email="o@example.com")

    first, again = pictures.upload(at.actor, png(), name="a"), pictures.upload(at.actor, png(), name="b")
    theirs = taken(other)

    assert (first.is_new, again.is_new, again.picture.name) == (True, False, "a")
    assert again.picture == first.picture
    assert theirs.key != first.picture.key
    assert StoredFile.objects.filter(purpose=pictures.PURPOSE, workspace=at.workspace).count() == 2


def test_files_that_differ_in_metadata_alone_are_one_picture() -> None:
    at = desk()
    bare = pictures.bytes_of(taken(at, photo()).file)

    again = pictures.upload(at.actor, bare, name="bare")

    assert not again.is_new
    assert Picture.objects.count() == 1


def test_nothing_of_another_workspace_is_seen() -> None:
    at, other = desk(), desk(setup.new_workspace("Other"), email="o@example.com")
    picture = taken(other)
    template_with(at, picture)

    assert list(pictures.pictures_of(at.workspace)) == []
    assert pictures.storage_of(at.workspace).count == 0
    assert not picture_uses.uses_of(picture).is_used


def test_a_viewer_may_change_nothing() -> None:
    at = desk()
    picture, viewer = taken(at), desk(at.workspace, role=Role.VIEWER, email="v@example.com").actor

    for act in (
        lambda: pictures.upload(viewer, png(9, 9), name="x"), lambda: pictures.change(viewer, picture, name="x"),
        lambda: pictures.scaled_copy(viewer, picture, 20), lambda: pictures.delete(viewer, picture),
    ):
        with pytest.raises(ForbiddenError):
            act()


def test_the_library_takes_no_more_than_its_quota(settings: Any) -> None:
    at = desk()
    first = taken(at, png(200, 200))
    settings.RELAYHUB_PICTURE_QUOTA_BYTES = first.size_bytes + 100

    with pytest.raises(InputError, match="The library is full") as refused:
        taken(at, noisy_jpeg(200, 200))

    assert refused.value.code == "library_full"
    assert not pictures.upload(at.actor, png(200, 200), name="again").is_new
    assert StoredFile.objects.filter(purpose=pictures.PURPOSE).count() == 2


def test_pictures_are_found_by_words_of_their_name_or_text() -> None:
    at = desk()
    rye = taken(at, png(10, 10), name="Rye loaf.png")
    taken(at, png(11, 10), name="Oven.png", alternative_text="An oven with rolls")

    assert list(pictures.pictures_of(at.workspace, "loaf rye")) == [rye]
    assert [row.name for row in pictures.pictures_of(at.workspace, "ROLLS")] == ["Oven"]
    assert not pictures.pictures_of(at.workspace, "loaf rolls").exists()
    assert pictures.pictures_of(at.workspace, "\0").count() == 2


def test_a_change_is_recorded_and_the_address_stays() -> None:
    at = desk()
    picture = taken(at)
    before = picture.url

    pictures.change(at.actor, picture, name="Loaf", alternative_text="A loaf")
    pictures.change(at.actor, picture, name="Loaf")

    picture.refresh_from_db()
    assert (picture.name, picture.alternative_text, picture.url) == ("Loaf", "A loaf", before)
    entry = AuditEntry.objects.get(action="picture.changed")
    assert (entry.before["name"], entry.after["name"]) == ("Rye", "Loaf")
    with pytest.raises(InputError, match="300 characters"):
        pictures.change(at.actor, picture, alternative_text="x" * 301)


def test_a_wide_picture_is_made_smaller_at_upload_or_beside_it() -> None:
    at = desk()
    wide = noisy_jpeg(1500, 500)

    scaled = taken(at, wide, max_width=1200)
    whole = taken(at, wide)
    copy = pictures.scaled_copy(at.actor, whole, 600)
    again = pictures.scaled_copy(at.actor, whole, 600)

    assert (scaled.width, scaled.height, whole.width) == (1200, 400, 1500)
    assert (copy.picture.width, copy.picture.height, copy.picture.name) == (600, 200, "Rye, 600 px")
    assert (copy.is_new, again.is_new, again.picture) == (True, False, copy.picture)
    assert whole.is_wide
    assert not scaled.is_wide


def test_an_animation_is_never_made_smaller() -> None:
    at = desk()
    moving = taken(at, animated_gif(), max_width=20)

    assert (moving.width, moving.is_animated) == (40, True)
    with pytest.raises(InputError, match="animation"):
        pictures.scaled_copy(at.actor, moving, 20)


def test_where_a_picture_is_shown_is_known_by_name() -> None:
    at = desk()
    picture, unused = taken(at), taken(at, png(12, 12))
    template = template_with(at, picture)
    template_with(at, picture, "Draft", is_published=False)
    Campaign.objects.create(workspace=at.workspace, name="Friday", template=template)

    uses = picture_uses.uses_of(picture)

    assert uses.names == ["Template “Draft”", "Template “Weekend”", "Campaign “Friday” (draft)"]
    assert uses.in_words == "template “Draft”, template “Weekend” and campaign “Friday” (draft)"
    assert not picture_uses.uses_of(unused).is_used
    assert picture_uses.template_counts(at.workspace, [picture, unused]) == {picture.pk: 2, unused.pk: 0}


def test_a_template_that_was_changed_shows_it_no_more() -> None:
    at = desk()
    picture = taken(at)
    template = template_with(at, picture)
    templates.save_draft(at.actor, template, TemplateInput(source="<p>Without</p>"))
    assert picture_uses.uses_of(picture).is_used  # what is published still does

    templates.publish(at.actor, template)

    assert not picture_uses.uses_of(picture).is_used
    at.workspace.footer_html = f'<img src="{picture.url}" alt="">'
    at.workspace.save(update_fields=["footer_html"])
    picture.refresh_from_db()
    assert picture_uses.uses_of(picture).names == ["The footer of the workspace"]


def test_a_shown_picture_is_deleted_only_by_somebody_who_was_told() -> None:
    at = desk()
    picture = taken(at)
    template_with(at, picture)

    with pytest.raises(ConflictError, match="template “Weekend”") as refused:
        pictures.delete(at.actor, picture)
    assert refused.value.code == "picture_used"
    assert pictures.published(picture.key, "png") == picture

    pictures.delete(at.actor, picture, anyway=True)

    assert not StoredFile.objects.filter(purpose=pictures.PURPOSE).exists()
    assert not StoredFileChunk.objects.exists()
    assert AuditEntry.objects.get(action="picture.deleted").before["shown_by"] == ["Template “Weekend”"]
    with pytest.raises(AccessError):
        pictures.published(picture.key, "png")


def test_the_same_file_uploaded_after_deleting_has_the_same_address() -> None:
    at = desk()
    picture = taken(at)
    key = picture.key
    pictures.delete(at.actor, picture)

    assert taken(at).key == key


def test_a_workspace_takes_its_pictures_with_it() -> None:
    other = desk(setup.new_workspace("Other"), email="o@example.com")
    taken(other)

    # What deleting a workspace does to rows like these; the audit log keeps it from being deleted as a whole.
    StoredFile.objects.filter(workspace=other.workspace).delete()

    assert not Picture.objects.exists()


def codes(at: Desk, source: str, kind: str = "html") -> dict[str, int | None]:
    found = template_review.review(at.workspace, TemplateInput(kind=kind, subject="Rye", source=source)).findings
    return {item.code: item.line for item in found if item.code.startswith(("picture_", "client_no_"))}


@pytest.mark.parametrize(("kind", "source", "expected"), [
    ("html", '<p>\n<img alt="A" width="9">', {"client_no_source": 2}),
    ("html", '<img src="" alt="A" width="9">', {"client_no_source": 1}),
    ("html", "<img src=' ' alt='A' width='9'>", {"client_no_source": 1}),
    ("html", '<img data-src="x" alt="A" width="9">', {"client_no_source": 1}),
    ("html", '<img src="{{ photo }}" alt="" width="9">', {}),
    ("html", '<img alt="" src=https://x.example/a.png width="9">', {}),
    ("html", '<img src="https://x.example/a.png" width="9">', {"client_no_alt": 1}),
    ("html", '<!-- <img> --><p>Rye</p>', {}),
    ("mjml", '<mjml><mj-head><mj-attributes><mj-image padding="0" /></mj-attributes></mj-head><mj-body><mj-section>'
             '<mj-column>\n<mj-image alt="A" /></mj-column></mj-section></mj-body></mjml>', {"client_no_source": 2}),
    ("markdown", "Rye\n\n![A loaf]()", {"client_no_source": 3}),
    ("markdown", "![A loaf](https://x.example/a.png)", {}),
])
def test_a_review_names_pictures_without_address_or_words(
    kind: str, source: str, expected: dict[str, int]
) -> None:
    assert codes(desk(), source, kind) == expected


def test_a_review_names_heavy_pictures_and_those_that_are_gone() -> None:
    at, other = desk(), desk(setup.new_workspace("Other"), email="o@example.com")
    heavy = taken(at, noisy_jpeg(1600, 1200))
    light, theirs = taken(at, png(13, 13)), taken(other, png(14, 14))
    assert heavy.size_bytes > 1024 * 1024
    picture = '<img src="{}" alt="" width="9">\n'

    found = codes(at, picture.format(light.url) + picture.format(heavy.url) * 2)
    assert found == {"picture_heavy": 2}
    pictures.delete(at.actor, light)
    assert codes(at, picture.format(light.url)) == {"picture_gone": 1}
    assert codes(at, picture.format(theirs.url)) == {"picture_gone": 1}
    elsewhere = f"https://elsewhere.example{light.path}"
    assert codes(at, picture.format(elsewhere)) == {}
