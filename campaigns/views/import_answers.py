"""Who is not put on the list because of the file, in words: reasons with counts, values, and what to do about them."""

from __future__ import annotations

from typing import Any

from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from campaigns import column_answers, importer
from campaigns.column_answers import Answer
from campaigns.models import ContactImport, LeftOffReason
from relayhub.core import formats

_EXAMPLES = 5
#: Reason -> icon, tone of status.css, and what to know.
_LOOKS = {
    LeftOffReason.SAID_NO: ("user-minus", "suppressed", ""),
    LeftOffReason.EMPTY: ("minus", "none", gettext_lazy("An empty cell is no consent.")),
    LeftOffReason.UNCLEAR: ("help-circle", "unknown", gettext_lazy("Taken as no.")),
    LeftOffReason.ON_IT_ALREADY: ("alert-triangle", "deferred", gettext_lazy(
        "They stay on it, for a file takes nobody off. If the file is right, download them and import them as "
        "suppressions of this list."
    )),
}
_STAYS_OFF = {
    Answer.NO: gettext_lazy("Said no, not put on it"), Answer.EMPTY: gettext_lazy("Nothing said, not put on it"),
    Answer.UNCLEAR: gettext_lazy("Neither yes nor no, not put on it"),
}


def stays_off(answer: str) -> str:
    """What is said of one who is not put on the list, in a few words."""
    return str(_STAYS_OFF[Answer(answer)])


def told(run: ContactImport) -> dict[str, Any] | None:
    """The card of those whom the file does not let onto the list; None where no column says who may be put on it."""
    if run.mailing_list is None or not importer.asks_rows(run):
        return None
    counts, count = importer.not_joined(run), importer.not_joined_count(run)
    columns = [name for name, target in run.mapping.items() if target in column_answers.TARGETS]
    return {
        "list": run.mailing_list.name, "count": count, "columns": _columns(columns), "sentence": _sentence(count),
        "reasons": [_reason(run, reason, counts[reason]) for reason in LeftOffReason if counts[reason]],
    }


def _columns(names: list[str]) -> str:
    """Which columns said so."""
    if len(names) == 1:
        return _("By the column “%(name)s”") % {"name": names[0][:60]}
    return _("By the columns “%(first)s” and “%(second)s”") % {"first": names[0][:60], "second": names[1][:60]}


def _sentence(count: int) -> str:
    """How many are not put on the list, for the head of the page."""
    if not count:
        return ""
    words = ngettext(
        "%(count)s person in it is not put on the list.", "%(count)s people in it are not put on the list.", count
    )
    return words % {"count": formats.number(count)}


def _reason(run: ContactImport, reason: LeftOffReason, count: int) -> dict[str, Any]:
    icon, tone, note = _LOOKS[reason]
    return {
        "code": reason.value, "title": reason.label, "count": count, "icon": icon, "tone": tone, "note": note,
        "examples": _examples(run) if reason == LeftOffReason.UNCLEAR else "",
    }


def _examples(run: ContactImport) -> str:
    """The values that mean neither yes nor no, most frequent first, with how often each stands there."""
    found = sorted(run.unclear_values.items(), key=lambda item: (-item[1], item[0]))[:_EXAMPLES]
    return ", ".join(
        _("“%(value)s” (%(count)s)") % {"value": value[:40], "count": formats.number(count)} for value, count in found
    )


def unused_told(run: ContactImport) -> str:
    """The column that says who may be put on the list and is not used for that, or ""; "" once the list is gone."""
    return run.unused_answer if run.mailing_list is not None else ""
