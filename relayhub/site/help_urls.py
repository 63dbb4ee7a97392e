"""Addresses of help and search."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
