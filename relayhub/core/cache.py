"""Django's cache on Valkey, which loses nothing but speed when Valkey is away."""

from __future__ import annotations

import logging
from typing import Any

import redis
from django.core.cache.backends.redis import RedisCache

log = logging.getLogger(__name__)


class FallbackRedisCache(RedisCache):
    """Answers as if empty while the server does not; nothing kept here may matter."""

    def get(self, key: Any, default: Any = None, version: int | None = None) -> Any:
        """The value, or the default where it is absent or the server is away."""
        try:
            return super().get(key, default, version)
        except redis.RedisError:
            log.warning("cache.away")
            return default

    def set(self, key: Any, value: Any, *args: Any, **kwargs: Any) -> None:
        """Keep the value, if the server is there."""
        try:
            super().set(key, value, *args, **kwargs)
        except redis.RedisError:
            log.warning("cache.away")

    def add(self, key: Any, value: Any, *args: Any, **kwargs: Any) -> bool:
        """Keep the value if it is new; True where the server is away."""
        try:
            return bool(super().add(key, value, *args, **kwargs))
        except redis.RedisError:
            log.warning("cache.away")
            return True

    def get_many(self, keys: Any, version: int | None = None) -> dict[Any, Any]:
        """The values of those that are there; none where the server is away."""
        try:
            found: dict[Any, Any] = super().get_many(keys, version)
        except redis.RedisError:
            log.warning("cache.away")
            return {}
        return found

    def set_many(self, data: Any, *args: Any, **kwargs: Any) -> list[Any]:
        """Keep the values, if the server is there; which ones were not kept."""
        try:
            super().set_many(data, *args, **kwargs)
        except redis.RedisError:
            log.warning("cache.away")
            return list(data)
        return []

    def incr(self, key: Any, delta: int = 1, version: int | None = None) -> int:
        """Count on; ValueError where the key is absent, as it is while the server is away."""
        try:
            return int(super().incr(key, delta, version))
        except redis.RedisError as exc:
            log.warning("cache.away")
            raise ValueError(f"Key {key!r} cannot be counted while the cache is away.") from exc

    def delete(self, key: Any, version: int | None = None) -> bool:
        """Forget the value, if the server is there."""
        try:
            return bool(super().delete(key, version))
        except redis.RedisError:
            log.warning("cache.away")
            return False
