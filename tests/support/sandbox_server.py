"""A sandbox on a loopback port, in a thread of the test process or in a process of its own."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
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
    retry_after: int = 1,
    clock: str | Clock = "real",
    seed: bool = True,
    options: MembraneOptions | None = None,
) -> Iterator[SandboxServer]:
    """Serve both faces from a store under ``tmp_path`` while the block runs.

    ``url`` is where; ``requests`` holds what came (method, path, target, headers, body, status),
    ``store`` the state, ``membrane.escapes`` the paths that led elsewhere. ``latency`` and
    ``retry_after`` (of ordered 429s) are in seconds, ``faults`` as on the command line,
    ``options`` how this Membrane behaves.
    """
    time = clock if isinstance(clock, Clock) else Clock.parse(clock)
    with closing(Store(tmp_path / "sandbox.sqlite3", clock=time)) as store:
        if seed:
            seed_if_empty(store)
        server = SandboxServer(
            store,
            faults=Faults(faults, seed=fault_seed),
            latency=latency,
            retry_after=retry_after,
            options=options,
        )
        server.start()
        try:
            yield server
        finally:
            server.stop()


_PROGRAM = """
import sys
from pathlib import Path
from fsctl.sandbox.serve import serve
path, *faults = sys.argv[1:]
number = serve(Path(path), faults=faults, log=True, out=sys.stdout, err=sys.stderr)
raise SystemExit(128 + number)
"""


@dataclass
class SandboxProcess:
    """A sandbox server in a process of its own; ``end`` stops it and gives its exit status."""

    url: str
    log: Path
    process: subprocess.Popen[str]

    def end(self, number: signal.Signals = signal.SIGTERM) -> int:
        self.process.send_signal(number)
        return self.process.wait(10)

    def conversation(self) -> list[str]:
        """What came so far: ``METHOD TARGET STATUS``."""
        return self.log.read_text().splitlines()


@contextmanager
def sandbox_process(tmp_path: Path, *, faults: Sequence[str] = ()) -> Iterator[SandboxProcess]:
    """Serve from a process of its own while the block runs."""
    log = tmp_path / "sandbox.log"
    command = [sys.executable, "-c", _PROGRAM, str(tmp_path / "sandbox.sqlite3"), *faults]
    with (
        log.open("w") as stderr,
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=stderr, text=True) as process,
    ):
        assert process.stdout is not None
        try:
            yield SandboxProcess(process.stdout.readline().strip(), log, process)
        finally:
            process.kill()
