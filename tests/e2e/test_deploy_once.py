"""``annotations deploy`` within its budget, once, and kept where it could not be sent."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from fsctl.cli.app import App
from fsctl.fullstory.attempts import Attempts
from fsctl.membrane.http import HttpGateway
from fsctl.sandbox.options import MembraneOptions
from fsctl.terminal.world import World
from tests.e2e.test_pick_connection import SEEDS
from tests.support.ci_environments import GITHUB, GITLAB, OTHER_COMMIT
from tests.support.ci_log import outputs_in
from tests.support.command import Ended, clean_environment
from tests.support.fake_membrane import FakeMembrane
from tests.support.online import Online, inside, membrane_environment, online, token_environment
from tests.support.program import Program
from tests.support.scripted_server import answer, scripted
from tests.support.window import in_window

DEPLOY = ("annotations", "deploy")
FLUSH = ("annotations", "flush")
LOST = ("reset-after@/act", "500@/action-run-logs")  # done, and nobody tells


@pytest.fixture(autouse=True)
def outside_of_any_checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Or git would be asked about this project's own."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Online]:
    with online(tmp_path_factory.mktemp("server")) as road:
        yield road


@pytest.fixture
def road(server: Online, tmp_path: Path) -> Iterator[Online]:
    yield inside(server, tmp_path)
    server.fail()


def deploy(road: Online, *options: str, env: Mapping[str, str] = GITHUB, **facts: Any) -> Ended:
    done = road(*DEPLOY, *options, env=env, under_ci=True, **facts)
    assert done.code == 0, done.show
    return done


def state(done: Ended) -> str:
    annotated: str = json.loads(done.out)["annotated"]
    return annotated


# -- once


def test_the_same_job_is_annotated_once_and_a_suppression_is_announced(
    road: Online, tmp_path: Path
) -> None:
    output = tmp_path / "output"
    output.touch()
    before = road.annotations
    assert state(deploy(road, "--once")) == "true"
    again = deploy(road, "--once", "-q", env={**GITHUB, "GITHUB_OUTPUT": str(output)})
    assert state(again) == "skipped"
    assert "An annotation was sent under the same --once key at 2" in again.err
    assert outputs_in(output.read_text())["annotated"] == "skipped"
    assert road.annotations == before + 1
    assert state(deploy(road)) == "true"  # only where it is asked for
    assert road.annotations == before + 2


@pytest.mark.parametrize(
    ("options", "changes"),
    [
        ((), {"GITHUB_RUN_ID": "9034017302"}),
        ((), {"GITHUB_RUN_ATTEMPT": "3"}),
        ((), {"GITHUB_JOB": "deploy-eu"}),
        ((), {"FSCTL_DEPLOY_MATRIX": "eu"}),
        ((), {"GITHUB_SHA": OTHER_COMMIT}),
        (("--env", "eu"), {}),
        (("--service", "tills"), {}),
        (("--version", "v2"), {}),
        (("--status", "failed"), {}),
    ],
)
def test_another_deploy_is_another_annotation(
    options: tuple[str, ...], changes: Mapping[str, str], road: Online
) -> None:
    assert state(deploy(road, "--once")) == "true"
    env = {**GITHUB, **changes}
    assert state(deploy(road, *options, "--once", env=env)) == "true"
    assert state(deploy(road, *options, "--once", env=env)) == "skipped"


def test_a_key_of_ones_own_says_what_is_the_same(road: Online, tmp_path: Path) -> None:
    kept = str(tmp_path / "markers")
    assert state(deploy(road, "--once=release-7", "--once-dir", kept)) == "true"
    assert state(deploy(road, "--once=release-7", "--once-dir", kept, env=GITLAB)) == "skipped"
    assert state(deploy(road, "--once=release-8", "--once-dir", kept, env=GITLAB)) == "true"
    assert state(deploy(road, "--once=release-7")) == "true"  # another place knows nothing of it
    assert sorted(path.stat().st_mode & 0o777 for path in Path(kept).iterdir()) == [0o600] * 2


def test_the_sandbox_is_not_taken_for_the_real_thing(road: Online) -> None:
    assert state(deploy(road, "--sandbox", "--once")) == "true"
    assert state(deploy(road, "--once")) == "true"
    assert state(deploy(road, "--sandbox", "--once")) == "skipped"


def test_what_was_certainly_not_sent_may_be_tried_again(road: Online) -> None:
    road.fail("500@/connections")
    assert state(deploy(road, "--once")) == "false"
    assert state(deploy(road)) == "false"
    road.fail()
    road.fail("429@/act")
    assert state(deploy(road, "--once")) == "false"
    road.fail()
    assert state(deploy(road, "--once")) == "true"


def test_what_may_have_arrived_is_never_sent_again_and_told_of_loudly(
    road: Online, tmp_path: Path
) -> None:
    output = tmp_path / "output"
    output.touch()
    before = road.annotations
    road.fail(*LOST)
    assert state(deploy(road, "--once")) == "unknown"
    road.fail()
    github = {**GITHUB, "GITHUB_OUTPUT": str(output)}
    again = deploy(road, "--once", "-q", env=github)
    assert state(again) == "unknown"
    assert "::warning" in again.err and "its outcome is unknown" in again.err, again.show
    assert "Nothing was sent now." in again.err
    assert outputs_in(output.read_text())["annotated"] == "unknown"
    failing = road(*DEPLOY, "--once", "--fail-on", "any", env=GITHUB, under_ci=True)
    assert failing.code == 7 and "its outcome is unknown" in failing.err, failing.show
    assert road.annotations == before + 1


def test_several_jobs_at_once_make_one_annotation(road: Online) -> None:
    before = road.annotations
    deploy(road, "--dry-run")  # what is looked up is known
    states: list[str] = []
    gate = threading.Barrier(4)

    def job() -> None:
        gate.wait()
        program = Program(road.fsctl.home, dict(road.fsctl.env))
        done = program(*DEPLOY, "--once", env=GITHUB, under_ci=True, sleep=time.sleep)
        states.append(state(done))

    threads = [threading.Thread(target=job) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(states) == ["skipped"] * 3 + ["true"]
    assert road.annotations == before + 1


# -- the outbox


def test_what_could_not_be_sent_is_sent_later_with_its_own_times(
    road: Online, tmp_path: Path
) -> None:
    box = tmp_path / "out box"
    road.fail("500@/connections")
    told = deploy(road, "--outbox", str(box), "--started", "2026-03-02T09:00:00Z")
    assert state(told) == "false"
    assert f"It is kept: `fsctl annotations flush '{box}'` sends it later." in told.err
    road.fail()
    before = road.annotations
    flushed = road(*FLUSH, str(box), "--connection", connection(road))
    assert (flushed.code, road.annotations) == (0, before + 1), flushed.show
    with road.server.store.connection() as db:
        text, start = db.execute(
            "SELECT text, start_time FROM annotations ORDER BY rowid DESC"
        ).fetchone()
    assert start == "2026-03-02T09:00:00Z"
    assert text.startswith("checkout (8d3e8c1) deployed from main")
    assert road(*FLUSH, str(box), "--connection", connection(road)).code == 0
    assert road.annotations == before + 1


def connection(road: Online) -> str:
    planned: str = json.loads(road(*DEPLOY, "--dry-run", "--service", "x").out)["connection"]
    return planned


def test_what_a_flush_will_need_is_said(road: Online, tmp_path: Path) -> None:
    box = str(tmp_path / "box")
    told = deploy(road, "--outbox", box, env=NO_TOKEN)
    assert f"`fsctl annotations flush {box} --connection ID` sends it later." in told.err
    assert road(*FLUSH, box).code == 6
    assert road(*FLUSH, box, "--connection", connection(road)).code == 0
    chosen = connection(road)
    named = deploy(road, "--outbox", box, "--connection", chosen, env=NO_TOKEN)
    assert f"It is kept: `fsctl annotations flush {box} --connection {chosen}` sends" in named.err
    assert road(*FLUSH, box, "--connection", chosen).code == 0
    in_use = deploy(road, "--outbox", box, env={**NO_TOKEN, "FSCTL_CONNECTION": chosen})
    assert f"It is kept: `fsctl annotations flush {box}` sends it later." in in_use.err
    assert road(*FLUSH, box).code == 0


@pytest.mark.parametrize(
    ("mode", "warned"), [(0o777, True), (0o1777, False), (0o775, False), (0o700, False)], ids=oct
)
def test_an_outbox_whose_files_everyone_may_rename_is_warned_of(
    mode: int, warned: bool, road: Online, tmp_path: Path
) -> None:
    box = tmp_path / "box"
    box.mkdir()
    box.chmod(mode)
    told = deploy(road, "--outbox", str(box), env=NO_TOKEN)
    assert ("Every user may rename the files of the outbox" in told.err) is warned, told.show
    flushed = road(*FLUSH, str(box), "--dry-run")
    assert ("Every user may rename" in flushed.err) is warned, flushed.show


NO_TOKEN = {**GITHUB, "MEMBRANE_TOKEN": ""}


def kept_once(road: Online, tmp_path: Path, *, times: int = 1) -> tuple[str, ...]:
    """The options of a deploy that was kept so many times for want of a token."""
    box, markers = str(tmp_path / "box"), str(tmp_path / "markers")
    options = ("--once=v1", "--once-dir", markers, "--outbox", box)
    for _ in range(times):
        assert state(deploy(road, *options, env=NO_TOKEN)) == "false"
    return options


def flush(road: Online, tmp_path: Path) -> Ended:
    return road(*FLUSH, str(tmp_path / "box"), "--connection", connection(road))


def left(tmp_path: Path) -> list[str]:
    return [path.suffix for path in (tmp_path / "box").iterdir()]


def test_what_is_kept_twice_under_one_key_is_in_the_outbox_and_on_the_charts_once(
    road: Online, tmp_path: Path
) -> None:
    before = road.annotations
    options = kept_once(road, tmp_path)
    again = deploy(road, *options, env=NO_TOKEN)
    command = f"fsctl annotations flush {tmp_path / 'box'} --connection ID"
    assert "It is in the outbox already, but which" in again.err, again.show
    assert f"`{command}` sends it later." in again.err, again.show
    assert left(tmp_path) == [".json"]
    deploy(road, "--once=v2", *options[1:], env=NO_TOKEN)
    assert left(tmp_path) == [".json"] * 2  # another deploy is another annotation
    flushed = flush(road, tmp_path)
    assert (flushed.code, left(tmp_path)) == (0, []), flushed.show
    assert state(deploy(road, *options)) == "skipped"
    assert road.annotations == before + 2


def test_what_was_sent_after_it_was_kept_is_not_sent_by_a_flush(
    road: Online, tmp_path: Path
) -> None:
    before = road.annotations
    options = kept_once(road, tmp_path)
    assert state(deploy(road, *options)) == "true"
    flushed = flush(road, tmp_path)
    assert (flushed.code, json.loads(flushed.out)["state"]) == (0, "skipped"), flushed.show
    assert "was sent under the same --once key" in flushed.out
    assert (left(tmp_path), road.annotations) == ([], before + 1)


def test_what_may_have_been_sent_after_it_was_kept_waits_for_a_person(
    road: Online, tmp_path: Path
) -> None:
    options = kept_once(road, tmp_path)
    road.fail(*LOST)
    assert state(deploy(road, *options)) == "unknown"
    road.fail()
    before = road.annotations
    flushed = flush(road, tmp_path)
    assert flushed.code == 6 and "its outcome is unknown" in flushed.err, flushed.show
    assert (left(tmp_path), road.annotations) == ([".json"], before)
    (marker,) = (tmp_path / "markers").iterdir()
    marker.unlink()  # as the sentence says
    assert flush(road, tmp_path).code == 0
    assert (left(tmp_path), road.annotations) == ([], before + 1)


def test_what_a_flush_may_have_sent_is_sent_by_no_deploy(road: Online, tmp_path: Path) -> None:
    options = kept_once(road, tmp_path)
    chosen = connection(road)
    before = road.annotations
    road.fail(*LOST)
    flushed = road(*FLUSH, str(tmp_path / "box"), "--connection", chosen)
    assert (flushed.code, left(tmp_path)) == (7, [".unknown"]), flushed.show
    road.fail()
    assert state(deploy(road, *options)) == "unknown"
    assert road.annotations == before + 1


def test_what_a_flush_could_not_send_may_be_sent_by_a_deploy(road: Online, tmp_path: Path) -> None:
    options = kept_once(road, tmp_path)
    chosen = connection(road)
    road.fail("429@/act")
    flushed = road(*FLUSH, str(tmp_path / "box"), "--connection", chosen)
    assert (flushed.code, left(tmp_path)) == (5, [".json"]), flushed.show
    road.fail()
    assert state(deploy(road, *options)) == "true"


def test_a_flush_that_can_keep_no_marker_sends_nothing_and_lets_it_wait(
    road: Online, tmp_path: Path
) -> None:
    kept_once(road, tmp_path)
    before = road.annotations
    (tmp_path / "markers").write_text("in the way")
    flushed = flush(road, tmp_path)
    assert (flushed.code, left(tmp_path)) == (6, [".json"]), flushed.show
    assert road.annotations == before


@pytest.mark.parametrize(
    ("fault", "env"),
    [
        ((), {"MEMBRANE_TOKEN": ""}),
        ((), {"MEMBRANE_API_URL": "http://127.0.0.1:1"}),
        (("429@/act",), {}),
        (("hang@/connections",), {"FSCTL_DEPLOY_SERVICE": "x"}),
    ],
)
def test_all_that_was_certainly_not_sent_is_kept(
    fault: tuple[str, ...], env: Mapping[str, str], road: Online, tmp_path: Path
) -> None:
    road.fail(*fault)
    done = deploy(road, "--outbox", str(tmp_path / "box"), "--budget", "1", env={**GITHUB, **env})
    assert state(done) == "false"
    (kept,) = (tmp_path / "box").iterdir()
    assert kept.stat().st_mode & 0o777 == 0o600
    options = ("--outbox", str(tmp_path / "box"), "--budget", "1", "--fail-on", "any")
    failing = road(*DEPLOY, *options, env={**GITHUB, **env}, under_ci=True)
    assert failing.code in (4, 5) and "It is kept" in failing.err, failing.show
    assert len(list((tmp_path / "box").iterdir())) == 2


def test_what_may_have_arrived_or_was_refused_is_not_kept(road: Online, tmp_path: Path) -> None:
    box = tmp_path / "box"
    road.fail(*LOST)
    assert state(deploy(road, "--outbox", str(box))) == "unknown"
    refusal = answer(400, {"code": "invalid_argument", "message": "No."})
    env = {**GITHUB, "FSCTL_CONNECTION": "6570c0ffee0123456789abcd", "FSCTL_VIA": "proxy"}
    with scripted(refusal) as service:
        told = {**env, "MEMBRANE_API_URL": service.url}
        assert state(deploy(road, "--outbox", str(box), env=told)) == "false"
    road.fail()
    assert state(deploy(road, "--outbox", str(box))) == "true"
    assert not box.exists()


def test_an_outbox_that_cannot_be_written_is_told_of(road: Online) -> None:
    env = {**GITHUB, "MEMBRANE_TOKEN": ""}
    done = deploy(road, "--outbox", "/dev/null/box", env=env)
    assert "There is no way to reach Membrane" in done.err
    assert "It is not in the outbox either" in done.err


# -- the budget


def spent(began: float) -> float:
    return time.monotonic() - began


@pytest.mark.parametrize("fault", ["hang@/connections", "hang@/act", "hang"])
def test_silence_takes_no_longer_than_the_budget(fault: str, road: Online) -> None:
    road.fail(fault)
    began = time.monotonic()
    done = deploy(road, "--budget", "0.8", sleep=time.sleep)
    assert spent(began) < 10  # and not 70 s, as else
    assert state(done) == ("unknown" if fault == "hang@/act" else "false")


def test_retries_take_no_longer_than_the_budget_either(road: Online) -> None:
    road.fail("500@/connections")
    began = time.monotonic()
    done = deploy(road, "--budget", "1", "--retries", "20", sleep=time.sleep)
    assert (state(done), spent(began) < 10) == ("false", True)


def test_a_name_server_that_is_silent_is_not_waited_for(
    road: Online, monkeypatch: pytest.MonkeyPatch
) -> None:
    released, began = threading.Event(), time.monotonic()

    def silent(*_arguments: Any, **_named: Any) -> Any:
        released.wait(30)
        raise OSError

    monkeypatch.setattr("socket.getaddrinfo", silent)
    done = deploy(road, "--budget", "1")
    assert (state(done), spent(began) < 10) == ("false", True), done.show
    assert "The budget of 1 s was over before anything was sent" in done.err
    released.set()


def test_the_process_ends_while_a_name_server_is_still_waited_for(tmp_path: Path) -> None:
    program = (
        "import socket, sys, time\n"
        "socket.getaddrinfo = lambda *_, **__: time.sleep(60)\n"
        "from fsctl.cli.main import entry_point\n"
        "sys.argv = ['fsctl', 'annotations', 'deploy', '--budget', '1']\n"
        "entry_point()\n"
    )
    env = clean_environment(tmp_path, {**GITHUB, **token_environment("http://localhost:1")})
    done = subprocess.run(
        [sys.executable, "-c", program], env=env, capture_output=True, text=True, timeout=30,
        check=True,
    )  # fmt: skip
    assert json.loads(done.stdout)["annotated"] == "false"
    assert done.stderr.count("\n") == 1, done.stderr  # no traceback of a thread either


def test_what_was_given_up_is_not_sent_afterwards(
    road: Online, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The name server answers at last, when fsctl has said that nothing was sent."""
    import socket

    deploy(road)  # warm: the next request is the annotation itself
    before = road.annotations
    real, released, over = socket.getaddrinfo, threading.Event(), threading.Event()

    def late(*arguments: Any, **named: Any) -> Any:
        released.wait(30)
        try:
            return real(*arguments, **named)
        finally:
            over.set()

    monkeypatch.setattr("socket.getaddrinfo", late)
    done = deploy(road, "--budget", "0.5")
    assert state(done) in ("unknown", "false"), done.show
    certain = state(done) == "false"
    released.set()
    assert over.wait(30)
    time.sleep(0.2)
    assert not certain or road.annotations == before


def test_an_answer_that_is_waited_for_without_end_leaves_the_outcome_unknown(
    road: Online, monkeypatch: pytest.MonkeyPatch
) -> None:
    released = threading.Event()

    def stuck(*_arguments: Any, **_named: Any) -> Any:
        released.wait(30)

    monkeypatch.setattr(HttpGateway, "run_action", stuck)
    done = deploy(road, "--budget", "0.5", "--once")
    assert state(done) == "unknown", done.show
    assert "was sent, but no answer came within the budget of 0.5 s" in done.err
    released.set()
    monkeypatch.undo()
    assert state(deploy(road, "--once")) == "unknown"


def test_a_write_is_seen_as_under_way_or_as_done_at_every_moment(
    road: Online, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who gives up waiting looks at that from another thread, whenever it is."""
    apps: list[App] = []
    seen: list[bool] = []
    real = Attempts.__setattr__
    begun = False

    def watched(attempts: Attempts, name: str, value: object) -> None:
        nonlocal begun
        real(attempts, name, value)
        if name == "in_flight" and apps and "caller" in apps[0].__dict__:
            begun = begun or value is not None
            seen.append(not begun or value is not None or apps[0].wrote)

    def remember(app: App, world: World | None = None) -> None:
        real_init(app, world)
        apps.append(app)

    real_init = App.__init__
    monkeypatch.setattr(App, "__init__", remember)
    monkeypatch.setattr(Attempts, "__setattr__", watched)
    assert state(deploy(road)) == "true"
    assert begun and all(seen)


def test_a_token_command_that_hangs_is_killed_in_time(road: Online, tmp_path: Path) -> None:
    vault = tmp_path / "vault"
    vault.write_text(f"#!/bin/sh\necho $$ > {tmp_path}/pid\nexec sleep 60\n")
    vault.chmod(0o755)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.toml").write_text(
        f'[profiles.default]\ntoken_command = "{vault}"\n'
    )
    began = time.monotonic()
    options = ("--budget", "1.5", "--outbox", str(tmp_path / "box"))
    done = deploy(road, *options, env={**GITHUB, "MEMBRANE_TOKEN": ""})
    assert (state(done), spent(began) < 10) == ("false", True), done.show
    pid = int((tmp_path / "pid").read_text())
    assert not Path(f"/proc/{pid}").exists()
    assert "It is kept" in done.err


def test_the_membrane_binary_gets_no_more_time_than_the_budget(
    server: Online, tmp_path: Path
) -> None:
    fake = FakeMembrane(without=["token"])
    env = membrane_environment(fake, tmp_path, server.server.url) | {"FSCTL_TRANSPORT": "cli"}
    program = Program(tmp_path, env)
    done = program(*DEPLOY, env=GITHUB, under_ci=True)
    assert json.loads(done.out)["annotated"] == "true", done.show
    server.fail("hang")
    began = time.monotonic()
    done = program(*DEPLOY, "--budget", "3", env=GITHUB, under_ci=True)
    server.fail()
    assert (done.code, json.loads(done.out)["annotated"]) == (0, "unknown"), done.show
    assert spent(began) < 12  # and not 70 s, as else


def test_nobody_is_asked_for_a_connection_while_the_time_runs(tmp_path: Path) -> None:
    with online(tmp_path, options=MembraneOptions(connections=SEEDS)) as road:
        env = {**road.fsctl.env, "TERM": "xterm-256color"}
        done = in_window(*DEPLOY, "--service", "x", env=env, cwd=tmp_path)
    assert done.code == 4, done.show
    assert "Fullstory connections" in done.out and "--connection ID" in done.out


def test_what_ended_in_time_is_told_and_not_that_the_time_is_over(road: Online) -> None:
    road.fail("500@/connections")
    done = deploy(road, "--once", "--budget", "1.5", sleep=time.sleep)
    assert state(done) == "false"
    assert "Internal server error" in done.err and "budget" not in done.err, done.show
