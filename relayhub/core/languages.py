"""Which language somebody is spoken to in: the shipped ones, tags as contacts have them, what a browser asks for.

A contact's language may be any (`nl`, `pt-BR`): it is a fact about the person. Which of the shipped languages a page
is then in is decided here alone. Tags are those of BCP 47, without extensions.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from contextlib import contextmanager
from functools import lru_cache
from unicodedata import normalize

from babel import Locale, UnknownLocaleError
from django.conf import settings
from django.http import HttpRequest, HttpResponseBase
from django.utils import translation
from django.utils.cache import patch_vary_headers
from django.utils.translation import gettext as _
from django.utils.translation.trans_real import parse_accept_lang_header

from relayhub.core.errors import InputError

#: What the source is written in, and what is spoken where nothing else is known.
SOURCE = "en"
MAX_TAG = 10
#: Offered in forms beside the shipped ones; any other tag comes in by import or the API.
_COMMON = frozenset({
    "ar", "bg", "bn", "ca", "cs", "da", "el", "et", "fa", "fi", "ga", "he", "hi", "hr", "hu", "id", "is", "it", "ja",
    "ko", "lt", "lv", "ms", "mt", "nb", "nl", "pt", "ro", "ru", "sk", "sl", "sq", "sr", "sv", "th", "tr", "uk", "ur",
    "vi", "zh",
})
_TAG = re.compile(r"[A-Za-z]{2,3}(?:[-_][A-Za-z]{4})?(?:[-_](?:[A-Za-z]{2}|[0-9]{3}))?", re.ASCII)


def shipped() -> dict[str, str]:
    """Tag -> what the language calls itself."""
    return dict(settings.LANGUAGES)


def shipped_for(tag: str) -> str:
    """The shipped language of a tag, such as `de` for `de-AT`; "" where there is none."""
    primary = re.split(r"[-_]", tag.strip().lower(), maxsplit=1)[0]
    return primary if primary in shipped() else ""


def asked_for(request: HttpRequest) -> str:
    """The shipped language that the browser would like best; "" where it names none (RFC 9110 §12.5.4)."""
    wanted = parse_accept_lang_header(request.headers.get("Accept-Language", "")[:500])
    return next((found for tag, _ in wanted if (found := shipped_for(tag))), "")


def for_reader(request: HttpRequest | None, *, contact: str = "", workspace: str = "") -> str:
    """What a person outside reads: the contact's own language, else the browser's, else the workspace's."""
    known = shipped_for(contact)
    return known or (asked_for(request) if request is not None else "") or shipped_for(workspace) or SOURCE


@contextmanager
def speaking(language: str) -> Iterator[None]:
    """Everything within is said in that language."""
    with translation.override(language):
        yield


def say_language(response: HttpResponseBase) -> None:
    """Tell caches and readers which language the answer is in, and that it depends on what was asked for."""
    response.headers.setdefault("Content-Language", translation.get_language() or SOURCE)
    patch_vary_headers(response, ["Accept-Language"])


def checked_tag(value: str) -> str:
    """A language as it is kept, `de` or `pt-BR`, from a tag or a name; "" for none, InputError for no language."""
    text = value.strip()
    if not text:
        return ""
    tag = _by_name().get(text.lower()) or _normal_tag(text)
    if not tag:
        raise InputError(
            _("“%(text)s” is not a language. Write a tag such as de or pt-BR.") % {"text": text[:40]}, field="language",
            code="unknown_language",
        )
    return tag


def name_of(tag: str) -> str:
    """What people call the language, in the present one: "German", "Portuguese (Brazil)"; else the tag itself."""
    if not tag:
        return ""
    try:
        locale = Locale.parse(tag.replace("-", "_"))
    except (ValueError, UnknownLocaleError):
        return tag
    name = locale.get_display_name(shipped_for(translation.get_language() or SOURCE) or SOURCE) or tag
    return name[0].upper() + name[1:]


def _normal_tag(text: str) -> str:
    if not _TAG.fullmatch(text):
        return ""
    parts = re.split(r"[-_]", text)
    if parts[0].lower() not in _names():
        return ""
    rest = [part.title() if len(part) == 4 else part.upper() for part in parts[1:]]
    tag = "-".join([parts[0].lower(), *rest])
    return tag if len(tag) <= MAX_TAG else parts[0].lower()


@lru_cache(maxsize=1)
def _names() -> dict[str, str]:
    """Primary tag -> English name of every language there is a name for."""
    return {tag: str(name) for tag, name in Locale.parse(SOURCE).languages.items() if len(tag) <= 3}


@lru_cache(maxsize=1)
def _by_name() -> dict[str, str]:
    """Name in lower case, English or its own -> tag."""
    own = {name.lower(): tag for tag, name in shipped().items()}
    return {name.lower(): tag for tag, name in _names().items()} | own


def contact_choices(present: str = "") -> list[tuple[str, str]]:
    """What a form offers for a contact's language: the shipped ones first, then the others by name."""
    first = [(tag, name_of(tag)) for tag in shipped()]
    others = sorted(((tag, name_of(tag)) for tag in _names() if tag in _COMMON and tag not in shipped()),
                    key=lambda pair: normalize("NFKD", pair[1]))
    found = [("", "–"), *first, *others]
    if present and present not in dict(found):
        found.append((present, name_of(present)))
    return found
