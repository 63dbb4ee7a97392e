"""The web process as it runs in production (uvicorn, ASGI), on a thread of the test, against the test's database."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import uvicorn

from tests.support.waiting import until


@contextmanager
def web_server() -> Iterator[int]:
    """The port it listens on."""
    config = uvicorn.Config(
        "relayhub.asgi:application", host="127.0.0.1", port=0, lifespan="off", log_level="error",
        timeout_graceful_shutdown=1,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, name="web", daemon=True)
    thread.start()
    until(lambda: server.started, "the web server starts")
    try:
        yield server.servers[0].sockets[0].getsockname()[1]
    finally:
        server.should_exit = True
        thread.join(15)
