"""Talk to the installed ``fsctl`` on a real terminal, and see the screen as a person does.

A terminal in small stands behind it: it follows the movements with which questions are drawn, so
that what is looked for may have been drawn in any order.
"""

from __future__ import annotations

import fcntl
import os
import re
import select
import signal
import struct
import subprocess
import termios
import unicodedata
from collections.abc import Mapping
from pathlib import Path
from time import monotonic
from types import TracebackType
from typing import Any, Self

from tests.support.command import BINARY, Ended

ENTER, CTRL_C, CTRL_D, BACKSPACE = b"\r", b"\x03", b"\x04", b"\x7f"
UP, DOWN = b"\x1b[A", b"\x1b[B"
CLEAR_LINE = b"\x15"
PATIENCE = 90.0  # seconds, for a machine that does much else

_PIECE = re.compile(r"\x1b\[([?>=]?)([0-9;]*)([@-~])|\x1b[()][A-Z0-9]|\x1b[=>78]|.", re.DOTALL)


class Screen:
    """The cells of a terminal that is ``columns`` wide and as high as need be."""

    def __init__(self, columns: int) -> None:
        self.columns = columns
        self._lines: list[list[str]] = [[]]
        self._row = self._column = 0

    @property
    def text(self) -> str:
        return "\n".join("".join(line).rstrip() for line in self._lines).rstrip() + "\n"

    def write(self, text: str) -> None:
        for piece in _PIECE.finditer(text):
            if piece[0] == "\x1b":
                raise AssertionError(f"not followed: {text[piece.start() :][:20]!r}")
            if piece[0].startswith("\x1b"):
                if piece[3] and not piece[1]:
                    self._follow(piece[3], int((piece[2] or "").split(";")[0] or 0))
            else:
                self._put(piece[0])

    def _follow(self, command: str, number: int) -> None:
        line = self._lines[self._row]
        match command:
            case "A":
                self._row = max(0, self._row - max(number, 1))
            case "B":
                self._row += max(number, 1)
            case "C":
                self._column = min(self._column + max(number, 1), self.columns - 1)
            case "D":
                self._column = max(0, self._column - max(number, 1))
            case "K":
                assert number == 0
                del line[self._column :]
            case "J":
                assert number == 0
                del line[self._column :]
                del self._lines[self._row + 1 :]
            case "m":
                pass
            case _:
                raise AssertionError(f"not followed: {number}{command}")
        self._reach()

    def _put(self, character: str) -> None:
        match character:
            case "\r":
                self._column = 0
            case "\n":
                self._row += 1
            case "\b":
                self._column = max(0, self._column - 1)
            case "\a":
                pass
            case _ if unicodedata.combining(character):
                self._lines[self._row][self._column - 1] += character
            case _:
                self._draw(character)
        self._reach()

    def _draw(self, character: str) -> None:
        cells = 2 if unicodedata.east_asian_width(character) in "WF" else 1
        if self._column + cells > self.columns:
            self._row, self._column = self._row + 1, 0
            self._reach()
        line = self._lines[self._row]
        line.extend(" " * (self._column + cells - len(line)))
        line[self._column : self._column + cells] = [character, *[""] * (cells - 1)]
        self._column += cells

    def _reach(self) -> None:
        while self._row >= len(self._lines):
            self._lines.append([])


class Window:
    """One run of ``fsctl`` in a window of that many columns; it ends with the block.

    The terminal is the program's controlling one, so :data:`CTRL_C` interrupts it. With ``to``,
    stdout goes to that file, as a shell's ``>`` does.
    """

    def __init__(
        self,
        *arguments: str,
        env: Mapping[str, str],
        cwd: Path,
        columns: int = 100,
        to: Path | None = None,
    ) -> None:
        self._master, slave = os.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 60, columns, 0, 0))
        with (to or Path(os.devnull)).open("wb") as file:
            self._process = subprocess.Popen(
                [str(BINARY), *arguments],
                stdin=slave,
                stdout=file if to else slave,
                stderr=slave,
                env={"TERM": "xterm-256color", **env},
                cwd=cwd,
                start_new_session=True,
                preexec_fn=_take_terminal,
            )
        os.close(slave)
        self._screen = Screen(columns)
        self._ends = monotonic() + PATIENCE
        self.raw = b""
        self._rest = b""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        _kind: type[BaseException] | None,
        _error: BaseException | None,
        _where: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._master)

    @property
    def screen(self) -> str:
        """What stands in the window now, trailing blanks left out."""
        return self._screen.text

    @property
    def modes(self) -> list[Any]:
        """How the terminal is set: whether it echoes, reads lines, and so on."""
        return termios.tcgetattr(self._master)

    def interrupt(self, number: signal.Signals) -> None:
        """Send the program a signal."""
        self._process.send_signal(number)

    def see(self, text: str) -> None:
        """Wait until ``text`` stands on the screen; line breaks count as blanks."""
        while text not in " ".join(self.screen.split()):
            assert self._read(), f"never saw {text!r}:\n{self.screen}"

    def type(self, *keys: bytes | str) -> None:
        for key in keys:
            os.write(self._master, key.encode() if isinstance(key, str) else key)

    def answer(self, question: str, *keys: bytes | str) -> None:
        """Wait for the question, and type."""
        self.see(question)
        self.type(*keys)

    def end(self) -> Ended:
        """Wait for the end; ``out`` is the screen."""
        while self._read():
            pass
        return Ended(self._process.wait(PATIENCE), self.screen, "")

    def _read(self) -> bool:
        """Read what comes next; False when nobody will write any more, or for too long."""
        while monotonic() < self._ends:
            if not select.select([self._master], [], [], 0.1)[0]:
                continue
            try:
                chunk = os.read(self._master, 65536)
            except OSError:  # how Linux says that nobody is there any more
                return False
            self.raw += chunk
            self._follow(self._rest + chunk)
            return chunk != b""
        return False

    def _follow(self, data: bytes) -> None:
        """Draw what is whole: a chunk may end within a character or a movement."""
        end = len(data)
        escape = data.rfind(b"\x1b")
        if escape >= 0 and not re.match(rb"\x1b(?:\[[?>=]?[0-9;]*[@-~]|[^\[])", data[escape:]):
            end = escape
        try:
            text = data[:end].decode()
        except UnicodeDecodeError as error:
            end = error.start
            text = data[:end].decode()
        self._rest = data[end:]
        self._screen.write(text)


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
