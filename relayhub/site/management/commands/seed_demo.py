"""`manage.py seed_demo`: a workspace with a believable story, for looking around, or a very large one."""

from __future__ import annotations

import time
from argparse import ArgumentParser
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from relayhub.core import formats
from relayhub.core.models import Member, Role, User, Workspace
from relayhub.site import demo, large
from relayhub.site.setup import DEMO_WORKSPACE, new_workspace


class Command(BaseCommand):
    """Makes and fills the Demo workspace, or the large one."""

    help = (
        "Make the Demo workspace with invented people and mail; everything in it stays in the sandbox. --scale large"
        " makes one of 1,000,000 contacts, 500 campaigns and 10,000,000 events instead."
    )

    def add_arguments(self, parser: ArgumentParser) -> None:
        """The name, the scale, and a yes where there may be real mail beside it."""
        parser.add_argument("--name", default="", help=f"of the workspace (“{DEMO_WORKSPACE}”, “{large.NAME}”)")
        parser.add_argument("--scale", choices=("story", "large"), default="story")
        parser.add_argument("--part", type=float, default=1.0, help="part of the large scale, such as 0.05")
        parser.add_argument("--yes", action="store_true", help="in production: put invented mail beside the real")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make it, unless it is there."""
        is_large = options["scale"] == "large"
        name = options["name"] or (large.NAME if is_large else DEMO_WORKSPACE)
        self._check(name, options)
        began = time.monotonic()
        self.stdout.write("Making contacts, campaigns and their history …")
        workspace = new_workspace(name, is_demo=True, is_pinned_to_sandbox=True)
        Member.objects.bulk_create(
            [Member(workspace=workspace, user=user, role=Role.OWNER)
             for user in User.objects.filter(is_superuser=True)],
            ignore_conflicts=True,
        )
        if is_large:
            events = large.seed(workspace, part=options["part"], say=lambda text: self.stdout.write(f"  {text}"))
            self.stdout.write(f"{formats.number(events)} events in {formats.duration(time.monotonic() - began)}.")
        else:
            demo.seed(workspace)
        self.stdout.write(f"Done: {workspace.name} ({workspace.public_id}).")

    def _check(self, name: str, options: dict[str, Any]) -> None:
        if settings.IS_PRODUCTION and not options["yes"]:
            raise CommandError(
                "This installation is in production. The demo makes a workspace of its own and changes no other, but"
                " its figures join those of the installation (/metrics, verify_ledger). Say --yes to make it."
            )
        if not 0 < options["part"] <= 1:
            raise CommandError(f"--part is {options['part']:g}; it takes a number between 0 and 1.")
        if Workspace.objects.filter(name=name).exists():
            raise CommandError(f"There is a workspace “{name}” already; give another --name.")
