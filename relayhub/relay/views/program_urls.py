"""Addresses of the API pages: keys, credentials, examples."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
