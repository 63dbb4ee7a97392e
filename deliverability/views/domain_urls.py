"""Addresses of the domain pages."""

from django.urls import URLPattern, path

from deliverability.views import domain_share, domains

urlpatterns: list[URLPattern] = [
    path("domains", domains.domain_list, name="domain-list"),
    path("domains/new", domains.domain_new, name="domain-new"),
    path("domains/<str:domain_id>", domains.domain_detail, name="domain-detail"),
    path("domains/<str:domain_id>/state", domains.domain_state, name="domain-state"),
    path("domains/<str:domain_id>/check", domains.domain_check, name="domain-check"),
    path("domains/<str:domain_id>/rotate", domains.domain_rotate, name="domain-rotate"),
    path("domains/<str:domain_id>/delete", domains.domain_delete, name="domain-delete"),
    path("domains/<str:domain_id>/zone", domains.domain_zone, name="domain-zone"),
    path("domains/<str:domain_id>/share", domain_share.domain_share, name="domain-share"),
    path("domains/<str:domain_id>/share/<str:share_id>/end", domain_share.share_end, name="domain-share-end"),
    path("dns/<str:token>", domain_share.shared_records, name="shared-domain"),
    path("dns/<str:token>/state", domain_share.shared_state, name="shared-domain-state"),
    path("dns/<str:token>/zone", domain_share.shared_zone, name="shared-domain-zone"),
]
