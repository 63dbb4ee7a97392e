"""Registers the application with Django."""

from django.apps import AppConfig


class CoreConfig(AppConfig):
    """The `core` application."""

    name = "relayhub.core"
    label = "core"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks."""
        from relayhub.core import checks  # noqa: F401
