"""``annotations run``: a command runs below it as if it had been started by hand."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.command import Ended, Fsctl
from tests.support.wrapped import python, wrapped

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX")


def below(fsctl: Fsctl, *command: str, stdin: bytes | None = None) -> Ended:
    """The command below fsctl, which has no road: nothing is sent and nothing fails for it."""
    return fsctl("annotations", "run", "--fail-on", "never", "--", *command, stdin=stdin)


@pytest.mark.parametrize("code", [0, 1, 2, 4, 130, 255])
def test_the_exit_code_is_the_commands(fsctl: Fsctl, code: int) -> None:
    ended = below(fsctl, *python(f"sys.exit({code})"))
    assert ended.code == code, ended.show


@pytest.mark.parametrize("number", [signal.SIGKILL, signal.SIGTERM, signal.SIGSEGV])
def test_a_command_that_a_signal_killed_ends_with_128_and_its_number(
    fsctl: Fsctl, number: signal.Signals
) -> None:
    ended = below(fsctl, *python(f"os.kill(os.getpid(), {int(number)})"))
    assert ended.code == 128 + number, ended.show


def test_stdin_stdout_and_stderr_are_the_commands_own(fsctl: Fsctl) -> None:
    ended = below(fsctl, *python("print(input()[::-1]); print('and this', file=sys.stderr)"),
                  stdin=b"olleh\n")  # fmt: skip
    assert ended.out == "hello\n"
    assert "and this\n" in ended.err


def test_no_byte_is_changed_or_added(tmp_path: Path) -> None:
    everything = bytes(range(256)) * 4096 + b"\r\n\xff\xfe no end of line"
    body = "sys.stdout.buffer.write(sys.stdin.buffer.read())"
    with wrapped(tmp_path / "home", python(body), stdin=subprocess.PIPE) as command:
        out, _ = command.process.communicate(everything, timeout=30)
    assert out == everything


def test_nothing_of_stdin_is_taken_that_the_command_leaves(tmp_path: Path) -> None:
    """As in a loop of a shell: `while read line; do fsctl annotations run -- ...; done`."""
    read, write = os.pipe()
    os.write(write, b"one\ntwo\n")
    with wrapped(tmp_path / "home", python("os.read(0, 4)"), stdin=read) as command:
        assert command.end()[0] == 0
    os.close(write)
    assert os.read(read, 100) == b"two\n"
    os.close(read)


def test_other_open_files_stay_open(tmp_path: Path) -> None:
    """make hands its jobserver down like that."""
    read, write = os.pipe()
    with wrapped(
        tmp_path / "home",
        python(f"os.write({write}, b'from the command')"),
        pass_fds=(write,),
    ) as command:
        os.close(write)
        code, _, err = command.end()
    assert (code, os.read(read, 100)) == (0, b"from the command"), err
    os.close(read)


def test_the_command_has_the_whole_environment_but_membranes(fsctl: Fsctl) -> None:
    fsctl.env |= {"MEMBRANE_TOKEN": "x", "MEMBRANE_WORKSPACE_SECRET": "y", "AWS_KEY": "z"}
    ended = below(fsctl, *python("print(*sorted(os.environ))"))
    assert set(ended.out.split()) == {n for n in fsctl.env if not n.startswith("MEMBRANE_")} | (
        {"LC_CTYPE"} & set(ended.out.split())  # Python's own, where there is no locale
    )


def test_the_command_begins_with_the_signals_of_a_fresh_process(fsctl: Fsctl) -> None:
    told = ["grep", "-E", "Sig(Blk|Ign)", "/proc/self/status"]  # Python would ignore SIGPIPE itself
    if not Path("/proc/self/status").exists():
        pytest.skip("no /proc")
    alone = subprocess.run(told, capture_output=True, text=True, check=True)
    assert signals_in(below(fsctl, *told).out) == signals_in(alone.stdout) != []


def signals_in(status: str) -> list[int]:
    """Without 32 and 33, which are glibc's own and which it treats as it likes."""
    return [int(line.split()[1], 16) & 0x7FFFFFFF for line in status.splitlines()]


def test_what_is_ignored_stays_ignored(tmp_path: Path) -> None:
    """`nohup` and `trap ""` are of use only if the command gets them too."""
    body = "print(all(signal.getsignal(n) == signal.SIG_IGN for n in (1, 2, 15)))"

    def ignore() -> None:
        for number in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
            signal.signal(number, signal.SIG_IGN)

    with wrapped(tmp_path / "home", python(body), preexec_fn=ignore) as command:
        assert command.end()[1] == b"True\n"


def test_what_stands_after_the_command_is_the_commands(fsctl: Fsctl) -> None:
    told = python("print(sys.argv[1:])", "--dry-run", "-h", "--", "--fail-on", "é", "")
    for separator in (("--",), ()):
        ended = fsctl("annotations", "run", "--fail-on", "never", *separator, *told)
        assert ended.out == "['--dry-run', '-h', '--', '--fail-on', 'é', '']\n", ended.show


# Commands that do not start


def script(path: Path, content: bytes, mode: int = 0o755) -> str:
    path.write_bytes(content)
    path.chmod(mode)
    return str(path)


def test_a_command_that_is_not_there_is_127(fsctl: Fsctl) -> None:
    for name in ("no-such-command", "./no-such-command", "/no/such/command", ""):
        ended = below(fsctl, name)
        assert (ended.code, ended.out) == (127, ""), ended.show
        why = "it was not found" if name else "its name is empty"
        assert f"{name!r} cannot be started: {why}." in ended.err


def test_a_command_that_cannot_be_run_is_126(fsctl: Fsctl, tmp_path: Path) -> None:
    for name, why in (
        (script(tmp_path / "plain", b"#!/bin/sh\n", 0o644), "denied"),
        (str(tmp_path), "denied"),
        (script(tmp_path / "lost", b"#!/no/such/interpreter\n"), "first line"),
        (script(tmp_path / "other", b"\x7fELF\0\0\0 of another machine"), "format"),
    ):
        ended = below(fsctl, name)
        assert (ended.code, ended.out) == (126, ""), ended.show
        assert "cannot be started" in ended.err and why in ended.err


def test_a_script_without_a_first_line_runs_as_in_a_shell(fsctl: Fsctl, tmp_path: Path) -> None:
    path = script(tmp_path / "deploy", b'echo "$0 $1"; exit 3\n')
    ended = below(fsctl, path, "a b")
    assert (ended.code, ended.out) == (3, f"{path} a b\n"), ended.show
    fsctl.env["PATH"] = f"{tmp_path}:{fsctl.env['PATH']}"
    assert below(fsctl, "deploy", "a b").out == f"{path} a b\n"
