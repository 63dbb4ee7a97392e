"""Addresses of the stream settings."""

from django.urls import URLPattern, path

from relayhub.relay.views import streams

urlpatterns: list[URLPattern] = [
    path("streams", streams.stream_list, name="stream-list"),
    path("streams/new", streams.stream_new, name="stream-new"),
    path("streams/<str:stream_id>", streams.stream_edit, name="stream-edit"),
    path("streams/<str:stream_id>/pause", streams.stream_pause, name="stream-pause"),
    path("streams/<str:stream_id>/resume", streams.stream_resume, name="stream-resume"),
    path("streams/<str:stream_id>/delete", streams.stream_delete, name="stream-delete"),
]
