"""The processes that make up the product on one machine, and whether their ports are free."""

from __future__ import annotations

import errno
import socket
import sys
from pathlib import Path

from django.conf import settings
from django.core.management import get_commands

from relayhub.core import crypto
from relayhub.core.errors import ConfigurationError
from relayhub.embedded.supervisor import Service
from relayhub.protocol.address import AddressError, parse_mailbox
from relayhub.relay.routes import default_rule
from relayhub.relay.smtpd.tls import Certificate
from relayhub.relay.transports.anymail import PROVIDERS

_MANAGE = str(Path(settings.BASE_DIR) / "manage.py")
_LISTENERS, _WEB, _WORKERS = 0, 1, 2


def services() -> list[Service]:
    """Everything `up` keeps running."""
    found = [
        Service(name="web", command=_web(), stage=_WEB, stop_seconds=5.0),
        *worker_services(),
        Service(name="beat", command=_beat(), stage=_LISTENERS, stop_seconds=3.0),
    ]
    if "smtpd" in get_commands():
        found += [
            Service(
                name=f"smtpd-{role}", command=(sys.executable, _MANAGE, "smtpd", "--role", role),
                stage=_LISTENERS, stop_seconds=10.0,
            )
            for role in ("submission", "mx")
        ]
    return found


def worker_services() -> list[Service]:
    """The Celery workers of one host: a relay worker a core, one for jobs, one for housekeeping."""
    return [
        *(
            Service(name=f"relay-{number}", command=_relay_worker(number), stage=_WORKERS, stop_seconds=28.0)
            for number in range(1, settings.RELAYHUB_WORKERS + 1)
        ),
        Service(name="jobs", command=_jobs_worker(), stage=_WORKERS, stop_seconds=20.0),
        Service(name="housekeeping", command=_housekeeping_worker(), stage=_WORKERS, stop_seconds=10.0),
    ]


def _web() -> tuple[str, ...]:
    return (
        sys.executable, "-m", "uvicorn", "relayhub.asgi:application", "--host", settings.RELAYHUB_BIND,
        "--port", str(settings.RELAYHUB_HTTP_PORT), "--no-access-log", "--lifespan", "off",
        "--timeout-graceful-shutdown", "3", "--no-server-header", "--no-proxy-headers", "--log-level", "warning",
    )


def _celery(*arguments: str) -> tuple[str, ...]:
    return (sys.executable, "-m", "celery", "-A", "relayhub", *arguments)


def _worker(name: str, queues: str, *arguments: str) -> tuple[str, ...]:
    return _celery(
        "worker", "--hostname", f"{name}@{settings.RELAYHUB_HOSTNAME}", "--queues", queues,
        "--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING", *arguments,
    )


def _relay_worker(number: int) -> tuple[str, ...]:
    """The thread pool: no fork, so no inherited connection or loop."""
    return _worker(f"relay{number}", "relay", "--pool", "threads", "--concurrency", "2")


def _jobs_worker() -> tuple[str, ...]:
    return _worker(
        "jobs", "imports,reports", "--pool", "prefork", "--concurrency", "1", "--max-memory-per-child", "400000"
    )


def _housekeeping_worker() -> tuple[str, ...]:
    return _worker("housekeeping", "housekeeping", "--pool", "threads", "--concurrency", "2")


def _beat() -> tuple[str, ...]:
    schedule = Path(settings.RELAYHUB_DATA) / "beat-schedule"
    return (
        sys.executable, "-m", "celery", "-A", "relayhub.beat", "beat", "--schedule", str(schedule), "--pidfile", "",
        "--loglevel", "WARNING",
    )


def check_settings() -> None:
    """ConfigurationError in one line for what reading the environment alone does not show."""
    transport = default_rule().transport
    if transport.name and transport.name not in PROVIDERS:
        raise ConfigurationError(
            f"RELAYHUB_DEFAULT_ROUTE is “anymail:{transport.name}”; providers are {', '.join(sorted(PROVIDERS))}."
        )
    crypto.current_key_id()
    Certificate.from_settings()
    try:
        parse_mailbox(settings.RELAYHUB_SYSTEM_FROM)
    except AddressError as exc:
        raise ConfigurationError(
            f"RELAYHUB_SYSTEM_FROM is “{settings.RELAYHUB_SYSTEM_FROM}”; it takes a mailbox such as"
            f" RelayHub <noreply@example.com>. {exc}"
        ) from exc


def check_ports() -> None:
    """ConfigurationError in one line where a port cannot be listened on."""
    for name in ("HTTP", "SUBMISSION", "SUBMISSIONS", "MX"):
        variable = f"RELAYHUB_{name}_PORT"
        port = getattr(settings, variable)
        family = socket.AF_INET6 if ":" in settings.RELAYHUB_BIND else socket.AF_INET
        with socket.socket(family, socket.SOCK_STREAM) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind((settings.RELAYHUB_BIND, port))
            except OSError as exc:
                why = {errno.EADDRINUSE: "is in use", errno.EACCES: "may not be opened by this user",
                       errno.EADDRNOTAVAIL: "is on an address this machine does not have"}
                raise ConfigurationError(
                    f"{settings.RELAYHUB_BIND} port {port} {why.get(exc.errno or 0, str(exc))}; "
                    f"set {variable} to another port, or RELAYHUB_BIND to another address."
                ) from exc
