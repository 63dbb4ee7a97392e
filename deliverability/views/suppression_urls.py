"""Addresses of the suppression pages."""

from django.urls import URLPattern, path

from deliverability.views import suppression_files as files
from deliverability.views import suppressions

urlpatterns: list[URLPattern] = [
    path("suppressions", suppressions.list_page, name="suppression-list"),
    path("suppressions/new", suppressions.new, name="suppression-new"),
    path("suppressions/lift", suppressions.lift, name="suppression-lift"),
    path("suppressions/export", suppressions.export, name="suppression-export"),
    path("suppressions/import", files.import_file, name="suppression-import"),
    path("suppressions/imports/<str:job_id>", files.import_run, name="suppression-import-run"),
    path("suppressions/imports/<str:job_id>/cancel", files.import_cancel, name="suppression-import-cancel"),
    path("suppressions/imports/<str:job_id>/refused", files.import_rejects, name="suppression-import-rejects"),
    path("suppressions/<str:suppression_id>", suppressions.detail, name="suppression-detail"),
    path("suppressions/<str:suppression_id>/restore", suppressions.restore, name="suppression-restore"),
]
