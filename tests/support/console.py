"""Console blocks of help pages and README, replayed as a reader would: what is shown is what comes.

``$ `` begins a command; what follows is its output, ``...`` in it stands for what is left out.
Nothing shown, nothing compared. A command ends with 0, unless ``$ echo $?`` is next and shows with
what. ``$ cat FILE`` of a file that is not there makes it, from what is shown of it. ``$ export``
holds for the rest of the block. A block has a home of its own, which is its directory, and is the
sandbox's unless it says otherwise.
"""

from __future__ import annotations

import io
import os
import re
import shlex
import subprocess
import time
from collections.abc import Container, Iterator, Mapping
from contextlib import chdir, redirect_stdout
from pathlib import Path
from typing import NamedTuple

from tests.support.command import Ended, clean_environment
from tests.support.online import shell_environment
from tests.support.program import Program

_SHELL = re.compile(r"[|&;<>$`*?~\\#]")  # outside of quotes: something for a shell
_REMARK = "fsctl: sandbox: nothing leaves this machine.\n"


class Step(NamedTuple):
    """A command, and the lines that are shown of its output."""

    command: str
    shown: tuple[str, ...] = ()


def steps(block: str) -> Iterator[Step]:
    """The commands of a block in their order."""
    command = ""
    shown: list[str] = []
    for line in block.splitlines():
        if line.startswith("$ "):
            if command:
                yield Step(command, tuple(shown))
            command, shown = line.removeprefix("$ "), []
        else:
            shown.append(line)
    if command:
        yield Step(command, tuple(shown))


class Console:
    """Where a block is replayed: a home directory, and variables."""

    def __init__(self, home: Path, env: Mapping[str, str] | None = None) -> None:
        self.home = home
        self.env = {"FSCTL_TRANSPORT": "sandbox", **(env or {})}
        self.last = 0
        self.err = ""  # of the last command

    def replay(self, block: str, left_out: Container[str]) -> list[str]:
        """What does not go as it is written; commands in ``left_out`` are not run."""
        wrong = []
        every = list(steps(block))
        for step, following in zip(every, [*every[1:], Step("")], strict=True):
            if step.command in left_out:
                continue
            told = self.step(step, may_fail=following.command == "echo $?")
            if told:
                wrong.append(f"$ {step.command}\n{told}")
        return wrong

    def step(self, step: Step, *, may_fail: bool = False) -> str:
        """One command; what is wrong with it, or nothing."""
        words = shlex.split(step.command, comments=True)
        match words:
            case ["export", *assignments]:
                for word in assignments:
                    name, _, value = word.partition("=")
                    self.env[name] = value
                return ""
            case ["echo", "$?"]:
                return "" if step.shown[0] == str(self.last) else f"exit {self.last}"
            case ["cat", name] if step.shown and not (self.home / name).exists():
                (self.home / name).write_text("\n".join(step.shown) + "\n", "utf-8")
                return ""
        done = self.run(step.command)
        self.last, self.err = done.code, done.err
        if done.code != 0 and not may_fail:
            return done.show
        return done.show if step.shown and not _shows(done, step.shown) else ""

    def run(self, command: str) -> Ended:
        """In this process where the command is fsctl's alone, else by a shell."""
        words = shlex.split(command, comments=True)
        alone = words[0] == "fsctl" and not _SHELL.search(_unquoted(command))
        if alone and "run" not in words:  # which takes signals and children for itself
            return self._inside(words[1:])
        done = subprocess.run(
            ["/bin/sh", "-c", command],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={**clean_environment(self.home), **shell_environment(self.home), **self.env},
            cwd=self.home,
            timeout=60,
            check=False,
        )
        return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())

    def _inside(self, arguments: list[str]) -> Ended:
        program = Program(self.home, {"PATH": os.defpath, **self.env})
        printed = io.StringIO()  # help is printed by click
        with chdir(self.home), redirect_stdout(printed):
            done = program(*arguments, stdin=io.BytesIO(), sleep=time.sleep)
        return Ended(done.code, printed.getvalue() + done.out, done.err)


def _unquoted(command: str) -> str:
    return re.sub(r"'[^']*'|\"[^\"$`\\]*\"", "", command)


def _shows(done: Ended, shown: tuple[str, ...]) -> bool:
    """Whether these lines are the data, the messages, or both; the sandbox's remark may miss."""
    while shown and not shown[-1]:  # the empty line before the next command
        shown = shown[:-1]
    pattern = ".*".join(map(re.escape, "\n".join(shown).split("...")))
    err = done.err.replace(_REMARK, "")
    screens = (done.out, err, done.out + err, err + done.out)
    return any(re.fullmatch(pattern, screen.rstrip("\n"), re.DOTALL) for screen in screens)
