"""Bodies of the API: JSON, read so that nothing in it can be a fault of ours later."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any

from django.http import QueryDict
from rest_framework.exceptions import ParseError, ValidationError
from rest_framework.parsers import FormParser, JSONParser, MultiPartParser

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
        _refuse_nul(found)
        return found


class StrictFormParser(FormParser):
    """A form whose texts have no NUL."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The fields; ValidationError names the one that is wrong."""
        found = super().parse(stream, media_type, parser_context)
        _refuse_nul(_as_sent(found))
        return found


class StrictMultiPartParser(MultiPartParser):
    """A form with files, whose texts have no NUL. The files are left alone: they may hold anything."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """The fields and files; ValidationError names the field that is wrong."""
        found = super().parse(stream, media_type, parser_context)
        _refuse_nul(_as_sent(found.data))
        return found


def _as_sent(fields: QueryDict) -> dict[str, Any]:
    """A field that was sent once is a value, one that was sent again a list."""
    return {key: values if len(values) > 1 else values[0] for key, values in fields.lists() if values}


def _refuse_nul(value: Any) -> None:
    """ValidationError where a text has a NUL, told at its place."""
    if (place := _place_of_nul(value)) is not None:
        raise ValidationError(_told_at(place), code="null_characters_not_allowed")


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
