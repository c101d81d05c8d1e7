"""``annotations run``: what it puts on the chart, and that nothing of it touches the command."""

from __future__ import annotations

import json
import os
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import closing
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import pytest

from tests.support.ci_environments import GITHUB, GITLAB
from tests.support.ci_log import commands_in, outputs_in
from tests.support.online import Online, fresh, online
from tests.support.scripted_server import free_port
from tests.support.wrapped import Wrapped, alive, python, wrapped

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="POSIX")

RUN = ("annotations", "run", "--service", "checkout")
TIMES = "print(time.time(), flush=True); time.sleep(0.01); print(time.time())"
MADE = "SELECT text, start_time, end_time, source FROM annotations ORDER BY rowid DESC LIMIT 1"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Online]:
    with online(tmp_path_factory.mktemp("server")) as road:
        yield road


@pytest.fixture
def road(server: Online, tmp_path: Path) -> Iterator[Online]:
    """An fsctl with a home of its own, and a server that is well afterwards."""
    yield fresh(server, tmp_path / "home")
    server.fail()


def made(road: Online) -> tuple[str, float, float, str]:
    """The newest annotation; its times in Unix seconds."""
    with road.server.store.connection() as db:
        text, start, end, source = db.execute(MADE).fetchone()
    return text, unix(start), unix(end), source


def unix(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


# -- what it says


def test_the_annotation_spans_the_command(road: Online) -> None:
    ended = road(*RUN, "--version", "v1.4.2", "--", *python(TIMES))
    assert ended.code == 0, ended.show
    first, last = map(float, ended.out.split())
    text, start, end, source = made(road)
    assert (text, source) == ("checkout v1.4.2 deployed", "fsctl")
    assert start <= first <= last <= end + 0.001  # sent with milliseconds
    assert ended.err == "fsctl: Annotated: checkout v1.4.2 deployed\n"


@pytest.mark.parametrize(
    ("body", "code"), [("sys.exit(3)", 3), ("os.kill(os.getpid(), signal.SIGKILL)", 137)]
)
def test_a_command_that_failed_is_a_deploy_that_failed(road: Online, body: str, code: int) -> None:
    for options in ((), ("--status", "rolled-back")):
        ended = road(*RUN, *options, "--", *python(body))
        assert ended.code == code, ended.show
        assert made(road)[0] == "checkout failed to deploy"


def test_a_rollback_is_told_by_its_status(road: Online) -> None:
    assert road(*RUN, "--status", "rolled-back", "--", "true").code == 0
    assert made(road)[0] == "checkout rolled back"
    ended = road(*RUN, "--", "true", env={"FSCTL_DEPLOY_STATUS": "rolled-back"})
    assert made(road)[0] == "checkout rolled back", ended.show
    ended = road(*RUN, "--", "true", env={"FSCTL_DEPLOY_STATUS": "failed"})
    assert made(road)[0] == "checkout deployed", "the command tells whether it failed"


def test_a_deploy_that_began_before_the_command_may_say_so(road: Online) -> None:
    assert road(*RUN, "--started", "-15m", "--", *python(TIMES)).code == 0
    _, start, end, _ = made(road)
    assert 15 * 60 <= end - start < 16 * 60
    ended = road(*RUN, "--", "true", env={"FSCTL_DEPLOY_STARTED": "-30m"})
    _, start, end, _ = made(road)
    assert 30 * 60 <= end - start < 31 * 60, ended.show
    road(*RUN, "--", "true", env=GITLAB | {"FSCTL_DEPLOY_STARTED": " "})
    assert made(road)[1] > end, "the job's beginning is not the command's"


@pytest.mark.parametrize(
    ("options", "env"), [(("--started", "-15m"), {}), ((), {"FSCTL_DEPLOY_STARTED": "-15m"})]
)
def test_a_dry_run_shows_a_deploy_that_began_before_the_command(
    road: Online, options: tuple[str, ...], env: Mapping[str, str]
) -> None:
    shown = road(*RUN, *options, "--dry-run", "--jq", ".input", "--", "true", env=env)
    assert shown.code == 0, shown.show
    times = json.loads(shown.out)
    assert unix(times["end_time"]) - unix(times["start_time"]) == pytest.approx(15 * 60, abs=60)


def test_an_end_that_is_told_by_a_variable_is_left_out_and_that_is_said(road: Online) -> None:
    ended = road(*RUN, "--", *python(TIMES), env={"FSCTL_DEPLOY_FINISHED": "2026-01-01T00:00:00Z"})
    assert ended.code == 0, ended.show
    assert made(road)[2] >= float(ended.out.split()[1]) - 0.001
    assert "FSCTL_DEPLOY_FINISHED is left out" in ended.err


def test_what_git_says_is_what_it_said_before_the_command(road: Online, tmp_path: Path) -> None:
    def git(*arguments: str) -> str:
        who = ("-c", "user.name=ada", "-c", "user.email=ada@example.com")
        return subprocess.run(
            ["git", *who, *arguments], cwd=tmp_path, check=True, capture_output=True, text=True
        ).stdout.strip()

    git("init", "-q", "-b", "main")
    git("commit", "-q", "--allow-empty", "-m", "one")
    before = git("rev-parse", "HEAD")
    commit = ["git", "-c", "user.name=a", "-c", "user.email=a@example.com", "commit", "-q",
              "--allow-empty", "-m", "two"]  # fmt: skip
    ended = road(*RUN, "--", *commit, cwd=tmp_path, env={"PATH": os.environ["PATH"]})
    assert ended.code == 0, ended.show
    assert git("rev-parse", "HEAD") != before
    assert before[:7] in made(road)[0]


def test_one_that_did_not_start_is_not_annotated(road: Online, tmp_path: Path) -> None:
    output = tmp_path / "output"
    output.write_text("")
    name = "::error::x"
    before = road.annotations
    ended = road(*RUN, "--", name, env={**GITHUB, "GITHUB_OUTPUT": str(output)})
    assert (ended.code, ended.out) == (127, "")
    assert commands_in(ended.err) == [], ended.show
    assert road.annotations == before
    told = outputs_in(output.read_text())
    assert told["annotated"] == "skipped" and "cannot be started" in told["reason"]


def test_once_is_once(road: Online) -> None:
    before = road.annotations
    for _ in range(2):
        ended = road(*RUN, "--once=release 7", "--", *python("print('runs'); sys.exit(4)"))
        assert (ended.code, ended.out) == (4, "runs\n"), ended.show
    assert road.annotations == before + 1
    assert "was sent under the same --once key" in ended.err


# -- fsctl's own mistakes are found before the command starts

WRONG: tuple[tuple[str, ...], ...] = (
    ("--budget", "soon"),
    ("--fail-on", "sometimes"),
    ("--status", "great"),
    ("--status", "started"),
    ("--status", "failed"),
    ("--finished", "now"),
    ("--started", "yesterday-ish"),
    ("--text", "{service.__class__}"),
    ("--text", "{nothing}"),
    ("--git", "/no/such/directory"),
    ("--no-such-option",),
    ("--timeout", "never"),
    ("--retries", "-1"),
    ("--fields", "a,,b"),
    ("--jq", "["),
)


@pytest.mark.parametrize("env", [{}, GITHUB], ids=["by hand", "under CI"])
@pytest.mark.parametrize("options", WRONG, ids=" ".join)
def test_a_wrong_option_is_2_and_starts_nothing(
    road: Online, options: tuple[str, ...], env: Mapping[str, str]
) -> None:
    before = road.annotations
    ended = road(*RUN, *options, "--", *python("print('started')"), env=env)
    assert (ended.code, ended.out) == (2, ""), ended.show
    assert "fsctl: error: " in ended.err
    assert road.annotations == before


@pytest.mark.parametrize("once", [("--once", "{first}"), ("--once", "-q", "--once", "{first}")])
def test_a_command_is_not_taken_for_the_key_of_once(
    road: Online, tmp_path: Path, once: tuple[str, ...]
) -> None:
    """Else what stands behind the command would be run."""
    behind = tmp_path / "production"
    behind.write_text("#!/bin/sh\necho production was run\n")
    behind.chmod(0o755)
    words = [each.format(first="./deploy.sh") for each in once]
    ended = road(*RUN, *words, str(behind), "more")
    assert (ended.code, ended.out) == (2, ""), ended.show
    assert "--once takes a key behind = alone: './deploy.sh' is another word" in ended.err
    assert "--once --" in ended.err


def test_once_without_a_key_may_stand_before_the_command(road: Online) -> None:
    for _ in range(2):
        ended = road(*RUN, "--once", "--", *python("print('runs')"))
        assert (ended.code, ended.out) == (0, "runs\n"), ended.show
    assert "was sent under the same --once key" in ended.err


def test_no_command_is_2(road: Online) -> None:
    for arguments in (RUN, (*RUN, "--")):
        ended = road(*arguments, env=GITHUB)
        assert ended.code == 2 and "COMMAND" in ended.err, ended.show


def test_a_dry_run_starts_nothing_and_shows_what_would_be_sent(road: Online) -> None:
    before = road.annotations
    ended = road(*RUN, "--dry-run", "--jq", ".input.text", "--", *python("print('started')"))
    assert (ended.code, ended.out) == (0, "checkout deployed\n"), ended.show
    assert road.annotations == before


@dataclass(frozen=True)
class Foreseen:
    """What goes wrong afterwards and can be seen before; ``code`` where it is a failure."""

    name: str
    code: int
    words: str
    env: Mapping[str, str] | None = None
    options: tuple[str, ...] = ()
    counts: tuple[str, ...] = ("misconfigured", "any")

    def __str__(self) -> str:
        return self.name


FORESEEN = (
    Foreseen("no token", 4, "no way to reach Membrane", {"MEMBRANE_TOKEN": ""}),
    Foreseen("a wrong setting", 2, "FSCTL_TRANSPORT", {"FSCTL_TRANSPORT": "pigeon"}),
    Foreseen("a relative place", 2, "FSCTL_STATE_DIR", {"FSCTL_STATE_DIR": "here"}, ("--once",)),
    Foreseen("no such profile", 2, "nobody", {"FSCTL_PROFILE": "nobody"}),
    Foreseen("a wrong fact", 2, "FSCTL_DEPLOY_STATUS", {"FSCTL_DEPLOY_STATUS": "fine"}),
    Foreseen("no place", 2, "cannot be written", None, ("--once", "--once-dir", "/dev/null/x")),
    Foreseen("no outbox", 1, "cannot be written", {"MEMBRANE_API_URL": "http://127.0.0.1:1"},
             ("--outbox", "/dev/null/x"), ("any",)),
)  # fmt: skip


@pytest.mark.parametrize("fail_on", ["never", "misconfigured", "any"])
@pytest.mark.parametrize("trouble", FORESEEN, ids=str)
def test_what_fails_anyway_fails_before_the_command(
    road: Online, trouble: Foreseen, fail_on: str
) -> None:
    options = (*RUN, *trouble.options, "--fail-on", fail_on, "--retries", "0", "--")
    ended = road(*options, *python("print('started')"), env=trouble.env)
    if fail_on in trouble.counts:
        assert (ended.code, ended.out) == (trouble.code, ""), ended.show
        assert "fsctl: error: " in ended.err and trouble.words in ended.err
    else:
        assert ended.out == "started\n", ended.show
        assert trouble.words in ended.err


# -- trouble on the way


@dataclass(frozen=True)
class Trouble:
    """What goes wrong with the annotation, what is said, and how many arrive."""

    name: str
    words: str
    fault: tuple[str, ...] = ()
    env: Mapping[str, str] | None = None
    arrive: int = 0

    def __str__(self) -> str:
        return self.name


TROUBLES = (
    Trouble("down", "could not be reached", env={"MEMBRANE_API_URL": f"http://127.0.0.1:{free_port()}"}),
    Trouble("no token", "no way to reach Membrane", env={"MEMBRANE_TOKEN": ""}),
    Trouble("server errors", "unknown", ("500@/act",)),
    Trouble("silence", "", ("hang@/act",)),
    Trouble("silence before", "", ("hang@/connections",)),
    Trouble("half an answer", "unknown", ("truncate@/act", "500@/action-run-logs"), arrive=1),
    Trouble("an unwritable home", "", env={"FSCTL_CACHE_DIR": "/dev/null/x",
            "FSCTL_STATE_DIR": "/dev/null/x"}, arrive=1),
)  # fmt: skip
ENDS = (("sys.exit(0)", 0), ("sys.exit(3)", 3), ("os.kill(os.getpid(), signal.SIGTERM)", 143))


@pytest.mark.parametrize("env", [{}, GITHUB], ids=["by hand", "under CI"])
@pytest.mark.parametrize("trouble", TROUBLES, ids=str)
def test_the_commands_code_and_bytes_are_untouched(
    road: Online, trouble: Trouble, env: Mapping[str, str]
) -> None:
    road.fail(*trouble.fault)
    fail_on = () if env else ("--fail-on", "never")
    for body, code in ENDS:
        before = road.annotations
        ended = road(
            *RUN, *fail_on, "--budget", "1", "--retries", "0", "--",
            *python(f"print('out'); print('err', file=sys.stderr, flush=True)\n{body}"
                    if code != 143 else f"os.write(1, b'out\\n'); os.write(2, b'err\\n'); {body}"),
            env={**env, **(trouble.env or {})},
        )  # fmt: skip
        assert (ended.code, ended.out) == (code, "out\n"), ended.show
        assert ended.err.startswith("err\n") and trouble.words in ended.err, ended.show
        assert "fsctl: error" not in ended.err
        assert road.annotations == before + trouble.arrive, ended.show
        if not trouble.arrive:
            assert ("::warning" if env else "fsctl: warning: ") in ended.err, ended.show


def test_fail_on_makes_trouble_a_failure_of_a_command_that_succeeded(road: Online) -> None:
    road.fail("500@/act")
    for body, code, expected in (("", 0, 7), ("sys.exit(3)", 3, 3)):
        ended = road(*RUN, "--retries", "0", "--", *python(f"print('out')\n{body}"))
        assert (ended.code, ended.out) == (expected, "out\n"), ended.show
        assert ended.err.count("fsctl: error: ") == 1, "told whatever the command's code"
        assert code in (0, ended.code)


# -- what it takes, and what it does not


@pytest.fixture(params=["/act"])
def waiting(road: Online, tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Wrapped]:
    """A command that has ended with 6, below an fsctl that waits for an answer."""
    road.fail(f"hang@{request.param}")
    road.before = len(road.server.requests)
    env = {name: road.fsctl.env[name] for name in ("MEMBRANE_API_URL", "MEMBRANE_TOKEN")}
    for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY"):
        (tmp_path / name).write_text("")
        env[name] = str(tmp_path / name)
    options = ("--service", "checkout", "--budget", "60", "--outbox", str(tmp_path / "outbox"))
    with wrapped(tmp_path / "waiting", python("print('out'); sys.exit(6)"), *options,
                 env=env) as command:  # fmt: skip
        yield command


def asked(road: Online, path: str) -> None:
    """Wait until the annotation is on its way."""
    while not any(each.path.startswith(path) for each in road.sent):
        signal.sigtimedwait([], 0.02)


def test_who_reads_the_output_sees_its_end_before_fsctls(road: Online, waiting: Wrapped) -> None:
    assert waiting.out.read() == b"out\n"
    with pytest.raises(subprocess.TimeoutExpired):  # it waits for an answer
        waiting.process.wait(0.3)


def test_a_second_signal_ends_it_at_once(road: Online, waiting: Wrapped, tmp_path: Path) -> None:
    asked(road, "/act")
    waiting.process.send_signal(signal.SIGTERM)
    with pytest.raises(subprocess.TimeoutExpired):
        waiting.process.wait(0.3)
    waiting.process.send_signal(signal.SIGINT)
    code, _, err = waiting.end(timeout=20)
    assert code == 6, err
    assert "told to end while the annotation was being sent: it may have arrived" in err
    assert list((tmp_path / "outbox").iterdir()) == [], "it may have arrived"
    told_to_the_build(tmp_path, "unknown", "it may have arrived")


def told_to_the_build(directory: Path, annotated: str, words: str) -> None:
    """What a job that is cancelled shows of it afterwards."""
    outputs = outputs_in((directory / "GITHUB_OUTPUT").read_text())
    assert outputs["annotated"] == annotated
    assert words in outputs["reason"] and outputs["reason"] == outputs["reason"].strip()
    assert outputs["reason"] in (directory / "GITHUB_STEP_SUMMARY").read_text()


def test_after_a_signal_it_waits_no_longer_than_a_few_seconds(
    road: Online, waiting: Wrapped
) -> None:
    asked(road, "/act")
    waiting.process.send_signal(signal.SIGTERM)
    code, _, err = waiting.end(timeout=30)  # and the budget is 60 s
    assert code == 6 and "it may have arrived" in err


def test_a_command_that_a_signal_ended_leaves_less_of_the_budget(
    road: Online, tmp_path: Path
) -> None:
    road.fail("hang@/act")
    env = {name: road.fsctl.env[name] for name in ("MEMBRANE_API_URL", "MEMBRANE_TOKEN")}
    body = "print(os.getpid(), flush=True); time.sleep(60)"
    options = ("--service", "checkout", "--budget", "60")
    with wrapped(tmp_path / "waiting", python(body), *options, env=env) as command:
        command.ready().process.send_signal(signal.SIGTERM)
        code, _, err = command.end(timeout=30)  # not the 60 s of the budget
    assert code == 143 and "whether it took effect is unknown" in err


@pytest.mark.parametrize("waiting", ["/connections"], indirect=True)
def test_what_was_certainly_not_sent_is_kept_when_it_is_stopped(
    road: Online, waiting: Wrapped, tmp_path: Path
) -> None:
    asked(road, "/connections")
    waiting.process.send_signal(signal.SIGTERM)
    waiting.process.send_signal(signal.SIGINT)
    code, _, err = waiting.end(timeout=20)
    assert code == 6, err
    assert "was not annotated: fsctl was told to end. It is kept" in err
    told_to_the_build(tmp_path, "false", "fsctl was told to end. It is kept")
    road.fail()
    flushed = road("annotations", "flush", str(tmp_path / "outbox"))
    assert flushed.code == 0, flushed.show
    assert made(road)[0] == "checkout failed to deploy"


def test_what_is_said_when_it_is_stopped_ends_without_a_blank(road: Online, tmp_path: Path) -> None:
    road.fail("hang@/connections")
    road.before = len(road.server.requests)
    env = {name: road.fsctl.env[name] for name in ("MEMBRANE_API_URL", "MEMBRANE_TOKEN")}
    with wrapped(tmp_path / "waiting", python(""), "--service", "checkout", env=env) as command:
        asked(road, "/connections")
        command.process.send_signal(signal.SIGTERM)
        command.process.send_signal(signal.SIGINT)
        code, _, err = command.end(timeout=20)
    assert code == 0 and err.endswith("fsctl was told to end.\n"), err


def test_a_grandchild_that_goes_on_delays_no_annotation(road: Online, tmp_path: Path) -> None:
    env = {name: road.fsctl.env[name] for name in ("MEMBRANE_API_URL", "MEMBRANE_TOKEN")}
    body = "if os.fork(): sys.exit(3)\nos.setsid(); print(os.getpid(), flush=True); os.read(0, 1)"
    before = road.annotations
    read, write = os.pipe()
    options = ("--service", "checkout")
    with wrapped(tmp_path / "on", python(body), *options, env=env, stdin=read) as command:
        assert command.process.wait(30) == 3
        assert road.annotations == before + 1
        assert alive(command.ready().pid)
        os.close(write)
    os.close(read)


def test_in_the_sandbox_too(road: Online) -> None:
    file = road.fsctl.home / "data" / "sandbox.sqlite3"
    ended = road("--sandbox", *RUN, "--", *python("print('out'); sys.exit(2)"))
    assert (ended.code, ended.out) == (2, "out\n"), ended.show
    with closing(sqlite3.connect(file)) as db:
        assert db.execute(MADE).fetchone()[0] == "checkout failed to deploy"
