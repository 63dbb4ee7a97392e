"""Each task goes to its own queue and to no other."""

from __future__ import annotations

import threading

from relayhub.celery import SCHEDULE, app
from relayhub.core.tasks import run_job_task


def test_no_two_queues_share_exchange_and_key() -> None:
    bindings = [(queue.exchange.name, queue.routing_key) for queue in app.conf.task_queues]

    assert len(set(bindings)) == len(bindings)


def test_every_scheduled_task_exists() -> None:
    app.loader.import_default_modules()

    assert {task for task, _ in SCHEDULE.values()} <= set(app.tasks)


def test_tasks_ring_through_our_broker_from_any_thread() -> None:
    seen: list[str] = []
    thread = threading.Thread(target=lambda: seen.append(run_job_task.app.main))

    thread.start()
    thread.join()

    assert seen == ["relayhub"]
