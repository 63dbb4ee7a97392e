"""What every test may count on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.db import connection


def pytest_configure() -> None:
    """What would take as long as the rest of most tests: Argon2, which people's passwords get, and a walk through all
    static files before the first page of every test's client.
    """
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
    settings.WHITENOISE_AUTOREFRESH = True


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Spread the files that open a browser among the others: beside each other they wait for one processor, and the
    longest of them, which have few tests, would all come last.
    """
    files: dict[str, list[pytest.Item]] = {}
    for item in items:
        files.setdefault(item.nodeid.split("::")[0], []).append(item)
    opening = [name for name, found in files.items() if any(item.get_closest_marker("browser") for item in found)]
    others = [name for name in files if name not in opening]
    places = {name: (at + 0.5) / len(group) for group in (opening, others) for at, name in enumerate(group)}
    items[:] = [item for name in sorted(files, key=places.__getitem__) for item in files[name]]


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
