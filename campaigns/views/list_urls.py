"""Addresses of the list pages."""

from django.urls import URLPattern, path

from campaigns.views import list_forms, list_pages

urlpatterns: list[URLPattern] = [
    path("lists", list_pages.list_list, name="list-list"),
    path("lists/new", list_pages.list_new, name="list-new"),
    path("lists/forms/<str:form_id>", list_forms.list_form, name="list-form"),
    path("lists/forms/<str:form_id>/toggle", list_forms.list_form_toggle, name="list-form-toggle"),
    path("lists/<str:list_id>", list_pages.list_detail, name="list-detail"),
    path("lists/<str:list_id>/edit", list_pages.list_edit, name="list-edit"),
    path("lists/<str:list_id>/archive", list_pages.list_archive, name="list-archive"),
    path("lists/<str:list_id>/restore", list_pages.list_restore, name="list-restore"),
    path("lists/<str:list_id>/ask", list_pages.list_ask, name="list-ask"),
    path("lists/<str:list_id>/subscribe", list_pages.list_subscribe, name="list-subscribe"),
    path("lists/<str:list_id>/unsubscribe", list_pages.list_unsubscribe, name="list-unsubscribe"),
    path("lists/<str:list_id>/forms/new", list_forms.list_form_new, name="list-form-new"),
    path("lists/<str:list_id>/preferences", list_forms.list_preferences, name="list-preferences"),
    path("lists/<str:list_id>/preferences/page", list_forms.list_preferences_frame, name="list-preferences-frame"),
]
