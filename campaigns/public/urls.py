"""Addresses of the pages for people who get mail."""

from django.urls import URLPattern, path

from campaigns.public import views

urlpatterns: list[URLPattern] = [
    path("u/<str:token>", views.unsubscribe, name="public-unsubscribe"),
    path("p/confirm/<str:token>", views.confirm, name="public-confirm"),
    path("p/<str:token>", views.preferences, name="public-preferences"),
    path("f/<str:form_id>", views.sign_up, name="public-form"),
    path("v/<str:token>", views.view_in_browser, name="public-view"),
    path("a/<str:list_id>", views.archive, name="public-archive"),
    path("a/<str:list_id>/<str:campaign_id>", views.archived_campaign, name="public-archive-campaign"),
]
