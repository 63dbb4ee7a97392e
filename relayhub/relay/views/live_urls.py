"""Addresses of the live page."""

from django.urls import URLPattern, path

from relayhub.relay.views import live

urlpatterns: list[URLPattern] = [
    path("live", live.live, name="live"),
    path("live/feed", live.live_feed, name="live-feed"),
    path("live/lanes/<int:lane_id>", live.live_lane, name="live-lane"),
    path("live/lanes/<int:lane_id>/pause", live.live_pause, name="live-pause"),
    path("live/lanes/<int:lane_id>/resume", live.live_resume, name="live-resume"),
    path("live/lanes/<int:lane_id>/slow", live.live_slow, name="live-slow"),
    path("live/lanes/<int:lane_id>/pace", live.live_pace, name="live-pace"),
]
