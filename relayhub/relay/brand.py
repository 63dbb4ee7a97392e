"""How a sender's mails look: name, colour, logo, typeface, and the colours that follow from theirs.

Only typefaces that mail programs have: hardly any loads one.
"""

from __future__ import annotations

from dataclasses import dataclass

from relayhub.core.formats import is_dark, readable_on

FALLBACK_COLOUR = "#0b6272"
#: Grounds of a mail, light and dark; text and links are chosen to read on them.
PAPER, DARK_PAPER = "#ffffff", "#212427"
FONTS = {
    "system": "-apple-system, BlinkMacSystemFont, 'Segoe UI', Helvetica, Arial, sans-serif",
    "helvetica": "Helvetica, Arial, sans-serif",
    "verdana": "Verdana, Geneva, sans-serif",
    "trebuchet": "'Trebuchet MS', Tahoma, sans-serif",
    "georgia": "Georgia, 'Times New Roman', serif",
    "palatino": "Palatino, 'Palatino Linotype', 'Book Antiqua', serif",
}


@dataclass(frozen=True, kw_only=True)
class Brand:
    """The sender's look."""

    colour: str = FALLBACK_COLOUR
    #: A key of FONTS.
    font: str = "system"
    #: Address of the logo; "" = the name in words.
    logo_url: str = ""

    @property
    def font_stack(self) -> str:
        """As CSS names it."""
        return FONTS.get(self.font, FONTS["system"])

    @property
    def on_colour(self) -> str:
        """Text on the colour."""
        return PAPER if is_dark(self.colour) else "#1b1b18"

    @property
    def link(self) -> str:
        """The colour as text on white."""
        return readable_on(self.colour, PAPER)

    @property
    def dark_link(self) -> str:
        """The colour as text on the dark ground."""
        return readable_on(self.colour, DARK_PAPER)
