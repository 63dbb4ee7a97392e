"""Addresses of the domain pages."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
