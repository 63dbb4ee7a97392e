"""Addresses of the route pages."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
