"""A child that has the terminal: what it gets, how it is stopped, and what it leaves behind."""

from __future__ import annotations

import fcntl
import os
import select
import signal
import subprocess
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic

import pytest

from fsctl.membrane.child import ChildNotStarted, ChildTimedOut
from fsctl.membrane.handover import Streams, hand_over

ROOT = Path(__file__).parents[2]
NOTHING = Streams(stdin=False, stdout=False, stderr=False)

# A program that hands over to the Python text in its argument, and tells how that ended.
PROGRAM = """
import os, signal, sys
from pathlib import Path
from fsctl.membrane.handover import Streams, hand_over

class Terminated(BaseException):
    pass

def terminate(number, frame):
    raise Terminated

signal.signal(signal.SIGTERM, terminate)
argv = [sys.executable, "-IS", "-c", "import os, signal, sys, time\\n" + sys.argv[1]]
try:
    print("ended with", hand_over(argv, cwd=Path("/"), env=dict(os.environ)), flush=True)
except KeyboardInterrupt:
    print("interrupted", flush=True)
except Terminated:
    print("terminated", flush=True)
"""
WAITS = "print(os.getpid(), 'waits', flush=True); time.sleep(600)"


def python(body: str) -> list[str]:
    return [sys.executable, "-IS", "-c", f"import os, sys, time\n{body}"]


def run(body: str, timeout: float | None = None, streams: Streams = NOTHING) -> int:
    argv = python(body)
    return hand_over(argv, cwd=Path("/"), env={}, streams=streams, timeout=timeout)


@pytest.mark.parametrize("status", [0, 1, 7])
def test_the_status_comes_back(status: int) -> None:
    assert run(f"sys.exit({status})") == status


def test_a_signal_comes_back_below_zero() -> None:
    assert run("os.kill(os.getpid(), 9)") == -9


@pytest.mark.parametrize("how", ["sys.exit(130)", "os.kill(os.getpid(), 2); time.sleep(9)"])
def test_a_child_that_was_interrupted_interrupts_us(how: str) -> None:
    with pytest.raises(KeyboardInterrupt):
        run(f"import signal; signal.signal(2, signal.SIG_DFL); {how}")


def test_a_child_that_cannot_be_started_is_told() -> None:
    with pytest.raises(ChildNotStarted, match="could not be started"):
        hand_over(["/nowhere/membrane"], cwd=Path("/"), env={})


def test_a_child_that_takes_too_long_is_ended(tmp_path: Path) -> None:
    file = tmp_path / "pid"
    body = f"open({str(file)!r}, 'w').write(str(os.getpid())); time.sleep(600)"
    with pytest.raises(ChildTimedOut):
        run(body, timeout=1.0)
    assert not file.exists() or not alive(int(file.read_text()))  # or it had not begun yet


def test_streams_that_are_not_given_are_nowhere(tmp_path: Path) -> None:
    file = tmp_path / "seen"
    null = Path(os.devnull).stat()
    body = f"open({str(file)!r}, 'w').write(repr([os.fstat(n).st_rdev for n in range(3)]))"
    assert run(body) == 0
    assert file.read_text() == repr([null.st_rdev] * 3)


# On a terminal


class Window:
    """A terminal with the program in front; ``screen`` is what came to it so far."""

    def __init__(self, master: int, process: subprocess.Popen[bytes]) -> None:
        self.master = master
        self.process = process
        self.screen = b""

    def wait_for(self, text: bytes, patience: float = 30.0) -> None:
        ends = monotonic() + patience
        while text not in self.screen:
            assert monotonic() < ends, self.screen
            self.look(0.1)

    def look(self, seconds: float) -> None:
        if select.select([self.master], [], [], seconds)[0]:
            self.screen += os.read(self.master, 65536)

    def press(self, keys: bytes) -> None:
        os.write(self.master, keys)

    @property
    def child(self) -> int:
        """The pid that the child printed before "waits"."""
        return int(self.screen.split(b" waits")[0].split()[-1])

    @property
    def local_modes(self) -> int:
        return int(termios.tcgetattr(self.master)[3])


@contextmanager
def window(body: str) -> Iterator[Window]:
    master, slave = os.openpty()
    process = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, body],
        stdin=slave,
        stdout=slave,
        stderr=slave,
        cwd=ROOT,
        start_new_session=True,
        preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
    )
    try:
        yield Window(master, process)
    finally:
        process.kill()
        process.wait(30)
        os.close(slave)
        os.close(master)


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
        return " Z " not in Path(f"/proc/{pid}/stat").read_text()  # dead, and not yet buried
    except (ProcessLookupError, FileNotFoundError):
        return False


def test_the_child_reads_what_is_typed_and_writes_to_the_screen() -> None:
    body = "print([os.isatty(n) for n in range(3)], input('Name? '), flush=True); sys.exit(3)"
    with window(body) as terminal:
        terminal.wait_for(b"Name? ")
        terminal.press(b"ada\n")
        terminal.wait_for(b"ended with 3")
        assert b"[True, True, True] ada" in terminal.screen


def test_ctrl_c_is_the_childs_and_then_ours() -> None:
    body = f"try:\n {WAITS}\nexcept KeyboardInterrupt:\n print('tidied up', flush=True)"
    with window(body) as terminal:
        terminal.wait_for(b" waits")
        terminal.press(b"\x03")
        terminal.wait_for(b"interrupted")
        assert b"tidied up" in terminal.screen, "the child was left the time to end well"
        assert terminal.screen.count(b"tidied up") == 1


def test_who_interrupts_us_again_interrupts_the_child() -> None:
    """Without the terminal's help: it tells the child by itself only what is typed."""
    body = f"try:\n {WAITS}\nexcept KeyboardInterrupt:\n print('told at last', flush=True)"
    with window(body) as terminal:
        terminal.wait_for(b" waits")
        for _ in range(100):
            terminal.process.send_signal(signal.SIGINT)
            terminal.look(0.2)
            if b"told at last" in terminal.screen:
                break
        terminal.wait_for(b"interrupted")


@pytest.mark.parametrize(
    ("number", "word"), [(signal.SIGTERM, b"terminated"), (signal.SIGINT, b"interrupted")]
)
def test_a_signal_to_us_alone_ends_the_child_first(number: signal.Signals, word: bytes) -> None:
    program = [sys.executable, "-c", PROGRAM, WAITS]
    with subprocess.Popen(
        program, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, cwd=ROOT, start_new_session=True
    ) as process:
        assert process.stdout is not None
        child = int(process.stdout.readline().split()[0])
        process.send_signal(number)
        assert word in process.stdout.read()
        assert not alive(child)


def test_the_terminal_is_as_it_was_whatever_the_child_did_to_it() -> None:
    body = f"import tty; tty.setraw(0); {WAITS}"
    with window(body) as terminal:
        before = terminal.local_modes
        assert before & termios.ECHO and before & termios.ICANON
        terminal.wait_for(b" waits")
        assert not terminal.local_modes & termios.ECHO
        os.kill(terminal.child, signal.SIGKILL)
        terminal.wait_for(b"ended with -9")
        assert terminal.local_modes == before
