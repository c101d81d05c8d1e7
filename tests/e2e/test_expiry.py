"""Every command tells in time that its token ends: once, on stderr, and only where it does end."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import Ended
from tests.support.fake_membrane import FakeMembrane
from tests.support.jwts import unsigned
from tests.support.online import Online, inside, membrane_environment, online
from tests.support.program import Program

DAY = 86400
SAID = "fsctl: warning: The token from "
LIST = ("users", "list", "--limit", "1")
COMMANDS = (
    LIST,
    ("annotations", "create", "v1.4.2 deployed", "-o", "json"),
    ("annotations", "create", "v1.4.2 deployed", "--dry-run"),
    ("actions", "list"),
    ("raw", "request", "/v2/users", "--via", "proxy"),
    ("auth", "status"),
)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Online]:
    with online(tmp_path_factory.mktemp("server")) as road:
        yield road


def jwt(left: float, **more: Any) -> str:
    return unsigned(workspaceKey="acme", tenantKey="t-1", exp=int(time.time() + left), **more)


def run(road: Online, home: Path, token: str, *line: str, **env: str) -> Ended:
    return inside(road, home)(*line, env={"MEMBRANE_TOKEN": token, **env})


@pytest.mark.parametrize("line", COMMANDS, ids=lambda line: " ".join(line[:3]))
def test_any_command_warns_once(line: tuple[str, ...], server: Online, tmp_path: Path) -> None:
    done = run(server, tmp_path, jwt(3 * DAY + 60), *line)
    assert done.code == 0, done.show
    assert done.err.count(SAID) == 1, done.show
    assert "The token from MEMBRANE_TOKEN expires in 3 days, at 2" in done.err
    assert "Put a new one into the variable; or unset it and run `fsctl login`" in done.err
    assert "expires in" not in done.out


def test_many_requests_warn_once_and_quiet_does_not_silence_it(
    server: Online, tmp_path: Path
) -> None:
    road = inside(server, tmp_path)
    done = road(*LIST, "-q", env={"MEMBRANE_TOKEN": jwt(DAY)})
    assert (done.code, len(road.sent)) == (0, 3), done.show
    assert done.err.count(SAID) == 1
    assert len(done.err.splitlines()) == 1


@pytest.mark.parametrize("token", [jwt(8 * DAY), "0paque-token", "pat-0123456789"])
def test_tokens_that_last_or_do_not_tell_are_not_warned_of(
    token: str, server: Online, tmp_path: Path
) -> None:
    assert SAID not in run(server, tmp_path, token, *LIST).err


def test_nothing_is_said_where_no_token_is_used(tmp_path: Path) -> None:
    program = Program(tmp_path, {"MEMBRANE_TOKEN": jwt(DAY), "MEMBRANE_ACCESS_TOKEN": jwt(DAY)})
    for line in (("--sandbox", *LIST), ("users", "--help"), ("sandbox", "show")):
        done = program(*line)
        assert done.code == 0, done.show
        assert SAID not in done.err


def test_an_expired_token_is_an_error_and_no_warning(server: Online, tmp_path: Path) -> None:
    done = run(server, tmp_path, jwt(-DAY), *LIST)
    assert done.code == 4, done.show
    assert SAID not in done.err


def test_a_token_signed_from_workspace_keys_is_not_warned_of(
    server: Online, tmp_path: Path
) -> None:
    keys = {
        "MEMBRANE_WORKSPACE_KEY": "acme",
        "MEMBRANE_WORKSPACE_SECRET": "a-secret-of-the-workspace-acme",
        "MEMBRANE_TENANT_KEY": "t-1",
    }
    done = run(server, tmp_path, "", *LIST, **keys)
    assert done.code == 0, done.show
    assert SAID not in done.err


def test_the_hour_token_of_the_membrane_binary_is_not_warned_of(
    server: Online, tmp_path: Path
) -> None:
    fake = FakeMembrane(token=jwt(3600))
    program = Program(tmp_path, membrane_environment(fake, tmp_path, server.server.url))
    done = program(*LIST)
    assert done.code == 0, done.show
    assert SAID not in done.err


@pytest.mark.parametrize(
    ("told", "warned"),
    [
        ({"left": 3600.0}, False),
        ({"left": 3.0 * DAY, "iat": time.time()}, False),
        ({"left": 3.0 * DAY}, True),
        ({"left": 3.0 * DAY, "iat": time.time() - 27 * DAY}, True),
    ],
    ids=["an hour", "made just now", "days are left", "from a vault"],
)
def test_a_token_command_is_warned_of_where_it_reads_a_stored_token(
    told: Mapping[str, float], warned: bool, server: Online, tmp_path: Path
) -> None:
    vault = tmp_path / "vault"
    vault.write_text(f"#!/bin/sh\necho {jwt(**told)}\n")
    vault.chmod(0o755)
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.toml").write_text(
        f'[profiles.default]\ntoken_command = "{vault}"\n'
    )
    done = run(server, tmp_path, "", *LIST)
    assert done.code == 0, done.show
    assert (f"{SAID}token_command expires in 2 days" in done.err) is warned, done.show


def test_a_token_that_membrane_itself_reads_is_warned_of_too(
    server: Online, tmp_path: Path
) -> None:
    fake = FakeMembrane(without=["token"])
    env = membrane_environment(fake, tmp_path, server.server.url) | {"FSCTL_TRANSPORT": "cli"}
    for name, warned in (("MEMBRANE_ACCESS_TOKEN", 1), ("MEMBRANE_TOKEN", 0)):
        done = Program(tmp_path, {**env, name: jwt(DAY)})(*LIST)
        assert done.code == 0, done.show
        assert done.err.count(SAID) == warned, done.show


def test_a_build_log_gets_the_warning_as_well(server: Online, tmp_path: Path) -> None:
    done = inside(server, tmp_path)(*LIST, under_ci=True, env={"MEMBRANE_TOKEN": jwt(DAY)})
    assert done.err.count(SAID) == 1, done.show
