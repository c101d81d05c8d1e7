"""Choosing a connection on a real terminal: arrows, typing, remembering, and never unasked."""

from __future__ import annotations

import re
import signal
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from fsctl.sandbox.options import ConnectionSeed, MembraneOptions
from tests.support.command import Fsctl
from tests.support.drawn_window import BACKSPACE, CTRL_C, CTRL_D, DOWN, ENTER, UP, Window
from tests.support.online import Online, fresh, online

PROD, EU, HOSTILE, CUT, SLACK = (f"6570c0ffee0123456789000{n}" for n in range(5))
EVIL = "Full\u202estory \x1b[31;1mred\x1b]0;title\x07 " + "long " * 12
SEEDS = (
    ConnectionSeed(PROD, "Fullstory production"),
    ConnectionSeed(EU, "Fullstory Europe"),
    ConnectionSeed(HOSTILE, EVIL),
    ConnectionSeed(CUT, "Fullstory cut off", connected=False, state="CLIENT_ACTION_REQUIRED"),
    ConnectionSeed(SLACK, "Slack", app="slack"),
)
QUESTION = "Which connection?"
REMEMBER = "Remember it in the profile default?"
FIND = ("users", "get", "ada", "--jq", ".email")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Online]:
    options = MembraneOptions(connections=SEEDS)
    with online(tmp_path_factory.mktemp("server"), options=options) as road:
        yield road


@pytest.fixture
def road(server: Online, tmp_path: Path) -> Online:
    road = fresh(server, tmp_path)
    road.before = len(server.server.requests)
    return road


def window(
    road: Online,
    *arguments: str,
    env: Mapping[str, str] | None = None,
    columns: int = 100,
    to: Path | None = None,
) -> Window:
    assert isinstance(road.fsctl, Fsctl)
    whole = {**road.fsctl.env, **(env or {})}
    return Window(*arguments, env=whole, cwd=road.fsctl.home, columns=columns, to=to)


def remembered(road: Online) -> dict[str, Any]:
    file = road.fsctl.home / "config" / "config.toml"
    return tomllib.loads(file.read_text()) if file.exists() else {}


def used(road: Online) -> set[str]:
    """The connections that something was sent through."""
    sent = "".join(f"{each.path} {(each.body or b'').decode()}\n" for each in road.sent)
    return set(re.findall(r"(?:/connections/|\"connectionId\": ?\")(\w{24})[/\"]", sent))


def test_a_command_that_needs_one_asks_and_goes_on_with_it(road: Online) -> None:
    with window(road, *FIND) as run:
        run.answer(QUESTION, DOWN, ENTER)
        run.answer(REMEMBER, "n")
        done = run.end()
    assert done.code == 0, done.show
    assert done.out.splitlines()[-1] == "ada@example.com"
    assert used(road) == {EU}
    assert remembered(road) == {}


def test_it_is_asked_once_however_often_it_is_needed(road: Online) -> None:
    with window(road, "users", "delete", "ada", "--dry-run") as run:
        run.answer(QUESTION, DOWN, ENTER)
        done = run.end()
    assert done.code == 0, done.show
    assert done.out.count(QUESTION) == 1
    assert used(road) == {EU}


def test_the_list_shows_state_owner_and_id_of_those_that_would_do(road: Online) -> None:
    with window(road, *FIND) as run:
        run.see(QUESTION)
        run.see(f"READY, of Sandbox, {HOSTILE}"[:20])
        lines = run.screen.splitlines()
        assert "> Fullstory production" in run.screen
        assert any(f"READY, of Sandbox, {EU}" in line for line in lines), run.screen
        assert "cut off" not in run.screen and "Slack" not in run.screen
        run.type(CTRL_C)
        assert run.end().code == 130


def test_typing_makes_the_list_smaller(road: Online) -> None:
    with window(road, *FIND) as run:
        run.answer(QUESTION, "EURO")
        run.see("/EURO")
        run.see("> Fullstory Europe")
        assert "production" not in run.screen
        run.type(ENTER)
        run.answer(REMEMBER, "n")
        assert run.end().code == 0
    assert used(road) == {EU}


def test_what_matches_nothing_chooses_nothing(road: Online) -> None:
    with window(road, *FIND) as run:
        run.answer(QUESTION, "zq", ENTER)
        run.see("Nothing matches")
        run.type(BACKSPACE, BACKSPACE)
        run.see("> Fullstory production")
        run.type(UP, UP, ENTER)
        run.answer(REMEMBER, "n")
        done = run.end()
    assert done.code == 0, done.show
    assert used(road) == {EU}, "Enter on nothing was no choice; up from the first is the last"


def test_the_choice_is_remembered_and_not_asked_for_again(road: Online) -> None:
    with window(road, *FIND) as run:
        run.answer(QUESTION, ENTER)
        run.answer(REMEMBER, ENTER)
        done = run.end()
    assert done.code == 0, done.show
    assert remembered(road) == {"profiles": {"default": {"connection": PROD}}}
    again = road(*FIND)
    assert (again.code, again.out) == (0, "ada@example.com\n"), again.show
    with window(road, *FIND) as run:
        done = run.end()
    assert done.code == 0, done.show
    assert QUESTION not in done.out


def test_it_is_remembered_in_the_profile_in_use_and_nothing_else_changes(road: Online) -> None:
    config = road.fsctl.home / "config"
    config.mkdir()
    (config / "config.toml").write_text(
        '# mine\nactive = "work"\n[profiles.work]\nretries = 1  # few\n[profiles.other]\n'
    )
    with window(road, *FIND) as run:
        run.answer(QUESTION, DOWN, ENTER)
        run.answer("Remember it in the profile work?", "y")
        assert run.end().code == 0
    text = (config / "config.toml").read_text()
    assert remembered(road)["profiles"] == {"work": {"retries": 1, "connection": EU}, "other": {}}
    assert "# mine\n" in text and "# few\n" in text


def test_what_cannot_be_remembered_does_not_stop_the_command(road: Online) -> None:
    blocked = road.fsctl.home / "blocked"
    blocked.write_text("")
    with window(road, *FIND, env={"FSCTL_CONFIG_DIR": str(blocked / "config")}) as run:
        run.answer(QUESTION, ENTER)
        run.answer(REMEMBER, "y")
        done = run.end()
    assert done.code == 0, done.show
    assert "warning: " in done.out and "not remembered" in done.out
    assert done.out.splitlines()[-1] == "ada@example.com"


def test_a_name_that_several_have_is_asked_about_but_not_remembered(
    tmp_path: Path,
) -> None:
    twins = (ConnectionSeed(PROD, "Fullstory"), ConnectionSeed(EU, "Fullstory"))
    with online(tmp_path, options=MembraneOptions(connections=twins)) as road:
        with window(road, *FIND, "--connection", "Fullstory") as run:
            run.answer(QUESTION, DOWN, ENTER)
            done = run.end()
        assert done.code == 0, done.show
        assert (used(road), remembered(road)) == ({EU}, {})


@pytest.mark.parametrize("key", [CTRL_C, CTRL_D], ids=["ctrl-c", "ctrl-d"])
def test_leaving_the_list_does_nothing_and_gives_the_terminal_back(
    key: bytes, road: Online
) -> None:
    with window(road, *FIND) as run:
        before = run.modes
        run.see(QUESTION)
        during = run.modes
        run.type(DOWN, key)
        done = run.end()
        after = run.modes
    assert done.code == 130, done.show
    assert "fsctl: error: Interrupted." in done.out
    assert f"{QUESTION} Full" not in done.out, "nothing was chosen"
    assert during[3] != before[3] and after == before
    assert b"\x1b[?25h" in run.raw, "the cursor is shown again"
    assert (used(road), remembered(road)) == (set(), {})


def test_a_termination_gives_the_terminal_back_too(road: Online) -> None:
    with window(road, *FIND) as run:
        before = run.modes
        run.see(QUESTION)
        run.interrupt(signal.SIGTERM)
        done = run.end()
        assert (done.code, run.modes) == (143, before), done.show
    assert "Terminated." in done.out
    assert b"\x1b[?25h" in run.raw.rpartition(b"Terminated.")[0]


def test_leaving_the_second_question_writes_nothing(road: Online) -> None:
    with window(road, *FIND) as run:
        run.answer(QUESTION, ENTER)
        run.answer(REMEMBER, CTRL_C)
        done = run.end()
    assert (done.code, used(road), remembered(road)) == (130, set(), {}), done.show


def test_a_profile_of_the_sandbox_remembers_no_connection_of_the_account(road: Online) -> None:
    config = road.fsctl.home / "config"
    config.mkdir()
    text = 'active = "play"\n\n[profiles.play]\ntransport = "sandbox"\n'
    (config / "config.toml").write_text(text)
    with window(road, *FIND, "--transport", "http") as run:
        run.answer(QUESTION, DOWN, ENTER)
        done = run.end()
    assert (done.code, used(road)) == (0, {EU}), done.show
    assert "Remember" not in done.out
    assert (config / "config.toml").read_text() == text
    refused = road("connections", "use", EU, "--transport", "http")
    assert refused.code == 2, refused.show
    assert "'play' is the sandbox's" in refused.err
    assert "`fsctl profiles create work --transport http`" in refused.err
    assert (config / "config.toml").read_text() == text


def test_a_dry_run_asks_but_remembers_nothing(road: Online) -> None:
    with window(road, "annotations", "create", "x", "--dry-run") as run:
        run.answer(QUESTION, DOWN, ENTER)
        done = run.end()
    assert (done.code, remembered(road)) == (0, {}), done.show
    assert EU in done.out


# -- the screen


@pytest.mark.parametrize("columns", [40, 60, 100])
def test_hostile_and_long_names_fit_the_window(columns: int, road: Online) -> None:
    with window(road, *FIND, columns=columns) as run:
        run.see(QUESTION)
        run.type(DOWN, DOWN)
        run.see("> Full\\u202estory")
        run.see(f"{HOSTILE[:8]}")
        drawn = run.screen.splitlines()
        run.type(CTRL_C)
        run.end()
    listed = [line for line in drawn if re.match(r"[> ] Full", line)]
    assert len(listed) == 3, drawn
    assert all(len(line) <= columns for line in drawn)
    assert "\u2026" in listed[2], "cut, and marked as cut"
    whole = "".join(drawn[drawn.index(listed[2]) + 1 :])
    assert "\\x1b[31;1mred" in whole and "long long" in whole, "and below the list it stands whole"
    for poison in (b"\x1b[31;1m", b"\x1b]", b"\x07", "\u202e".encode()):
        assert poison not in run.raw


@pytest.mark.parametrize(
    ("env", "flags", "coloured"),
    [
        ({}, (), True),
        ({"NO_COLOR": "1"}, (), False),
        ({}, ("--color", "never"), False),
    ],
    ids=["colour", "NO_COLOR", "never"],
)
def test_colour_is_for_windows_that_want_it(
    env: dict[str, str], flags: tuple[str, ...], coloured: bool, road: Online
) -> None:
    with window(road, *FIND, *flags, env=env) as run:
        run.answer(QUESTION, DOWN, CTRL_C)
        run.end()
    codes = {
        code for found in re.findall(rb"\x1b\[([0-9;]*)m", run.raw) for code in found.split(b";")
    }
    colours = {code for code in codes if re.fullmatch(rb"3[0-8]|4[0-8]|9[0-7]|10[0-7]", code)}
    assert bool(colours) is coloured, codes


def test_a_terminal_that_cannot_move_its_cursor_gets_numbered_lines(road: Online) -> None:
    with window(road, *FIND, env={"TERM": "dumb"}) as run:
        run.answer("Type its number [1]:", "9\n")
        run.see("Type a number from 1 to 3.")
        run.type("2\n")
        run.answer(f"{REMEMBER} (Y/n)", "what\n")
        run.answer("Type y or n.", "y\n")
        done = run.end()
    assert done.code == 0, done.show
    assert b"\x1b" not in run.raw
    assert remembered(road) == {"profiles": {"default": {"connection": EU}}}


def test_data_goes_to_stdout_and_the_question_to_stderr(road: Online) -> None:
    file = road.fsctl.home / "out"
    with window(road, *FIND, to=file) as run:
        run.answer(QUESTION, ENTER)
        run.answer(REMEMBER, "n")
        done = run.end()
    assert (done.code, file.read_text()) == (0, "ada@example.com\n"), done.show


# -- never unasked


@pytest.mark.parametrize(
    ("flags", "env"),
    [(("--no-input",), {}), ((), {"CI": "true"}), ((), {"GITLAB_CI": "1"})],
    ids=["no-input", "CI", "GITLAB_CI"],
)
def test_nobody_is_asked_who_said_so(
    flags: tuple[str, ...], env: dict[str, str], road: Online
) -> None:
    with window(road, *FIND, *flags, env=env) as run:
        done = run.end()
    assert done.code == 4, done.show
    assert QUESTION not in done.out
    assert "There are 3 Fullstory connections" in done.out and "--connection ID" in done.out


def test_without_a_terminal_nobody_is_asked(road: Online) -> None:
    done = road(*FIND, stdin=b"\n\n\n")
    assert (done.code, done.out) == (4, ""), done.show
    assert QUESTION not in done.err
    assert PROD in done.err and EU in done.err and "--connection ID" in done.err
    assert remembered(road) == {}


# -- connections use


def test_use_picks_among_all_fullstory_connections_and_remembers_it(road: Online) -> None:
    with window(road, "connections", "use", "-o", "json") as run:
        run.see("Which connection is to be used from now on?")
        run.see("CLIENT_ACTION_REQUIRED")
        assert "Slack" not in run.screen
        run.type("europe", ENTER)
        done = run.end()
    assert done.code == 0, done.show
    assert remembered(road) == {"profiles": {"default": {"connection": EU}}}


def test_use_points_at_what_is_used_now(road: Online) -> None:
    assert road("connections", "use", EU).code == 0
    with window(road, "connections", "use") as run:
        run.see("> Fullstory Europe")
        run.type(CTRL_C)
        assert run.end().code == 130


def test_use_without_a_name_and_a_terminal_says_what_to_give(road: Online) -> None:
    done = road("connections", "use")
    assert (done.code, done.out) == (2, ""), done.show
    assert "fsctl connections use ID" in done.err
    assert road.sent == []
