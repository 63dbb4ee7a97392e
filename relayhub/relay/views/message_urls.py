"""Addresses of the message pages and the sandbox inbox."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
