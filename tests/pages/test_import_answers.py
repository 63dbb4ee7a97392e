"""The import wizard with a column that says who agreed: what is asked, warned of, shown and downloaded."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from campaigns.models import ContactImport, MailingList, Subscription
from relayhub.core.models import Job, Role
from tests.pages.import_rows import WITHOUT, columns_of, imported, weekly_letter
from tests.pages.marketer_rows import Desk, desk

pytestmark = pytest.mark.django_db


@pytest.fixture
def at() -> Desk:
    return desk()


@pytest.fixture
def weekly(at: Desk) -> MailingList:
    return weekly_letter(at)


def text_of(at: Desk, url: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", "", at.client.get(url).content.decode()))


def test_dry_run_and_result_say_who_is_not_put_on_the_list_and_why(at: Desk, weekly: MailingList) -> None:
    tried, done = (imported(at, weekly, dry=dry) for dry in (True, False))

    for url in (tried, done):
        text = text_of(at, url)
        for words in (
            "5 people in it are not put on the list.", "By the column “Newsletter”", "Nothing said",
            "Neither yes nor no", "“nur im Advent” (2), “per Telefon” (1)", "Said no, but on the list already",
            "They stay on it",
        ):
            assert words in text, words
    assert "Said no, not put on it" in text_of(at, tried)
    assert "Confirmed, stays; the file says no" in text_of(at, tried)
    assert "Those not put on it become contacts all the same" in text_of(at, tried)
    lines = b"".join(at.client.get(done + "/not-joined", {"reason": "on_it_already"})).decode().splitlines()
    assert [line.split(",")[1] for line in lines] == ["email", "member@kanalhus.example"]
    assert Subscription.objects.filter(mailing_list=weekly).count() == 3
    job = text_of(at, reverse("job-detail", args=[Job.objects.order_by("-id")[0].public_id]))
    assert re.search(r"Not put on the list ?5", job)
    viewer = desk(at.workspace, role=Role.VIEWER, email="v@example.com")
    assert viewer.client.get(done + "/not-joined").status_code == 403
    assert "/not-joined" not in viewer.client.get(done).content.decode()


def test_without_a_list_nobody_can_have_agreed_and_the_server_says_so(at: Desk, weekly: MailingList) -> None:
    url = columns_of(at)
    page = at.client.get(url).content.decode()
    assert 'value="list.agreed" selected' in page
    assert 'data-without-list="text:newsletter"' in page

    given = {"column-0": "email", "column-1": "name", "column-2": "list.agreed"}
    refused = at.client.post(url, given)

    assert refused.status_code == 422
    assert "no list is chosen" in refused.content.decode()
    assert at.client.post(url, {**given, "list": weekly.public_id}).status_code == 302


def test_a_column_that_is_left_out_is_warned_of_before_and_after(at: Desk, weekly: MailingList) -> None:
    tried = imported(at, weekly, dry=True, mapping=WITHOUT)
    row = ContactImport.objects.get()
    assert row.file is not None

    assert "Everybody in the file goes onto “Weekly letter”, also those who said no." in text_of(at, tried)
    back = at.client.get(reverse("import-columns", args=[row.file.pk]), {"from": row.public_id}).content.decode()
    assert re.search(r"data-unused-answer>", back)
    assert re.search(r"data-unused-answer hidden>", at.client.get(columns_of(at)).content.decode())
    assert "Everybody in the file" not in text_of(at, imported(at, weekly, dry=True))
