"""Addresses of the relay's pages and of tracking."""

from django.urls import URLPattern, URLResolver, include, path

from relayhub.relay import tracking_views

urlpatterns: list[URLPattern | URLResolver] = [
    path("t/o/<str:token>", tracking_views.open_pixel, name="track-open"),
    path("t/c/<str:token>", tracking_views.click, name="track-click"),
    path("", include("relayhub.relay.views.message_urls")),
    path("", include("relayhub.relay.views.live_urls")),
    path("", include("relayhub.relay.views.route_urls")),
    path("", include("relayhub.relay.views.program_urls")),
    path("", include("relayhub.relay.views.stream_urls")),
]
