"""``fsctl init`` without anybody to ask: what it refuses, stores, keeps, and never writes."""

from __future__ import annotations

import json
import shlex
import stat
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fsctl.sandbox.options import ConnectionSeed, MembraneOptions
from fsctl.sandbox.walks import Walk
from tests.support.command import Ended, Fsctl
from tests.support.fake_membrane import FakeMembrane
from tests.support.online import SECRET, SYSTEM_PATH, Online, inside, online, token_environment
from tests.support.program import Program
from tests.support.sandbox_server import running_sandbox

FIRST, SECOND = "6920c5a1d3f4e5b6a7c8d901", "6920c5a1d3f4e5b6a7c8d902"
LOST = "6920c5a1d3f4e5b6a7c8d903"
CONNECTIONS = (
    ConnectionSeed(FIRST, "Fullstory US"),
    ConnectionSeed(SECOND, "Fullstory EU", key="fs-eu"),
    ConnectionSeed(LOST, "Fullstory old", state="CLIENT_ACTION_REQUIRED", connected=False),
    ConnectionSeed("6920c5a1d3f4e5b6a7c8d904", "Chat", app="slack"),
)
SANDBOX = ("init", "--road", "sandbox", "--profile-name", "play")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Online]:
    directory = tmp_path_factory.mktemp("server")
    with online(directory, options=MembraneOptions(connections=CONNECTIONS)) as road:
        yield road


@pytest.fixture
def road(server: Online, tmp_path: Path) -> Online:
    return inside(server, tmp_path / "home")


@pytest.fixture
def program(tmp_path: Path) -> Program:
    """``fsctl`` with neither a token nor a ``membrane``."""
    (tmp_path / "home").mkdir()
    return Program(tmp_path / "home", {"PATH": SYSTEM_PATH})


def config(home: Path) -> str:
    file = home / "config" / "config.toml"
    return file.read_text() if file.exists() else ""


def profile(home: Path, name: str) -> dict[str, Any]:
    found: dict[str, Any] = tomllib.loads(config(home))["profiles"][name]
    return found


def told(done: Ended) -> dict[str, Any]:
    assert done.code == 0, done.show
    found: dict[str, Any] = json.loads(done.out)
    return found


# -- refusals


@pytest.mark.parametrize(
    ("facts", "why"),
    [
        ({}, "there is no terminal to ask on"),
        ({"stdin_is_terminal": True}, "there is no terminal to ask on"),
        ({"stdin_is_terminal": True, "stderr_is_terminal": True, "under_ci": True}, "CI is set"),
    ],
    ids=["pipes", "no-stderr", "ci"],
)
def test_where_nobody_can_be_asked_all_flags_are_named(
    facts: dict[str, Any], why: str, program: Program
) -> None:
    done = program("init", **facts)
    assert done.code == 2, done.show
    assert why in done.err
    for flag in ("--road", "--connection", "--create-connection", "--profile-name"):
        assert flag in done.err
    assert not (program.home / "config").exists()


def test_no_input_asks_nothing_on_a_terminal_either(program: Program) -> None:
    facts: dict[str, Any] = {
        "stdin_is_terminal": True,
        "stderr_is_terminal": True,
        "stdout_is_terminal": True,
    }
    done = program("init", "--no-input", "--road", "sandbox", **facts)
    assert done.code == 2, done.show
    assert "--no-input was given" in done.err
    assert "--profile-name NAME" in done.err
    assert "--road" not in done.err.splitlines()[0]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--road", "token", "--sandbox"), "contradict each other"),
        (("--road", "sandbox", "--connection", FIRST), "needs no choosing"),
        (("--connection", FIRST, "--create-connection"), "exclude each other"),
        (("--road", "login", "--token-command", "pass x"), "--token-command is for --road token"),
        (("--road", "sandbox", "--profile-name", "-x"), "cannot be the name of a profile"),
        (("--road", "sandbox", "--profile-name", "a\nb"), "cannot be the name of a profile"),
        (("--wait-for", "soon"), "--wait-for"),
    ],
)
def test_what_cannot_be_is_refused_before_anything_is_asked(
    arguments: tuple[str, ...], says: str, program: Program
) -> None:
    done = program("init", *arguments)
    assert done.code == 2, done.show
    assert says in done.err
    assert not (program.home / "config").exists()


def test_a_command_that_holds_a_token_is_refused(program: Program) -> None:
    line = ("init", "--token-command", f"echo {SECRET}", "--connection", FIRST)
    done = program(*line, "--profile-name", "work")
    assert done.code == 2, done.show
    assert "no secret is kept on disk" in done.err
    assert SECRET not in done.err
    assert config(program.home) == ""


# -- the sandbox


def test_the_sandbox_needs_a_name_alone(program: Program) -> None:
    done = told(program(*SANDBOX))
    assert (done["profile"], done["road"], done["connection"]) == ("play", "sandbox", None)
    assert (done["checked"], done["in_use"]) == (True, True)
    assert config(program.home) == 'active = "play"\n\n[profiles.play]\ntransport = "sandbox"\n'


def test_the_flag_of_the_sandbox_means_the_road(program: Program) -> None:
    assert told(program("init", "--sandbox", "--profile-name", "play"))["road"] == "sandbox"


def test_what_is_stored_is_the_owners_alone(program: Program) -> None:
    program(*SANDBOX)
    directory = program.home / "config"
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert stat.S_IMODE((directory / "config.toml").stat().st_mode) == 0o600


def test_a_dry_run_shows_what_would_be_stored_and_stores_nothing(program: Program) -> None:
    done = told(program(*SANDBOX, "--dry-run"))
    assert done["dry_run"] is True
    assert done["changes"] == {"transport": "sandbox"}
    assert config(program.home) == ""


@pytest.mark.parametrize("flags", [(), ("--use",), ("--no-use",)])
def test_the_commands_to_type_next_work_as_they_are(
    flags: tuple[str, ...], tmp_path: Path, fsctl: Fsctl
) -> None:
    done = told(fsctl(*SANDBOX, *flags, env={"PATH": SYSTEM_PATH}))
    assert 2 <= len(done["next"]) <= 3
    for command in done["next"]:
        name, *arguments = shlex.split(command)
        assert name == "fsctl"
        ran = fsctl(*arguments, env={"PATH": SYSTEM_PATH})
        assert ran.code == 0, ran.show


# -- a token


def test_a_token_in_the_environment_stays_there(road: Online) -> None:
    line = ("init", "--road", "token", "--connection", FIRST, "--profile-name", "work")
    done = told(road(*line))
    assert done["connection"] == FIRST
    home = road.fsctl.home
    assert profile(home, "work") == {"transport": "http", "connection": FIRST}
    for file in home.rglob("*"):
        assert not file.is_file() or SECRET.encode() not in file.read_bytes()
    assert told(road("users", "list", "--limit", "1"))["id"]


def test_the_commands_to_type_next_work_on_the_account_too(road: Online) -> None:
    line = ("init", "--road", "token", "--connection", SECOND, "--profile-name", "my work")
    done = told(road(*line, "--no-use"))
    for command in done["next"]:
        assert "--profile 'my work'" in command
        ran = road(*shlex.split(command)[1:])
        assert ran.code == 0, ran.show


@pytest.mark.parametrize("selector", [SECOND, "fs-eu", "Fullstory EU", "fullstory eu"])
def test_a_connection_is_named_by_id_key_or_name_and_stored_by_its_id(
    selector: str, road: Online
) -> None:
    line = ("init", "--road", "token", "--connection", selector, "--profile-name", "work")
    assert told(road(*line))["connection"] == SECOND


@pytest.mark.parametrize(
    ("selector", "code"), [("nobody", 4), ("6920c5a1d3f4e5b6a7c8d9ff", 4), (LOST, 4), ("Chat", 4)]
)
def test_a_connection_that_cannot_be_used_stores_nothing(
    selector: str, code: int, road: Online
) -> None:
    line = ("init", "--road", "token", "--connection", selector, "--profile-name", "work")
    done = road(*line)
    assert done.code == code, done.show
    assert config(road.fsctl.home) == ""


def test_the_check_reads_and_reads_of_nobody(road: Online) -> None:
    line = ("init", "--road", "token", "--connection", FIRST, "--profile-name", "work")
    told(road(*line))
    assert [each for each in road.lines if not each.startswith("GET ")] == ["POST /act"]
    (act,) = [json.loads(each.body or b"") for each in road.sent if each.method == "POST"]
    assert act["input"] == {"uid": "fsctl-init-check"}
    road(*line, "--no-check")
    assert {each.method for each in road.sent} == {"GET"}


def test_a_check_that_fails_stores_nothing_and_says_how_to_store_it(
    server: Online, tmp_path: Path
) -> None:
    bad = (ConnectionSeed(good_key=False),)
    with online(tmp_path, options=MembraneOptions(connections=bad)) as road:
        line = ("init", "--road", "token", "--connection", FIRST, "--profile-name", "work")
        done = road(*line)
        assert done.code == 4, done.show
        assert "--no-check stores it" in done.err
        assert config(road.fsctl.home) == ""

        assert told(road(*line, "--no-check"))["checked"] is False
        assert profile(road.fsctl.home, "work")["connection"] == FIRST


def test_without_a_token_it_says_how_to_get_one(program: Program) -> None:
    line = ("init", "--road", "token", "--connection", FIRST, "--profile-name", "work")
    done = program(*line)
    assert done.code == 4, done.show
    assert "There is no token in the environment." in done.err
    assert "`export MEMBRANE_TOKEN`" in done.err
    assert config(program.home) == ""


def test_a_command_that_prints_the_token_is_stored_and_used(road: Online, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(f"{SECRET}\n")
    env = {"MEMBRANE_TOKEN": ""}
    line = ("init", "--token-command", f"cat {secret}", "--connection", FIRST)
    done = told(road(*line, "--profile-name", "work", env=env))
    assert done["road"] == "token"
    assert profile(road.fsctl.home, "work")["token_command"] == f"cat {secret}"
    assert told(road("users", "list", "--limit", "1", env=env))["id"]


# -- creating a connection


@pytest.mark.parametrize("name", [None, "Fullstory UK"])
def test_a_new_connection_is_followed_until_it_is_ready(name: str | None, tmp_path: Path) -> None:
    options = MembraneOptions(connections=(), walk=Walk.parse("person:0.4"))
    with online(tmp_path, options=options) as road:
        create = ("--create-connection", *([name] if name else []))
        done = road("init", "--road", "token", *create, "--profile-name", "work")
        found = told(done)
        assert "is being built" in done.err
        assert "https://ui.sandbox.invalid/connections/" in done.err
        assert "is ready" in done.err
        assert profile(road.fsctl.home, "work")["connection"] == found["connection"]
        made = told(road("connections", "list"))  # the only one
        assert made["id"] == found["connection"]
        assert name in (None, made["name"])

        again = told(road("init", "--road", "token", *create, "--profile-name", "work"))
        assert again["connection"] == found["connection"], "no second one is made"
        assert again["changes"] == {}


def test_a_connection_is_created_beside_others_only_where_it_has_a_name(tmp_path: Path) -> None:
    with online(tmp_path) as road:
        line = ("init", "--road", "token", "--profile-name", "work", "--create-connection")
        assert told(road(*line))["connection"] == FIRST, "there is one already"
        made = told(road(*line, "Fullstory UK"))["connection"]
        assert made != FIRST
        assert told(road(*line, "Fullstory UK"))["connection"] == made, "no second one is made"
        names = road("connections", "list", "--jq", ".name").out.splitlines()
        assert sorted(names) == ["Fullstory (sandbox)", "Fullstory UK"]


def test_what_the_environment_says_does_not_steer_the_set_up(road: Online) -> None:
    env = {"FSCTL_TRANSPORT": "sandbox", "FSCTL_CONNECTION": "nobody", "FSCTL_PROFILE": "work"}
    done = road("init", "--road", "token", "--connection", SECOND, env=env)
    assert told(done)["connection"] == SECOND
    assert done.err.count("goes before the profile") == 2, done.show
    assert road.sent, "it is the account's"


@pytest.mark.parametrize(
    ("walk", "code", "says"),
    [
        ("nobody:0", 4, "fsctl init --road token --connection"),
        ("building:0", 5, "fsctl init --road token --connection"),
        ("setup-failed:0", 4, "The connector could not be set up"),
        ("configuration-error:0", 4, "did not accept the API key"),
    ],
)
def test_a_connection_that_does_not_get_ready_stores_nothing(
    walk: str, code: int, says: str, tmp_path: Path
) -> None:
    options = MembraneOptions(connections=(), walk=Walk.parse(walk))
    with online(tmp_path, options=options) as road:
        line = ("init", "--road", "token", "--create-connection", "--profile-name", "work")
        done = road(*line, "--wait-for", "1s")
        assert done.code == code, done.show
        assert says in done.err
        assert config(road.fsctl.home) == ""


GIVEN = (
    *("--wait-for", "1s", "--no-check", "--use", "--transport", "http", "--via", "proxy"),
    *("--timeout", "9s", "--retries", "1", "--api-host", "m.test"),
)


def commands(done: Ended) -> list[str]:
    """What stands in backticks, on a line that may be broken, without ``fsctl``."""
    quoted = " ".join(done.err.split()).split("`")[1::2]
    name, *arguments = shlex.split(next(text for text in quoted if text.startswith("fsctl init")))
    assert name == "fsctl"
    return arguments


@pytest.mark.parametrize("state", ["SETUP_FAILED", "CONFIGURATION_ERROR"])
def test_the_command_that_mends_a_connection_works(state: str, tmp_path: Path) -> None:
    seeds = (ConnectionSeed(FIRST, "Our Fullstory", state=state, connected=False),)
    options = MembraneOptions(connections=seeds, walk=Walk.parse("slow:0.1"))
    with online(tmp_path, options=options) as road:
        line = ("init", "--road", "token", "--connection", FIRST, "--profile-name", "work")
        done = road(*line, *GIVEN)
        assert done.code == 4, done.show
        assert told(road(*commands(done)))["connection"] == FIRST
        assert profile(road.fsctl.home, "work") == {
            "transport": "http",
            "connection": FIRST,
            "via": "proxy",
            "timeout": "9s",
            "retries": 1,
            "allowed_hosts": ["m.test"],
        }


def test_a_connection_whose_set_up_fails_is_mended_by_init_itself(tmp_path: Path) -> None:
    options = MembraneOptions(connections=(), walk=Walk.parse("setup-failed:0"))
    with online(tmp_path, options=options) as road:
        line = ("init", "--road", "token", "--create-connection", "Ours", "--profile-name", "new")
        done = road(*line, *GIVEN)
        assert done.code == 4, done.show
        assert "connections reconnect" not in done.err, "there is no profile new"
        words = ("--transport", "http", "--use", "--wait-for", "1s", "--no-check")
        assert commands(done) == [*line, *words, *GIVEN[6:]]


def test_two_names_for_the_profile_are_refused(program: Program) -> None:
    done = program(*SANDBOX, "--profile", "other")
    assert done.code == 2, done.show
    assert "--profile other and --profile-name play name different profiles" in done.err
    assert told(program(*SANDBOX, "--profile", "play"))["profile"] == "play"


def test_what_is_kept_with_the_profile_is_checked_first(program: Program) -> None:
    done = program(*SANDBOX, "--timeout", "soon")
    assert done.code == 2, done.show
    assert config(program.home) == ""


def test_several_that_could_be_mended_are_named(tmp_path: Path) -> None:
    seeds = tuple(
        ConnectionSeed(one, f"Fullstory {one[-1]}", state="CLIENT_ACTION_REQUIRED", connected=False)
        for one in (FIRST, SECOND)
    )
    with online(tmp_path, options=MembraneOptions(connections=seeds)) as road:
        line = ("init", "--road", "token", "--create-connection", "--profile-name", "work")
        done = road(*line)
        assert done.code == 4, done.show
        assert FIRST in done.err
        assert SECOND in done.err
        assert "--create-connection NAME" in done.err


def test_a_dry_run_creates_no_connection(tmp_path: Path) -> None:
    with online(tmp_path, options=MembraneOptions(connections=())) as road:
        line = ("init", "--road", "token", "--create-connection", "--profile-name", "work")
        done = told(road(*line, "--dry-run"))
        assert (done["connection"], done["checked"]) == (None, False)
        assert done["create_connection"] is True
        assert {each.method for each in road.sent} == {"GET"}
        assert config(road.fsctl.home) == ""


# -- the login


@pytest.mark.parametrize("form", ["older", "newest"])
def test_the_login_of_either_membrane_is_taken(form: Any, server: Online, tmp_path: Path) -> None:
    home = tmp_path / "home"
    fake = FakeMembrane(form=form)
    fsctl = login_road(fake, home, server)
    line = ("init", "--road", "login", "--connection", "Fullstory EU", "--profile-name", "work")
    done = told(fsctl(*line))
    assert done["connection"] == SECOND
    assert profile(home, "work") == {"transport": "auto", "connection": SECOND}
    assert not [argv for argv in fake.asked if argv[0] in ("login", "logout")]
    assert told(fsctl("users", "list", "--limit", "1"))["id"]


@pytest.mark.parametrize("form", ["older", "newest"])
def test_a_connection_is_created_through_either_membrane(form: Any, tmp_path: Path) -> None:
    options = MembraneOptions(connections=(), walk=Walk.parse("slow:0.2"))
    with running_sandbox(tmp_path, options=options) as server:
        home = tmp_path / "home"
        fsctl = login_road(FakeMembrane(form=form), home, Online(Fsctl(home), server))
        line = ("init", "--road", "login", "--create-connection", "--profile-name", "work")
        made = told(fsctl(*line))["connection"]
        assert told(fsctl("connections", "list"))["id"] == made, "the only one"


@pytest.mark.parametrize("form", ["older", "newest"])
def test_who_is_not_logged_in_is_told_the_command(
    form: Any, server: Online, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    fsctl = login_road(FakeMembrane(form=form, mood="logged_out"), home, server)
    line = ("init", "--road", "login", "--connection", FIRST, "--profile-name", "work")
    done = fsctl(*line)
    assert done.code == 4, done.show
    assert "`fsctl login`" in done.err
    assert config(home) == ""


def test_without_membrane_it_says_how_to_install_it(program: Program) -> None:
    line = ("init", "--road", "login", "--connection", FIRST, "--profile-name", "work")
    done = program(*line)
    assert done.code == 4, done.show
    assert "npm install -g @membranehq/cli" in done.err


def test_a_setting_that_names_no_membrane_is_refused_as_such(program: Program) -> None:
    line = ("init", "--road", "login", "--connection", FIRST, "--profile-name", "work")
    done = program(*line, env={"FSCTL_MEMBRANE_COMMAND": "./membrane"})
    assert done.code == 2, done.show
    assert "'./membrane' is refused" in done.err


def test_another_membrane_is_no_login(server: Online, tmp_path: Path) -> None:
    home = tmp_path / "home"
    fsctl = login_road(FakeMembrane(help="membrane: an agent's memory\n"), home, server)
    line = ("init", "--road", "login", "--connection", FIRST, "--profile-name", "work")
    done = fsctl(*line)
    assert done.code == 4, done.show
    assert "is not Membrane's command line" in done.err


def test_a_token_that_would_go_before_the_login_is_named(server: Online, tmp_path: Path) -> None:
    fsctl = login_road(FakeMembrane(), tmp_path / "home", server)
    line = ("init", "--road", "login", "--connection", FIRST, "--profile-name", "work")
    done = fsctl(*line, env={"MEMBRANE_ACCESS_TOKEN": SECRET})
    assert done.code == 4, done.show
    assert "unset MEMBRANE_ACCESS_TOKEN" in done.err
    assert SECRET not in done.err


def login_road(fake: FakeMembrane, home: Path, road: Online) -> Program:
    tools = fake.install(home / "tools").parent
    env = {"MEMBRANE_API_URL": road.server.url, "PATH": f"{tools}:{SYSTEM_PATH}"}
    return Program(home, env)


# -- again

BEFORE = """\
# mine
active = "work"

[profiles.work]
connection = "6920c5a1d3f4e5b6a7c8d901" # the one in the US
transport = "http"
timeout = "20s"  # slow network

[profiles.other]
transport = "sandbox"
"""


def test_again_changes_only_what_was_asked(road: Online) -> None:
    assert isinstance(road.fsctl, Program)
    road.fsctl.profile(BEFORE)
    done = told(road("init", "--no-input", "--profile-name", "work", "--connection", SECOND))
    assert done["changes"] == {"connection": SECOND}
    assert config(road.fsctl.home) == BEFORE.replace(FIRST, SECOND)


def test_again_with_nothing_new_writes_nothing(road: Online) -> None:
    assert isinstance(road.fsctl, Program)
    road.fsctl.profile(BEFORE)
    file = road.fsctl.home / "config" / "config.toml"
    before = file.stat().st_mtime_ns
    assert told(road("init", "--no-input", "--profile", "work"))["changes"] == {}
    assert told(road("init", "--no-input", env={"FSCTL_PROFILE": "work"}))["changes"] == {}
    assert (config(road.fsctl.home), file.stat().st_mtime_ns) == (BEFORE, before)


def test_another_road_takes_the_place_of_the_old_one_alone(road: Online) -> None:
    assert isinstance(road.fsctl, Program)
    road.fsctl.profile(BEFORE)
    line = ("init", "--road", "token", "--profile-name", "other", "--connection", SECOND)
    told(road(*line, "--no-use"))
    assert profile(road.fsctl.home, "work")["connection"] == FIRST
    assert profile(road.fsctl.home, "other") == {"transport": "http", "connection": SECOND}


def test_the_sandbox_takes_a_connection_of_the_account_away(road: Online) -> None:
    assert isinstance(road.fsctl, Program)
    road.fsctl.profile(BEFORE)
    told(road("init", "--road", "sandbox", "--profile-name", "work"))
    assert profile(road.fsctl.home, "work") == {"transport": "sandbox", "timeout": "20s"}
    assert told(road("users", "list", "--limit", "1"))["id"]


def test_a_token_command_goes_when_the_login_comes(server: Online, tmp_path: Path) -> None:
    fsctl = login_road(FakeMembrane(), tmp_path / "home", server)
    fsctl.profile(BEFORE.replace("timeout", 'token_command = "pass x"\ntimeout'))
    told(fsctl("init", "--no-input", "--road", "login", "--profile-name", "work"))
    assert config(fsctl.home) == BEFORE.replace('"http"', '"auto"')


def test_which_profile_is_in_use_is_a_question_of_its_own(road: Online) -> None:
    assert isinstance(road.fsctl, Program)
    road.fsctl.profile(BEFORE)
    line = ("init", "--road", "sandbox", "--profile-name", "new")
    refused = road(*line)
    assert refused.code == 2, refused.show
    assert "--use or --no-use" in refused.err
    assert "`fsctl init --road sandbox --profile-name play --no-use`" in refused.err
    assert told(road(*line, "--no-use"))["in_use"] is False
    assert 'active = "work"' in config(road.fsctl.home)
    assert told(road(*line, "--use"))["in_use"] is True
    assert 'active = "new"' in config(road.fsctl.home)


def test_variables_that_go_before_the_profile_are_named(program: Program) -> None:
    env = {"FSCTL_TRANSPORT": "cli", "FSCTL_CONNECTION": SECOND}
    done = program(*SANDBOX, env=env)
    assert done.code == 0, done.show
    assert "unset FSCTL_TRANSPORT" in done.err
    assert "FSCTL_CONNECTION" not in done.err, "the sandbox asks for no connection"


def test_a_profile_that_a_variable_names_need_not_be_there_yet(program: Program) -> None:
    done = program("init", "--road", "sandbox", env={"FSCTL_PROFILE": "play"})
    assert told(done)["profile"] == "play"


# -- what could go wrong with the file


def test_a_broken_file_is_reported_and_left_alone(program: Program) -> None:
    program.profile("active = \n")
    done = program(*SANDBOX)
    assert done.code == 2, done.show
    assert "line 1" in done.err
    assert config(program.home) == "active = \n"


def test_a_file_that_cannot_be_written_is_refused(program: Program) -> None:
    (program.home / "config").write_text("in the way")
    done = program(*SANDBOX)
    assert done.code == 1, done.show
    assert "cannot be written" in done.err


# -- what others say of it


def test_who_has_no_road_is_told_of_init(program: Program) -> None:
    done = program("users", "list")
    assert done.code == 4, done.show
    assert "fsctl init" in done.err


def test_it_stands_first_in_the_help(program: Program, capfd: pytest.CaptureFixture[str]) -> None:
    program("--help")
    shown = capfd.readouterr().out
    commands = shown.partition("Begin:\n")[2].splitlines()
    assert commands[0].split()[0] == "init"


def test_a_hostile_name_of_a_connection_steers_nothing(tmp_path: Path) -> None:
    seed = ConnectionSeed(FIRST, "Fullstory \x1b]0;owned\x07 ::error::x", state="SETUP_FAILED")
    with online(tmp_path, options=MembraneOptions(connections=(seed,))) as road:
        line = ("init", "--road", "token", "--connection", FIRST, "--profile-name", "work")
        done = road(*line, env={"CI": "true"})
        assert done.code == 4, done.show
        assert "\x1b" not in done.err
        assert "\x07" not in done.err


def test_the_address_of_the_environment_is_not_stored(road: Online) -> None:
    line = ("init", "--road", "token", "--connection", FIRST, "--profile-name", "work")
    told(road(*line))
    assert "127.0.0.1" not in config(road.fsctl.home)
    assert token_environment(road.server.url)["MEMBRANE_API_URL"] == road.server.url
