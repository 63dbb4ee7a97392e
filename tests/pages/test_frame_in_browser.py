"""The frame in a real browser: Home, jobs, campaigns, sign-in, at both widths and in both themes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.pages.marketer_rows import desk
from tests.pages.wizard_rows import make_campaign, step
from tests.support.browser import Browsing

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]


def test_an_empty_workspace_looks_right(look: Callable[..., None]) -> None:
    at = desk()

    for path, name in (("/", "home"), ("/campaigns", "campaigns"), ("/campaigns/new", "new"), ("/jobs", "jobs")):
        look(at, path, f"empty-{name}")


def test_a_refused_form_comes_back_at_the_first_field_to_mend(browse: Browsing) -> None:
    page = browse(desk())
    page.goto("/routes/new")

    page.locator("[name=domains]").fill("no domain!")
    page.locator("main form [type=submit]").last.click()

    page.locator("main [aria-invalid=true]").first.wait_for()
    first = page.locator("main [aria-invalid=true]").first.get_attribute("name")
    assert first
    assert page.evaluate("document.activeElement.name") == first


@pytest.mark.parametrize("width", [1440, 390])
def test_a_message_covers_nothing_that_is_pressed_next(browse: Browsing, width: int) -> None:
    at = desk()
    page = browse(at, width)
    page.goto("/settings" if width > 860 else step(make_campaign(at), "audience"))
    if width > 860:  # its button ends the page; of the wizard it stands at the foot of the screen
        page.evaluate("scrollTo(0, document.body.scrollHeight)")

    page.evaluate("""() => document.dispatchEvent(
        new CustomEvent("rh:toast", {detail: {kind: "bad", text: "That did not work. ".repeat(8)}}))""")

    said = page.locator("#toasts .rh-toast").bounding_box()
    pressed = page.locator("main .btn-primary:visible").last.bounding_box()
    assert said is not None
    assert pressed is not None
    apart = (said["x"] + said["width"] <= pressed["x"] or pressed["x"] + pressed["width"] <= said["x"]
             or said["y"] + said["height"] <= pressed["y"] or pressed["y"] + pressed["height"] <= said["y"])
    assert apart, (said, pressed)


def test_without_script_the_frame_says_so_and_its_menus_open(browse: Browsing) -> None:
    at = desk()
    page = browse(at, script=False)
    page.goto("/lists/new")

    page.locator("noscript .rh-banner").wait_for()  # a search by text leaves <noscript> out
    assert not page.locator("[data-theme-toggle]").is_visible()
    page.locator(".rh-foot button.who").click()
    page.get_by_role("button", name="Sign out").click()
    page.goto("/lists")

    page.get_by_label("Password", exact=True).wait_for()


def test_home_says_where_the_clock_of_the_browser_is_another(browse: Browsing) -> None:
    at = desk()
    page = browse(at)
    page.goto("/")

    page.get_by_text("Times are shown in UTC; this browser is in Europe/Berlin.").wait_for()
    page.get_by_role("button", name="Leave it").click()
    page.reload()
    page.locator("[data-zone-note]").wait_for(state="hidden")
    page.evaluate("localStorage.clear()")
    at.user.timezone = "Europe/Paris"
    at.user.save(update_fields=["timezone"])
    page.reload()

    page.get_by_role("heading", name="today").wait_for()
    assert not page.locator("[data-zone-note]").is_visible()


def test_sign_in_lets_in_with_the_right_password_only(browse: Browsing, look: Callable[..., None]) -> None:
    at = desk()
    look(None, "/accounts/login/", "sign-in")
    page = browse(None)

    page.goto("/campaigns")
    page.get_by_label("E-mail", exact=False).first.fill(at.user.email)
    page.locator("input[type=password]").fill("not the password")
    page.locator("input[type=password]").press("Enter")
    assert "not correct" in page.locator("main").inner_text()
    page.locator("input[type=password]").fill("a long enough word 7")
    page.locator("input[type=password]").press("Enter")

    page.wait_for_url("**/campaigns")
    assert page.locator("h1").inner_text() == "Campaigns"
