"""What a person is told of a template while writing it: findings at their line, empty fields, size, the derived text.

Nothing here is stored; the same rules answer the editor and `/templates/{id}/render`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, Q
from django.utils.translation import gettext as _

from campaigns import templates
from campaigns.client_support import checks_of, support_findings
from campaigns.fields import field_types
from campaigns.models import Contact, TemplateKind
from campaigns.picture_review import picture_findings
from campaigns.preflight import GMAIL_CLIP_BYTES
from campaigns.template_looks import has_dark_styles
from campaigns.templates import TemplateInput
from relayhub.core.errors import PrepareError
from relayhub.core.models import Workspace
from relayhub.relay import compiled, rendering, template_words
from relayhub.relay.template_source import Finding, Severity, Tag, fields_named, tags

#: Empty fields are counted among this many of the newest contacts: enough to know, quick at two million.
SAMPLE = 10_000
#: How much of the subject a phone shows, as seen in the field (2026).
PHONE_SUBJECT = 38
_FALLBACK = re.compile(r"\|\s*(?:default|d)\b")
_MJML_NAME = re.compile(r"<(mj-[a-z-]+)", re.IGNORECASE)
#: The elements of MJML, without their `mj-`.
_MJML_KNOWN = frozenset({
    "accordion", "accordion-element", "accordion-text", "accordion-title", "all", "attributes", "body", "breakpoint",
    "button", "carousel", "carousel-image", "class", "column", "divider", "font", "group", "head", "hero",
    "html-attribute", "html-attributes", "image", "include", "navbar", "navbar-link", "preview", "raw", "section",
    "selector", "social", "social-element", "spacer", "style", "table", "text", "title", "wrapper",
})


@dataclass(frozen=True, kw_only=True)
class Blank:
    """A field that is written without a fallback and that some contacts lack."""

    name: str
    missing: int
    of: int
    line: int | None
    part: str

    @property
    def with_fallback(self) -> str:
        """What to write instead."""
        return "{{ " + self.name + '|default("") }}'


@dataclass(frozen=True, kw_only=True)
class Review:
    """Everything there is to say about one content."""

    findings: tuple[Finding, ...]
    blanks: tuple[Blank, ...]
    #: What the chosen contact would get; None where it cannot be made.
    shown: rendering.Rendered | None
    size_bytes: int
    is_text_derived: bool
    #: Rules about mail programs that were looked at; the broken ones are among the findings.
    support_checks: int = 0
    has_dark_styles: bool = False

    @property
    def support_passed(self) -> int:
        """How many of the rules about mail programs hold."""
        broken = sum(finding.code.startswith(("client_", "markdown_")) for finding in self.findings)
        return self.support_checks - broken

    @property
    def is_nearly_clipped(self) -> bool:
        """Whether there is little left before Gmail hides its end: links and the footer may take it."""
        return self.size_bytes > GMAIL_CLIP_BYTES * 0.9

    @property
    def errors(self) -> list[Finding]:
        """What keeps it from being published."""
        return [finding for finding in self.findings if finding.severity is Severity.ERROR]

    @property
    def notes(self) -> int:
        """How many things there are to know."""
        return len(self.findings) + len(self.blanks)

    @property
    def is_clipped(self) -> bool:
        """Whether Gmail hides its end."""
        return self.size_bytes > GMAIL_CLIP_BYTES

    @property
    def limit_bytes(self) -> int:
        """From where on Gmail clips."""
        return GMAIL_CLIP_BYTES


def review(
    workspace: Workspace, content: TemplateInput, contact: Contact | None = None, *,
    sample: Mapping[str, Any] | None = None,
) -> Review:
    """Look at a content as it would be sent to this contact (None: an invented one), with these variables."""
    found = templates.findings(workspace, content, sample=sample)
    shown = None
    if not any(finding.severity is Severity.ERROR for finding in found):
        try:
            shown = templates.preview(workspace, content, contact, sample=sample)
        except PrepareError as exc:
            found.insert(0, template_words.finding_of(exc))
    html = shown.html if shown else None
    found += [
        *_unknown_elements(content), *support_findings(content, html), *picture_findings(workspace, content),
    ]
    if not sample:
        found += _unsubscribe(workspace, content)
    return Review(
        findings=tuple(found), blanks=tuple(_blanks(workspace, content)), shown=shown,
        size_bytes=len((html or "").encode()), support_checks=checks_of(content.kind),
        has_dark_styles=bool(html) and has_dark_styles(html or ""),
        is_text_derived=content.kind != TemplateKind.TEXT and not content.text.strip(),
    )


def _unknown_elements(content: TemplateInput) -> Iterator[Finding]:
    if content.kind != TemplateKind.MJML:
        return
    told: set[str] = set()
    for match in _MJML_NAME.finditer(content.source):
        name = match[1].lower()
        if name.removeprefix("mj-") not in _MJML_KNOWN and name not in told:
            told.add(name)
            yield Finding(
                severity=Severity.WARNING, code="unknown_element",
                message=_("MJML has no element <%(name)s>.") % {"name": name},
                fix=_("It is left out of the mail, with all that is in it."), part="html", name=match[0],
                line=content.source.count("\n", 0, match.start()) + 1,
            )


def _unsubscribe(workspace: Workspace, content: TemplateInput) -> Iterator[Finding]:
    if not workspace.adds_footer and not compiled.has_unsubscribe_link(content.source, content.text):
        yield Finding(
            severity=Severity.WARNING, code="no_unsubscribe", part="html",
            message=_("There is no unsubscribe link, and the footer of the workspace is switched off."),
            fix=_("Insert {{ unsubscribe_url }} as the address of a link. Campaigns cannot be launched without it."),
        )


# -- fields that some people lack ----------------------------------------------------------------------------


def _bare_fields(source: str) -> Iterator[tuple[str, int]]:
    """Contact fields that are written without a fallback, with their line; those asked about by an `if` are not."""
    found = list(tags(source))
    asked = {name for tag in found if _is_condition(tag) for name in fields_named(tag.source)}
    line, counted = 1, 0
    for tag in found:
        line, counted = line + source.count("\n", counted, tag.start), tag.start
        if tag.is_output and not _FALLBACK.search(tag.inner):
            for name in fields_named(tag.source) - asked:
                yield name, line


def _is_condition(tag: Tag) -> bool:
    return not tag.is_output and tag.inner.split(None, 1)[:1] in (["if"], ["elif"])


def _blanks(workspace: Workspace, content: TemplateInput) -> list[Blank]:
    known = field_types(workspace)
    wanted: dict[str, tuple[int, str]] = {}
    for part, source in (("subject", content.subject), ("html", content.source), ("text", content.text)):
        for name, line in _bare_fields(source):
            key = name.removeprefix("contact.fields.")
            if (name != key and key in known) or name in {"contact.name", "contact.first_name"}:
                wanted.setdefault(name, (line, part))
    if not wanted:
        return []
    total, filled = _filled(workspace, list(wanted))
    return [
        Blank(name=name, missing=total - filled[name], of=total, line=line, part=part)
        for name, (line, part) in wanted.items()
        if filled[name] < total
    ]


def _filled(workspace: Workspace, names: list[str]) -> tuple[int, dict[str, int]]:
    """How many of the newest contacts there are, and how many of them have each field."""
    newest = Contact.objects.filter(workspace=workspace).order_by("-id").only("id", "name", "fields")[:SAMPLE]
    counts = {
        f"n{index}": Count("pk", filter=~Q(name="") if not name.startswith("contact.fields.")
                           else Q(fields__has_key=name.removeprefix("contact.fields.")))
        for index, name in enumerate(names)
    }
    row = newest.aggregate(total=Count("pk"), **counts)
    return row["total"], {name: row[f"n{index}"] for index, name in enumerate(names)}
