"""`manage.py seed_demo`: a workspace with a believable story, for looking around."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from relayhub.core.models import Member, Role, User, Workspace
from relayhub.site import demo
from relayhub.site.setup import DEMO_WORKSPACE, new_workspace


class Command(BaseCommand):
    """Makes and fills the Demo workspace."""

    help = "Make the Demo workspace with invented people and mail; everything in it stays in the sandbox."

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The name of the workspace, and a yes where there may be real mail beside it."""
        parser.add_argument("--name", default=DEMO_WORKSPACE)
        parser.add_argument("--yes", action="store_true", help="in production: put invented mail beside the real")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make it, unless it is there."""
        if settings.IS_PRODUCTION and not options["yes"]:
            raise CommandError(
                "This installation is in production. The demo makes a workspace of its own and changes no other, but"
                " its figures join those of the installation (/metrics, verify_ledger). Say --yes to make it."
            )
        if Workspace.objects.filter(name=options["name"]).exists():
            raise CommandError(f"There is a workspace “{options['name']}” already; give another --name.")
        self.stdout.write("Making contacts, campaigns and their history …")
        workspace = new_workspace(options["name"], is_demo=True, is_pinned_to_sandbox=True)
        demo.seed(workspace)
        Member.objects.bulk_create(
            [Member(workspace=workspace, user=user, role=Role.OWNER)
             for user in User.objects.filter(is_superuser=True)],
            ignore_conflicts=True,
        )
        self.stdout.write(f"Done: {workspace.name} ({workspace.public_id}).")
