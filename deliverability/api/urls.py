"""Addresses of this package's endpoints, below /api/v1/."""

from django.urls import URLPattern, path

from deliverability.api import views

urlpatterns: list[URLPattern] = [
    path("domains", views.DomainsView.as_view()),
    path("domains/<str:domain_id>", views.DomainView.as_view()),
    path("domains/<str:domain_id>/verify", views.VerifyView.as_view()),
    path("domains/<str:domain_id>/records", views.RecordsView.as_view()),
    path("domains/<str:domain_id>/dkim/rotate", views.RotateView.as_view()),
    path("suppressions", views.SuppressionsView.as_view()),
    path("suppressions/check", views.CheckView.as_view()),
    path("suppressions/<str:suppression_id>", views.SuppressionView.as_view()),
]
