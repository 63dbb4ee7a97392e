"""Addresses of this package's endpoints, below /api/v1/."""

from django.urls import URLPattern, path

from campaigns.api import views_contacts as contacts
from campaigns.api import views_lists as lists

urlpatterns: list[URLPattern] = [
    path("contacts", contacts.ContactsView.as_view()),
    path("contacts/import", contacts.ImportView.as_view()),
    path("contacts/imports/<str:import_id>", contacts.ImportStatusView.as_view()),
    path("contacts/imports/<str:import_id>/rejects", contacts.RejectsView.as_view()),
    path("contacts/export", contacts.ExportView.as_view()),
    path("contacts/exports/<str:job_id>/file", contacts.ExportFileView.as_view()),
    path("contacts/<str:contact_id>", contacts.ContactView.as_view()),
    path("contacts/<str:contact_id>/events", contacts.ContactEventsView.as_view()),
    path("contact-fields", contacts.FieldsView.as_view()),
    path("lists", lists.ListsView.as_view()),
    path("lists/<str:list_id>", lists.ListView.as_view()),
    path("lists/<str:list_id>/subscriptions", lists.SubscriptionsView.as_view()),
]
