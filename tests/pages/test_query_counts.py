"""No page asks the database more often because there is more in it."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from campaigns.models import Broadcast
from relayhub.core.models import Workspace
from relayhub.relay import routes
from relayhub.site import large, setup
from tests.pages.marketer_rows import desk
from tests.support.dashboard_pages import pages_of

pytestmark = pytest.mark.django_db

#: A few questions arise only where there is enough to ask about, such as a comparison with campaigns before. A query
#: for each row would be dozens: the larger workspace has ten times the rows and fuller pages.
MORE_WITH_MORE = 3


def _filled(name: str, part: float) -> Workspace:
    workspace = setup.new_workspace(name, is_demo=True, is_pinned_to_sandbox=True)
    large.seed(workspace, part=part)
    return workspace


def _queries(workspace: Workspace, email: str) -> dict[str, int]:
    """Queries of each page, by name, once it was looked at before."""
    client, counted = desk(workspace, email=email).client, {}
    largest = Broadcast.objects.filter(workspace=workspace).order_by("-audience_count").first()
    for name, path in pages_of(workspace, run=largest).items():
        assert client.get(path).status_code == 200, path
        routes.forget()  # what is kept for two seconds is read anew in either workspace
        with CaptureQueriesContext(connection) as seen:
            client.get(path)
        counted[name] = len(seen)
    return counted


def test_no_page_makes_more_queries_in_a_larger_workspace() -> None:
    few = _queries(_filled("Few", 0.0004), "few@example.com")
    many = _queries(_filled("Many", 0.004), "many@example.com")

    assert few.keys() == many.keys()
    grown = {name: (few[name], count) for name, count in many.items() if count > few[name] + MORE_WITH_MORE}
    assert grown == {}
    assert max(many.values()) < 60
