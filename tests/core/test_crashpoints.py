"""The list of crash points is the list of the calls, and a named one kills at its pass."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
from pathlib import Path

from relayhub.core.crashpoints import CRASHPOINTS, VARIABLE

ROOT = Path(__file__).resolve().parents[2]
_CALL = re.compile(r"^\s+crashpoint\(\"(\w+)\"\)", re.MULTILINE)


def test_every_crash_point_that_is_called_is_listed_and_the_other_way_round() -> None:
    packages = ("relayhub", "campaigns", "deliverability")
    sources = [path.read_text(encoding="utf-8") for name in packages for path in (ROOT / name).rglob("*.py")]
    called = {name for source in sources for name in _CALL.findall(source)}

    assert called == set(CRASHPOINTS)


def test_a_named_one_kills_at_its_pass_and_no_other_does() -> None:
    program = (
        "from relayhub.core.crashpoints import crashpoint\n"
        "for _ in range(5): crashpoint('after_reply')\n"
        "print('one'); crashpoint('after_claim'); print('two', flush=True); crashpoint('after_claim'); print('three')"
    )
    environment = {**os.environ, VARIABLE: "after_claim:2"}

    died = subprocess.run([sys.executable, "-c", program], env=environment, capture_output=True, text=True, cwd=ROOT)

    assert died.returncode == -signal.SIGKILL
    assert died.stdout == "one\ntwo\n"
