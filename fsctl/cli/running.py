"""Run a command as if it had been started by hand, and know when and how it ended.

It keeps our stdin, stdout and stderr, and every other open file; it stays in our process group, so
that the terminal's keys and whoever ends the whole group reach it; what is sent to us alone is
passed on, once. A grandchild that goes on in the background holds nobody up.
"""

from __future__ import annotations

import contextlib
import errno
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from types import FrameType
from typing import NamedTuple

GRACE = 5.0  # seconds that we take after a signal: build systems kill soon after they ask
NOT_EXECUTABLE, NOT_FOUND = 126, 127  # as shells have it
SIGNALLED = 128  # and the number of the signal

_STOPPING = ("SIGHUP", "SIGINT", "SIGQUIT", "SIGTERM")
# Stopping and going on (TSTP, TTIN, TTOU, CONT) is left to the kernel: it does both to the whole
# group, and a shell that sees us stopped knows what to do.
_PASSED_ON = (
    *_STOPPING, "SIGUSR1", "SIGUSR2", "SIGALRM", "SIGWINCH", "SIGPWR", "SIGINFO",
)  # fmt: skip
_SETTLED = 0.01  # seconds until a signal to a group is with all of it, where it is sent one by one
_SAME = 10  # times that long at most
_NOT_OURS = ("SIGPIPE", "SIGXFSZ")  # ignored by Python, which nobody else expects


class CannotStart(Exception):
    """The command could not be started: nothing was done. ``code`` is what a shell would end with.

    The message is the reason in a few words.
    """

    def __init__(self, code: int, why: str) -> None:
        super().__init__(why)
        self.code = code


class Ended(NamedTuple):
    """How a command ended: its exit code, 128+N where signal N killed it; aware times."""

    code: int
    started: datetime
    finished: datetime


class Signals:
    """Those that come to us from now on; none of them ends this process any more.

    Those that we were told to ignore (``nohup``) stay ignored, here and in the command. ``stops``
    are the monotonic seconds at which we were asked to end. Until :meth:`release`, those that come
    wait to be passed on.
    """

    def __init__(self) -> None:
        self.stops: list[float] = []
        self._hurries = False
        self.numbers = _taken()
        self.mask: set[int | signal.Signals] = set()  # what the command begins with
        if sys.platform != "win32":
            self.mask = signal.pthread_sigmask(signal.SIG_BLOCK, self.numbers)
        for number in self.numbers:
            signal.signal(number, self._handle)

    def note(self, number: int) -> None:
        if signal.Signals(number).name in _STOPPING:
            self.stops.append(time.monotonic())

    def release(self) -> None:
        """Let them come: the command is over, and they are only noted."""
        if sys.platform != "win32":
            signal.pthread_sigmask(signal.SIG_SETMASK, self.mask)

    @contextmanager
    def hurrying(self) -> Iterator[None]:
        """What goes on in it is over :data:`GRACE` seconds after a signal, or at another one.

        Then KeyboardInterrupt is raised in it.
        """
        self._hurries = True
        try:
            yield
        finally:
            self._hurries = False
            if sys.platform != "win32":
                signal.setitimer(signal.ITIMER_REAL, 0)

    def _handle(self, number: int, _frame: FrameType | None) -> None:
        self.note(number)
        if not self._hurries:
            return
        name = signal.Signals(number).name
        if name == "SIGALRM" or (name in _STOPPING and self._told_before()):
            raise KeyboardInterrupt
        if name in _STOPPING and sys.platform != "win32":
            signal.setitimer(signal.ITIMER_REAL, GRACE)

    def _told_before(self) -> bool:
        return len(self.stops) > 1 or sys.platform == "win32"  # which has no such timer


def _taken() -> set[signal.Signals]:
    names = ("SIGINT",) if sys.platform == "win32" else (*_PASSED_ON, "SIGCHLD")
    numbers = {signal.Signals[name] for name in names if name in signal.Signals.__members__}
    # An ignored SIGCHLD would have the kernel bury the command before we heard how it ended.
    return {n for n in numbers if n.name == "SIGCHLD" or signal.getsignal(n) != signal.SIG_IGN}


def run_command(
    argv: Sequence[str],
    environ: Mapping[str, str],
    *,
    now: Callable[[], datetime],
    signals: Signals,
) -> Ended:
    """Run ``argv`` to its end, however long that takes.

    ``argv[0]`` is looked up in PATH, ``environ`` is the whole environment. Raises
    :class:`CannotStart`.
    """
    started, began = now(), time.monotonic()
    try:
        code = _run(list(argv), environ, signals)
    finally:
        signals.release()
    finished = now()
    if finished < started:  # the clock was set back
        finished = started + timedelta(seconds=time.monotonic() - began)
    return Ended(code, started, finished)


def without_secrets(environ: Mapping[str, str]) -> dict[str, str]:
    """``environ`` for a command that is not Membrane's own: it gets no ``MEMBRANE_*``."""
    return {name: v for name, v in environ.items() if not name.upper().startswith("MEMBRANE_")}


if sys.platform == "win32":

    def _run(argv: list[str], environ: Mapping[str, str], _signals: Signals) -> int:
        """Without process groups: the console tells everyone in it of Ctrl-C."""
        import shutil
        import subprocess

        program = shutil.which(argv[0], path=environ.get("PATH")) or argv[0]
        try:
            process = subprocess.Popen([program, *argv[1:]], env=dict(environ))
        except (OSError, ValueError) as error:
            raise CannotStart(*_why(argv[0], error)) from None
        return process.wait()

else:

    def _run(argv: list[str], environ: Mapping[str, str], signals: Signals) -> int:
        from .bystander import Bystander, let_go

        _fill_gaps()
        with contextlib.ExitStack() as stack:
            saw: Callable[[int], bool] = _nobody_saw
            with contextlib.suppress(OSError):
                bystander = Bystander()
                stack.callback(bystander.close)
                saw = bystander.saw
            early = signal.sigpending()  # to whomever: the command is not there yet
            pid = _spawn(argv, environ, signals.mask)
            # Who reads what the command writes sees its end, and who writes to it, too.
            let_go({0, 1})

            def told(number: int) -> bool:
                everyone = _all_saw(number, saw)
                if number in early:
                    early.discard(number)
                    return False
                return everyone

            return _wait(pid, signals, told)

    def _fill_gaps() -> None:
        """Have no pipe of ours pass for a stream that was closed; closed it is to the command."""
        while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
            pass
        os.close(descriptor)

    def _all_saw(number: int, saw: Callable[[int], bool]) -> bool:
        """Whether the signal went to the whole group. Those that follow at once are the same one.

        ``timeout`` sends one to us and one to the group.
        """
        everyone = False
        for _ in range(_SAME):
            time.sleep(_SETTLED)
            everyone = saw(number) or everyone
            if number not in signal.sigpending():
                break
            signal.sigwait({number})
        return everyone

    def _nobody_saw(_number: int) -> bool:
        return False

    def _wait(pid: int, signals: Signals, told: Callable[[int], bool]) -> int:
        """The exit code; meanwhile signals are passed on, but those the command was ``told``."""
        while True:
            number = signal.sigwait(signals.numbers)
            if number == signal.SIGCHLD:
                ended, status = os.waitpid(pid, os.WNOHANG)
                if ended:
                    code = os.waitstatus_to_exitcode(status)
                    return code if code >= 0 else SIGNALLED - code
                continue
            signals.note(number)
            if not told(number):
                with contextlib.suppress(PermissionError):  # it is another user's by now (sudo)
                    os.kill(pid, number)

    def _spawn(argv: list[str], environ: Mapping[str, str], mask: set[int | signal.Signals]) -> int:
        """The pid. Not ``subprocess``, which would close the files that it does not know."""
        import shutil

        def start(command: list[str]) -> int:
            return os.posix_spawnp(
                command[0],
                command,
                environ,
                setsigmask=mask,
                setsigdef=[signal.Signals[name] for name in _NOT_OURS],
            )

        try:
            try:
                return start(argv)
            except OSError as error:
                script = shutil.which(argv[0], path=environ.get("PATH"))
                if error.errno != errno.ENOEXEC or script is None or not _is_text(script):
                    raise
                # A script without "#!": every shell runs it, and so does env.
                return start(["/bin/sh", script, *argv[1:]])
        except (OSError, ValueError) as error:
            raise CannotStart(*_why(argv[0], error)) from None

    def _is_text(script: str) -> bool:
        with Path(script).open("rb") as file:
            return b"\0" not in file.read(512)


def _why(name: str, error: OSError | ValueError) -> tuple[int, str]:
    """The exit code and the reason of a command that did not start."""
    if not isinstance(error, OSError):
        return (NOT_EXECUTABLE, str(error)) if name else (NOT_FOUND, "its name is empty")
    if error.errno != errno.ENOENT:
        return NOT_EXECUTABLE, error.strerror or str(error)
    if Path(name).name != name and Path(name).exists():
        return NOT_EXECUTABLE, "the program that runs it (its first line) is not there"
    return NOT_FOUND, "it was not found"
