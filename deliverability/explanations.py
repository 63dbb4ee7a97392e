"""What a look at DNS found, told in the reader's language.

An explanation is written when a look is made, by a worker that speaks to nobody, and kept in English. Its sentences
are a fixed set (`protocol.dns_records`, `deliverability.records`): here each is known again by its words and said
anew, with what it names.
"""

from __future__ import annotations

from django.utils.translation import gettext, gettext_noop

from relayhub.core.retelling import KnownSentences

#: Says nothing beside that the record is right.
NOTHING_TO_SAY = gettext_noop("As wanted.")
#: Stands before another sentence.
_QUOTED = gettext_noop("The value stands in quotation marks of its own: publish it without them.")
_NO_REPORTS = gettext_noop("It has no rua, so no reports come: add one to see who sends as you.")
_SENTENCES = KnownSentences(
    NOTHING_TO_SAY,
    gettext_noop("DNS gave no definite answer (%(reason)s). Nothing changes; we look again."),
    gettext_noop("There is no %(type)s record at %(name)s yet."),
    gettext_noop("%(name)s also points to %(others)s; bounces may go there. Keep only %(host)s."),
    gettext_noop("%(name)s points to nothing, not to %(host)s."),
    gettext_noop("%(name)s points to %(hosts)s, not to %(host)s."),
    gettext_noop("What is at %(name)s is no DKIM key."),
    gettext_noop("There are %(count)s keys at %(name)s; receivers then use none. Keep ours."),
    gettext_noop("The record is not well-formed: a tag is not written as name=value."),
    gettext_noop("The record begins with v=%(value)s; it must be v=DKIM1."),
    gettext_noop("The key is empty, which means it was revoked."),
    gettext_noop("The record says k=%(value)s; it must be k=%(wanted)s."),
    gettext_noop("The record does not allow sha256 (h=)."),
    gettext_noop("The record does not allow the key for mail (s=)."),
    gettext_noop("The key is cut off after %(count)s of %(whole)s characters: paste the whole value."),
    gettext_noop("The key differs from ours from character %(place)s on: paste the value again."),
    gettext_noop("The key is another one, not ours."),
    gettext_noop("What is at %(name)s does not begin with v=DMARC1."),
    gettext_noop("There are %(count)s DMARC records; receivers then use none. Keep one."),
    gettext_noop("The record has no policy: p must be none, quarantine or reject."),
    gettext_noop("A valid record with the policy %(policy)s."),
    gettext_noop("There is no SPF record (v=spf1 …) at %(name)s yet."),
    gettext_noop("There are %(count)s SPF records; receivers use none. Make them one."),
    gettext_noop("“%(term)s” is not an SPF mechanism, so receivers ignore the whole record."),
    gettext_noop("The record does not allow %(terms)s: add it before “all”."),
    gettext_noop(
        "It was published at %(name)s: your provider adds %(zone)s by itself. Write %(host)s as its host."
    ),
    gettext_noop("Not looked at yet."),
)


def remark(stored: str) -> str:
    """A stored explanation as it is said to the reader; "" where it only says that the record is right."""
    return "" if stored == NOTHING_TO_SAY else told(stored)


def told(stored: str) -> str:
    """A stored explanation as it is said to the reader; one that is none of ours as it stands."""
    if stored.startswith(f"{_QUOTED} "):
        return f"{gettext(_QUOTED)} {told(stored.removeprefix(f'{_QUOTED} '))}"
    if stored.endswith(f" {_NO_REPORTS}"):
        return f"{told(stored.removesuffix(f' {_NO_REPORTS}'))} {gettext(_NO_REPORTS)}"
    return _SENTENCES.told(stored)
