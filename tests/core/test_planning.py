"""Settings of PostgreSQL for a block: they hold within it, and those of outside behind it."""

from __future__ import annotations

import pytest
from django.db import OperationalError, connection

from relayhub.core.planning import planned

pytestmark = pytest.mark.django_db


def setting(name: str) -> str:
    with connection.cursor() as cursor:
        cursor.execute("SELECT current_setting(%s)", [name])
        return str(cursor.fetchone()[0])


def test_a_block_within_another_leaves_its_settings_as_they_were() -> None:
    before = setting("statement_timeout"), setting("enable_sort")
    with planned(statement_timeout=4000, enable_sort="off"):
        with planned(statement_timeout=100):
            assert (setting("statement_timeout"), setting("enable_sort")) == ("100ms", "off")
        assert (setting("statement_timeout"), setting("enable_sort")) == ("4s", "off")

    assert (setting("statement_timeout"), setting("enable_sort")) == before


def test_what_is_cut_off_leaves_the_settings_of_outside() -> None:
    with planned(statement_timeout=60_000):
        with pytest.raises(OperationalError), planned(statement_timeout=1), connection.cursor() as cursor:
            cursor.execute("SELECT count(*) FROM generate_series(1, 1000000000)")
        assert setting("statement_timeout") == "1min"
