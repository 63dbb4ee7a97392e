"""What is wrong with a template, in the language of who reads it.

The rules (`template_source`), the engine (`rendering`) and the compiler (`compiled`) speak English, for what they say
may be stored with a message. Where it is shown, it goes through here.
"""

from __future__ import annotations

import re
from dataclasses import replace

from django.utils.translation import gettext_noop as _

from relayhub.core.errors import PrepareError
from relayhub.core.retelling import KnownSentences
from relayhub.protocol import address_words
from relayhub.relay import engine_words
from relayhub.relay.template_source import Finding, Severity

_RULES = (
    _("The source is longer than %(count)s KiB."), _("There are more than %(count)s tags."),
    _("A tag has up to %(count)s characters and %(words)s words and signs."),
    _("More than %(count)s blocks and branches stand in one another."), _("Write it shorter."),
    _("“%(tag)s” is not available in mail templates."), _("Use if, elif, else, endif, for and endfor."),
    _("“%(tag)s” closes nothing that is open here."), _("“%(sign)s” is opened and never closed."),
    _("“%(tag)s” is never closed."), _("Add %(tag)s."), _("There is no filter “%(name)s”."),
    _("Filters are: %(names)s."), _("“%(name)s(…)” cannot be called in mail templates."),
    _("Write the values one after the other: %(example)s."), _("Store the product as a field, or write it out."),
    _("Names with “__” are not available."), _("Close it, or write it as text: %(example)s."),
)
_FAILURES = (
    _("The template takes too many steps in line %(line)s: a loop is too long."),
    _("The template takes too many steps: a loop is too long."),
    _("The template is not well-formed in line %(line)s: %(why)s."), _("The template is not well-formed: %(why)s."),
    _("The template cannot be merged in line %(line)s: %(why)s."), _("The template cannot be merged: %(why)s."),
    _("The template writes more than %(count)s MiB."),
    _("A filter of the template was given a value that it cannot use."),
    _("The MJML is not well-formed in line %(line)s: %(why)s."), _("The MJML is not well-formed: %(why)s."),
    _("mj-include is not available; put the part into this template."), _("The styles cannot be inlined: %(why)s."),
    _("The template has more than %(count)s elements."),
    _("The template has more than %(count)s wrappers, sections, groups and columns."),
    _("Markdown has up to %(count)s characters."), _("This content was compiled by a newer version."),
    _("The content cannot be read now."), _("The content is gone."),
    _("The recipient’s address cannot be written to: %(why)s"),
)
#: A finding in one line, as a refusal holds it.
_IN_ONE_LINE = (_("%(problem)s (line %(line)s) %(fix)s"), _("%(problem)s (line %(line)s)"))

#: All that can be said of a template, and the places of it that hold such sentences themselves.
SENTENCES = (*_RULES, *_FAILURES, *address_words.SENTENCES, *_IN_ONE_LINE, *engine_words.SENTENCES)
NESTED = (*engine_words.NESTED, "problem", "fix")
_KNOWN = KnownSentences(*SENTENCES, nested=NESTED)
_LINE = re.compile(r" in line (\d+)")


def told(english: str) -> str:
    """A sentence of a rule or a PrepareError in the present language; any other as it is."""
    return _KNOWN.told(english)


def finding_told(finding: Finding) -> Finding:
    """The finding with its words in the present language."""
    return replace(finding, message=told(finding.message), fix=told(finding.fix))


def finding_of(error: PrepareError) -> Finding:
    """Why a content cannot be made, as a finding at the line that its words name."""
    place = _LINE.search(error.message)
    return Finding(severity=Severity.ERROR, code=error.code, message=told(error.message), part="html",
                   line=int(place[1]) if place else None)
