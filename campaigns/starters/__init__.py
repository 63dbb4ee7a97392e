"""Texts to begin a template with: our own, without pictures to host, in the brand of the workspace.

Each reads well in the dark, with images off and on a phone; parts that several share stand in files with a leading
underscore. What a starter becomes is the workspace's own text: later changes of the brand do not reach into it.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from html import escape
from pathlib import Path
from typing import Any

from django.utils.translation import gettext_noop as _

from campaigns.brand import brand_of
from campaigns.models import TemplateKind
from campaigns.templates import TemplateInput
from relayhub.core.models import Workspace
from relayhub.relay.brand import Brand

_FOLDER = Path(__file__).parent
_ENDINGS = {TemplateKind.MJML: "mjml", TemplateKind.TEXT: "txt", TemplateKind.MARKDOWN: "md"}
_PART = re.compile(r"^[ \t]*@(head|masthead|foot|foot_message)@\n", re.MULTILINE)
_NAME = "{{ workspace.company|default(workspace.name) }}"


@dataclass(frozen=True, kw_only=True)
class Starter:
    """One beginning."""

    key: str
    #: In the language of the source, since templates are named after it; pages translate it, and `use`.
    name: str
    use: str
    kind: str
    subject: str = ""
    preheader: str = ""
    #: Values for the variables that single messages bring; empty where campaigns send it.
    sample: Mapping[str, Any] = field(default_factory=dict)

    @property
    def is_for_messages(self) -> bool:
        """Whether programs send it, one message at a time."""
        return bool(self.sample)

    @property
    def opens_in_builder(self) -> bool:
        """Whether the visual builder can open it; from scratch it has a page of its own."""
        return self.kind == TemplateKind.MJML or self.key == "blank"

    def content(self, workspace: Workspace) -> TemplateInput:
        """The text, in the brand of the workspace."""
        brand = brand_of(workspace)
        values = {"brand": brand.colour, "on_brand": brand.on_colour, "link": brand.link, "font": brand.font_stack,
                  "dark_link": brand.dark_link, "logo": _logo(brand)}
        source = re.sub(r"@(brand|on_brand|link|dark_link|font|logo)@", lambda match: values[match[1]],
                        _source(self.key, self.kind))
        return TemplateInput(kind=self.kind, subject=self.subject, preheader=self.preheader, source=source)


def _logo(brand: Brand) -> str:
    """The sender at the top: the logo on white, which logos are made for, or the name in words."""
    if brand.logo_url:
        shown = f'<img src="{escape(brand.logo_url)}" alt="{_NAME}" height="40" class="logo" />'
    else:
        shown = _NAME
    return (f'<mj-text font-size="17px" line-height="24px" font-weight="bold" color="{brand.link}" padding="0 32px" '
            f'css-class="brand">{shown}</mj-text>')


@lru_cache(maxsize=32)
def _source(key: str, kind: str) -> str:
    if key == "blank":
        return ""
    text = _read(f"{key}.{_ENDINGS[TemplateKind(kind)]}")
    return _PART.sub(lambda match: _read(f"_{match[1]}.mjml"), text)


def _read(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")


_ORDER = {
    "customer_name": "Alex",
    "order": {
        "number": "A-1042", "date": "24 November", "vat": "€1.62", "total": "€24.80",
        "url": "https://shop.example/orders/A-1042",
        "items": [
            {"name": "Rye, 1 kg", "quantity": 2, "price": "€13.00"},
            {"name": "Cardamom rolls", "quantity": 4, "price": "€11.80"},
        ],
    },
}
_RESET = {"account_email": "alex@example.com", "valid_minutes": 60, "reset_url": "https://shop.example/reset/9f2c41"}

STARTERS = (
    Starter(key="newsletter", name=_("Newsletter"), use=_("A lead story and two shorter ones"), kind=TemplateKind.MJML,
            subject="What is new this month", preheader="Three things worth a minute"),
    Starter(key="digest", name=_("Digest"), use=_("Headlines by number, each with its line"), kind=TemplateKind.MJML,
            subject="Your week in four lines", preheader="The most important first"),
    Starter(key="product", name=_("Product"), use=_("Something new, and why it matters"), kind=TemplateKind.MJML,
            subject="Something new from {{ workspace.company|default(workspace.name) }}",
            preheader="The short version"),
    Starter(key="event", name=_("Event"), use=_("When, where, and an answer"), kind=TemplateKind.MJML,
            subject="You are invited", preheader="Save the date"),
    Starter(key="welcome", name=_("Welcome"), use=_("The first mail after somebody joined"), kind=TemplateKind.MJML,
            subject="Welcome to {{ workspace.company|default(workspace.name) }}",
            preheader="What you get, and how often"),
    Starter(key="letter", name=_("Letter"), use=_("In Markdown: write, and it looks like you"),
            kind=TemplateKind.MARKDOWN, subject="A few words from {{ workspace.company|default(workspace.name) }}"),
    Starter(key="plain", name=_("Plain"), use=_("Plain text, as a person would write it"), kind=TemplateKind.TEXT,
            subject="A few words from {{ workspace.company|default(workspace.name) }}"),
    Starter(key="receipt", name=_("Receipt"), use=_("Sent by your shop: what was ordered and paid"),
            kind=TemplateKind.MJML, subject="Your order {{ order.number }}",
            preheader="Thank you; this is your receipt", sample=_ORDER),
    Starter(key="reset", name=_("Password reset"), use=_("Sent by your site: one button, one warning"),
            kind=TemplateKind.MJML, subject="Choose a new password", preheader="The link works once", sample=_RESET),
    Starter(key="blank", name=_("From scratch"), use=_("An empty page; in code, for HTML of your own"),
            kind=TemplateKind.HTML),
)


def starter(key: str) -> Starter | None:
    """The starter of that key."""
    return next((item for item in STARTERS if item.key == key), None)
