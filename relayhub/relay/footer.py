"""Whether a workspace's own footer can be merged; named in `settings.FOOTER_CHECK`, for core knows no templates."""

from __future__ import annotations

from relayhub.relay import rendering


def problem(source: str) -> str:
    """What is wrong with the footer's HTML and what to do; "" where nothing is."""
    found = rendering.source_findings({"html": source})
    if found:
        where = f"Line {found[0].line}: " if found[0].line else ""
        return f"{where}{found[0].message} {found[0].fix}".strip()
    unknown = rendering.missing_fields([source], ())
    named = [name for name in unknown if not name.startswith("contact.fields.")]
    return f"There is no field “{named[0]}”; the glossary under Help lists all merge fields." if named else ""
