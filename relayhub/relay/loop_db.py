"""The relay loop's own connections to PostgreSQL: autocommit, reconnecting, never in a pool with Django's.

A connection that breaks is replaced with growing, jittered waits; the loop goes on meanwhile, for nothing
that it holds depends on a connection staying alive: claims carry their own deadline, outcomes wait in memory.
No transaction outlives one call, so none is ever held while talking to a network.
"""

from __future__ import annotations

import asyncio
import logging
import random
from collections.abc import Sequence
from typing import Any

import psycopg
from django.db import connections

from relayhub.relay.history import Statement

log = logging.getLogger(__name__)

FIRST_WAIT_SECONDS = 0.1
LONGEST_WAIT_SECONDS = 5.0
CONNECT_TIMEOUT_SECONDS = 5
STATEMENT_TIMEOUT_MS = 30_000

Row = tuple[Any, ...]


class DatabaseAway(Exception):
    """The database cannot be asked now; whether the last statement took effect is not known."""


def connection_arguments(alias: str = "default") -> dict[str, Any]:
    """How to reach the database that Django uses, as psycopg's keyword arguments."""
    params = dict(connections[alias].get_connection_params())
    for django_only in (
        "cursor_factory",
        "context",
        "pool",
        "prepare_threshold",
        "autocommit",
        "server_side_binding",
        "isolation_level",
        "assume_role",
    ):
        params.pop(django_only, None)
    return params


class LoopConnection:
    """One connection, used by one statement at a time; it comes back by itself after an outage."""

    def __init__(self, name: str, *, generic_plans: bool = False) -> None:
        self._name = name
        self._options = f"-c statement_timeout={STATEMENT_TIMEOUT_MS} -c timezone=UTC"
        if generic_plans:
            # The group commit's statements are large and always the same: planning them anew costs more
            # than running them.
            self._options += " -c plan_cache_mode=force_generic_plan"
        self._connection: psycopg.AsyncConnection[Row] | None = None
        self._lock = asyncio.Lock()
        self._failures = 0

    async def fetch(self, statement: Statement) -> list[Row]:
        """Run one statement and read its whole answer; raises DatabaseAway."""
        results = await self.run([statement])
        return results[0]

    async def run(self, statements: Sequence[Statement]) -> list[list[Row]]:
        """Run statements as one transaction, durable when this returns; raises DatabaseAway.

        Other database errors (bad data) are raised as psycopg's own, after a rollback.
        """
        async with self._lock:
            connection = await self._connected()
            try:
                return await _transact(connection, statements)
            except (psycopg.OperationalError, psycopg.InterfaceError, OSError) as error:
                if connection.closed or connection.broken or not _is_transient(error):
                    await self._drop()
                raise DatabaseAway(str(error)) from error
            except asyncio.CancelledError:
                await self._drop()
                raise

    async def wait(self) -> None:
        """Wait a little before asking again, longer each time, with jitter so that nobody comes in step."""
        longest = min(LONGEST_WAIT_SECONDS, FIRST_WAIT_SECONDS * 2 ** min(self._failures, 10))
        await asyncio.sleep(random.uniform(longest / 2, longest))

    async def close(self) -> None:
        """Close for good."""
        async with self._lock:
            await self._drop()

    async def _connected(self) -> psycopg.AsyncConnection[Row]:
        if self._connection is not None and not self._connection.closed:
            return self._connection
        arguments = connection_arguments()
        options = " ".join(filter(None, (arguments.pop("options", ""), self._options)))
        arguments.setdefault("connect_timeout", CONNECT_TIMEOUT_SECONDS)
        arguments["application_name"] = f"relayhub relay {self._name}"
        try:
            self._connection = await psycopg.AsyncConnection.connect(**arguments, options=options, autocommit=True)
        except (psycopg.OperationalError, OSError) as error:
            self._failures += 1
            log.warning("relay.database_away", extra={"connection": self._name, "failures": self._failures})
            raise DatabaseAway(str(error)) from error
        self._connection.prepare_threshold = 2
        self._failures = 0
        return self._connection

    async def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            await connection.close()


def _is_transient(error: Exception) -> bool:
    """Whether the connection itself is still good: a deadlock, a lost serialization, a statement time-out."""
    return isinstance(
        error,
        psycopg.errors.DeadlockDetected
        | psycopg.errors.SerializationFailure
        | psycopg.errors.QueryCanceled
        | psycopg.errors.LockNotAvailable,
    )


async def _transact(connection: psycopg.AsyncConnection[Row], statements: Sequence[Statement]) -> list[list[Row]]:
    if len(statements) == 1:
        cursor = await connection.execute(statements[0].sql, statements[0].params, binary=True)
        return [await _rows(cursor)]
    async with connection.pipeline(), connection.transaction():
        cursors = [await connection.execute(s.sql, s.params, binary=True) for s in statements]
    # Read only now: within the pipeline no answer has arrived, and a cursor knows of no rows.
    return [await _rows(cursor) for cursor in cursors]


async def _rows(cursor: psycopg.AsyncCursor[Row]) -> list[Row]:
    return await cursor.fetchall() if cursor.rownumber is not None else []
