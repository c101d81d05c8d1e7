"""Run one child process to its end: bounded in time and output, and never left behind.

Used for the ``membrane`` binary and for a ``token_command``. An argv list, never a shell; stdin is
closed, so that nothing can wait for a person; the child leads its own session, so that killing it
kills what it started (contracts/membrane §1.6).
"""

from __future__ import annotations

import contextlib
import os
import queue
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import IO

MAX_OUTPUT = 64 * 1024 * 1024  # bytes of each stream
_READ = 64 * 1024  # bytes a read
_TICK = 0.1  # seconds between looks at a child whose pipes are still open
_LINGER = 0.5  # seconds for the pipes to close after the child's exit
_GRACE = 1.0  # seconds between TERM and KILL

_starting = threading.Lock()
_running: dict[subprocess.Popen[bytes], threading.Thread] = {}
_given_up: set[threading.Thread] = set()


@dataclass(frozen=True, slots=True)
class ChildResult:
    """How a child ended. ``code`` is its exit status, or minus the signal that killed it."""

    code: int
    stdout: bytes
    stderr: bytes


class ChildError(Exception):
    """A child gave no result. The message names the program, never its arguments."""


class ChildNotStarted(ChildError):
    """The program could not be started at all: nothing was done."""


class ChildTimedOut(ChildError):
    """It took too long and was killed, with everything it had started."""


class ChildTooLarge(ChildError):
    """It wrote more than the bound and was killed, with everything it had started."""


def run_child(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout: float,
    max_output: int = MAX_OUTPUT,
) -> ChildResult:
    """Run ``argv`` and return its exit status and whole output.

    ``argv[0]`` is an absolute path, ``env`` the child's whole environment, ``timeout`` seconds,
    ``max_output`` bytes of each stream. Raises :class:`ChildNotStarted`, :class:`ChildTimedOut` or
    :class:`ChildTooLarge`. On these and on every other way out (an interrupt, a termination) the
    child's process group is killed. A grandchild that keeps a pipe open after the child's exit is
    killed too, and what was read until then is the result.
    """
    ends = time.monotonic() + timeout
    process = _start(argv, cwd, env)
    try:
        pipes = _Pipes(process, max_output)
        code = _wait(process, pipes, ends, f"{argv[0]} did not end within {in_seconds(timeout)}")
    except BaseException:
        _kill_group(process)
        raise
    finally:
        del _running[process]
    return ChildResult(code, *pipes.contents())


def end_children(thread: threading.Thread, *, grace: float = _GRACE) -> None:
    """Kill what ``thread`` runs, and let it start nothing more: for who stops waiting for it.

    An interrupt only reaches the main thread. ``grace`` is in seconds, between TERM and KILL.
    """
    with _starting:
        _given_up.add(thread)
    for process, owner in tuple(_running.items()):
        if owner is thread:
            _kill_group(process, grace)


def _start(argv: Sequence[str], cwd: Path, env: Mapping[str, str]) -> subprocess.Popen[bytes]:
    with _starting:
        if threading.current_thread() in _given_up:
            raise ChildNotStarted(f"{argv[0]} was not started: nobody waits for it any more")
        try:
            process = subprocess.Popen(
                list(argv),
                cwd=cwd,
                env=dict(env),
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                start_new_session=True,
                creationflags=getattr(subprocess, "CREATE_NEW_PROCESS_GROUP", 0),
            )
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise ChildNotStarted(f"{argv[0]} could not be started: {why}") from None
        _running[process] = threading.current_thread()
        return process


def in_seconds(seconds: float) -> str:
    """A length of time as people read it: what is left of a deadline has many digits."""
    return f"{seconds:.0f} seconds" if seconds >= 10 else f"{seconds:.2g} seconds"


def _wait(process: subprocess.Popen[bytes], pipes: _Pipes, ends: float, late: str) -> int:
    while pipes.open:
        remaining = ends - time.monotonic()
        if remaining <= 0:
            raise ChildTimedOut(late)
        if not pipes.wait(min(_TICK, remaining)) and process.poll() is not None:
            if not pipes.drain(min(_LINGER, remaining)):
                _kill_group(process)
                pipes.drain(_LINGER)
            break
    try:
        return process.wait(timeout=max(0.0, ends - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise ChildTimedOut(late) from None


class _Pipes:
    """Reads stdout and stderr at once, each in a thread of its own (Windows cannot select)."""

    def __init__(self, process: subprocess.Popen[bytes], limit: int) -> None:
        assert process.stdout is not None and process.stderr is not None
        self._program = process.args[0] if isinstance(process.args, list) else ""
        self._limit = limit
        self._news: queue.SimpleQueue[bool] = queue.SimpleQueue()
        self._held = (bytearray(), bytearray())
        self.open = 2
        for pipe, held in zip((process.stdout, process.stderr), self._held, strict=True):
            threading.Thread(target=self._read, args=(pipe, held), daemon=True).start()

    def wait(self, seconds: float) -> bool:
        """Whether one of the pipes ended within ``seconds``."""
        try:
            overflowed = self._news.get(timeout=seconds)
        except queue.Empty:
            return False
        if overflowed:
            raise ChildTooLarge(f"{self._program} wrote more than {self._limit} bytes")
        self.open -= 1
        return True

    def drain(self, seconds: float) -> bool:
        """Whether both pipes ended, each within ``seconds``."""
        while self.open:
            if not self.wait(seconds):
                return False
        return True

    def contents(self) -> tuple[bytes, bytes]:
        return bytes(self._held[0]), bytes(self._held[1])

    def _read(self, pipe: IO[bytes], held: bytearray) -> None:
        with pipe:
            while chunk := os.read(pipe.fileno(), _READ):
                if len(held) + len(chunk) > self._limit:
                    self._news.put(True)
                    return
                held += chunk
        self._news.put(False)


def _kill_group(process: subprocess.Popen[bytes], grace: float = _GRACE) -> None:
    """TERM, a short grace, KILL: for the child and all it started."""
    try:
        _signal_group(process, "SIGTERM")
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=grace)
    finally:  # a second Ctrl-C during the grace still kills
        _signal_group(process, "SIGKILL")
    with contextlib.suppress(subprocess.TimeoutExpired):  # stuck in the kernel: leave it there
        process.wait(timeout=_GRACE)


def _signal_group(process: subprocess.Popen[bytes], name: str) -> None:
    if sys.platform == "win32":
        process.kill()  # has no process groups that could be killed
        return
    # macOS answers EPERM for a group of which only a zombie is left.
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(process.pid, getattr(signal, name))
