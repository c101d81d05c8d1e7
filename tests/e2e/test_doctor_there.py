"""Every line of ``fsctl doctor`` about Membrane and Fullstory: what it warns of, when it fails."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from pathlib import Path
from typing import Any

import jwt
import pytest

from fsctl.sandbox.actions import Style
from fsctl.sandbox.options import ConnectionSeed, MembraneOptions
from tests.support.certificates import make_authority
from tests.support.doctor import Report, doctor
from tests.support.fake_membrane import FakeMembrane
from tests.support.online import (
    SECRET,
    SYSTEM_PATH,
    Online,
    inside,
    membrane_environment,
    online,
    token_environment,
)
from tests.support.program import Program
from tests.support.scripted_server import (
    RESET_UNREAD,
    Step,
    answer,
    connect_proxy,
    envelope,
    free_port,
    scripted,
)
from tests.support.tree import commands

MEMBRANE = "api.getmembrane.com"
ID = ConnectionSeed().id


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Online]:
    with online(tmp_path_factory.mktemp("server")) as road:
        yield road


def bare(home: Path, **env: str) -> Program:
    """An ``fsctl`` that knows nothing, and finds no ``membrane``."""
    home.mkdir(exist_ok=True)
    return Program(home, {"PATH": SYSTEM_PATH, **env})


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


# -- membrane


def with_binary(home: Path, text: str, **env: str) -> Program:
    script(home / "tools" / "membrane", text)
    return bare(home, **{"PATH": f"{home}/tools:{SYSTEM_PATH}", **env})


def test_another_program_of_that_name_is_told(tmp_path: Path) -> None:
    other = 'echo "membrane 3: a cell dispatcher"'
    report = doctor(with_binary(tmp_path, other), "--offline")
    report.expect("membrane", "fail", "~/tools/membrane is not Membrane's", "npm install -g")
    assert report.code == 4
    spare = doctor(with_binary(tmp_path, other, MEMBRANE_TOKEN=SECRET), "--offline")
    spare.expect("membrane", "warn", "is not Membrane's", "npm install -g")
    assert spare.code == 0, "it is not needed"


def test_how_old_a_binary_is(tmp_path: Path) -> None:
    older = Program(tmp_path, membrane_environment(FakeMembrane(form="older"), tmp_path, None))
    doctor(older, "--offline").expect(
        "membrane",
        "warn",
        "of the older form: request, action run; without act, connection ensure, connection get",
        "`npm install -g @membranehq/cli@latest`",
    )
    fake = FakeMembrane(without=["act"])
    newer = Program(tmp_path, membrane_environment(fake, tmp_path, None))
    doctor(newer, "--offline").expect("membrane", "ok", "of the newer form: connection ensure")
    latest = FakeMembrane()
    newest = Program(tmp_path / "n", membrane_environment(latest, tmp_path / "n", None))
    for times in (1, 2):
        doctor(newest, "--offline").expect("membrane", "ok", "of the newest form: act")
        asked = [call.argv for call in latest.calls if "--help" in call.argv]
        assert len(asked) == 3 * times, "what the cache knows of it may be old; once is enough"


def test_a_version_is_told_where_the_binary_tells_one(tmp_path: Path) -> None:
    program = Program(tmp_path, membrane_environment(FakeMembrane(), tmp_path, None))
    binary = tmp_path / "tools" / "membrane"
    real = shlex.quote(str(binary.rename(binary.with_name("real"))))
    script(binary, f'[ "$1" = --version ] && echo "notice: 1"; [ "$1" = --version ] && '
                   f'echo v1.18.3 && echo 1.18.3 && exit 0; exec {real} "$@"')  # fmt: skip
    doctor(program, "--offline").expect("membrane", "ok", "~/tools/membrane 1.18.3, of the newest")


def test_a_binary_in_the_checkout_is_told_and_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = tmp_path / "checkout"
    script(checkout / "bin" / "membrane", f"touch {tmp_path}/ran")
    (checkout / ".git").mkdir()
    monkeypatch.chdir(checkout)
    program = bare(tmp_path / "home", PATH=f"{checkout}/bin:{SYSTEM_PATH}")
    doctor(program, "--offline").expect("membrane", "warn", "is never run", "elsewhere: `npm")
    assert not (tmp_path / "ran").exists()


def test_a_binary_asked_for_that_is_not_there_fails(tmp_path: Path) -> None:
    report = doctor(bare(tmp_path), "--offline", "--transport", "cli")
    report.expect("membrane", "fail", "asked for by --transport", "npm install")
    report.expect("gateway", "skip", "it needs membrane")
    named = bare(tmp_path, FSCTL_MEMBRANE_COMMAND="./membrane")
    doctor(named, "--offline").expect("membrane", "fail", "is refused", "absolute path")


# -- gateway


def test_which_gateway_and_why(server: Online, tmp_path: Path) -> None:
    line = doctor(inside(server, tmp_path / "t"), "--offline").line("gateway")
    assert line == ("ok", "http: a token is at hand (MEMBRANE_TOKEN)", "")
    fake = FakeMembrane(without=["token"])
    cli = Program(tmp_path / "c", membrane_environment(fake, tmp_path / "c", server.server.url))
    report = doctor(cli, "--offline")
    report.expect("gateway", "warn", "cli: no token is at hand", "Set MEMBRANE_TOKEN")
    report.expect("gateway", "warn", "what is sent stands in the arguments", "HTTP")
    assert report.ended.err == "", "it is said in the report, and nowhere else"
    asked = doctor(cli, "--offline", "--transport", "cli")
    asked.expect("gateway", "warn", "cli: asked for by --transport", "Leave --transport out")


@pytest.mark.parametrize(
    ("env", "detail"),
    [
        ({"FSCTL_TRANSPORT": "http"}, "There is no Membrane token"),
        ({"MEMBRANE_WORKSPACE_SECRET": "abc"}, "to mint a token"),
    ],
)
def test_a_gateway_that_cannot_be_had_fails(
    env: Mapping[str, str], detail: str, tmp_path: Path
) -> None:
    report = doctor(bare(tmp_path, **env), "--offline")
    report.expect("gateway", "fail", detail)
    assert report.code == 4


# -- tls, proxy


def test_a_certificate_file_that_is_none_fails(tmp_path: Path) -> None:
    report = doctor(bare(tmp_path, FSCTL_CA_BUNDLE="/nowhere.pem"), "--offline")
    report.expect("tls", "fail", "FSCTL_CA_BUNDLE names a file that does not exist", "PEM")


def test_an_address_that_credentials_do_not_go_to_fails(tmp_path: Path) -> None:
    program = bare(tmp_path, MEMBRANE_API_URL="https://evil.example", MEMBRANE_TOKEN=SECRET)
    report = doctor(program)
    report.expect("gateway", "fail", "MEMBRANE_API_URL names evil.example", "--api-host")
    assert report.those("fail") == ["gateway"], "one cause is one failure"
    for name in ("tls", "proxy", "api", "token", "login", "connection"):
        report.expect(name, "skip", "it needs gateway")
    assert report.code == 4


def test_whose_certificates_count_is_told(tmp_path: Path) -> None:
    authority = make_authority(tmp_path / "ca", MEMBRANE)
    report = doctor(bare(tmp_path / "home", FSCTL_CA_BUNDLE=str(authority.ca)), "--offline")
    report.expect("tls", "ok", "OpenSSL")
    report.expect("tls", "ok", "with the certificates of FSCTL_CA_BUNDLE")
    doctor(bare(tmp_path / "home"), "--offline").expect("tls", "ok", "with the system's own trust")


def test_a_proxy_is_told_without_its_credentials(tmp_path: Path) -> None:
    program = bare(tmp_path, HTTPS_PROXY="http://ada:hunter22@proxy.corp:3128")
    report = doctor(program, "--offline")
    report.expect("proxy", "ok", "proxy.corp:3128 (HTTPS_PROXY), with a user name and a password")
    assert "hunter22" not in report.ended.show
    assert "ada" not in report.line("proxy")[1]
    plain = doctor(bare(tmp_path, HTTP_PROXY="http://proxy.corp:3128"), "--offline")
    plain.expect("proxy", "ok", "none; HTTP_PROXY is not used for TLS")
    doctor(bare(tmp_path, ALL_PROXY="socks5://p:1"), "--offline").expect(
        "proxy", "fail", "SOCKS", "HTTP proxy"
    )


# -- api


def beyond_a_proxy(tmp_path: Path, refuse: int | None = None, *, trusted: bool) -> Report:
    """A report on Membrane's own address, whose TLS ends in this test."""
    authority = make_authority(tmp_path / "ca", MEMBRANE)
    steps = [*looks(), envelope(401, "bad_request", "not_authenticated", "no")]
    reached = trusted and refuse is None
    with (
        scripted(*(steps if reached else ()), tls=authority.server) as far,
        connect_proxy(far.port, refuse=refuse) as proxy,
    ):
        env = {"HTTPS_PROXY": f"http://ada:hunter22@127.0.0.1:{proxy.port}"}
        if trusted:
            env["FSCTL_CA_BUNDLE"] = str(authority.ca)
        report = doctor(bare(tmp_path / "home", MEMBRANE_TOKEN=SECRET, **env))
    assert "hunter22" not in report.ended.show
    return report


def test_the_api_is_reached_through_the_proxy(tmp_path: Path) -> None:
    report = beyond_a_proxy(tmp_path, trusted=True)
    report.expect("api", "ok", f"https://{MEMBRANE} answers in ")
    report.expect("login", "fail", "Membrane refused", "MEMBRANE_TOKEN was refused")
    assert report.code == 4


def test_a_certificate_that_nobody_trusts_is_for_a_person(tmp_path: Path) -> None:
    report = beyond_a_proxy(tmp_path, trusted=False)
    report.expect("api", "fail", f"The TLS certificate of {MEMBRANE} is not trusted", "CA file")
    assert report.code == 4


def test_a_proxy_that_wants_a_password_is_for_a_person(tmp_path: Path) -> None:
    report = beyond_a_proxy(tmp_path, refuse=407, trusted=True)
    report.expect("api", "fail", "wants another user name and password", "HTTPS_PROXY")
    assert report.code == 4


def test_nobody_at_the_address_is_away(tmp_path: Path) -> None:
    env = token_environment(f"http://127.0.0.1:{free_port()}")
    report = doctor(bare(tmp_path, **env))
    report.expect("api", "fail", "could not be reached: Connection refused", "network")
    assert (report.code, report.those("fail")) == (5, ["api"])


def talk(home: Path, *steps: Step, **facts: Any) -> Report:
    """A report of a whole conversation: two looks at the API, then what is asked with a token."""
    with scripted(*steps) as served:
        return doctor(bare(home, **token_environment(served.url)), **facts)


def looks(*headers: tuple[str, str]) -> list[Step]:
    """The two, after which the connection is given up."""
    body = {"type": "bad_request", "key": "not_authenticated", "message": "Who are you?"}
    told = answer(401, body, *headers)
    return [told, replace(told, end="close")]


WHO = answer(200, {"id": "t", "name": "Ada", "internalId": "ada@example.com"})


def test_another_service_at_the_address_is_a_warning(tmp_path: Path) -> None:
    page = answer(404, b"<html>Not here</html>")
    report = talk(tmp_path, page, replace(page, end="close"), page, page)
    report.expect("api", "warn", "not as Membrane's API does", "Check MEMBRANE_API_URL")


def test_a_slow_api_is_a_warning(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fsctl.cli.checks.network._SLOW", 0.0)
    report = talk(tmp_path, *looks(), RESET_UNREAD)
    report.expect("api", "warn", "answers in", "`--timeout`")


def test_the_command_lines_own_way_may_work_where_fsctls_does_not(
    server: Online, tmp_path: Path
) -> None:
    fake = FakeMembrane(without=["token"], answers={"connection list": {"items": []}})
    env = membrane_environment(fake, tmp_path, f"http://127.0.0.1:{free_port()}")
    report = doctor(Program(tmp_path, env))
    report.expect("api", "warn", "could not be reached", "network")
    report.expect("login", "ok", "Membrane accepts it")


# -- clock


@pytest.mark.parametrize(
    ("ahead", "state", "detail"),
    [
        (2, "ok", "agrees"),
        (-30, "ok", "30 seconds behind"),
        (300, "warn", "5 minutes ahead of the API's"),
        (-7200, "warn", "2 hours behind the API's"),
        (86400 * 40, "warn", "40 days ahead"),
    ],
)
def test_a_clock_that_is_wrong_is_a_warning(
    ahead: int, state: str, detail: str, tmp_path: Path
) -> None:
    now = datetime(2026, 1, 1, 12, tzinfo=UTC)
    date = format_datetime(now - timedelta(seconds=ahead), usegmt=True)
    report = talk(tmp_path, *looks(("Date", date)), RESET_UNREAD, now=lambda: now)
    report.expect("clock", state, detail, "timedatectl" if state == "warn" else "")


@pytest.mark.parametrize("headers", [(), (("Date", "yesterday"),)], ids=["none", "odd"])
def test_an_api_that_tells_no_time_leaves_the_clock_unchecked(
    headers: tuple[tuple[str, str], ...], tmp_path: Path
) -> None:
    report = talk(tmp_path, *looks(*headers), RESET_UNREAD)
    report.expect("clock", "skip", "does not tell the time")


# -- token

DAY = 86400
NOW = datetime(2026, 1, 1, 12, tzinfo=UTC)


def signed(days: float) -> str:
    claims = {"workspaceKey": "acme-space", "tenantKey": "ada-tenant"}
    return jwt.encode({**claims, "exp": NOW.timestamp() + days * DAY}, "x" * 32)


@pytest.mark.parametrize(
    ("days", "state", "detail", "mend"),
    [
        (30.1, "ok", "a signed token from MEMBRANE_TOKEN, good for 30 days", ""),
        (3.1, "warn", "good for 3 days, until 2026-01-04T14:24:00Z", "Put a new one into"),
        (-2.1, "fail", "which ended 2 days ago", "Put a new one into"),
    ],
)
def test_when_the_token_ends(
    days: float, state: str, detail: str, mend: str, tmp_path: Path
) -> None:
    token = signed(days)
    report = doctor(bare(tmp_path, MEMBRANE_TOKEN=token), "--offline", now=lambda: NOW)
    report.expect("token", state, detail, mend)
    assert report.code == (4 if state == "fail" else 0)
    for secret in (token, token.split(".")[1], "ada-tenant", "acme-space"):
        assert secret not in report.ended.show
    assert "warning" not in report.ended.err, "it is said once, in the report"


def test_a_token_of_the_command_lines_variables_counts_too(tmp_path: Path) -> None:
    env = membrane_environment(FakeMembrane(), tmp_path, None) | {
        "MEMBRANE_ACCESS_TOKEN": signed(-1)
    }
    report = doctor(Program(tmp_path, env), "--offline", "--transport", "cli", now=lambda: NOW)
    report.expect("token", "fail", "which ended", "`fsctl --transport cli login`")


def test_a_signed_token_of_the_workspaces_keys_is_made_anew(tmp_path: Path) -> None:
    keys = {"KEY": "acme", "SECRET": "a-secret-of-the-workspace", "TENANT": "t"}
    env = {
        "MEMBRANE_WORKSPACE_KEY": keys["KEY"],
        "MEMBRANE_WORKSPACE_SECRET": keys["SECRET"],
        "MEMBRANE_TENANT_KEY": keys["TENANT"],
    }
    report = doctor(bare(tmp_path, **env), "--offline")
    report.expect("token", "ok", "from MEMBRANE_WORKSPACE_SECRET, good for")
    assert keys["SECRET"] not in report.ended.show


def test_a_token_command_that_fails_is_for_a_person(server: Online, tmp_path: Path) -> None:
    script(tmp_path / "vault", 'echo "locked for ada@example.com" >&2; exit 3')
    program = bare(tmp_path, MEMBRANE_API_URL=server.server.url)
    program.profile(f'[profiles.default]\ntoken_command = "{tmp_path}/vault"')
    report = doctor(program)
    report.expect("token", "fail", "token_command failed with status 3: locked for", "by hand")
    assert report.code == 4
    assert "ada@example" not in report.ended.out


# -- login


@pytest.mark.parametrize(
    ("step", "code", "detail"),
    [
        (envelope(401, "bad_request", "not_authenticated", "Token expired"), 4, "Token expired"),
        (answer(200, b"<html>log in</html>"), 5, "cannot be read"),
        (answer(500, b""), 5, "HTTP status 500"),
    ],
)
def test_a_login_that_is_not_accepted(step: Step, code: int, detail: str, tmp_path: Path) -> None:
    report = talk(tmp_path, *looks(), step)
    report.expect("login", "fail", detail)
    assert (report.code, report.those("fail")) == (code, ["login"]), report.ended.show


def test_a_login_that_is_over_is_renewed_with_fsctl(server: Online, tmp_path: Path) -> None:
    fake = FakeMembrane(without=["token"], mood="logged_out")
    program = Program(tmp_path, membrane_environment(fake, tmp_path, server.server.url))
    report = doctor(program)
    report.expect("login", "fail", "is not logged in", "`fsctl login`")
    assert report.code == 4


# -- connection


def behind(
    tmp_path: Path, *arguments: str, env: Mapping[str, str] | None = None, **o: Any
) -> Report:
    with online(tmp_path, options=MembraneOptions(**o)) as road:
        return doctor(inside(road, tmp_path / "home", env), *arguments)


OTHER = ConnectionSeed(id="6920c5a1d3f4e5b6a7c8d902", name="Ada Lovelace's Fullstory")
UNREADY = ConnectionSeed(connected=False)


@pytest.mark.parametrize(
    ("seeds", "detail", "mend"),
    [
        ((), "there is none for Fullstory", "`fsctl connections create`"),
        ((ConnectionSeed(app="slack", name="x"),), "there is none", "`fsctl connections create`"),
        ((ConnectionSeed(), OTHER), f"2 connections would do: {ID}, {OTHER.id}", "connections use"),
        ((ConnectionSeed(state="BUILDING", connected=False),), "BUILDING", f"wait {ID}`"),
        ((UNREADY,), "the one for Fullstory: disconnected", f"connections reconnect {ID}`"),
        (
            (ConnectionSeed(state="CLIENT_ACTION_REQUIRED", connected=False),),
            "CLIENT_ACTION_REQUIRED, ",
            f"connections reconnect {ID}`",
        ),
        (
            (ConnectionSeed(state="SETUP_FAILED", connected=False, error="Revoked by a@b.io."),),
            "SETUP_FAILED, Revoked by [e-mail]",
            f"connections reconnect {ID}`",
        ),
    ],
    ids=["none", "other app", "several", "building", "disconnected", "action", "failed"],
)
def test_a_connection_that_cannot_be_used(
    seeds: tuple[ConnectionSeed, ...], detail: str, mend: str, tmp_path: Path
) -> None:
    report = behind(tmp_path, connections=seeds)
    report.expect("connection", "fail", detail, mend)
    report.expect("key", "skip", "it needs connection")
    assert (report.code, report.those("fail")) == (4, ["connection"])
    assert "Lovelace" not in report.ended.show, "names are somebody's"


def test_which_connection_and_why(tmp_path: Path) -> None:
    seeds = (ConnectionSeed(key="shop"), OTHER, ConnectionSeed(id="6920c5a1d3f4e5b6a7c8d903",
             name="Slack", app="slack"))  # fmt: skip
    with online(tmp_path, options=MembraneOptions(connections=seeds)) as road:
        run = inside(road, tmp_path / "home")
        for named in (ID, "shop"):
            report = doctor(run, "--connection", named)
            report.expect("connection", "ok", f"{ID}, named by --connection: ready")
        by_name = doctor(run, env={"FSCTL_CONNECTION": OTHER.name.upper()})
        by_name.expect("connection", "ok", f"{OTHER.id}, named by FSCTL_CONNECTION: ready")
        doctor(run, "--connection", "Slack").expect(
            "connection", "warn", "nothing about it says Fullstory", "connections use"
        )
        gone = doctor(run, "--connection", "gone")
        gone.expect("connection", "fail", "none with the id, key or name", "connections use")
        wrong = doctor(run, "--connection", "../x")
        wrong.expect("values", "fail", "The connection")
        wrong.expect("connection", "skip", "it needs values")
    assert wrong.code == 4


def test_a_ready_connection_wins_as_it_does_for_commands(tmp_path: Path) -> None:
    seeds = (UNREADY, OTHER, ConnectionSeed(id="6920c5a1d3f4e5b6a7c8d904", test=True))
    report = behind(tmp_path, connections=seeds)
    report.expect("connection", "ok", f"{OTHER.id}, the one for Fullstory: ready")


def test_an_id_that_a_shell_would_run_is_in_no_command(tmp_path: Path) -> None:
    odd = {"id": "$(rm -rf ~)", "name": "Fullstory", "state": "SETUP_FAILED"}
    report = talk(tmp_path, *looks(), WHO, answer(200, {"items": [odd]}))
    report.expect("connection", "fail", "$(rm -rf ~)", "`fsctl connections use`")
    assert "rm -rf" not in report.line("connection")[2]


# -- actions, inputs


def test_actions_that_are_missing_are_a_warning(tmp_path: Path) -> None:
    style = Style.parse("camel,missing:create-event,missing:get-user")
    report = behind(tmp_path, style=style)
    report.expect("actions", "warn", "6 of 8 can be used; not get-user, create-event", "the proxy")
    assert report.code == 0


def test_actions_that_are_missing_fail_where_nothing_else_is_allowed(tmp_path: Path) -> None:
    style = Style.parse("missing:create-event")
    report = behind(tmp_path, "--via", "action", style=style)
    report.expect("actions", "fail", "--via allows no other way", "`--via auto`")
    assert report.code == 4


def test_actions_that_are_not_used_need_not_be_there(tmp_path: Path) -> None:
    report = behind(tmp_path, "--via", "proxy", style=Style.parse("missing:create-event"))
    report.expect("actions", "ok", "7 of 8 are there; none is used (--via)")


ONE = {"id": ID, "name": "Fullstory", "state": "READY", "integration": {"key": "fullstory"}}
FOUND = [WHO, answer(200, {"items": [ONE]})]
NOBODY = answer(200, {"results": [], "total_records": "0"})
NOT_THERE = answer(404, {"message": "Cannot GET /v2/v2/users", "code": "resource_not_found"})


def test_inputs_without_a_place_are_a_warning(tmp_path: Path) -> None:
    schema = {"type": "object", "properties": {"text": {"type": "string"}}}
    odd = {"type": "object", "properties": {}, "required": ["region"]}
    listed = [
        {"id": "1", "key": "create-annotation", "name": "a", "inputSchema": schema},
        {"id": "2", "key": "delete-user", "name": "b", "inputSchema": odd},
        {"id": "3", "key": "get-user", "name": "c"},
    ]
    report = talk(tmp_path, *looks(), *FOUND, answer(200, {"items": listed}), NOBODY)
    report.expect(
        "inputs",
        "warn",
        "create-annotation has none for start_time, end_time, source",
        "`fsctl actions show create-annotation`",
    )
    report.expect("actions", "warn", "get-user (tells no inputs)", "proxy")
    report.expect("actions", "warn", "delete-user (wants region)", "proxy")
    assert report.code == 0


def test_a_catalogue_that_does_not_come_is_away_and_the_proxy_is_still_looked_at(
    tmp_path: Path,
) -> None:
    report = talk(tmp_path, *looks(), *FOUND, answer(503, b""), NOBODY)
    report.expect("actions", "fail", "HTTP status 503")
    report.expect("inputs", "skip", "it needs actions")
    report.expect("key", "ok", "may read")
    assert report.code == 5


# -- requests, key

CATALOGUE = answer(200, {"items": []})


def probed(home: Path, *steps: Step, **more: Any) -> tuple[Report, list[str]]:
    """A report of a conversation that ends with these answers of the proxy, and what it asked."""
    before = [*looks(), *FOUND, CATALOGUE]
    with scripted(*before, *steps) as served:
        program = bare(home, **token_environment(served.url))
        if "profile" in more:
            program.profile(f"[profiles.default]\n{more.pop('profile')}")
        report = doctor(program, **more)
    proxy = f"GET /connections/{ID}/proxy/"
    asked = [line.removeprefix(proxy) for line in served.sent()[len(before) :]]
    return report, [line.removesuffix("?uid=fsctl-doctor") for line in asked]


def test_the_path_as_it_should_be(tmp_path: Path) -> None:
    report, asked = probed(tmp_path, NOBODY)
    report.expect("requests", "ok", "/v2/users is answered by Fullstory")
    report.expect("key", "ok", "may read people's data")
    assert asked == ["v2/users"]


@pytest.mark.parametrize(
    "wrong", [NOT_THERE, answer(404, b"<html>no</html>"), answer(200, b"<html>home</html>")]
)
def test_a_base_that_is_missing_is_found(wrong: Step, tmp_path: Path) -> None:
    report, asked = probed(tmp_path, wrong, NOBODY)
    report.expect(
        "requests",
        "fail",
        "/v2/users is not there",
        "`fsctl profiles set proxy_base https://api.fullstory.com`",
    )
    assert report.code == 4
    report.expect("key", "ok", "may read")
    assert len(asked) == 2
    assert asked[1].endswith("api.fullstory.com/v2/users")


def test_the_host_in_europe_is_tried_too(tmp_path: Path) -> None:
    report, _ = probed(tmp_path, NOT_THERE, NOT_THERE, NOBODY)
    mend = "`fsctl profiles set proxy_base https://api.eu1.fullstory.com`"
    report.expect("requests", "fail", "is not there", mend)


def test_a_base_that_is_too_much_is_told(tmp_path: Path) -> None:
    report, asked = probed(tmp_path, NOT_THERE, NOBODY, profile='proxy_base = "/api"')
    report.expect(
        "requests", "fail", "/api/v2/users is not there", "`fsctl profiles unset proxy_base`"
    )
    assert asked == ["api/v2/users", "v2/users"]


def test_a_base_that_a_variable_sets_is_mended_there(tmp_path: Path) -> None:
    variable = {"FSCTL_PROXY_BASE": "/api"}
    report, _ = probed(tmp_path, NOT_THERE, NOBODY, env=variable)
    report.expect("requests", "fail", "/api/v2/users is not there", "`unset FSCTL_PROXY_BASE`")
    report, _ = probed(tmp_path, NOT_THERE, NOT_THERE, NOBODY, env=variable)
    mend = "`export FSCTL_PROXY_BASE=https://api.fullstory.com`"
    report.expect("requests", "fail", "is not there", mend)


def test_a_base_that_is_nowhere_is_for_a_person(tmp_path: Path) -> None:
    report, _ = probed(tmp_path, NOT_THERE, NOT_THERE, NOT_THERE)
    report.expect("requests", "fail", "is not behind /v2/users", "`fsctl profiles set proxy_base")
    report.expect("key", "skip", "it needs requests")
    assert report.code == 4


@pytest.mark.parametrize(
    ("status", "code", "word", "state", "detail", "mend"),
    [
        (401, 4, "unauthorized", "fail", "does not accept the key", f"reconnect {ID}`, with"),
        (403, 4, "forbidden", "fail", "read people's data", "the role Admin or Architect"),
        (429, 0, "too_many_requests", "warn", "busy", "in a minute"),
    ],
)
def test_what_the_key_may_do(
    status: int, code: int, word: str, state: str, detail: str, mend: str, tmp_path: Path
) -> None:
    said = answer(status, {"code": word, "message": "No, and your key is key-abc."})
    report, _ = probed(tmp_path, said)
    report.expect("requests", "ok", "answered by Fullstory")
    report.expect("key", state, detail, mend)
    assert report.code == code


def test_fullstory_that_fails_is_away(tmp_path: Path) -> None:
    report, _ = probed(tmp_path, answer(500, {"code": "server_error", "message": "Oops"}))
    report.expect("requests", "fail", "Fullstory fails: Oops", "later")
    assert report.code == 5


@pytest.mark.parametrize("form", ["older", "newest"])
@pytest.mark.parametrize("shape", ["envelope", "bare"])
def test_the_keys_rights_over_the_command_line(form: Any, shape: Any, tmp_path: Path) -> None:
    """Whatever it prints of a request: the older one may print a bare body without its status."""
    seeds = (ConnectionSeed(good_key=False),)
    for options, state in ((None, "ok"), (MembraneOptions(connections=seeds), "fail")):
        with online(tmp_path / state, options=options) as road:
            fake = FakeMembrane(form=form, without=["token"], request=shape)
            home = tmp_path / f"{state}-home"
            report = doctor(Program(home, membrane_environment(fake, home, road.server.url)))
        assert report.line("key")[0] == state, report.ended.show
        assert report.code == (0 if state == "ok" else 4)


# -- what nobody else may see


def test_no_secret_and_no_name_is_told_however_much_is_asked(
    server: Online, tmp_path: Path
) -> None:
    report = doctor(inside(server, tmp_path), "--debug")
    assert "GET /self -> 401" in report.ended.err
    assert SECRET not in report.ended.show
    told = talk(tmp_path, *looks(), *FOUND, CATALOGUE, NOBODY)
    assert told.code == 0, told.ended.show
    for name in ("Ada", "ada@example.com", str(tmp_path)):
        assert name not in told.ended.show


# -- what mends it


def test_a_mend_is_for_the_account_that_was_looked_at(tmp_path: Path) -> None:
    program = bare(tmp_path / "home")
    program.profile(f'[profiles.eu]\ntransport = "sandbox"\nconnection = "{"9" * 24}"\n')
    report = doctor(program, "--profile", "eu", "--timeout", "9s")
    report.expect("connection", "fail", "", "`fsctl --profile eu connections use`")
    report = doctor(program, "--transport", "auto", "--profile", "eu", "--offline")
    report.expect("gateway", "fail", "", "`fsctl --profile eu --transport auto init`")


def test_every_command_that_is_advised_exists() -> None:
    root = Path(__file__).parents[2] / "fsctl" / "cli"
    files = [*(root / "checks").glob("*.py"), root / "doctor.py"]
    advised = set()
    for file in files:
        for call in re.findall(r"on_the_account\([\w.]+,([^)]+)\)", file.read_text()):
            words = re.findall(r"\s*['\"]([a-z_]+)['\"],?|.+", call)
            advised.add(" ".join(["fsctl", *filter(None, words)]))
        for part in file.read_text().split("`")[1::2]:
            words = part.split("{")[0].split()
            if words[:1] == ["fsctl"]:
                advised.add(" ".join(words))
    known = {path for path, _ in commands()}
    advised -= {"fsctl", "fsctl doctor", "fsctl doctor --debug", "fsctl connections"}
    for command in advised:
        parts = command.split()
        assert any(" ".join(parts[:n]) in known for n in (3, 2) if n <= len(parts)), command
    assert json.dumps(sorted(advised)).count("fsctl") > 5


def test_a_connection_that_the_sandboxs_profile_names_is_looked_at(tmp_path: Path) -> None:
    program = bare(tmp_path / "home")
    program.profile(f'[profiles.default]\ntransport = "sandbox"\nconnection = "{"9" * 24}"\n')
    doctor(program).expect("connection", "fail", "there is none", "fsctl connections use")
    other = '[profiles.default]\ntransport = "sandbox"\n'
    program.profile(other)
    assert doctor(program, env={"FSCTL_CONNECTION": "nobody"}).line("connection")[0] == "ok"
