"""RelayHub's own letters: invitations, password resets.

Core knows no mail, so the function that hands a letter in is named in `settings.SYSTEM_MAIL_SENDER`
(the relay's). A letter that cannot leave is never an error for the person who caused it: the link is
shown to them as well, and the fault goes to the log.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.utils.module_loading import import_string

from relayhub.core.languages import SOURCE

log = logging.getLogger(__name__)


@dataclass(frozen=True, kw_only=True)
class SystemLetter:
    """One letter: `templates/emails/<name>-{subject.txt,body.txt,body.html}` with a context."""

    name: str
    to: str
    context: dict[str, Any] = field(default_factory=dict, repr=False)
    #: What the reader reads; English where it is not shipped.
    language: str = SOURCE


def send_letter(letter: SystemLetter) -> bool:
    """Hand the letter to the relay; False (and a log line) where that failed."""
    try:
        import_string(settings.SYSTEM_MAIL_SENDER)(letter)
    except Exception:
        log.exception("system_mail.failed", extra={"letter": letter.name})
        return False
    return True
