"""``fsctl doctor``: what a report is, on every road and in every trouble."""

from __future__ import annotations

import json
import re
import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fsctl.cli.checks import every, run
from fsctl.cli.checks.outcome import ok
from fsctl.cli.checks.run import Check
from fsctl.sandbox.faults import Kind
from fsctl.sandbox.options import ConnectionSeed, MembraneOptions
from tests.support.command import Fsctl
from tests.support.doctor import doctor
from tests.support.drawn_window import CTRL_C, Window
from tests.support.everywhere import ROADS, RoadName, somewhere
from tests.support.fake_membrane import FakeMembrane
from tests.support.online import SECRET, SYSTEM_PATH, Online, inside, membrane_environment, online
from tests.support.program import Program

NAMES = [check.name for check in every.CHECKS]


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Online]:
    with online(tmp_path_factory.mktemp("server")) as road:
        yield road


# -- every road


def test_in_the_sandbox_all_is_well(tmp_path: Path) -> None:
    report = doctor(Program(tmp_path, {"PATH": SYSTEM_PATH}), "--sandbox")
    assert (report.code, report.those("ok")) == (0, NAMES), report.ended.show
    assert report.ended.err == "fsctl: sandbox: nothing leaves this machine.\n"


@pytest.mark.parametrize("name", ROADS)
def test_every_road_is_well(name: RoadName, tmp_path: Path) -> None:
    with somewhere(name, tmp_path) as fsctl:
        report = doctor(fsctl)
        assert report.code == 0, report.ended.show
        assert list(report.lines) == NAMES
        warned = {"cli-older": ["membrane", "gateway"], "cli-newest": ["gateway"]}.get(name, [])
        assert (report.those("warn"), report.those("skip")) == (warned, []), report.ended.show


def test_over_http_it_asks_seven_things_and_sends_no_write(server: Online, tmp_path: Path) -> None:
    road = inside(server, tmp_path)
    report = doctor(road)
    assert report.those("ok") == NAMES, report.ended.show
    connection = ConnectionSeed().id
    assert road.lines == [
        "GET /self",
        "GET /self",
        "GET /self",
        "GET /connections",
        "GET /actions",
        f"GET /connections/{connection}/proxy/v2/users",
    ]
    asked = [each.headers for each in road.sent[:2]]
    assert not any(name.lower() == "authorization" for headers in asked for name, _ in headers)
    assert "uid=fsctl-doctor" in road.sent[-1].target, "nobody's data is asked for"


def test_with_nothing_set_up_it_names_the_guided_set_up(tmp_path: Path) -> None:
    program = Program(tmp_path, {"PATH": SYSTEM_PATH})
    report = doctor(program, "--offline")
    assert (report.code, report.those("fail")) == (4, ["gateway"]), report.ended.show
    report.expect("gateway", "fail", "there is no token", "`fsctl init`")
    report.expect("token", "skip", "not checked: it needs gateway")
    assert program("doctor", "--offline", "-o", "table").err == (
        "fsctl: error: 1 check failed: gateway.\n"
        "  Run `fsctl init`, or try everything with --sandbox.\n"
    )


# -- trouble

AWAY = {
    Kind.SERVER_ERROR: "api",
    Kind.BAD_GATEWAY: "api",
    Kind.RESET: "api",
    Kind.RESET_AFTER: "api",
    Kind.HANG: "api",
    Kind.TRUNCATE: "api",
    Kind.RATE_LIMITED: "login",
    Kind.RATE_LIMITED_MEMBRANE: "login",
    Kind.EMPTY: "login",
}


@pytest.mark.parametrize("kind", AWAY, ids=lambda kind: kind.value)
def test_a_service_that_is_away_ends_with_5(kind: Kind, server: Online, tmp_path: Path) -> None:
    road = inside(server, tmp_path)
    server.fail(kind.value)
    try:
        report = doctor(road, "--timeout", "1s" if kind is Kind.HANG else "20s")
    finally:
        server.fail()
    assert (report.code, report.those("fail")) == (5, [AWAY[kind]]), report.ended.show
    report.expect("key", "skip", f"not checked: it needs {AWAY[kind]}")


@pytest.mark.parametrize("kind", [*AWAY, Kind.RATE_LIMITED_FULLSTORY], ids=lambda kind: kind.value)
def test_trouble_behind_the_proxy_is_told_there(kind: Kind, server: Online, tmp_path: Path) -> None:
    road = inside(server, tmp_path)
    server.fail(f"{kind.value}@/v2")
    try:
        report = doctor(road, "--timeout", "1s" if kind is Kind.HANG else "20s")
    finally:
        server.fail()
    if kind in (Kind.RATE_LIMITED, Kind.RATE_LIMITED_FULLSTORY):
        assert report.code == 0, report.ended.show
        report.expect("key", "warn", "busy", "in a minute")
    else:
        assert (report.code, report.those("fail")) == (5, ["requests"]), report.ended.show
        report.expect("key", "skip", "not checked: it needs requests")


def test_a_redirect_is_for_a_person(server: Online, tmp_path: Path) -> None:
    road = inside(server, tmp_path)
    server.fail("redirect")
    try:
        report = doctor(road)
    finally:
        server.fail()
    assert (report.code, report.those("fail")) == (4, ["api"]), report.ended.show
    report.expect("api", "fail", "redirects", "check MEMBRANE_API_URL")


def test_what_a_person_must_do_goes_before_what_has_to_be_waited_for(
    server: Online, tmp_path: Path
) -> None:
    road = inside(server, tmp_path, {"FSCTL_RETRIES": "many"})
    server.fail("500")
    try:
        report = doctor(road)
    finally:
        server.fail()
    assert (report.code, report.those("fail")) == (4, ["values", "api"]), report.ended.show
    assert "2 checks failed: values, api." in report.ended.err
    assert report.ended.err.splitlines()[1] == "  Use a number from 0 to 20."


def test_a_check_that_breaks_is_a_failed_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: Any) -> Any:
        raise KeyError("somewhere")

    with_it = (Check("Here", "odd", broken), Check("Here", "next", lambda *_: ok("fine")))
    monkeypatch.setattr(every, "CHECKS", with_it)
    program = Program(tmp_path)
    report = doctor(program, "--sandbox")
    assert report.code == 4, report.ended.show
    report.expect("odd", "fail", "went wrong: KeyError: 'somewhere'", "`fsctl doctor --debug`")
    report.expect("next", "ok", "fine")
    assert "Traceback" not in report.ended.err
    assert "Traceback" in doctor(program, "--sandbox", "--debug").ended.err


@pytest.mark.parametrize(("asks_others", "code"), [(True, 5), (False, 4)])
def test_a_check_that_does_not_end_is_given_up(
    asks_others: bool, code: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = threading.Event()

    def hangs(*_: Any) -> Any:
        never.wait(60)

    check = Check("Here", "endless", hangs, online=asks_others, seconds=0.05)
    monkeypatch.setattr(every, "CHECKS", (check, Check("Here", "next", lambda *_: ok("fine"))))
    monkeypatch.setattr(run, "GRACE", 0)
    report = doctor(Program(tmp_path), "--sandbox")
    never.set()
    assert report.code == code, report.ended.show
    report.expect("endless", "fail", "did not end within 0.05 s", "`--timeout`")
    report.expect("next", "ok", "fine")


@pytest.mark.parametrize(
    ("hangs", "fails"), [("--help", ["membrane"]), ("--version", []), ("token", ["token"])]
)
def test_a_binary_that_hangs_is_stopped_in_time(
    hangs: str, fails: list[str], server: Online, tmp_path: Path
) -> None:
    """And nothing of it is left behind."""
    fake = FakeMembrane()
    env = membrane_environment(fake, tmp_path, server.server.url)
    program = tmp_path / "tools" / "membrane"
    real = program.rename(program.with_name("real"))
    script(program, f'case "$*" in *{hangs}*) echo $$ >> {tmp_path}/pids; exec sleep 60;; esac\n'
           f'exec {real} "$@"')  # fmt: skip
    report = doctor(Program(tmp_path, env), "--timeout", "2s")
    assert report.those("fail") == fails, report.ended.show
    for pid in (tmp_path / "pids").read_text().split():
        assert not Path("/proc", pid).exists()


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)


# -- offline


def test_offline_opens_no_socket_and_runs_no_command_that_might(
    server: Online, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: Any, **__: Any) -> Any:
        raise AssertionError("a socket, with --offline")

    monkeypatch.setattr(socket.socket, "connect", refuse)
    monkeypatch.setattr(socket, "getaddrinfo", refuse)
    fake = FakeMembrane()
    env = membrane_environment(fake, tmp_path, server.server.url)
    for more in ({}, {"MEMBRANE_TOKEN": SECRET}):
        report = doctor(Program(tmp_path, {**env, **more}), "--offline")
        assert report.code == 0, report.ended.show
        asked = [check.name for check in every.CHECKS if check.online]
        skipped = report.those("skip")
        assert [name for name in skipped if name != "token"] == asked
        assert ("token" in skipped) is not bool(more)
        report.expect("key", "skip", "not checked: --offline")
    assert {" ".join(call) for call in fake.asked} == {"--version"}


def test_offline_runs_no_token_command(tmp_path: Path) -> None:
    program = Program(tmp_path, {"PATH": SYSTEM_PATH})
    script(tmp_path / "vault", f"touch {tmp_path}/ran; echo {SECRET}")
    program.profile(f'[profiles.default]\ntoken_command = "{tmp_path}/vault"')
    (tmp_path / "config" / "config.toml").chmod(0o600)
    (tmp_path / "config").chmod(0o700)
    report = doctor(program, "--offline")
    assert report.code == 0, report.ended.show
    report.expect("token", "skip", "token_command may ask the network")
    assert not (tmp_path / "ran").exists()


def test_the_sandbox_is_whole_offline_too(tmp_path: Path) -> None:
    report = doctor(Program(tmp_path, {"PATH": SYSTEM_PATH}), "--sandbox", "--offline")
    assert (report.code, report.those("ok")) == (0, NAMES), report.ended.show


# -- the report as data


def test_as_data_each_check_is_a_row(tmp_path: Path) -> None:
    program = Program(tmp_path, {"PATH": SYSTEM_PATH})
    done = program("doctor", "--offline", "-o", "json")
    rows = json.loads(done.out)
    assert [row["name"] for row in rows] == NAMES
    assert {tuple(row) for row in rows} == {("group", "name", "state", "detail", "mend")}
    assert all((row["mend"] is None) == (row["state"] in ("ok", "skip")) for row in rows)
    error = json.loads(done.err.splitlines()[-1])["error"]
    assert (error["code"], error["hint"]) == ("needs_person", next(filter(None, mends(rows))))

    picked = program("doctor", "--offline", "--jq", 'select(.state == "fail") | .name')
    assert (picked.code, picked.out) == (4, "gateway\n")
    assert program("doctor", "--offline", "--fields", "name", "-o", "csv").out.startswith("name\n")
    assert program("doctor", "--offline", "-o", "markdown").out.startswith("| GROUP | NAME |")


def mends(rows: list[dict[str, Any]]) -> list[str]:
    return [row["mend"] for row in rows]


def test_a_pipe_gets_rows_as_they_come(tmp_path: Path) -> None:
    done = Program(tmp_path, {"PATH": SYSTEM_PATH})("doctor", "--offline")
    assert [json.loads(line)["name"] for line in done.out.splitlines()] == NAMES


def test_a_wrong_option_is_usage(tmp_path: Path) -> None:
    program = Program(tmp_path, {"PATH": SYSTEM_PATH})
    for wrong in (("--jq", "}{"), ("--timeout", "soon"), ("-o", "yaml"), ("--fields", "")):
        assert program("--sandbox", "doctor", *wrong).code == 2


@pytest.mark.parametrize(
    "wrong",
    [
        {"FSCTL_OUTPUT": "yaml"},
        {"FSCTL_TIME_ZONE": "Mars/Base"},
        {"FSCTL_CONFIG_DIR": "here"},
        {"FSCTL_TRANSPORT": "pigeon"},
        {"FSCTL_STATE_DIR": "here"},
    ],
    ids=lambda wrong: next(iter(wrong)),
)
def test_settings_that_cannot_be_read_are_in_the_report_and_not_its_end(
    wrong: dict[str, str], tmp_path: Path
) -> None:
    report = doctor(Program(tmp_path, {"PATH": SYSTEM_PATH, **wrong}), "--offline")
    assert (report.code, list(report.lines)) == (4, NAMES), report.ended.show
    done = Program(tmp_path, {"PATH": SYSTEM_PATH, **wrong})(
        "doctor", "--offline", "--color", "never", stdout_is_terminal=True
    )
    assert done.out.startswith("This machine\n"), done.show


def test_mask_leaves_the_report_as_it_is(tmp_path: Path) -> None:
    program = Program(tmp_path, {"PATH": SYSTEM_PATH})
    report = doctor(program, "--sandbox", "--mask")
    assert (report.code, list(report.lines)) == (0, NAMES), report.ended.show
    report.expect("gateway", "ok", "sandbox")


# -- the report as it is drawn


def test_the_whole_screen(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir()
    fsctl = Fsctl(home, {"PATH": SYSTEM_PATH})
    for kind in ("CONFIG", "CACHE", "STATE", "DATA"):
        del fsctl.env[f"FSCTL_{kind}_DIR"]
    done = fsctl("doctor", "--offline", "-o", "table")
    told = done.out
    for name in ("fsctl", "python", "tls"):  # which differ between machines, in length too
        told = re.sub(rf"(?<=✓ {name:<12})[^\n]*(\n {{16}}[^\n]*)*", "…", told)
    assert (done.code, told) == (4, WHOLE), done.show


WHOLE = """\
This machine
  ✓ fsctl       …
  ✓ python      …
  ✓ home        ~
  ✓ config      ~/.config/fsctl, made when it is needed
  ✓ cache       ~/.cache/fsctl, made when it is needed
  ✓ state       ~/.local/state/fsctl, made when it is needed
  ✓ data        ~/.local/share/fsctl, made when it is needed

Settings
  ✓ project     none in this directory or above
  ✓ profile     none; there is no ~/.config/fsctl/config.toml
  ✓ values      no variable is set

Membrane
  ✓ membrane    not installed
  ✗ gateway     none: there is no token, and no membrane command line
                → Run `fsctl init`, or try everything with --sandbox.
  ✓ tls         …
  ✓ proxy       none
  · api         not checked: --offline
  · clock       not checked: --offline
  · token       not checked: it needs gateway
  · login       not checked: --offline

Fullstory
  · connection  not checked: --offline
  · actions     not checked: --offline
  · inputs      not checked: --offline
  · requests    not checked: --offline
  · key         not checked: --offline

✗ 1 failed   ✓ 13 ok   · 9 not checked
"""


@pytest.mark.parametrize("columns", [60, 120])
def test_on_a_terminal_lines_come_as_checks_end(
    columns: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow service shows which check is being made; no line of it stays."""
    gate = threading.Event()
    with online(tmp_path, options=MembraneOptions(connections=())) as road:
        ask = road.server.membrane.handle

        def slowly(*asked: Any) -> Any:
            gate.wait(60)
            return ask(*asked)

        monkeypatch.setattr(road.server.membrane, "handle", slowly)
        with Window("doctor", env=road.fsctl.env, cwd=road.fsctl.home, columns=columns) as window:
            window.see("proxy not used")
            window.see("api …")
            assert "clock" not in window.screen
            gate.set()
            done = window.end()
    assert done.code == 4, done.show
    assert "✗ connection  there is none for Fullstory\n" in done.out
    assert "→ Run fsctl connections create." in done.out
    assert "fsctl: error: 1 check failed: connection." in done.out
    assert not set("⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏…") & set(done.out)
    lines = done.out.splitlines()[3:]  # after paths of this machine, which are left whole
    assert all(len(line) <= columns for line in lines), done.show


def test_without_colour_commands_stand_in_backticks(tmp_path: Path) -> None:
    env = Fsctl(tmp_path, {"PATH": SYSTEM_PATH, "NO_COLOR": "1"}).env
    with Window("doctor", "--offline", env=env, cwd=tmp_path, columns=60) as window:
        done = window.end()
    assert "→ Run `fsctl init`, or try everything with" in done.out
    assert b"\x1b[3" not in window.raw


def test_an_interrupt_ends_it_and_what_it_started(tmp_path: Path) -> None:
    script(tmp_path / "tools" / "membrane", f"echo $$ > {tmp_path}/pid; exec sleep 60")
    env = Fsctl(tmp_path, {"PATH": f"{tmp_path}/tools:{SYSTEM_PATH}"}).env
    with Window("doctor", env=env, cwd=tmp_path) as window:
        window.see("membrane …")
        while not (tmp_path / "pid").exists() or not (tmp_path / "pid").read_text():
            pass
        window.type(CTRL_C)
        done = window.end()
    assert done.code == 130, done.show
    assert "membrane" not in done.out.splitlines()[-2]
    assert not Path("/proc", (tmp_path / "pid").read_text().strip()).exists()
