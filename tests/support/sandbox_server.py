"""A sandbox on a loopback port, in a thread of the test process."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from fsctl.sandbox.clock import Clock
from fsctl.sandbox.faults import Fault, Faults
from fsctl.sandbox.options import MembraneOptions
from fsctl.sandbox.seed import seed_if_empty
from fsctl.sandbox.server import SandboxServer
from fsctl.sandbox.store import Store


@contextmanager
def running_sandbox(
    tmp_path: Path,
    *,
    faults: Sequence[Fault | str] = (),
    fault_seed: int = 0,
    latency: float = 0,
    clock: str | Clock = "real",
    seed: bool = True,
    options: MembraneOptions | None = None,
) -> Iterator[SandboxServer]:
    """Serve both faces from a store under ``tmp_path`` while the block runs.

    ``url`` is where; ``requests`` holds what came (method, path, target, headers, body, status),
    ``store`` the state, ``membrane.escapes`` the paths that led elsewhere. ``latency`` is in
    seconds, ``faults`` as on the command line, ``options`` how this Membrane behaves.
    """
    time = clock if isinstance(clock, Clock) else Clock.parse(clock)
    with closing(Store(tmp_path / "sandbox.sqlite3", clock=time)) as store:
        if seed:
            seed_if_empty(store)
        server = SandboxServer(
            store, faults=Faults(faults, seed=fault_seed), latency=latency, options=options
        )
        server.start()
        try:
            yield server
        finally:
            server.stop()
