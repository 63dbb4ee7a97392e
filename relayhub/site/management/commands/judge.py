"""`manage.py judge KIND`: JSON lines in, one JSON line out for each, in order; offline."""

from __future__ import annotations

import json
import logging
import sys
from argparse import ArgumentParser
from collections.abc import Mapping
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from relayhub.judge import KINDS, JudgeError, answer_line

log = logging.getLogger(__name__)


class Command(BaseCommand):
    """Reads until the input ends; exits 1 if some lines could not be answered."""

    help = "Ask what RelayHub thinks, offline: JSON lines on standard input, one answer a line."
    requires_system_checks: list[str] = []
    requires_migrations_checks = False

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The kind of question."""
        parser.add_argument("kind", metavar="KIND", help=", ".join(KINDS))

    def handle(self, *args: Any, **options: Any) -> None:
        """Answer every line."""
        kind = options["kind"]
        if kind not in KINDS:
            raise CommandError(f"There is no kind {kind!r}. Kinds: {', '.join(KINDS)}.")
        errors = 0
        for line in sys.stdin.buffer:
            answer = _answer(kind, line)
            errors += "error" in answer
            self.stdout.write(json.dumps(answer))
            self.stdout.flush()  # whoever asks one line at a time waits for it
        if errors:
            sys.exit(1)


def _answer(kind: str, line: bytes) -> Mapping[str, Any]:
    try:
        return answer_line(kind, line)
    except JudgeError as exc:
        return {"error": str(exc)}
    except Exception:  # the edge of the process: one odd line must not end the run
        log.exception("judge.failed", extra={"kind": kind})
        return {"error": "This line could not be judged; the log says why."}
