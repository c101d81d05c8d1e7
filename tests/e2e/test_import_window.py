"""Imports as a person sees them: on a real terminal, cut off by its keys and by signals."""

from __future__ import annotations

import json
import resource
import shlex
import signal
import subprocess
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from types import MappingProxyType

import pytest

from fsctl.errors import ExitCode
from fsctl.sandbox.faults import Faults
from tests.support.command import BINARY, Ended, Fsctl
from tests.support.drawn_window import CTRL_C, Window
from tests.support.online import Online, online

POST = "POST /connections/6920c5a1d3f4e5b6a7c8d901/proxy/v2/{}/batch"


@pytest.fixture
def road(tmp_path: Path) -> Iterator[Online]:
    with online(tmp_path, seed=False) as road:
        yield road


def people(road: Online, name: str = "people.jsonl", count: int = 20) -> str:
    rows = (json.dumps({"uid": f"{Path(name).stem}-{number}"}) for number in range(count))
    (home(road) / name).write_text("\n".join(rows) + "\n")
    return name


def home(road: Online) -> Path:
    return road.fsctl.home


def window(
    road: Online, *arguments: str, columns: int = 60, env: Mapping[str, str] = MappingProxyType({})
) -> Window:
    assert isinstance(road.fsctl, Fsctl)
    return Window(*arguments, env={**road.fsctl.env, **env}, cwd=home(road), columns=columns)


def until(happened: Callable[[], bool]) -> None:
    for _ in range(4000):
        if happened():
            return
        time.sleep(0.005)
    raise AssertionError("it did not happen")


def posts(road: Online, kind: str = "users") -> int:
    sent = [f"{each.method} {each.path}" for each in road.server.requests]
    return sent.count(POST.format(kind))


def count(road: Online, table: str) -> int:
    with road.server.store.connection() as db:
        return int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def test_a_picture_shows_how_far_it_has_come_and_goes_when_it_is_done(road: Online) -> None:
    with window(road, "users", "import", people(road)) as seen:
        seen.see("20 read 20 sent 0 accepted 1 job in flight")
        assert "people.jsonl  ╍╍╍" in seen.screen
        done = seen.end()
    assert done.code == ExitCode.DONE, done.show
    lines = [line.split(None, 1) for line in done.out.splitlines()]
    assert lines[:4] == [
        ["source", "people.jsonl"],
        ["outcome", "imported"],
        ["read", "20"],
        ["sent", "20"],
    ]
    assert "in flight" not in done.out
    assert "rejects" not in done.out, "what there is none of is left out"


def test_waiting_for_the_rate_limit_is_said_aloud(road: Online) -> None:
    road.server.retry_after = 2
    road.server.faults = Faults(["429:x1@/v2/users/batch"], seed=0)
    with window(road, "users", "import", people(road)) as seen:
        seen.see("s for the rate limit")
        assert seen.end().code == ExitCode.DONE


@pytest.mark.parametrize("variable", [{"NO_COLOR": "1"}, {"TERM": "dumb"}])
def test_a_terminal_gets_what_it_can_show(variable: dict[str, str], road: Online) -> None:
    with window(road, "users", "import", people(road), env=variable) as seen:
        done = seen.end()
    assert done.code == ExitCode.DONE, done.show
    assert b"\x1b[3" not in seen.raw
    assert (b"\x1b" in seen.raw) is ("NO_COLOR" in variable)


def test_quiet_shows_the_summary_alone(road: Online) -> None:
    with window(road, "users", "import", people(road), "-q") as seen:
        done = seen.end()
    assert done.out.startswith("source    people.jsonl\n"), done.show
    assert b"in flight" not in seen.raw


def test_ctrl_c_tells_the_command_that_goes_on(road: Online) -> None:
    name = people(road)
    road.server.latency = 0.05
    with window(road, "users", "import", name, columns=80) as seen:
        seen.see("20 sent")
        seen.type(CTRL_C)
        ended = seen.end()
    assert ended.code == ExitCode.INTERRUPTED, ended.show
    assert "fsctl: error: Interrupted." in ended.out
    assert f"This goes on where it stopped: fsctl users import {name}" in ended.out
    assert "in flight" not in ended.out, "the picture went"
    done = road("users", "import", name)
    assert done.code == ExitCode.DONE, done.show
    assert json.loads(done.out)["accepted"] == 20
    assert posts(road) == 1


def started(
    road: Online, *arguments: str, stdin: int = subprocess.DEVNULL
) -> subprocess.Popen[bytes]:
    assert isinstance(road.fsctl, Fsctl)
    return subprocess.Popen(
        [str(BINARY), *arguments],
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=road.fsctl.env,
        cwd=home(road),
        # A shell that starts it in the background would have it ignore the interrupt.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])
def test_of_several_inputs_none_is_imported_twice(number: signal.Signals, road: Online) -> None:
    names = []
    for name in ("first.jsonl", "second.jsonl", "third.jsonl"):
        rows = ({"name": name, "user": {"uid": "ada"}} for _ in range(3))
        (home(road) / name).write_text("".join(json.dumps(row) + "\n" for row in rows))
        names.append(name)
    process = started(road, "events", "import", *names)
    until(lambda: posts(road, "events") == 2)
    process.send_signal(number)
    out, err = process.communicate(timeout=20)
    ended = Ended(process.returncode, out.decode(), err.decode())
    command = ["fsctl", "events", "import", *names]
    if number is not signal.SIGKILL:
        assert ended.code == 128 + number, ended.show
        assert f"This goes on where it stopped: {shlex.join(command)}" in ended.err
    listed = [json.loads(line) for line in road("events", "imports").out.splitlines()]
    assert [(one["state"], Path(one["source"]).name) for one in listed] == [
        ("done", "first.jsonl"),
        ("unfinished", "second.jsonl"),
    ]

    done = road(*command[1:])

    assert done.code == ExitCode.DONE, done.show
    told = [json.loads(line) for line in done.out.splitlines()]
    assert [(one["source"], one["accepted"]) for one in told] == [(name, 3) for name in names]
    assert count(road, "events") == 9
    assert road("events", "imports").out == ""


def test_a_pipe_that_is_cut_off_is_told_to_be_lost(road: Online) -> None:
    rows = home(road) / people(road)
    road.server.latency = 0.3
    with rows.open("rb") as stdin:
        line = ("users", "import", "-", "--rejects", "r.jsonl")
        process = started(road, *line, stdin=stdin.fileno())
    until(lambda: posts(road) == 1)
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=20)
    ended = Ended(process.returncode, out.decode(), err.decode())
    assert ended.code == ExitCode.TERMINATED, ended.show
    assert "stdin cannot be read again: 0 of its rows are imported, and up to 20" in ended.err
    assert "goes on where it stopped" not in ended.err
    listed = json.loads(road("users", "imports").out)
    assert (listed["state"], listed["resume"]) == ("lost", None)


def test_a_pipe_with_a_spool_goes_on(road: Online) -> None:
    rows = home(road) / people(road)
    road.server.latency = 0.3
    line = ("users", "import", "-", "--rejects", "r.jsonl", "--spool", "spool.jsonl")
    with rows.open("rb") as stdin:
        process = started(road, *line, stdin=stdin.fileno())
    until(lambda: posts(road) == 1)
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=20)
    assert f"This goes on where it stopped: {shlex.join(['fsctl', *line])}" in err.decode()
    done = road(*line)
    assert done.code == ExitCode.DONE, done.show
    assert json.loads(done.out)["accepted"] == 20
    assert count(road, "users") == 20


def test_another_run_over_the_same_file_is_refused(road: Online) -> None:
    name = people(road)
    road.server.latency = 0.3
    process = started(road, "users", "import", name)
    until(lambda: posts(road) == 1)
    listed = json.loads(road("users", "imports").out)
    assert (listed["state"], listed["resume"]) == ("running", None)
    other = road("users", "import", name)
    assert other.code == ExitCode.FAILED, other.show
    assert "Another fsctl is importing" in other.err
    process.communicate(timeout=20)
    assert process.returncode == ExitCode.DONE


def test_who_stops_reading_the_summaries_stops_no_import(road: Online) -> None:
    names = [people(road, name, 3) for name in ("a.jsonl", "b.jsonl", "c.jsonl")]
    with started(road, "users", "import", *names) as process:
        assert process.stdout is not None
        process.stdout.close()
        assert process.wait(30) == ExitCode.DONE
    assert count(road, "users") == 9


def test_more_files_than_a_shell_allows_are_imported(road: Online) -> None:
    names = [people(road, f"{number}.jsonl", 0) for number in range(60)]

    def few() -> None:
        hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
        resource.setrlimit(resource.RLIMIT_NOFILE, (40, hard))

    done = road("users", "import", *names, "-q", preexec_fn=few)
    assert done.code == ExitCode.DONE, done.show
    assert len(done.out.splitlines()) == len(names)
