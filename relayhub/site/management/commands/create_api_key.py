"""`manage.py create_api_key`: an API key, shown once."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError
from django.db.models import Q

from relayhub.core.access import ALL_SCOPES, system_actor
from relayhub.core.errors import RelayHubError
from relayhub.core.ids import Prefix, decode_id
from relayhub.core.keys import KeyLimits, create_key
from relayhub.core.models import Workspace


class Command(BaseCommand):
    """Makes an API key of a workspace."""

    help = "Make an API key; prints it as JSON. It cannot be read again later."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Workspace, name and scopes."""
        parser.add_argument("--workspace", metavar="NAME", help="name, slug or id; the first workspace if left out")
        parser.add_argument("--name", default="Made on the command line")
        parser.add_argument(
            "--scope", action="append", metavar="SCOPE", help="may be repeated; every scope if left out"
        )

    def handle(self, *args: Any, **options: Any) -> None:
        """Make it, or say in one line why not."""
        workspace = self._workspace(options["workspace"])
        limits = KeyLimits(scopes=tuple(options["scope"] or ALL_SCOPES))
        try:
            new = create_key(system_actor(workspace, "command line"), name=options["name"], limits=limits)
        except RelayHubError as exc:
            raise CommandError(exc.message) from exc
        self.stdout.write(
            json.dumps({"id": new.key.public_id, "workspace": workspace.name, "api_key": new.text,
                        "scopes": new.key.scopes})
        )

    def _workspace(self, text: str | None) -> Workspace:
        if text is None:
            found = Workspace.objects.filter(is_first=True)
        else:
            matches = Q(name=text) | Q(slug=text)
            value = decode_id(Prefix.WORKSPACE, text)
            if value is not None:
                matches |= Q(pk=value)
            found = Workspace.objects.filter(matches)
        rows = list(found[:2])
        if len(rows) != 1:
            what = "There is no workspace" if not rows else "There are several workspaces"
            raise CommandError(f"{what} “{text or 'marked as the first'}”; give its id or slug.")
        return rows[0]
