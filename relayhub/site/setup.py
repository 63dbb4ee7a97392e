"""The first run: a user, an empty workspace with a key and a credential, the Demo workspace, and the file
that names them all (CONTRACT 3). Repeating it changes nothing.
"""

from __future__ import annotations

import json
import os
import secrets
from pathlib import Path
from typing import Any

from django.conf import settings
from django.db import connection, transaction

from relayhub.core.access import ALL_SCOPES, system_actor
from relayhub.core.keys import KeyLimits, create_key
from relayhub.core.models import User, Workspace
from relayhub.core.workspaces import create_workspace
from relayhub.relay.credentials import create_credential
from relayhub.relay.streams import ensure_default_streams

FILE_NAME = "first-run.json"
FIRST_WORKSPACE = "My company"
DEMO_WORKSPACE = "Demo"
_LOCK = 0x52485F46  # "RH_F"


def first_run_path() -> Path:
    """Where the first run's credentials are kept."""
    return Path(settings.RELAYHUB_DATA) / FILE_NAME


def new_workspace(name: str, *, owner: User | None = None, **particulars: Any) -> Workspace:
    """A workspace with everything it needs to work."""
    with transaction.atomic():
        workspace = create_workspace(name, owner=owner, **particulars)
        ensure_default_streams(workspace)
    return workspace


def ensure_first_run() -> bool:
    """Make the first user and workspaces unless any workspace exists; True when they were made now."""
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute("SELECT pg_advisory_xact_lock(%s)", [_LOCK])
        if Workspace.objects.exists():
            return False
        facts = _make_first()
        # Written before the commit and renamed into place: whoever sees rows sees the file as well.
        temporary = _write_private(facts)
    temporary.replace(first_run_path())
    return True


def _make_first() -> dict[str, Any]:
    password = secrets.token_urlsafe(18)
    email = "owner@relayhub.example"
    owner = User.objects.create_superuser(
        email, password, display_name="Owner", must_change_password=settings.IS_PRODUCTION
    )
    workspace = new_workspace(FIRST_WORKSPACE, owner=owner, is_first=True)
    User.objects.filter(pk=owner.pk).update(last_workspace=workspace)
    actor = system_actor(workspace, "first run")
    key = create_key(actor, name="First key", limits=KeyLimits(scopes=ALL_SCOPES))
    credential = create_credential(actor, name="First SMTP credential", is_default=True)
    if not settings.IS_PRODUCTION:
        demo = new_workspace(DEMO_WORKSPACE, owner=owner, is_demo=True, is_pinned_to_sandbox=True)
        from relayhub.site.demo import seed

        seed(demo)
    host = _reachable_host()
    return {
        "dashboard_url": settings.RELAYHUB_BASE_URL,
        "email": email,
        "password": password,
        "workspace": workspace.name,
        "api_key": key.text,
        "smtp": {
            "host": host, "port": settings.RELAYHUB_SUBMISSION_PORT, "username": credential.username,
            "password": credential.password,
        },
        "mx": {"host": host, "port": settings.RELAYHUB_MX_PORT},
    }


def _reachable_host() -> str:
    return {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(settings.RELAYHUB_BIND, settings.RELAYHUB_BIND)


def _write_private(facts: dict[str, Any]) -> Path:
    path = first_run_path().with_suffix(f".{os.getpid()}")
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    with os.fdopen(descriptor, "w", encoding="utf-8") as handle:
        json.dump(facts, handle, indent=2)
        handle.write("\n")
        handle.flush()
        os.fsync(handle.fileno())
    return path
