"""What people read as the subject of a message: of a broadcast, merged for the recipient as their copy has it.

A message that was handed in holds its subject as it is. A broadcast holds one with merge tags, and each recipient
holds the values that were frozen for them at launch: together they make the subject again, word for word. Lists
ask once for all their rows; where no subject names more than the recipient's own values, nothing is read at all.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any
from uuid import UUID

from django.conf import settings
from django.db import connection
from django.utils.translation import gettext_lazy as _

from relayhub.core.crypto import link_keyring
from relayhub.core.errors import PrepareError
from relayhub.relay import display, prepare, rendering
from relayhub.relay.models import ContentFormat, Message, Recipient
from relayhub.relay.template_source import fields_named, tags

#: What stands for a merge tag where there is nobody whose values could fill it.
BLANK = "…"
NONE = _("(no subject)")
#: Only `shared` is wanted of content that may be a megabyte: PostgreSQL cuts it out.
_SHARED_SQL = """
SELECT id, convert_from(data, 'UTF8')::json -> 'shared' FROM relay_content WHERE id = ANY(%s) AND format = %s
"""


@dataclass(frozen=True, kw_only=True)
class Subject:
    """A subject as it is shown: `text` is "" where there is none."""

    text: str
    #: Whether each recipient has their own.
    is_personal: bool = False
    #: Whether the text is what the recipient gets; else its merge tags are blanks.
    is_exact: bool = True

    def __str__(self) -> str:
        return self.text or str(NONE)


def of_recipients(rows: Sequence[Recipient]) -> dict[UUID, Subject]:
    """Recipient -> the subject of their copy; rows come with their messages. At most one query for all."""
    return _filled([(row.pk, row.message, row) for row in rows])


def of_copies(copies: Iterable[tuple[Message, Recipient]]) -> dict[UUID, Subject]:
    """As `of_recipients`, for rows whose messages are at hand beside them."""
    return _filled([(row.pk, message, row) for message, row in copies])


def of_messages(rows: Sequence[Message], firsts: Mapping[UUID, Sequence[Recipient]]) -> dict[UUID, Subject]:
    """Message -> its subject, of a broadcast that of the first recipient given; at most one query for all."""
    return _filled([(row.pk, row, next(iter(firsts.get(row.pk, ())), None)) for row in rows])


def of_ids(recipient_ids: Iterable[UUID]) -> dict[UUID, Subject]:
    """Recipient -> the subject of their copy, for those who hold only ids; two queries at most."""
    rows = Recipient.objects.filter(pk__in=set(recipient_ids)).select_related("message")
    return of_recipients(list(rows))


def of_one(message: Message, recipient: Recipient | None) -> Subject:
    """The subject of one copy; without a recipient that of the whole message."""
    return _filled([(message.pk, message, recipient)])[message.pk]


def _filled(wanted: Sequence[tuple[UUID, Message, Recipient | None]]) -> dict[UUID, Subject]:
    shared = _shared_of({message.content_id for _, message, row in wanted if row and _needs_shared(message)})
    return {key: _subject(message, row, shared.get(message.content_id, {})) for key, message, row in wanted}


def _subject(message: Message, recipient: Recipient | None, shared: Mapping[str, Any]) -> Subject:
    if not _is_merged(message):
        return Subject(text=message.subject)
    if recipient is None or recipient.merge is None:
        return Subject(text=blanked(message.subject), is_personal=True, is_exact=False)
    context = {**shared, **recipient.merge, **_links(recipient, message.subject)}
    try:
        return Subject(text=rendering.render_subject(message.subject, context), is_personal=True)
    except PrepareError:
        # No copy was or will be made of it either.
        return Subject(text=blanked(message.subject), is_personal=True, is_exact=False)


def _is_merged(message: Message) -> bool:
    return message.broadcast_id is not None and "{" in message.subject and bool(_named(message.subject)[0])


@lru_cache(maxsize=512)
def _named(subject: str) -> tuple[bool, frozenset[str]]:
    """Whether a subject has merge tags, and the names at the root of the fields that it reads."""
    has_tags = any(True for _ in tags(subject))
    return has_tags, frozenset(path.partition(".")[0] for path in fields_named(subject))


def _needs_shared(message: Message) -> bool:
    return _is_merged(message) and bool(_named(message.subject)[1] - {"contact"})


def _shared_of(content_ids: set[UUID]) -> dict[UUID, dict[str, Any]]:
    if not content_ids:
        return {}
    with connection.cursor() as cursor:
        cursor.execute(_SHARED_SQL, [list(content_ids), ContentFormat.COMPILED])
        return {row[0]: _object(row[1]) for row in cursor.fetchall()}


def _object(value: Any) -> dict[str, Any]:
    found = json.loads(value) if isinstance(value, str) else value
    return found if isinstance(found, dict) else {}


def _links(recipient: Recipient, subject: str) -> dict[str, str]:
    """Our own addresses, where a subject holds one."""
    named = _named(subject)[1] & prepare.PERSONAL_LINKS
    if not named:
        return {}
    origin = prepare.Origin(base_url=settings.RELAYHUB_BASE_URL, keyring=link_keyring())
    return prepare.personal_links(display.claimed(recipient), origin, named)


def blanked(subject: str) -> str:
    """The subject with a blank in place of each merged value; conditions and their branches stand side by side."""
    pieces, end = [], 0
    for tag in tags(subject):
        pieces += [subject[end : tag.start], BLANK if tag.is_output else " "]
        end = tag.end
    return " ".join("".join([*pieces, subject[end:]]).split())
