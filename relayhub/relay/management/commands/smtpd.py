"""`manage.py smtpd --role submission|mx`: a long-running SMTP listener."""

from __future__ import annotations

import asyncio
import logging
import resource
import signal
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from relayhub.core.errors import ConfigurationError
from relayhub.core.garbage import spare_what_stays
from relayhub.relay.smtpd.door import Door
from relayhub.relay.smtpd.limits import Limits, TrustedNetworks
from relayhub.relay.smtpd.mx import MxDoor, mx_limits
from relayhub.relay.smtpd.server import Endpoint, SmtpService
from relayhub.relay.smtpd.submission import SubmissionDoor
from relayhub.relay.smtpd.tls import Certificate

log = logging.getLogger(__name__)

_OWN_FILES = 200  # descriptors beside connections: database, logs, certificate, libraries


class Command(BaseCommand):
    """Listens until SIGTERM or SIGINT, then finishes what is coming in."""

    #: They would load every page; `up` and `migrate` run them.
    requires_system_checks = ()
    help = "Listen for SMTP: submission (STARTTLS and TLS, AUTH) or mx (bounces, reports, unsubscribes)."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The role."""
        parser.add_argument("--role", choices=("submission", "mx"), required=True,
                            help="submission: mail handed in to be sent; mx: mail that comes back")

    def handle(self, *args: Any, **options: Any) -> None:
        """Listen."""
        try:
            self._run(options["role"])
        except ConfigurationError as exc:
            raise CommandError(exc.message) from exc

    def _run(self, role: str) -> None:
        certificate = Certificate.from_settings()
        trusted = TrustedNetworks.of(settings.RELAYHUB_TRUSTED_SUBMITTERS if role == "submission" else ())
        limits = _within_descriptors(Limits() if role == "submission" else mx_limits())
        door: Door = SubmissionDoor() if role == "submission" else MxDoor()
        with asyncio.Runner(loop_factory=_loop_factory()) as runner:
            runner.run(_serve(door, certificate, trusted, limits, _endpoints(role)))


def _loop_factory() -> Any:
    """uvloop's where it is installed: a third less work a message."""
    try:
        import uvloop
    except ImportError:
        return None
    return uvloop.new_event_loop


def _endpoints(role: str) -> list[Endpoint]:
    host = settings.RELAYHUB_BIND
    if role == "mx":
        return [Endpoint(host=host, port=settings.RELAYHUB_MX_PORT)]
    return [
        Endpoint(host=host, port=settings.RELAYHUB_SUBMISSION_PORT),
        Endpoint(host=host, port=settings.RELAYHUB_SUBMISSIONS_PORT, is_implicit_tls=True),
    ]


def _within_descriptors(limits: Limits) -> Limits:
    """As many connections as this process may open files for, after asking for all it can have."""
    from dataclasses import replace

    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = limits.connections + _OWN_FILES
    if soft < wanted:
        soft = wanted if hard == resource.RLIM_INFINITY else min(hard, wanted)
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))
    return replace(limits, connections=max(50, min(limits.connections, soft - _OWN_FILES)))


async def _serve(
    door: Door, certificate: Certificate, trusted: TrustedNetworks, limits: Limits, endpoints: list[Endpoint]
) -> None:
    loop, ended = asyncio.get_running_loop(), asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, ended.set)
    service = SmtpService(door, certificate=certificate, limits=limits, trusted=trusted)
    ports = await service.start(endpoints)
    spare_what_stays()
    log.info("smtpd.listening", extra={"role": str(door.role), "ports": ports})
    await ended.wait()
    await service.stop()
    log.info("smtpd.stopped", extra={"role": str(door.role)})
