"""Every exit code, provoked for real, and the JSON object that tells a failure to scripts."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from fsctl.errors import ExitCode
from fsctl.sandbox.options import DEFAULT_CONNECTION_ID
from tests.support.command import BINARY, Ended, Fsctl
from tests.support.fake_membrane import FakeMembrane
from tests.support.online import SYSTEM_PATH, Online, fresh, inside, online, warm, with_membrane
from tests.support.program import Program

LIST = ("users", "list", "--limit", "1")
CREATE = ("annotations", "create", "x")
SAYS_SANDBOX = "fsctl: sandbox: nothing leaves this machine.\n"
HAS_FULL_DISK = Path("/dev/full").exists()


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Online]:
    with online(tmp_path_factory.mktemp("server")) as road:
        assert road(*LIST).code == 0
        yield road


@pytest.fixture
def road(server: Online, tmp_path: Path) -> Iterator[Online]:
    yield warm(server, tmp_path / "home")
    server.fail()


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of a sandbox, to be copied: seeding it takes as long as the rest of a command."""
    home = tmp_path_factory.mktemp("seeded")
    assert Fsctl(home)("sandbox", "seed").code == 0
    return home / "data"


@pytest.fixture
def alone(tmp_path: Path, seeded: Path) -> Fsctl:
    """fsctl on a machine that has nothing of Membrane's."""
    shutil.copytree(seeded, tmp_path / "data")
    return Fsctl(tmp_path, {"PATH": SYSTEM_PATH})


# -- one test for each code


def test_0_is_done_also_for_an_empty_list(alone: Fsctl) -> None:
    done = alone("--sandbox", "users", "list", "--uid", "nobody", "-o", "json")
    assert (done.code, json.loads(done.out)) == (0, []), done.show
    done = alone("--sandbox", "users", "list", "--uid", "nobody")
    assert (done.code, done.out) == (0, ""), done.show


def test_1_is_refused_by_the_service(alone: Fsctl) -> None:
    done = alone("--sandbox", "raw", "request", "/v2/annotations", "--json", '{"text": 7}')
    assert done.code == 1, done.show
    assert "Fullstory answered: " in done.err


def test_1_is_also_an_ambiguous_person_who_is_shown(alone: Fsctl) -> None:
    person = '{"uid": "twin-%d", "email": "twin@example.com"}'
    for number in (1, 2):
        made = alone("--sandbox", "raw", "request", "/v2/users", "--json", person % number)
        assert made.code == 0, made.show
    done = alone("--sandbox", "users", "get", "twin@example.com")
    assert done.code == 1, done.show
    assert {json.loads(line)["uid"] for line in done.out.splitlines()} == {"twin-1", "twin-2"}
    assert "means 2 people" in done.err
    assert "--id" in done.err


@pytest.mark.parametrize(
    "line",
    [
        ("annotations", "create", "x" * 201),
        ("annotations", "create", ""),
        ("annotations", "create", "x", "--end", "yesterday-ish"),
        ("annotations", "create", "x", "--start", "now", "--end", "-5m"),
        ("annotations", "create", "x", "--source", "s" * 41),
        ("users", "list", "--jq", ".[", "--limit", "1"),
        ("users", "list", "--limit", "0"),
        ("users", "list", "--email", ""),
        ("users", "list", "--timeout", "soon"),
        ("users", "list", "--retries", "many"),
        ("users", "get"),
        ("frob",),
        ("--connection",),
    ],
    ids=lambda line: " ".join(line)[:40],
)
def test_2_is_a_usage_error_before_anything_is_sent(
    line: tuple[str, ...], server: Online, tmp_path: Path
) -> None:
    road = inside(server, tmp_path)
    done = road(*line)
    assert (done.code, road.sent) == (2, []), done.show
    assert len(done.err.splitlines()) >= 2, "what happened and what to do"


def test_3_is_not_found(server: Online, tmp_path: Path) -> None:
    road = inside(server, tmp_path)
    for line in (
        ("users", "get", "nobody-of-that-name"),
        ("users", "get", "--id", "18446744073709551615"),
        ("actions", "show", "no-such-action"),
        ("actions", "log", "0123456789abcdef01234567"),
        ("raw", "action", "no-such-action"),
        ("raw", "request", "/v2/users/18446744073709551615"),
    ):
        done = road(*line)
        assert done.code == 3, done.show


def test_4_is_for_a_person_to_mend(alone: Fsctl) -> None:
    done = alone(*LIST)
    assert done.code == 4, done.show
    assert "no way to reach Membrane" in done.err
    assert "MEMBRANE_TOKEN" in done.err
    assert "--sandbox" in done.err


def test_5_is_unavailable_and_may_be_run_again(road: Online) -> None:
    road.fail("500")
    done = road(*LIST, "--retries", "0")
    assert done.code == 5, done.show


def test_7_is_an_unknown_outcome(road: Online) -> None:
    road.fail("reset-after")
    done = road(*CREATE)
    assert done.code == 7, done.show
    assert "Look at a chart in Fullstory" in done.err


# -- signals


def hanging(road: Online, *arguments: str) -> subprocess.Popen[bytes]:
    """Start a command; returns when its request is there and will never be answered."""
    road.fail("hang")
    before = len(road.server.requests)
    assert isinstance(road.fsctl, Fsctl)
    process = start(road.fsctl, *arguments)
    until(lambda: len(road.server.requests) > before)
    return process


def start(fsctl: Fsctl, *arguments: str, **streams: Any) -> subprocess.Popen[bytes]:
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(
        [str(BINARY), *arguments],
        env=fsctl.env,
        cwd=fsctl.home,
        # A shell without job control starts its background with SIGINT ignored.
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.SIG_DFL),
        **{**pipes, **streams},
    )


def until(happened: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not happened():
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(0.01)


def ended(process: subprocess.Popen[bytes]) -> Ended:
    out, err = process.communicate(timeout=30)
    return Ended(process.returncode, (out or b"").decode(), (err or b"").decode())


SIGNALS = [
    (signal.SIGHUP, 129, "Hung up"),
    (signal.SIGINT, 130, "Interrupted"),
    (signal.SIGTERM, 143, "Terminated"),
]


@pytest.mark.parametrize(("number", "code", "word"), SIGNALS, ids=["129", "130", "143"])
@pytest.mark.parametrize("via", ["action", "proxy"])
def test_an_interrupted_annotation_says_that_it_may_have_arrived(
    via: str, number: signal.Signals, code: int, word: str, road: Online
) -> None:
    process = hanging(road, *CREATE, "--via", via, "-o", "json")
    process.send_signal(number)
    done = ended(process)
    assert done.code == code, done.show
    assert f"{word} while the annotation was being sent: it may have arrived." in done.err
    assert "annotations cannot be listed" in done.err
    assert json.loads(done.err.splitlines()[-1])["error"]["code"] == "interrupted"
    assert "Traceback" not in done.err


@pytest.mark.parametrize(("number", "code", "word"), SIGNALS, ids=["129", "130", "143"])
def test_an_interrupted_read_is_just_that(
    number: signal.Signals, code: int, word: str, road: Online
) -> None:
    process = hanging(road, *LIST)
    process.send_signal(number)
    done = ended(process)
    assert (done.code, done.err) == (code, f"fsctl: error: {word}. (interrupted)\n"), done.show


def test_a_hang_up_that_was_told_to_be_ignored_is_ignored(road: Online) -> None:
    road.fail("hang")
    before = len(road.server.requests)
    assert isinstance(road.fsctl, Fsctl)
    process = subprocess.Popen(
        ["nohup", str(BINARY), *LIST],
        env=road.fsctl.env,
        cwd=road.fsctl.home,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    until(lambda: len(road.server.requests) > before)
    process.send_signal(signal.SIGHUP)
    process.send_signal(signal.SIGTERM)
    done = ended(process)
    assert (done.code, done.err) == (143, "fsctl: error: Terminated. (interrupted)\n"), done.show


def test_an_interrupt_during_a_pause_between_tries_leaves_nothing_in_flight(road: Online) -> None:
    road.fail("429")
    before = len(road.server.requests)
    assert isinstance(road.fsctl, Fsctl)
    process = start(road.fsctl, *CREATE, "--retries", "20", "-v")
    assert process.stderr is not None
    while b"Trying again" not in process.stderr.readline():
        assert process.poll() is None
    process.send_signal(signal.SIGINT)
    done = ended(process)
    assert len(road.server.requests) > before
    assert (done.code, done.err) == (130, "fsctl: error: Interrupted. (interrupted)\n"), done.show


@pytest.mark.parametrize(("number", "code", "word"), SIGNALS, ids=["129", "130", "143"])
def test_an_interrupt_takes_the_membrane_child_along(
    number: signal.Signals, code: int, word: str, server: Online, tmp_path: Path
) -> None:
    fake = FakeMembrane(without=["token"], mood="hang", on=["action run"])
    fsctl = with_membrane(fake, tmp_path, server.server.url)
    process = start(fsctl, *CREATE)
    until(lambda: Path(fake.pids).exists())
    process.send_signal(number)
    done = ended(process)
    assert done.code == code, done.show
    assert "it may have arrived" in done.err
    for pid in Path(fake.pids).read_text().split():
        until(lambda pid=pid: not alive(int(pid)))  # type: ignore[misc]


def alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    state = Path(f"/proc/{pid}/stat")
    return not state.exists() or state.read_text().rpartition(")")[2].split()[0] != "Z"


# -- closed and full streams


def test_141_ends_a_read_in_silence_when_its_reader_goes(alone: Fsctl) -> None:
    for output in ("jsonl", "json", "table"):
        process = start(alone, "--sandbox", "users", "list", "-o", output)
        assert process.stdout is not None
        assert process.stdout.readline()
        process.stdout.close()
        assert process.stderr is not None
        err = process.stderr.read().decode()
        assert (process.wait(30), err) == (141, SAYS_SANDBOX), output
        process.stderr.close()


def into_a_closed_pipe(fsctl: Fsctl, *arguments: str) -> Ended:
    """stdout is a pipe whose reader has gone before anything is written."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        process = start(fsctl, *arguments, stdout=writer)
    finally:
        os.close(writer)
    return ended(process)


@pytest.mark.parametrize(
    "line",
    [
        ("--sandbox", *LIST),
        ("--sandbox", "users", "get", "ada"),
        ("--sandbox", "raw", "request", "/v2/users", "-i"),
        ("--help",),
        ("--version",),
        ("users",),
    ],
    ids=lambda line: " ".join(line),
)
def test_141_is_silent_whatever_is_read(line: tuple[str, ...], alone: Fsctl) -> None:
    done = into_a_closed_pipe(alone, *line)
    assert done.code == 141, done.show
    assert done.err in ("", SAYS_SANDBOX), done.show


@pytest.mark.parametrize(
    "line",
    [
        CREATE,
        ("raw", "request", "/v2/annotations", "--json", '{"text": "x"}', "-i"),
        ("raw", "action", "create-annotation", "-f", "text=x"),
    ],
    ids=["create", "request", "action"],
)
def test_a_write_that_is_done_stays_done_when_nobody_reads_its_output(
    line: tuple[str, ...], road: Online
) -> None:
    before = road.annotations
    assert isinstance(road.fsctl, Fsctl)
    done = into_a_closed_pipe(road.fsctl, *line)
    assert (done.code, done.err) == (0, ""), done.show
    assert road.annotations - before == 1


def test_a_write_that_failed_says_so_though_nobody_reads_its_output(road: Online) -> None:
    road.fail("500")
    assert isinstance(road.fsctl, Fsctl)
    line = ("raw", "request", "/v2/annotations", "--json", '{"text": "x"}', "-i")
    done = into_a_closed_pipe(road.fsctl, *line)
    assert done.code == 7, done.show
    assert "whether it took effect is unknown" in done.err


def shell(fsctl: Fsctl, line: str) -> Ended:
    done = subprocess.run(
        ["/bin/sh", "-c", line.replace("fsctl", f"'{BINARY}'", 1)],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env=fsctl.env,
        cwd=fsctl.home,
        timeout=60,
        check=False,
    )
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


@pytest.mark.parametrize(
    "line",
    [
        "fsctl --sandbox annotations create x >&-",
        "fsctl --sandbox annotations create x >&- 2>&-",
        "fsctl --sandbox raw request /v2/users --to answer.json >&-",
        "fsctl --sandbox sandbox reset >&-",
        "fsctl --sandbox annotations create x 2>&-",
        "fsctl --sandbox annotations create x <&- >&- 2>&-",
    ],
)
def test_what_is_done_is_done_though_its_streams_are_closed(line: str, alone: Fsctl) -> None:
    done = shell(alone, line)
    assert done.code == 0, done.show
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    "words",
    [
        "users list --limit 1", "users get ada", "sessions latest ada --url", "users list 2>&-",
        "annotations create x --dry-run", "raw request /v2/users", "actions list -o json",
    ],
)  # fmt: skip
def test_what_is_only_shown_fails_where_stdout_is_closed(words: str, alone: Fsctl) -> None:
    done = shell(alone, f"fsctl --sandbox {words} >&-")
    assert done.code == 1, done.show
    assert "Traceback" not in done.err
    assert ("stdout is closed, so there is nowhere to write to. (output)" in done.err) is (
        "2>&-" not in words
    )


@pytest.mark.parametrize("how", ["<&-", "</dev/null"])
def test_a_text_from_a_stdin_that_has_none_is_a_usage_error(how: str, alone: Fsctl) -> None:
    done = shell(alone, f"fsctl --sandbox annotations create - {how}")
    assert done.code == 2, done.show
    assert "stdin" in done.err or "empty" in done.err


@pytest.mark.skipif(not HAS_FULL_DISK, reason="needs /dev/full")
@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("fsctl --sandbox users list", "Check the free space"),
        ("fsctl --sandbox users list -o table", "Check the free space"),
        ("fsctl --sandbox annotations create x", "is done; only its output is lost"),
        ("fsctl", "Check the free space"),
        ("fsctl --help", "Check the free space"),
        ("fsctl users -h", "Check the free space"),
        ("fsctl --version", "Check the free space"),
        ("fsctl completion bash", "Check the free space"),
        ("fsctl profiles path", "Check the free space"),
    ],
)
def test_a_full_disk_behind_stdout_is_told_and_is_not_done(
    line: str, hint: str, alone: Fsctl
) -> None:
    done = shell(alone, f"{line} >/dev/full")
    assert done.code == 1, done.show
    assert "The output cannot be written: No space left on device." in done.err
    assert hint in done.err
    assert "Traceback" not in done.err
    assert "Exception ignored" not in done.err


@pytest.mark.skipif(not HAS_FULL_DISK, reason="needs /dev/full")
def test_a_full_disk_behind_stderr_hides_no_exit_code(alone: Fsctl) -> None:
    assert shell(alone, "fsctl --sandbox users get nobody 2>/dev/full").code == 3
    assert shell(alone, "fsctl --sandbox annotations create x 2>/dev/full").code == 0


# -- failures as data


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (("raw", "request", "/v2/annotations", "--json", '{"text": 7}'), 1),
        (("users", "get", "--id", "abc"), 2),
        (("users", "list", "--limit", "x"), 2),
        (("users", "list", "--nope"), 2),
        (("frob",), 2),
        (("users", "get", "nobody-of-that-name"), 3),
    ],
    ids=["refused", "usage", "value", "option", "command", "not-found"],
)
@pytest.mark.parametrize("asked", [("-o", "json"), ("--output=jsonl",), ("--json",)])
@pytest.mark.parametrize("place", ["before", "after"])
def test_the_last_line_of_a_failure_is_its_json(
    place: str, asked: tuple[str, ...], line: tuple[str, ...], code: int, tmp_path: Path
) -> None:
    if "raw" in line and asked == ("--json",) and place == "after":
        pytest.skip("--json is the body there")
    whole = (*asked, *line) if place == "before" else (*line, *asked)
    done = Program(tmp_path)("--sandbox", *whole)
    assert done.code == code, done.show
    check_error(done)


def check_error(done: Ended) -> dict[str, Any]:
    """The object has the documented shape and says what the lines above it say."""
    *lines, last = done.err.splitlines()
    document = json.loads(last)
    assert list(document) == ["error"]
    error: dict[str, Any] = document["error"]
    assert list(error) == ["code", "message", "hint", "status", "action_run_id"]
    assert isinstance(error["code"], str)
    assert any(error["message"] in line for line in lines), done.show
    assert error["hint"] is None or error["hint"].splitlines()[0] in done.err
    assert error["status"] is None or isinstance(error["status"], int)
    return error


def test_the_json_of_a_services_failure_has_its_status_and_its_run(road: Online) -> None:
    done = road("raw", "action", "get-user", "-f", "id=18446744073709551615", "-o", "json")
    assert done.code == 3, done.show
    error = check_error(done)
    assert error["status"] == 404
    assert error["code"] == "resource_not_found"
    log = road("actions", "log", error["action_run_id"])
    assert log.code == 0, log.show
    assert json.loads(log.out)["status"] == "error"


def test_without_a_wish_for_json_there_is_none(alone: Fsctl) -> None:
    done = alone("--sandbox", "users", "get", "nobody", "-o", "csv")
    assert done.code == 3
    assert "{" not in done.err


def test_the_variable_asks_for_json_too(alone: Fsctl) -> None:
    done = alone("--sandbox", "users", "get", "nobody", env={"FSCTL_OUTPUT": "json"})
    assert check_error(done)["code"] == "user_not_found"


def test_no_traceback_without_debug_and_one_with_it(road: Online) -> None:
    plain = road("users", "get", "--connection", DEFAULT_CONNECTION_ID, "nobody-at-all")
    assert "Traceback" not in plain.err
    debug = road("users", "get", "--connection", DEFAULT_CONNECTION_ID, "nobody-at-all", "--debug")
    assert "Traceback" in debug.err
    assert debug.code == plain.code == ExitCode.NOT_FOUND


def test_the_codes_are_the_documented_ones() -> None:
    readme = (Path(__file__).parents[2] / "README.md").read_text()
    for code in ExitCode:
        assert f"| {int(code)}" in readme or f", {int(code)}" in readme, code


def test_a_cold_client_meets_the_same_codes(server: Online, tmp_path: Path) -> None:
    server.fail("500")
    done = fresh(server, tmp_path)(*LIST, "--retries", "0")
    server.fail()
    assert done.code == 5, done.show
