"""Each task goes to its own queue and to no other."""

from __future__ import annotations

from relayhub.celery import SCHEDULE, app


def test_no_two_queues_share_exchange_and_key() -> None:
    bindings = [(queue.exchange.name, queue.routing_key) for queue in app.conf.task_queues]

    assert len(set(bindings)) == len(bindings)


def test_every_scheduled_task_exists() -> None:
    app.loader.import_default_modules()

    assert {task for task, _ in SCHEDULE.values()} <= set(app.tasks)
