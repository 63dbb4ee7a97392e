"""Addresses of the relay's pages and of tracking."""

from django.urls import URLPattern, path

from relayhub.relay import tracking_views

urlpatterns: list[URLPattern] = [
    path("t/o/<str:token>", tracking_views.open_pixel, name="track-open"),
    path("t/c/<str:token>", tracking_views.click, name="track-click"),
]
