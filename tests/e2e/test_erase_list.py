"""``users delete --from-file`` with the installed command, against a sandbox that is slow."""

from __future__ import annotations

import json
import os
import shlex
import signal
import stat
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

import pytest

from tests.support.command import BINARY, Ended, Fsctl, clean_environment
from tests.support.online import token_environment
from tests.support.sandbox_server import running_sandbox

UIDS = ("ada", "grace", "linus", "mei", "sean", "party", "layla")
LATENCY = 50  # milliseconds: time enough to die in the middle of a request


class Served:
    """``fsctl sandbox serve`` as a process, and an fsctl that reaches it."""

    def __init__(self, home: Path) -> None:
        home.mkdir()
        self._log = home / "server.log"
        command = [str(BINARY), "sandbox", "serve", "--latency", str(LATENCY), "--log"]
        with self._log.open("wb") as log:
            self.process = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=log, env=clean_environment(home)
            )
        assert self.process.stdout is not None
        url = self.process.stdout.readline().decode().strip()
        (home / "client").mkdir()
        self.fsctl = Fsctl(home / "client", token_environment(url))

    def deletions(self) -> list[str]:
        """The ids that came in a DELETE and were deleted, in order."""
        lines = [line.split() for line in self._log.read_text().splitlines()]
        return [words[1].rpartition("/")[2] for words in lines if words[::2] == ["DELETE", "200"]]


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    server = Served(tmp_path / "served")
    try:
        yield server
    finally:
        server.process.terminate()
        server.process.communicate(timeout=20)


def until(happened: Callable[[], bool]) -> None:
    for _ in range(2000):
        if happened():
            return
        time.sleep(0.005)
    raise AssertionError("it did not happen")


def started(fsctl: Fsctl, *arguments: str, stdout: int | IO[bytes]) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        [str(BINARY), *arguments],
        stdin=subprocess.DEVNULL,
        stdout=stdout,
        stderr=subprocess.PIPE,
        env=fsctl.env,
        cwd=fsctl.home,
        # A shell that starts it in the background would have it ignore the interrupt.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


def requested(fsctl: Fsctl) -> int:
    """How many requests the journal holds."""
    files = list((fsctl.home / "state" / "erasures").glob("*.jsonl"))
    return files[0].read_text().count('"requested"') if files else 0


def list_of(fsctl: Fsctl, *names: str) -> Path:
    path = fsctl.home / "people.txt"
    path.write_text("# those who asked\n" + "".join(f"{name}\n" for name in names))
    return path


def ids_of(fsctl: Fsctl) -> list[str]:
    found = fsctl("users", "get", *UIDS, "--uid", "--jq", ".id")
    assert found.code == 0, found.show
    return found.out.split()


@pytest.mark.parametrize(
    ("number", "after"),
    [
        (signal.SIGINT, 3),
        (signal.SIGTERM, 1),
        (signal.SIGHUP, 2),
        (signal.SIGKILL, 1),
        (signal.SIGKILL, 3),
    ],
)
def test_a_run_that_is_cut_off_goes_on_and_each_is_asked_for_once(
    number: signal.Signals, after: int, served: Served
) -> None:
    fsctl = served.fsctl
    ids = ids_of(fsctl)
    people = list_of(fsctl, *UIDS, "ada@example.com")
    line = ("users", "delete", "--from-file", people.name, "--yes", "--via", "proxy")

    cut = started(fsctl, *line, stdout=subprocess.PIPE)
    until(lambda: requested(fsctl) >= after)
    cut.send_signal(number)
    out, err = cut.communicate(timeout=20)
    seen = len(out.splitlines())
    assert seen < len(UIDS)
    if number is signal.SIGKILL:
        command = shlex.join(["fsctl", *line])
    else:
        ended = Ended(cut.returncode, out.decode(), err.decode())
        assert ended.code == 128 + number, ended.show
        told = next(part for part in ended.err.splitlines() if "where it stopped: " in part)
        command = told.partition("where it stopped: ")[2]
        assert command == shlex.join(["fsctl", *line])

    done = fsctl(*shlex.split(command)[1:])

    assert done.code == 0, done.show
    rows = [json.loads(row) for row in done.out.splitlines()]
    assert sorted(row["line"] for row in rows) == list(range(2, len(UIDS) + 3)), done.show
    assert {row["state"] for row in rows} <= {
        "accepted", "being_deleted", "gone", "done_earlier", "duplicate",
    }  # fmt: skip
    assert Counter(served.deletions()) == Counter(ids), "each once, and none missed"
    left = list((fsctl.home / "state" / "erasures").glob("*.jsonl"))
    assert left == [], "a journal that nobody needs"


def test_the_same_over_actions(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    with running_sandbox(tmp_path, latency=LATENCY / 1000) as server:
        fsctl = Fsctl(home, token_environment(server.url))
        ids = ids_of(fsctl)
        list_of(fsctl, *UIDS)
        line = ("users", "delete", "--from-file", "people.txt", "--yes", "--via", "action")
        cut = started(fsctl, *line, stdout=subprocess.PIPE)
        until(lambda: requested(fsctl) >= 4)
        cut.kill()
        cut.communicate(timeout=20)

        done = fsctl(*line)

        assert done.code == 0, done.show
        action = fsctl("actions", "show", "delete-user", "--jq", ".id").out.strip()
        # A request that the kill cut off has no body, and asked for nothing.
        runs = [json.loads(each.body or b"{}") for each in server.requests if each.path == "/act"]
        deleted = [run["input"]["id"] for run in runs if run.get("id") == action]
        assert Counter(deleted) == Counter(ids), "each once, and none missed"


def test_deletions_go_on_when_nobody_reads_their_outcomes(served: Served) -> None:
    fsctl = served.fsctl
    ids = ids_of(fsctl)
    list_of(fsctl, *UIDS, "nobody")
    reader, writer = os.pipe()
    os.close(reader)
    with os.fdopen(writer, "wb") as stdout:
        process = started(
            fsctl, "users", "delete", "--from-file", "people.txt", "--yes", "--via", "proxy",
            stdout=stdout,
        )  # fmt: skip
    _, err = process.communicate(timeout=30)
    assert process.returncode == 6, err.decode()
    assert Counter(served.deletions()) == Counter(ids)
    rejects = fsctl.home / "people.rejects.txt"
    assert rejects.read_text() == "# line 9, missing: Nobody has the uid 'nobody'.\nnobody\n"
    assert stat.S_IMODE(rejects.stat().st_mode) == 0o600


def test_an_interrupt_of_the_preview_has_nothing_to_go_on_with(served: Served) -> None:
    fsctl = served.fsctl
    list_of(fsctl, *UIDS)
    process = started(
        fsctl, "users", "delete", "--from-file", "people.txt", "--yes", stdout=subprocess.PIPE
    )
    until(lambda: bool(list((fsctl.home / "state").glob("erasures/*.jsonl"))))
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=20)
    assert process.returncode == 130, err.decode()
    assert b"where it stopped" not in err
    assert served.deletions() == []
