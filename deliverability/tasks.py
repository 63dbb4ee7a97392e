"""Celery's door to the domains' regular look at DNS."""

from __future__ import annotations

from celery import shared_task

from deliverability import domains, suppression_import  # noqa: F401  (registers the runner of imports)


@shared_task(name="deliverability.recheck_domains", queue="housekeeping")
def recheck_domains_task() -> None:
    """Look at the domains that are due."""
    domains.recheck_due()
