"""Addresses of the contact pages."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
