"""``annotations run``: each signal reaches the command once, and fsctl waits for its end."""

from __future__ import annotations

import fcntl
import os
import re
import select
import shutil
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest

from tests.support.command import clean_environment
from tests.support.wrapped import LISTENER, RUN, Wrapped, alive, gone, python, wrapped

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX")

LISTENS = [sys.executable, "-IS", "-c", LISTENER]
SIGNALS = ("HUP", "INT", "QUIT", "TERM", "USR1", "ALRM", "WINCH")


def until_usr2(command: Wrapped) -> list[str]:
    """Send USR2, and give the signals that the listener was told before."""
    command.process.send_signal(signal.SIGUSR2)
    lines = []
    while (line := command.line()) != "SIGUSR2":
        assert line, command.end()
        lines.append(line)
    return lines


def taken(command: Wrapped) -> None:
    """Wait until fsctl has none pending: it passes one on before it takes the next."""
    status = Path(f"/proc/{command.process.pid}/status")
    ends = monotonic() + 30
    while status.exists() and not re.search(r"ShdPnd:\t0+\n", status.read_text()):
        assert monotonic() < ends


@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_to_fsctl_alone_is_passed_on(tmp_path: Path, name: str) -> None:
    with wrapped(tmp_path / "home", LISTENS) as command:
        command.ready()
        command.process.send_signal(getattr(signal, f"SIG{name}"))
        assert command.line() == f"SIG{name}"
        taken(command)
        assert until_usr2(command) == []
        assert command.end()[0] == 5


@pytest.mark.parametrize("name", SIGNALS)
def test_a_signal_to_the_whole_group_is_not_told_twice(tmp_path: Path, name: str) -> None:
    """By a terminal, `timeout`, GitLab's runner, dumb-init: terraform gives up at the second."""
    with wrapped(tmp_path / "home", LISTENS) as command:
        command.ready()
        for _ in range(2):  # each time anew
            os.killpg(command.process.pid, getattr(signal, f"SIG{name}"))
            assert command.line() == f"SIG{name}"
            taken(command)
            other = signal.SIGHUP if name == "USR1" else signal.SIGUSR1
            command.process.send_signal(other)
            assert command.line() == other.name
        taken(command)
        assert until_usr2(command) == []
        assert command.end()[0] == 5


def test_one_to_fsctl_and_then_one_to_the_group_are_one(tmp_path: Path) -> None:
    """What `timeout` does. On a machine that is busy they may be two after all."""
    told = set()
    with wrapped(tmp_path / "home", LISTENS) as command:
        command.ready()
        for _ in range(20):
            command.process.send_signal(signal.SIGTERM)
            taken(command)
            os.killpg(command.process.pid, signal.SIGTERM)
            assert command.line() == "SIGTERM"
            taken(command)
            command.process.send_signal(signal.SIGUSR1)
            lines = [command.line()]
            while lines[-1] != "SIGUSR1":
                lines.append(command.line())
            told.add(lines.count("SIGTERM"))
    assert told <= {0, 1} and 0 in told


def test_a_command_that_ignores_sigterm_is_waited_for(tmp_path: Path) -> None:
    body = "signal.signal(15, signal.SIG_IGN); print(os.getpid(), 'ready', flush=True)\n"
    with wrapped(tmp_path / "home", python(body + "sys.stdin.read(); sys.exit(9)"),
                 stdin=subprocess.PIPE) as command:  # fmt: skip
        command.ready()
        command.process.send_signal(signal.SIGTERM)
        with pytest.raises(subprocess.TimeoutExpired):
            command.process.wait(0.5)
        assert alive(command.pid)
        assert command.end()[0] == 9  # at the end of its stdin


def test_a_command_that_ends_well_after_a_signal_ends_well(tmp_path: Path) -> None:
    body = (
        "signal.signal(15, lambda *_: sys.exit(0)); print(os.getpid(), flush=True); time.sleep(60)"
    )
    with wrapped(tmp_path / "home", python(body)) as command:
        command.ready().process.send_signal(signal.SIGTERM)
        assert command.end()[0] == 0


def test_a_grandchild_that_keeps_the_pipes_holds_nobody_up(tmp_path: Path) -> None:
    body = (
        "if os.fork(): os._exit(3)\n"
        "os.setsid(); print(os.getpid(), flush=True); os.read(0, 1)"  # until its stdin ends
    )
    read, write = os.pipe()
    with wrapped(tmp_path / "home", python(body), stdin=read) as command:
        os.close(read)
        assert command.process.wait(30) == 3
        command.ready()
        assert alive(command.pid)
        os.close(write)
        assert gone(command.pid)


def test_nothing_of_fsctl_is_left_behind(tmp_path: Path) -> None:
    with wrapped(tmp_path / "home", LISTENS) as command:
        command.ready()
        others = processes_of(command.process.pid) - {command.process.pid, command.pid}
        assert len(others) == 1, "the bystander"
        command.process.kill()
        assert gone(others.pop()), "it ends when fsctl was killed"
        assert alive(command.pid), "and the command goes on"
        os.kill(command.pid, signal.SIGKILL)
    with wrapped(tmp_path / "home", LISTENS) as command:
        command.ready()
        others = processes_of(command.process.pid) - {command.process.pid, command.pid}
        os.kill(command.pid, signal.SIGUSR2)
        assert command.process.wait(30) == 5
        assert gone(others.pop())


def test_a_bystander_that_was_killed_or_stopped_harms_nobody(tmp_path: Path) -> None:
    for number in (signal.SIGKILL, signal.SIGSTOP):
        with wrapped(tmp_path / "home", LISTENS) as command:
            command.ready()
            others = processes_of(command.process.pid) - {command.process.pid, command.pid}
            os.kill(others.pop(), number)
            command.process.send_signal(signal.SIGTERM)
            assert command.line() == "SIGTERM"
            assert until_usr2(command) == []
            assert command.end()[0] == 5


def processes_of(group: int) -> set[int]:
    if not Path("/proc/self/stat").exists():
        pytest.skip("no /proc")
    found = set()
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            fields = stat.read_text().rpartition(")")[2].split()
        except OSError:
            continue
        if int(fields[2]) == group:
            found.add(int(stat.parent.name))
    return found


# On a terminal


class Window:
    """A terminal with a shell that has job control; ``screen`` is what came to it so far."""

    def __init__(self, master: int) -> None:
        self.master = master
        self.screen = b""

    def wait_for(self, pattern: bytes, patience: float = 30.0) -> re.Match[bytes]:
        """What comes next and matches; what stood before it is gone."""
        ends = monotonic() + patience
        while not (found := re.search(pattern, self.screen)):
            assert monotonic() < ends, self.screen
            if select.select([self.master], [], [], 0.1)[0]:
                self.screen += os.read(self.master, 65536)
        self.screen = self.screen[found.end() :]
        return found

    def type(self, keys: bytes) -> None:
        os.write(self.master, keys)


@contextmanager
def shell(home: Path) -> Iterator[Window]:
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash")
    home.mkdir()
    master, slave = os.openpty()
    listen = f"{RUN[0]} annotations run --fail-on never -- {sys.executable} -IS listener.py"
    (home / "listener.py").write_text(LISTENER)
    process = subprocess.Popen(
        [bash, "--norc", "--noprofile", "--noediting", "-i"],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        env=clean_environment(home, {"PS1": "$ ", "LISTEN": listen}),
        cwd=home,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    os.close(slave)
    try:
        window = Window(master)
        window.wait_for(rb"\$ ")
        yield window
    finally:
        os.close(master)  # hangs up everybody there
        process.kill()
        process.wait(30)


def test_ctrl_c_reaches_the_command_once(tmp_path: Path) -> None:
    with shell(tmp_path / "home") as window:
        window.type(b"$LISTEN; echo it was $?\n")
        pid = int(window.wait_for(rb"(\d+) ready")[1])
        for _ in range(2):
            window.type(b"\x03")
            window.wait_for(rb"SIGINT")
            os.kill(pid, signal.SIGUSR1)
            assert b"SIGINT" not in window.wait_for(rb"(?s).*?SIGUSR1")[0]
        os.kill(pid, signal.SIGUSR2)
        window.wait_for(rb"it was 5")


def test_ctrl_z_stops_it_and_fg_goes_on(tmp_path: Path) -> None:
    with shell(tmp_path / "home") as window:
        window.type(b"$LISTEN\n")
        pid = int(window.wait_for(rb"(\d+) ready")[1])
        window.type(b"\x1a")
        window.wait_for(rb"Stopped")
        window.wait_for(rb"\$ ")
        window.type(b"ps -o stat= -p %d\n" % pid)
        window.wait_for(rb"\nT")
        window.wait_for(rb"\$ ")
        os.kill(pid, signal.SIGUSR1)  # which it is told when it goes on
        window.type(b"fg\n")
        window.wait_for(rb"SIGUSR1")
        window.type(b"\x1c")
        window.wait_for(rb"SIGQUIT")
        os.kill(pid, signal.SIGUSR2)
        window.wait_for(rb"\$ ")
        window.type(b"echo it was $?\n")
        window.wait_for(rb"it was 5")
