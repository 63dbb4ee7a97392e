"""RelayHub: the post office a company owns.

Importing `relayhub.protocol` needs no Django; the Celery application is loaded on first use.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from celery import Celery

__version__ = "0.1.0"


def __getattr__(name: str) -> Celery:
    """`relayhub.celery_app`, for `celery -A relayhub`."""
    if name in {"celery_app", "app"}:
        from relayhub.celery import app

        return app
    raise AttributeError(name)
