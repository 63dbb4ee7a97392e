"""What the endpoints of a campaign's audience and report take and answer."""

from __future__ import annotations

from campaigns.api import views_reports as reports
from campaigns.models import CampaignStatus, LeftOutReason
from campaigns.recipients import ACTS
from relayhub.core.api.schema import (
    MOMENT,
    NUMBER,
    TEXT,
    Operation,
    Schema,
    declare,
    each,
    extend,
    fields,
    identifier,
    maybe,
    one_of,
    shape,
    table,
)

_SHARE: Schema = {"type": "number", "minimum": 0, "maximum": 1}
shape(
    "Report", id=identifier("cmp"), status=one_of(CampaignStatus.values), counts=table(NUMBER), left_out=table(NUMBER),
    engagement=table(NUMBER), links=each(fields(number=NUMBER, url=TEXT, clicks=NUMBER, machine_clicks=NUMBER)),
    providers=each({**fields(provider=TEXT, total=NUMBER), "additionalProperties": NUMBER}),
    reasons=each(fields(status=TEXT, reason=TEXT, count=NUMBER)), counted_at=maybe(MOMENT),
)
extend(
    "CampaignRecipient", "Recipient", contact=maybe(TEXT), reason=maybe(TEXT), opened_at=maybe(MOMENT),
    clicked_at=maybe(MOMENT), unsubscribed_at=maybe(MOMENT), complained_at=maybe(MOMENT),
)
shape("LeftOut", address=TEXT, contact=identifier("con"), reason=one_of(LeftOutReason.values))
shape(
    "Timeseries", step_seconds=NUMBER,
    buckets=each(fields(start=MOMENT, delivered=NUMBER, opened_by_people=NUMBER, clicked_by_people=NUMBER,
                        opened_by_machine=NUMBER, clicked_by_machine=NUMBER)),
)
shape("CampaignLink", number=NUMBER, url=TEXT, clicks=NUMBER, machine_clicks=NUMBER, share=maybe(_SHARE), places=NUMBER)
shape(
    "Comparison",
    measures=each(fields(
        name=TEXT, count=NUMBER, base=NUMBER, rate=maybe(_SHARE), usual=maybe(_SHARE), campaigns=NUMBER,
        verdict=one_of(["above", "below", "as_usual", "too_few", "too_early", "nothing"]), text=TEXT,
    )),
)
shape(
    "CampaignAudience", reached=NUMBER, left_out=table(NUMBER),
    asked=maybe(fields(email=TEXT, contact=maybe(identifier("con")), is_reached={"type": "boolean"},
                       reason=maybe(one_of([*LeftOutReason.values, "unknown", "not_on_lists"])), text=TEXT)),
)

declare(
    reports.AudienceView, "GET",
    Operation(name="get_campaign_audience", answer="CampaignAudience",
              query={"email": "An address: would it get the campaign, and if not, why?"}),
)
declare(reports.ReportView, "GET", Operation(name="get_report", answer="Report"))
declare(
    reports.RecipientsView, "GET",
    Operation(
        name="list_campaign_recipients", answer="CampaignRecipient", is_list=True,
        query={"status": "A status.", "did": f"One of: {', '.join(ACTS)}.",
               "reason": "What a bounce or deferral lies at, as `reasons` of the report names it.",
               "provider": "A mailbox provider, or `other`.", "q": "An address or a domain."},
    ),
)
declare(
    reports.LeftOutView, "GET",
    Operation(
        name="list_left_out", answer="LeftOut", is_list=True,
        query={"reason": f"One of: {', '.join(LeftOutReason.values)}.", "q": "An address or a domain."},
    ),
)
declare(
    reports.TimeseriesView, "GET",
    Operation(name="get_campaign_timeseries", answer="Timeseries",
              query={"step": f"The least width of a bucket: {', '.join(reports.STEPS)}."}),
)
declare(
    reports.LinksView, "GET",
    Operation(name="list_campaign_links", answer="CampaignLink", is_list=True, is_whole=True),
)
declare(reports.ComparisonView, "GET", Operation(name="get_campaign_comparison", answer="Comparison"))
declare(
    reports.RecipientExportView, "POST",
    Operation(name="export_campaign_recipients", answer="Job", status=202, body=reports.RecipientExportSerializer),
)
