"""The report in a real browser: rows, filters and the chart follow the sending; the click map stands over the mail."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from django.urls import reverse
from playwright.sync_api import expect

from campaigns.models import Broadcast
from relayhub.relay import events_feedback
from tests.pages.marketer_rows import desk
from tests.pages.report_rows import clicks, ends, launched, make_ripe, opens, recipient
from tests.pages.wizard_rows import step
from tests.support.browser import Browsing
from tests.support.door_rows import forget_everything

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]
PEOPLE = [f"p{number}@x.example" for number in range(8)]


@pytest.fixture(autouse=True)
def _fresh_caches() -> None:
    forget_everything()


def test_the_report_and_its_pages_look_right(look: Callable[..., None]) -> None:
    at = desk()
    before = [f"q{number}@x.example" for number in range(4)]
    earlier = launched(at, before, name="Mid-week sourdough")
    ends(earlier, *before)
    make_ripe(earlier, days=9)
    campaign = launched(at, PEOPLE, max_per_minute=600)
    ends(campaign, *PEOPLE[:4])
    ends(campaign, PEOPLE[4], status="bounced", provider="Yahoo")
    ends(campaign, PEOPLE[5], status="deferred", provider="Apple")
    opens(campaign, PEOPLE[0])
    opens(campaign, PEOPLE[1], is_machine=True)
    clicks(campaign, PEOPLE[0], 1)
    clicks(campaign, PEOPLE[1], 2, is_machine=True)
    events_feedback.record_complaint(recipient(campaign, PEOPLE[2]))

    look(at, step(campaign, "report"), "report-live")
    look(at, step(campaign, "report") + "?status=bounced&reason=recipient&over=each", "report-filtered")
    look(at, reverse("campaign-clicks", args=[campaign.public_id]), "report-clicks")
    look(at, f"{reverse('campaign-compare')}?c={campaign.public_id}&last=5", "report-compare")
    look(at, reverse("campaign-list"), "report-list")


def test_rows_filters_and_chart_follow_the_sending(browse: Browsing) -> None:
    at = desk()
    campaign = launched(at, PEOPLE[:3])
    ends(campaign, PEOPLE[0])
    page = browse(at)
    page.goto(step(campaign, "report") + "?status=delivered")
    rows = page.locator("#report-recipients tbody tr")
    expect(rows).to_have_count(1)
    expect(page.locator("[data-chart='over-delivered'] canvas")).to_be_visible()

    ends(campaign, PEOPLE[1])
    opens(campaign, PEOPLE[1])
    expect(rows).to_have_count(2)
    expect(page.get_by_role("link", name="Queued 1")).to_be_visible()
    expect(page.locator("[data-live-key='over-opened:people']")).to_have_text("1")

    page.get_by_text("Show as table").click()
    expect(page.locator("#report-series-table")).to_contain_text("2")
    with page.expect_download() as saved:
        page.get_by_role("button", name="Export these").click()
    assert saved.value.suggested_filename.startswith("recipients-cmp_")

    clicks(campaign, PEOPLE[1], 1)
    page.goto(reverse("campaign-clicks", args=[campaign.public_id]))
    frame = page.frame_locator("iframe[title='The mail with clicks on its links']")
    expect(frame.locator("a[data-rh-link='1'] .rh-count").first).to_have_text("1 · 100%")
    assert Broadcast.objects.get().audience_count == 3
