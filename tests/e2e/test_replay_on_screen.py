"""A person in front of a terminal sees the replay's address, whole, however narrow the window."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fsctl.membrane.gateway import Response
from fsctl.sandbox.answers import answer
from tests.support.online import online, token_environment
from tests.support.program import Program

NEWEST = "5517947882585495975:366916161176979767"
REPLAY = f"https://www.fullstory.com/ui/SANDBOX-na1/discover/session/{NEWEST}"
FOREIGN = f"https://evil.test/ui/O/session/{NEWEST}"
WINDOWS = (40, 60, 80, 100, 130, 200)

FIND = ("users", "find", "ada@example.com")
LIST = ("sessions", "list", "ada")
LATEST = ("sessions", "latest", "ada", "grace")


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Program:
    return Program(tmp_path_factory.mktemp("sandbox"), {"FSCTL_TRANSPORT": "sandbox"})


@pytest.mark.parametrize("window", WINDOWS)
@pytest.mark.parametrize("command", [FIND, LATEST, LIST], ids=" ".join)
def test_the_address_is_on_the_screen_whole(
    sandbox: Program, command: tuple[str, ...], window: int
) -> None:
    done = sandbox(*command, stdout_is_terminal=True, width=window)
    assert done.code == 0, done.show
    assert re.search(rf"(^|\s){re.escape(REPLAY)}$", done.out, re.MULTILINE), done.show


@pytest.mark.parametrize("window", WINDOWS)
def test_find_tells_the_age_of_the_newest_session_beside_its_address(
    sandbox: Program, window: int
) -> None:
    done = sandbox(*FIND, stdout_is_terminal=True, width=window)
    assert re.search(rf"\d+ (min|h|d) ago +{re.escape(REPLAY)}$", done.out, re.MULTILINE), done.show


def test_the_id_of_a_session_stays_longer_than_all_else_and_then_what_tells_people_apart(
    sandbox: Program,
) -> None:
    for window in WINDOWS:
        for command in (LIST, LATEST):
            assert f"{NEWEST}\n" in sandbox(*command, stdout_is_terminal=True, width=window).out
    assert "WHO" in sandbox(*LATEST, stdout_is_terminal=True, width=60).out.splitlines()[0]


def test_somebody_without_a_session_has_no_line_beneath(sandbox: Program) -> None:
    assert sandbox("users", "create", "--uid", "newcomer").code == 0
    done = sandbox("users", "find", "newcomer", stdout_is_terminal=True, width=80)
    assert len(done.out.splitlines()) == 2, done.show


def test_the_age_and_the_id_lead_to_the_replay_where_the_terminal_can(sandbox: Program) -> None:
    link = f"\x1b]8;;{REPLAY}\x1b\\{{}}\x1b]8;;\x1b\\"
    found = sandbox(*FIND, stdout_is_terminal=True, hyperlinks=True, width=80)
    assert re.search(re.escape(link).replace(r"\{\}", r"\d+ (min|h|d) ago"), found.out)
    listed = sandbox(*LIST, stdout_is_terminal=True, hyperlinks=True, width=60)
    assert link.format(NEWEST) in listed.out


def test_in_a_pipe_a_table_has_a_line_a_row(sandbox: Program) -> None:
    done = sandbox(*FIND, "-o", "table", width=60)
    head, line = done.out.splitlines()
    assert head.split()[-2:] == ["SESSION", "REPLAY"]
    assert REPLAY in line


def test_a_csv_has_no_column_of_ages(sandbox: Program) -> None:
    head, *lines = sandbox(*LIST, "-o", "csv").out.splitlines()
    assert head == "createdTime,id,fsUrl"
    assert all(line.count(",") == 2 and ",," not in line for line in lines)
    asked = sandbox(*LIST, "-o", "csv", "--fields", "age,id").out.splitlines()
    assert re.match(r"\d+ (min|h|d),", asked[1])


# -- an address that is none of Fullstory's


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Program]:
    """Membrane's road, on which lists of sessions give a foreign address."""
    with online(tmp_path / "server") as server:
        monkeypatch.setattr("fsctl.sandbox.sessions.replay_url", lambda *_ids: FOREIGN)
        program = Program(tmp_path, token_environment(server.server.url))
        program.profile('[profiles.default]\norg = "ABC"\n')
        yield program


def test_a_foreign_address_is_said_and_made_anew(elsewhere: Program) -> None:
    ours = f"https://app.fullstory.com/ui/ABC/session/{NEWEST}"
    done = elsewhere("sessions", "latest", "ada", "--url")
    assert (done.code, done.out) == (0, f"{ours}\n"), done.show
    assert "none of Fullstory's" in done.err
    for command in (FIND, LIST, LATEST, ("sessions", "timeline", "ada")):
        screen = elsewhere(*command, stdout_is_terminal=True, hyperlinks=True, width=100)
        assert screen.code == 0, screen.show
        assert ours in screen.out, screen.show
        assert "evil.test" not in screen.out, screen.show
        assert screen.err.count("none of Fullstory's") == 1, screen.show


def test_what_fullstory_told_stands_in_json_untouched_with_a_warning(elsewhere: Program) -> None:
    done = elsewhere("sessions", "list", "ada", "--limit", "1", "--jq", ".fsUrl")
    assert done.out == f"{FOREIGN}\n", done.show
    assert "none of Fullstory's" in done.err


def test_without_the_organisation_there_is_no_address_rather_than_a_foreign_one(
    elsewhere: Program,
) -> None:
    elsewhere.profile("[profiles.default]\n")
    done = elsewhere("sessions", "latest", "ada", "--url")
    assert (done.code, done.out) == (2, ""), done.show
    assert "Set org in your profile" in done.err
    screen = elsewhere(*LIST, stdout_is_terminal=True, hyperlinks=True, width=200)
    assert "evil.test" not in screen.out


def test_a_row_without_ids_leaves_the_others_standing(
    elsewhere: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    def with_an_odd_row(body: dict[str, list[Any]]) -> Response:
        return answer({"sessions": [{"x": 1}, *body["sessions"]]})

    monkeypatch.setattr("fsctl.sandbox.sessions.answer", with_an_odd_row)
    done = elsewhere("sessions", "list", "ada", "--jq", ".id")
    assert (done.code, len(done.out.splitlines())) == (0, 5), done.show
    assert done.err.count("a row that names no session") == 1
