"""The report: every number equals the rows it leads to, people and machines apart, whatever is clicked."""

from __future__ import annotations

import csv
import io
import re

import pytest
from django.http import QueryDict
from django.urls import reverse

from campaigns import broadcast, click_map, comparison, editing, overview, recipient_export, recipients, stats
from campaigns.models import Broadcast, Campaign, Contact
from campaigns.views import report
from relayhub.core import jobs
from relayhub.core.models import Job, Role
from relayhub.relay import broadcast_figures, broadcast_series, queries
from relayhub.relay.models import BroadcastFigures, Event, Recipient
from tests.pages.marketer_rows import Desk, desk
from tests.pages.report_rows import clicks, ends, launched, make_ripe, opens
from tests.pages.wizard_rows import make_list, make_template, step
from tests.support.door_rows import forget_everything

pytestmark = pytest.mark.django_db
PEOPLE = [f"p{number}@x.example" for number in range(6)]


@pytest.fixture(autouse=True)
def _fresh_caches() -> None:
    forget_everything()


def every_fate(at: Desk) -> Campaign:
    """Three delivered, one bounced, one put off, one waiting; one opened and clicked, one by a machine only."""
    campaign = launched(at, PEOPLE)
    ends(campaign, PEOPLE[0], PEOPLE[1])
    ends(campaign, PEOPLE[2], provider="Yahoo")
    ends(campaign, PEOPLE[3], status="bounced")
    ends(campaign, PEOPLE[4], status="deferred", provider="Yahoo")
    opens(campaign, PEOPLE[0])
    opens(campaign, PEOPLE[1], is_machine=True)
    clicks(campaign, PEOPLE[0], 1)
    clicks(campaign, PEOPLE[1], 2, is_machine=True)
    return campaign


def shown(at: Desk, campaign: Campaign, query: str = "") -> str:
    return at.client.get(step(campaign, "report") + query).content.decode()


def listed(at: Desk, campaign: Campaign, query: str) -> set[str]:
    """The addresses in the table of recipients."""
    html = shown(at, campaign, query).split('id="report-recipients"')[1]
    return {address for address in PEOPLE if address in html}


@pytest.mark.parametrize(("query", "who"), [
    ("", {0, 1, 2, 3, 4, 5}), ("?status=delivered", {0, 1, 2}), ("?status=bounced&reason=recipient", {3}),
    ("?status=bounced&reason=network", set()), ("?status=waiting", {4, 5}), ("?provider=Yahoo", {2, 4}),
    ("?provider=other", {5}), ("?did=opened", {0}), ("?did=opened_by_machines", {1}), ("?did=clicked_by_machines", {1}),
    ("?q=p3@x.example", {3}), ("?q=x.example", {0, 1, 2, 3, 4, 5}), ("?status=nonsense", set()),
    ("?did=nonsense", set()),
])
def test_each_number_leads_to_its_rows(query: str, who: set[int]) -> None:
    at = desk()
    campaign = every_fate(at)

    assert listed(at, campaign, query) == {PEOPLE[number] for number in who}
    run = Broadcast.objects.get(campaign=campaign)
    known = recipients.count_at_hand(stats.figures_of(run), report.filter_of(QueryDict(query.removeprefix("?"))))
    assert known in (None, len(who))
    assert (known is None) == any(name in query for name in ("q=", "reason=", "did=nonsense"))


def test_figures_are_the_rows_before_and_after_they_are_kept() -> None:
    at = desk()
    campaign = every_fate(at)
    run = Broadcast.objects.get(campaign=campaign)

    first = stats.figures_of(run)
    broadcast_figures.count_changed()
    kept = BroadcastFigures.objects.get(pk=run.pk)
    opens(campaign, PEOPLE[2])
    later = stats.figures_of(run)

    assert first.statuses == queries.broadcast_counts(run.pk)
    assert stats.engagement(first) == {"opened": 1, "opened_by_machines_only": 1, "clicked": 1,
                                       "clicked_by_machines_only": 1, "unsubscribed": 0, "complained": 0}
    assert kept.version == Event.objects.filter(broadcast_id=run.pk).count() - 1
    assert stats.engagement(later)["opened"] == 2


def test_a_large_broadcast_reads_what_was_kept_and_says_when(monkeypatch: pytest.MonkeyPatch) -> None:
    at = desk()
    campaign = every_fate(at)
    run = Broadcast.objects.get(campaign=campaign)
    broadcast_figures.keep(run.pk)
    monkeypatch.setattr(broadcast_figures, "EXACT_UP_TO", 3)
    opens(campaign, PEOPLE[2])

    stale = stats.figures_of(run)
    said = shown(at, campaign)
    broadcast_figures.count_changed()
    fresh = stats.figures_of(run)

    assert (stale.total("opened"), fresh.total("opened")) == (1, 2)
    assert stale.counted_at is not None
    assert "counted again within seconds" in said


def test_people_over_time_add_up_to_those_who_did_it() -> None:
    at = desk()
    campaign = every_fate(at)
    run = Broadcast.objects.get(campaign=campaign)
    assert campaign.launched_at is not None

    found = broadcast_series.series(run.pk, campaign.launched_at)

    sums = {metric: sum(values) for metric, values in found.values.items()}
    assert sums == {"delivered": 3, "opened:people": 1, "clicked:people": 1, "opened:machine": 1, "clicked:machine": 1}


def test_links_tell_people_from_machines_and_the_map_marks_each_place() -> None:
    at = desk()
    campaign = every_fate(at)
    run = Broadcast.objects.get(campaign=campaign)

    found = {link.short: link for link in click_map.click_map(run).links}
    page = at.client.get(reverse("campaign-clicks-mail", args=[campaign.public_id]))
    html = page.content.decode()

    assert (found["/rye"].clicks, found["/rye"].machine_clicks, found["/rye"].places) == (1, 0, 2)
    assert (found["/rolls"].clicks, found["/rolls"].machine_clicks) == (0, 1)
    assert html.count("1 · 100%") == 2
    assert "https://shop.example" not in html
    assert "sandbox" in page["Content-Security-Policy"]


def test_the_frame_of_a_click_map_is_about_as_high_as_its_mail() -> None:
    opening = '<img src="{{ rh_open_url }}" width="1" height="1">'

    heights = [click_map._height("<p>A line</p>" * lines + opening) for lines in (4, 9, 16, 40)]

    assert heights == ["brief", "short", "medium", "long"]


def test_live_answers_follow_the_filter_of_the_page() -> None:
    at = desk()
    campaign = every_fate(at)
    address = reverse("campaign-live", args=[campaign.public_id])

    answer = at.client.get(f"{address}?status=bounced", headers={"accept": "application/json"}).json()

    rows = answer["html"]["report-recipients"]
    assert PEOPLE[3] in rows
    assert PEOPLE[0] not in rows
    assert 'aria-current="true"' in rows
    assert answer["values"]["over-opened:people"] == "1"


def test_the_export_holds_what_the_filter_shows_and_a_large_one_is_a_job(monkeypatch: pytest.MonkeyPatch) -> None:
    at = desk()
    campaign = every_fate(at)
    address = reverse("campaign-export", args=[campaign.public_id])

    answer = at.client.post(address, {"query": "status=bounced"})
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))
    monkeypatch.setattr(recipient_export, "AT_ONCE", 2)
    at.client.post(address, {"query": ""})
    job = Job.objects.get(kind="recipients")
    jobs.run_job(job.pk)
    job.refresh_from_db()
    file = at.client.get(reverse("job-file", args=[job.public_id]))

    assert [(row["address"], row["reason"], row["reply_code"]) for row in rows] == [(PEOPLE[3], "the address", "550")]
    assert job.result["rows"] == 6
    assert b"".join(file.streaming_content).count(b"\r\n") == 7


def test_a_viewer_sees_the_report_and_may_not_export() -> None:
    at = desk()
    campaign = every_fate(at)
    viewer = desk(at.workspace, role=Role.VIEWER, email="v@example.com")

    html = shown(viewer, campaign)

    assert PEOPLE[0] in html
    assert "Export all" not in html
    assert viewer.client.post(reverse("campaign-export", args=[campaign.public_id])).status_code == 403


def test_whoever_was_left_out_is_listed_by_reason() -> None:
    at = desk()
    away = make_list(at.actor, "Staff", people=0)
    campaign = launched(at, PEOPLE, also={PEOPLE[2]: away}, excluded_lists=[away])

    html = shown(at, campaign, "?left_out=excluded")
    contact = Contact.objects.get(email=PEOPLE[2])
    page = reverse("contact-detail", args=[contact.public_id])
    answer = at.client.post(reverse("campaign-export", args=[campaign.public_id]), {"query": "left_out=excluded"})
    rows = list(csv.DictReader(io.StringIO(b"".join(answer.streaming_content).decode())))

    assert listed(at, campaign, "?left_out=excluded") == {PEOPLE[2]}
    assert "On an excluded list" in html
    assert f'href="{page}"' in html
    assert "Export these" in html
    assert rows == [{"address": PEOPLE[2], "contact": contact.public_id, "left_out": "excluded"}]

    contact.delete()
    assert page not in shown(at, campaign, "?left_out=excluded")


def test_the_head_of_a_campaign_that_is_over_says_what_was_delivered_and_what_became_of_the_rest() -> None:
    at = desk()
    campaign = every_fate(at)
    running = shown(at, campaign)
    make_ripe(campaign)

    over = shown(at, campaign)

    assert "Final for" in running
    assert "Final for" not in over
    assert re.search(r"Delivered to \d of 6 recipients", over)
    assert '<a class="q" href="?status=bounced#recipients">1 bounced</a>' in over


def test_a_report_without_figures_says_so_in_words() -> None:
    at = desk()
    html = shown(at, launched(at, PEOPLE))

    assert html.count("nothing delivered yet") == 4
    assert "of 0" not in html
    assert "usual" not in html
    assert reverse("campaign-compare") not in html


# -- comparison ----------------------------------------------------------------------------------------------


def measured(figures: dict[str, int]) -> broadcast_figures.Figures:
    cell = dict.fromkeys(broadcast_figures.CELL, 0) | {"provider": "", "reason": "", "status": "delivered"}
    return broadcast_figures.Figures(cells=[cell | figures])


@pytest.mark.parametrize(("opened", "verdict"), [(300, "as_usual"), (320, "as_usual"), (400, "above"), (200, "below")])
def test_a_difference_is_claimed_only_where_counts_carry_it(
    opened: int, verdict: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = desk()
    earlier = launched(at, ["a@x.example"])
    make_ripe(earlier, days=9)
    campaign = launched(at, ["b@x.example"])
    make_ripe(campaign)
    run = Broadcast.objects.get(campaign=earlier)
    kept = measured({"count": 1000, "opened": 300})
    monkeypatch.setattr(broadcast_figures, "figures_of", lambda _: {run.pk: kept})

    found = {item.measure.key: item for item in comparison.compare(
        campaign, measured({"count": 1000, "opened": opened}))}

    assert found["opened"].verdict == verdict
    assert found["complained"].verdict == "too_few"
    assert found["opened"].usual_text == "the one before: 30.0%"


def test_a_cancelled_campaign_is_not_held_to_what_is_usually_delivered(monkeypatch: pytest.MonkeyPatch) -> None:
    at = desk()
    make_ripe(launched(at, ["a@x.example"]), days=9)
    campaign = launched(at, ["b@x.example"])
    make_ripe(campaign)
    kept = measured({"count": 1000, "opened": 300})
    monkeypatch.setattr(broadcast_figures, "figures_of", lambda runs: dict.fromkeys(runs, kept))

    def progress() -> str:
        return shown(at, campaign).split('id="report-progress"')[1].split('id="report-people"')[0]

    sent = progress()
    Campaign.objects.filter(pk=campaign.pk).update(status="cancelled")

    assert "bout the usual" in sent
    assert "the usual" not in progress()


def test_what_people_do_is_not_compared_before_a_day_is_over() -> None:
    at = desk()
    earlier = launched(at, ["a@x.example"])
    ends(earlier, "a@x.example")
    make_ripe(earlier, days=9)
    campaign = launched(at, ["b@x.example"])
    ends(campaign, "b@x.example")
    run = Broadcast.objects.get(campaign=campaign)

    found = {item.measure.key: item.verdict for item in comparison.compare(campaign, stats.figures_of(run))}

    assert found["opened"] == "too_early"
    assert "too early to tell" in shown(at, campaign).lower()


# -- the list ------------------------------------------------------------------------------------------------


def test_an_archived_campaign_leaves_the_list_and_comes_back() -> None:
    at = desk()
    campaign = every_fate(at)
    name, archive = campaign.name, reverse("campaign-archive", args=[campaign.public_id])
    refused = at.client.post(archive, headers={"referer": "http://testserver/campaigns"}, follow=True)
    make_ripe(campaign)
    at.client.post(archive)
    away = at.client.get(reverse("campaign-list"))
    archived = at.client.get(reverse("campaign-list") + "?show=archived")
    at.client.post(reverse("campaign-unarchive", args=[campaign.public_id]))
    back = at.client.get(reverse("campaign-list"))

    assert "archive it once it is over" in refused.content.decode()
    assert [name in page.context["lines"][0].campaign.name if page.context["lines"] else False
            for page in (away, archived, back)] == [False, True, True]


def test_campaigns_are_compared_side_by_side_and_drafts_are_not() -> None:
    at = desk()
    first, second = every_fate(at), launched(at, ["b@x.example"])
    draft = editing.copy_campaign(at.actor, first)
    query = "&".join(f"c={row.public_id}" for row in (first, second, draft))

    page = at.client.get(f"{reverse('campaign-compare')}?{query}")

    assert [line.campaign.pk for line in page.context["lines"]] == [second.pk, first.pk]
    assert "3 of 4" in page.content.decode()


def test_a_pause_keeps_what_the_report_was_narrowed_to() -> None:
    at = desk()
    campaign = launched(at, PEOPLE)
    seen = step(campaign, "report") + "?status=bounced&q=ren"
    page = f"http://testserver{seen}"

    for act in ("pause", "resume"):
        answer = at.client.post(reverse(f"campaign-{act}", args=[campaign.public_id]), HTTP_REFERER=page)
        assert answer["Location"] == seen


def test_nothing_of_another_workspace_is_shown() -> None:
    at, other = desk(), desk(email="o@example.com")
    campaign = launched(other, ["b@x.example"])
    make_template(at)

    pages = [reverse(name, args=[campaign.public_id]) for name in ("campaign-clicks", "campaign-clicks-mail")]
    compared = at.client.get(f"{reverse('campaign-compare')}?c={campaign.public_id}")

    assert [at.client.get(page).status_code for page in pages] == [404, 404]
    assert not compared.context["lines"]
    assert at.client.post(reverse("campaign-archive", args=[campaign.public_id])).status_code == 404


# -- those who were left out, and those whom a cancel kept out ---------------------------------------------------


def test_a_search_stays_within_what_it_narrows() -> None:
    at = desk()
    away = make_list(at.actor, "Staff", people=0)
    campaign = launched(at, PEOPLE, also={PEOPLE[2]: away, PEOPLE[4]: away}, excluded_lists=[away])

    page = shown(at, campaign, "?left_out=excluded")

    assert '<input type="hidden" name="left_out" value="excluded">' in page
    assert listed(at, campaign, f"?left_out=excluded&q={PEOPLE[4]}") == {PEOPLE[4]}
    assert "Nobody was left out for this" in shown(at, campaign, f"?left_out=excluded&q={PEOPLE[0]}")
    assert "left_out=excluded&amp;status=" not in page
    assert '<input type="hidden" name="provider" value="Google">' in shown(at, campaign, "?provider=Google")


def test_those_who_were_left_out_are_found_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    at = desk()
    monkeypatch.setattr(report, "_ROWS", 2)
    away = make_list(at.actor, "Staff", people=0)
    campaign = launched(at, PEOPLE, also=dict.fromkeys(PEOPLE[:3], away), excluded_lists=[away])

    first = at.client.get(step(campaign, "report") + "?left_out=excluded").context["table"]
    second = at.client.get(step(campaign, "report") + first.older_url).context["table"]

    assert (first.count, len(first.rows), len(second.rows)) == (3, 2, 1)
    assert {row.address for row in (*first.rows, *second.rows)} == set(PEOPLE[:3])


def test_a_few_recipients_stand_below_the_figures_and_the_rest_page_by_page(monkeypatch: pytest.MonkeyPatch) -> None:
    at = desk()
    monkeypatch.setattr(report, "_ROWS_AT_FIRST", 2)
    monkeypatch.setattr(report, "_ROWS", 3)
    path = step(launched(at, PEOPLE), "report")

    pages = [at.client.get(path)]
    while older := pages[-1].context["older_url"]:
        assert older.endswith("#recipients")
        pages.append(at.client.get(path + older.partition("#")[0]))

    rows = [[row.address for row in page.context["table"].rows] for page in pages]
    assert [len(found) for found in rows] == [2, 3, 1]
    assert {address for found in rows for address in found} == set(PEOPLE)


def test_whom_a_cancel_kept_out_of_the_queue_are_cancelled_in_the_figures() -> None:
    at = desk()
    campaign = launched(at, PEOPLE)
    run = Broadcast.objects.get(campaign=campaign)
    ends(campaign, PEOPLE[0])
    ends(campaign, PEOPLE[1], status="bounced")
    broadcast.cancel(at.actor, campaign)
    Recipient.objects.filter(broadcast_id=run.pk, address__in=PEOPLE[4:]).delete()  # never stored

    page = at.client.get(step(campaign, "report"))
    line = overview.overview_of([Campaign.objects.get(pk=campaign.pk)])[0]

    assert (page.context["final"], page.context["waiting"], page.context["never_stored"]) == (6, 0, 2)
    assert {"cancelled": 4}.items() <= {part["status"]: part["value"] for part in page.context["parts"]}.items()
    assert "2 cancelled recipients had not been put into the queue yet" in page.content.decode()
    assert page.context["is_moving"] is False
    assert line.when_note == "4 recipients not sent"


def test_a_paused_campaign_says_until_when_it_may_wait() -> None:
    at = desk()
    campaign = launched(at, PEOPLE)
    assert "and what is not out by" not in shown(at, campaign)
    broadcast.pause(at.actor, campaign)

    assert "and what is not out by" in shown(at, campaign)


def test_many_lists_are_named_in_short() -> None:
    assert overview.few(["A", "B"]) == "A, B"
    assert overview.few(["A", "B", "C", "D", "E"]) == "A, B, C, D, E"
    assert overview.few(["A", "B", "C", "D", "E", "F"]) == "A, B, C, D and 2 more"
