"""One act of the product as a process of its own, for tests that kill it in the middle.

`python -m tests.support.acts expand <broadcast>` or `import <import or its undo>`, with small batches so
that there are many.
"""

from __future__ import annotations

import subprocess
import sys
from uuid import UUID

from tests.support.relay_process import ROOT
from tests.support.relay_workers import worker_environment

BATCH = 100


def act(verb: str, row_id: UUID, *, crashpoint: str = "") -> int:
    """Do it in a process of its own; its exit code, negative where a signal ended it."""
    command = [sys.executable, "-m", "tests.support.acts", verb, str(row_id)]
    environment = worker_environment(RELAYHUB_CRASHPOINT=crashpoint)
    return subprocess.run(command, env=environment, cwd=ROOT, timeout=120, check=False).returncode


def main() -> None:
    """Do what the command line says."""
    import django

    django.setup()
    from campaigns import broadcast, import_undo, importer
    from relayhub.core import jobs

    verb, row_id = sys.argv[1], UUID(sys.argv[2])
    if verb == "expand":
        broadcast.BATCH = BATCH
        broadcast.expand(row_id)
    else:
        importer._BATCH_ROWS = import_undo._BATCH = BATCH
        jobs.run_job(row_id)


if __name__ == "__main__":
    main()
