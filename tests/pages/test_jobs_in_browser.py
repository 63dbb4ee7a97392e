"""Jobs in a real browser: how they look in every state, and that their end is told on any page."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from relayhub.core import jobs
from relayhub.core.clock import now
from relayhub.core.models import Job
from tests.pages.marketer_rows import Desk, desk
from tests.support.browser import Browsing

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


@pytest.fixture
def at() -> Desk:
    return desk()


def job(at: Desk, kind: str, title: str, *, done: int = 0, total: int | None = None) -> jobs.JobRun:
    run = jobs.take(jobs.start_job(at.workspace, kind=kind, title=title, created_by=at.user).pk)
    assert run is not None
    run.advance(done=done, total=total)
    Job.objects.filter(pk=run.job.pk).update(started_at=now() - timedelta(minutes=4))
    return run


def test_every_state(at: Desk, look: Callable[..., None]) -> None:
    long = job(at, "import", "Import subscribers-2026-from-the-old-system.csv", done=512_000, total=1_841_220)
    unknown = job(at, "export", "Export of all contacts", done=2000)
    jobs.start_job(at.workspace, kind="confirmation", title="Ask 310 to confirm Weekly letter", created_by=at.user)
    look(at, reverse("job-list"), "jobs-running")
    look(at, reverse("job-detail", args=[long.job.public_id]), "job-running")
    unknown.fail("The file of this import is gone; upload it again.")
    job(at, "suppression_import", "Suppress the addresses of old.csv", done=10, total=10).finish(added=8, already=2)
    job(at, "import", "Import shop.csv", done=10, total=30).cancelled()
    look(at, reverse("job-list"), "jobs")
    look(at, reverse("job-detail", args=[unknown.job.public_id]), "job-failed")
    done = job(at, "export", "Export of Weekly letter", done=41_872, total=41_872)
    done.finish(rows=41_872)
    look(at, reverse("job-detail", args=[done.job.public_id]), "job-done")


def test_the_end_is_told_on_whatever_page_is_open(at: Desk, browse: Browsing) -> None:
    run = job(at, "export", "Export of all contacts", done=3, total=9)
    page = browse(at)
    page.goto(reverse("template-list"))
    entry = page.get_by_role("navigation", name="Workspace").get_by_role("link", name="Jobs")
    expect(entry).to_contain_text("1 running")

    run.advance(done=9)
    run.finish(rows=9)

    toast = page.locator("#toasts")
    expect(toast).to_contain_text("Export of all contacts: done", timeout=20_000)
    expect(entry).to_contain_text("1 new")
    toast.get_by_role("link", name="See it").click()
    expect(page.get_by_role("heading", name="Export of all contacts")).to_be_visible()
    page.goto(reverse("template-list"))
    expect(entry).not_to_contain_text("new")
    expect(toast).to_be_empty()


def test_many_ends_at_once_leave_room_for_the_page(at: Desk, browse: Browsing) -> None:
    runs = [job(at, "export", f"Export {number}", done=3, total=9) for number in range(3)]
    page = browse(at)
    page.goto(reverse("template-list"))
    toasts = page.locator("#toasts .rh-toast")

    for run in runs:
        run.finish(rows=9)

    expect(toasts.get_by_role("link", name="and 1 more")).to_be_visible(timeout=20_000)
    expect(toasts).to_have_count(2)
    toasts.get_by_role("link", name="and 1 more").click()
    expect(page.get_by_role("heading", name="Jobs", exact=True)).to_be_visible()
