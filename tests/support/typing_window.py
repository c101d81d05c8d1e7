"""Run the installed ``fsctl`` on a real terminal and type an answer when it asks."""

from __future__ import annotations

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

CTRL_C, CTRL_D = b"\x03", b"\x04"


def typing(
    *arguments: str,
    when: str,
    answer: bytes,
    env: Mapping[str, str],
    cwd: Path,
    timeout: float = 30,
) -> Ended:
    """Type ``answer`` once the screen shows ``when``; ``out`` is the screen with what was echoed.

    The terminal is the program's controlling one, so :data:`CTRL_C` interrupts it.
    """
    master, slave = os.openpty()
    fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 100, 0, 0))
    process = subprocess.Popen(
        [str(BINARY), *arguments],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=dict(env),
        cwd=cwd,
        start_new_session=True,
        preexec_fn=_take_terminal,
    )
    os.close(slave)
    try:
        screen = _talk(master, when.encode(), answer, monotonic() + timeout)
        code = process.wait(timeout)
    finally:
        process.kill()
        os.close(master)
    return Ended(code, screen.decode().replace("\r\n", "\n"), "")


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


def _talk(master: int, when: bytes, answer: bytes, ends: float) -> bytes:
    screen, typed = b"", False
    while monotonic() < ends:
        if select.select([master], [], [], 0.1)[0]:
            try:
                chunk = os.read(master, 65536)
            except OSError:  # how Linux says that nobody is there any more
                chunk = b""
            if not chunk:
                break
            screen += chunk
        if not typed and when in screen:
            os.write(master, answer)
            typed = True
    return screen
