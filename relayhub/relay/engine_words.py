"""What the engine of templates and the reader of MJML say, in plain words; English, told anew where it is shown.

Only what comes up when people write mails has words of ours; anything else is quoted as it was said.
"""

from __future__ import annotations

import re
from collections.abc import Callable

from django.utils.translation import gettext_noop as _

_PLACE = re.compile(r" \(in [^()]*:\d+\)$")
_KIND = re.compile(r"^(?:syntax error|invalid operation): ")

NAME, TEXT, NUMBER = _("a name"), _("a text"), _("a number")
NAME_OR_NUMBER, ABSENT, LIST = _("a name or a number"), _("something absent"), _("a list")
VALUES, YES_OR_NO = _("a group of values"), _("a yes or no")
QUOTED = _("“%(words)s”")
ENDS_EARLY = _("“%(sign)s” comes before the expression is complete")
ELSE_WANTED = _("%(found)s stands where %(wanted)s has to be")
OPEN_QUOTE = _("a quote is opened and never closed")
STRANGE_CHARACTER = _("a character means nothing there; quotes have to be straight ones")
BRACKETS = _("the value of a filter stands in brackets, as in default('friend')")
NOT_THERE = _("“%(words)s” cannot stand there")
TOO_LARGE = _("a number is too large")
CUT_OFF = _("it ends within a tag")
NO_TEST = _("there is no test “%(name)s”")
NO_FILTER = _("there is no filter “%(name)s”")
NO_FUNCTION = _("there is no function “%(name)s”")
NO_LIST = _("a loop runs over something that is no list")
NO_OPERATION = _("“%(sign)s” does not go with %(one)s and %(other)s")
NO_RESULT = _("“%(words)s” has no result")
NO_VALUE_FOR_FILTER = _("a filter was given a value that it cannot use")
TOO_MANY_VALUES = _("a filter is given more values than it takes")
TOO_FEW_VALUES = _("a filter or a test lacks a value")
BACKSLASH = _("a backslash in a text means nothing there")
NO_QUOTES = _("an attribute lacks its quotes")
NO_BEGINNING = _("it has to begin with <mjml>")
NOT_CLOSED = _("an element is never closed")
OUT_OF_PLACE = _("something stands where it may not")

#: Every sentence of this module, the general last.
SENTENCES = (
    NAME, TEXT, NUMBER, NAME_OR_NUMBER, ABSENT, LIST, VALUES, YES_OR_NO, ENDS_EARLY, OPEN_QUOTE, STRANGE_CHARACTER,
    BRACKETS, NOT_THERE, TOO_LARGE, CUT_OFF, NO_TEST, NO_FILTER, NO_FUNCTION, NO_LIST, NO_OPERATION, NO_RESULT,
    NO_VALUE_FOR_FILTER, TOO_MANY_VALUES, TOO_FEW_VALUES, BACKSLASH, NO_QUOTES, NO_BEGINNING, NOT_CLOSED, OUT_OF_PLACE,
    ELSE_WANTED, QUOTED,
)
#: The places that hold such sentences themselves.
NESTED = ("why", "found", "wanted", "one", "other")

_THINGS = {
    "identifier": NAME, "string": TEXT, "integer": NUMBER, "float": NUMBER, "number": NUMBER,
    "identifier or integer": NAME_OR_NUMBER, "undefined": ABSENT, "none": ABSENT, "sequence": LIST, "map": VALUES,
    "bool": YES_OR_NO, "template data": TEXT,
}
_SIGNS = {"end of variable block": "}}", "end of block": "%}", "start of variable block": "{{", "start of block": "{%"}
_OPERATION = re.compile(r"tried to use (\S+) operator on unsupported types (\w+) and (\w+)")
_Words = str | Callable[[re.Match[str]], str]


def _thing(said: str) -> str:
    """A kind of word or value, as the engine names it."""
    said = said.strip("`")
    return _THINGS.get(said) or QUOTED % {"words": _SIGNS.get(said, said)}


def _unexpected(found: re.Match[str]) -> str:
    said = found[1].strip("`")
    if said in _SIGNS:
        return ENDS_EARLY % {"sign": _SIGNS[said]}
    thing = _THINGS.get(said)
    return OUT_OF_PLACE if thing else NOT_THERE % {"words": said}


#: What the engine says -> what it means; of those that fit, the first counts.
_SAID: tuple[tuple[str, _Words], ...] = (
    (r"unexpected end of string", OPEN_QUOTE),
    (r"unexpected character", STRANGE_CHARACTER),
    (r"unexpected end of input.*", CUT_OFF),
    (r"unexpected (end of (?:variable )?block)(?:, expected identifier.*)?", _unexpected),
    (r"unexpected `:`, expected .+", BRACKETS),
    (r"unexpected (.+), expected (.+)",
     lambda found: ELSE_WANTED % {"found": _thing(found[1]), "wanted": _thing(found[2])}),
    (r"unexpected (.+)", _unexpected),
    (r"unknown statement (\w+)", lambda found: NOT_THERE % {"words": f"{{% {found[1]} %}}"}),
    (r"invalid integer.*", TOO_LARGE),
    (r"unknown test: test (.+) is unknown", lambda found: NO_TEST % {"name": found[1]}),
    (r"unknown filter: filter (.+) is unknown", lambda found: NO_FILTER % {"name": found[1]}),
    (r"unknown function: (.+) is unknown", lambda found: NO_FUNCTION % {"name": found[1]}),
    (r"unknown method: .* has no method named (\w+).*", lambda found: NO_FUNCTION % {"name": found[1]}),
    (r".* is not iterable.*", NO_LIST),
    (rf"{_OPERATION.pattern}.*",
     lambda found: NO_OPERATION % {"sign": found[1], "one": _thing(found[2]), "other": _thing(found[3])}),
    (r"unable to calculate (.+)", lambda found: NO_RESULT % {"words": found[1]}),
    (r"cannot .*|invalid (?:float|int).*", NO_VALUE_FOR_FILTER),
    (r"too many arguments.*", TOO_MANY_VALUES),
    (r"missing argument.*", TOO_FEW_VALUES),
    (r"bad string escape.*", BACKSLASH),
)


def of_engine(said: str) -> str:
    """What is wrong, of a message of minijinja: `syntax error: unexpected end of string (in mail.html:1)`."""
    plain = _KIND.sub("", _PLACE.sub("", said.strip()))
    for pattern, words in _SAID:
        found = re.fullmatch(pattern, plain, re.DOTALL)
        if found is not None:
            return words if isinstance(words, str) else words(found)
    return QUOTED % {"words": plain}


_BEGINS = re.compile(r"(?:\s|<!--.*?-->)*<mjml\b", re.DOTALL | re.IGNORECASE)


def of_mjml(said: str, source: str) -> str:
    """What is wrong with this source, of a message of the MJML parser without its place."""
    if not _BEGINS.match(source):
        return NO_BEGINNING
    if "unable to parse next" in said:
        return NO_QUOTES
    if "end of stream" in said:
        return NOT_CLOSED
    return OUT_OF_PLACE if said == "unexpected token" else QUOTED % {"words": said}
