"""Addresses of the suppression pages."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
