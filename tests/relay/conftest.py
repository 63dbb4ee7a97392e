"""Begins every test that commits with an empty history."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.relay_rows import clear_history


@pytest.fixture(autouse=True)
def _empty_history(request: pytest.FixtureRequest) -> Iterator[None]:
    marker = request.node.get_closest_marker("django_db")
    if marker is not None and marker.kwargs.get("transaction"):
        request.getfixturevalue("transactional_db")
        clear_history()
    return
