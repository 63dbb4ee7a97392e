"""Registers the application with Django."""

from django.apps import AppConfig


class SiteConfig(AppConfig):
    """The `site` application."""

    name = "relayhub.site"
    label = "site"

    def ready(self) -> None:
        """Make our Celery application the one that tasks ring through, in every thread of every process."""
        from relayhub.celery import app

        app.set_default()
