"""The looks that other tests rely on find what they are for."""

from __future__ import annotations

import pytest

from tests.support.browser import Browsing, findings, unreachable

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]
_PAGE = """<html lang="en"><head><title>Trial</title><style>
  .silent:focus { outline: none; }
</style></head><body><main><h1>Trial</h1>%s</main></body></html>"""


@pytest.mark.parametrize(("part", "finding"), [
    ("<a href='#' tabindex='-1'>Away</a>", "not reached by Tab"),
    ("<button class='silent'>Save</button>", "shows no focus"),
    ("<button>Save</button> <a href='#'>Back</a>", ""),
])
def test_what_the_keyboard_cannot_use_is_found(browse: Browsing, part: str, finding: str) -> None:
    page = browse(None)
    page.set_content(_PAGE % part)

    assert [told.split(":")[0] for told in unreachable(page)] == ([finding] if finding else [])


def test_faint_text_and_a_page_that_is_too_wide_are_found(browse: Browsing) -> None:
    page = browse(None)
    page.set_content(_PAGE % "<p id='p'>Hello</p><div id='d'>wide</div>")
    assert findings(page) == []
    page.evaluate("""() => {
      document.getElementById("p").setAttribute("style", "color: #ddd");
      document.getElementById("d").setAttribute("style", "width: 3000px");
    }""")

    found = findings(page)

    assert any(told.startswith("color-contrast") for told in found)
    assert any("too wide" in told for told in found)
