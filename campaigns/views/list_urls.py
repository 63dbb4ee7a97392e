"""Addresses of the list pages."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
