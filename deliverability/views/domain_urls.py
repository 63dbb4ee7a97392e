"""Addresses of the domain pages."""

from django.urls import URLPattern, path

from deliverability.views import domains

urlpatterns: list[URLPattern] = [
    path("domains", domains.domain_list, name="domain-list"),
    path("domains/new", domains.domain_new, name="domain-new"),
    path("domains/<str:domain_id>", domains.domain_detail, name="domain-detail"),
    path("domains/<str:domain_id>/state", domains.domain_state, name="domain-state"),
    path("domains/<str:domain_id>/check", domains.domain_check, name="domain-check"),
    path("domains/<str:domain_id>/rotate", domains.domain_rotate, name="domain-rotate"),
    path("domains/<str:domain_id>/delete", domains.domain_delete, name="domain-delete"),
    path("domains/<str:domain_id>/zone", domains.domain_zone, name="domain-zone"),
]
