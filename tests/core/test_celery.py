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


def test_the_beat_sends_every_task_to_the_queue_it_is_worked_on() -> None:
    from relayhub.beat import app as beat

    app.loader.import_default_modules()
    sent = {entry["task"]: entry["options"]["queue"] for entry in beat.conf.beat_schedule.values()}

    assert sent == {task: app.tasks[task].queue for task, _ in SCHEDULE.values()}
    assert beat.conf.broker_url == app.conf.broker_url
    assert [queue.name for queue in beat.conf.task_queues] == [queue.name for queue in app.conf.task_queues]


def test_tasks_ring_through_our_broker_from_any_thread() -> None:
    seen: list[str] = []
    thread = threading.Thread(target=lambda: seen.append(run_job_task.app.main))

    thread.start()
    thread.join()

    assert seen == ["relayhub"]
