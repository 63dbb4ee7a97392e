"""Cells of CSV files: written so that no spreadsheet takes one for a formula, and read back as they were.

A formula begins with =, +, - or @ in their usual or their full-width forms, behind blanks too; a tab or a line end
at the start can part a cell in two (OWASP, CSV injection). An apostrophe before it keeps the cell text.
"""

from __future__ import annotations

from typing import Any

_STARTS = ("=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠")
_BLANKS = " \u00a0\u3000"


def safe_cell(value: Any) -> str:
    """Text that no spreadsheet runs. Numbers stay numbers; None is empty."""
    text = "" if value is None else str(value)
    if isinstance(value, int | float):
        return text
    return f"'{text}" if _would_run(text) else text


def plain_cell(cell: str) -> str:
    """A cell without the apostrophe that `safe_cell` put there."""
    return cell[1:] if cell.startswith("'") and _would_run(cell[1:]) else cell


def _would_run(text: str) -> bool:
    return text.lstrip(_BLANKS).startswith(_STARTS)
