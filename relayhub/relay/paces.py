"""Limits of recipients a minute, kept as token buckets in the database: exact across all processes.

A bucket holds at most one second's worth (at least one) and is filled so that no minute, wherever it begins,
sees more than the limit. What a claim does not use is put back. Only throttled lanes and broadcasts have one.
"""

from __future__ import annotations

from collections.abc import Mapping

from relayhub.relay.history import Statement

SECONDS_A_MINUTE = 60.0

# A bucket that is not there yet is made empty-handed: its first grant comes with the next look.
_TAKE_SQL = """
WITH made AS (
  INSERT INTO relay_pace (key, tokens, refilled_at) VALUES (%(key)s, %(burst)s, clock_timestamp())
  ON CONFLICT DO NOTHING
), have AS (
  SELECT key, least(%(burst)s,
    tokens + %(rate)s * extract(epoch FROM clock_timestamp() - refilled_at)::float8) AS tokens
  FROM relay_pace WHERE key = %(key)s FOR UPDATE
), granted AS (
  SELECT key, tokens, greatest(0, least(floor(tokens)::int, %(wanted)s::int)) AS count FROM have
), taken AS (
  UPDATE relay_pace p SET tokens = g.tokens - g.count, refilled_at = clock_timestamp()
  FROM granted g WHERE p.key = g.key
)
SELECT count FROM granted
"""
_PUT_BACK_SQL = "UPDATE relay_pace SET tokens = tokens + %(unused)s WHERE key = %(key)s"


def bucket(max_per_minute: int) -> tuple[float, float]:
    """Size and refill a second of the bucket for a limit.

    A bucket of one spaces single recipients evenly; a larger one may empty at once, so it is filled slower
    by as much: size and a minute's refill are the limit together.
    """
    burst = max(1.0, max_per_minute / SECONDS_A_MINUTE)
    refill = max_per_minute if burst == 1.0 else max_per_minute - burst
    return burst, refill / SECONDS_A_MINUTE


def take_statement(*, key: str, max_per_minute: int, wanted: int) -> Statement:
    """Refill a bucket, take up to `wanted` from it, answer how many."""
    burst, rate = bucket(max_per_minute)
    return Statement(sql=_TAKE_SQL, params={"key": key, "burst": burst, "rate": rate, "wanted": wanted})


def put_back_statement(*, key: str, unused: int) -> Statement:
    """Return what was taken and not used."""
    return Statement(sql=_PUT_BACK_SQL, params={"key": key, "unused": unused})


def take_statements(paces: Mapping[str, int], wanted: int) -> list[Statement]:
    """One statement a bucket that limits a lane, in key order so that no two processes deadlock."""
    return [
        take_statement(key=key, max_per_minute=limit, wanted=wanted) for key, limit in sorted(paces.items())
    ]
