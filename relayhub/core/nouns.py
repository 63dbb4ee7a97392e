"""What is counted on pages: each noun with its forms for one and for many, so that every language has its own."""

from __future__ import annotations

from django.utils.translation import ngettext


def _noun(one: str, many: str) -> tuple[str, str]:
    """Marks both forms for the catalogues; they are translated when something is counted."""
    return one, many


#: The word for one of it -> the forms with their number.
NOUNS: dict[str, tuple[str, str]] = {
    "recipient": _noun("%(count)s recipient", "%(count)s recipients"),
    "waiting recipient": _noun("%(count)s waiting recipient", "%(count)s waiting recipients"),
    "cancelled recipient": _noun("%(count)s cancelled recipient", "%(count)s cancelled recipients"),
    "message": _noun("%(count)s message", "%(count)s messages"),
    "mail": _noun("%(count)s mail", "%(count)s mails"),
    "delivery": _noun("%(count)s delivery", "%(count)s deliveries"),
    "attempt": _noun("%(count)s attempt", "%(count)s attempts"),
    "attachment": _noun("%(count)s attachment", "%(count)s attachments"),
    "file": _noun("%(count)s file", "%(count)s files"),
    "site": _noun("%(count)s site", "%(count)s sites"),
    "connection": _noun("%(count)s connection", "%(count)s connections"),
    "stream": _noun("%(count)s stream", "%(count)s streams"),
    "contact": _noun("%(count)s contact", "%(count)s contacts"),
    "new contact": _noun("%(count)s new contact", "%(count)s new contacts"),
    "person": _noun("%(count)s person", "%(count)s people"),
    "subscription": _noun("%(count)s subscription", "%(count)s subscriptions"),
    "field": _noun("%(count)s field", "%(count)s fields"),
    "field value": _noun("%(count)s field value", "%(count)s field values"),
    "value": _noun("%(count)s value", "%(count)s values"),
    "stored rule": _noun("%(count)s stored rule", "%(count)s stored rules"),
    "row": _noun("%(count)s row", "%(count)s rows"),
    "column": _noun("%(count)s column", "%(count)s columns"),
    "line": _noun("%(count)s line", "%(count)s lines"),
    "entry": _noun("%(count)s entry", "%(count)s entries"),
    "address": _noun("%(count)s address", "%(count)s addresses"),
    "suppression": _noun("%(count)s suppression", "%(count)s suppressions"),
    "domain": _noun("%(count)s domain", "%(count)s domains"),
    "campaign": _noun("%(count)s campaign", "%(count)s campaigns"),
    "template": _noun("%(count)s template", "%(count)s templates"),
    "version": _noun("%(count)s version", "%(count)s versions"),
    "picture": _noun("%(count)s picture", "%(count)s pictures"),
    "piece": _noun("%(count)s piece", "%(count)s pieces"),
    "link": _noun("%(count)s link", "%(count)s links"),
    "click": _noun("%(count)s click", "%(count)s clicks"),
    "step": _noun("%(count)s step", "%(count)s steps"),
    "check": _noun("%(count)s check", "%(count)s checks"),
    "warning": _noun("%(count)s warning", "%(count)s warnings"),
    "error": _noun("%(count)s error", "%(count)s errors"),
    "thing": _noun("%(count)s thing", "%(count)s things"),
    "other": _noun("%(count)s other", "%(count)s others"),
    "hit": _noun("%(count)s hit", "%(count)s hits"),
    "place": _noun("%(count)s place", "%(count)s places"),
    "job": _noun("%(count)s job", "%(count)s jobs"),
    "new end": _noun("%(count)s new end", "%(count)s new ends"),
    "member": _noun("%(count)s member", "%(count)s members"),
    "open invitation": _noun("%(count)s open invitation", "%(count)s open invitations"),
    "key": _noun("%(count)s key", "%(count)s keys"),
    "refused request": _noun("%(count)s refused request", "%(count)s refused requests"),
    "credential": _noun("%(count)s credential", "%(count)s credentials"),
    "day": _noun("%(count)s day", "%(count)s days"),
    "hour": _noun("%(count)s hour", "%(count)s hours"),
    "minute": _noun("%(count)s minute", "%(count)s minutes"),
    "change": _noun("%(count)s change", "%(count)s changes"),
    "second": _noun("%(count)s second", "%(count)s seconds"),
}


#: The word for many -> the word for one, for what keeps its unit in the plural.
_ONE = {many.removeprefix("%(count)s "): noun for noun, (_, many) in NOUNS.items()}


def one_of(many: str) -> str:
    """ "contact" for "contacts", as `counted` takes it."""
    return _ONE.get(many) or f"{many.removesuffix('s')},{many}"


def counted(noun: str, count: int, shown: str) -> str:
    """The noun beside a number as it is shown, in the present language; one that is not listed in English."""
    singular, _, plural = noun.partition(",")
    one, many = NOUNS.get(singular, (f"%(count)s {singular}", f"%(count)s {plural or f'{singular}s'}"))
    return ngettext(one, many, count) % {"count": shown}
