"""How PostgreSQL goes about the queries within a block, where it cannot know what we know."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from django.db import connection, transaction


@contextmanager
def planned(**settings: float | str) -> Iterator[None]:
    """Run the queries within under these settings, such as `enable_sort="off"` or `statement_timeout=100` (ms).

    Behind it those of outside hold again, whatever they were: blocks may stand in each other.
    """
    with transaction.atomic(), connection.cursor() as cursor:
        names = list(settings)
        cursor.execute(f"SELECT {', '.join(['current_setting(%s)'] * len(names))}", names)
        outside = cursor.fetchone()
        set_all = f"SELECT {', '.join(['set_config(%s, %s, true)'] * len(names))}"
        cursor.execute(set_all, [part for name in names for part in (name, str(settings[name]))])
        yield
        cursor.execute(set_all, [part for pair in zip(names, outside, strict=True) for part in pair])
