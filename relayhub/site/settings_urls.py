"""Addresses of the settings: workspace, people, audit log, profile."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
