"""Addresses of help."""

from django.urls import URLPattern, path

from relayhub.site import help as help_pages

urlpatterns: list[URLPattern] = [
    path("help", help_pages.help_home, name="help-home"),
    path("help/<slug:slug>", help_pages.help_page, name="help-page"),
]
