"""bash, zsh and fish on a real terminal, with a ``fsctl`` that only writes down how it is called.

What TAB inserts is what that ``fsctl`` gets when the line is sent; what it offers is on the screen.
Whenever a shell starts ``fsctl`` to complete a word, that is written down too.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import shutil
import struct
import subprocess
import termios
from collections.abc import Mapping
from pathlib import Path
from time import monotonic

from tests.support.command import clean_environment

SHELLS = tuple(shell for shell in ("bash", "zsh", "fish") if shutil.which(shell))
FILES = {"bash": "fsctl.bash", "zsh": "_fsctl", "fish": "fsctl.fish"}
COMPLETIONS = Path(__file__).parents[2] / "completions"
PROMPT = "READY> "
LOADS = {
    "bash": f"source '{COMPLETIONS}/fsctl.bash'",
    "zsh": f"fpath=('{COMPLETIONS}' $fpath); autoload -Uz compinit; compinit -u -D",
    "fish": f"source '{COMPLETIONS}/fsctl.fish'",
}
TAB, ENTER = "\t", "\r"

_ESCAPES = re.compile(r"\x1b\[[0-9;?>=]*[a-zA-Z]|\x1b[()][0-9A-Za-z]|\x1b[=>78]|\x1b\][^\x07]*\x07")

# Everything it is called with, a NUL after each word and a line feed after the call; names that a
# script asks for are whatever the test has put into answers/KIND.
_FSCTL = """#!/bin/sh
if [ "$1 $2" = "completion --names" ]; then
  printf '%s\\0' "$@" >>"$CALLS.names"; echo >>"$CALLS.names"
  cat "$CALLS.answers/$3" 2>/dev/null
else
  printf '%s\\0' "$@" >>"$CALLS"; echo >>"$CALLS"
fi
"""

_PYTHON = """#!/bin/sh
printf 'python\\0' >>"$CALLS.names"; echo >>"$CALLS.names"
"""


class ShellWindow:
    """One shell that runs interactively, its completion script loaded."""

    def __init__(
        self,
        shell: str,
        home: Path,
        load: str | None = None,
        env: Mapping[str, str] | None = None,
        fsctl: Path | None = None,
    ) -> None:
        """``load`` is what its start-up file says to load the script, ``fsctl`` another program."""
        self.shell = shell
        self.home = home
        self.calls_file = home / "calls"
        (home / "calls.answers").mkdir(parents=True, exist_ok=True)
        (home / "work").mkdir(exist_ok=True)
        binaries = home / "bin"
        binaries.mkdir(exist_ok=True)
        for name, text in (("fsctl", _FSCTL), ("python", _PYTHON), ("python3", _PYTHON)):
            (binaries / name).write_text(text)
            (binaries / name).chmod(0o755)
        if fsctl is not None:
            (binaries / "fsctl").write_bytes(fsctl.read_bytes())
        whole = {
            **clean_environment(home),
            "PATH": f"{binaries}:/usr/local/bin:/usr/bin:/bin",
            "TERM": "xterm",
            "LC_ALL": "C.UTF-8",
            "CALLS": str(self.calls_file),
            "HISTFILE": "",
            "XDG_CONFIG_HOME": str(home / ".config"),
            "XDG_DATA_HOME": str(home / ".local" / "share"),
            "XDG_CACHE_HOME": str(home / ".cache"),
            **(env or {}),
        }
        argv = _started(shell, home, LOADS[shell] if load is None else load)
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 60, 160, 0, 0))
        self._process = subprocess.Popen(
            argv, stdin=slave, stdout=slave, stderr=slave, env=whole, cwd=home / "work",
            start_new_session=True, preexec_fn=_take_terminal,
        )  # fmt: skip
        os.close(slave)
        self.screen = ""
        self.until(PROMPT)

    def type(self, keys: str) -> None:
        os.write(self._master, keys.encode())

    def until(self, *wanted: str, timeout: float = 20) -> str:
        """Read until all of these came since it was last asked; the text, without escapes."""
        seen, ends = "", monotonic() + timeout
        while not all(each in _ESCAPES.sub("", seen) for each in wanted):
            if monotonic() > ends:
                raise AssertionError(f"never came: {wanted}\n{_ESCAPES.sub('', seen)!r}")
            if select.select([self._master], [], [], 0.05)[0]:
                seen += os.read(self._master, 65536).decode("utf-8", "replace")
        self.screen = _ESCAPES.sub("", seen)
        return self.screen

    def drain(self) -> None:
        """Throw away what has come so far."""
        while select.select([self._master], [], [], 0.02)[0]:
            os.read(self._master, 65536)

    def clear_line(self) -> None:
        """Throw away the line that is being typed."""
        self.type("\x05\x15")  # to its end, and all before that
        self.drain()

    def sent(self, line: str) -> list[str]:
        """Type ``line``, TABs and all, send it, and give back what ``fsctl`` was called with."""
        self.calls_file.unlink(missing_ok=True)
        self.type(line)
        self.type(ENTER)
        ends = monotonic() + 20
        while not self.calls_file.exists() or not self.calls_file.read_bytes().endswith(b"\n"):
            if select.select([self._master], [], [], 0.02)[0]:
                self.screen += os.read(self._master, 65536).decode("utf-8", "replace")
            assert monotonic() < ends, _ESCAPES.sub("", self.screen)
        call = self.calls_file.read_bytes().decode().removesuffix("\n")
        return call.split("\0")[:-1]

    def offered(self, line: str, *wanted: str) -> str:
        """Type ``line`` and TAB until there is a list; the screen with all of ``wanted`` on it.

        readline lists at the TAB after the one that added nothing.
        """
        self.type(line + TAB + TAB + (TAB if self.shell == "bash" else ""))
        return self.until(*wanted)

    def answer(self, kind: str, text: str) -> None:
        """What ``fsctl completion --names KIND`` prints from now on."""
        (self.home / "calls.answers" / kind).write_text(text)

    @property
    def work(self) -> list[str]:
        """What stands in the directory the shell is in, which is empty at first."""
        return [each.name for each in (self.home / "work").iterdir()]

    @property
    def asked(self) -> list[list[str]]:
        """How ``fsctl completion --names`` or Python was started so far, in order."""
        file = self.calls_file.with_suffix(".names")
        if not file.exists():
            return []
        return [line.split("\0")[:-1] for line in file.read_text().splitlines()]

    def close(self) -> None:
        self._process.kill()
        self._process.wait()
        os.close(self._master)


def _started(shell: str, home: Path, load: str) -> list[str]:
    if shell == "bash":
        (home / "rc").write_text(
            f"PS1='{PROMPT}'\nbind 'set enable-bracketed-paste off'\n"
            f"bind 'set page-completions off'\nbind 'set bell-style none'\n{load}\n"
        )
        return ["bash", "--noprofile", "--rcfile", str(home / "rc"), "-i"]
    if shell == "zsh":
        (home / ".zshrc").write_text(
            f"PROMPT='{PROMPT}'\nunsetopt prompt_sp beep\nLISTMAX=1000\n{load}\n"
            "unset zle_bracketed_paste\n"
        )
        return ["zsh", "-d", "-i"]
    # Where this is missing, fish reads all manual pages with a Python of its own.
    (home / ".local/share/fish/generated_completions").mkdir(parents=True, exist_ok=True)
    start = f"function fish_prompt; printf '{PROMPT}'; end; function fish_right_prompt; end"
    return ["fish", "-i", "-C", f"{start}; set fish_greeting; {load}"]


def _take_terminal() -> None:
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
