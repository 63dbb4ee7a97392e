#!/usr/bin/env python3
"""Runs management commands. Those that need the database find the embedded servers running or start them."""

import os
import sys


def main() -> None:
    """Hand the command line to Django."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "relayhub.settings")
    try:
        from relayhub.embedded.commandline import run
    except ModuleNotFoundError as exc:
        if exc.name in {"django", "celery", "psycopg"}:
            sys.exit("The dependencies are not installed. Run `make run`, or use .venv/bin/python manage.py.")
        raise
    run(sys.argv)


if __name__ == "__main__":
    main()
