"""How much memory a command took at most, as the system counted it."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import NamedTuple


class Spent(NamedTuple):
    """Wall time in seconds, the largest resident set in bytes, the exit status."""

    seconds: float
    peak: int
    status: int


def spend(command: Sequence[str], env: Mapping[str, str], out: Path) -> Spent:
    """Run ``command`` with stdout in the file ``out``."""
    started = time.perf_counter()
    flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    pid = os.posix_spawn(
        command[0],
        list(command),
        dict(env),
        file_actions=[
            (os.POSIX_SPAWN_OPEN, 1, str(out), flags, 0o600),
            (os.POSIX_SPAWN_OPEN, 2, os.devnull, os.O_WRONLY, 0),
        ],
    )
    _, status, usage = os.wait4(pid, 0)
    # Kilobytes on Linux, bytes on macOS.
    unit = 1 if sys.platform == "darwin" else 1024
    seconds = time.perf_counter() - started
    return Spent(seconds, usage.ru_maxrss * unit, os.waitstatus_to_exitcode(status))
