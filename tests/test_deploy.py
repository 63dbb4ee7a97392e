"""The production shape, parsed and linted: a Docker engine is not needed to see that it is whole."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import yaml

from relayhub import settings

ROOT = Path(__file__).resolve().parent.parent
OWN = ("web", "workers", "beat", "smtpd", "mx")


def compose() -> dict[str, Any]:
    return dict(yaml.safe_load((ROOT / "docker-compose.yml").read_text(encoding="utf-8")))


def test_every_service_is_there_health_checked_and_not_root() -> None:
    services = compose()["services"]

    assert {*OWN, "postgres", "redis", "migrate"} <= set(services)
    for name in OWN:
        assert services[name]["healthcheck"]["test"], name
        assert services[name]["user"].split(":")[0] not in {"0", "root"}, name
        assert services[name]["cap_drop"] == ["ALL"], name


def test_every_service_has_a_case_in_the_entry_point() -> None:
    script = (ROOT / "relayhub/deploy/entrypoint.sh").read_text(encoding="utf-8")
    cases = set(re.findall(r"^  ([a-z]+)\)$", script, re.MULTILINE))
    services = compose()["services"]

    assert {services[name]["command"][0] for name in (*OWN, "migrate")} <= cases
    assert subprocess.run(["sh", "-n", str(ROOT / "relayhub/deploy/entrypoint.sh")], check=False).returncode == 0


def test_no_secret_has_a_default() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")

    for name in ("POSTGRES_PASSWORD", "REDIS_PASSWORD", "RELAYHUB_SECRET_KEY"):
        assert not re.search(rf"\$\{{{name}:-[^}}]+\}}", text), name


def test_the_image_installs_from_the_hash_lock_and_runs_as_nobody_special() -> None:
    recipe = (ROOT / "relayhub/deploy/Dockerfile").read_text(encoding="utf-8")
    lines = [line.split()[0] for line in recipe.splitlines() if re.match(r"[A-Z]+ ", line)]

    assert "--require-hashes" in recipe
    assert re.search(r"^USER relayhub$", recipe, re.MULTILINE)
    assert set(lines) <= {"FROM", "COPY", "RUN", "WORKDIR", "ENV", "USER", "VOLUME", "EXPOSE", "ENTRYPOINT", "CMD"}
    assert (ROOT / "relayhub/deploy/entrypoint.sh").stat().st_mode & 0o111


def test_passwords_of_people_are_kept_by_argon2() -> None:
    # The tests' own are quick to check (tests/conftest.py): this is what an installation has.
    assert settings.PASSWORD_HASHERS[0].endswith(".Argon2PasswordHasher")
