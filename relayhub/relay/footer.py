"""Whether a workspace's own footer can be merged; named in `settings.FOOTER_CHECK`, for core knows no templates."""

from __future__ import annotations

from django.utils.translation import gettext as _

from relayhub.relay import rendering, template_words


def problem(source: str) -> str:
    """What is wrong with the footer's HTML and what to do; "" where nothing is."""
    found = rendering.source_findings({"html": source})
    if found:
        first = template_words.finding_told(found[0])
        said = f"{first.message} {first.fix}".strip()
        return _("Line %(line)s: %(problem)s") % {"line": first.line, "problem": said} if first.line else said
    unknown = rendering.missing_fields([source], ())
    named = [name for name in unknown if not name.startswith("contact.fields.")]
    if not named:
        return ""
    return _("There is no field “%(name)s”; the glossary under Help lists all merge fields.") % {"name": named[0]}
