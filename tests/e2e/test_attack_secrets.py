"""No token ever leaves memory: not into output, not into files, not into a child's arguments.

After every kind of run, all that was printed (with ``--debug``) and every file below the home
directory is searched for every secret there was.
"""

from __future__ import annotations

import base64
import json
import stat
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from fsctl.sandbox.options import DEFAULT_CONNECTION_ID, MembraneOptions
from tests.support.command import Ended, Fsctl
from tests.support.fake_membrane import TOKEN, FakeMembrane
from tests.support.online import (
    SECRET,
    SYSTEM_PATH,
    Online,
    fresh,
    inside,
    membrane_environment,
    online,
)
from tests.support.program import Program
from tests.support.sandbox_server import running_sandbox
from tests.support.scripted_server import answer, envelope, scripted

JWT = ".".join(
    base64.urlsafe_b64encode(part).decode().rstrip("=")
    for part in (
        b'{"alg":"HS256"}',
        json.dumps({"workspaceKey": "acme", "tenantKey": "t-1", "exp": 4_000_000_000}).encode(),
        b"a signature that nobody checks",
    )
)
WORKSPACE_SECRET = "workspace-s3cret-7c1b2d3e4f"
COMMANDS = (
    ("users", "list", "--limit", "2"),
    ("users", "get", "ada@example.com", "-o", "table"),
    ("annotations", "create", "v1.4.2 deployed", "-o", "json"),
    ("annotations", "create", "v1.4.2 deployed", "--dry-run"),
    ("actions", "show", "create-annotation"),
    ("raw", "request", "/v2/users", "-i"),
    ("raw", "request", "/v2/nothing", "-o", "json"),
    ("raw", "action", "list-users"),
)


FEW = (COMMANDS[0], COMMANDS[2], COMMANDS[5])  # where each is several processes


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Online]:
    with online(tmp_path_factory.mktemp("server")) as road:
        yield road


def check(fsctl: Fsctl | Program, ended: Sequence[Ended], *secrets: str) -> None:
    """No secret, whole or by its last part, in what was printed or in what was written."""
    needles = {needle for secret in secrets for needle in (secret, secret.rpartition(".")[2])}
    for done in ended:
        for needle in needles:
            assert needle not in done.show, done.show
    for file in files(fsctl.home):
        content = file.read_bytes()
        for needle in needles:
            assert needle.encode() not in content, f"{file} holds a secret"


def files(home: Path) -> list[Path]:
    """What runs left behind; the fakes' own folder, which holds their token, is not fsctl's."""
    found = [file for file in home.rglob("*") if file.is_file()]
    return [file for file in found if file.relative_to(home).parts[0] != "tools"]


@pytest.mark.parametrize(
    ("variable", "token"), [("MEMBRANE_TOKEN", SECRET), ("MEMBRANE_ACCESS_TOKEN", JWT)]
)
def test_a_token_of_the_environment_stays_there(
    variable: str, token: str, server: Online, tmp_path: Path
) -> None:
    road = fresh(server, tmp_path)
    del road.fsctl.env["MEMBRANE_TOKEN"]
    road.fsctl.env[variable] = token
    ended = [road(*command, "--debug") for command in COMMANDS]
    assert [done.code for done in ended] == [0, 0, 0, 0, 0, 0, 3, 0]
    assert all(("Authorization", f"Bearer {token}") in each.headers for each in road.sent)
    assert any(file.parent.name == "cache" for file in files(tmp_path))
    check(road.fsctl, ended, token)


def test_what_is_written_is_for_its_owner_alone(server: Online, tmp_path: Path) -> None:
    road = inside(server, tmp_path)
    assert road("users", "list", "--limit", "1").code == 0
    assert road("--sandbox", "users", "list", "--limit", "1").code == 0
    written = files(tmp_path)
    assert {file.parent.name for file in written} >= {"cache", "data"}
    for file in written:
        assert stat.S_IMODE(file.stat().st_mode) & 0o077 == 0, file
        assert stat.S_IMODE(file.parent.stat().st_mode) & 0o077 == 0, file.parent


def test_workspace_keys_sign_a_token_that_lives_in_memory(server: Online, tmp_path: Path) -> None:
    road = inside(server, tmp_path)
    del road.fsctl.env["MEMBRANE_TOKEN"]
    road.fsctl.env |= {
        "MEMBRANE_WORKSPACE_KEY": "acme",
        "MEMBRANE_WORKSPACE_SECRET": WORKSPACE_SECRET,
        "MEMBRANE_TENANT_KEY": "t-1",
    }
    ended, minted = [], set()
    for command in COMMANDS:
        ended.append(road(*command, "--debug"))
        minted |= {token_of(road, number) for number in range(len(road.sent))}
    assert [done.code for done in ended] == [0, 0, 0, 0, 0, 0, 3, 0]
    assert all(token.startswith("eyJ") for token in minted)
    check(road.fsctl, ended, WORKSPACE_SECRET, *minted)


def token_of(road: Online, number: int) -> str:
    headers = dict(road.sent[number].headers)
    return headers["Authorization"].removeprefix("Bearer ")


def profile(home: Path, text: str) -> None:
    (home / "config").mkdir(parents=True, exist_ok=True)
    (home / "config" / "config.toml").write_text(f"[profiles.default]\n{text}\n")


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def test_a_token_command_gives_a_token_and_leaves_no_trace_of_it(
    server: Online, tmp_path: Path
) -> None:
    road = inside(server, tmp_path)
    del road.fsctl.env["MEMBRANE_TOKEN"]
    program = script(tmp_path / "tools" / "vault", f"echo 'noise {SECRET}' >&2; echo {JWT}")
    profile(tmp_path, f"token_command = ['{program}', 'read', 'membrane']")
    ended = [road(*command, "--debug") for command in COMMANDS]
    assert [done.code for done in ended] == [0, 0, 0, 0, 0, 0, 3, 0]
    check(road.fsctl, ended, JWT, SECRET)


@pytest.mark.parametrize(
    "text",
    [
        f"echo {JWT}; echo 'cannot renew {JWT}' >&2; exit 1",
        f"echo 'Authorization: Bearer {SECRET}' >&2; exit 3",
        f"echo '{SECRET} with words'; exit 0",
        f"echo 'token={SECRET}' >&2; exit 1",
    ],
    ids=["both-streams", "header", "words", "pair"],
)
def test_a_token_command_that_fails_is_quoted_without_the_token(
    text: str, server: Online, tmp_path: Path
) -> None:
    road = inside(server, tmp_path)
    del road.fsctl.env["MEMBRANE_TOKEN"]
    program = script(tmp_path / "tools" / "vault", text)
    profile(tmp_path, f"token_command = '{program}'")
    ended = [
        road("users", "list", "--limit", "1", *more) for more in ((), ("--debug",), ("--json",))
    ]
    assert {done.code for done in ended} == {4}, ended[0].show
    check(road.fsctl, ended, JWT, SECRET)


def test_a_token_of_the_membrane_binary_stays_in_memory(server: Online, tmp_path: Path) -> None:
    fake = FakeMembrane(token=JWT)
    fsctl = Program(tmp_path, membrane_environment(fake, tmp_path, server.server.url))
    ended = [fsctl(*command, "--debug") for command in COMMANDS]
    assert [done.code for done in ended] == [0, 0, 0, 0, 0, 0, 3, 0]
    assert {tuple(argv) for argv in fake.asked} == {("token",)}, "HTTP carries the rest"
    check(fsctl, ended, JWT)


@pytest.mark.parametrize("form", ["older", "newest"])
def test_children_are_told_no_token(form: str, server: Online, tmp_path: Path) -> None:
    fake = FakeMembrane(form=form, without=["token"])  # type: ignore[arg-type]
    fsctl = Program(tmp_path, membrane_environment(fake, tmp_path, server.server.url))
    env = {"MEMBRANE_TOKEN": SECRET, "MEMBRANE_ACCESS_TOKEN": SECRET, "FSCTL_TRANSPORT": "cli"}
    ended = [fsctl(*command, "--debug", env=env) for command in FEW]
    assert [done.code for done in ended] == [0, 0, 0], [done.show for done in ended]
    assert fake.asked
    for call in fake.calls:
        assert SECRET not in " ".join(call.argv)
    check(fsctl, ended, SECRET, TOKEN)


@pytest.mark.parametrize("mood", ["echo", "axios"])
@pytest.mark.parametrize("form", ["older", "newest"])
def test_a_child_that_prints_its_request_is_not_quoted(
    form: str, mood: str, server: Online, tmp_path: Path
) -> None:
    """Seen in the wild: ``membrane request`` failing with the bearer token in its output."""
    fake = FakeMembrane(form=form, mood=mood, without=["token"])  # type: ignore[arg-type]
    fsctl = Program(tmp_path, membrane_environment(fake, tmp_path, server.server.url))
    env = {"MEMBRANE_ACCESS_TOKEN": SECRET, "FSCTL_TRANSPORT": "cli"}
    more = ("--debug", "--retries", "0")
    ended = [fsctl(*command, *more, env=env) for command in FEW]
    assert all(done.code in (5, 7) for done in ended), [done.show for done in ended]
    check(fsctl, ended, SECRET, TOKEN)


ECHOES = [
    f"request failed: Authorization: Bearer {SECRET}",
    f'{{"headers":{{"authorization":"Bearer {SECRET}"}}}}',
    f"GET https://api.getmembrane.com/x?token={SECRET}",
    f"curl -H 'authorization: bearer {SECRET}'",
    f"jwt {JWT} is not valid",
    f"https://user:{SECRET}@api.getmembrane.com/",
]


@pytest.mark.parametrize("message", ECHOES)
def test_an_error_that_echoes_the_credentials_is_shown_without_them(
    message: str, tmp_path: Path
) -> None:
    env = {"MEMBRANE_TOKEN": SECRET, "PATH": SYSTEM_PATH}
    command = ("--connection", DEFAULT_CONNECTION_ID, "--via", "proxy", "--debug", "-o", "json")
    steps = (
        envelope(400, "bad_request", None, message, actionRunId=SECRET),
        envelope(500, "internal", None, message, data={"errorId": message}),
        answer(502, message.encode(), ("Content-Type", "text/html")),
        answer(400, {"message": message, "code": message}),
        answer(302, b"", ("Location", f"https://{SECRET}.test/?token={SECRET}")),
    )
    ended = []
    for number, step in enumerate(steps):
        with scripted(step) as server:
            fsctl = Program(tmp_path, {**env, "MEMBRANE_API_URL": server.url})
            write = ("annotations", "create", "x") if number % 2 else ("users", "list")
            ended.append(fsctl(*write, *command, "--retries", "0"))
    assert all(done.code in (1, 5, 7) for done in ended), [done.show for done in ended]
    check(fsctl, ended, SECRET, JWT)


def test_a_refused_token_is_named_by_its_origin(tmp_path: Path) -> None:
    options = MembraneOptions(tokens=frozenset(["another"]))
    with running_sandbox(tmp_path / "server", options=options) as server:
        env = {"MEMBRANE_TOKEN": SECRET, "MEMBRANE_API_URL": server.url, "PATH": SYSTEM_PATH}
        fsctl = Program(tmp_path, env)
        ended = [fsctl(*command, "--debug") for command in COMMANDS[:3]]
    assert all(done.code == 4 for done in ended), ended[0].show
    assert "MEMBRANE_TOKEN was refused" in ended[0].err
    check(fsctl, ended, SECRET)


@pytest.mark.parametrize(
    "token",
    [f"Bearer {SECRET}", f"{SECRET}\nX-Evil: 1", f'"{SECRET} "', "\u00fc" + SECRET, SECRET * 999],
)
def test_what_is_no_token_is_refused_without_being_shown(
    token: str, server: Online, tmp_path: Path
) -> None:
    road = inside(server, tmp_path)
    road.fsctl.env["MEMBRANE_TOKEN"] = token
    done = road("users", "list", "--debug")
    assert (done.code, road.sent) == (4, []), done.show
    assert "MEMBRANE_TOKEN does not hold a token" in done.err
    check(road.fsctl, [done], SECRET)


def test_an_expired_token_says_when_it_ended(server: Online, tmp_path: Path) -> None:
    claims = base64.urlsafe_b64encode(json.dumps({"exp": int(time.time()) - 3600}).encode())
    token = f"eyJhbGciOiJIUzI1NiJ9.{claims.decode().rstrip('=')}.c2lnbmF0dXJl"
    road = inside(server, tmp_path)
    road.fsctl.env["MEMBRANE_TOKEN"] = token
    done = road("users", "list", "--debug")
    assert (done.code, road.sent) == (4, []), done.show
    assert "The token from MEMBRANE_TOKEN expired at 20" in done.err
    check(road.fsctl, [done], token)


@pytest.mark.parametrize(
    "key", ["token", "access_token", "api_key", "workspace_secret", "password"]
)
def test_a_profile_that_holds_a_secret_is_refused_without_showing_it(
    key: str, server: Online, tmp_path: Path
) -> None:
    road = inside(server, tmp_path)
    profile(tmp_path, f"{key} = '{SECRET}'")
    done = road("users", "list", "--debug")
    assert (done.code, road.sent) == (2, []), done.show
    assert "would keep a secret on disk" in done.err
    assert SECRET not in done.show


def test_headers_of_the_answer_that_hold_secrets_are_masked(tmp_path: Path) -> None:
    secret = ("Set-Cookie", f"session={SECRET}"), ("X-Api-Key", SECRET)
    with scripted(answer(200, {"a": 1}, *secret, ("X-Trace", "t-1"))) as server:
        env = {"MEMBRANE_TOKEN": "x", "MEMBRANE_API_URL": server.url, "PATH": SYSTEM_PATH}
        fsctl = Program(tmp_path, env)
        done = fsctl("raw", "request", "/x", "-i", "--connection", DEFAULT_CONNECTION_ID)
    assert done.code == 0, done.show
    assert "X-Trace: t-1" in done.out
    assert "Set-Cookie: [redacted]" in done.out
    check(fsctl, [done], SECRET)
