"""Addresses of the pages for people who get mail."""

from django.urls import URLPattern, path, re_path

from campaigns.public import archive_views, pictures, views

urlpatterns: list[URLPattern] = [
    re_path(r"^picture/(?P<key>[0-9a-f]{40})\.(?P<ending>png|jpg|gif|webp)$", pictures.picture, name="public-picture"),
    path("u/<str:token>", views.unsubscribe, name="public-unsubscribe"),
    path("p/confirm/<str:token>", views.confirm, name="public-confirm"),
    path("p/<str:token>", views.preferences, name="public-preferences"),
    path("f/<str:form_id>", views.sign_up, name="public-form"),
    path("v/<str:token>", archive_views.view_in_browser, name="public-view"),
    path("a/<str:list_id>", archive_views.archive, name="public-archive"),
    path("a/<str:list_id>/feed.xml", archive_views.archive_feed, name="public-archive-feed"),
    path("a/<str:list_id>/<str:campaign_id>", archive_views.archived_campaign, name="public-archive-campaign"),
]
