"""SMTP in, durable, DKIM-signed with RSA-2048, SMTP out: RelayHub beside Postfix with opendkim and Postfix alone."""

from __future__ import annotations

import statistics
from collections.abc import Iterable, Sequence

from tests.bench import mail_tools, results
from tests.bench.machine import fdatasync_micros, free_ports
from tests.bench.mail_tools import Load, Passage, send_through
from tests.bench.peers import postfix
from tests.bench.peers.postfix import Postfix
from tests.bench.results import Result, say
from tests.bench.world import World

SIGNED, PLAIN = "relay-signed", "relay"
#: name, with a signing milter, least ratio that was promised.
_COMPARISONS = ((SIGNED, True, 2.0), (PLAIN, False, 1.0))
_MESSAGES = 4000


def run(world: World) -> Iterable[Result]:
    """Every candidate once a round, in turn."""
    if not mail_tools.are_there():
        for name, with_dkim, _ in _COMPARISONS:
            yield Result(name=name, value=None, unit="messages/s", peer=_peer(with_dkim), install=mail_tools.PACKAGE)
        return
    product, load = world.product(), Load(messages=world.sized(_MESSAGES))
    peers = _peers(world)
    send_through(product.submission_port, Load(messages=world.sized(1000)), world.sink, roots=[product.pid])
    own: list[Passage] = []
    others: dict[str, list[Passage]] = {peer.name: [] for peer in peers}
    for number in range(world.rounds):
        world.settle()
        own.append(send_through(product.submission_port, load, world.sink, roots=[product.pid]))
        _tell(number, "RelayHub", own[-1])
        world.settle()
        for peer in peers:
            others[peer.name].append(send_through(peer.port, load, world.sink, roots=peer.roots))
            _tell(number, peer.name, others[peer.name][-1])
    disk = f"8 KiB to disk take {fdatasync_micros(world.folder):.0f} us here"
    for name, with_dkim, least in _COMPARISONS:
        yield _compared(name, own, others.get(_peer(with_dkim), []), with_dkim=with_dkim, least=least, disk=disk)


def _peer(with_dkim: bool) -> str:
    return "postfix+opendkim" if with_dkim else "postfix"


def _peers(world: World) -> list[Postfix]:
    made = []
    for _, with_dkim, _ in _COMPARISONS:
        lacks = postfix.missing(with_dkim=with_dkim)
        if lacks:
            say(f"  {_peer(with_dkim)} cannot be run: {lacks}")
            continue
        port, milter = free_ports(2)
        peer = Postfix(
            world.folder / _peer(with_dkim), port=port, sink_port=world.sink_port,
            milter_port=milter if with_dkim else None,
        )
        world.on_end(peer.stop)
        made.append(peer.start())
    return made


def _compared(
    name: str, own: Sequence[Passage], others: Sequence[Passage], *, with_dkim: bool, least: float, disk: str
) -> Result:
    rates = [passage.delivered_per_second for passage in own]
    target, peer = f"at least {least:g}x", _peer(with_dkim)
    notes = [_costs("RelayHub", own), disk]
    if not others:
        return results.alone(
            name, "messages/s", rates, notes=notes, peer=peer, install=postfix.missing(with_dkim=with_dkim)
        )
    notes.insert(1, _costs(peer, others))
    return results.beside(
        name, "messages/s", rates, peer=peer, others=[passage.delivered_per_second for passage in others],
        target=target, holds=lambda ratio: ratio >= least, notes=notes,
    )


def _costs(who: str, passages: Sequence[Passage]) -> str:
    cpu = statistics.median(passage.cpu_ms for passage in passages)
    memory = max(passage.peak_mib for passage in passages)
    rounds = ", ".join(f"{passage.delivered_per_second:.0f}" for passage in passages)
    return f"{who}: {rounds} messages/s by rounds, {cpu:.2f} ms CPU a message, {memory:.0f} MiB PSS at most"


def _tell(number: int, who: str, passage: Passage) -> None:
    say(
        f"  round {number + 1}: {who} {passage.delivered_per_second:.0f}/s, accepted at"
        f" {passage.accepted_per_second:.0f}/s, {passage.cpu_ms:.2f} ms CPU a message,"
        f" others use {passage.others_share:.0%} of the machine"
    )
