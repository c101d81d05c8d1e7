"""Which road a command takes, what it asks on the way, and what it does where there is no road."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from fsctl.sandbox.actions import Style
from fsctl.sandbox.options import DEFAULT_CONNECTION_ID, ConnectionSeed, MembraneOptions
from tests.support.command import Ended, Fsctl
from tests.support.fake_membrane import FakeMembrane
from tests.support.online import SECRET, SYSTEM_PATH, Online, inside, membrane_environment, online
from tests.support.program import Program
from tests.support.scripted_server import answer, scripted

LIST = ("users", "list", "--limit", "1")
CREATE = ("annotations", "create", "v1.4.2 deployed", "--source", "ci")
HEADERS = (("Authorization", "Bearer x"),)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Online]:
    with online(tmp_path_factory.mktemp("server")) as road:
        yield road


def profile(home: Path, text: str, name: str = "default", head: str = "") -> None:
    (home / "config").mkdir(parents=True, exist_ok=True)
    (home / "config" / "config.toml").write_text(f"{head}\n[profiles.{name}]\n{text}\n")


# -- the transport

KEYS = {
    "MEMBRANE_WORKSPACE_KEY": "acme",
    "MEMBRANE_WORKSPACE_SECRET": "a-secret-of-the-workspace-acme",
    "MEMBRANE_TENANT_KEY": "t-1",
}


def road_taken(done: Ended) -> str:
    """What ``-v`` says of the road."""
    assert done.code == 0, done.show
    told = [line for line in done.err.splitlines() if "Using " in line]
    assert len(told) == 1, done.show
    return told[0]


@pytest.mark.parametrize(
    ("env", "origin"),
    [
        ({"MEMBRANE_TOKEN": SECRET}, "MEMBRANE_TOKEN"),
        ({"MEMBRANE_ACCESS_TOKEN": SECRET}, "MEMBRANE_ACCESS_TOKEN"),
        ({"MEMBRANE_TOKEN": SECRET, "MEMBRANE_ACCESS_TOKEN": "b"}, "MEMBRANE_TOKEN"),
        ({"MEMBRANE_TOKEN": " ", "MEMBRANE_ACCESS_TOKEN": SECRET}, "MEMBRANE_ACCESS_TOKEN"),
        ({"MEMBRANE_ACCESS_TOKEN": SECRET, **KEYS}, "MEMBRANE_ACCESS_TOKEN"),
        (KEYS, "MEMBRANE_WORKSPACE_SECRET"),
        ({**KEYS, "MEMBRANE_TENANT_KEY": ""}, "token_command"),
        ({}, "token_command"),
    ],
)
def test_auto_takes_http_with_the_first_token_there_is(
    env: Mapping[str, str], origin: str, server: Online, tmp_path: Path
) -> None:
    fake = FakeMembrane()
    base = membrane_environment(fake, tmp_path, server.server.url)
    program = Program(tmp_path, {**base, **env})
    script(tmp_path / "tools" / "vault", f"echo {SECRET}")
    profile(tmp_path, f'token_command = "{tmp_path}/tools/vault"')
    assert f"with the token of {origin}." in road_taken(program(*LIST, "-v"))
    assert fake.calls == [], "nobody needed the binary"


def test_auto_takes_http_with_the_token_of_a_binary_that_gives_one(
    server: Online, tmp_path: Path
) -> None:
    fake = FakeMembrane()
    program = Program(tmp_path, membrane_environment(fake, tmp_path, server.server.url))
    assert "with the token of membrane token." in road_taken(program(*LIST, "-v"))
    assert fake.asked == [["token"]], "asked once"


@pytest.mark.parametrize("form", ["older", "newest"])
def test_auto_takes_the_binary_where_there_is_no_token(
    form: Any, server: Online, tmp_path: Path
) -> None:
    fake = FakeMembrane(form=form, without=["token"])
    program = Program(tmp_path, membrane_environment(fake, tmp_path, server.server.url))
    done = program(*LIST, "-v")
    assert "Using the membrane command line" in road_taken(done)
    warned = "what you send stands in the arguments of the membrane process"
    assert done.err.count(warned) == 1
    assert program(*LIST, "-q").err == ""


def test_the_binarys_help_is_read_once_for_many_commands(server: Online, tmp_path: Path) -> None:
    fake = FakeMembrane(without=["token"])
    program = Program(tmp_path, membrane_environment(fake, tmp_path, server.server.url))
    for _ in range(3):
        assert program(*LIST).code == 0
    helps = [call for call in fake.calls if "--help" in call.argv]
    assert len(helps) == 3, "the root's and two groups'"


@pytest.mark.parametrize(
    "where",
    [
        {"arguments": ("--sandbox",)},
        {"arguments": ("--transport", "sandbox")},
        {"env": {"FSCTL_TRANSPORT": "sandbox"}},
        {"profile": 'transport = "sandbox"'},
    ],
    ids=["--sandbox", "--transport", "FSCTL_TRANSPORT", "profile"],
)
def test_the_sandbox_wins_over_every_token(
    where: Mapping[str, Any], server: Online, tmp_path: Path
) -> None:
    road = inside(server, tmp_path, where.get("env"))
    if "profile" in where:
        profile(tmp_path, where["profile"])
    done = road(*where.get("arguments", ()), *LIST, "-q")
    assert (done.code, road.sent) == (0, []), done.show
    assert done.err == "fsctl: sandbox: nothing leaves this machine.\n", "even with -q"


def test_auto_never_takes_the_sandbox(tmp_path: Path) -> None:
    program = Program(tmp_path, {"PATH": SYSTEM_PATH})
    assert program("--sandbox", *LIST).code == 0
    done = program(*LIST)
    assert done.code == 4, done.show
    assert done.out == ""


@pytest.mark.parametrize(
    ("transport", "message"),
    [("http", "There is no Membrane token"), ("cli", "is not installed")],
)
def test_a_road_asked_for_by_name_is_not_replaced_by_another(
    transport: str, message: str, server: Online, tmp_path: Path
) -> None:
    env = {"PATH": SYSTEM_PATH, "MEMBRANE_API_URL": server.server.url}
    if transport == "cli":
        env["MEMBRANE_TOKEN"] = SECRET
    done = Program(tmp_path, env)(*LIST, "--transport", transport)
    assert done.code == 4, done.show
    assert message in done.err


@pytest.mark.parametrize(("name", "flag"), [("FSCTL_TRANSPORT", "pigeon"), ("FSCTL_VIA", "sea")])
def test_an_unknown_road_names_its_origin(
    name: str, flag: str, server: Online, tmp_path: Path
) -> None:
    road = inside(server, tmp_path, {name: flag})
    done = road(*LIST)
    assert (done.code, road.sent) == (2, []), done.show
    assert f"{name} holds '{flag}'" in done.err


# -- requests made

CONNECTIONS, ACTIONS, ACT = "GET /connections", "GET /actions", "POST /act"
PROXIED = f"/connections/{DEFAULT_CONNECTION_ID}/proxy/v2"


@pytest.mark.parametrize("line", [LIST, CREATE], ids=["list", "create"])
def test_three_requests_cold_two_with_a_connection_one_warm(
    line: tuple[str, ...], server: Online, tmp_path: Path
) -> None:
    cold = inside(server, tmp_path / "cold")
    assert cold(*line).code == 0
    assert cold.lines == [CONNECTIONS, ACTIONS, ACT]
    assert cold(*line).code == 0
    assert cold.lines == [ACT]

    named = inside(server, tmp_path / "named")
    assert named(*line, "--connection", DEFAULT_CONNECTION_ID).code == 0
    assert named.lines == [ACTIONS, ACT]


def test_the_proxy_needs_no_list_of_actions(server: Online, tmp_path: Path) -> None:
    road = inside(server, tmp_path)
    assert road(*LIST, "--via", "proxy").code == 0
    assert road.lines == [CONNECTIONS, f"GET {PROXIED}/users"]
    assert road(*CREATE, "--via", "proxy").code == 0
    assert road.lines == [f"POST {PROXIED}/annotations"]


def test_nothing_is_asked_for_what_is_wrong_anyway(server: Online, tmp_path: Path) -> None:
    road = inside(server, tmp_path)
    assert road("annotations", "create", "x" * 201).code == 2
    assert road.lines == []


def test_a_connection_has_an_id_a_key_or_a_name(tmp_path: Path) -> None:
    seeds = (
        ConnectionSeed(id="6920c5a1d3f4e5b6a7c8d901", name="Shop", key="fs-shop"),
        ConnectionSeed(id="6920c5a1d3f4e5b6a7c8d902", name="Blog"),
    )
    with online(tmp_path, options=MembraneOptions(connections=seeds)) as road:
        for number, named in enumerate(("6920c5a1d3f4e5b6a7c8d901", "fs-shop", "Shop", "shop")):
            client = inside(road, tmp_path / str(number), {"FSCTL_CONNECTION": "Blog"})
            done = client("raw", "request", "/v2/users", "--connection", named)
            assert done.code == 0, done.show
            assert client.lines[-1] == "GET /connections/6920c5a1d3f4e5b6a7c8d901/proxy/v2/users"
        client = inside(road, tmp_path / "variable", {"FSCTL_CONNECTION": "Blog"})
        assert client("raw", "request", "/v2/users").code == 0
        assert client.lines[-1].startswith("GET /connections/6920c5a1d3f4e5b6a7c8d902/")


# -- what the cache knew is gone


def test_a_connection_that_was_replaced_is_found_anew(tmp_path: Path) -> None:
    with online(tmp_path) as road:
        client = inside(road, tmp_path / "home")
        assert client(*LIST).code == 0
        before = road.annotations
        replaced(road)
        for line in (CREATE, LIST):
            done = client(*line, "-v")
            assert done.code == 0, done.show
        assert client(*LIST).code == 0
        assert client.lines == [ACT], "and what was found is remembered"
        assert road.annotations - before == 1


def test_a_stale_cache_costs_three_requests_more_and_no_second_write(tmp_path: Path) -> None:
    with online(tmp_path) as road:
        client = inside(road, tmp_path / "home")
        assert client(*LIST).code == 0
        before = road.annotations
        replaced(road)
        done = client(*CREATE)
        assert done.code == 0, done.show
        assert client.lines == [ACT, CONNECTIONS, ACTIONS, ACT]
        assert road.annotations - before == 1


def replaced(road: Online) -> None:
    """The connection is archived, and there is another one instead."""
    membrane = road.server.membrane
    gone = membrane.handle("DELETE", f"/connections/{DEFAULT_CONNECTION_ID}", (), HEADERS, None)
    body = json.dumps({"appUrl": "https://fullstory.com"}).encode()
    made = membrane.handle("POST", "/connections/ensure", (), HEADERS, body)
    assert (gone.status, made.status) == (200, 200)
    assert json.loads(made.body)["id"] != DEFAULT_CONNECTION_ID


def test_damaged_cache_files_are_only_forgotten(server: Online, tmp_path: Path) -> None:
    road = inside(server, tmp_path)
    assert road(*LIST).code == 0
    for damage in (b"", b"{", b"[]", b'{"at": 9e99, "key": "x", "value": {}}', b"\xff\x00" * 999):
        for file in (tmp_path / "cache").iterdir():
            file.write_bytes(damage)
        done = road(*LIST)
        assert (done.code, road.lines) == (0, [CONNECTIONS, ACTIONS, ACT]), done.show


# -- which connection

READY = ConnectionSeed()
OTHER = ConnectionSeed(id="6920c5a1d3f4e5b6a7c8d902", name="Fullstory EU")


def with_connections(tmp_path: Path, *seeds: ConnectionSeed) -> tuple[Ended, list[str]]:
    with online(tmp_path, options=MembraneOptions(connections=seeds)) as road:
        client = inside(road, tmp_path / "home")
        done = client(*CREATE)
        return done, client.lines


def test_several_connections_are_listed_and_none_is_guessed(tmp_path: Path) -> None:
    done, sent = with_connections(tmp_path, READY, OTHER)
    assert (done.code, sent) == (4, [CONNECTIONS]), done.show
    assert "There are 2 Fullstory connections" in done.err
    for told in (READY.id, READY.name, OTHER.id, OTHER.name, "--connection", "FSCTL_CONNECTION"):
        assert told in done.err


def test_test_connections_and_those_of_other_apps_do_not_count(tmp_path: Path) -> None:
    test = ConnectionSeed(id="6920c5a1d3f4e5b6a7c8d903", name="Fullstory test", test=True)
    other = ConnectionSeed(id="6920c5a1d3f4e5b6a7c8d904", name="Slack", app="slack")
    done, _ = with_connections(tmp_path, READY, test, other)
    assert done.code == 0, done.show


def test_no_connection_says_how_to_make_one(tmp_path: Path) -> None:
    done, _ = with_connections(
        tmp_path, ConnectionSeed(id="6920c5a1d3f4e5b6a7c8d904", name="Slack", app="slack")
    )
    assert done.code == 4, done.show
    assert "There is no Fullstory connection" in done.err
    assert "fsctl connections create --wait" in done.err


@pytest.mark.parametrize(
    "unready",
    [
        ConnectionSeed(state="CLIENT_ACTION_REQUIRED", connected=False),
        ConnectionSeed(state="BUILDING", connected=False),
        ConnectionSeed(state="SETUP_FAILED", error="The key was revoked.", connected=False),
        ConnectionSeed(connected=False),
    ],
    ids=["action-required", "building", "failed", "disconnected"],
)
def test_an_unready_connection_says_what_it_waits_for(
    unready: ConnectionSeed, tmp_path: Path
) -> None:
    done, sent = with_connections(tmp_path, unready)
    assert (done.code, sent) == (4, [CONNECTIONS]), done.show
    assert f"({unready.id}) is not ready: " in done.err
    assert unready.error is None or "The key was revoked." in done.err


def test_a_ready_connection_wins_over_an_unready_one(tmp_path: Path) -> None:
    unready = ConnectionSeed(
        id="6920c5a1d3f4e5b6a7c8d905", name="Fullstory old", state="SETUP_FAILED", connected=False
    )
    done, _ = with_connections(tmp_path, READY, unready)
    assert done.code == 0, done.show


def test_a_connection_whose_key_fullstory_refuses_is_for_a_person(tmp_path: Path) -> None:
    done, _ = with_connections(tmp_path, ConnectionSeed(good_key=False))
    assert done.code == 4, done.show
    assert "reconnect" in done.err


# -- action or proxy


@pytest.mark.parametrize(
    "style",
    ["snake", "camel", "flattened", "camel,flattened", "keyless", "missing:create-annotation"],
)
def test_every_style_of_catalogue_makes_the_same_annotation(style: str, tmp_path: Path) -> None:
    with online(tmp_path, options=MembraneOptions(style=Style.parse(style))) as road:
        client = inside(road, tmp_path / "home")
        done = client(*CREATE, "--start", "2026-03-01T10:00:00+01:00", "--duration", "5m")
        assert done.code == 0, done.show
        assert json.loads(done.out) == {
            "text": "v1.4.2 deployed",
            "start_time": "2026-03-01T09:00:00Z",
            "end_time": "2026-03-01T09:05:00Z",
            "source": "ci",
        }
        proxied = any("proxy" in line for line in client.lines)
        assert proxied is style.startswith("missing")


CATALOGUE = {
    "items": [
        {
            "id": "6976672484a1c0de51d30007",
            "key": "create-annotation",
            "name": "Create Annotation",
            "inputSchema": {"type": "object", "properties": {"text": {"type": "string"}}},
        }
    ]
}


def scripted_client(home: Path, url: str) -> Program:
    env = {"MEMBRANE_API_URL": url, "MEMBRANE_TOKEN": SECRET, "PATH": SYSTEM_PATH}
    return Program(home, {**env, "FSCTL_CONNECTION": DEFAULT_CONNECTION_ID})


def test_a_value_that_an_action_cannot_take_goes_through_the_proxy(tmp_path: Path) -> None:
    made = {"text": "v1.4.2 deployed", "source": "ci"}
    with scripted(answer(200, CATALOGUE), answer(200, made)) as server:
        done = scripted_client(tmp_path, server.url)(*CREATE, "-v")
    assert done.code == 0, done.show
    assert "Using the proxy: the action create-annotation has no input for source." in done.err
    assert server.requests[1].target == f"{PROXIED}/annotations"
    assert server.requests[1].json() == {"text": "v1.4.2 deployed", "source": "ci"}


def test_via_action_refuses_what_the_action_cannot_take_and_shows_its_schema(
    tmp_path: Path,
) -> None:
    with scripted(answer(200, CATALOGUE)) as server:
        done = scripted_client(tmp_path, server.url)(*CREATE, "--via", "action")
    assert done.code == 2, done.show
    assert "has no input for source" in done.err
    assert '"properties":{"text":{"type":"string"}}' in done.err


def test_via_action_refuses_an_action_that_is_not_there(tmp_path: Path) -> None:
    options = MembraneOptions(style=Style.parse("missing:create-annotation"))
    with online(tmp_path, options=options) as road:
        client = inside(road, tmp_path / "home")
        done = client(*CREATE, "--via", "action")
        assert (done.code, client.lines) == (2, [CONNECTIONS, ACTIONS]), done.show
        assert "has no action create-annotation" in done.err


# -- dry runs


def test_a_dry_run_shows_the_fitted_input_and_writes_nothing(
    server: Online, tmp_path: Path
) -> None:
    road = inside(server, tmp_path)
    before = road.annotations
    done = road(*CREATE, "--dry-run")
    assert (done.code, road.lines) == (0, [CONNECTIONS, ACTIONS]), done.show
    plan = json.loads(done.out)
    assert plan == {
        "dry_run": True,
        "fitted": True,
        "connection": DEFAULT_CONNECTION_ID,
        "operation": "create-annotation",
        "via": "action",
        "action": "create-annotation",
        "action_id": plan["action_id"],
        "input": {"text": "v1.4.2 deployed", "source": "ci"},
    }
    assert road.annotations == before


def test_a_dry_run_without_credentials_shows_the_canonical_request(tmp_path: Path) -> None:
    done = Program(tmp_path, {"PATH": SYSTEM_PATH})(*CREATE, "--dry-run")
    assert done.code == 0, done.show
    assert json.loads(done.out) == {
        "dry_run": True,
        "fitted": False,
        "operation": "create-annotation",
        "via": "proxy",
        "method": "POST",
        "path": "/v2/annotations",
        "headers": [{"name": "Content-Type", "value": "application/json"}],
        "body": {"text": "v1.4.2 deployed", "source": "ci"},
    }
    assert "no way to reach Membrane" in done.err


@pytest.mark.parametrize("fault", ["500", "reset", "429", "redirect", "empty"])
def test_a_dry_run_where_the_service_is_away_shows_the_canonical_request(
    fault: str, server: Online, tmp_path: Path
) -> None:
    road = inside(server, tmp_path)
    road.fail(fault)
    done = road(*CREATE, "--dry-run", "--retries", "0")
    road.fail()
    assert done.code == 0, done.show
    assert json.loads(done.out)["fitted"] is False


@pytest.mark.parametrize("with_road", [True, False])
def test_a_dry_run_still_refuses_what_is_wrong(
    with_road: bool, server: Online, tmp_path: Path
) -> None:
    program = Program(tmp_path, {"PATH": SYSTEM_PATH})
    client = inside(server, tmp_path) if with_road else program
    assert client("annotations", "create", "x" * 201, "--dry-run").code == 2


@pytest.mark.parametrize(
    "line",
    [
        ("raw", "request", "/v2/annotations", "--json", '{"text": "x"}'),
        ("raw", "request", "-X", "DELETE", "/v2/users/1"),
        ("raw", "action", "create-annotation", "-f", "text=x"),
    ],
)
def test_a_dry_run_of_a_raw_write_sends_no_write(
    line: tuple[str, ...], server: Online, tmp_path: Path
) -> None:
    road = inside(server, tmp_path)
    done = road(*line, "--dry-run")
    assert done.code == 0, done.show
    assert json.loads(done.out)["dry_run"] is True
    assert all(line.startswith("GET") for line in road.lines)


# -- settings


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[profiles.default\n", "is not TOML"),
        ("[profiles.default]\nconection = 'x'\n", "'conection'"),
        ("[profiles.default]\nretries = true\n", "wrong type"),
        ("[profiles.default]\nallowed_hosts = 'x'\n", "wrong type"),
        ("active = 'away'\n[profiles.work]\n", "The profile 'away' (active) does not exist"),
        ("profiles = 3\n", "not a table"),
        ("active = 3\n", "active"),
        (
            "[profiles.default]\ntransport = 'pigeon'\n",
            "transport in the profile default holds 'pigeon'",
        ),
        ("[profiles.default]\ntimeout = 'soon'\n", "timeout in the profile default"),
        ("[profiles.default]\noutput = 'xml'\n", "output in the profile default holds 'xml'"),
    ],
)
def test_a_wrong_profile_is_a_usage_error_that_says_where(
    text: str, message: str, server: Online, tmp_path: Path
) -> None:
    road = inside(server, tmp_path)
    assert isinstance(road.fsctl, Program)
    road.fsctl.profile(text)
    done = road(*LIST)
    assert (done.code, road.sent) == (2, []), done.show
    assert message in done.err


def test_a_flag_beats_a_variable_beats_the_profile(server: Online, tmp_path: Path) -> None:
    road = inside(server, tmp_path)
    profile(tmp_path, 'output = "csv"')
    assert road(*LIST, "--fields", "uid").out.startswith("uid\n")
    env = {"FSCTL_OUTPUT": "json"}
    assert road(*LIST, "--fields", "uid", env=env).out.startswith("[")
    assert road(*LIST, "--fields", "uid", "-o", "jsonl", env=env).out.startswith('{"uid"')


def test_a_profile_is_chosen_by_flag_variable_or_file(server: Online, tmp_path: Path) -> None:
    road = inside(server, tmp_path)
    text = 'active = "a"\n' + "".join(
        f"[profiles.{name}]\noutput = '{form}'\n"
        for name, form in (("a", "json"), ("b", "csv"), ("c", "jsonl"))
    )
    assert isinstance(road.fsctl, Program)
    road.fsctl.profile(text)
    line = (*LIST, "--fields", "uid")
    assert road(*line).out.startswith("[")
    assert road(*line, env={"FSCTL_PROFILE": "b"}).out.startswith("uid\n")
    assert road(*line, "--profile", "c", env={"FSCTL_PROFILE": "b"}).out.startswith('{"uid"')
    done = road(*line, "--profile", "d")
    assert done.code == 2, done.show
    assert "The profile 'd' (--profile) does not exist" in done.err


# -- homes


def test_an_unwritable_cache_costs_requests_and_nothing_else(
    server: Online, tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_text("not a directory")
    env = {f"FSCTL_{kind}_DIR": str(file / "x") for kind in ("CONFIG", "CACHE", "STATE", "DATA")}
    road = inside(server, tmp_path / "home", env)
    for _ in range(2):
        done = road(*LIST)
        assert (done.code, road.lines) == (0, [CONNECTIONS, ACTIONS, ACT]), done.show
        assert done.err == ""
    assert "cannot be written" in road(*LIST, "-v").err


def test_the_binary_works_without_a_place_for_its_cache(server: Online, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("not a directory")
    env = {f"FSCTL_{kind}_DIR": str(file / "x") for kind in ("CONFIG", "CACHE", "STATE", "DATA")}
    fake = FakeMembrane(without=["token"])
    base = membrane_environment(fake, tmp_path / "home", server.server.url)
    done = Program(tmp_path / "home", {**base, **env})(*LIST)
    assert done.code == 0, done.show


@pytest.mark.parametrize("home", ["/nonexistent", ""])
def test_a_missing_home_stops_nothing_that_needs_none(
    home: str, server: Online, tmp_path: Path
) -> None:
    fsctl = Fsctl(tmp_path, {"MEMBRANE_TOKEN": SECRET, "MEMBRANE_API_URL": server.server.url})
    for name in ("HOME", "FSCTL_CONFIG_DIR", "FSCTL_CACHE_DIR", "FSCTL_STATE_DIR"):
        fsctl.env.pop(name)
    fsctl.env["XDG_CACHE_HOME"] = fsctl.env["XDG_STATE_HOME"] = "/nonexistent/x"
    fsctl.env["XDG_CONFIG_HOME"] = "/nonexistent/x"
    if home:
        fsctl.env["HOME"] = home
    done = fsctl(*LIST)
    assert done.code == 0, done.show


def test_a_sandbox_without_a_place_says_so(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("not a directory")
    done = Program(tmp_path, {"FSCTL_DATA_DIR": str(file / "x")})("--sandbox", *LIST)
    assert done.code not in (0, 7), done.show
    assert "Something unexpected" not in done.err


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
