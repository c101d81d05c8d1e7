"""``fsctl annotations run`` around small programs that tell what happens to them."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from select import select
from time import monotonic, sleep
from typing import IO

from tests.support.command import BINARY, clean_environment

RUN = (str(BINARY), "annotations", "run")
# Signals that it is told are written to its stdout, a line each; USR2 ends it with 5.
LISTENER = """
import os, signal, sys
def tell(number, _frame):
    os.write(1, signal.Signals(number).name.encode() + b"\\n")
    if number == signal.SIGUSR2:
        os._exit(5)
for name in ("HUP", "INT", "QUIT", "TERM", "USR1", "USR2", "ALRM", "WINCH"):
    number = getattr(signal, "SIG" + name)
    if signal.getsignal(number) != signal.SIG_IGN:
        signal.signal(number, tell)
print(os.getpid(), "ready", flush=True)
while True:
    signal.pause()
"""


def python(body: str, *arguments: str) -> list[str]:
    """The command line of a program in Python, which has ``os``, ``sys``, ``time``, ``signal``."""
    return [sys.executable, "-IS", "-c", f"import os, signal, sys, time\n{body}", *arguments]


class Wrapped:
    """A command that runs below fsctl, with pipes; ``pid`` is that of a :data:`LISTENER`."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        self.process = process
        self.pid = 0

    @property
    def out(self) -> IO[bytes]:
        assert self.process.stdout is not None
        return self.process.stdout

    def ready(self) -> Wrapped:
        """Wait until the listener listens."""
        self.pid = int(self.line().split()[0])
        return self

    def line(self, patience: float = 30) -> str:
        """What it writes next, unbuffered; nothing where that does not come in time."""
        line, ends = b"", monotonic() + patience
        while not line.endswith(b"\n"):
            if not select([self.out], [], [], max(0, ends - monotonic()))[0]:
                break
            if not (read := os.read(self.out.fileno(), 1)):
                break
            line += read
        return line.decode().strip()

    def end(self, timeout: float = 30) -> tuple[int, bytes, str]:
        """The exit code, the rest of stdout, and stderr."""
        out, err = self.process.communicate(timeout=timeout)
        return self.process.returncode, out, err.decode()


@contextmanager
def wrapped(
    home: Path,
    command: Sequence[str],
    *options: str,
    env: Mapping[str, str] | None = None,
    stdin: int | None = subprocess.DEVNULL,
    preexec_fn: Callable[[], None] | None = None,
    pass_fds: Sequence[int] = (),
) -> Iterator[Wrapped]:
    """Run it in a process group of its own. There is no road, and nothing fails for that."""
    home.mkdir(exist_ok=True)
    process = subprocess.Popen(
        [*RUN, "--fail-on", "never", *options, "--", *command],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=clean_environment(home, {"PATH": f"{Path(sys.executable).parent}:/usr/bin:/bin"})
        | dict(env or {}),
        cwd=home,
        start_new_session=True,
        preexec_fn=preexec_fn,
        pass_fds=pass_fds,
    )
    try:
        yield Wrapped(process)
    finally:
        with suppress(ProcessLookupError):  # nobody of the group is left
            os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        for stream in (process.stdin, process.stdout, process.stderr):
            if stream is not None:
                stream.close()


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        state = Path(f"/proc/{pid}/stat")
        return not state.exists() or ") Z " not in state.read_text()  # dead, and not yet buried
    except (ProcessLookupError, FileNotFoundError):
        return False


def gone(pid: int, patience: float = 10) -> bool:
    """Whether the process ends within ``patience`` seconds."""
    ends = monotonic() + patience
    while alive(pid):
        if monotonic() > ends:
            return False
        sleep(0.02)
    return True
