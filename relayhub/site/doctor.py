"""The self-check: one look at everything that mail depends on, each in one line with what to do.

A check answers ok or not; what is not wrong but worth knowing is ok with a message that says so.
"""

from __future__ import annotations

import asyncio
import shutil
import socket
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor

from relayhub.core.errors import ConfigurationError
from relayhub.core.system import sending_paused
from relayhub.relay import routes
from relayhub.relay.go_live import PROBE_HOSTS
from relayhub.relay.models import Route
from relayhub.relay.smtpd.tls import Certificate
from relayhub.relay.transports.base import TransportKind
from relayhub.relay.transports.direct import probe_port_25

_DURABLE = ("fsync", "synchronous_commit", "full_page_writes")
_MIN_FREE_BYTES = 1024**3
_CONNECT_SECONDS = 2.0


@dataclass(frozen=True, kw_only=True)
class Check:
    """One finding."""

    name: str
    ok: bool
    value: str
    message: str = ""


def run() -> list[Check]:
    """Every check, in the order a person would look."""
    found: list[Check] = []
    for look in _LOOKS:
        try:
            found.extend(look())
        except (DatabaseError, redis.RedisError, OSError, ConfigurationError) as exc:
            name = look.__name__.strip("_")
            found.append(Check(name=name, ok=False, value="", message=f"It cannot be looked at: {str(exc)[:200]}"))
    return found


def _postgres() -> Iterator[Check]:
    with connection.cursor() as cursor:
        cursor.execute("SHOW server_version")
        yield Check(name="postgres.version", ok=True, value=str(cursor.fetchone()[0]))
        for name in _DURABLE:
            cursor.execute("SELECT current_setting(%s)", [name])
            value = str(cursor.fetchone()[0])
            yield Check(
                name=f"postgres.{name}", ok=value == "on", value=value,
                message="" if value == "on" else f"Set {name} = on: without it a crash may lose accepted mail.",
            )


def _migrations() -> Iterator[Check]:
    executor = MigrationExecutor(connection)
    waiting = executor.migration_plan(executor.loader.graph.leaf_nodes())
    yield Check(
        name="migrations", ok=not waiting, value=f"{len(waiting)} to apply",
        message="" if not waiting else "Run manage.py migrate (make run does it by itself).",
    )


def _partitions() -> Iterator[Check]:
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT (SELECT count(*) FROM relay_event_default) + (SELECT count(*) FROM relay_attempt_default)"
        )
        count = int(cursor.fetchone()[0])
    yield Check(
        name="partitions.default_empty", ok=True, value=str(count),
        message="" if not count else "Rows lie outside the months made for them; housekeeping was away for long.",
    )


def _broker() -> Iterator[Check]:
    client = redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=2, socket_timeout=2)
    yield Check(name="redis.version", ok=True, value=str(client.info("server").get("redis_version", "")))
    try:
        policy = dict(client.config_get("maxmemory-policy")).get("maxmemory-policy", "")
    except redis.ResponseError:  # a hosted server that keeps its settings to itself
        yield Check(name="redis.maxmemory_policy", ok=True, value="not told",
                    message="The server does not say; it should be noeviction: a broker must not forget.")
        return
    yield Check(
        name="redis.maxmemory_policy", ok=policy == "noeviction", value=str(policy),
        message="" if policy == "noeviction" else "Set maxmemory-policy noeviction: a broker must not forget.",
    )


def _listeners() -> Iterator[Check]:
    ports = {
        "http": settings.RELAYHUB_HTTP_PORT, "submission": settings.RELAYHUB_SUBMISSION_PORT,
        "submissions": settings.RELAYHUB_SUBMISSIONS_PORT, "mx": settings.RELAYHUB_MX_PORT,
    }
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.RELAYHUB_BIND, settings.RELAYHUB_BIND)
    for name, port in ports.items():
        answers = _accepts(host, port)
        yield Check(
            name=f"listener.{name}", ok=True, value=f"{host}:{port}",
            message="" if answers else "Nothing answers here at present; that is right while RelayHub is stopped.",
        )


def _accepts(host: str, port: int) -> bool:
    try:
        with socket.create_connection((host, port), timeout=_CONNECT_SECONDS):
            return True
    except OSError:
        return False


def _certificate() -> Iterator[Check]:
    Certificate.from_settings()
    is_own = bool(settings.RELAYHUB_TLS_CERT)
    yield Check(
        name="tls.certificate", ok=True, value="configured" if is_own else "self-signed",
        message="" if is_own else "Programs must be told to trust it; set RELAYHUB_TLS_CERT and RELAYHUB_TLS_KEY.",
    )


def _host_name() -> Iterator[Check]:
    name = settings.RELAYHUB_HOSTNAME
    yield Check(
        name="hostname", ok=True, value=name,
        message="" if "." in name else "A single label; receivers want a full name. Set RELAYHUB_HOSTNAME.",
    )


def _trusted_submitters() -> Iterator[Check]:
    networks = ", ".join(map(str, settings.RELAYHUB_TRUSTED_SUBMITTERS))
    yield Check(
        name="trusted_submitters", ok=True, value=networks or "none",
        message="" if not networks else "These networks hand in mail without TLS and AUTH.",
    )


def _outbound() -> Iterator[Check]:
    """Whether port 25 is open where a route goes to MX hosts directly."""
    is_direct = (
        routes.default_rule().transport.kind is TransportKind.DIRECT
        or Route.objects.filter(transport=TransportKind.DIRECT.value, weight__gt=0).exists()
    )
    if not is_direct:
        return
    problem = asyncio.run(probe_port_25(PROBE_HOSTS, timeout_seconds=_CONNECT_SECONDS))
    yield Check(name="outbound.port_25", ok=not problem, value="open" if not problem else "closed",
                message=problem)


def _disk() -> Iterator[Check]:
    usage = shutil.disk_usage(Path(settings.RELAYHUB_DATA))
    yield Check(
        name="disk.free", ok=usage.free >= _MIN_FREE_BYTES, value=f"{usage.free // 1024**2:,} MiB",
        message="" if usage.free >= _MIN_FREE_BYTES else "Less than 1 GiB is free where the data folder lies.",
    )


def _sending() -> Iterator[Check]:
    reason = sending_paused()
    yield Check(name="sending", ok=True, value="paused" if reason else "on", message=reason)


_LOOKS: tuple[Callable[[], Iterator[Check]], ...] = (
    _postgres, _migrations, _partitions, _broker, _listeners, _certificate, _host_name, _trusted_submitters,
    _outbound, _disk, _sending,
)
