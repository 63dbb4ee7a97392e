"""What to do about a refused request: a sentence, a page where it is done, and the place in the help, by its code.

What was wrong is said in the words that the program was answered with. Here stands only what follows from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.utils.translation import gettext_lazy as _

from relayhub.core.models import Door

if TYPE_CHECKING:
    from django_stubs_ext import StrOrPromise

    from relayhub.core.models import RefusedRequest

#: The document of the help that tells of refusals; `Advice.help` are headings in it.
HELP_PAGE = "hand-in-mail"
_KEY, _ALLOWED, _PLACE = "the-key-is-not-taken", "the-key-may-not-do-this", "there-is-nothing-there"
_FIELD, _LARGE, _OFTEN = "something-sent-is-wrong", "too-large", "too-often-or-twice"
_OURS = "a-fault-of-ours"


@dataclass(frozen=True, kw_only=True)
class Advice:
    """What follows. `page` is the name of the page where it is done, `label` its button; "" = the program's part."""

    text: StrOrPromise
    help: str
    page: str = ""
    label: StrOrPromise = ""


_NEW_KEY: dict[str, Any] = {"page": "api-key-new", "label": _("New key")}
_REFERENCE: dict[str, Any] = {"page": "api-docs", "label": _("Reference")}
_TOO_LARGE = Advice(
    text=_("Send less at once: 25 MiB a message, 30 MiB a request. Split a batch, and link to large files."),
    help=_LARGE,
)
_UNREADABLE = Advice(
    text=_("The body could not be read. Send whole JSON in UTF-8, or a whole message of RFC 5322."), help=_FIELD,
)
_MEDIA_TYPE = Advice(
    text=_("Say what the body is: application/json, or message/rfc822 for a whole message."), help=_FIELD,
)
_OTHER_SENDER = Advice(
    text=_("The key or credential is limited to other domains or streams. Use another one, or another From."),
    help=_ALLOWED,
)
_ADDRESS = Advice(text=_("Mend the recipients before you send again: it would be refused again."), help=_FIELD)
_ENDED = _("Make a new one, and put it into the program.")

#: By why a key was not taken, else by the code of the answer.
_BY_CODE: dict[str, Advice] = {
    "wrong_secret": Advice(
        text=_("It begins like this key, and the rest is wrong. Copy it whole; if it is lost, rotate the key."),
        help=_KEY,
        page="api-home", label=_("Keys"),
    ),
    "key_revoked": Advice(text=_ENDED, help=_KEY, **_NEW_KEY),
    "key_expired": Advice(text=_ENDED, help=_KEY, **_NEW_KEY),
    "address_not_allowed": Advice(
        text=_("Make a key that names the network that the program calls from."), help=_KEY, **_NEW_KEY,
    ),
    "credential_ended": Advice(text=_ENDED, help=_KEY, page="api-smtp-new", label=_("New credential")),
    "forbidden": Advice(
        text=_("A key keeps the scopes that it was made with. Make one that has what this needs."),
        help=_ALLOWED, **_NEW_KEY,
    ),
    "domain_not_allowed": _OTHER_SENDER,
    "stream_not_allowed": _OTHER_SENDER,
    "unknown_stream": Advice(
        text=_("Write the short name of one of the streams, or leave it out for the default."), help=_FIELD,
        page="stream-list", label=_("Streams"),
    ),
    "domain_not_verified": Advice(
        text=_("Mail that leaves comes from a verified domain. Verify this one, or write another From."), help=_FIELD,
        page="domain-list", label=_("Domains"),
    ),
    "not_found": Advice(
        text=_("Compare the path and the id with the reference. A key sees its own workspace, and no other."),
        help=_PLACE,
        **_REFERENCE,
    ),
    "method_not_allowed": Advice(
        text=_("There is something at this path, but not for this method. The reference says which it takes."),
        help=_PLACE,
        **_REFERENCE,
    ),
    "malformed_request": _UNREADABLE,
    "malformed_message": _UNREADABLE,
    "unsupported_media_type": _MEDIA_TYPE,
    "wrong_content_type": _MEDIA_TYPE,
    "message_too_large": _TOO_LARGE,
    "body_too_large": _TOO_LARGE,
    "attachment_refused": Advice(
        text=_("Receivers block files of this type. Link to the file; the list of types is yours to change."),
        help=_LARGE,
        page="settings-home", label=_("Settings"),
    ),
    "invalid_address": _ADDRESS,
    "no_recipients": _ADDRESS,
    "too_many_recipients": Advice(
        text=_("A message has up to 1,000 recipients. Put the others into another one."), help=_LARGE,
    ),
    "line_too_long": Advice(
        text=_("Lines end after 998 characters at the latest. Encode the content as base64 or quoted-printable."),
        help=_LARGE,
    ),
    "rate_limited": Advice(
        text=_("Wait as long as Retry-After says, then send again. A key’s rate is chosen when it is made."),
        help=_OFTEN,
    ),
    "idempotency_mismatch": Advice(
        text=_("An Idempotency-Key stands for one request. Use it again only to repeat that one, word for word."),
        help=_OFTEN,
    ),
    "idempotency_in_flight": Advice(
        text=_("The same request was still on its way. Ask again in a moment: it gets the first answer."), help=_OFTEN,
    ),
}
_OUR_FAULT = Advice(
    text=_("Nothing was changed: the same may be sent again. If it fails again, the log has more under its id."),
    help=_OURS,
)
_LATER = Advice(text=_("It may pass by itself: the program may send the same again after a while."), help=_OURS)
_STATE = Advice(
    text=_("It is in another state than the request counts on. Read it again, then decide."), help=_OFTEN,
)
_CHANGE = Advice(
    text=_("Change what is named here before you send again: as it is, it would be refused again."), help=_FIELD,
)


def advice_for(row: RefusedRequest) -> Advice:
    """What to do about it."""
    known = _BY_CODE.get(row.reason) or _BY_CODE.get(row.code)
    if known is not None:
        return known
    if row.door == Door.SMTP:
        return _LATER if row.status < 500 else _CHANGE
    if row.status >= 500:
        return _OUR_FAULT
    return _STATE if row.status == 409 else _CHANGE


#: Why a key was not taken, for those whose key it is.
REASONS: dict[str, StrOrPromise] = {
    "wrong_secret": _("The rest of the key is wrong"),
    "key_revoked": _("The key was revoked"),
    "key_expired": _("The key has expired"),
    "address_not_allowed": _("The key may not be used from this address"),
}
