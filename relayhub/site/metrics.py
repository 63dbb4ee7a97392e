"""The relay's figures for Prometheus, read from exact counters and the queue's own indexes at each scrape.

Every web process answers the same, for the figures come from the database and not from the process. They are of
the whole installation and name no workspace, address or domain. A scrape asks at most every few seconds.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Iterable, Iterator

from django.db import DatabaseError
from django.db.models import Count
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import REGISTRY, Collector

from deliverability.models import SendingDomain
from relayhub.core.models import Job
from relayhub.core.system import sending_paused
from relayhub.relay import figures, queue_view

#: Figures are at most this old; more scrapes cost nothing.
FRESH_SECONDS = 5.0


class RelayFigures(Collector):
    """What the relay did and has before it."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._read_at = 0.0
        self._figures: list[Metric] = []

    def describe(self) -> Iterable[Metric]:
        """Nothing is asked before the first scrape."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The figures; of a database that is away only that it is."""
        with self._lock:
            if time.monotonic() - self._read_at > FRESH_SECONDS:
                self._figures = _figures_or_none()
                self._read_at = time.monotonic()
            yield from self._figures


def install() -> None:
    """Register once with the process's own figures."""
    if not any(isinstance(found, RelayFigures) for found in list(REGISTRY._collector_to_names)):
        REGISTRY.register(RelayFigures())


def _figures_or_none() -> list[Metric]:
    up = GaugeMetricFamily("relayhub_database_up", "1 while the database answers.")
    try:
        read = [_events(), _open_recipients(), _oldest(), _domains(), _jobs(), _paused()]
    except DatabaseError:
        up.add_metric([], 0)
        return [up]
    up.add_metric([], 1)
    return [up, *read]


def _events() -> Metric:
    family = CounterMetricFamily(
        "relayhub_events", "Events of recipients since the beginning, by kind of stream.", labels=["stream", "type"]
    )
    for (kind, metric), count in figures.event_totals().items():
        family.add_metric([kind, metric], count)
    return family


def _open_recipients() -> Metric:
    family = GaugeMetricFamily("relayhub_recipients", "Recipients that are not finished, by status.", labels=["status"])
    for status, count in figures.open_recipients().items():
        family.add_metric([status], count)
    return family


def _oldest() -> Metric:
    family = GaugeMetricFamily(
        "relayhub_oldest_due_seconds", "How long the longest-due recipient of a lane that nothing stops has waited."
    )
    family.add_metric([], queue_view.oldest_due_seconds())
    return family


def _domains() -> Metric:
    family = GaugeMetricFamily("relayhub_domains", "Sending domains by status.", labels=["status"])
    for status, count in SendingDomain.objects.values_list("status").annotate(count=Count("pk")).order_by():
        family.add_metric([status], count)
    return family


def _jobs() -> Metric:
    family = GaugeMetricFamily("relayhub_jobs", "Imports, exports and other jobs not finished.", labels=["status"])
    for status in ("waiting", "running"):
        family.add_metric([status], Job.objects.filter(status=status).count())
    return family


def _paused() -> Metric:
    family = GaugeMetricFamily("relayhub_sending_paused", "1 while sending is paused for the whole installation.")
    family.add_metric([], 1.0 if sending_paused() else 0.0)
    return family
