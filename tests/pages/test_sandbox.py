"""The sandbox inbox: every mail that the sandbox kept, to be read as its receiver would."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.urls import reverse

from relayhub.core.clock import now
from relayhub.core.models import Member, Role
from relayhub.protocol.compose import Attachment
from relayhub.relay.models import Recipient
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


def came(row: Recipient, seconds_ago: int) -> Recipient:
    """The mail, as if it had been kept so long ago."""
    Recipient.objects.filter(pk=row.pk).update(finished_at=now() - timedelta(seconds=seconds_ago))
    return row


def test_new_ones_are_told_however_long_ago_they_were_handed_in() -> None:
    at = desk()
    (late,), (early,) = kept(handed_in(at)), kept(handed_in(at))
    came(early, 60)
    came(late, 10)

    def told(seconds_ago: int) -> str:
        since = (now() - timedelta(seconds=seconds_ago)).isoformat()
        return str(at.client.get(reverse("sandbox-new"), {"since": since}).json()["html"]["sandbox-new"])

    assert "1 new" in told(30)
    assert "2 new" in told(90)
    assert "new</a>" not in told(5)
    assert "new</a>" not in at.client.get(reverse("sandbox-new"), {"since": "x"}).json()["html"]["sandbox-new"]


def test_opening_a_mail_reads_it_for_this_person_alone() -> None:
    at = desk()
    (first,), (second,) = kept(handed_in(at, "a@mail.example")), kept(handed_in(at, "b@mail.example"))
    colleague = desk(at.workspace, role=Role.DEVELOPER, email="d@example.com")
    Member.objects.update(created_at=now() - timedelta(hours=1))

    before = inbox(at)
    opened = at.client.get(reverse("sandbox-message", args=[first.public_id])).content.decode()

    assert "2 unread" in before
    assert "1 unread" in opened
    assert opened.count('class="sbx-mail unread"') == 1
    assert "2 unread" in inbox(colleague)
    assert "a@mail.example" not in inbox(at, only="unread")
    at.client.post(reverse("sandbox-unread", args=[first.public_id]))
    assert "2 unread" in inbox(at)
    came(first, 5)
    came(second, 5)
    at.client.post(reverse("sandbox-read-all"))
    assert "All read" in inbox(at, only="unread")
    assert "2 unread" in inbox(colleague)


def test_what_was_kept_before_somebody_joined_counts_as_read() -> None:
    at = desk()
    came(kept(handed_in(at))[0], 3600)

    assert "1 unread" not in inbox(desk(at.workspace, role=Role.DEVELOPER, email="d@example.com"))


def test_clearing_hides_what_was_kept_and_can_be_undone() -> None:
    at = desk()
    came(kept(handed_in(at, "ines@mail.example"))[0], 5)
    waiting = handed_in(at, "late@mail.example")

    cleared = at.client.post(reverse("sandbox-clear"), follow=True).content.decode()
    came(kept(waiting)[0], 0)
    after = inbox(at)
    at.client.post(reverse("sandbox-restore"))
    restored = inbox(at)

    assert "Cleared 1 mail." in cleared
    assert f'action="{reverse("sandbox-restore")}"' in cleared
    assert "Nothing new was kept" in cleared
    assert "late@mail.example" in after
    assert "ines@mail.example" not in after
    assert "ines@mail.example" in restored
    assert "ines@mail.example" in at.client.get(reverse("message-list")).content.decode()


def test_pictures_are_shown_other_files_are_only_downloaded() -> None:
    at = desk()
    picture = Attachment(content=b"\x89PNG....", filename="loaf.png", content_type="image/png", content_id="loaf")
    (mail,) = kept(handed_in(at, attachments=[picture, with_file()], html='<p>Look</p><img src="cid:loaf">'))

    shown = at.client.get(reverse("message-picture", args=[mail.public_id, 1]))
    frame = at.client.get(reverse("message-frame", args=[mail.public_id])).content.decode()

    assert shown["Content-Type"] == "image/png"
    assert shown["Content-Disposition"].startswith("attachment")
    assert at.client.get(reverse("message-picture", args=[mail.public_id, 2])).status_code == 404
    assert 'src="data:image/png;base64,iVBORy4uLi4="' in frame


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


def test_what_left_is_not_shown_as_kept() -> None:
    at = desk()
    row = Recipient.objects.get(message=handed_in(at))
    address = reverse("sandbox-message", args=[row.public_id])

    assert at.client.get(address).status_code == 404
    assert at.client.post(reverse("sandbox-unread", args=[row.public_id])).status_code == 404
