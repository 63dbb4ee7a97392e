"""`manage.py smtpd --role submission|mx`: a long-running SMTP listener."""

from __future__ import annotations

import asyncio
import ssl
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from relayhub.core.errors import ConfigurationError
from relayhub.relay.smtpd.connection import Role
from relayhub.relay.smtpd.mx import MxRole
from relayhub.relay.smtpd.server import Endpoint, Listener
from relayhub.relay.smtpd.submission import SubmissionRole
from relayhub.relay.smtpd.tls import listener_certificate


class Command(BaseCommand):
    """Listens until SIGTERM, then finishes what is coming in."""

    help = "Listen for SMTP: submission (STARTTLS and TLS, AUTH) or mx (bounces, reports, unsubscribes)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The role."""
        parser.add_argument("--role", choices=("submission", "mx"), required=True)

    def handle(self, *args: Any, **options: Any) -> None:
        """Listen."""
        try:
            context = listener_certificate().context
        except ConfigurationError as exc:
            raise CommandError(exc.message) from exc
        try:
            import uvloop

            asyncio.set_event_loop_policy(uvloop.EventLoopPolicy())
        except ImportError:
            pass  # slower, and right as well
        try:
            asyncio.run(self._serve(options["role"], context))
        except OSError as exc:
            raise CommandError(f"The listener cannot start: {exc.strerror or exc}.") from exc

    async def _serve(self, name: str, context: ssl.SSLContext) -> None:
        host = settings.RELAYHUB_BIND
        role: Role
        if name == "submission":
            role = SubmissionRole()
            endpoints = [
                Endpoint(host=host, port=settings.RELAYHUB_SUBMISSION_PORT),
                Endpoint(host=host, port=settings.RELAYHUB_SUBMISSIONS_PORT, tls_from_start=True),
            ]
        else:
            role = MxRole()
            endpoints = [Endpoint(host=host, port=settings.RELAYHUB_MX_PORT)]
        await Listener(role, endpoints, context).run()
