"""Bodies of the API: JSON, read so that nothing in it can be a fault of ours later."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.parsers import JSONParser

_NUL = "This has a NUL character, which no text here can hold. Take it out."


class StrictJSONParser(JSONParser):
    """JSON of RFC 8259 and no more: no NaN, no half characters, no nesting without end."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The body’s value; ParseError says what is wrong with it."""
        try:
            found = super().parse(stream, media_type, parser_context)
        except RecursionError as exc:
            raise ParseError("The body is nested too deeply.") from exc
        if _has_half_characters(found):
            raise ParseError("The body has half of a surrogate pair, which is no character.")
        if (place := _place_of_nul(found)) is not None:
            raise ValidationError(_told_at(place), code="null_characters_not_allowed")
        return found


def _has_half_characters(value: Any) -> bool:
    """Whether a text in it cannot be written as UTF-8, as neither the database nor mail could hold it."""
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False


def _place_of_nul(value: Any) -> tuple[str, ...] | None:
    """The keys that lead to a text with a NUL, or None: the database could not hold it. No recursion: any depth."""
    waiting: list[tuple[tuple[str, ...], Any]] = [((), value)]
    while waiting:
        place, found = waiting.pop()
        if isinstance(found, str) and "\0" in found:
            return place
        if isinstance(found, dict):
            if any("\0" in key for key in found):
                return place
            waiting.extend(((*place, key), item) for key, item in found.items())
        elif isinstance(found, list):
            waiting.extend(((*place, str(index)), item) for index, item in enumerate(found))
    return None


def _told_at(place: tuple[str, ...]) -> Any:
    """The fault where it stands, as the API's errors are told."""
    told: Any = [_NUL]
    for key in reversed(place):
        told = {key: told}
    return told
