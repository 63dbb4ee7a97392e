"""`manage.py makecatalogs`: bring the catalogues of translations into step with the texts in code and templates."""

from __future__ import annotations

from argparse import ArgumentParser
from typing import Any

from django.core.management.base import BaseCommand, CommandError

from relayhub import catalogs
from relayhub.core import extraction


class Command(BaseCommand):
    """Writes new texts into every catalogue, drops those that are gone, compiles, and says what is untranslated."""

    help = "Find texts to translate and keep locale/<language>/LC_MESSAGES/django*.po in step with them."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        """Whether to write."""
        parser.add_argument("--check", action="store_true", help="write nothing; fail where a text is missing")

    def handle(self, *args: Any, **options: Any) -> None:
        """Make or check the catalogues."""
        if options["check"]:
            self._check()
            return
        for path in extraction.make_all():
            self.stdout.write(f"{path.relative_to(catalogs.ROOT)}: changed")
        catalogs.compile_all()
        for home in extraction.HOMES:
            for language in extraction.languages_to_translate():
                for text in extraction.untranslated(home, language):
                    self.stdout.write(f"{home.folder.name} {language}: not translated: {text}")

    def _check(self) -> None:
        missing = [
            f"{extraction.path_of(home, language).relative_to(catalogs.ROOT)}: {text}"
            for home in extraction.HOMES
            for language, texts in extraction.missing_from(home).items()
            for text in texts
        ]
        if missing:
            raise CommandError("Texts without a place, run manage.py makecatalogs:\n" + "\n".join(missing))
