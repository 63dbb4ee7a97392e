"""What the benchmarks share: the product, the sink, folders, sizes; made when first needed, ended together."""

from __future__ import annotations

import shutil
import tempfile
import time
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path

from tests.bench import machine
from tests.bench.mail_tools import Sink
from tests.bench.product import Product
from tests.bench.results import say


@dataclass(kw_only=True)
class World:
    """One run of benchmarks."""

    rounds: int = 3
    #: 1 = the sizes that the promises speak of; less for a quick look.
    scale: float = 1.0
    folder: Path = field(default_factory=lambda: Path(tempfile.mkdtemp(prefix="relayhub-bench-")))

    def __post_init__(self) -> None:
        self.folder.chmod(0o755)
        self._stack = ExitStack()
        self._sink: Sink | None = None
        self._product: Product | None = None

    def sized(self, count: int, *, least: int = 10) -> int:
        """A count at this run's scale."""
        return max(least, int(count * self.scale))

    @property
    def sink(self) -> Sink:
        """The sink, listening."""
        if self._sink is None:
            self._sink = Sink(machine.free_ports(1)[0], self.folder / "sink.count").start()
            self._stack.callback(self._sink.stop)
        return self._sink

    @property
    def sink_port(self) -> int:
        """The sink's port; starts it."""
        return self.sink.port

    def new_product(self, *, sink_port: int) -> Product:
        """The product, not started; one a run, for Django is set up once."""
        if self._product is None:
            data = self.folder / "data"
            data.mkdir()
            data.chmod(0o755)
            self._product = Product(data, sink_port=sink_port)
            self._stack.callback(self._product.remove)
            self._stack.callback(self._product.stop)
        return self._product

    def product(self) -> Product:
        """The product, running, with a domain that signs."""
        product = self.new_product(sink_port=self.sink_port)
        if not product.is_running:
            say(f"  RelayHub was ready after {product.start():.1f} s")
            product.enter()
            from tests.bench import rows

            rows.make_domain()
        return product

    def on_end(self, act: Callable[[], None]) -> None:
        """Have something ended with the run."""
        self._stack.callback(act)

    def settle(self, *, seconds: float = 120.0) -> None:
        """Wait until the product has nothing left to deliver."""
        from tests.bench import rows

        wait_until(lambda: rows.unfinished() == 0, seconds=seconds, every=0.2)

    def close(self) -> None:
        """End everything and delete the folder."""
        self._stack.close()
        shutil.rmtree(self.folder, ignore_errors=True)


def wait_until(is_so: Callable[[], bool], *, seconds: float, every: float = 0.05) -> float:
    """Wait for something and return how long it took; RuntimeError where it does not come."""
    began = time.perf_counter()
    while not is_so():
        if time.perf_counter() - began > seconds:
            raise RuntimeError(f"what a benchmark waits for did not come within {seconds:g} s")
        time.sleep(every)
    return time.perf_counter() - began
