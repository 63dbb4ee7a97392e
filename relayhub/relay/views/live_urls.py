"""Addresses of the live page."""

from django.urls import URLPattern

urlpatterns: list[URLPattern] = []
