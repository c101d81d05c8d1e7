"""A process beside a command, in the same process group, that tells who was told what.

A terminal, ``timeout``, GitLab's runner and ``dumb-init`` signal a whole process group; ``kill``
and GitHub's runner signal fsctl alone. fsctl itself sees no difference, and it matters: what was
not told has to be told, and what is told twice may take the second time for "at once", as
terraform does in the middle of a deploy. Nobody knows the bystander: what it got, all got.
"""

from __future__ import annotations

import contextlib
import os
import select
import signal
from typing import NoReturn

_YES, _NO = b"\1", b"\0"
_PATIENCE = 1.0  # seconds for an answer that takes microseconds: it may have been stopped


class Bystander:
    """A fork of this process that does nothing but keep the signals it gets. Not on Windows.

    The caller has one thread, or the fork could hold another's lock.
    """

    def __init__(self) -> None:
        """Raises OSError where there is no room for another process."""
        asked, self._ask = os.pipe()
        self._answers, answer = os.pipe()
        try:
            self._pid = os.fork()
            if self._pid == 0:
                _stand_by(asked, answer, (self._ask, self._answers))
        except OSError:
            os.close(self._ask)
            os.close(self._answers)
            raise
        finally:
            os.close(asked)
            os.close(answer)

    def saw(self, number: int) -> bool:
        """Whether that signal came to it too since it was last asked."""
        with contextlib.suppress(OSError):  # it was killed: nobody can say
            os.write(self._ask, bytes([number]))
            if select.select([self._answers], [], [], _PATIENCE)[0]:
                return os.read(self._answers, 1) == _YES
        return False

    def close(self) -> None:
        with contextlib.suppress(OSError):
            os.kill(self._pid, signal.SIGKILL)  # which a stopped process obeys, too
            os.waitpid(self._pid, 0)
        os.close(self._ask)
        os.close(self._answers)


def _stand_by(asked: int, answer: int, others: tuple[int, int]) -> NoReturn:
    """Answer until nobody is left to ask: then the other end of the pipe is closed."""
    try:
        signal.pthread_sigmask(signal.SIG_BLOCK, signal.valid_signals())
        for descriptor in others:
            os.close(descriptor)
        let_go({0, 1, 2})
        while question := os.read(asked, 1):
            os.write(answer, _YES if _took(question[0]) else _NO)
    finally:
        # A copy of fsctl must not end as fsctl does, with messages and flushed streams.
        while True:
            os.kill(os.getpid(), signal.SIGKILL)


def _took(number: int) -> bool:
    if number not in signal.sigpending():
        return False
    signal.sigwait({number})
    return True


def let_go(descriptors: set[int]) -> None:
    """Hold what they stand for no longer: a terminal or a pipe that others wait at."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for descriptor in descriptors:
        os.dup2(nowhere, descriptor)
    os.close(nowhere)
