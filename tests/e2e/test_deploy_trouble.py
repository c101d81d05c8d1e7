"""fsctl's own trouble breaks no deploy, is told where people look, and fails if that is wanted."""

from __future__ import annotations

import io
import json
import os
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from fsctl.cli.main import main
from fsctl.membrane.http import HttpGateway
from tests.support.ci_environments import BUILDKITE, GITHUB, RECORDED
from tests.support.ci_log import commands_in, outputs_in
from tests.support.command import Ended
from tests.support.jwts import unsigned
from tests.support.online import Online, inside, online
from tests.support.screen import Screen
from tests.support.scripted_server import answer, scripted

DAY = 86400
DEPLOY = ("annotations", "deploy", "--service", "checkout")
HAND: Mapping[str, str] = {}


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
    """An fsctl in this process with a home of its own, and a server that is well afterwards."""
    yield inside(server, tmp_path)
    server.fail()


@dataclass(frozen=True)
class Trouble:
    """What goes wrong, and what a person at a terminal gets for it."""

    name: str
    code: int
    words: str
    annotated: str = "false"
    fault: tuple[str, ...] = ()
    env: Mapping[str, str] | None = None
    config: str = ""
    options: tuple[str, ...] = ()
    misconfigured: bool = False

    def __str__(self) -> str:
        return self.name


NO_LOGS = "500@/action-run-logs"  # which else tell what became of an action
TROUBLES = (
    Trouble("no token", 4, "no way to reach Membrane", env={"MEMBRANE_TOKEN": ""},
            misconfigured=True),
    Trouble("an expired token", 4, "expired",
            env={"MEMBRANE_TOKEN": unsigned(exp=int(time.time()) - DAY)}, misconfigured=True),
    Trouble("half a workspace key", 4, "is missing", misconfigured=True,
            env={"MEMBRANE_TOKEN": "", "MEMBRANE_WORKSPACE_SECRET": "s"}),
    Trouble("another's host", 4, "evil.example",
            env={"MEMBRANE_API_URL": "https://evil.example"}, misconfigured=True),
    Trouble("no such connection", 4, "0000000000000000deadbeef", misconfigured=True,
            options=("--connection", "0000000000000000deadbeef")),
    Trouble("nobody there", 5, "could not be reached",
            env={"MEMBRANE_API_URL": "http://127.0.0.1:1"}),
    Trouble("reset before", 5, "broke", fault=("reset@/connections",)),
    Trouble("too many requests", 5, "", fault=("429",)),
    Trouble("a server error", 7, "unknown", "unknown", fault=("500@/act",)),
    Trouble("a page of a proxy", 7, "unknown", "unknown", fault=("502-html@/act",)),
    Trouble("no answer", 7, "unknown", "unknown", fault=("reset-after@/act", NO_LOGS)),
    Trouble("half an answer", 7, "unknown", "unknown", fault=("truncate@/act", NO_LOGS)),
    Trouble("an empty answer", 7, "unknown", "unknown", fault=("empty@/act", NO_LOGS)),
    Trouble("silence", 7, "", "unknown", fault=("hang@/act",), options=("--budget", "0.6")),
    Trouble("silence before", 5, "in time", fault=("hang@/connections",),
            options=("--budget", "0.6")),
    Trouble("a broken config file", 2, "config.toml", config="[profiles", misconfigured=True),
    Trouble("an unknown profile", 2, "nobody", env={"FSCTL_PROFILE": "nobody"}, misconfigured=True),
    Trouble("a wrong transport", 2, "FSCTL_TRANSPORT", env={"FSCTL_TRANSPORT": "pigeon"},
            misconfigured=True),
    Trouble("a wrong time zone", 2, "FSCTL_TIME_ZONE", env={"FSCTL_TIME_ZONE": "Mars"},
            misconfigured=True),
    Trouble("a wrong fact", 2, "FSCTL_DEPLOY_STATUS", env={"FSCTL_DEPLOY_STATUS": "fine"},
            misconfigured=True),
    Trouble("a place for markers that cannot be", 2, "cannot be written",
            options=("--once", "--once-dir", "/dev/null/markers"), misconfigured=True),
    Trouble("a relative place", 2, "FSCTL_STATE_DIR", env={"FSCTL_STATE_DIR": "here"},
            options=("--once",), misconfigured=True),
)  # fmt: skip


def run(road: Online, trouble: Trouble, env: Mapping[str, str], *options: str) -> Ended:
    road.fail(*trouble.fault)
    if trouble.config:
        (road.fsctl.home / "config").mkdir(exist_ok=True)
        (road.fsctl.home / "config" / "config.toml").write_text(trouble.config)
    told = {**env, **(trouble.env or {})}
    return road(*DEPLOY, *trouble.options, *options, env=told, under_ci=bool(env))


@pytest.mark.parametrize("trouble", TROUBLES, ids=str)
def test_by_hand_it_is_a_failure(trouble: Trouble, road: Online) -> None:
    done = run(road, trouble, HAND)
    assert done.code == trouble.code, done.show
    assert done.out == ""
    assert done.err.count("fsctl: error: ") == 1 and trouble.words in done.err, done.show


@pytest.mark.parametrize("trouble", TROUBLES, ids=str)
def test_under_ci_it_is_a_warning(trouble: Trouble, road: Online, tmp_path: Path) -> None:
    files = github_files(tmp_path)
    done = run(road, trouble, {**GITHUB, **files})
    assert done.code == 0, done.show
    assert "fsctl: error:" not in done.err
    assert commands_in(done.err) == ["warning"], done.show
    (line,) = (line for line in done.err.splitlines() if line.startswith("::warning "))
    assert trouble.words in line, done.show
    told = json.loads(done.out)
    assert told["annotated"] == trouble.annotated, done.show
    outputs = outputs_in(Path(files["GITHUB_OUTPUT"]).read_text())
    assert outputs == {"annotated": trouble.annotated, "reason": told["reason"]}
    assert trouble.words in outputs["reason"] + line
    summary = Path(files["GITHUB_STEP_SUMMARY"]).read_text()
    assert summary.count("**Fullstory annotation:**") == 1
    assert told["reason"] in summary


@pytest.mark.parametrize("env", [HAND, GITHUB], ids=["by hand", "under CI"])
@pytest.mark.parametrize("fail_on", ["never", "misconfigured", "any"])
@pytest.mark.parametrize("trouble", TROUBLES, ids=str)
def test_fail_on_says_what_is_a_failure(
    trouble: Trouble, fail_on: str, env: Mapping[str, str], road: Online, tmp_path: Path
) -> None:
    files = github_files(tmp_path) if env else {}
    fails = fail_on == "any" or (fail_on == "misconfigured" and trouble.misconfigured)
    done = run(road, trouble, {**env, **files}, "--fail-on", fail_on)
    assert done.code == (trouble.code if fails else 0), done.show
    assert ("fsctl: error: " in done.err) is fails, done.show
    if env:
        outputs = outputs_in(Path(files["GITHUB_OUTPUT"]).read_text())
        assert outputs["annotated"] == trouble.annotated
        assert outputs["reason"]
        summary = Path(files["GITHUB_STEP_SUMMARY"]).read_text()
        assert outputs["reason"] in summary
        assert commands_in(done.err) == ["error" if fails else "warning"], done.show
        if fails:  # with what to do
            (line,) = (line for line in done.err.splitlines() if line.startswith("::error "))
            hint = done.err.split("fsctl: error: ")[1].splitlines()[1].strip()
            assert hint in summary and hint.replace("%", "%25") in line, done.show
    elif not fails:
        assert "fsctl: warning: " in done.err, done.show


@pytest.mark.parametrize(("env", "code"), [(HAND, 4), (GITHUB, 0)], ids=["by hand", "under CI"])
def test_fail_on_left_empty_by_an_unset_variable_is_not_given(
    env: Mapping[str, str], code: int, road: Online
) -> None:
    done = run(road, TROUBLES[0], env, "--fail-on", "")
    assert done.code == code, done.show


@pytest.mark.parametrize("system", RECORDED)
def test_every_system_is_ci(system: str, road: Online) -> None:
    done = run(road, TROUBLES[0], RECORDED[system])
    assert done.code == 0, done.show
    expected = {"GitHub Actions": ["warning"], "Azure Pipelines": ["vso"], "TeamCity": ["teamcity"],
                "Buildkite": ["group"]}  # fmt: skip
    assert commands_in(done.err) == expected.get(system, []), done.show
    assert "The deploy was not annotated: There is no way" in done.err


def github_files(directory: Path) -> dict[str, str]:
    files = {name: directory / name for name in ("GITHUB_OUTPUT", "GITHUB_STEP_SUMMARY")}
    for path in files.values():
        path.write_text("")
    return {name: str(path) for name, path in files.items()}


# -- what Fullstory itself refuses


def test_what_fullstory_refuses_has_to_be_mended_by_a_person(road: Online) -> None:
    refusal = answer(400, {"code": "invalid_argument", "message": "The text is not right."})
    env = {**GITHUB, "FSCTL_CONNECTION": "6570c0ffee0123456789abcd", "FSCTL_VIA": "proxy"}
    for options, code in ((("--fail-on", "misconfigured"), 1), ((), 0)):
        with scripted(refusal) as service:
            told = {**env, "MEMBRANE_API_URL": service.url}
            done = road(*DEPLOY, *options, env=told, under_ci=True)
        assert done.code == code, done.show
        assert "The text is not right" in done.err


def test_an_address_that_is_not_membranes_has_to_be_mended_by_a_person(road: Online) -> None:
    env = {**GITHUB, "FSCTL_CONNECTION": "6570c0ffee0123456789abcd", "FSCTL_VIA": "proxy"}
    for options, fails in ((("--fail-on", "misconfigured"), True), ((), False)):
        with scripted(answer(302, b"", ("Location", "https://login.example/"))) as service:
            told = {**env, "MEMBRANE_API_URL": service.url}
            done = road(*DEPLOY, *options, env=told, under_ci=True)
        assert (done.code != 0) is fails, done.show
        assert "check MEMBRANE_API_URL" in done.err, done.show


# -- fsctl's own defects, and a broken machine


def test_a_defect_is_a_warning_too_and_its_outcome_is_not_called_certain(
    road: Online, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_arguments: Any, **_named: Any) -> Any:
        raise ZeroDivisionError("a defect")

    monkeypatch.setattr(HttpGateway, "run_action", broken)
    done = road(*DEPLOY, env=GITHUB, under_ci=True)
    assert done.code == 0, done.show
    assert json.loads(done.out)["annotated"] == "unknown"
    assert "ZeroDivisionError: a defect" in done.err
    monkeypatch.setattr("fsctl.cli.deploy_plan.plan_call", broken)
    monkeypatch.setattr("fsctl.cli.deploy_sending.plan_call", broken)
    done = road(*DEPLOY, env=GITHUB, under_ci=True)
    assert done.code == 0, done.show
    assert json.loads(done.out)["annotated"] == "false"
    debug = road(*DEPLOY, "--debug", env=GITHUB, under_ci=True)
    assert "Traceback" in debug.err and debug.code == 0
    assert road(*DEPLOY).code == 1


@pytest.mark.parametrize("output", ["FSCTL_OUTPUT", "profile"])
def test_an_output_that_cannot_be_keeps_no_annotation_back(output: str, road: Online) -> None:
    env = {"FSCTL_OUTPUT": "xml"} if output == "FSCTL_OUTPUT" else {}
    if not env:
        (road.fsctl.home / "config").mkdir()
        config = road.fsctl.home / "config" / "config.toml"
        config.write_text('[profiles.default]\noutput = "jsn"\n')
    before = road.annotations
    done = road(*DEPLOY, env={**GITHUB, **env}, under_ci=True)
    assert (done.code, road.annotations) == (0, before + 1), done.show
    assert json.loads(done.out)["annotated"] == "true"
    assert commands_in(done.err) == ["warning"], done.show
    done = road(*DEPLOY, env=env)
    assert (done.code, road.annotations) == (2, before + 1), done.show


class Broken(io.BytesIO):
    """A stdout that takes nothing."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self.number = number

    def write(self, _data: object) -> int:
        raise OSError(self.number, os.strerror(self.number))


@pytest.mark.parametrize("number", [28, 32], ids=["a full disk", "a closed pipe"])
def test_output_that_is_lost_breaks_nothing_under_ci(number: int, road: Online) -> None:
    for env in (GITHUB, {**GITHUB, "MEMBRANE_TOKEN": ""}):
        done = road(*DEPLOY, env=env, under_ci=True, stdout=Broken(number))
        assert done.code == 0, done.show
    nowhere = Screen(environ={**road.fsctl.env, **GITHUB}, under_ci=True, stdout=None)
    assert main(DEPLOY, nowhere) == 0, nowhere.err
    assert road(*DEPLOY, "--jq", ".text | error", env=GITHUB, under_ci=True).code == 0
    assert road(*DEPLOY, "--jq", ".text | error").code != 0


def test_an_unwritable_home_sends_all_the_same(road: Online) -> None:
    nowhere = {f"FSCTL_{kind}_DIR": "/dev/null/x" for kind in ("CONFIG", "CACHE", "STATE", "DATA")}
    env = {**GITHUB, **nowhere, "HOME": "/dev/null"}
    before = road.annotations
    done = road(*DEPLOY, env=env, under_ci=True)
    assert (done.code, road.annotations) == (0, before + 1), done.show
    assert json.loads(done.out)["annotated"] == "true"
    done = road(*DEPLOY, "--once", env=env, under_ci=True)
    assert (done.code, road.annotations) == (0, before + 1), done.show
    assert "/dev/null/x" in done.err
    assert json.loads(done.out)["annotated"] == "false"


# -- a token that ends soon


@pytest.mark.parametrize("days", [3, 6.9, 7.1, 30])
def test_a_token_that_ends_within_a_week_is_warned_of_in_every_job(
    days: float, road: Online, tmp_path: Path
) -> None:
    token = unsigned(workspaceKey="acme", tenantKey="t", exp=int(time.time() + days * DAY + 60))
    for options in ((), ("--once=x",), ("--once=x",), ("--dry-run",)):
        files = github_files(tmp_path)
        env = {**GITHUB, **files, "MEMBRANE_TOKEN": token}
        done = road(*DEPLOY, *options, env=env, under_ci=True)
        assert done.code == 0, done.show
        warned = days < 7
        assert commands_in(done.err) == (["warning"] if warned else []), done.show
        summary = Path(files["GITHUB_STEP_SUMMARY"]).read_text()
        assert ("The token from MEMBRANE_TOKEN expires in" in summary) is warned
    assert road.annotations > 0


def test_secrets_are_in_no_warning(road: Online, tmp_path: Path) -> None:
    files = github_files(tmp_path)
    secret = "pat-" + "s3cr3t" * 6
    env = {**GITHUB, **files, "MEMBRANE_TOKEN": secret, "MEMBRANE_API_URL": "http://127.0.0.1:1"}
    done = road(*DEPLOY, "--debug", env=env, under_ci=True)
    written = done.out + done.err + "".join(Path(each).read_text() for each in files.values())
    assert "s3cr3t" not in written


def test_buildkite_shows_it_on_the_page_of_the_build(road: Online, tmp_path: Path) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    agent = tools / "buildkite-agent"
    agent.write_text('#!/bin/sh\nprintf "%s\\n" "$2" > "$TOLD"\n')
    agent.chmod(0o755)
    told = tmp_path / "told"
    env = {**BUILDKITE, "MEMBRANE_TOKEN": "", "PATH": f"{tools}:/usr/bin:/bin", "TOLD": str(told)}
    done = road(*DEPLOY, env=env, under_ci=True)
    assert done.code == 0, done.show
    assert "The deploy was not annotated: There is no way to reach Membrane" in told.read_text()
    told.unlink()
    assert road(*DEPLOY, env={**env, "MEMBRANE_TOKEN": "x" * 20}, under_ci=True).code == 0
    assert not told.exists()
