"""The visual builder in a real browser: what goes in comes out, what is built is saved, the rest is refused."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

import pytest
from django.urls import reverse
from playwright.sync_api import Frame, Locator, Page, expect

from campaigns import starters, templates
from campaigns.models import MailTemplate, TemplateKind
from campaigns.templates import TemplateInput
from tests.pages.marketer_rows import Desk, desk
from tests.support import browser
from tests.support.browser import Browsing, findings, keep_picture

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.browser]

#: What the builder cannot show, between what it can, written in many ways.
NASTY = """\
<!-- the autumn letter -->
<mjml lang="en">
  <mj-head>
    <mj-font name="Raleway" href="https://fonts.invalid/css?family=Raleway" />
    <mj-attributes><mj-all font-family="Raleway, Arial" /><mj-class name="big" font-size="30px"/></mj-attributes>
    <mj-style>@import url("https://fonts.invalid/x.css"); .promo > td { color: red }</mj-style>
  </mj-head>
  <mj-body background-color='#eeeeee'>
    {# only for some #}
    <mj-wrapper background-color="#dddddd"
                padding="10px">
      <mj-section full-width="full-width"><mj-group><mj-column width="30%"></mj-column><mj-column>
        <mj-text mj-class="big">A &amp; b &nbsp; <a href="{{ x|default("y") }}" class='q'>link</a></mj-text>
      </mj-column></mj-group></mj-section>
    </mj-wrapper>
    {% for item in contact.fields.items %}
    <mj-section><mj-column><mj-text>{{ item.name }}</mj-text></mj-column></mj-section>
    {% endfor %}
    <mj-section>
      <mj-column>
        <mj-table><tr><td>Rye</td></tr>{% for row in rows %}<tr><td>{{ row }}</td></tr>{% endfor %}</mj-table>
        <mj-raw><!-- as it is --><table><tr><td onclick="alert(1)">Raw</td></tr></table></mj-raw>
        {% if contact.first_name %}<mj-text>Hi</mj-text>{% else %}<mj-button href="x">No</mj-button>{% endif %}
        <mj-text><p>Never closed<p>Second</mj-text>
        <mj-text><table><tr>{% for a in b %}<td>{{ a }}</td>{% endfor %}</tr></table></mj-text>
        <mj-text>Photo <img src="{{ contact.fields.photo }}" alt="" onerror="alert(1)" /><BR>line</mj-text>
        <mj-text>Hello <script>alert(1)</script><a href="javascript:alert(1)">you</a></mj-text>
        <mj-divider></mj-divider><mj-spacer height="12px"  ></mj-spacer><mj-image alt="A &quot;b&quot;"/>
        <mj-button href="{{ view_url }}" background-color='red'>Go <b>now</b></mj-button>
      </mj-column>
    </mj-section>
    <mj-hero mode="fixed-height" height="200px"><mj-text>Hero</mj-text></mj-hero>
    <mj-raw><div>Raw in the body</div></mj-raw>
    <mj-section><mj-column/></mj-section>
  </mj-body>
</mjml>

"""
_SPLIT = "{% if a %}<mj-text>{% else %}Rye</mj-text>{% endif %}"
_ROW = "<mjml><mj-body>\n<mj-section>\n<mj-column>{}</mj-column></mj-section></mj-body></mjml>"
REFUSED = [
    ("<p>Hello</p>", "It does not begin with <mjml>", 1),
    ("<mjml><mj-body></mj-body>", "Behind </mj-body> stands more", 1),
    ("<mjml><mj-body><mj-include path='x'/></mj-body></mjml>", "mj-include is not available", 1),
    (_ROW.format("Words"), "Text stands in <mj-column>, outside of a block", 3),
    (_ROW.format("<mj-section></mj-section>"), "<mj-section> may not stand in <mj-column>", 3),
    (_ROW.format("<mj-text>Rye"), "<mj-text> is never closed", 3),
    (_ROW.format("<mj-text color=red>Rye</mj-text>"), "An attribute of <mj-text> lacks its quotes", 3),
    (_ROW.format("<mj-text {% if a %}color='red'{% endif %}>R</mj-text>"), "A merge tag stands among", 3),
    (_ROW.format("<mj-text color='red' color='blue'>Rye</mj-text>"), "two attributes “color”", 3),
    (_ROW.format(_SPLIT), "opens or closes only a part of an element", 3),
    (_ROW.format("{% if a %}<mj-text>Rye</mj-text>"), "opens or closes only a part", 3),
    (_ROW.format("{% endif %}"), "stands outside of its block", 3),
]


@dataclass(kw_only=True)
class Builder:
    """The page of the builder with its frame and the mail in it."""

    page: Page
    frame: Frame
    mail: Frame

    def source(self) -> str:
        return str(self.page.input_value("[name=source]"))

    def has(self, words: str) -> None:
        """Wait until the source holds these words."""
        self.page.wait_for_function("words => document.forms.builder.source.value.includes(words)", arg=words)

    def lacks(self, words: str) -> None:
        """Wait until the source does not hold these words any more."""
        self.page.wait_for_function("words => !document.forms.builder.source.value.includes(words)", arg=words)

    def state(self, words: str) -> None:
        """Wait until the page says this of the save."""
        expect(self.page.locator("#save-state")).to_contain_text(words)

    def says(self, message: dict[str, object]) -> dict[str, object]:
        """Send the frame a message as the page does, and give its answer."""
        return dict(
            self.page.evaluate(
                """message => new Promise(done => {
          const frame = document.getElementById("workbench").contentWindow;
          addEventListener("message", event => done(event.data), { once: true });
          frame.postMessage(message, location.origin);
        })""",
                message,
            )
        )


def make_template(at: Desk, source: str | None = None) -> MailTemplate:
    content = starters.starter("newsletter").content(at.workspace)  # type: ignore[union-attr]
    if source is not None:
        content = replace(content, source=source)
    return templates.create_template(at.actor, name="Weekend rye", content=content, is_published=False)


def visual(template: MailTemplate) -> str:
    return reverse("template-visual", args=[template.public_id])


def opened(browse: Browsing, at: Desk, template: MailTemplate, theme: str = "light") -> Builder:
    """The builder, once the mail is drawn."""
    page = browse(at, 1440, theme)
    page.goto(visual(template))
    page.wait_for_selector("[data-state=open]")
    frame = page.frame(url="**/visual/frame")
    assert frame is not None
    return Builder(page=page, frame=frame, mail=frame.child_frames[-1])


def drag(built: Builder, what: Locator, to: Locator) -> None:
    """Drag to the lower edge of another thing, as a hand would: until the mark shows that it may be dropped there."""
    start, end, mouse = what.bounding_box(), to.bounding_box(), built.page.mouse
    assert start is not None
    assert end is not None
    x, y = end["x"] + 80, end["y"] + end["height"] - 4
    mouse.move(start["x"] + 20, start["y"] + 20)
    mouse.down()
    mouse.move(x, y - 20, steps=6)
    mark = built.frame.locator(".gjs-placeholder:visible").first
    for step in range(500):
        mouse.move(x + step % 2, y)
        box = mark.bounding_box() if mark.is_visible() else None
        if box is not None and abs(box["y"] - end["y"] - end["height"]) < 16:
            break
    mouse.up()


def axe(frame: Frame) -> list[str]:
    frame.evaluate(browser.AXE.read_text(encoding="utf-8"))
    return list(frame.evaluate(browser._RULES, browser._EVERY_RULE))


@pytest.fixture
def at() -> Desk:
    return desk()


def mjml_starters(at: Desk) -> list[str]:
    return [item.content(at.workspace).source for item in starters.STARTERS if item.kind == TemplateKind.MJML]


def test_what_goes_in_comes_out_byte_for_byte(browse: Browsing, at: Desk) -> None:
    asked: list[str] = []
    built = opened(browse, at, make_template(at))
    built.page.on("request", lambda request: asked.append(request.url))

    for source in [*mjml_starters(at), NASTY, NASTY.replace("\n", ""), _ROW.format("")]:
        assert built.says({"type": "open", "source": source}) == {"type": "opened"}
        assert built.says({"type": "flush"}) == {"type": "flushed", "source": source}

    assert [url for url in asked if not url.startswith((browse.base_url, "data:"))] == []
    assert built.page.locator("#save-state").inner_text() == ""


def test_a_change_changes_its_line_and_no_other(browse: Browsing, at: Desk) -> None:
    built = opened(browse, at, make_template(at, NASTY))
    before = NASTY.split("\n")

    built.mail.get_by_text("Go now").click()
    built.frame.get_by_label("Where it leads").fill('{{ view_url|default("x") }}?a=1&b=2')
    built.frame.get_by_label("Where it leads").press("Tab")
    built.has("b=2")

    after = built.source().split("\n")
    changed = [line for line, old in zip(after, before, strict=True) if line != old]
    assert [line.strip() for line in changed] == [
        '<mj-button href="{{ view_url|default("x") }}?a=1&amp;b=2" background-color=\'red\'>Go <b>now</b></mj-button>'
    ]


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_the_builder_is_reachable_by_everybody_and_asks_no_other_host(browse: Browsing, at: Desk, theme: str) -> None:
    template = make_template(at)
    page = browse(at, 1440, theme)
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url))
    page.goto(visual(template))
    page.wait_for_selector("[data-state=open]")
    frame = page.frame(url="**/visual/frame")
    assert frame is not None
    mail = frame.child_frames[-1]
    troubles = [*findings(page), *axe(frame), *axe(mail)]
    keep_picture(page, f"builder-blocks-{theme}")

    mail.get_by_text("Put the most important").dblclick()
    frame.get_by_text("Merge field").click()
    troubles += axe(frame)
    keep_picture(page, f"builder-writing-{theme}")
    frame.get_by_role("button", name="Done").click()
    frame.get_by_role("tab", name="Layers").click()
    troubles += axe(frame)
    keep_picture(page, f"builder-layers-{theme}")

    assert troubles == []
    assert [url for url in asked if not url.startswith((browse.base_url, "data:"))] == []


def test_a_newsletter_is_built_saved_and_published(browse: Browsing, at: Desk) -> None:
    template = make_template(at)
    built = opened(browse, at, template)
    page, frame, mail = built.page, built.frame, built.mail

    drag(built, frame.locator("[data-block=button]"), mail.get_by_text("Two or three sentences"))
    built.has("Say what happens</mj-button>\n        <mj-button")
    mail.get_by_text("Put the most important").dblclick()
    page.keyboard.press("Control+End")
    page.keyboard.type(", ")
    frame.get_by_text("Merge field").click()
    frame.get_by_role("button", name="First name").click()
    built.state("Unsaved changes")
    page.get_by_role("button", name="Save draft").click()
    built.state("Saved ")

    draft = templates.draft(template)
    assert draft is not None
    assert draft.source == built.source()
    assert 'thing here, {{ contact.first_name|default("there") }}' in draft.source
    expect(page.frame_locator("iframe[name^=tpl-preview]").get_by_text("thing here, Alex")).to_be_visible()

    page.get_by_role("button", name="Publish version 1").click()
    expect(page.locator("#toasts")).to_contain_text("Version 1 is published")
    live = templates.published(template)
    assert live is not None
    assert "Say what happens" in live.source
    page.close(run_before_unload=True)  # nothing unsaved: nothing asks


def test_undo_takes_the_mail_back_to_what_is_saved(browse: Browsing, at: Desk) -> None:
    built = opened(browse, at, make_template(at))
    before = built.source()

    built.mail.get_by_text("And a third").click()
    built.page.keyboard.press("Delete")
    built.lacks("And a third")
    built.frame.get_by_role("button", name="Undo").click()
    built.has("And a third")

    assert built.source() == before
    expect(built.page.locator("#save-state")).to_be_empty()


def test_by_keyboard_alone_a_block_is_put_in_moved_and_removed(browse: Browsing, at: Desk) -> None:
    built = opened(browse, at, make_template(at))
    frame, keys = built.frame, built.page.keyboard
    frame.get_by_role("tab", name="Layers").press("Enter")
    frame.get_by_role("button", name="Button Read the whole story").press("Enter")
    frame.get_by_role("tab", name="Blocks").press("Enter")

    frame.get_by_role("button", name="Divider").press("Enter")
    built.has("Read the whole story</mj-button>\n        <mj-divider")
    assert frame.evaluate("document.activeElement.id") == "tab-settings"
    frame.get_by_role("button", name="Move up").press("Enter")
    built.has('<mj-divider border-width="1px" border-color="#e4e1d8" />\n        <mj-button')
    frame.get_by_role("button", name="Remove").press("Enter")
    built.lacks('#e4e1d8" />\n        <mj-button')

    keys.press("Control+s")
    built.state("Saved ")


def test_two_people_are_told_and_nothing_is_overwritten_unseen(browse: Browsing, at: Desk) -> None:
    template = make_template(at)
    built = opened(browse, at, template)
    other = desk(at.workspace, email="bo@example.com")
    theirs = replace(starters.starter("event").content(at.workspace), subject="Theirs")  # type: ignore[union-attr]
    templates.save_draft(other.actor, template, theirs)

    built.page.get_by_label("Subject").fill("Mine")
    built.page.get_by_role("button", name="Save draft").click()
    expect(built.page.locator("#conflict")).to_contain_text("saved version 1 meanwhile")
    built.state("Not saved")
    assert templates.newest(template).subject == "Theirs"  # type: ignore[union-attr]
    built.page.get_by_text("What differs").click()
    expect(built.page.locator("#tpl-check")).not_to_have_attribute("aria-busy", "true")
    assert findings(built.page) == []
    keep_picture(built.page, "builder-conflict")

    built.page.get_by_role("button", name="Save mine over theirs").click()
    built.state("Saved ")
    assert templates.newest(template).subject == "Mine"  # type: ignore[union-attr]
    assert built.page.locator("#conflict").count() == 0


def test_unsaved_work_is_not_left_without_a_question(browse: Browsing, at: Desk) -> None:
    built = opened(browse, at, make_template(at))
    asked: list[str] = []
    built.page.on("dialog", lambda dialog: (asked.append(dialog.type), dialog.dismiss()))

    built.page.get_by_label("Subject").fill("Half a thought")
    built.state("Unsaved changes")
    built.page.get_by_role("link", name="Edit as code").click(no_wait_after=True)
    built.state("Unsaved changes")

    assert asked == ["beforeunload"]
    assert built.page.url.endswith("/visual")


def test_a_save_that_fails_says_why_and_keeps_the_mail(browse: Browsing, at: Desk) -> None:
    template = make_template(at)
    built = opened(browse, at, template)
    built.page.get_by_label("Subject").fill("Kept")
    at.client.logout()

    built.page.get_by_role("button", name="Save draft").click()

    expect(built.page.locator("#builder-trouble")).to_contain_text("You are signed out")
    built.state("Not saved")
    assert built.page.input_value("[name=subject]") == "Kept"
    built.page.once("dialog", lambda dialog: dialog.accept())


@pytest.mark.parametrize(("source", "words", "line"), REFUSED, ids=[words for _, words, _ in REFUSED])
def test_what_it_could_not_give_back_is_refused_with_the_line(
    reading: Page, source: str, words: str, line: int
) -> None:
    refused = reading.evaluate(
        "text => { try { mjmlSource.read(text); return null } catch (error) { return [error.message, error.line] } }",
        source,
    )

    assert refused is not None
    assert words in refused[0]
    assert refused[1] == line


@pytest.fixture(scope="module")
def reading(chromium: browser.Browser) -> Iterator[Page]:
    """A page that holds the reader of MJML and nothing else."""
    page = chromium.new_page()
    for name in ("words", "mjml-source"):
        page.add_script_tag(path=f"static/js/{name}.js")
    yield page
    page.close()


def test_a_refused_template_is_shown_with_the_reason_and_the_way_on(browse: Browsing, at: Desk) -> None:
    template = make_template(at, _ROW.format(_SPLIT))
    page = browse(at)
    page.goto(visual(template))

    card = page.locator("#refused")
    expect(card).to_contain_text("Line 3: “{% if … %}” opens or closes only a part of an element.")
    expect(card.get_by_role("link", name="Edit as code")).to_be_visible()
    expect(page.get_by_role("button", name="Save draft")).to_be_hidden()
    assert findings(page) == []
    keep_picture(page, "builder-refused")


@pytest.mark.parametrize("script", [True, False], ids=["narrow", "without script"])
def test_where_it_cannot_work_the_page_says_so_and_shows_the_mail(browse: Browsing, at: Desk, script: bool) -> None:
    page = browse(at, 390, script=script)
    page.goto(visual(make_template(at)))

    words = "The builder needs a wider screen" if script else "The builder needs JavaScript"
    expect(page.get_by_role("heading", name=words)).to_be_visible()
    expect(page.frame_locator("iframe[name=tpl-preview]").get_by_text("Put the most important")).to_be_visible()
    expect(page.get_by_role("link", name="Edit as code")).to_be_visible()
    expect(page.locator("#workbench")).to_be_hidden()
    if script:
        assert findings(page) == []
    keep_picture(page, f"builder-390-{'script' if script else 'plain'}")


def test_html_templates_are_not_offered_the_builder(browse: Browsing, at: Desk) -> None:
    content = TemplateInput(kind="html", subject="Rye", source="<p>Rye</p>")
    template = templates.create_template(at.actor, name="Rye", content=content)
    page = browse(at)
    page.goto(visual(template))

    expect(page.locator("#refused")).to_contain_text("It is written in HTML.")
    assert page.locator("#workbench").count() == 0
