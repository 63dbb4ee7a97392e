"""Texts to begin a template with: our own, plain, without pictures to host, in the colour of the workspace."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from campaigns.models import TemplateKind
from campaigns.templates import TemplateInput
from relayhub.core.formats import is_dark
from relayhub.core.models import Workspace

_FOLDER = Path(__file__).parent
_FALLBACK_COLOUR = "#0b6272"


@dataclass(frozen=True, kw_only=True)
class Starter:
    """One beginning."""

    key: str
    name: str
    use: str
    kind: str
    subject: str = ""
    preheader: str = ""

    def content(self, workspace: Workspace) -> TemplateInput:
        """The text, in the colour of the workspace."""
        brand = workspace.brand_colour or _FALLBACK_COLOUR
        source = _source(self.key, self.kind).replace("@brand@", brand)
        return TemplateInput(
            kind=self.kind, subject=self.subject, preheader=self.preheader,
            source=source.replace("@on_brand@", "#ffffff" if is_dark(brand) else "#1b1b18"),
        )


@lru_cache(maxsize=16)
def _source(key: str, kind: str) -> str:
    if key == "blank":
        return ""
    return (_FOLDER / f"{key}.{'txt' if kind == TemplateKind.TEXT else 'mjml'}").read_text(encoding="utf-8")


STARTERS = (
    Starter(key="newsletter", name="Newsletter", use="A lead story and two shorter ones", kind=TemplateKind.MJML,
            subject="What is new this month", preheader="Three things worth a minute"),
    Starter(key="announcement", name="Announcement", use="One message, one button", kind=TemplateKind.MJML,
            subject="Something new", preheader="The short version"),
    Starter(key="event", name="Invitation", use="When, where, and an answer", kind=TemplateKind.MJML,
            subject="You are invited", preheader="Save the date"),
    Starter(key="welcome", name="Welcome", use="The first mail after somebody joined", kind=TemplateKind.MJML,
            subject="Welcome to {{ workspace.company }}", preheader="What you get, and how often"),
    Starter(key="letter", name="Letter", use="Plain text, as a person would write it", kind=TemplateKind.TEXT,
            subject="A few words from {{ workspace.company }}"),
    Starter(key="blank", name="From scratch", use="An empty page, for HTML of your own", kind=TemplateKind.HTML),
)


def starter(key: str) -> Starter | None:
    """The starter of that key."""
    return next((item for item in STARTERS if item.key == key), None)
