"""Registers the application with Django."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """The `core` application."""

    name = "relayhub.core"
    label = "core"
    default_auto_field = "django.db.models.BigAutoField"
