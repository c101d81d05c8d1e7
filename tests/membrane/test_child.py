"""Child processes: bounded, and never left behind."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import textwrap
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from fsctl.membrane.child import (
    ChildNotStarted,
    ChildResult,
    ChildTimedOut,
    ChildTooLarge,
    end_children,
    run_child,
)

GENEROUS = 30.0

# Writes its own and its child's pid to argv[1], then does argv[2] while the grandchild hangs
# with the pipes open and TERM ignored.
FAMILY = """
import os, signal, subprocess, sys, time
hang = "import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); time.sleep(600)"
grandchild = subprocess.Popen([sys.executable, "-c", hang])
with open(sys.argv[1] + ".tmp", "w") as pids:
    pids.write(f"{os.getpid()} {grandchild.pid}")
os.rename(sys.argv[1] + ".tmp", sys.argv[1])
print("started", flush=True)
if sys.argv[2] == "hang":
    time.sleep(600)
"""


def run(
    code: str,
    tmp_path: Path,
    *arguments: str,
    timeout: float = GENEROUS,
    max_output: int = 1 << 20,
    env: dict[str, str] | None = None,
) -> ChildResult:
    argv = [sys.executable, "-c", textwrap.dedent(code), *arguments]
    environ = dict(os.environ) if env is None else env
    return run_child(argv, cwd=tmp_path, env=environ, timeout=timeout, max_output=max_output)


def gone(pid: int) -> bool:
    """Whether a process has ended (a zombie has)."""
    state = subprocess.run(
        ["ps", "-o", "stat=", "-p", str(pid)], capture_output=True, text=True, check=False
    ).stdout.strip()
    return state in ("", "Z", "Z+", "Zs")


def eventually(condition: Callable[[], bool]) -> bool:
    ends = time.monotonic() + GENEROUS
    while not condition():
        if time.monotonic() > ends:
            return False
        time.sleep(0.01)
    return True


def pids_in(file: Path) -> list[int]:
    return [int(pid) for pid in file.read_text().split()]


def test_status_and_both_streams_come_back_apart(tmp_path: Path) -> None:
    code = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(7)"
    assert run(code, tmp_path) == ChildResult(7, b"out\n", b"err\n")


def test_arguments_never_meet_a_shell(tmp_path: Path) -> None:
    hostile = "$(touch pwned); `touch pwned` | 'x' \"y\" \n *"
    result = run("import sys; sys.stdout.write(sys.argv[1])", tmp_path, hostile)
    assert result.stdout.decode() == hostile
    assert list(tmp_path.iterdir()) == []


def test_stdin_is_closed_whatever_ours_is(tmp_path: Path) -> None:
    reader, writer = os.pipe()
    ours = os.dup(0)
    os.dup2(reader, 0)
    os.write(writer, b"typed ahead")
    try:
        result = run("import os; print(os.read(0, 100))", tmp_path)
    finally:
        os.dup2(ours, 0)
        for each in (reader, writer, ours):
            os.close(each)
    assert result.stdout == b"b''\n"


def test_child_runs_in_the_given_directory_with_the_given_environment(tmp_path: Path) -> None:
    code = "import os; print(os.getcwd()); print(os.environ.get('ONLY'), 'HOME' in os.environ)"
    lines = run(code, tmp_path, env={"ONLY": "this"}).stdout.decode().splitlines()
    assert lines == [str(tmp_path.resolve()), "this False"]


def test_both_pipes_are_read_at_once(tmp_path: Path) -> None:
    code = """
        import sys
        for _ in range(64):
            sys.stderr.write("e" * 4096); sys.stderr.flush()
            sys.stdout.write("o" * 4096); sys.stdout.flush()
    """
    result = run(code, tmp_path)
    assert (len(result.stdout), len(result.stderr)) == (64 * 4096, 64 * 4096)


def test_output_of_exactly_the_bound_is_taken(tmp_path: Path) -> None:
    result = run("print('x' * 999)", tmp_path, max_output=1000)
    assert len(result.stdout) == 1000
    with pytest.raises(ChildTooLarge):
        run("print('x' * 1000)", tmp_path, max_output=1000)


@pytest.mark.parametrize("stream", ["stdout", "stderr"])
def test_output_over_the_bound_kills_the_child(tmp_path: Path, stream: str) -> None:
    code = f"""
        import os, sys
        open("pid", "w").write(str(os.getpid()))
        while True:
            sys.{stream}.write("x" * 4096)
    """
    with pytest.raises(ChildTooLarge, match="more than 100000 bytes"):
        run(code, tmp_path, max_output=100_000)
    assert gone(int((tmp_path / "pid").read_text()))


def test_timeout_kills_the_child_and_its_stubborn_grandchild(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    with pytest.raises(ChildTimedOut, match="did not end within 2 seconds"):
        run(FAMILY, tmp_path, str(pids), "hang", timeout=2)
    child, grandchild = pids_in(pids)
    assert eventually(lambda: gone(child) and gone(grandchild))


def test_grandchild_with_the_pipe_open_neither_hangs_us_nor_survives(tmp_path: Path) -> None:
    pids = tmp_path / "pids"
    assert run(FAMILY, tmp_path, str(pids), "leave") == ChildResult(0, b"started\n", b"")
    assert eventually(lambda: gone(pids_in(pids)[1]))


@pytest.mark.skipif(sys.platform == "win32", reason="sends SIGINT to itself")
def test_interrupt_kills_the_child_and_its_grandchild(tmp_path: Path) -> None:
    pids = tmp_path / "pids"

    def interrupt() -> None:
        eventually(pids.exists)
        os.kill(os.getpid(), signal.SIGINT)

    thread = threading.Thread(target=interrupt)
    thread.start()
    with pytest.raises(KeyboardInterrupt):
        run(FAMILY, tmp_path, str(pids), "hang")
    thread.join()
    assert eventually(lambda: all(gone(pid) for pid in pids_in(pids)))


def test_child_killed_by_a_signal_says_which(tmp_path: Path) -> None:
    code = "import os, signal; os.kill(os.getpid(), signal.SIGKILL)"
    assert run(code, tmp_path).code == -signal.SIGKILL


def test_child_that_closes_its_pipes_and_goes_on_is_waited_for(tmp_path: Path) -> None:
    code = "import os, sys, time; os.close(1); os.close(2); time.sleep(0.2); os._exit(3)"
    assert run(code, tmp_path).code == 3


def test_closed_pipes_do_not_lift_the_timeout(tmp_path: Path) -> None:
    code = "import os, time; os.close(1); os.close(2); time.sleep(600)"
    with pytest.raises(ChildTimedOut):
        run(code, tmp_path, timeout=0.5)


def test_missing_program_is_not_started(tmp_path: Path) -> None:
    with pytest.raises(ChildNotStarted, match="could not be started: No such file"):
        run_child([str(tmp_path / "none")], cwd=tmp_path, env={}, timeout=1)


@pytest.mark.parametrize("argument", ["nul\0byte", "half \ud800 pair", "x" * 200_000])
def test_argument_no_system_takes_is_not_started_and_not_shown(
    tmp_path: Path, argument: str
) -> None:
    with pytest.raises(ChildNotStarted) as caught:
        run("pass", tmp_path, argument)
    assert argument[:8] not in str(caught.value)


def test_who_stops_waiting_for_a_thread_ends_its_children(tmp_path: Path) -> None:
    pid = tmp_path / "pid"
    program = f"import os, time; open({str(pid)!r}, 'w').write(str(os.getpid())); time.sleep(60)"
    ended: list[object] = []

    def work() -> None:
        for _ in range(2):
            try:
                run = [sys.executable, "-c", program]
                done = run_child(run, cwd=tmp_path, env=dict(os.environ), timeout=60)
                ended.append(done.code)
            except ChildNotStarted as error:
                ended.append(str(error))

    thread = threading.Thread(target=work)
    thread.start()
    while not (pid.exists() and pid.read_text()):
        time.sleep(0.01)
    end_children(threading.Thread())  # another thread's are left alone
    end_children(thread)
    thread.join(GENEROUS)
    refused = f"{sys.executable} was not started: nobody waits for it any more"
    assert ended == [-signal.SIGTERM, refused]
