"""A real browser for page tests: Debian's Chromium, signed in, against a live server.

`browse` gives a page of one person at one width and theme; `look` opens a page, shows it at both widths and in both
themes and holds it to what every page promises: no serious finding of axe, no sideways scrolling, no error on the
console (a breach of the content policy is one), nothing from other hosts, few octets, and everything that can be
clicked in reach of the keyboard.
With RELAYHUB_SHOTS=FOLDER `look` also keeps pictures.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.pages.marketer_rows import Desk
from tests.support.page_weight import Weight

AXE = Path(__file__).parent / "vendor" / "axe-core" / "axe.min.js"
WIDTHS = {1440: 1000, 390: 844}
THEMES = ("light", "dark")
_FLAGS = [
    "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--disable-dev-shm-usage",
]
#: What the browser itself says of pages that answer an error; the tests that ask for such pages mean to.
_NOT_AN_ERROR = "Failed to load resource: the server responded with a status of 4"
_EVERY_RULE = ["wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa"]
#: The rules whose answer can differ between the themes of one page.
_RULES_OF_COLOUR = ["color-contrast", "link-in-text-block"]
_RULES = """async (rules) => {
  const found = await axe.run(document, {resultTypes: ["violations"], runOnly: rules});
  const where = node => `${node.target.join(" ")} | ${node.html.slice(0, 160)}`;
  return found.violations.filter(v => v.impact === "serious" || v.impact === "critical")
    .map(v => `${v.id} (${v.impact}): ${v.nodes.slice(0, 4).map(where).join("\\n    ")}`);
}"""
_THEME = """theme => {
  document.documentElement.dataset.bsTheme = theme;
  document.dispatchEvent(new CustomEvent("rh:theme", {detail: theme}));
}"""
_WIDER = """() => {
  const wide = document.documentElement.scrollWidth - document.documentElement.clientWidth;
  if (wide <= 0) return [];
  const edge = document.documentElement.clientWidth;
  return [`${wide} px too wide`].concat([...document.querySelectorAll("body *")]
    .filter(e => e.getBoundingClientRect().right > edge + 1).slice(0, 6).map(e => e.outerHTML.slice(0, 140)));
}"""

#: What can be clicked and not be reached by Tab, and what does not show that it has the focus. Parts of a widget
#: that has one place in the order and moves within by arrows are left out, the fields of third-party editors, and
#: what is hidden from everybody but robots.
_KEYS = """() => {
  const all = "a[href], button, input, select, textarea, summary, [role=button], [role=link], [role=switch]";
  const within = "[role=tablist], [role=menu], [role=listbox], [role=grid], .cm-editor, #gjs, [inert], "
    + "[aria-hidden=true]";
  const look = e => { const s = getComputedStyle(e); return [s.outlineStyle, s.outlineWidth, s.outlineColor,
    s.boxShadow, s.borderColor, s.backgroundColor, s.textDecorationLine].join(); };
  const told = e => e.outerHTML.slice(0, 140);
  const found = [];
  const before = document.activeElement;
  for (const e of document.querySelectorAll(all)) {
    const box = e.getBoundingClientRect();
    const isShown = e.checkVisibility({visibilityProperty: true, opacityProperty: true}) && box.width > 1;
    if (!isShown || e.disabled || e.closest(within)) continue;
    if (e.tabIndex < 0) { found.push("not reached by Tab: " + told(e)); continue; }
    const at_rest = look(e);
    e.focus({preventScroll: true});
    document.getAnimations().forEach(a => { try { a.finish(); } catch {} });
    if (document.activeElement === e && look(e) === at_rest) found.push("shows no focus: " + told(e));
    e.blur();
  }
  before?.focus?.({preventScroll: true});
  return found.slice(0, 8);
}"""


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    """The browser of a module; without one the tests skip and say so, or fail where one is demanded.

    Not of the whole run: while it is open no other test of this process could run a loop of its own.
    """
    path = shutil.which("chromium")
    if path is None:
        text = "No chromium on this machine: page tests need it (apt-get install chromium)"
        (pytest.fail if os.environ.get("RELAYHUB_NEEDS_BROWSER") else pytest.skip)(text)
    # Playwright keeps a loop running in this thread, in which Django would refuse to touch the database.
    before = os.environ.get("DJANGO_ALLOW_ASYNC_UNSAFE")
    os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = "1"
    with sync_playwright() as tools:
        browser = tools.chromium.launch(executable_path=path, headless=True, args=_FLAGS)
        yield browser
        browser.close()
    os.environ.pop("DJANGO_ALLOW_ASYNC_UNSAFE")
    if before is not None:
        os.environ["DJANGO_ALLOW_ASYNC_UNSAFE"] = before


@dataclass(kw_only=True)
class Browsing:
    """The pages a test has open, and what their consoles said."""

    browser: Browser
    base_url: str
    contexts: list[BrowserContext] = field(default_factory=list)
    errors: list[str] = field(default_factory=list)

    def __call__(self, desk: Desk | None, width: int = 1440, theme: str = "light", *, script: bool = True) -> Page:
        """A page of its own; relative addresses go to the live server. `desk` None: a stranger."""
        return self.page_in(self.context_of(desk, width, theme, script=script))

    def context_of(
        self, desk: Desk | None, width: int = 1440, theme: str = "light", *, script: bool = True
    ) -> BrowserContext:
        """A browser of somebody's own, signed in as they are, with nothing kept yet."""
        context = self.browser.new_context(
            base_url=self.base_url, viewport={"width": width, "height": WIDTHS.get(width, 900)},
            color_scheme="dark" if theme == "dark" else "light", reduced_motion="reduce", java_script_enabled=script,
            locale="en-GB", timezone_id="Europe/Berlin",
        )
        context.set_default_timeout(15_000)
        self.contexts.append(context)
        if desk is not None:
            context.add_cookies([{"name": "sessionid", "value": session_of(desk), "url": self.base_url}])
        return context

    def page_in(self, context: BrowserContext) -> Page:
        """A page whose console is listened to."""
        page = context.new_page()
        page.on("console", lambda said: self._heard(page, said.type, said.text))
        page.on("pageerror", lambda error: self.errors.append(f"{page.url}: {error}"))
        return page

    def _heard(self, page: Page, kind: str, text: str) -> None:
        if kind == "error" and not text.startswith(_NOT_AN_ERROR):
            self.errors.append(f"{page.url}: {text}")

    def close(self) -> None:
        """End every page."""
        for context in self.contexts:
            context.close()


def session_of(desk: Desk | None) -> str:
    """The cookie that tells who it is; "" of a stranger."""
    return "" if desk is None else desk.client.cookies["sessionid"].value


@pytest.fixture
def browse(chromium: Browser, live_server: Any) -> Iterator[Browsing]:
    """Open pages as somebody; at the end no console may hold an error."""
    browsing = Browsing(browser=chromium, base_url=live_server.url)
    yield browsing
    browsing.close()
    assert browsing.errors == [], "\n".join(browsing.errors)


@pytest.fixture
def look(browse: Browsing) -> Callable[..., None]:
    """Hold a page to what every page promises, at both widths and in both themes.

    `only_words`: a page that is looked at elsewhere, in another language; its words must fit, all else is the same.
    One person's pages share what the browser keeps of styles and scripts; whatever a page notes down is forgotten.
    """
    of_people: dict[str, BrowserContext] = {}

    def look_at(desk: Desk | None, path: str, name: str, *, status: int = 200, only_words: bool = False) -> None:
        who = session_of(desk)
        context = of_people[who] = of_people.get(who) or browse.context_of(desk)
        page = browse.page_in(context)
        weight = Weight(page, browse.base_url)
        answer = page.goto(path)
        assert answer is not None
        assert answer.status == status, f"{path} answered {answer.status}"
        page.wait_for_function(_IS_WHOLE)
        troubles = [] if only_words else [*weight.findings(page), *unreachable(page)]
        troubles += _fitting(page, name) if only_words else _looking_right(page, name)
        if page.url.startswith(browse.base_url):
            page.evaluate("() => { localStorage.clear(); sessionStorage.clear(); }")
        page.close()
        assert troubles == [], "\n".join(f"{path}: {trouble}" for trouble in troubles)

    return look_at


def _looking_right(page: Page, name: str) -> list[str]:
    """What is wrong with a page at each width in each theme."""
    troubles: list[str] = []
    for width, height in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": height})
        for theme in THEMES:
            _show_in(page, theme)
            rules = _EVERY_RULE if theme == THEMES[0] else _RULES_OF_COLOUR
            troubles += [f"at {width} px, {theme}: {finding}" for finding in findings(page, rules)]
            keep_picture(page, f"{name}-{width}-{theme}")
    return troubles


def _fitting(page: Page, name: str) -> list[str]:
    """What makes a page scroll sideways at either width."""
    troubles: list[str] = []
    for width, height in WIDTHS.items():
        page.set_viewport_size({"width": width, "height": height})
        troubles += [f"at {width} px: {finding}" for finding in page.evaluate(_WIDER)]
        keep_picture(page, f"{name}-{width}-{THEMES[0]}")
    return troubles


def _show_in(page: Page, theme: str) -> None:
    """Change the theme as the system's setting and the button of the page do, without loading it again."""
    page.emulate_media(color_scheme="dark" if theme == "dark" else "light")
    page.evaluate(_THEME, theme)


def findings(page: Page, rules: list[str] = _EVERY_RULE) -> list[str]:
    """What is wrong with the page as it stands: axe's serious findings, and what makes it scroll sideways."""
    if not page.evaluate("() => 'axe' in window"):
        page.evaluate(AXE.read_text(encoding="utf-8"))
    return [*page.evaluate(_RULES, rules), *page.evaluate(_WIDER)]


def unreachable(page: Page) -> list[str]:
    """What can be clicked and not be reached by Tab, and what does not show that it has the focus."""
    found: list[str] = page.evaluate(_KEYS)
    return found


#: Code editors take the place of text areas once the page has been painted.
_IS_WHOLE = "() => !document.querySelector('[data-code] textarea:not([hidden])')"

#: A picture of the whole page shows what else only comes when it is scrolled to.
_SHOW_LAZY = """
() => Promise.race([
  new Promise((done) => setTimeout(done, 5000)),
  Promise.all([...document.querySelectorAll("[loading=lazy]")].map((part) => new Promise((done) => {
    part.addEventListener("load", done); part.addEventListener("error", done); part.loading = "eager";
    if (part.complete || part.contentDocument) done();
  }))),
])
"""


def keep_picture(page: Page, name: str) -> None:
    """Save the whole page as a PNG where RELAYHUB_SHOTS names a folder."""
    folder = os.environ.get("RELAYHUB_SHOTS")
    if folder:
        Path(folder).mkdir(parents=True, exist_ok=True)
        page.evaluate(_SHOW_LAZY)
        page.screenshot(path=f"{folder}/{name}.png", full_page=True)
