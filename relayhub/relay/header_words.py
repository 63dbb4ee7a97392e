"""What the fields of a message's header are for, in a sentence each, for the page that explains them.

RFC 5322 §3.6, RFC 2369, RFC 8058, RFC 2919, RFC 6376, RFC 3834, RFC 5064.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from django.utils.translation import gettext_lazy as _

_WORDS = {
    "return-path": _("Where bounces go. It names the one recipient, so a bounce is counted for the right person."),
    "received": _("A host that had the message in its hands writes itself down; read from the bottom up."),
    "dkim-signature": _(
        "The From domain’s signature over body and header: d= is the domain, s= the selector of its key."
    ),
    "from": _("Who it is from, as the person sees it. Its domain is what DMARC is about."),
    "sender": _("Who handed it in, where that is somebody else than the author."),
    "reply-to": _("Where an answer goes instead of to From."),
    "to": _("Whom it is addressed to, as written; the envelope alone decides who gets it."),
    "cc": _("Who gets a copy, as written."),
    "date": _("When it was written."),
    "subject": _("What the person sees first."),
    "message-id": _("The message’s name in the world. Of a campaign each copy has its own, the same at every try."),
    "in-reply-to": _("The message that this one answers."),
    "references": _("The conversation that it belongs to."),
    "mime-version": _("It is built as MIME says; always 1.0."),
    "content-type": _("How the body is built: text, HTML, or several parts."),
    "content-transfer-encoding": _("How the body is written so that every host can carry it."),
    "content-disposition": _("Whether a part is shown or is a file."),
    "list-unsubscribe": _("How to leave: by address and by mail. Mail programs show a button from it."),
    "list-unsubscribe-post": _("One click is enough to leave, without a page in between (RFC 8058)."),
    "list-id": _("Which mailing list it came through; people filter by it."),
    "list-help": _("Where the list explains itself."),
    "list-archive": _("Where the list’s past mails are."),
    "feedback-id": _("By which Google groups its complaint figures: campaign, customer, kind, sender."),
    "precedence": _("An old hint that it is bulk mail, so that programs do not answer it."),
    "auto-submitted": _("A program wrote it; other programs should not answer."),
    "x-auto-response-suppress": _("Asks Exchange not to send out-of-office notes."),
    "errors-to": _("An old way to say where errors go; not used today."),
    "organization": _("The author’s organisation."),
    "user-agent": _("The program that wrote it."),
    "x-mailer": _("The program that wrote it."),
    "importance": _("How urgent the author finds it."),
    "x-priority": _("How urgent the author finds it."),
    "authentication-results": _("What a receiving host found of SPF, DKIM and DMARC."),
}
_OURS = _("Written by the sender’s own program; RelayHub passes it on.")


@dataclass(frozen=True, kw_only=True)
class Explained:
    """One field and what it is for; `is_known` where we have a sentence of its own."""

    name: str
    value: str
    words: str
    is_known: bool


def explained(headers: Iterable[tuple[str, str]]) -> list[Explained]:
    """The fields in their order, each with its sentence."""
    return [
        Explained(name=name, value=value, words=str(_WORDS.get(name.lower(), _OURS)), is_known=name.lower() in _WORDS)
        for name, value in headers
    ]
