"""Long work: who may stop it, how its end is told, and that it is found again."""

from __future__ import annotations

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

import relayhub.celery  # noqa: F401  (registers every kind of job)
from campaigns import exporter, importer
from deliverability import suppression_import
from relayhub.core import jobs
from relayhub.core.clock import now
from relayhub.core.keys import KeyLimits, create_key
from relayhub.core.models import AuditEntry, Job, JobStatus, Role
from relayhub.site import job_notices, setup
from tests.pages.marketer_rows import Desk, desk

pytestmark = pytest.mark.django_db


@pytest.fixture
def at() -> Desk:
    return desk()


def running(at: Desk, kind: str = "import", **more: Any) -> Job:
    job = jobs.start_job(at.workspace, kind=kind, title="A long one", created_by=at.user, **more)
    Job.objects.filter(pk=job.pk).update(status=JobStatus.RUNNING, started_at=now(), heartbeat_at=now())
    job.refresh_from_db()
    return job


def ended(at: Desk, **more: Any) -> Job:
    job = jobs.start_job(at.workspace, kind="confirmation", title="A long one", created_by=at.user, **more)
    run = jobs.take(job.pk)
    assert run is not None
    run.advance(done=7, total=9)
    run.finish(rows=7)
    return run.job


@pytest.mark.parametrize(
    ("kind", "scope", "role"),
    [
        (importer.JOB_KIND, "contacts.write", Role.MARKETER),
        (exporter.JOB_KIND, "contacts.read", Role.MARKETER),
        ("confirmation", "lists.write", Role.MARKETER),
        (suppression_import.JOB_KIND, "suppressions.write", Role.ADMIN),
    ],
)
def test_who_may_start_it_may_stop_it_on_the_page_and_through_the_api(
    at: Desk, kind: str, scope: str, role: str
) -> None:
    below = desk(at.workspace, role=Role.DEVELOPER, email="dev@example.com")
    may = desk(at.workspace, role=role, email="may@example.com")
    by_page, by_api = running(at, kind), running(at, kind)

    for asker, code in ((below, 403), (may, 302)):
        answer = asker.client.post(reverse("job-cancel", args=[by_page.public_id]))
        assert answer.status_code == code
        page = asker.client.get(reverse("job-detail", args=[by_api.public_id])).content.decode()
        assert (">Stop<" in page.replace("</svg>", ">")) is (code == 302)
    for given, code in ((["workspace.read"], 403), (["workspace.read", scope], 202)):
        assert api(at, given).delete(f"/api/v1/jobs/{by_api.public_id}").status_code == code
    for job in (by_page, by_api):
        job.refresh_from_db()
        assert job.cancel_requested_at is not None
    assert AuditEntry.objects.filter(action="job.cancelled").count() == 2


def api(at: Desk, scopes: list[str]) -> Client:
    key = create_key(at.actor, name="a program", limits=KeyLimits(scopes=scopes, requests_per_second=100))
    return Client(headers={"Authorization": f"Bearer {key.text}"})


def test_the_api_tells_rate_time_left_and_what_stopping_means(at: Desk) -> None:
    job = running(at, "export")
    Job.objects.filter(pk=job.pk).update(done=100, total=300, started_at=now().replace(year=2020))
    client = api(at, ["workspace.read"])

    body = client.get(f"/api/v1/jobs/{job.public_id}").json()

    assert body["seconds_left"] > 0
    assert body["cancel"] == {"scope": "exports.read", "means": "No file is made."}
    done = ended(at)
    narrowed = client.get("/api/v1/jobs", {"status": "unfinished", "kind": "export"}).json()["data"]
    assert [row["id"] for row in narrowed] == [job.public_id]
    assert [row["id"] for row in client.get("/api/v1/jobs", {"status": "done"}).json()["data"]] == [done.public_id]
    assert client.get("/api/v1/jobs", {"status": "odd"}).status_code == 400


def test_its_end_is_told_to_whoever_started_it_until_they_look(at: Desk) -> None:
    other = desk(at.workspace, email="o@example.com")
    job = ended(at)

    told = at.client.get(reverse("jobs-live")).json()
    assert told["values"] == {"jobs": "1 new"}
    assert told["notices"][0]["text"] == "A long one: done"
    assert told["notices"][0]["url"] == reverse("job-detail", args=[job.public_id])
    assert "<b>New:</b>" in at.client.get(reverse("job-list")).content.decode()
    assert other.client.get(reverse("jobs-live")).json()["notices"] == []

    other.client.get(reverse("job-detail", args=[job.public_id]))
    assert job_notices.news_of(at.workspace, at.user).count() == 1
    at.client.get(reverse("job-detail", args=[job.public_id]))
    assert job_notices.news_of(at.workspace, at.user).count() == 0


def test_all_marks_go_at_once(at: Desk) -> None:
    for _ in range(3):
        ended(at)
    assert "Mark 3 new ends as seen" in at.client.get(reverse("job-list")).content.decode()

    at.client.post(reverse("jobs-seen"))

    assert job_notices.state(at.workspace, at.user)["note"] == ""


def test_a_page_listens_only_while_there_is_something_to_hear(at: Desk) -> None:
    address = f'data-live="{reverse("jobs-live")}"'
    assert address not in at.client.get(reverse("contact-list")).content.decode()
    running(at)

    page = at.client.get(reverse("contact-list")).content.decode()

    assert address in page
    assert "1 running" in page
    assert at.client.get(reverse("jobs-live")).json()["end"] is False


def test_a_mail_at_its_end_for_whoever_asked(
    at: Desk, django_capture_on_commit_callbacks: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    letters = []
    monkeypatch.setattr(jobs, "send_letter", letters.append)
    other = desk(at.workspace, email="o@example.com")
    job = running(at)
    url = reverse("job-mail", args=[job.public_id])
    assert other.client.post(url, {"wanted": "1"}).status_code == 403
    at.client.post(url, {"wanted": "1"})
    Job.objects.filter(pk=job.pk).update(heartbeat_at="2020-01-01T00:00:00Z")
    run = jobs.take(job.pk)
    assert run is not None

    with django_capture_on_commit_callbacks(execute=True):
        run.fail("The disk is full.")
        ended(at)

    assert [letter.to for letter in letters] == [at.user.email]
    assert letters[0].context["link"].endswith(f"/jobs/{job.public_id}")


def test_it_is_found_by_kind_and_status(at: Desk) -> None:
    ended(at)
    running(at, "export")
    words = at.client.get(reverse("job-list"), {"kind": "export", "status": "done"}).content.decode()
    assert "No job of this kind and status" in words
    assert "Running now" in words
    found = at.client.get(reverse("job-list"), {"kind": "confirmation", "status": "done"}).content.decode()
    assert "A long one" in found


def test_a_stranger_sees_none_of_it(at: Desk) -> None:
    job = running(at)
    other = desk(setup.new_workspace("Other"), email="x@example.com")
    for name in ("job-detail", "job-file"):
        assert other.client.get(reverse(name, args=[job.public_id])).status_code == 404
    for name in ("job-cancel", "job-mail"):
        assert other.client.post(reverse(name, args=[job.public_id])).status_code == 404


def test_the_letter_reads_well(at: Desk) -> None:
    from django.template.loader import render_to_string

    job = ended(at)
    context = {"job": job, "status": "done", "workspace": "Shop", "link": "L"}
    text = render_to_string("emails/job_done-body.txt", context)
    assert "has ended: done, 7 of 9 rows." in text
