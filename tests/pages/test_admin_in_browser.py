"""The admin site in a real browser: it works under the content policy."""

from __future__ import annotations

import pytest

from relayhub.core.models import User
from tests.pages.marketer_rows import desk
from tests.support.browser import Browsing

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


def test_the_admin_keeps_to_the_content_policy(browse: Browsing) -> None:
    at = desk()
    User.objects.filter(pk=at.user.pk).update(is_staff=True, is_superuser=True)
    page = browse(at)

    page.goto("/admin/")
    page.get_by_role("link", name="Workspaces").first.click()
    page.get_by_role("link", name="Northwind Bakery").click()

    assert "Northwind Bakery" in page.locator("main").inner_text()
