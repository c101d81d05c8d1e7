"""``auth status``: the road and why, what the token tells, what the service says."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from fsctl.sandbox.options import MembraneOptions
from tests.support.command import Ended
from tests.support.fake_membrane import FakeMembrane
from tests.support.jwts import unsigned
from tests.support.online import (
    SECRET,
    SYSTEM_PATH,
    Online,
    inside,
    membrane_environment,
    online,
)
from tests.support.program import Program
from tests.support.scripted_server import answer, envelope, scripted

DAY = 86400
SERVICE = {"name": "Sandbox", "tenant": "sandbox", "workspace": "sandbox"}
KEYS = {
    "MEMBRANE_WORKSPACE_KEY": "acme",
    "MEMBRANE_WORKSPACE_SECRET": "a-secret-of-the-workspace-acme",
    "MEMBRANE_TENANT_KEY": "t-1",
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Online]:
    with online(tmp_path_factory.mktemp("server")) as road:
        yield road


def jwt(left: float = 30 * DAY, **more: Any) -> str:
    return unsigned(workspaceKey="acme", tenantKey="support", exp=int(time.time() + left), **more)


def profile(home: Path, text: str) -> None:
    (home / "config").mkdir(parents=True, exist_ok=True)
    (home / "config" / "config.toml").write_text(f"[profiles.default]\n{text}\n")


def script(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
    return path


def told(done: Ended, code: int = 0) -> dict[str, Any]:
    """The data, whatever the ending."""
    assert done.code == code, done.show
    data: dict[str, Any] = json.loads(done.out)
    return data


def error(done: Ended) -> dict[str, Any]:
    data: dict[str, Any] = json.loads(done.err.splitlines()[-1])["error"]
    return data


def status(road: Online, home: Path, env: Mapping[str, str], *more: str) -> Ended:
    """``auth status -o json`` with these variables in place of the token."""
    client = inside(road, home)
    del client.fsctl.env["MEMBRANE_TOKEN"]
    return client("auth", "status", "-o", "json", *more, env=env)


# -- what is told


def test_a_token_and_the_service_tell_who_we_are(server: Online, tmp_path: Path) -> None:
    token = jwt()
    data = told(status(server, tmp_path, {"MEMBRANE_TOKEN": token}))
    left = data.pop("expires_in")
    assert 30 * DAY - 300 < left <= 30 * DAY
    assert data.pop("expires_at").endswith("Z")
    assert data == {
        "gateway": "http",
        "why": "a token is at hand (MEMBRANE_TOKEN)",
        "api_url": server.server.url,
        "profile": None,
        "token_from": "MEMBRANE_TOKEN",
        "token_kind": "jwt",
        "workspace": "acme",
        "tenant": "support",
        "renews": False,
        "accepted": True,
        "identity": SERVICE,
    }


@pytest.mark.parametrize(
    ("env", "origin", "kind", "renews"),
    [
        ({"MEMBRANE_ACCESS_TOKEN": SECRET}, "MEMBRANE_ACCESS_TOKEN", "personal", False),
        ({"MEMBRANE_TOKEN": "0paque"}, "MEMBRANE_TOKEN", "opaque", False),
        (KEYS, "MEMBRANE_WORKSPACE_SECRET", "jwt", True),
        ({}, "token_command", "jwt", True),
    ],
)
def test_every_source_of_a_token_is_named(
    env: Mapping[str, str], origin: str, kind: str, renews: bool, server: Online, tmp_path: Path
) -> None:
    if not env:
        vault = script(tmp_path / "tools" / "vault", f"echo {jwt(3600)}")
        profile(tmp_path, f'token_command = "{vault}"')
    data = told(status(server, tmp_path, env, "--expires-within", "1m"))
    assert (data["token_from"], data["token_kind"], data["renews"]) == (origin, kind, renews)


def test_the_token_of_the_membrane_binary_is_named(server: Online, tmp_path: Path) -> None:
    fake = FakeMembrane(token=jwt(3600))
    program = Program(tmp_path, membrane_environment(fake, tmp_path, server.server.url))
    data = told(program("auth", "status", "--expires-within", "7d"))
    assert data["why"] == "the membrane command line gives a token"
    assert (data["token_from"], data["tenant"], data["renews"]) == (
        "membrane token",
        "support",
        True,
    )
    assert fake.asked == [["token"]], "asked once"


@pytest.mark.parametrize("form", ["older", "newest"])
def test_the_login_of_a_binary_without_tokens_is_tried(
    form: Any, server: Online, tmp_path: Path
) -> None:
    fake = FakeMembrane(form=form, without=["token"])
    program = Program(tmp_path, membrane_environment(fake, tmp_path, server.server.url))
    done = program("auth", "status", "--expires-within", "7d")
    data = told(done)
    assert data["gateway"] == "cli"
    assert data["why"] == "no token is at hand, and membrane is installed"
    assert (data["token_from"], data["accepted"], data["identity"]) == (None, True, None)
    assert "When the login ends is unknown" in done.err
    assert [argv[:2] for argv in fake.asked] == [["connection", "list"]]


def test_the_road_that_was_asked_for_says_by_what(server: Online, tmp_path: Path) -> None:
    env = {"MEMBRANE_TOKEN": SECRET}
    asked = status(server, tmp_path, env, "--transport", "http")
    assert told(asked)["why"] == "asked for by --transport"
    asked = status(server, tmp_path, {**env, "FSCTL_TRANSPORT": "http"})
    assert told(asked)["why"] == "asked for by FSCTL_TRANSPORT"
    data = told(status(server, tmp_path, env, "--sandbox", "--expires-within", "7d"))
    assert (data["gateway"], data["why"]) == ("sandbox", "asked for by --sandbox")
    assert (data["token_from"], data["identity"]) == (None, SERVICE)


def test_a_table_leaves_out_what_is_not_known(server: Online, tmp_path: Path) -> None:
    done = status(server, tmp_path, {"MEMBRANE_TOKEN": jwt(3 * DAY + 60)}, "-o", "table")
    assert done.code == 0, done.show
    assert "expires_in  3 days\n" in done.out
    assert "profile" not in done.out


def test_no_token_is_in_it(server: Online, tmp_path: Path) -> None:
    for token in (SECRET, jwt()):
        done = status(server, tmp_path, {"MEMBRANE_TOKEN": token}, "--debug")
        assert done.code == 0, done.show
        assert token not in done.show
        assert token.split(".")[-1] not in done.show


# -- a service that tells nothing (contracts/membrane §8 U22)


def test_a_service_that_does_not_tell_who_we_are_accepts_us_all_the_same(tmp_path: Path) -> None:
    options = MembraneOptions(missing_routes=frozenset(["/self"]))
    with online(tmp_path / "server", options=options) as road:
        data = told(status(road, tmp_path, {"MEMBRANE_TOKEN": jwt()}))
    assert (data["accepted"], data["identity"], data["tenant"]) == (True, None, "support")


def test_a_token_that_may_ask_nothing_is_not_fatal(tmp_path: Path) -> None:
    no = envelope(403, "bad_request", "access_denied", "no")
    with scripted(no, no) as server:
        env = {"MEMBRANE_API_URL": server.url, "MEMBRANE_TOKEN": jwt(), "PATH": SYSTEM_PATH}
        data = told(Program(tmp_path, env)("auth", "status"))
    assert (data["accepted"], data["identity"]) == (None, None)


# -- endings


def test_a_refused_token_is_for_a_person(tmp_path: Path) -> None:
    options = MembraneOptions(tokens=frozenset(["another"]))
    with online(tmp_path / "server", options=options) as road:
        done = status(road, tmp_path, {"MEMBRANE_TOKEN": jwt()})
    data = told(done, 4)
    assert (data["accepted"], data["tenant"]) == (False, "support")
    assert "MEMBRANE_TOKEN was refused" in done.err


def test_an_expired_token_tells_whose_it_was_and_is_not_sent(
    server: Online, tmp_path: Path
) -> None:
    before = len(server.server.requests)
    done = status(server, tmp_path, {"MEMBRANE_TOKEN": jwt(-3600)})
    data = told(done, 4)
    assert (data["workspace"], data["tenant"], data["accepted"]) == ("acme", "support", None)
    assert -3700 < data["expires_in"] <= -3600
    assert error(done)["code"] == "expired"
    assert len(server.server.requests) == before


def test_a_service_that_is_away_is_told_apart(tmp_path: Path) -> None:
    env = {"MEMBRANE_TOKEN": jwt(), "MEMBRANE_API_URL": "http://127.0.0.1:9"}
    done = Program(tmp_path, {**env, "PATH": SYSTEM_PATH})("auth", "status", "-o", "json")
    data = told(done, 5)
    assert (data["accepted"], data["tenant"]) == (None, "support")
    with scripted(*[answer(503, b"<html>")] * 4) as server:
        env["MEMBRANE_API_URL"] = server.url
        done = Program(tmp_path, {**env, "PATH": SYSTEM_PATH})("auth", "status")
    assert told(done, 5)["accepted"] is None


def test_without_a_road_there_is_data_too(tmp_path: Path) -> None:
    done = Program(tmp_path, {"PATH": SYSTEM_PATH})("auth", "status", "-o", "json")
    data = told(done, 4)
    assert set(data.values()) == {None}
    assert error(done)["code"] == "no_road"


def test_nobody_logged_in_is_for_a_person(server: Online, tmp_path: Path) -> None:
    for without in ([], ["token"]):
        fake = FakeMembrane(mood="logged_out", without=without)
        home = tmp_path / str(len(without))
        program = Program(home, membrane_environment(fake, home, server.server.url))
        done = program("auth", "status", "-o", "json")
        assert told(done, 4)["accepted"] is not True
        assert "login" in error(done)["hint"]


def test_a_membrane_whose_help_never_comes_is_away(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr("fsctl.membrane.verbs.HELP_TIMEOUT", 0.2)
    slow = script(tmp_path / "tools" / "membrane", "exec sleep 60")
    program = Program(tmp_path, {"PATH": f"{slow.parent}:{SYSTEM_PATH}"})
    for line in (("auth", "status"), ("users", "list"), ("login",)):
        done = program(*line, "-o", "json")
        assert (done.code, error(done)["code"]) == (5, "no_help"), done.show


def test_an_address_that_is_refused_gets_no_token(tmp_path: Path) -> None:
    marker = tmp_path / "ran"
    vault = script(tmp_path / "tools" / "vault", f"touch {marker}; echo {jwt()}")
    profile(tmp_path, f'token_command = "{vault}"')
    env = {"MEMBRANE_API_URL": "https://evil.test", "PATH": SYSTEM_PATH}
    done = Program(tmp_path, env)("auth", "status", "-o", "json")
    assert (done.code, error(done)["code"]) == (4, "host_refused"), done.show
    assert not marker.exists()


# -- --expires-within


@pytest.mark.parametrize(
    ("left", "within", "code"),
    [(3 * DAY, "7d", 4), (3 * DAY, "2d", 0), (30 * DAY, "7d", 0), (30 * DAY, "31d", 4)],
)
def test_a_token_that_dies_too_soon_is_for_a_person(
    left: float, within: str, code: int, server: Online, tmp_path: Path
) -> None:
    done = status(server, tmp_path, {"MEMBRANE_TOKEN": jwt(left)}, "--expires-within", within)
    assert told(done, code)["accepted"] is True
    if code:
        assert error(done)["code"] == "expires_soon"
        assert done.err.count(" expires in ") == 2, "the sentence, and in JSON: no warning beside"


def test_an_opaque_token_dies_nobody_knows_when(server: Online, tmp_path: Path) -> None:
    done = status(server, tmp_path, {"MEMBRANE_TOKEN": SECRET}, "--expires-within", "7d")
    assert told(done)["expires_at"] is None
    assert "When the token from MEMBRANE_TOKEN ends is unknown: it does not tell." in done.err


def test_a_token_signed_for_this_run_never_dies_too_soon(server: Online, tmp_path: Path) -> None:
    assert told(status(server, tmp_path, KEYS, "--expires-within", "7d"))["renews"] is True


def test_a_token_that_ends_soon_is_told_although_the_service_is_away(tmp_path: Path) -> None:
    env = {"MEMBRANE_TOKEN": jwt(DAY), "MEMBRANE_API_URL": "http://127.0.0.1:9"}
    program = Program(tmp_path, {**env, "PATH": SYSTEM_PATH})
    done = program("auth", "status", "--expires-within", "7d", "-o", "json")
    assert error(done)["code"] == "expires_soon"
    assert done.code == 4


@pytest.mark.parametrize("within", ["soon", "7", "-1d", "0d", ""])
def test_what_is_no_length_of_time_is_refused(within: str, server: Online, tmp_path: Path) -> None:
    before = len(server.server.requests)
    done = status(server, tmp_path, {"MEMBRANE_TOKEN": SECRET}, "--expires-within", within)
    assert (done.code, done.out) == (2, ""), done.show
    assert len(server.server.requests) == before
