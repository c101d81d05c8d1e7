"""Run the installed ``fsctl`` in a terminal window of a given size, through a pseudo-terminal."""

from __future__ import annotations

import contextlib
import fcntl
import os
import select
import struct
import subprocess
import termios
from collections.abc import Mapping
from pathlib import Path
from time import monotonic

from tests.support.command import BINARY, Ended


def in_window(
    *arguments: str,
    env: Mapping[str, str],
    cwd: Path,
    columns: int = 80,
    timeout: float = 30,
) -> Ended:
    """Run it with stdin, stdout and stderr on one terminal; ``out`` is all that came to it.

    The terminal's own ``\\r\\n`` comes back as ``\\n``; everything else is as it was written.
    """
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, columns, 0, 0))
    with open(master, "rb", buffering=0) as screen:  # noqa: PTH123 - a descriptor, not a path
        process = subprocess.Popen(
            [str(BINARY), *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=dict(env),
            cwd=cwd,
            start_new_session=True,
        )
        os.close(slave)
        written = _read(screen.fileno(), monotonic() + timeout)
    try:
        code = process.wait(timeout)
    finally:
        process.kill()
    return Ended(code, written.decode("utf-8").replace("\r\n", "\n"), "")


def _read(descriptor: int, ends: float) -> bytes:
    """Everything until the last program lets go of the terminal."""
    written = b""
    while monotonic() < ends:
        if not select.select([descriptor], [], [], 0.1)[0]:
            continue
        with contextlib.suppress(OSError):  # how Linux says that nobody is there any more
            chunk = os.read(descriptor, 65536)
            if chunk:
                written += chunk
                continue
        return written
    return written
