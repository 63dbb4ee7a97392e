"""Nodemailer's pool with its own DKIM signer, installed by npm into a temporary folder."""

from __future__ import annotations

import json
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

VERSION = "10.6.0"
_SCRIPT = Path(__file__).with_name("pool.mjs")


@dataclass(frozen=True, kw_only=True)
class Sent:
    """One round."""

    per_second: float
    cpu_ms: float


def missing() -> str:
    """The Debian packages without which it cannot run here."""
    return " ".join(name for name, command in (("nodejs", "node"), ("npm", "npm")) if not shutil.which(command))


def install(folder: Path) -> str:
    """Install it; "" or what is missing."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "package.json").write_text('{"private": true}', encoding="ascii")
    try:
        done = subprocess.run(
            ["npm", "install", "--no-audit", "--no-fund", "--ignore-scripts", f"nodemailer@{VERSION}"],
            cwd=folder, capture_output=True, timeout=180, check=False,
        )
    except subprocess.TimeoutExpired:
        return f"nodemailer@{VERSION} (npm)"
    return "" if done.returncode == 0 else f"nodemailer@{VERSION} (npm)"


def send(folder: Path, *, sink_port: int, count: int, connections: int = 10) -> Sent:
    """Send so many mails."""
    done = subprocess.run(
        ["node", str(_SCRIPT), str(folder), str(sink_port), str(count), str(connections)],
        capture_output=True, text=True, timeout=300, check=False,
    )
    if done.returncode != 0:
        raise RuntimeError(f"nodemailer: {done.stderr[-500:]}")
    found = json.loads(done.stdout)
    if found["failed"]:
        raise RuntimeError(f"nodemailer: {found['failed']} mails failed")
    return Sent(per_second=count / found["seconds"], cpu_ms=found["cpuSeconds"] * 1000 / count)
