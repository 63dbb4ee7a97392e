"""What this part asks of the others without knowing them: names of streams and lists, mail that waits.

Streams, messages and mailing lists live in packages that import this one, so who answers is named in
`settings.SURROUNDINGS`. Every question names the workspace; nothing of another one is ever answered.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import lru_cache
from typing import Protocol
from uuid import UUID

from django.conf import settings
from django.utils.module_loading import import_string


@dataclass(frozen=True, kw_only=True, slots=True)
class Target:
    """A stream or mailing list that a suppression may be limited to."""

    id: UUID
    public_id: str
    name: str
    #: Another name by which programs know it; "" for lists.
    slug: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class DomainMail:
    """Recipients of one domain's mail that is not out yet."""

    #: Kept back because the domain is not verified.
    held: int = 0
    oldest_held_at: datetime | None = None
    #: Waiting for their turn.
    queued: int = 0


class Surroundings(Protocol):
    """Who answers."""

    def streams(self, workspace_id: UUID) -> Sequence[Target]:
        """The workspace's streams by name."""

    def few_lists(self, workspace_id: UUID) -> Sequence[Target] | None:
        """The workspace's mailing lists by name, or None where they are more than a menu holds."""

    def lists_among(self, workspace_id: UUID, ids: Collection[UUID]) -> Sequence[Target]:
        """Those of these mailing lists that are the workspace's, archived ones as well."""

    def list_called(self, workspace_id: UUID, name: str) -> Target | None:
        """The one mailing list of exactly this name, whatever the case."""

    def messages_of(self, workspace_id: UUID, recipient_ids: Collection[UUID]) -> Mapping[UUID, str]:
        """Recipient -> the public id of its message, for those that are still kept."""

    def mail_of_domain(self, workspace_id: UUID, domain: str) -> DomainMail:
        """What waits in the name of a domain."""


@lru_cache(maxsize=4)
def _made(path: str) -> Surroundings:
    made: Surroundings = import_string(path)()
    return made


def surroundings() -> Surroundings:
    """Who is named in the settings."""
    return _made(settings.SURROUNDINGS)
