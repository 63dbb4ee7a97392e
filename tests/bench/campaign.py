"""Campaigns: sent beside Nodemailer's signing pool, expanded, and with transactional mail beside them."""

from __future__ import annotations

import smtplib
import statistics
import time
from collections.abc import Iterable

from tests.bench import machine, mail_tools, results
from tests.bench.peers import nodemailer
from tests.bench.results import Result, say
from tests.bench.world import World, wait_until

_MAILS, _PEER_MAILS = 10_000, 4_000
_BIG_AUDIENCE = 100_000
#: Transactional messages beside the big campaign, and how far apart.
_BESIDE, _APART_SECONDS = 250, 0.1


def run(world: World) -> Iterable[Result]:
    """From the launch until the last outcome is recorded, beside a pool that signs and records nothing."""
    name, unit, peer = "campaign", "mails/s", "nodemailer pool, signing"
    if not mail_tools.are_there():
        yield Result(name=name, value=None, unit=unit, peer=peer, install=mail_tools.PACKAGE)
        return
    product = world.product()
    lacks = nodemailer.missing() or nodemailer.install(world.folder / "nodemailer")
    own: list[float] = []
    others: list[float] = []
    costs: list[float] = []
    peer_costs: list[float] = []
    for number in range(world.rounds):
        rate, cost = _send_campaign(world, world.sized(_MAILS), product.pid)
        own.append(rate)
        costs.append(cost)
        say(f"  round {number + 1}: RelayHub {rate:.0f}/s, {cost:.2f} ms CPU a mail")
        if not lacks:
            sent = nodemailer.send(
                world.folder / "nodemailer", sink_port=world.sink_port, count=world.sized(_PEER_MAILS)
            )
            others.append(sent.per_second)
            peer_costs.append(sent.cpu_ms)
            say(f"  round {number + 1}: {peer} {sent.per_second:.0f}/s, {sent.cpu_ms:.2f} ms CPU a mail")
    notes = [f"RelayHub: {statistics.median(costs):.2f} ms CPU a mail, expansion, tracking and records included"]
    if lacks:
        yield results.alone(name, unit, own, peer=peer, install=lacks, notes=notes)
        return
    notes.append(f"{peer}: {statistics.median(peer_costs):.2f} ms CPU a mail")
    yield results.beside(
        name, unit, own, peer=peer, others=others, target="at least 2x", holds=lambda ratio: ratio >= 2, notes=notes
    )


def _send_campaign(world: World, count: int, pid: int) -> tuple[float, float]:
    """Mails a second and CPU ms a mail of one campaign of this size."""
    from tests.bench import rows

    campaign = rows.make_campaign(rows.make_audience(count))
    target = world.sink.count + count
    with machine.watched([pid]) as usage:
        began = time.perf_counter()
        broadcast = rows.launch(world.product(), campaign)
        if not world.sink.wait_for(target, seconds=600):
            raise RuntimeError("the campaign did not arrive whole")
        wait_until(lambda: rows.delivered(broadcast.pk) == count, seconds=60, every=0.02)
        seconds = time.perf_counter() - began
    return count / seconds, usage.cpu_seconds * 1000 / count


def run_beside(world: World) -> Iterable[Result]:
    """A campaign of 100,000: how long until all are queued, and what transactional mail waits meanwhile."""
    if not mail_tools.are_there():
        for name in ("expansion", "transactional"):
            yield Result(name=name, value=None, unit="s", install=mail_tools.PACKAGE)
        return
    count = world.sized(_BIG_AUDIENCE)
    expansions: list[float] = []
    waits: list[float] = []
    product = world.product()
    for number in range(world.rounds):
        expansion, wait = _beside_once(world, product.submission_port, count, f"Receipt {number}")
        expansions.append(expansion)
        waits.append(wait)
        say(f"  round {number + 1}: {count:,} queued in {expansion:.1f} s; 95 % attempted within {wait:.2f} s")
    yield results.alone(
        "expansion", "s", expansions, target="under 60 s", holds=lambda value: value < 60,
        notes=[f"{count:,} recipients, launch to last row stored, sending meanwhile"],
    )
    yield results.alone(
        "transactional", "s", waits, target="under 5 s", holds=lambda value: value < 5,
        notes=[f"95th percentile of accept to attempt of {_BESIDE} messages beside a campaign of {count:,}"],
    )


def _beside_once(world: World, port: int, count: int, subject: str) -> tuple[float, float]:
    from tests.bench import rows

    campaign = rows.make_campaign(rows.make_audience(count))
    broadcast = rows.launch(world.product(), campaign)
    hand_in(port, subject, count=_BESIDE, apart_seconds=_APART_SECONDS)
    wait_until(lambda: rows.expansion_seconds(broadcast) is not None, seconds=300, every=0.2)
    waits = rows.waits_before_attempt(subject)
    rows.stop_campaign(campaign)
    world.settle(seconds=300)
    if len(waits) != _BESIDE:
        raise RuntimeError(f"{len(waits)} of {_BESIDE} transactional messages were stored")
    return rows.expansion_seconds(broadcast) or 0.0, statistics.quantiles(waits, n=20)[-1]


def hand_in(port: int, subject: str, *, count: int, apart_seconds: float) -> None:
    """Submit messages over one connection, evenly apart."""
    with smtplib.SMTP("127.0.0.1", port, local_hostname="bench.example", timeout=30) as client:
        began = time.perf_counter()
        for number in range(count):
            client.sendmail(
                "shop@bench.example", [f"buyer{number}@sink.example"],
                f"From: shop@bench.example\r\nTo: buyer{number}@sink.example\r\nSubject: {subject}\r\n\r\n"
                f"Thank you for order {number}.\r\n",
            )
            time.sleep(max(0.0, began + (number + 1) * apart_seconds - time.perf_counter()))
