"""System checks: what Django looks at before a command runs."""

from __future__ import annotations

from typing import Any

from django.core.checks import Error, register

from relayhub import catalogs


@register("translation")
def translations_are_compiled(**_: Any) -> list[Error]:
    """An installation whose catalogues are not compiled would speak English to everybody."""
    missing = [source for source in catalogs.sources() if not catalogs.compiled_of(source).exists()]
    if not missing:
        return []
    return [
        Error(
            f"{len(missing)} catalogues of translations are not compiled, such as {missing[0]}.",
            hint="Run `python -m relayhub.catalogs`.", id="relayhub.core.E001",
        )
    ]
