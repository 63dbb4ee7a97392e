"""Who has a template open to write it: kept in the cache for a minute, so that two people know of each other.

Only a courtesy: what keeps anybody's text from being overwritten is the stamp that every save carries.
"""

from __future__ import annotations

from django.core.cache import cache

from campaigns.models import MailTemplate
from relayhub.core.clock import now
from relayhub.core.models import User

#: Seconds after which somebody who is not heard of is gone; pages speak up every 20.
KEPT = 60


def note(template: MailTemplate, user: User) -> list[str]:
    """Say that this person has the template open; the names of the others who do."""
    key, at = f"template-open:{template.pk}", now().timestamp()
    known: dict[str, tuple[str, float]] = cache.get(key) or {}
    here = {who: row for who, row in known.items() if row[1] > at - KEPT}
    here[str(user.pk)] = (user.label, at)
    cache.set(key, here, KEPT)
    return sorted(label for who, (label, _) in here.items() if who != str(user.pk))
