"""Registers the application with Django."""

from django.apps import AppConfig


class DeliverabilityConfig(AppConfig):
    """The `deliverability` application."""

    name = "deliverability"
    label = "deliverability"
    default_auto_field = "django.db.models.BigAutoField"
