"""50,000 people by the product's own processes: import, launch and expansion through Celery, direct delivery by MX.

Everything is killed twice, the expansion in its middle; it is paused and resumed once and launched twice. Leases
run out and are reaped by the workers themselves; nothing is helped along.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from typing import Any

import pytest

from campaigns import broadcast
from campaigns.models import Broadcast
from relayhub.core import resolver
from relayhub.core.models import Job
from relayhub.relay import queries
from relayhub.relay.models import Recipient, SiteRecord
from tests.support.campaign_run import (
    check_both_sides,
    check_import,
    in_flight,
    is_sent,
    launch_twice,
    make_audience,
    make_campaign_to,
    sign_with_keys,
    start_import,
)
from tests.support.dns_server import dns_server
from tests.support.door_rows import Sender, forget_everything, make_sender
from tests.support.relay_rows import clear_history
from tests.support.relay_workers import Workers, relay_workers
from tests.support.smtp_sink import SmtpSink, smtp_sink
from tests.support.waiting import until

pytestmark = [pytest.mark.chaos, pytest.mark.django_db(transaction=True)]

DOMAINS = ("town.example", "village.example", "harbour.example", "hill.example")
ZONE: dict[str, Any] = {
    **{domain: {"MX": [[10, f"mx.{domain}"]]} for domain in DOMAINS},
    **{f"mx.{domain}": {"A": ["127.0.0.1"]} for domain in DOMAINS},
}
CELERY = ("-m", "celery", "-A", "relayhub")
WORKER = (
    *CELERY, "worker", "--without-gossip", "--without-mingle", "--without-heartbeat", "--loglevel", "WARNING",
)
PROCESSES = (
    (*WORKER, "--hostname", "relay1@test", "--queues", "relay", "--pool", "threads", "--concurrency", "2"),
    (*WORKER, "--hostname", "relay2@test", "--queues", "relay", "--pool", "threads", "--concurrency", "2"),
    (*WORKER, "--hostname", "jobs@test", "--queues", "imports,reports", "--pool", "prefork", "--concurrency", "1"),
    (*WORKER, "--hostname", "house@test", "--queues", "housekeeping", "--pool", "threads", "--concurrency", "2"),
)


@pytest.fixture
def sink() -> Iterator[SmtpSink]:
    with smtp_sink(keeps_content=False) as running:
        yield running


@pytest.fixture
def sender(transactional_db: None, settings: Any, sink: SmtpSink) -> Iterator[Sender]:
    clear_history()
    with dns_server(ZONE) as dns:
        settings.RELAYHUB_DEFAULT_ROUTE = "direct"
        settings.RELAYHUB_DNS_SERVERS = (dns.address,)
        settings.RELAYHUB_MX_DELIVERY_PORT = sink.port
        settings.RELAYHUB_ALLOW_PRIVATE_NETWORKS = True
        resolver.clear_cache()
        SiteRecord.objects.all().delete()
        forget_everything()
        made = make_sender()
        sign_with_keys(made)
        yield made


def start_all(workers: Workers, beat_schedule: str) -> None:
    for command in PROCESSES:
        workers.command = command
        workers.start(1)
    workers.command = (*CELERY, "beat", "--schedule", beat_schedule, "--pidfile", "", "--loglevel", "WARNING")
    workers.start(1)


def test_everybody_once(sender: Sender, sink: SmtpSink, tmp_path: Any) -> None:
    people = make_audience(50_000, domains=DOMAINS)
    beat = str(tmp_path / "beat")
    with relay_workers(RELAYHUB_LEASE="12s", RELAYHUB_UNKNOWN_HOLD="5s") as workers:
        start_all(workers, beat)
        upload = start_import(sender, people)
        until(lambda: Job.objects.get(pk=upload.pk).status == "done", "the import is done", seconds=180, look=0.3)
        check_import(upload, people)
        campaign = make_campaign_to(sender, people, sink, upload)

        row = launch_twice(sender, campaign)
        until(lambda: Recipient.objects.filter(broadcast_id=row.pk).exists(), "the expansion has begun", look=0.01)
        workers.kill()
        start_all(workers, beat)

        until(lambda: len(sink.messages) >= 15_000, "15,000 are out", seconds=400, look=0.2)
        broadcast.pause(sender.actor, campaign)
        until(lambda: in_flight(row.pk) == 0, "nothing is on its way while it is paused", look=0.1)
        before = len(sink.messages)
        assert launch_twice(sender, campaign).pk == row.pk
        assert len(sink.messages) == before
        broadcast.resume(sender.actor, campaign)

        until(lambda: len(sink.messages) >= before + 10_000, "10,000 more are out", seconds=400, look=0.2)
        pressing = threading.Thread(target=lambda: launch_twice(sender, campaign))
        pressing.start()
        workers.kill()
        pressing.join(30)
        start_all(workers, beat)
        until(lambda: is_sent(campaign), "the campaign is sent", seconds=600, look=1.0)
        workers.stop()

    assert Broadcast.objects.get().expanded_count == people.size
    assert sum(queries.broadcast_counts(row.pk).values()) == people.size
    copies = check_both_sides(people, row, sink, workers)
    assert copies <= len(people.valid) // 100
