"""The browsable documentation of the API works under our content policy."""

from __future__ import annotations

import pytest

from tests.support.browser import Browsing, keep_picture

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


def test_operations_are_listed_with_their_bodies(browse: Browsing) -> None:
    page = browse(None)

    page.goto("/api/docs/#/messages/sendMessage")
    operation = page.locator("#operations-messages-sendMessage")
    operation.locator(".body-param, .opblock-section-request-body").first.wait_for()

    assert "attachments" in operation.inner_text()
    keep_picture(page, "api-docs")
