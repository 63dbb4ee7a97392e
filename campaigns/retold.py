"""What is stored in English and said in the reader's language: evidence, why a row or a planned launch was refused.

A worker writes it down, or whoever acted; it is read by people of several languages.
"""

from __future__ import annotations

import re

from django.utils.translation import gettext_noop as _

from relayhub.core.retelling import KnownSentences
from relayhub.protocol import address_words
from relayhub.relay import template_words

#: Why an import ended before its file did.
FILE_GONE = _("The file of this import is gone; upload it again.")
TOO_MANY_TRIED = _(
    "The file has more than %(most)s rows. Nothing was written; put what is beyond into another file."
)
TOO_MANY_IMPORTED = _(
    "The file has more than %(most)s rows. The rows before were imported; put what is beyond into another file."
)
ENDS = (FILE_GONE, TOO_MANY_TRIED, TOO_MANY_IMPORTED)
_SOURCES = KnownSentences(
    _("import %(id)s by %(who)s on %(at)s UTC"), _("undo of import %(id)s by %(who)s"), _("import %(id)s"),
    _("added by %(who)s"), _("removed by %(who)s"), _("suppressed by %(who)s"), _("unsubscribed by %(who)s"),
    _("undone by %(who)s"), _("event %(id)s"),
)
_REASONS = KnownSentences(
    *address_words.SENTENCES, _("no e-mail address"), _("duplicate of row %(row)s"),
    _("it has %(cells)s cells, the file %(columns)s columns"), _("it is not well-formed CSV"),
    _("a quote is opened and never closed"), _("a cell is longer than %(size)s KiB"),
    _("a name has up to %(most)s characters, this one %(count)s"),
    _("“%(value)s” is not a language. Write a tag such as de or pt-BR."),
    _("“%(value)s” cannot be the value of %(key)s, which holds text."),
    _("“%(value)s” cannot be the value of %(key)s, which holds a number."),
    _("“%(value)s” cannot be the value of %(key)s, which holds a date such as 2026-11-24."),
    _("“%(value)s” cannot be the value of %(key)s, which holds yes or no."),
)

#: What pre-flight blocks a planned launch with, what mends it, and what else keeps it from going out.
_LAUNCH = KnownSentences(
    _("The campaign has no From address."), _("Choose one in the content step."),
    _("The From address cannot be used: %(why)s"), _("Write it as Name <user@domain>."),
    _("%(domain)s is not verified, so receivers would not find the mail authentic."),
    _("%(domain)s is broken, so receivers would not find the mail authentic."),
    _("Open %(domain)s under Domains and publish what is missing."), _("Nobody would get this campaign."),
    _("Choose a list with confirmed contacts in the audience step."),
    _("Some people on these lists have no evidence of consent."),
    _("Import them again with the source of their consent, or take them off the list."),
    _("The campaign has no template."), _("The template was never published."),
    _("Publish it on the template’s page."), _("Correct the template and publish it again."),
    _("The content uses “%(name)s”, which no contact has."),
    _("Correct the name, or define the field under Contacts."),
    _("The content has no unsubscribe link, and the footer is switched off."),
    _("Add {{ unsubscribe_url }} to the template, or switch the footer on under Settings."),
    _("%(share)s of the last %(count)s recipients bounced (7 days); from %(limit)s on receivers stop taking mail."),
    _("Remove old addresses, send to a smaller and newer list first."),
    _("%(share)s of delivered mail was called spam (7 days); from %(limit)s on receivers stop taking mail."),
    _("Write only to people who asked for it, and less often."), _("Tell whoever runs RelayHub; nothing was sent."),
    _("The copy has no single %(name)s field."), _("The copy cannot be unsubscribed from with one click."),
    _("Its time, %(at)s UTC, passed more than an hour ago while nothing could be launched."),
    _("Look at it, and launch it if it is still right."), *template_words.SENTENCES,
    nested=("why", *template_words.NESTED),
)
_SENTENCE_END = re.compile(r"(?<=[.!?>]) ")


def refusal_told(stored: str) -> str:
    """Why a planned launch did not take place: what was found, then what mends it."""
    for end in _SENTENCE_END.finditer(stored):
        found, fix = stored[: end.start()], stored[end.end() :]
        told = _LAUNCH.told(found), _LAUNCH.told(fix)
        if found != told[0] and fix != told[1]:
            return " ".join(told)
    return _LAUNCH.told(stored)


def source_told(stored: str) -> str:
    """Where a contact or a consent came from; what a person wrote themselves stays as it is."""
    return _SOURCES.told(stored)


def reason_told(stored: str) -> str:
    """Why a row of a file was refused, or an address was not taken."""
    return _REASONS.told(stored)
