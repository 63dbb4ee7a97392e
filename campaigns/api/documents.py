"""What this package's endpoints take and answer: contacts, lists, templates, campaigns."""

from __future__ import annotations

import relayhub.relay.api.documents  # noqa: F401  (a campaign's recipient is a recipient and more)
from campaigns import column_values
from campaigns.api import (
    documents_contacts,  # noqa: F401  (the list of contacts and acts on many)
    documents_pictures,  # noqa: F401  (the picture library)
)
from campaigns.api import views_campaigns as campaigns
from campaigns.api import views_contacts as contacts
from campaigns.api import views_imports as imports
from campaigns.api import views_lists as lists
from campaigns.api import views_templates as templates
from campaigns.models import CampaignStatus, LeftOffReason, OptIn, SubscriptionStatus, TemplateKind
from campaigns.standing import Standing
from relayhub.core.api.schema import (
    ANY,
    FILE,
    MOMENT,
    NUMBER,
    TEXT,
    YES_OR_NO,
    Operation,
    Schema,
    declare,
    each,
    fields,
    identifier,
    maybe,
    one_of,
    shape,
    table,
)
from relayhub.core.facts import EventType
from relayhub.core.models import JobStatus
from relayhub.relay.models import Tracking

_SUBSCRIPTION_STATUS = one_of(SubscriptionStatus.values)

shape(
    "Contact", id=identifier("con"), email=TEXT, name=TEXT, language=TEXT, fields=table(ANY),
    lists=each(identifier("lst")),
    subscriptions=each(fields(list=identifier("lst"), status=_SUBSCRIPTION_STATUS)),
    standing=one_of(Standing.values), source=TEXT, created_at=MOMENT, updated_at=MOMENT,
)
shape(
    "ContactEvent", id=identifier("evt"), type=one_of(EventType.values), at=MOMENT, reply=maybe(table(ANY)),
    detail=table(ANY), message=identifier("msg"),
)
shape("Consent", list=identifier("lst"), action=TEXT, channel=TEXT, source=TEXT, ip=maybe(TEXT), at=MOMENT)
shape("Unconfirmed", waiting=NUMBER)
shape(
    "Form", id=identifier("frm"), list=identifier("lst"), title=TEXT, text=TEXT, button=TEXT, field_keys=each(TEXT),
    is_enabled=YES_OR_NO, url=TEXT, created_at=MOMENT,
)
shape("ContactField", id=TEXT, key=TEXT, label=TEXT, type=TEXT)
#: What an undo would do, or did; `kept` is the sum of the four figures behind it.
_TALLY = fields(
    job=identifier("job"), status=one_of(JobStatus.values), removed=NUMBER, restored=NUMBER, taken_off=NUMBER,
    kept=NUMBER, written_to=NUMBER, answered=NUMBER, other_list=NUMBER, changed=NUMBER, values_kept=NUMBER,
    places_kept=NUMBER,
)
shape(
    "Import", id=identifier("imp"), status=one_of(["running", "done", "failed"]), rows=NUMBER, created=NUMBER,
    updated=NUMBER, unchanged=NUMBER, rejected=NUMBER, file=TEXT, dry_run=YES_OR_NO, mapping=table(TEXT),
    types=table(TEXT), formats=table(TEXT), columns=each(TEXT), list=maybe(TEXT), consent_source=TEXT,
    error=maybe(TEXT), samples=each(table(ANY)),
    created_at=MOMENT, finished_at=maybe(MOMENT), total_estimate=maybe(NUMBER), job=identifier("job"), joined=NUMBER,
    not_joined=maybe(fields(**dict.fromkeys(LeftOffReason.values, NUMBER))), unclear_values=table(NUMBER),
    unused_answer=maybe(TEXT),
    undo=maybe(fields(until=maybe(MOMENT), why_not=maybe(TEXT), would=maybe(_TALLY), did=maybe(_TALLY))),
)
shape(
    "List", **{"from": TEXT}, id=identifier("lst"), name=TEXT, description=TEXT, opt_in=one_of(OptIn.values),
    from_header=TEXT, is_public=YES_OR_NO, has_archive=YES_OR_NO, counts=table(NUMBER), created_at=MOMENT,
)
shape(
    "Subscription", id=identifier("sub"), contact=identifier("con"), email=TEXT, list=identifier("lst"),
    status=_SUBSCRIPTION_STATUS, created_at=MOMENT, confirmed_at=maybe(MOMENT), unsubscribed_at=maybe(MOMENT),
)
shape("Unsubscribed", unsubscribed=NUMBER)
shape(
    "Template", id=identifier("tpl"), name=TEXT, subject=TEXT, html=TEXT, text=TEXT, kind=one_of(TemplateKind.values),
    preheader=TEXT, version=maybe(NUMBER), published_version=maybe(NUMBER), has_draft=YES_OR_NO, stamp=TEXT,
    sample=table(ANY), archived=YES_OR_NO, created_at=MOMENT, updated_at=MOMENT,
)
shape(
    "TemplateVersion", number=NUMBER, kind=one_of(TemplateKind.values), subject=TEXT, preheader=TEXT, html=TEXT,
    text=TEXT, published_at=maybe(MOMENT), updated_at=MOMENT,
)
shape(
    "Rendered", subject=TEXT, html=maybe(TEXT), text=maybe(TEXT),
    findings=each(
        fields(severity=TEXT, code=TEXT, message=TEXT, fix=TEXT, line=maybe(NUMBER), part=TEXT)
    ),
    empty_fields=each(
        fields(name=TEXT, missing=NUMBER, of=NUMBER, line=maybe(NUMBER), part=TEXT, with_fallback=TEXT)
    ),
    size_bytes=NUMBER, limit_bytes=NUMBER, support_checks=NUMBER, support_passed=NUMBER, has_dark_styles=YES_OR_NO,
)
shape(
    "TemplateStarter", key=TEXT, name=TEXT, use=TEXT, kind=one_of(TemplateKind.values), subject=TEXT, preheader=TEXT,
    html=TEXT, sample=table(ANY),
)
shape("MergeField", name=TEXT, label=TEXT, group=TEXT, code=TEXT)
shape(
    "TemplateDiff", before=NUMBER, after=NUMBER,
    parts=each(
        fields(
            part=TEXT, added=NUMBER, removed=NUMBER, is_too_long=YES_OR_NO,
            lines=each(
                fields(kind=one_of(["add", "del", "same", "gap"]), text=TEXT, before=maybe(NUMBER), after=maybe(NUMBER))
            ),
        )
    ),
)
shape(
    "Campaign", **{"from": TEXT}, id=identifier("cmp"), name=TEXT, status=one_of(CampaignStatus.values), reply_to=TEXT,
    subject=TEXT, template=maybe(TEXT), lists=each(TEXT), excluded_lists=each(TEXT), stream=maybe(TEXT),
    track=one_of(Tracking.values), max_per_minute=maybe(NUMBER), revision=NUMBER, scheduled_at=maybe(MOMENT),
    created_at=MOMENT, launched_at=maybe(MOMENT), finished_at=maybe(MOMENT), archived_at=maybe(MOMENT),
    counts=table(NUMBER),
)
shape(
    "Preflight", verdict=one_of(["pass", "warn", "block"]),
    findings=each(fields(rule=TEXT, severity=one_of(["pass", "warn", "block"]), message=TEXT, fix=TEXT)),
    audience=fields(reached=NUMBER, left_out=table(NUMBER)),
)
shape("TestSent", message=identifier("msg"))
_IMPORT: Schema = {
    "type": "object", "required": ["file"],
    "properties": {
        "file": FILE, "list": TEXT,
        "mapping": {**TEXT, "description": "JSON: column -> `email`, `name` (`.first`, `.last`), `language`, a field. "
                    "With a `list` also `list.agreed` or `list.left`, a yes or no of each row: who does not agree, or "
                    "left, is not put on it."},
        "types": {**TEXT, "description": "JSON: key of a new field -> its type, else text; or `guess`, by the values."},
        "formats": {**TEXT, "description": f"JSON: column -> how it is written: {', '.join(column_values.FORMATS)}."},
        "consent_source": TEXT, "dry_run": YES_OR_NO,
    },
}

declare(contacts.ContactView, "GET", Operation(name="get_contact", answer="Contact"))
declare(
    contacts.ContactView, "PATCH",
    Operation(name="change_contact", answer="Contact", body=contacts.ContactChangeSerializer),
)
declare(contacts.ContactView, "DELETE", Operation(name="delete_contact", status=204))
declare(contacts.ContactEventsView, "GET", Operation(name="list_contact_events", answer="ContactEvent", is_list=True))
declare(contacts.FieldsView, "GET", Operation(name="list_fields", answer="ContactField", is_list=True, is_whole=True))
declare(
    contacts.FieldsView, "POST",
    Operation(name="define_field", answer="ContactField", status=201, body=contacts.FieldSerializer),
)
declare(
    imports.ImportView, "POST",
    Operation(name="import_contacts", answer="Import", status=202, body=_IMPORT, body_type="multipart/form-data"),
)
declare(imports.ImportStatusView, "GET", Operation(name="get_import", answer="Import"))
declare(imports.RejectsView, "GET", Operation(name="download_rejects", answer="Csv", answer_type="text/csv"))
declare(
    imports.NotJoinedView, "GET",
    Operation(
        name="download_not_joined", answer="Csv", answer_type="text/csv",
        query={"reason": f"One of: {', '.join(LeftOffReason.values)}."},
    ),
)
declare(contacts.ExportFileView, "GET", Operation(name="download_export", answer="Csv", answer_type="text/csv"))
declare(contacts.ContactConsentsView, "GET", Operation(name="list_consents", answer="Consent", is_list=True))
declare(contacts.FieldView, "GET", Operation(name="get_field", answer="ContactField"))
declare(
    contacts.FieldView, "PATCH",
    Operation(name="rename_field", answer="ContactField", body=contacts.RenameSerializer),
)
declare(contacts.FieldView, "DELETE", Operation(name="delete_field", status=204))
declare(imports.ImportsView, "GET", Operation(name="list_imports", answer="Import", is_list=True))
declare(imports.ImportStatusView, "DELETE", Operation(name="cancel_import", answer="Import", status=202))
declare(
    imports.ImportUndoView, "POST",
    Operation(name="undo_import", answer="Job", status=202, body=imports.UndoSerializer),
)
declare(imports.ImportKeptView, "GET", Operation(name="download_kept", answer="Csv", answer_type="text/csv"))
declare(imports.ImportStartView, "POST", Operation(name="start_import", answer="Import", status=202))
declare(lists.RestoreView, "POST", Operation(name="restore_list", answer="List"))
declare(lists.AskUnconfirmedView, "GET", Operation(name="count_unconfirmed", answer="Unconfirmed"))
declare(lists.AskUnconfirmedView, "POST", Operation(name="ask_unconfirmed", answer="Job", status=202))
declare(lists.FormsView, "GET", Operation(name="list_forms", answer="Form", is_list=True))
declare(lists.FormsView, "POST", Operation(name="create_form", answer="Form", status=201, body=lists.FormSerializer))
declare(lists.FormView, "GET", Operation(name="get_form", answer="Form"))
declare(lists.FormView, "PATCH", Operation(name="change_form", answer="Form", body=lists.FormChangeSerializer))
declare(lists.ListsView, "GET", Operation(name="list_lists", answer="List", is_list=True))
declare(lists.ListsView, "POST", Operation(name="create_list", answer="List", status=201, body=lists.ListSerializer))
declare(lists.ListView, "GET", Operation(name="get_list", answer="List"))
declare(lists.ListView, "PATCH", Operation(name="change_list", answer="List", body=lists.ListSerializer))
declare(lists.ListView, "DELETE", Operation(name="archive_list", status=204))
declare(
    lists.SubscriptionsView, "GET",
    Operation(name="list_subscriptions", answer="Subscription", is_list=True, query={"status": "A status."}),
)
declare(
    lists.SubscriptionsView, "POST",
    Operation(name="subscribe", answer="Subscription", status=201, body=lists.SubscribeSerializer),
)
declare(
    lists.SubscriptionsView, "DELETE",
    Operation(name="unsubscribe", answer="Unsubscribed", query={"contact": "`con_…`.", "email": "Or its address."}),
)
declare(
    templates.TemplatesView, "GET",
    Operation(
        name="list_templates", answer="Template", is_list=True, query={"archived": "`true`: those that were put away."}
    ),
)
declare(
    templates.TemplatesView, "POST",
    Operation(name="create_template", answer="Template", status=201, body=templates.TemplateSerializer),
)
declare(templates.TemplateView, "GET", Operation(name="get_template", answer="Template"))
declare(
    templates.TemplateView, "PATCH",
    Operation(name="change_template", answer="Template", body=templates.TemplateSerializer),
)
declare(
    templates.TemplateView, "DELETE",
    Operation(
        name="archive_template", status=204,
        query={"permanently": "`true`: removed for good, where no campaign uses it."},
    ),
)
declare(
    templates.TemplateRestoreView, "POST",
    Operation(name="restore_template_version", answer="Template", body=templates.RestoreSerializer),
)
declare(
    templates.TemplateTestView, "POST",
    Operation(name="send_template_test", answer="TestSent", status=202, body=templates.TemplateTestSerializer),
)
declare(templates.TemplateCopyView, "POST", Operation(name="copy_template", answer="Template", status=201))
declare(templates.TemplateUnarchiveView, "POST", Operation(name="unarchive_template", answer="Template"))
declare(
    templates.VersionsView, "GET",
    Operation(name="list_versions", answer="TemplateVersion", is_list=True),
)
declare(
    templates.StartersView, "GET",
    Operation(name="list_template_starters", answer="TemplateStarter", is_list=True, is_whole=True),
)
declare(
    templates.MergeFieldsView, "GET",
    Operation(name="list_merge_fields", answer="MergeField", is_list=True, is_whole=True),
)
declare(
    templates.TemplateDiffView, "GET",
    Operation(
        name="compare_versions", answer="TemplateDiff",
        query={"before": "Number of the earlier version; default: the one before.",
               "after": "Number of the later version; default: the newest."},
    ),
)
declare(
    templates.PublishView, "POST",
    Operation(name="publish_template", answer="Template", body=templates.PublishSerializer),
)
declare(
    templates.RenderView, "POST",
    Operation(name="render_template", answer="Rendered", body=templates.RenderSerializer),
)
declare(
    campaigns.CampaignsView, "GET",
    Operation(name="list_campaigns", answer="Campaign", is_list=True,
              query={"status": "A status.", "archived": "`true`: those that were put away."}),
)
declare(
    campaigns.CampaignsView, "POST",
    Operation(name="create_campaign", answer="Campaign", status=201, body=campaigns.CampaignSerializer),
)
declare(campaigns.CampaignView, "GET", Operation(name="get_campaign", answer="Campaign"))
declare(
    campaigns.CampaignView, "PATCH",
    Operation(name="change_campaign", answer="Campaign", body=campaigns.CampaignSerializer),
)
declare(campaigns.CampaignView, "DELETE", Operation(name="delete_campaign", status=204))
declare(campaigns.PreflightView, "GET", Operation(name="get_preflight", answer="Preflight"))
declare(campaigns.PreflightView, "POST", Operation(name="run_preflight", answer="Preflight"))
declare(
    campaigns.TestView, "POST",
    Operation(name="send_test", answer="TestSent", status=202, body=campaigns.TestSerializer),
)
declare(
    campaigns.LaunchView, "POST",
    Operation(name="launch_campaign", answer="Campaign", status=202, body=campaigns.LaunchSerializer),
)
for _view, _name in (
    (campaigns.PauseView, "pause_campaign"), (campaigns.ResumeView, "resume_campaign"),
    (campaigns.CancelView, "cancel_campaign"), (campaigns.ArchiveView, "archive_campaign"),
    (campaigns.UnarchiveView, "unarchive_campaign"),
):
    declare(_view, "POST", Operation(name=_name, answer="Campaign"))
declare(campaigns.CopyView, "POST", Operation(name="copy_campaign", answer="Campaign", status=201))
