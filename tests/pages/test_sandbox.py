"""The sandbox inbox: every mail that the sandbox kept, to be read as its receiver would."""

from __future__ import annotations

import pytest
from django.urls import reverse

from relayhub.core.models import Role
from relayhub.site import setup
from tests.pages.marketer_rows import Desk, desk
from tests.pages.message_rows import handed_in, kept, with_file

pytestmark = pytest.mark.django_db
INBOX = "sandbox-inbox"


def inbox(at: Desk, **query: str) -> str:
    answer = at.client.get(reverse(INBOX), query)
    assert answer.status_code == 200
    return answer.content.decode()


def test_it_shows_what_was_kept_and_opens_the_newest() -> None:
    at = desk()
    kept(handed_in(at, "ines@mail.example", subject="First"))
    (newest,) = kept(handed_in(at, "jon@mail.example", subject="Second"))
    handed_in(at, "not@yet.example", subject="Still waiting")

    page = inbox(at)

    assert "ines@mail.example" in page
    assert "Still waiting" not in page
    assert f'src="{reverse("message-frame", args=[newest.public_id])}"' in page
    assert 'sandbox="allow-popups allow-popups-to-escape-sandbox"' in page


def test_each_tab_of_the_reading_pane() -> None:
    at = desk()
    (mail,) = kept(handed_in(at, attachments=[with_file()]))
    address = reverse("sandbox-message", args=[mail.public_id])

    pages = {view: at.client.get(address, {"show": view}).content.decode()
             for view in ("html", "text", "links", "checks", "headers", "source", "nonsense")}

    assert "receipt.pdf" in pages["html"]
    assert "?part=text" in pages["text"]
    assert "https://shop.example/rye" in pages["links"]
    assert "No DKIM signature" in pages["checks"]
    assert "What the person sees first." in pages["headers"]
    assert "Subject: Your receipt" in pages["source"]
    assert "<script>alert" not in pages["source"]
    assert "message-frame" not in pages["nonsense"]
    assert "/frame" in pages["nonsense"]


def test_a_mail_without_html_opens_as_text() -> None:
    at = desk()
    (mail,) = kept(handed_in(at, html=None))

    page = at.client.get(reverse("sandbox-message", args=[mail.public_id])).content.decode()

    assert "?part=text" in page
    assert ">HTML</a>" not in page


@pytest.mark.parametrize("text", ["ines@mail.example", "second", "ines", "INES@mail.example"])
def test_it_is_searched_by_address_and_subject(text: str) -> None:
    at = desk()
    kept(handed_in(at, "ines@mail.example", subject="Second"))
    kept(handed_in(at, "jon@else.example", subject="First"))

    page = inbox(at, q=text)

    assert "ines@mail.example" in page
    assert "jon@else.example" not in page


def test_a_search_stays_while_one_reads() -> None:
    at = desk()
    (mail,) = kept(handed_in(at, "ines@mail.example"))

    page = inbox(at, q="ines", stream="transactional")

    assert f"{reverse('sandbox-message', args=[mail.public_id])}?q=ines&amp;stream=transactional" in page
    assert "No mail matches" in inbox(at, q="nobody")


def test_new_ones_are_told() -> None:
    at = desk()
    (first,) = kept(handed_in(at))
    kept(handed_in(at))
    address = reverse("sandbox-new")

    some = at.client.get(address, {"after": first.public_id}).json()["html"]["sandbox-new"]
    (last,) = kept(handed_in(at))
    none = at.client.get(address, {"after": last.public_id}).json()["html"]["sandbox-new"]

    assert "1 new" in some
    assert "new</a>" not in none


def test_it_is_for_those_who_may_read_the_sandbox() -> None:
    at = desk()
    (mail,) = kept(handed_in(at))
    developer = desk(at.workspace, role=Role.DEVELOPER, email="d@example.com")
    marketer = desk(at.workspace, role=Role.MARKETER, email="m@example.com")

    assert developer.client.get(reverse("sandbox-message", args=[mail.public_id])).status_code == 200
    for path in (reverse(INBOX), reverse("sandbox-message", args=[mail.public_id]), reverse("sandbox-new")):
        assert marketer.client.get(path).status_code == 403
    home = marketer.client.get(reverse("message-list")).content.decode()
    assert f'href="{reverse(INBOX)}"' not in home
    assert f'href="{reverse(INBOX)}"' in developer.client.get(reverse("message-list")).content.decode()


def test_another_workspaces_mail_is_absent() -> None:
    at, other = desk(), desk(setup.new_workspace("Other"), email="o@example.com")
    (theirs,) = kept(handed_in(other))

    assert "Nothing was kept yet" in inbox(at)
    assert at.client.get(reverse("sandbox-message", args=[theirs.public_id])).status_code == 404
    assert at.client.get(reverse("sandbox-message", args=["rcp_x"])).status_code == 404
