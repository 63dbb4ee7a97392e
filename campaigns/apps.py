"""Registers the application with Django."""

from django.apps import AppConfig


class CampaignsConfig(AppConfig):
    """The `campaigns` application."""

    name = "campaigns"
    label = "campaigns"
    default_auto_field = "django.db.models.BigAutoField"
