"""Addresses of this package's endpoints, below /api/v1/."""

from django.urls import URLPattern, path

from campaigns.api import views_campaigns as campaigns
from campaigns.api import views_contact_list as many
from campaigns.api import views_contacts as contacts
from campaigns.api import views_imports as imports
from campaigns.api import views_lists as lists
from campaigns.api import views_pictures as pictures
from campaigns.api import views_reports as reports
from campaigns.api import views_templates as templates

urlpatterns: list[URLPattern] = [
    path("contacts", many.ContactsView.as_view()),
    path("contacts/import", imports.ImportView.as_view()),
    path("contacts/imports", imports.ImportsView.as_view()),
    path("contacts/imports/<str:import_id>", imports.ImportStatusView.as_view()),
    path("contacts/imports/<str:import_id>/rejects", imports.RejectsView.as_view()),
    path("contacts/imports/<str:import_id>/not-joined", imports.NotJoinedView.as_view()),
    path("contacts/imports/<str:import_id>/start", imports.ImportStartView.as_view()),
    path("contacts/imports/<str:import_id>/undo", imports.ImportUndoView.as_view()),
    path("contacts/imports/<str:import_id>/kept", imports.ImportKeptView.as_view()),
    path("contacts/count", many.CountView.as_view()),
    path("contact-views", many.ViewsView.as_view()),
    path("contact-views/<str:view_id>", many.ViewView.as_view()),
    path("contacts/bulk", many.BulkView.as_view()),
    path("contacts/undo", many.UndoView.as_view()),
    path("contacts/export", many.ExportView.as_view()),
    path("contacts/exports/<str:job_id>/file", contacts.ExportFileView.as_view()),
    path("contacts/<str:contact_id>", contacts.ContactView.as_view()),
    path("contacts/<str:contact_id>/events", contacts.ContactEventsView.as_view()),
    path("contacts/<str:contact_id>/consents", contacts.ContactConsentsView.as_view()),
    path("contact-fields", contacts.FieldsView.as_view()),
    path("contact-fields/<str:field_id>", contacts.FieldView.as_view()),
    path("lists", lists.ListsView.as_view()),
    path("lists/<str:list_id>", lists.ListView.as_view()),
    path("lists/<str:list_id>/subscriptions", lists.SubscriptionsView.as_view()),
    path("lists/<str:list_id>/restore", lists.RestoreView.as_view()),
    path("lists/<str:list_id>/ask-unconfirmed", lists.AskUnconfirmedView.as_view()),
    path("lists/<str:list_id>/forms", lists.FormsView.as_view()),
    path("forms/<str:form_id>", lists.FormView.as_view()),
    path("templates", templates.TemplatesView.as_view()),
    path("templates/starters", templates.StartersView.as_view()),
    path("templates/fields", templates.MergeFieldsView.as_view()),
    path("templates/<str:template_id>", templates.TemplateView.as_view()),
    path("templates/<str:template_id>/diff", templates.TemplateDiffView.as_view()),
    path("templates/<str:template_id>/versions", templates.VersionsView.as_view()),
    path("templates/<str:template_id>/publish", templates.PublishView.as_view()),
    path("templates/<str:template_id>/render", templates.RenderView.as_view()),
    path("templates/<str:template_id>/restore", templates.TemplateRestoreView.as_view()),
    path("templates/<str:template_id>/test", templates.TemplateTestView.as_view()),
    path("templates/<str:template_id>/copy", templates.TemplateCopyView.as_view()),
    path("templates/<str:template_id>/unarchive", templates.TemplateUnarchiveView.as_view()),
    path("pictures", pictures.PicturesView.as_view()),
    path("pictures/<str:picture_id>", pictures.PictureView.as_view()),
    path("pictures/<str:picture_id>/smaller", pictures.SmallerView.as_view()),
    path("campaigns", campaigns.CampaignsView.as_view()),
    path("campaigns/<str:campaign_id>", campaigns.CampaignView.as_view()),
    path("campaigns/<str:campaign_id>/preflight", campaigns.PreflightView.as_view()),
    path("campaigns/<str:campaign_id>/test", campaigns.TestView.as_view()),
    path("campaigns/<str:campaign_id>/launch", campaigns.LaunchView.as_view()),
    path("campaigns/<str:campaign_id>/pause", campaigns.PauseView.as_view()),
    path("campaigns/<str:campaign_id>/resume", campaigns.ResumeView.as_view()),
    path("campaigns/<str:campaign_id>/cancel", campaigns.CancelView.as_view()),
    path("campaigns/<str:campaign_id>/archive", campaigns.ArchiveView.as_view()),
    path("campaigns/<str:campaign_id>/unarchive", campaigns.UnarchiveView.as_view()),
    path("campaigns/<str:campaign_id>/copy", campaigns.CopyView.as_view()),
    path("campaigns/<str:campaign_id>/audience", reports.AudienceView.as_view()),
    path("campaigns/<str:campaign_id>/report", reports.ReportView.as_view()),
    path("campaigns/<str:campaign_id>/left-out", reports.LeftOutView.as_view()),
    path("campaigns/<str:campaign_id>/timeseries", reports.TimeseriesView.as_view()),
    path("campaigns/<str:campaign_id>/links", reports.LinksView.as_view()),
    path("campaigns/<str:campaign_id>/comparison", reports.ComparisonView.as_view()),
    path("campaigns/<str:campaign_id>/recipients", reports.RecipientsView.as_view()),
    path("campaigns/<str:campaign_id>/recipients/export", reports.RecipientExportView.as_view()),
]
