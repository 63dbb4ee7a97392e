"""Whether the process lives, whether it can take mail, and figures for Prometheus.

`/readyz` is 503 only while mail cannot be accepted: the database, the migrations, the listeners. A broker or
workers that are away leave it 200 with `degraded`, for accepting goes on.
"""

from __future__ import annotations

import socket

import redis
from django.conf import settings
from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse, JsonResponse
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from relayhub.relay import worker_report
from relayhub.site.metrics import install as install_metrics

_CONNECT_SECONDS = 1.0
_migrated = False


def alive(request: HttpRequest) -> HttpResponse:
    """200 while the process answers at all."""
    return JsonResponse({"status": "alive"})


def ready(request: HttpRequest) -> HttpResponse:
    """200 when mail can be accepted; 503 with the reasons when not."""
    reasons = [reason for reason in (_database_problem(), *_listener_problems()) if reason]
    if reasons:
        return JsonResponse({"status": "not ready", "reasons": reasons}, status=503)
    degraded = [reason for reason in (_broker_problem() or _worker_problem(),) if reason]
    body: dict[str, object] = {"status": "ready"}
    if degraded:
        body["degraded"] = degraded
    return JsonResponse(body)


def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus text: the process's own figures and the relay's."""
    install_metrics()
    return HttpResponse(generate_latest(), content_type=CONTENT_TYPE_LATEST)


def _database_problem() -> str:
    global _migrated
    try:
        with connection.cursor() as cursor:
            cursor.execute("SELECT 1")
        if not _migrated:
            executor = MigrationExecutor(connection)
            if executor.migration_plan(executor.loader.graph.leaf_nodes()):
                return "the database is not migrated yet"
            _migrated = True
    except DatabaseError:
        return "the database does not answer"
    return ""


def _listener_problems() -> list[str]:
    listeners = {
        "submission": settings.RELAYHUB_SUBMISSION_PORT,
        "submissions (TLS)": settings.RELAYHUB_SUBMISSIONS_PORT,
        "MX": settings.RELAYHUB_MX_PORT,
    }
    return [
        f"the {name} listener does not answer on port {port}"
        for name, port in listeners.items()
        if not _accepts(port)
    ]


def _accepts(port: int) -> bool:
    wanted = settings.RELAYHUB_BIND
    host = {"0.0.0.0": "127.0.0.1", "::": "::1", "*": "127.0.0.1"}.get(wanted, wanted)
    try:
        with socket.create_connection((host, port), timeout=_CONNECT_SECONDS):
            return True
    except OSError:
        return False


def _broker_problem() -> str:
    try:
        client = redis.Redis.from_url(settings.REDIS_URL, socket_connect_timeout=1, socket_timeout=1)
        client.ping()
    except redis.RedisError:
        return "the broker does not answer; mail is accepted, and relayed by polling"
    return ""


def _worker_problem() -> str:
    """Workers report every two seconds; who is silent is away."""
    found = worker_report.workers()
    return "" if found is None or found else "no relay worker has reported; mail is accepted, and waits for one"
