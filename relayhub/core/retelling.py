"""Sentences that are stored in English and shown in the reader's language.

What a worker writes down is read later by people of several languages. Where it is one of a known set of sentences,
it is known again by its words and said anew with what it names; anything else is shown as it stands.
"""

from __future__ import annotations

import re
from collections.abc import Collection

from django.utils.translation import gettext

from relayhub.core import spoken
from relayhub.core.languages import SOURCE


class KnownSentences:
    """A set of sentences with places, `%(name)s`, marked by `gettext_noop`; of those that fit, the first counts.

    A place called `count` or `most` holds a number in English writing.
    """

    def __init__(self, *sentences: str, nested: Collection[str] = ()) -> None:
        """`nested` names the places that hold such sentences themselves."""
        self._nested = frozenset(nested)
        self._forms = [(sentence, _form(sentence)) for sentence in sentences]

    def __bool__(self) -> bool:
        return bool(self._forms)

    def told(self, stored: str) -> str:
        """A stored sentence as it is said to the reader."""
        if spoken.language() == SOURCE:
            return stored
        for sentence, form in self._forms:
            found = form.fullmatch(stored)
            if found is not None:
                return gettext(sentence) % {name: self._place(name, held) for name, held in found.groupdict().items()}
        return stored

    def _place(self, name: str, held: str) -> str:
        if name in ("count", "most"):
            return spoken.digits(held)
        return self.told(held) if name in self._nested else held


def _form(sentence: str) -> re.Pattern[str]:
    parts = re.split(r"%\((\w+)\)s", sentence)
    return re.compile(
        "".join(f"(?P<{part}>.+?)" if at % 2 else re.escape(part) for at, part in enumerate(parts)), re.DOTALL
    )
