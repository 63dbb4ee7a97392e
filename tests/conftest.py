"""What every test may count on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import connection


def pytest_configure() -> None:
    """Passwords of tests are quick to check: Argon2, which people's get, takes as long as the rest of most tests."""
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.fixture(autouse=True)
def _history_ends_with_its_test(request: pytest.FixtureRequest) -> Iterator[None]:
    """Empty the partitioned tables after tests that commit: Django flushes only the tables it manages."""
    yield
    marker = request.node.get_closest_marker("django_db")
    commits = marker is not None and marker.kwargs.get("transaction")
    if commits or {"transactional_db", "live_server"} & set(request.fixturenames):
        blocker: Any = request.getfixturevalue("django_db_blocker")
        with blocker.unblock(), connection.cursor() as cursor:
            cursor.execute("TRUNCATE relay_event, relay_attempt")
