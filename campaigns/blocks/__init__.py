"""The blocks of the visual builder: pieces of MJML in the workspace's colour, with its logo and its footer.

A block is what a person drops into a mail. Each is small, of our own writing, without pictures to host, and
compiles by itself in the column or body it is made for.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache
from html import escape
from pathlib import Path
from textwrap import indent

from django.utils.translation import gettext
from django.utils.translation import gettext_noop as _

from campaigns.brand import brand_of
from campaigns.models import TemplateKind
from campaigns.templates import TemplateInput
from relayhub.core.errors import PrepareError
from relayhub.core.models import Workspace
from relayhub.relay import compiled
from relayhub.relay.brand import Brand

_FOLDER = Path(__file__).parent


class Place(StrEnum):
    """Where a block may stand."""

    COLUMN = "column"  # in a column or a hero
    BODY = "body"  # under the body, as a row of its own


@dataclass(frozen=True, kw_only=True)
class BrandKit:
    """What makes a block look like the sender's."""

    colour: str
    #: Text that reads well on the colour.
    on_colour: str
    font: str
    #: MJML of the sender's logo or name, for a band in the colour.
    logo: str
    #: HTML of the footer with the way out and the postal address, well-formed.
    footer: str

    def applied_to(self, mjml: str) -> str:
        """The MJML with the brand's values in their places."""
        for name, value in (("@logo@", self.logo), ("@footer@", self.footer), ("@brand@", self.colour),
                            ("@on_brand@", self.on_colour), ("@font@", self.font)):
            mjml = mjml.replace(name, value)
        return mjml


@dataclass(frozen=True, kw_only=True)
class Block:
    """One block of the panel."""

    key: str
    name: str
    #: Of static/img/icons.svg.
    icon: str
    group: str
    place: Place

    @property
    def label(self) -> str:
        """Its name in the present language."""
        return gettext(self.name)

    def mjml(self, brand: BrandKit) -> str:
        """The piece of MJML, branded."""
        return brand.applied_to(_source(self.key)).strip()


_CONTENT, _ROWS, _READY = _("Content"), _("Rows"), _("Ready-made")
BLOCKS = (
    Block(key="heading", name=_("Heading"), icon="heading", group=_CONTENT, place=Place.COLUMN),
    Block(key="text", name=_("Text"), icon="typography", group=_CONTENT, place=Place.COLUMN),
    Block(key="button", name=_("Button"), icon="rectangle", group=_CONTENT, place=Place.COLUMN),
    Block(key="image", name=_("Image"), icon="photo", group=_CONTENT, place=Place.COLUMN),
    Block(key="divider", name=_("Divider"), icon="separator-horizontal", group=_CONTENT, place=Place.COLUMN),
    Block(key="spacer", name=_("Spacer"), icon="spacing-vertical", group=_CONTENT, place=Place.COLUMN),
    Block(key="columns-1", name=_("One column"), icon="square", group=_ROWS, place=Place.BODY),
    Block(key="columns-2", name=_("Two columns"), icon="columns-2", group=_ROWS, place=Place.BODY),
    Block(key="columns-3", name=_("Three columns"), icon="columns-3", group=_ROWS, place=Place.BODY),
    Block(key="header", name=_("Header with logo"), icon="layout-navbar", group=_READY, place=Place.BODY),
    Block(key="hero", name=_("Hero"), icon="section", group=_READY, place=Place.BODY),
    Block(key="article", name=_("Article"), icon="article", group=_READY, place=Place.BODY),
    Block(key="product", name=_("Product card"), icon="shopping-bag", group=_READY, place=Place.BODY),
    Block(key="social", name=_("Social links"), icon="share", group=_READY, place=Place.BODY),
    Block(key="footer", name=_("Footer"), icon="layout-bottombar", group=_READY, place=Place.BODY),
)


def brand_kit(workspace: Workspace) -> BrandKit:
    """The workspace's colour, typeface, logo and footer."""
    brand = brand_of(workspace)
    return BrandKit(colour=brand.colour, on_colour=brand.on_colour, font=brand.font_stack,
                    logo=_logo(workspace, brand), footer=_footer(workspace))


def _logo(workspace: Workspace, brand: Brand) -> str:
    if brand.logo_url:
        name = escape(workspace.company or workspace.name)
        return f'<mj-image src="{escape(brand.logo_url)}" alt="{name}" width="160px" align="left" />'
    return (
        f'<mj-text font-size="18px" font-weight="700" color="{brand.on_colour}">'
        "{{ workspace.company|default(workspace.name) }}</mj-text>"
    )


def _footer(workspace: Workspace) -> str:
    """The workspace's own footer where MJML can hold it (it is HTML, which may be looser), else ours."""
    ours = _source("footer-words").strip()
    own = workspace.footer_html.strip()
    if not own or not compiled.has_unsubscribe_link(own):
        return ours
    page = f"<mjml><mj-body><mj-section><mj-column><mj-text>{own}</mj-text></mj-column></mj-section></mj-body></mjml>"
    try:
        compiled.to_html(compiled.Source(kind=TemplateKind.MJML, subject="", source=page))
    except PrepareError:
        return ours
    return own


def blank_page(workspace: Workspace) -> TemplateInput:
    """A mail to begin with in the builder: header, one row of text, footer."""
    brand = brand_kit(workspace)
    parts = {
        name: indent(block.mjml(brand), "    ").strip()
        for name, block in (("@header@", _block("header")), ("@foot@", _block("footer")))
    }
    source = brand.applied_to(_source("page"))
    for name, mjml in parts.items():
        source = source.replace(name, mjml)
    return TemplateInput(kind=TemplateKind.MJML, source=source)


def _block(key: str) -> Block:
    return next(block for block in BLOCKS if block.key == key)


@lru_cache(maxsize=32)
def _source(key: str) -> str:
    return (_FOLDER / f"{key}.mjml").read_text(encoding="utf-8")
