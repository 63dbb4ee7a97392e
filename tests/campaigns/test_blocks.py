"""The blocks of the visual builder: every one compiles, in the sender's look."""

from __future__ import annotations

from typing import Any

import pytest
from django.conf import settings

from campaigns import blocks, template_review
from campaigns.blocks import BLOCKS, Block, Place, brand_kit
from campaigns.models import TemplateKind
from relayhub.core.ids import uuid7
from relayhub.core.models import Workspace
from relayhub.relay import compiled

YELLOW = "#ffd400"


def workspace(**more: Any) -> Workspace:
    return Workspace(**{"name": "Northwind Bakery", "brand_colour": YELLOW, **more})


def compiled_block(block: Block, of: Workspace) -> str:
    piece = block.mjml(brand_kit(of))
    if block.place is Place.COLUMN:
        piece = f"<mj-section><mj-column>{piece}</mj-column></mj-section>"
    source = f"<mjml><mj-body>{piece}</mj-body></mjml>"
    html = compiled.to_html(compiled.Source(kind=TemplateKind.MJML, subject="", source=source))
    assert html is not None
    return html


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.key)
def test_every_block_compiles_where_it_belongs(block: Block) -> None:
    html = compiled_block(block, workspace())

    assert "@" not in html.replace("@media", "").replace("@import", "").replace("@-ms-viewport", "")
    assert "<mj-" not in html


def test_blocks_are_in_the_colour_of_the_workspace_with_words_that_read_on_it() -> None:
    html = compiled_block(blocks._block("hero"), workspace())

    assert YELLOW in html
    assert "#1b1b18" in html


def test_the_header_shows_the_logo_and_its_name_where_there_is_one() -> None:
    with_logo = workspace(logo_id=uuid7(), company='Rye "& Sons"')

    assert "{{ workspace.company|default(workspace.name) }}" in compiled_block(blocks._block("header"), workspace())
    header = compiled_block(blocks._block("header"), with_logo)
    assert f'src="{settings.RELAYHUB_BASE_URL}/logo/{with_logo.logo_id}.png"' in header
    assert 'alt="Rye &quot;&amp; Sons&quot;"' in header


@pytest.mark.parametrize(
    ("own", "is_taken"),
    [
        ('<p>Kornvej 12 <a href="{{ unsubscribe_url }}">Leave</a></p>', True),
        ('<p>Kornvej 12 <a href="{{ unsubscribe_url }}">Leave</a>', False),  # MJML wants every element closed
        ("<p>Kornvej 12</p>", False),  # no way out
    ],
)
def test_the_footer_is_the_workspaces_own_where_mjml_can_hold_it(own: str, is_taken: bool) -> None:
    footer = compiled_block(blocks._block("footer"), workspace(footer_html=own))

    assert ("Kornvej 12" in footer) is is_taken
    assert "unsubscribe_url" in footer


@pytest.mark.django_db
def test_a_mail_from_nothing_has_nothing_to_mend() -> None:
    of = Workspace.objects.create(name="Northwind Bakery", slug="northwind", brand_font="georgia")

    found = template_review.review(of, blocks.blank_page(of))

    assert (found.findings, found.blanks) == ((), ())
    assert found.shown is not None
    assert "Georgia" in (found.shown.html or "")
