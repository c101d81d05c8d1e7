"""``users export`` as a process that is stopped, killed, or has nowhere to write to."""

from __future__ import annotations

import json
import random
import resource
import shlex
import signal
import sqlite3
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.command import BINARY, Ended, Fsctl
from tests.support.online import token_environment
from tests.support.sandbox_server import running_sandbox

PEOPLE = 2000  # twenty pages
LATENCY = 0.04  # seconds a request


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a sandbox with many people, each page of which takes a moment."""
    directory = tmp_path_factory.mktemp("served")
    with running_sandbox(directory, seed=False, latency=LATENCY) as server:
        with closing(sqlite3.connect(directory / "sandbox.sqlite3")) as db, db:
            db.executemany(
                "INSERT INTO users (id, uid, properties, types, created) VALUES (?, ?, ?, ?, 0)",
                (
                    (str(10**18 + n), f"u{n}", json.dumps({"n": n, "tag": "=1"}), '{"n": "int"}')
                    for n in range(PEOPLE)
                ),
            )
        yield server.url


@pytest.fixture
def fsctl(served: str, tmp_path: Path) -> Fsctl:
    return Fsctl(tmp_path, token_environment(served))


def start(fsctl: Fsctl, *arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(BINARY), *arguments],
        env=fsctl.env,
        cwd=fsctl.home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def end(process: subprocess.Popen[str]) -> Ended:
    out, err = process.communicate(timeout=60)
    return Ended(process.returncode, out, err)


def wait_for(process: subprocess.Popen[str], happened: Callable[[], bool]) -> None:
    while process.poll() is None and not happened():
        time.sleep(0.002)


def uids(path: Path) -> list[str]:
    text = path.read_text()
    if path.suffix == ".jsonl":
        return [json.loads(line)["uid"] for line in text.splitlines()]
    return [line.split(",")[1] for line in text.splitlines()[1:]]


EVERYBODY = [f"u{n}" for n in range(PEOPLE)]


@pytest.mark.parametrize(("form", "seed"), [("jsonl", 1), ("csv", 2)])
def test_killed_at_random_moments_it_ends_with_everybody_once(
    form: str, seed: int, fsctl: Fsctl
) -> None:
    chance = random.Random(seed)
    to = fsctl.home / f"people.{form}"
    command = ("users", "export", "--to", to.name, "--resume", "--quiet")
    for _ in range(8):
        process = start(fsctl, *command)
        try:
            process.wait(0.2 + chance.random() * 0.8)
        except subprocess.TimeoutExpired:
            process.kill()
        code = end(process).code
        if to.exists():
            break
        assert code == -signal.SIGKILL
    done = fsctl(*command)
    assert done.code in (0, 2), done.show  # 2: it was done before, to its last trace
    assert uids(to) == EVERYBODY
    left = [path for path in fsctl.home.glob("*people*") if path != to and path.stat().st_size]
    assert left == []  # nobody's data lies about


@pytest.mark.parametrize(
    ("number", "code", "word"),
    [
        (signal.SIGINT, 130, "Interrupted"),
        (signal.SIGTERM, 143, "Terminated"),
        (signal.SIGHUP, 129, "Hung up"),
    ],
)
def test_stopped_it_tells_the_command_that_goes_on(
    number: signal.Signals, code: int, word: str, fsctl: Fsctl
) -> None:
    to = fsctl.home / "the people.csv"
    partial = to.with_name("the people.csv.partial")
    process = start(fsctl, "users", "export", "--to", to.name, "--restart")
    wait_for(process, lambda: partial.exists() and partial.stat().st_size > 0)
    process.send_signal(number)
    done = end(process)
    assert done.code == code, done.show
    assert f"{word}." in done.err
    assert not to.exists()
    [told] = [line for line in done.err.splitlines() if "goes on where it stopped" in line]
    words = shlex.split(told.partition(": ")[2])
    assert words == ["fsctl", "users", "export", "--to", to.name, "--resume"]
    again = fsctl(*words[1:])
    assert again.code == 0, again.show
    assert "people are there from an earlier run" in again.err
    assert uids(to) == EVERYBODY


def test_a_full_disk_is_told_and_with_more_room_it_goes_on(fsctl: Fsctl) -> None:
    to = fsctl.home / "people.jsonl"
    size = 30_000  # bytes of a file: some pages, but not all

    def little_room() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    done = fsctl("users", "export", "--to", to.name, preexec_fn=little_room)
    assert done.code == 1, done.show
    assert "cannot be written: File too large" in done.err
    assert "--resume" in done.err
    assert not to.exists()
    again = fsctl("users", "export", "--to", to.name, "--resume")
    assert again.code == 0, again.show
    assert "people are there from an earlier run" in again.err
    assert uids(to) == EVERYBODY


def test_no_room_for_those_who_wait_for_a_table_names_where_they_wait(tmp_path: Path) -> None:
    with running_sandbox(tmp_path, seed=False) as server:
        with closing(sqlite3.connect(tmp_path / "sandbox.sqlite3")) as db, db:
            properties = json.dumps({"text": "x" * 8000})
            db.executemany(
                "INSERT INTO users (id, uid, properties, types, created) VALUES (?, ?, ?, '{}', 0)",
                ((str(10**18 + n), f"u{n}", properties) for n in range(1200)),
            )

        def little_room() -> None:
            resource.setrlimit(resource.RLIMIT_FSIZE, (2**23, 2**23))

        fsctl = Fsctl(tmp_path, token_environment(server.url))
        done = fsctl("users", "export", "-o", "csv", "--quiet", preexec_fn=little_room)
        assert (done.code, done.out) == (1, ""), done.show
        state = fsctl.env["FSCTL_STATE_DIR"]
        assert f"they cannot be kept in {state!a}: File too large" in done.err
        assert list(Path(state).glob("*")) == []


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_a_reader_that_goes_ends_it_in_silence(form: str, fsctl: Fsctl) -> None:
    process = start(fsctl, "users", "export", "-o", form, "--quiet")
    assert process.stdout is not None
    if form == "jsonl":  # a table is written when all are known
        assert process.stdout.readline()
    process.stdout.close()
    assert process.stderr is not None
    assert (process.stderr.read(), process.wait(30)) == ("", 141)
    process.stderr.close()


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_behind_stdout_is_a_failure(fsctl: Fsctl) -> None:
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            [str(BINARY), "users", "export"],
            env=fsctl.env,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert "cannot be written: No space left on device" in done.stderr


def test_two_at_once_do_not_mix(fsctl: Fsctl) -> None:
    command = ("users", "export", "--to", "people.jsonl")
    partial = fsctl.home / "people.jsonl.partial"
    first = start(fsctl, *command)
    wait_for(first, lambda: partial.exists() and partial.stat().st_size > 0)
    first.send_signal(signal.SIGSTOP)
    for more in ((), ("--resume",), ("--restart",)):
        second = fsctl(*command, *more)
        assert second.code == 1, second.show
        assert "Another fsctl is exporting" in second.err
    first.send_signal(signal.SIGCONT)
    assert end(first).code == 0
    assert uids(fsctl.home / "people.jsonl") == EVERYBODY
