"""Addresses of the contact pages."""

from django.urls import URLPattern, path

from campaigns.views import (
    contact_bulk,
    contact_list,
    contact_pages,
    contact_particulars,
    field_pages,
    saved_view_pages,
)

urlpatterns: list[URLPattern] = [
    path("contacts", contact_list.contact_list, name="contact-list"),
    path("contacts/new", contact_pages.contact_new, name="contact-new"),
    path("contacts/figures", contact_list.contact_figures, name="contact-figures"),
    path("contacts/columns", contact_list.contact_columns, name="contact-columns"),
    path("contacts/export", contact_bulk.contact_export, name="contact-export"),
    path("contacts/count", contact_list.contact_count, name="contact-count"),
    path("contacts/bulk", contact_bulk.contact_bulk, name="contact-bulk"),
    path("contacts/undo/<str:act_id>", contact_bulk.contact_undo, name="contact-undo"),
    path("contacts/views", saved_view_pages.view_new, name="contact-view-new"),
    path("contacts/views/first", saved_view_pages.view_first, name="contact-view-first"),
    path("contacts/views/<str:view_id>", saved_view_pages.view_change, name="contact-view-change"),
    path("contacts/views/<str:view_id>/delete", saved_view_pages.view_delete, name="contact-view-delete"),
    path("lists/pick", contact_list.list_pick, name="list-pick"),
    path("contacts/fields", field_pages.contact_fields, name="contact-fields"),
    path("contacts/fields/<str:field_id>/rename", field_pages.contact_field_rename, name="contact-field-rename"),
    path("contacts/fields/<str:field_id>/delete", field_pages.contact_field_delete, name="contact-field-delete"),
    path("contacts/<str:contact_id>", contact_pages.contact_detail, name="contact-detail"),
    path(
        "contacts/<str:contact_id>/particulars/<str:name>", contact_particulars.contact_particular,
        name="contact-particular",
    ),
    path("contacts/<str:contact_id>/delete", contact_pages.contact_delete, name="contact-delete"),
    path("contacts/<str:contact_id>/subscribe", contact_pages.contact_subscribe, name="contact-subscribe"),
    path("contacts/<str:contact_id>/unsubscribe", contact_pages.contact_unsubscribe, name="contact-unsubscribe"),
    path("contacts/<str:contact_id>/ask", contact_pages.contact_ask, name="contact-ask"),
]
