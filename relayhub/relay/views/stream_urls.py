"""Addresses of the stream settings."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
