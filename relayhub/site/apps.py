"""Registers the application with Django."""

from django.apps import AppConfig


class SiteConfig(AppConfig):
    """The `site` application."""

    name = "relayhub.site"
    label = "site"
