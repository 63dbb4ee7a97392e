"""Sentences that were stored, told again in the language of who reads them.

What is written down is English, whoever made it: why a mail was put off, which route was taken. Where it is shown,
a sentence that is known here is said in the present language, with its values in their places; any other stays as it
is, above all what people and hosts wrote themselves.
"""

from __future__ import annotations

from django.utils.translation import gettext_noop

from relayhub.core.retelling import KnownSentences
from relayhub.protocol import bounce_rules, classify, returned
from relayhub.relay import template_words
from relayhub.relay.events import HOLD_DOMAIN, HOLD_PERSON

#: What the relay itself writes into events and attempts.
_WRITTEN = (
    HOLD_DOMAIN, HOLD_PERSON,
    gettext_noop("A worker died when the message may have been out."), gettext_noop("Workers died on it."),
    gettext_noop("Its outcome is unknown; tried once more with the same Message-ID."),
    gettext_noop("The queue lifetime passed."), gettext_noop("The broadcast was cancelled."),
    gettext_noop("A person or program cancelled it."), gettext_noop("A person released it."),
    gettext_noop("connection lost"), gettext_noop("connection refused"), gettext_noop("no answer in time"),
    gettext_noop("the peer closed the connection"), gettext_noop("the peer reset the connection"),
    gettext_noop("the peer refused the conversation"), gettext_noop("the provider cannot be reached"),
    gettext_noop("the provider did not answer in time"), gettext_noop("the connection to the provider broke"),
    gettext_noop("the provider says the address is invalid"), gettext_noop("the provider refuses the recipient"),
    gettext_noop("its mail hosts have only private addresses, which are not connected to"),
    gettext_noop("none of its mail hosts has an address"),
    # Why a lane is backed off, as the loop notes it.
    gettext_noop("No conversation came about."), gettext_noop("Asked to slow down."),
    # What is wrong with a signature of ours, as `dkim_verify` says it.
    gettext_noop("The body hash does not match."), gettext_noop("The signature does not match the header."),
    gettext_noop("There is no key under this selector."), gettext_noop("The key is revoked."),
    gettext_noop("The signature has expired (x=)."), gettext_noop("The key record has no p=."),
    # Reasons of the suppression list, as events hold them.
    gettext_noop("hard bounce"), gettext_noop("complaint"), gettext_noop("unsubscribe"), gettext_noop("manual"),
    # Routes, as `routing` names and explains them.
    gettext_noop("the workspace’s sandbox pin"), gettext_noop("the default route"),
    gettext_noop("this workspace is pinned to the sandbox"), gettext_noop("it is switched off (weight 0)"),
    gettext_noop("no rule before it applies"), gettext_noop("it applies to all mail"),
    gettext_noop("the From domain is broken: a required DNS record is wrong"),
    gettext_noop("the From domain is not verified"),
)
#: The same with values in it; the first that fits is taken.
_FILLED = (
    gettext_noop("%(remedy)s The receiver's own page: %(page)s"),
    gettext_noop("it is for %(streams)s only, not for %(stream)s"), gettext_noop("it is for %(domains)s only"),
    gettext_noop("the stream is %(stream)s and the domain is %(domain)s"), gettext_noop("the stream is %(stream)s"),
    gettext_noop("the domain is %(domain)s"), gettext_noop("%(rule)s comes before it"),
    gettext_noop("this recipient falls into the share of %(rule)s"), gettext_noop("rule %(place)s"),
    gettext_noop("no answer within %(span)s (%(phase)s)"),
    gettext_noop("no connection within %(span)s"), gettext_noop("DNS gave no answer (%(reason)s)"),
    gettext_noop("TLS handshake failed: %(reason)s"), gettext_noop("certificate not accepted: %(reason)s"),
    gettext_noop("the provider answered %(answer)s"),
    gettext_noop("the provider cannot send this message: %(reason)s"),
    gettext_noop("the provider is not set up: %(reason)s"), gettext_noop("%(provider)s is not set up: %(reason)s"),
    gettext_noop("the call ended with %(fault)s"), gettext_noop("%(domain)s is verified."),
    gettext_noop("the addresses of %(host)s cannot be looked up now (%(reason)s)"),
)
_RULES = bounce_rules.RULES.values()
_SENTENCES = KnownSentences(
    *_WRITTEN, *classify.SENTENCES, *returned.SENTENCES, *(rule.why for rule in _RULES),
    *(rule.remedy for rule in _RULES), *_FILLED, *template_words.SENTENCES,
    nested=("remedy", "rule", *template_words.NESTED),
)


def retold(stored: str) -> str:
    """The sentence in the present language, where it is one of ours; else as it was stored."""
    return _SENTENCES.told(stored)
