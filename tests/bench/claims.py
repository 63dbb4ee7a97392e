"""What a claim costs with 1,000 and with 1,000,000 rows waiting: two databases of one server, in turn."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from uuid import uuid4

import psycopg

from tests.bench import results
from tests.bench.product import Product
from tests.bench.results import Result, say
from tests.bench.world import World

Connection = psycopg.Connection[Any]
Parents = dict[str, Any]

_FEW, _MANY = 1_000, 1_000_000
_CLAIM, _CLAIMS_A_ROUND = 100, 40
#: The promise is "flat": timer noise on a claim of a few milliseconds is allowed for.
_FLAT = 1.5

_FILL_SQL = """
INSERT INTO relay_recipient (id, message_id, workspace_id, stream_id, lane_id, address, address_key, domain, status,
  next_attempt_at, attempts, crashes, unknown_retried, hold_reason, bounce_class, bounce_category, transport,
  provider, accepted_at)
SELECT rh_uuid7(), %(message)s, %(workspace)s, %(stream)s, %(lane)s, address, address, 'sink.example', 'queued',
  now() - interval '1 hour' + n * interval '1 millisecond', 0, 0, false, '', '', '', '', '', now()
FROM (SELECT n, 'person' || n || '@sink.example' AS address FROM generate_series(1, %(count)s) AS n) AS made
"""


def run(world: World) -> Iterable[Result]:
    """Claims of 100 rows, given back at once, in both databases in turn."""
    product, count = world.new_product(sink_port=9), world.sized(_MANY, least=_FEW * 2)
    product.stop()
    if not (product.folder / "embedded.json").exists():
        product.migrate()
    with _server(product) as (few, many, parents):
        _fill(few, parents, _FEW)
        _fill(many, parents, count)
        own: list[float] = []
        others: list[float] = []
        for number in range(world.rounds):
            others.append(_claim_ms(few, parents["lane"]))
            own.append(_claim_ms(many, parents["lane"]))
            say(f"  round {number + 1}: {others[-1]:.2f} ms with few waiting, {own[-1]:.2f} ms with many")
    yield results.beside(
        "claim", "ms", own, peer=f"the same with {_FEW:,} waiting", others=others, target=f"at most {_FLAT:g}x",
        holds=lambda ratio: ratio <= _FLAT, notes=[f"a claim of {_CLAIM} rows, durable, with {count:,} rows waiting"],
    )


@contextmanager
def _server(product: Product) -> Iterator[tuple[Connection, Connection, Parents]]:
    """PostgreSQL alone on the product's data: two databases, and the rows that recipients need in both."""
    from relayhub.embedded import postgres, servers

    started = servers.start_servers(product.folder, with_postgres=True, with_valkey=False, say=lambda _: None)
    server = started.postgres
    assert server is not None
    try:
        product.enter()
        parents = _make_parents()
        with postgres.connect(server.socket_folder, server.password, database="postgres") as admin:
            admin.execute("DROP DATABASE IF EXISTS relayhub_few")
            admin.execute("CREATE DATABASE relayhub_few TEMPLATE relayhub")
        with (
            postgres.connect(server.socket_folder, server.password, database="relayhub_few") as few,
            postgres.connect(server.socket_folder, server.password) as many,
        ):
            yield few, many, parents
    finally:
        started.stop()


def _make_parents() -> Parents:
    """A workspace, a stream, a lane and a message; everything that was there before is gone."""
    from django.db import connection

    from tests.support import relay_rows

    _let_go(connection)  # of a server that was stopped meanwhile
    with connection.cursor() as cursor:
        cursor.execute("TRUNCATE relay_recipient CASCADE")
    stream = relay_rows.make_stream(relay_rows.make_workspace(f"bench-{uuid4().hex[:8]}"))
    lane, message = relay_rows.make_lane(stream), relay_rows.make_message(stream)
    _let_go(connection)  # a database can be copied only while nobody is connected to it
    return {"message": message.pk, "workspace": stream.workspace_id, "stream": stream.pk, "lane": lane.pk}


def _let_go(connection: Any) -> None:
    connection.close()
    connection.close_pool()


def _fill(connection: Connection, parents: Parents, count: int) -> None:
    """So many waiting rows in the lane."""
    connection.execute(_FILL_SQL, {**parents, "count": count})
    connection.execute("VACUUM ANALYZE relay_recipient")


def _claim_ms(connection: Connection, lane: Any) -> float:
    """The median of claims whose rows are given back between them."""
    from relayhub.relay import managers

    connection.prepare_threshold = 2
    took = []
    for _ in range(_CLAIMS_A_ROUND):
        token = uuid4()
        statement = managers.claim_statement(lane_id=lane, token=token, limit=_CLAIM, lease_seconds=60)
        began = time.perf_counter()
        rows = connection.execute(statement.sql, statement.params).fetchall()  # type: ignore[call-overload]
        took.append((time.perf_counter() - began) * 1000)
        if len(rows) != _CLAIM:
            raise RuntimeError(f"a claim of {_CLAIM} brought {len(rows)}")
        back = managers.unclaim_statement(token)
        connection.execute(back.sql, back.params)  # type: ignore[call-overload]
    return statistics.median(took)
