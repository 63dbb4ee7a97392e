"""What scripts say in the languages that are shipped: the catalogue `djangojs`, as a script that browsers keep.

Its address names its content, so that it may be kept for ever. Scripts ask through `static/js/words.js`, which speaks
English where no catalogue was loaded.
"""

from __future__ import annotations

import hashlib
import json
from functools import lru_cache
from pathlib import Path

from django.urls import reverse
from django.utils.translation.trans_real import DjangoTranslation
from django.views.i18n import JavaScriptCatalog

from relayhub.core.languages import SOURCE, shipped

_FOLDER = str(Path(__file__).parent / "locale")


def languages() -> list[str]:
    """Those that have a catalogue: all but the one the source is written in."""
    return [tag for tag in shipped() if tag != SOURCE]


@lru_cache(maxsize=8)
def script(language: str) -> str:
    """The texts, and which of a text's forms a number takes, as a script of one statement."""
    catalog = JavaScriptCatalog()
    catalog.translation = DjangoTranslation(language, domain="djangojs", localedirs=[_FOLDER])
    texts = json.dumps(catalog.get_catalog(), ensure_ascii=False, separators=(",", ":"), sort_keys=True)
    # C's expression of plural forms is one of JavaScript as well; true is 1.
    return f"globalThis.catalogue={{texts:{texts},form:(n)=>Number({catalog.get_plural() or 'n!=1'})}};\n"


@lru_cache(maxsize=8)
def version(language: str) -> str:
    """What changes with the texts, and only with them."""
    return hashlib.sha256(script(language).encode()).hexdigest()[:12]


def address(language: str) -> str:
    """Where browsers get it."""
    return reverse("script-words", args=[language, version(language)])
