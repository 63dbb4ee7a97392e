"""What a benchmark found: one JSON object a line on standard output, a table for people on standard error."""

from __future__ import annotations

import json
import statistics
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field


@dataclass(frozen=True, kw_only=True)
class Result:
    """One figure, beside a peer's where there is one. `ratio` is value / peer_value, by rounds."""

    name: str
    value: float | None
    unit: str
    peer: str | None = None
    peer_value: float | None = None
    ratio: float | None = None
    #: What must hold, in words, and whether it does; None = nothing was promised or it cannot be said.
    target: str = ""
    is_met: bool | None = None
    #: Debian or npm packages without which the peer cannot be run.
    install: str = ""
    notes: Sequence[str] = field(default_factory=tuple)

    def as_json(self) -> str:
        """The line for programs."""
        found: dict[str, object] = {
            "name": self.name, "value": _rounded(self.value), "unit": self.unit, "peer": self.peer,
            "peer_value": _rounded(self.peer_value), "ratio": _rounded(self.ratio),
        }
        if self.install:
            found["install"] = self.install
        return json.dumps(found)


def beside(
    name: str, unit: str, own: Sequence[float], *, peer: str, others: Sequence[float], target: str = "",
    holds: Callable[[float], bool] | None = None, notes: Sequence[str] = (),
) -> Result:
    """Medians of interleaved rounds; the ratio is the median of the rounds' own ratios."""
    ratio = statistics.median(mine / other for mine, other in zip(own, others, strict=True))
    return Result(
        name=name, value=statistics.median(own), unit=unit, peer=peer, peer_value=statistics.median(others),
        ratio=ratio, target=target, is_met=None if holds is None else holds(ratio), notes=notes,
    )


def alone(
    name: str, unit: str, own: Sequence[float], *, target: str = "", holds: Callable[[float], bool] | None = None,
    notes: Sequence[str] = (), peer: str | None = None, install: str = "",
) -> Result:
    """A median without a peer, or with one that cannot be run here."""
    value = statistics.median(own) if own else None
    return Result(
        name=name, value=value, unit=unit, peer=peer, install=install, target=target, notes=notes,
        is_met=None if holds is None or value is None else holds(value),
    )


def emit(result: Result) -> None:
    """Print the JSON line now, so that a run that is broken off keeps what it found."""
    sys.stdout.write(result.as_json() + "\n")
    sys.stdout.flush()


def say(text: str) -> None:
    """Tell people how it goes."""
    sys.stderr.write(f"{text}\n")
    sys.stderr.flush()


def table(results: Sequence[Result]) -> None:
    """The table for people."""
    head = ("benchmark", "RelayHub", "unit", "peer", "its value", "ratio", "target", "")
    rows = [head, *(_row(result) for result in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(head))]
    say("")
    for number, row in enumerate(rows):
        say("  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip())
        if number == 0:
            say("  ".join("-" * width for width in widths))
    notes = [f"{result.name}: {note}" for result in results for note in result.notes]
    say("")
    for note in notes:
        say(f"  {note}")


def _row(result: Result) -> tuple[str, ...]:
    missing = f"install {result.install}" if result.install else ""
    return (
        result.name, _number(result.value), result.unit, result.peer or "", missing or _number(result.peer_value),
        "" if result.ratio is None else f"{result.ratio:.2f}x", result.target,
        {None: "", True: "ok", False: "MISSED"}[result.is_met],
    )


def _number(value: float | None) -> str:
    if value is None:
        return ""
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
