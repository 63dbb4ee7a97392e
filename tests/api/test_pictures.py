"""The picture library through the API: what its page does, programs can do."""

from __future__ import annotations

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from rest_framework.test import APIClient

from campaigns.models import Picture
from relayhub.core.models import Workspace
from relayhub.relay import routes
from relayhub.site import setup
from tests.api.test_smoke import client_of
from tests.support.picture_files import HTML, noisy_jpeg, png

pytestmark = pytest.mark.django_db
ALL = "/api/v1/pictures"


@pytest.fixture
def workspace() -> Workspace:
    routes.forget()
    return setup.new_workspace("Shop")


@pytest.fixture
def client(workspace: Workspace) -> APIClient:
    return client_of(workspace)


def upload(client: APIClient, data: bytes, **more: object) -> Any:
    file = SimpleUploadedFile("rye.png", data, content_type="text/html")
    return client.post(ALL, {"file": file, **more}, format="multipart")


def test_a_picture_is_uploaded_read_changed_and_deleted(client: APIClient) -> None:
    made = upload(client, png(), alternative_text="A loaf")
    body = made.json()
    address = f"{ALL}/{body['id']}"

    assert made.status_code == 201
    assert (body["name"], body["alternative_text"], body["format"]) == ("rye", "A loaf", "png")
    assert (body["width"], body["height"], body["is_animated"]) == (40, 30, False)
    served = APIClient().get(body["url"].partition("//")[2].partition("/")[2].join(("/", "")))
    assert (served.status_code, len(served.content)) == (200, body["size_bytes"])

    changed = client.patch(address, {"name": "Loaf", "alternative_text": ""}, format="json").json()
    assert (changed["name"], changed["alternative_text"], changed["shown_by"]["templates"]) == ("Loaf", "", [])
    assert client.delete(address).status_code == 204
    assert client.get(address).status_code == 404


def test_the_same_bytes_again_are_the_same_picture(client: APIClient) -> None:
    first = upload(client, png()).json()
    again = upload(client, png(), name="Other")

    assert (again.status_code, again.json()) == (200, first)


def test_pages_follow_each_other_and_say_how_full_the_library_is(client: APIClient) -> None:
    ids = [upload(client, png(10 + number, 10)).json()["id"] for number in range(3)]

    first = client.get(f"{ALL}?limit=2").json()
    rest = client.get(first["next"]).json()

    assert [row["id"] for row in (*first["data"], *rest["data"])] == ids[::-1]
    assert first["storage"]["pictures"] == 3
    assert first["storage"]["used_bytes"] == sum(Picture.objects.values_list("size_bytes", flat=True))
    assert [row["id"] for row in client.get(f"{ALL}?q=nope").json()["data"]] == []


@pytest.mark.parametrize(("data", "code"), [(HTML, "no_picture"), (png()[:60], "no_picture")])
def test_what_is_no_picture_is_refused_at_its_field(client: APIClient, data: bytes, code: str) -> None:
    refused = upload(client, data)

    body = refused.json()
    assert (refused.status_code, body["code"]) == (400, code)
    assert body["errors"][0]["pointer"] == "/file"


def test_an_upload_without_a_file_or_with_a_wrong_width_is_refused(client: APIClient) -> None:
    assert client.post(ALL, {"name": "x"}, format="multipart").status_code == 422
    assert upload(client, png(), max_width=3).status_code == 422
    assert upload(client, png(), colour="red").status_code == 422


def test_a_wide_picture_is_made_smaller_at_once_or_later(client: APIClient) -> None:
    wide = noisy_jpeg(1500, 300)
    whole, small = upload(client, wide).json(), upload(client, wide, max_width=600).json()

    copy = client.post(f"{ALL}/{whole['id']}/smaller")
    again = client.post(f"{ALL}/{whole['id']}/smaller", {"width": 1200}, format="json")

    assert (whole["width"], small["width"]) == (1500, 600)
    assert (copy.status_code, copy.json()["width"], again.status_code) == (201, 1200, 200)
    assert client.post(f"{ALL}/{small['id']}/smaller").status_code == 400


def test_deleting_a_picture_that_a_template_shows_needs_a_word(client: APIClient) -> None:
    picture = upload(client, png()).json()
    body = {"name": "Weekend", "subject": "Hi", "html": f'<img src="{picture["url"]}" alt="">'}
    template = client.post("/api/v1/templates", body, format="json").json()
    address = f"{ALL}/{picture['id']}"

    assert client.get(address).json()["shown_by"]["templates"] == [{"id": template["id"], "name": "Weekend"}]
    refused = client.delete(address)
    assert (refused.status_code, refused.json()["code"]) == (409, "picture_used")
    assert "Weekend" in refused.json()["detail"]
    assert client.delete(f"{address}?anyway=true").status_code == 204


def test_a_key_sees_no_picture_of_another_workspace_and_needs_its_scope(
    client: APIClient, workspace: Workspace
) -> None:
    picture = upload(client, png()).json()
    other, reader = client_of(setup.new_workspace("Other")), client_of(workspace, ("templates.read",))

    for answer in (
        other.get(f"{ALL}/{picture['id']}"), other.delete(f"{ALL}/{picture['id']}"),
        other.patch(f"{ALL}/{picture['id']}", {"name": "x"}, format="json"),
        other.post(f"{ALL}/{picture['id']}/smaller"),
    ):
        assert answer.status_code == 404
    assert other.get(ALL).json()["data"] == []
    assert upload(reader, png()).status_code == 403
    assert reader.get(f"{ALL}/{picture['id']}").status_code == 200
