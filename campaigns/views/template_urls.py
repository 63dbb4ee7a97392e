"""Addresses of the template pages."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
