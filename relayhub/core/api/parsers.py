"""Bodies of the API: JSON, read so that nothing in it can be a fault of ours later."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import IO, Any

from rest_framework.exceptions import ParseError
from rest_framework.parsers import JSONParser


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
        return found


def _has_half_characters(value: Any) -> bool:
    """Whether a text in it cannot be written as UTF-8, as neither the database nor mail could hold it."""
    try:
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except UnicodeEncodeError:
        return True
    return False
