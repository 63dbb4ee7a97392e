"""Structured logs: one JSON object a line, with ids bound to it and secrets taken out.

A log line is an event with fields: `log.info("attempt.closed", extra={"recipient": …})`. Names are dotted
and past tense. Content, keys, tokens and AUTH lines are never logged; what slips through is masked here.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

_SECRET_NAME = re.compile(r"secret|password|token|authorization|private_key|api_key|cookie", re.IGNORECASE)
#: Our keys; what follows the names of credentials; what stands in the addresses of pages that a secret opens.
_SECRET_TEXT = re.compile(
    r"rh_live_[a-z2-7]{8}_[a-z2-7]+|(?i:(?<=bearer )|(?<=auth plain )|(?<=auth login ))\S+"
    r"|(?:(?<=/invitations/)|(?<=/dns/)|(?<=/reset/key/))[^/\s\"?]{8,}"
    r"|(?:(?<=/u/)|(?<=/p/)|(?<=/p/confirm/)|(?<=/v/)|(?<=/t/o/)|(?<=/t/c/))[\w-]{24,}"
)
_MASK = "[masked]"

EventDict = MutableMapping[str, Any]


def mask_secrets(logger: object, name: str, event: EventDict) -> EventDict:
    """Replace the values of secret-sounding fields, and keys inside texts."""
    for key, value in event.items():
        if _SECRET_NAME.search(key):
            event[key] = _MASK
        elif isinstance(value, str):
            event[key] = _SECRET_TEXT.sub(_MASK, value)
    return event


_SHARED: list[Any] = [
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_log_level,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.ExtraAdder(),
    structlog.processors.TimeStamper(fmt="iso", utc=True),
    structlog.processors.format_exc_info,
    mask_secrets,
]

structlog.configure(
    processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
    logger_factory=structlog.stdlib.LoggerFactory(),
    cache_logger_on_first_use=True,
)

LOGGING: dict[str, Any] = {
    "version": 1,
    "disable_existing_loggers": False,
    "formatters": {
        "json": {
            "()": structlog.stdlib.ProcessorFormatter,
            "processors": [
                structlog.stdlib.ProcessorFormatter.remove_processors_meta,
                structlog.processors.JSONRenderer(ensure_ascii=False),
            ],
            "foreign_pre_chain": _SHARED,
        },
    },
    "handlers": {"stderr": {"class": "logging.StreamHandler", "stream": sys.stderr, "formatter": "json"}},
    "root": {"handlers": ["stderr"], "level": os.environ.get("RELAYHUB_LOG_LEVEL", "INFO")},
    "loggers": {
        "django": {"level": "INFO"},
        "django.request": {"level": "ERROR"},
        "django.server": {"level": "WARNING"},
        "django_structlog": {"level": "WARNING"},
        "uvicorn.access": {"level": "WARNING"},
        "celery.worker.strategy": {"level": "WARNING"},
        "celery.app.trace": {"level": "WARNING"},
    },
}
