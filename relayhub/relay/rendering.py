"""Merge fields into templates, in a sandbox with a step budget and an output limit.

The engine is minijinja: it has no way to reach Python objects. HTML output is escaped; subject and text are
not, and line breaks never reach a header. A field that is absent is empty; `missing_fields` tells beforehand
which names nobody defined.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date, datetime
from functools import lru_cache
from typing import Any
from urllib.parse import quote

import minijinja

from relayhub.core.errors import PrepareError
from relayhub.relay.engine_words import of_engine
from relayhub.relay.template_source import Finding, Severity, fields_named, lint

MAX_OUTPUT = 1024 * 1024  # CONTRACT 7: template output 1 MiB
STEP_BUDGET = 100_000  # THREATS T09
#: Names that RelayHub fills in itself.
OWN_FIELDS = frozenset(
    {"unsubscribe_url", "preferences_url", "view_url", "contact.email", "contact.name", "contact.first_name",
     "contact.last_name", "workspace.name", "workspace.company", "workspace.postal_address", "campaign.name",
     "campaign.subject"}
)
_state = threading.local()


class OutputTooLarge(Exception):
    """A template wrote more than MAX_OUTPUT characters."""


@dataclass(frozen=True, kw_only=True)
class Rendered:
    """Subject, HTML and text of one message; None where the template has no such part."""

    subject: str
    html: str | None
    text: str | None


def _count_output(value: Any) -> Any:
    """minijinja's finalizer: adds up what expressions write, so that loops cannot fill memory.

    What is absent is written as nothing and a yes or no in lower case, as `broadcast_content.text_of` does.
    """
    if value is None:
        return ""
    if isinstance(value, bool):
        value = "true" if value else "false"
    _state.written = getattr(_state, "written", 0) + (len(value) if isinstance(value, str) else 16)
    if _state.written > MAX_OUTPUT:
        raise OutputTooLarge
    return value


def _date_filter(value: Any, pattern: str = "%d %B %Y") -> str:
    try:
        found = datetime.fromisoformat(str(value)) if len(str(value)) > 10 else date.fromisoformat(str(value))
        return found.strftime(pattern[:60])
    except ValueError:
        return str(value)


def _number_filter(value: Any, places: int = 0) -> str:
    try:
        return f"{float(value):,.{min(max(int(places), 0), 6)}f}"
    except (TypeError, ValueError):
        return str(value)


def _default_filter(value: Any = None, fallback: Any = "", *_: Any) -> Any:
    """The fallback for what is absent or empty: a contact without a name has the name "", which is no name."""
    return fallback if value is None or value == "" else value


@lru_cache(maxsize=1)
def _engine() -> minijinja.Environment:
    engine = minijinja.Environment(undefined_behavior="chainable", finalizer=_count_output)
    engine.fuel = STEP_BUDGET
    engine.add_filter("date", _date_filter)
    for name in ("default", "d"):
        engine.add_filter(name, _default_filter)
    engine.add_filter("number", _number_filter)
    engine.add_filter("urlencode", lambda value: quote(str(value), safe=""))
    for name in ("range", "debug", "namespace", "dict"):
        engine.remove_global(name)
    return engine


def render(source: str, context: Mapping[str, Any], *, is_html: bool) -> str:
    """The merged text; PrepareError in words where the template fails, runs out of its budget or is not allowed."""
    refused = _refusal(source)
    if refused:
        raise PrepareError(refused, temporary=False, code="template_failed")
    _state.written = 0
    name = "mail.html" if is_html else "mail.txt"
    try:
        output = str(_engine().render_str(source, name, **context))
    except minijinja.TemplateError as exc:
        raise PrepareError(_explained(exc), temporary=False, code="template_failed", detail=str(exc)) from exc
    except OutputTooLarge as exc:
        raise _too_large() from exc
    except (TypeError, ArithmeticError) as exc:  # a filter of ours, called as it cannot be
        raise PrepareError("A filter of the template was given a value that it cannot use.", temporary=False,
                           code="template_failed", detail=str(exc)) from exc
    if len(output) > MAX_OUTPUT:
        raise _too_large()
    return output


@lru_cache(maxsize=256)
def _refusal(source: str) -> str:
    """Why a source is not run at all, "" where it may be: what lint refuses could outrun the step budget."""
    found = lint(source)
    if not found:
        return ""
    where = f" (line {found[0].line})" if found[0].line else ""
    return f"{found[0].message}{where} {found[0].fix}".strip()


def _too_large() -> PrepareError:
    return PrepareError(
        f"The template writes more than {MAX_OUTPUT // 1024 // 1024} MiB.", temporary=False,
        code="template_too_large",
    )


def _explained(exc: minijinja.TemplateError, *, with_line: bool = True) -> str:
    kind = str(exc.kind)
    where = f" in line {exc.line}" if exc.line and with_line else ""
    if "OutOfFuel" in kind:
        return f"The template takes too many steps{where}: a loop is too long."
    if "SyntaxError" in kind:
        return f"The template is not well-formed{where}: {of_engine(str(exc.message))}."
    if isinstance(exc.__cause__, OutputTooLarge) or "OutputTooLarge" in str(exc):
        return f"The template writes more than {MAX_OUTPUT // 1024 // 1024} MiB."
    return f"The template cannot be merged{where}: {of_engine(str(exc.message))}."


def render_subject(source: str, context: Mapping[str, Any]) -> str:
    """The merged subject in one line of at most 998 characters."""
    return " ".join(render(source, context, is_html=False).split())[:998]


def render_all(
    *, subject: str, html: str | None, text: str | None, context: Mapping[str, Any]
) -> Rendered:
    """All parts merged."""
    return Rendered(
        subject=render_subject(subject, context),
        html=render(html, context, is_html=True) if html else None,
        text=render(text, context, is_html=False) if text else None,
    )


def source_findings(parts: Mapping[str, str]) -> list[Finding]:
    """What is wrong with the parts (`subject`, `html`, `text`) of a template, by rule and by the engine."""
    findings: list[Finding] = []
    for part, source in parts.items():
        found = lint(source, part=part)
        if not found and source:
            try:
                _engine().undeclared_variables_in_str(source)
            except minijinja.TemplateError as exc:
                found = [Finding(severity=Severity.ERROR, code="syntax", message=_explained(exc, with_line=False),
                                 line=exc.line, part=part)]
        findings += found
    return findings


def missing_fields(sources: Iterable[str], known_fields: Iterable[str]) -> list[str]:
    """Names the sources read that are neither ours nor contact fields of the workspace, sorted."""
    known = OWN_FIELDS | {f"contact.fields.{key}" for key in known_fields} | {"contact.fields", "contact"}
    named: set[str] = set().union(*(fields_named(source) for source in sources))
    return sorted(name for name in named if name not in known)


def contact_context(*, email: str, name: str, fields: Mapping[str, Any]) -> dict[str, Any]:
    """What `contact` is in a template."""
    words = name.split()
    return {
        "email": email, "name": name, "first_name": words[0] if words else "",
        "last_name": words[-1] if len(words) > 1 else "", "fields": dict(fields),
    }
