"""Addresses of this package's pages."""

from django.urls import URLPattern, URLResolver, include, path

from campaigns.views import campaigns, report, wizard, wizard_launch

_CAMPAIGNS: list[URLPattern | URLResolver] = [
    path("campaigns", campaigns.campaign_list, name="campaign-list"),
    path("campaigns/new", campaigns.campaign_new, name="campaign-new"),
    path("campaigns/compare", campaigns.campaign_compare, name="campaign-compare"),
    path("campaigns/<str:campaign_id>", campaigns.campaign_detail, name="campaign-detail"),
    path("campaigns/<str:campaign_id>/audience", wizard.audience_step, name="campaign-audience"),
    path("campaigns/<str:campaign_id>/audience/count", wizard.audience_count, name="campaign-audience-count"),
    path("campaigns/<str:campaign_id>/content", wizard.content_step, name="campaign-content"),
    path("campaigns/<str:campaign_id>/preview", wizard.content_preview, name="campaign-preview"),
    path("campaigns/<str:campaign_id>/preflight", wizard_launch.preflight_step, name="campaign-preflight"),
    path("campaigns/<str:campaign_id>/preflight/fix", wizard_launch.preflight_fix, name="campaign-fix"),
    path("campaigns/<str:campaign_id>/schedule/words", wizard_launch.schedule_words, name="campaign-schedule-words"),
    path("campaigns/<str:campaign_id>/watch", wizard.campaign_watch, name="campaign-watch"),
    path("campaigns/<str:campaign_id>/audience/ask", wizard.audience_ask, name="campaign-audience-ask"),
    path("campaigns/<str:campaign_id>/schedule", wizard_launch.schedule_step, name="campaign-schedule"),
    path("campaigns/<str:campaign_id>/unschedule", campaigns.campaign_unschedule, name="campaign-unschedule"),
    path("campaigns/<str:campaign_id>/report", report.campaign_report, name="campaign-report"),
    path("campaigns/<str:campaign_id>/live", report.campaign_live, name="campaign-live"),
    path("campaigns/<str:campaign_id>/export", report.campaign_export, name="campaign-export"),
    path("campaigns/<str:campaign_id>/clicks", report.campaign_clicks, name="campaign-clicks"),
    path("campaigns/<str:campaign_id>/clicks/mail", report.campaign_clicks_mail, name="campaign-clicks-mail"),
    path("campaigns/<str:campaign_id>/archive", campaigns.campaign_archive, name="campaign-archive"),
    path("campaigns/<str:campaign_id>/unarchive", campaigns.campaign_unarchive, name="campaign-unarchive"),
    path("campaigns/<str:campaign_id>/pause", campaigns.campaign_pause, name="campaign-pause"),
    path("campaigns/<str:campaign_id>/resume", campaigns.campaign_resume, name="campaign-resume"),
    path("campaigns/<str:campaign_id>/cancel", campaigns.campaign_cancel, name="campaign-cancel"),
    path("campaigns/<str:campaign_id>/copy", campaigns.campaign_copy, name="campaign-copy"),
    path("campaigns/<str:campaign_id>/delete", campaigns.campaign_delete, name="campaign-delete"),
]

urlpatterns: list[URLPattern | URLResolver] = [
    path("", include("campaigns.public.urls")),
    *_CAMPAIGNS,
    path("", include("campaigns.views.import_urls")),
    path("", include("campaigns.views.contact_urls")),
    path("", include("campaigns.views.list_urls")),
    path("", include("campaigns.views.template_urls")),
]
