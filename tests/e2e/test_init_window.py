"""``fsctl init`` on a real terminal: every question asked, answered, and left with Ctrl-C."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from fsctl.sandbox.options import ConnectionSeed, MembraneOptions
from fsctl.sandbox.walks import Walk
from tests.support.command import Ended, Fsctl
from tests.support.drawn_window import (
    BACKSPACE,
    CLEAR_LINE,
    CTRL_C,
    DOWN,
    ENTER,
    UP,
    Window,
)
from tests.support.fake_membrane import FakeMembrane
from tests.support.online import (
    SECRET,
    SYSTEM_PATH,
    Online,
    fresh,
    membrane_environment,
    online,
)

FIRST, SECOND = "6920c5a1d3f4e5b6a7c8d901", "6920c5a1d3f4e5b6a7c8d902"
LOST = "6920c5a1d3f4e5b6a7c8d903"
CONNECTIONS = (
    ConnectionSeed("6920c5a1d3f4e5b6a7c8d904", "Chat", app="slack"),
    ConnectionSeed(LOST, "Fullstory old", state="CLIENT_ACTION_REQUIRED", connected=False),
    ConnectionSeed(FIRST, "Fullstory US"),
    ConnectionSeed(SECOND, "Fullstory EU", key="fs-eu"),
)
ROAD, CONNECTION = "How do you reach Membrane?", "Which connection?"
NAME, NOW = "A name for this profile:", "What now?"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Online]:
    options = MembraneOptions(connections=CONNECTIONS)
    with online(tmp_path_factory.mktemp("server"), options=options) as road:
        yield road


@pytest.fixture
def mending(tmp_path: Path) -> Iterator[Online]:
    """A server of one test's own, where a connection is mended."""
    options = MembraneOptions(connections=CONNECTIONS, walk=Walk.parse("person:0.5"))
    with online(tmp_path, options=options) as road:
        yield road


@pytest.fixture
def home(server: Online, tmp_path: Path) -> Path:
    """The home of somebody who has a token."""
    fresh(server, tmp_path / "home")
    return tmp_path / "home"


def token(server: Online, home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    fsctl = fresh(server, home, extra).fsctl
    assert isinstance(fsctl, Fsctl)
    return fsctl.env


def nothing(home: Path) -> dict[str, str]:
    """The environment of somebody who has neither a token nor a ``membrane``."""
    return Fsctl(home, {"PATH": SYSTEM_PATH}).env


def config(home: Path) -> str:
    file = home / "config" / "config.toml"
    return file.read_text() if file.exists() else ""


# -- all the way


def test_the_sandbox_is_two_keys_away_and_what_to_type_next_works(fsctl: Fsctl) -> None:
    env = {**nothing(fsctl.home), "NO_COLOR": "1"}
    with Window("init", env=env, cwd=fsctl.home) as window:
        window.answer(ROAD, ENTER)
        window.answer(NAME, ENTER)
        ended = window.end()
    assert ended.code == 0, ended.show
    assert (
        ended.out
        == f"""\

Set up fsctl
A few questions; nothing secret is stored, and on Ctrl-C nothing at all.

? How do you reach Membrane? Just try the sandbox
  Sandbox: nothing leaves this machine.
✓ The sandbox is ready, with made-up people in it.
? A name for this profile: sandbox
✓ It works: Fullstory answered by an action, in {seconds(ended)} s.
✓ The profile sandbox is stored in ~/config/config.toml; it is in use from now on.

Type next:
  fsctl users get ada@example.com
  fsctl sessions timeline ada@example.com
  fsctl annotations create "v1.4.2 deployed"
"""
    )
    for command in commands(ended):
        ran = fsctl(*shlex.split(command)[1:])
        assert ran.code == 0, ran.show


def seconds(ended: Ended) -> str:
    return ended.out.partition("an action, in ")[2].partition(" s.")[0]


def commands(ended: Ended) -> list[str]:
    below = ended.out.partition("Type next:\n")[2]
    return [line.strip() for line in below.splitlines() if line.strip()]


def test_a_token_that_is_there_is_pointed_at_and_stays_there(server: Online, home: Path) -> None:
    with Window("init", env=token(server, home), cwd=home) as window:
        window.see("> A token in the environment MEMBRANE_TOKEN is set")
        window.type(ENTER)
        window.see("MEMBRANE_TOKEN works; it stays in the environment.")
        window.answer(CONNECTION, ENTER)
        window.answer(NAME, CLEAR_LINE, "live", ENTER)
        ended = window.end()
    assert ended.code == 0, ended.show
    assert "It works" in ended.out
    assert f'[profiles.live]\ntransport = "http"\nconnection = "{FIRST}"' in config(home)
    assert SECRET not in ended.out + config(home)
    assert SECRET.encode() not in window.raw


def test_fullstorys_connections_come_first_each_with_state_and_owner(
    server: Online, home: Path
) -> None:
    with Window(
        "init", "--road", "token", env=token(server, home), cwd=home, columns=120
    ) as window:
        window.see("Create a new connection to Fullstory")
        lines = window.screen.partition(CONNECTION)[2].splitlines()[1:6]
    assert [line[2:].split("  ")[0] for line in lines] == [
        "Fullstory US",
        "Fullstory EU",
        "Fullstory old",
        "Chat",
        "Create a new connection to Fullstory",
    ]
    assert "READY, of Sandbox" in lines[0]
    assert "CLIENT_ACTION_REQUIRED, of Sandbox" in lines[2]


def test_arrows_and_a_filter_lead_to_the_connection(server: Online, home: Path) -> None:
    line = ("init", "--road", "token", "--profile-name", "work")
    with Window(*line, env=token(server, home), cwd=home) as window:
        window.see("> Fullstory US")
        window.type(DOWN)
        window.see("> Fullstory EU")
        window.type(UP, UP)
        window.see("> Create a new connection")
        window.type("nosuch")
        window.see("Nothing matches")
        window.type(*[BACKSPACE] * len("nosuch"), "fs-eu")
        window.type(CLEAR_LINE, "eu")
        window.see("> Fullstory EU")
        window.type(ENTER)
        ended = window.end()
    assert ended.code == 0, ended.show
    assert f'connection = "{SECOND}"' in config(home)


def test_a_connection_that_is_not_ready_is_mended_before_the_eyes(
    mending: Online, home: Path
) -> None:
    line = ("init", "--road", "token", "--profile-name", "work")
    with Window(*line, env=token(mending, home), cwd=home) as window:
        window.answer(CONNECTION, "old", ENTER)
        ended = window.end()
    assert ended.code == 0, ended.show
    story = " ".join(ended.out.split())
    steps = ("is reconnected", "is being built", "Open this address", "ui.sandbox.invalid", "ready")
    places = [story.index(step) for step in steps]
    assert places == sorted(places), ended.show
    assert f'connection = "{LOST}"' in config(home)


def test_a_connection_is_created_under_the_name_that_is_typed(tmp_path: Path) -> None:
    options = MembraneOptions(connections=(), walk=Walk.parse("slow:0.3"))
    with online(tmp_path, options=options) as road:
        home = tmp_path / "home"
        line = ("init", "--road", "token", "--profile-name", "work")
        with Window(*line, env=token(road, home), cwd=home) as window:
            window.see("There is no connection to Fullstory here yet.")
            window.answer(CONNECTION, ENTER)
            window.answer("A name for it: Fullstory", CLEAR_LINE, "Shop", ENTER)
            ended = window.end()
        assert ended.code == 0, ended.show
        made = fresh(road, home)("connections", "list", "--jq", "[.name, .id]")
        assert '"Shop"' in made.out
        assert made.out.split('"')[3] in config(home)


# -- what is missing


def test_without_a_token_a_command_can_be_named(server: Online, home: Path, tmp_path: Path) -> None:
    secret = tmp_path / "secret"
    secret.write_text(SECRET)
    env = token(server, home, {"MEMBRANE_TOKEN": ""})
    with Window("init", "--profile-name", "work", env=env, cwd=home) as window:
        window.answer(ROAD, "token", ENTER)
        window.see("There is no token in the environment.")
        window.see("read -rs MEMBRANE_TOKEN")
        window.answer(NOW, ENTER)
        window.answer("The command:", f"echo {SECRET}", ENTER)
        window.see("no secret is kept on disk")
        window.type(CLEAR_LINE, f"cat {secret}", ENTER)
        window.see("The command's token works; it is stored nowhere.")
        window.answer(CONNECTION, ENTER)
        ended = window.end()
    assert ended.code == 0, ended.show
    assert f'token_command = "cat {secret}"' in config(home)


def test_without_a_token_one_can_stop_and_is_told_the_commands(home: Path) -> None:
    with Window("init", env=nothing(home), cwd=home) as window:
        window.answer(ROAD, "token", ENTER)
        window.answer(NOW, UP, ENTER)
        ended = window.end()
    assert ended.code == 4, ended.show
    assert "fsctl init --road token" in " ".join(ended.out.split())
    assert config(home) == ""


def test_without_membrane_one_installs_it_and_looks_again(server: Online, home: Path) -> None:
    fake = FakeMembrane()
    env = {**nothing(home), **membrane_environment(fake, home, server.server.url)}
    program = home / "tools" / "membrane"
    elsewhere = program.rename(home / "tools" / "not-installed-yet")
    with Window("init", "--profile-name", "work", env=env, cwd=home) as window:
        window.answer(ROAD, "login", ENTER)
        window.see("npm install -g @membranehq/cli")
        elsewhere.rename(program)
        window.answer(NOW, "again", ENTER)
        window.answer(CONNECTION, ENTER)
        ended = window.end()
    assert ended.code == 0, ended.show
    assert 'transport = "auto"' in config(home)


@pytest.mark.parametrize("form", ["older", "newest"])
def test_the_login_is_run_where_one_is_not_logged_in(form: Any, server: Online, home: Path) -> None:
    fake = FakeMembrane(form=form, mood="login_first")
    env = {**nothing(home), **membrane_environment(fake, home, server.server.url)}
    with Window("init", "--profile-name", "work", env=env, cwd=home) as window:
        window.see("> The membrane login with ~/tools/membrane")
        window.type(ENTER)
        window.answer(NOW, ENTER)
        window.answer("Which tenant?", "support\n")
        window.answer(CONNECTION, ENTER)
        ended = window.end()
    assert ended.code == 0, ended.show
    assert [argv[:2] for argv in fake.asked if argv[0] == "login"] == [["login", "--tenant"]]
    assert 'transport = "auto"' in config(home)


def test_another_road_can_be_taken_instead(home: Path) -> None:
    line = ("init", "--road", "login", "--profile-name", "play")
    with Window(*line, env=nothing(home), cwd=home) as window:
        window.answer(NOW, "another way", ENTER)
        window.answer(ROAD, "sandbox", ENTER)
        ended = window.end()
    assert ended.code == 0, ended.show
    assert 'transport = "sandbox"' in config(home)


def test_the_sandbox_can_be_taken_whatever_connection_was_named(server: Online, home: Path) -> None:
    line = ("init", "--connection", SECOND, "--profile-name", "play")
    with Window(*line, env=token(server, home), cwd=home) as window:
        window.answer(ROAD, "sandbox", ENTER)
        ended = window.end()
    assert ended.code == 0, ended.show
    assert config(home) == 'active = "play"\n\n[profiles.play]\ntransport = "sandbox"\n'


def test_another_apps_connection_is_refused_and_another_is_chosen(
    server: Online, home: Path
) -> None:
    line = ("init", "--road", "token", "--profile-name", "work")
    with Window(*line, env=token(server, home), cwd=home) as window:
        window.answer(CONNECTION, "chat", ENTER)
        window.see("is one of the app 'slack', not of Fullstory")
        window.answer(NOW, ENTER)
        window.see("> Fullstory US")
        window.type(ENTER)
        ended = window.end()
    assert ended.code == 0, ended.show
    assert f'connection = "{FIRST}"' in config(home)


def test_a_check_that_fails_is_told_and_asked_about(tmp_path: Path) -> None:
    bad = MembraneOptions(connections=(ConnectionSeed(FIRST, good_key=False),))
    with online(tmp_path, options=bad) as road:
        home = tmp_path / "home"
        line = ("init", "--road", "token", "--connection", FIRST, "--profile-name", "work")
        for answer, code in (("n", 4), ("y", 0)):
            with Window(*line, env=token(road, home), cwd=home) as window:
                window.see("Fullstory was asked one thing")
                window.answer("Store the profile all the same?", answer)
                ended = window.end()
            assert ended.code == code, ended.show
            assert bool(config(home)) is (code == 0)


# -- again


def test_again_what_a_profile_says_is_pointed_at_and_the_rest_stays(
    server: Online, home: Path
) -> None:
    before = f"""\
active = "live"

[profiles.play]
transport = "sandbox"

# the shop
[profiles.live]
transport = "http"
connection = "{SECOND}"  # EU
timeout = "30s"
"""
    (home / "config").mkdir()
    (home / "config" / "config.toml").write_text(before)
    with Window("init", env=token(server, home), cwd=home) as window:
        window.see("> live in use, http")
        window.type(ENTER)
        window.see("> A token in the environment")
        window.type(ENTER)
        window.see("> Fullstory EU")
        window.type(ENTER)
        ended = window.end()
    assert ended.code == 0, ended.show
    assert "nothing in it had to change" in " ".join(ended.out.split())
    assert config(home) == before

    with Window("init", env=token(server, home), cwd=home) as window:
        window.answer("Which profile to set up?", "new", ENTER)
        window.answer(ROAD, "sandbox", ENTER)
        window.answer(NAME, CLEAR_LINE, "play", ENTER)
        window.see("There is a profile of that name already.")
        window.type(CLEAR_LINE, "trial", ENTER)
        window.answer("Use trial from now on, in place of live?", "n")
        ended = window.end()
    assert ended.code == 0, ended.show
    assert all(command.startswith("fsctl --profile trial ") for command in commands(ended))
    assert config(home) == before + '\n[profiles.trial]\ntransport = "sandbox"\n'


# -- leaving


@pytest.mark.parametrize("left", range(5))
def test_ctrl_c_at_any_question_leaves_everything_as_it_was(
    left: int, server: Online, home: Path
) -> None:
    before = 'active = "a"\n\n[profiles.a]\ntransport = "sandbox"\n'
    (home / "config").mkdir()
    (home / "config" / "config.toml").write_text(before)
    questions: list[tuple[str, list[bytes | str]]] = [
        ("Which profile to set up?", ["new", ENTER]),
        (ROAD, ["token", ENTER]),
        (CONNECTION, [ENTER]),
        (NAME, [CLEAR_LINE, "b", ENTER]),
        ("Use b from now on", []),
    ]
    with Window("init", env=token(server, home), cwd=home) as window:
        for question, keys in questions[:left]:
            window.answer(question, *keys)
        window.answer(questions[left][0], CTRL_C)
        ended = window.end()
    assert ended.code == 130, ended.show
    assert "Interrupted." in ended.out
    assert config(home) == before
    assert sorted(each.name for each in (home / "config").iterdir()) == ["config.toml"]


def test_ctrl_c_says_how_to_go_on_and_that_does(server: Online, home: Path) -> None:
    with Window("init", env=token(server, home), cwd=home) as window:
        window.answer(ROAD, ENTER)
        window.answer(CONNECTION, "eu", ENTER)
        window.answer(NAME, CTRL_C)
        ended = window.end()
    command = " ".join(ended.out.split()).partition("goes on where it stopped: ")[2]
    assert command == f"fsctl init --road token --connection {SECOND}"
    with Window(*shlex.split(command)[1:], env=token(server, home), cwd=home) as window:
        window.answer(NAME, ENTER)
        assert window.end().code == 0
    assert f'connection = "{SECOND}"' in config(home)


def test_ctrl_c_while_a_connection_is_waited_for_stores_nothing_and_goes_on_with_it(
    tmp_path: Path,
) -> None:
    options = MembraneOptions(connections=(), walk=Walk.parse("nobody:0"))
    with online(tmp_path, options=options) as road:
        home = tmp_path / "home"
        line = ("init", "--road", "token", "--create-connection", "--profile-name", "work")
        with Window(*line, env=token(road, home), cwd=home, columns=200) as window:
            window.see("https://ui.sandbox.invalid/connections/")
            window.type(CTRL_C)
            ended = window.end()
        assert ended.code == 130, ended.show
        made = fresh(road, home)("connections", "list", "--jq", ".id").out.strip()
        assert f"--connection {made} --profile-name work" in " ".join(ended.out.split())
        assert config(home) == ""


# -- how it looks


def test_a_narrow_window_shows_all_of_it_but_what_is_to_be_copied(
    mending: Online, home: Path
) -> None:
    with Window("init", env=token(mending, home), cwd=home, columns=60) as window:
        window.answer(ROAD, "token", ENTER)
        window.see("Fullstory old")
        picking = window.screen
        window.type("old", ENTER)
        window.answer(NAME, ENTER)
        ended = window.end()
    assert ended.code == 0, ended.show
    for line in (*picking.splitlines(), *ended.out.splitlines()):
        long_word = max(map(len, line.split()), default=0) > 50  # a path, which is not broken
        assert len(line) <= 60 or long_word, line


def test_questions_are_broken_between_words(home: Path) -> None:
    new, old = "a-name-that-is-new", "a-name-that-was-there-before-it"
    (home / "config").mkdir()
    (home / "config" / "config.toml").write_text(f'active = "{old}"\n\n[profiles.{old}]\n')
    line = ("init", "--profile-name", new, "--no-check")
    with Window(*line, env=nothing(home), cwd=home, columns=44) as window:
        window.see(ROAD)
        window.see("filter)")
        assert f"? {ROAD}\n  (arrows and Enter, or type to filter)\n" in window.screen
        window.type("sandbox", ENTER)
        window.see("(Y/n)")
        words = f"? Use {new} from now\n  on, in place of\n  {old}? (Y/n)"
        assert words in window.screen
        window.type("y")
        assert window.end().code == 0


@pytest.mark.parametrize("setting", [{"NO_COLOR": "1"}, {"TERM": "xterm-256color"}])
def test_colour_is_for_who_wants_it(setting: dict[str, str], home: Path) -> None:
    env = {**nothing(home), **setting}
    with Window("init", "--road", "sandbox", env=env, cwd=home) as window:
        window.answer(NAME, ENTER)
        assert window.end().code == 0
    coloured = any(f"\x1b[{code}m".encode() in window.raw for code in (1, 2, 32, 36))
    assert coloured is ("NO_COLOR" not in setting)


def test_a_dumb_terminal_is_asked_in_plain_lines(home: Path) -> None:
    env = {**nothing(home), "TERM": "dumb"}
    with Window("init", env=env, cwd=home) as window:
        window.answer("Type its number [3]:", "3\r")
        window.answer(f"{NAME[:-1]}", "\r")
        ended = window.end()
    assert ended.code == 0, ended.show
    assert b"\x1b" not in window.raw
    assert 'transport = "sandbox"' in config(home)


def test_a_hostile_connection_steers_no_terminal(tmp_path: Path) -> None:
    seeds = (
        ConnectionSeed(FIRST, "Fullstory \x1b]0;owned\x07\x1b[31mred \u202egnp"),
        ConnectionSeed(SECOND, "Fullstory two"),
    )
    with online(tmp_path, options=MembraneOptions(connections=seeds)) as road:
        home = tmp_path / "home"
        line = ("init", "--road", "token", "--profile-name", "work")
        with Window(*line, env=token(road, home), cwd=home) as window:
            window.answer(CONNECTION, "red", ENTER)
            ended = window.end()
    assert ended.code == 0, ended.show
    for poison in (b"\x1b]", b"\x07", "\u202e".encode()):
        assert poison not in window.raw
    assert "\\x1b[31mred" in ended.out


def test_data_that_is_asked_for_holds_what_to_type_next(home: Path) -> None:
    line = ("init", "--road", "sandbox", "--json")
    with Window(*line, env=nothing(home), cwd=home) as window:
        window.answer(NAME, ENTER)
        ended = window.end()
    assert ended.code == 0, ended.show
    assert '"profile": "sandbox"' in ended.out
    assert "Type next" not in ended.out
