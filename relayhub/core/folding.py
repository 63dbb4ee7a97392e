"""Texts made plain, so that what people write is found however they write it."""

from __future__ import annotations

import unicodedata

#: Letters that no decomposition makes plain.
_WITHOUT_STROKE = {ord("ø"): "o", ord("ł"): "l", ord("æ"): "ae", ord("đ"): "d"}


def folded(text: str) -> str:
    """In lower case, without accents and strokes: `Prénom` -> `prenom`, `Łódź` -> `lodz`."""
    apart = unicodedata.normalize("NFKD", text.casefold().translate(_WITHOUT_STROKE))
    return "".join(char for char in apart if not unicodedata.combining(char))
