"""Addresses of this package's endpoints, below /api/v1/."""

from django.urls import URLPattern, path

from deliverability.api import views_domains as domains
from deliverability.api import views_suppressions as suppressions

urlpatterns: list[URLPattern] = [
    path("domains", domains.DomainsView.as_view()),
    path("domains/<str:domain_id>", domains.DomainView.as_view()),
    path("domains/<str:domain_id>/verify", domains.VerifyView.as_view()),
    path("domains/<str:domain_id>/records", domains.RecordsView.as_view()),
    path("domains/<str:domain_id>/changes", domains.ChangesView.as_view()),
    path("domains/<str:domain_id>/shares", domains.SharesView.as_view()),
    path("domains/<str:domain_id>/shares/<str:share_id>", domains.ShareView.as_view()),
    path("domains/<str:domain_id>/dkim/rotate", domains.RotateView.as_view()),
    path("suppressions", suppressions.SuppressionsView.as_view()),
    path("suppressions/check", suppressions.CheckView.as_view()),
    path("suppressions/export", suppressions.ExportView.as_view()),
    path("suppressions/import", suppressions.ImportView.as_view()),
    path("suppressions/imports/<str:job_id>", suppressions.ImportStatusView.as_view()),
    path("suppressions/imports/<str:job_id>/rejects", suppressions.RejectsView.as_view()),
    path("suppressions/<str:suppression_id>", suppressions.SuppressionView.as_view()),
]
