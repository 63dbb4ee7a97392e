"""`manage.py create_workspace NAME`: a workspace with its default streams."""

from __future__ import annotations

import json
from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from relayhub.core.errors import RelayHubError
from relayhub.core.models import User
from relayhub.site.setup import new_workspace


class Command(BaseCommand):
    """Makes a workspace and, if asked, gives it an owner."""

    help = "Make a workspace; prints its id and name as JSON."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The name, and the owner's address."""
        parser.add_argument("name")
        parser.add_argument("--owner", metavar="EMAIL", help="an existing user who becomes its owner")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make it, or say in one line why not."""
        owner = None
        if options["owner"]:
            owner = User.objects.filter(email__iexact=options["owner"]).first()
            if owner is None:
                raise CommandError(f"There is no user {options['owner']}.")
        try:
            workspace = new_workspace(options["name"], owner=owner)
        except RelayHubError as exc:
            raise CommandError(exc.message) from exc
        self.stdout.write(json.dumps({"id": workspace.public_id, "name": workspace.name, "slug": workspace.slug}))
