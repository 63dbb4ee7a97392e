"""What every template keeps to: it compiles, its icons exist, nothing in it needs an open policy."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.contrib.messages.storage.fallback import FallbackStorage
from django.contrib.sessions.backends.signed_cookies import SessionStore
from django.template import Context, Template
from django.template.loader import get_template, render_to_string
from django.test import RequestFactory

from relayhub.core.models import Job, JobStatus, Workspace
from relayhub.core.styleguide import samples
from relayhub.core.vocabulary import STATUS_LOOKS

ROOT = Path(settings.BASE_DIR)
TEMPLATES = sorted((ROOT / "templates").rglob("*.html"))
OWN_STYLES = sorted((ROOT / "static/css").glob("*.css"))
SPRITE = set(re.findall(r'<symbol id="([^"]+)"', (ROOT / "static/img/icons.svg").read_text(encoding="utf-8")))
TONES = set(re.findall(r"\.s-([a-z]+) \{", (ROOT / "static/css/status.css").read_text(encoding="utf-8")))


def _name(path: Path) -> str:
    return str(path.relative_to(ROOT / "templates"))


def _page_request(query: str = "") -> object:
    request = RequestFactory().get(f"/{query}")
    request.user = AnonymousUser()
    request.session = SessionStore()
    request._messages = FallbackStorage(request)
    return request


def _rendered(source: str, **context: object) -> str:
    return Template("{% load relayhub_extras relayhub_forms %}" + source).render(Context(context))


@pytest.mark.parametrize("path", TEMPLATES, ids=_name)
def test_a_template_compiles(path: Path) -> None:
    assert get_template(_name(path))


@pytest.mark.parametrize("path", TEMPLATES, ids=_name)
def test_a_template_needs_no_inline_script_or_style(path: Path) -> None:
    if _name(path).startswith("emails/"):
        pytest.skip("letters have no content policy")
    text = path.read_text(encoding="utf-8")

    assert not re.search(r"<style\b", text)
    assert not re.search(r"<script(?![^>]*\bsrc=)[^>]*>", text)
    assert not re.search(r"\sstyle\s*=", text)
    assert not re.search(r"\son(?!ly=)[a-z]+\s*=\s*[\"']", text)
    assert "javascript:" not in text
    assert "hx-on" not in text


@pytest.mark.parametrize("path", TEMPLATES, ids=_name)
def test_a_template_names_only_icons_that_exist(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    named = re.findall(r'{% icon "([a-z0-9-]+)"', text)
    named += re.findall(r'(?:icon_name|action_icon)="([a-z0-9-]+)"', text)
    named += re.findall(r'{% nav_item "[^"]+" "[^"]+" "([a-z0-9-]+)"', text)

    assert set(named) <= SPRITE


def test_every_status_has_an_icon_and_a_tone_that_exist() -> None:
    assert {look.icon for look in STATUS_LOOKS.values()} <= SPRITE
    assert {look.tone for look in STATUS_LOOKS.values()} <= TONES


@pytest.mark.parametrize("path", OWN_STYLES, ids=lambda path: path.name)
def test_only_the_tokens_name_a_colour(path: Path) -> None:
    if path.name == "tokens.css":
        return
    text = re.sub(r"/\*.*?\*/", "", path.read_text(encoding="utf-8"), flags=re.S)

    assert not re.search(r"#[0-9a-fA-F]{3,8}\b|\brgba?\(|\bhsla?\(|\boklch\(", text)


def test_the_modules_do_not_import_each_other() -> None:
    for path in (ROOT / "static/js").glob("*.js"):
        text = path.read_text(encoding="utf-8")

        assert not re.search(r"^\s*(import|export)\b", text, flags=re.MULTILINE), path.name


def test_the_styleguide_shows_every_part() -> None:
    request = _page_request()

    page = render_to_string("styleguide.html", samples(), request=request)  # type: ignore[arg-type]

    assert "Quarantined" in page
    assert "rh-stats" in page
    assert 'data-chart="chart-day"' in page
    assert page.count("<h1>") == 1


def test_the_public_page_carries_the_senders_name_and_colour() -> None:
    workspace = Workspace(name="Northwind Bakery", brand_colour="#ffd400", postal_address="Kornvej 12")

    page = render_to_string("base_public.html", {"workspace": workspace})

    assert "<bdi>Northwind Bakery</bdi>, <bdi>Kornvej 12</bdi>" in page
    assert 'fill="#ffd400"' in page
    assert "on-light" in page
    assert "<script" not in page


@pytest.mark.parametrize(("colour", "classes"), [
    ("#ffd400", "on-light"), ("#fffbe0", "on-light pale"), ("#0b6272", "on-dark"), ("#141414", "on-dark deep"),
    ("#1a1f4a", "on-dark deep"), ("", "on-dark"),
])
def test_a_button_in_a_colour_close_to_the_pages_is_told_apart(colour: str, classes: str) -> None:
    workspace = Workspace(name="Northwind Bakery", brand_colour=colour)

    button = render_to_string("partials/_brand_button.html", {"workspace": workspace})

    assert f'class="pub-button main {classes}"' in button


def test_the_page_of_a_fault_needs_no_context() -> None:
    assert "Something went wrong here" in render_to_string("500.html")


def test_navigation_leaves_out_what_is_not_routed() -> None:
    assert _rendered('{% nav_item "no-such-page" "Nothing" "home" %}') == ""


def test_navigation_marks_where_the_person_is() -> None:
    item = _rendered('{% nav_item "account_login" "Sign in" "home" %}', nav="account_login")

    assert 'aria-current="page"' in item


def test_sorting_turns_round_and_tells_its_direction() -> None:
    head = _rendered('{% sort_head "size" "Size" %}', request=_page_request("?sort=-size&q=x&cursor=abc"))

    assert 'aria-sort="descending"' in head
    assert "sort=size" in head
    assert "q=x" in head
    assert "cursor" not in head


def test_a_filter_switches_itself_off() -> None:
    on = _rendered('{% chip "status" "held" "Held" 214 %}', request=_page_request("?status=held"))
    off = _rendered('{% chip "status" "held" "Held" %}', request=_page_request())

    assert 'aria-current="true"' in on
    assert "status=held" not in on
    assert "status=held" in off


def test_text_from_outside_is_escaped() -> None:
    evil = '"><script>x</script>'
    shown = _rendered(
        "{% status evil evil %}{% bar 1 2 label=evil %}{% icon evil %}"
        "{% chip 'a' evil evil %}{% delta 1 evil %}",
        evil=evil, request=_page_request(),
    )

    assert "<script>" not in shown


def test_a_bar_is_never_longer_than_its_frame() -> None:
    assert 'width="100.00%"' in _rendered("{% bar 9 3 %}")
    assert 'width="0.00%"' in _rendered("{% bar 9 0 %}")
    assert 'width="0.00%"' in _rendered("{% bar None 5 %}")


def test_a_field_ties_its_error_to_the_input() -> None:
    form = samples()["form"]

    shown = _rendered("{% field form.throttle %}{% field form.sender %}", form=form)

    assert 'aria-describedby="id_throttle_error"' in shown
    assert 'id="id_throttle_error"' in shown
    assert 'aria-describedby="id_sender_hint"' in shown
    assert shown.count("aria-invalid") == 1


def test_a_finished_job_is_not_polled_any_more() -> None:
    source = '{% job_progress job url="/jobs/1" %}'

    running = _rendered(source, job=Job(title="Import", status=JobStatus.RUNNING))
    done = _rendered(source, job=Job(title="Import", status=JobStatus.DONE))

    assert 'hx-get="/jobs/1"' in running
    assert "hx-get" not in done
