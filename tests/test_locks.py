"""The hash locks install with pip alone, whatever newer releases there are by then."""

from __future__ import annotations

import re
from importlib.metadata import PackageNotFoundError, requires
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

REQUIREMENTS = Path(__file__).resolve().parent.parent / "requirements"
LOCKS = ("base.txt", "embedded.txt", "dev.txt")


def pins(lock: str) -> dict[str, Requirement]:
    """What the lock pins, by canonical name."""
    text = (REQUIREMENTS / lock).read_text(encoding="utf-8")
    lines = re.findall(r"^([a-z0-9].*?) *\\$", text, re.MULTILINE)
    return {canonicalize_name(pin.name): pin for pin in map(Requirement, lines)}


def asked_for(pin: Requirement) -> list[Requirement]:
    """What the pinned package asks for here, with the extras that the lock takes of it."""
    try:
        wanted = [Requirement(line) for line in requires(pin.name) or []]
    except PackageNotFoundError:  # for another platform
        return []
    contexts = [{"extra": extra} for extra in (*pin.extras, "")]
    return [want for want in wanted if not want.marker or any(want.marker.evaluate(context) for context in contexts)]


@pytest.mark.parametrize("lock", LOCKS)
def test_a_package_asked_for_with_extras_is_pinned_with_them(lock: str) -> None:
    """pip takes the newest release for `name[extra]` where only `name` is pinned, and then refuses it unhashed."""
    pinned = pins(lock)
    missing = {
        f"{want.name}[{', '.join(sorted(want.extras))}] for {name}"
        for name, pin in pinned.items()
        for want in asked_for(pin)
        if canonicalize_name(want.name) in pinned and want.extras - pinned[canonicalize_name(want.name)].extras
    }

    assert len(pinned) > 30
    assert not missing


@pytest.mark.parametrize("lock", LOCKS)
def test_every_pin_has_hashes_and_no_address(lock: str) -> None:
    text = (REQUIREMENTS / lock).read_text(encoding="utf-8")

    assert "://" not in text
    assert not re.search(r"^[a-z0-9].*[^\\]$", text, re.MULTILINE)
    assert text.count("--hash=sha256:") >= len(pins(lock))
