"""A walk through the Demo workspace: every page with something on it. With RELAYHUB_SHOTS it keeps pictures,
and with RELAYHUB_TOUR=FOLDER it takes those of the README (`make tour`)."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from relayhub.core.models import Workspace
from relayhub.site import demo, setup
from tests.pages.marketer_rows import Desk, desk
from tests.support.browser import Browsing
from tests.support.dashboard_pages import pages_of

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

#: name of the picture in the README -> key of `pages_of`.
README = {
    "home": "home", "report": "campaign-report", "message": "message-bounced", "contacts": "contacts",
    "domain": "domain", "editor": "template",
}


def demo_desk() -> Desk:
    workspace: Workspace = setup.new_workspace("Demo", is_demo=True, is_pinned_to_sandbox=True)
    demo.seed(workspace)
    return desk(workspace)


def test_every_page_of_the_demo_looks_right(look: Callable[..., None], browse: Browsing) -> None:
    at = demo_desk()

    for name, path in pages_of(at.workspace).items():
        look(at, path, f"demo-{name}")


@pytest.mark.skipif("RELAYHUB_TOUR" not in os.environ, reason="pictures of the README are made by `make tour`")
def test_the_pictures_of_the_readme(browse: Browsing) -> None:
    at, folder = demo_desk(), Path(os.environ["RELAYHUB_TOUR"])
    at.user.timezone = "Europe/Berlin"  # as the browser's, so that Home has nothing to say of it
    at.user.save(update_fields=["timezone"])
    pages = pages_of(at.workspace)
    folder.mkdir(parents=True, exist_ok=True)

    for name, key in README.items():
        page = browse(at, 1280, "light")
        page.goto(pages[key])
        page.wait_for_load_state("networkidle")
        page.screenshot(path=folder / f"{name}.png")

    assert {path.stem for path in folder.glob("*.png")} >= set(README)
