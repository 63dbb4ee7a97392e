"""Addresses of the import wizard."""

from django.urls import URLPattern, path

from campaigns.views import import_run, import_undo, import_wizard

urlpatterns: list[URLPattern] = [
    path("contacts/import", import_wizard.import_new, name="import-new"),
    path("contacts/import/<uuid:file_id>", import_wizard.import_columns, name="import-columns"),
    path("contacts/imports/<str:import_id>", import_run.import_run, name="contact-import-run"),
    path("contacts/imports/<str:import_id>/start", import_wizard.import_start, name="contact-import-start"),
    path("contacts/imports/<str:import_id>/cancel", import_wizard.import_cancel, name="contact-import-cancel"),
    path("contacts/imports/<str:import_id>/rejects", import_run.import_rejects, name="contact-import-rejects"),
    path("contacts/imports/<str:import_id>/not-joined", import_run.import_left_off, name="contact-import-left-off"),
    path("contacts/imports/<str:import_id>/undo", import_undo.import_undo_page, name="contact-import-undo"),
    path(
        "contacts/imports/<str:import_id>/undo/count", import_undo.import_undo_count, name="contact-import-undo-count"
    ),
    path("contacts/imports/<str:import_id>/kept", import_undo.import_kept, name="contact-import-kept"),
]
