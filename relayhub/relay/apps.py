"""Registers the application with Django."""

from django.apps import AppConfig


class RelayConfig(AppConfig):
    """The `relay` application."""

    name = "relayhub.relay"
    label = "relay"
    default_auto_field = "django.db.models.BigAutoField"
