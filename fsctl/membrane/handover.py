"""Hand the terminal over to a child, and take it back: for what a person has to answer.

Unlike ``child.run_child``, which captures what a child prints and never lets it ask.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from .child import ChildNotStarted, ChildTimedOut

_GRACE = 3.0  # seconds between TERM and KILL
_INTERRUPTED = (130, -signal.SIGINT)  # as programs say it, and as the kernel does


class Streams(NamedTuple):
    """Which of this process's streams the child gets; the others are /dev/null for it."""

    stdin: bool = True
    stdout: bool = True
    stderr: bool = True


def hand_over(
    argv: Sequence[str],
    *,
    cwd: Path,
    env: Mapping[str, str],
    streams: Streams = Streams(),  # noqa: B008 - immutable
    timeout: float | None = None,
) -> int:
    """Run ``argv`` on this process's own streams; its exit status, or minus the signal it died of.

    The child stays in this process's group, so that Ctrl-C and Ctrl-Z on the terminal reach it as
    if it had been started by hand; it is waited for, and then :class:`KeyboardInterrupt` is raised.
    Whatever else ends this process ends the child first. The terminal's settings are put back,
    however the child left them. Raises :class:`~.child.ChildNotStarted`, and
    :class:`~.child.ChildTimedOut` after ``timeout`` seconds.
    """
    with _settings_kept():
        try:
            process = subprocess.Popen(
                list(argv),
                cwd=cwd,
                env=dict(env),
                stdin=None if streams.stdin else subprocess.DEVNULL,
                stdout=None if streams.stdout else subprocess.DEVNULL,
                stderr=None if streams.stderr else subprocess.DEVNULL,
            )
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
            raise ChildNotStarted(f"{argv[0]} could not be started: {why}") from None
        try:
            code, interrupted = _wait(process, timeout)
        except BaseException:
            _end(process)
            raise
    if interrupted or code in _INTERRUPTED:
        raise KeyboardInterrupt
    return code


def _wait(process: subprocess.Popen[bytes], timeout: float | None) -> tuple[int, bool]:
    """The child's status, and whether there was an interrupt meanwhile."""
    ends = None if timeout is None else time.monotonic() + timeout
    interrupts = 0
    while True:
        try:
            left = None if ends is None else max(0.0, ends - time.monotonic())
            return process.wait(left), interrupts > 0
        except subprocess.TimeoutExpired:
            raise ChildTimedOut(f"it did not end within {timeout:g} seconds") from None
        except KeyboardInterrupt:
            interrupts += 1
            # The terminal tells everyone in front of it; a `kill -INT` tells only us. And who
            # presses Ctrl-C again means it, whatever the child makes of it.
            if interrupts > 1 or not _in_front():
                process.send_signal(signal.SIGINT)
            if interrupts > 2:
                raise


def _end(process: subprocess.Popen[bytes]) -> None:
    try:
        process.terminate()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(_GRACE)
    finally:
        process.kill()
    with contextlib.suppress(subprocess.TimeoutExpired):  # stuck in the kernel: leave it there
        process.wait(_GRACE)


def _in_front() -> bool:
    """Whether this process is one of those that the terminal's keys speak to."""
    if sys.platform == "win32":
        return True
    for descriptor in (0, 1, 2):
        with contextlib.suppress(OSError):
            return os.tcgetpgrp(descriptor) == os.getpgrp()
    return False


@contextlib.contextmanager
def _settings_kept() -> Iterator[None]:
    """Put the terminal's settings back: a child that dies while it draws leaves it without echo."""
    settings = _settings()
    try:
        yield
    finally:
        if settings is not None and _in_front():  # from behind, setting them would stop us
            import termios

            with contextlib.suppress(termios.error):
                termios.tcsetattr(0, termios.TCSADRAIN, settings)


def _settings() -> list[Any] | None:
    """Those of the terminal on stdin; None where there is none."""
    if sys.platform != "win32":
        import termios

        with contextlib.suppress(termios.error):
            return termios.tcgetattr(0)
    return None
