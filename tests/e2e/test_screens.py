"""What a person sees: a real terminal window, narrow or without colour, in any locale."""

from __future__ import annotations

import json
import unicodedata
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from fsctl.membrane.gateway import Request
from tests.support.command import Ended, Fsctl
from tests.support.online import Online, fresh, inside, online
from tests.support.window import in_window

LONG = "Wolfeschlegelsteinhausenbergerdorff " * 6
NAMES = {
    "long-latin": LONG[:200],
    "long-wide": "\u738b" * 200,
    "long-emoji": "\U0001f469\u200d\U0001f4bb" * 60,
    "long-arabic": "\u0645\u062d\u0645\u062f " * 40,
    "long-combining": "e\u0301" * 100,
    "no-spaces": "x" * 200,
}


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Online]:
    with online(tmp_path_factory.mktemp("server")) as road:
        for uid, name in NAMES.items():
            body = json.dumps({"uid": uid, "display_name": name, "email": f"{uid}@example.com"})
            made = road.server.fullstory.handle(Request("POST", "/v2/users", body=body.encode()))
            assert made.status == 200
        yield road


@pytest.fixture
def road(server: Online, tmp_path: Path) -> Online:
    return fresh(server, tmp_path)


def window(
    road: Online,
    *arguments: str,
    columns: int = 80,
    env: Mapping[str, str] | None = None,
    **more: str,
) -> Ended:
    assert isinstance(road.fsctl, Fsctl)
    terminal = {"TERM": "xterm-256color", "LANG": "C.UTF-8"}
    whole = {**road.fsctl.env, **terminal, **(env or {}), **more}
    return in_window(*arguments, env=whole, cwd=road.fsctl.home, columns=columns)


def cells(line: str) -> int:
    """How many cells a terminal needs for the line; what a joiner joins takes none of its own."""
    width, joined = 0, False
    for character in line:
        if not joined and unicodedata.category(character) not in ("Mn", "Me", "Cf"):
            width += 2 if unicodedata.east_asian_width(character) in "WF" else 1
        joined = character == "\u200d"
    return width


@pytest.mark.parametrize("columns", [40, 60, 80, 200])
def test_a_table_fits_its_window_whatever_the_names(columns: int, road: Online) -> None:
    done = window(road, "users", "list", "--quiet", columns=columns, NO_COLOR="1")
    assert done.code == 0, done.show
    header, *rows = done.out.splitlines()
    assert "EMAIL" in header
    assert len(rows) > 300, "one line a person"
    long_ones = rows[-len(NAMES) :]
    assert [line for line in (header, *long_ones) if cells(line) > columns] == []
    if "NAME" in header.split():
        assert all("\u2026" in row for row in long_ones), "cut, and marked as cut"


@pytest.mark.parametrize("uid", NAMES)
def test_one_person_is_shown_whole_on_a_narrow_terminal(
    uid: str, server: Online, tmp_path: Path
) -> None:
    road = inside(server, tmp_path, {"NO_COLOR": "1"})
    done = road("users", "get", uid, stdout_is_terminal=True, width=60)
    assert done.code == 0, done.show
    assert f" name {' '.join(NAMES[uid].split())} email " in " ".join(done.out.split())


def test_a_window_has_a_table_and_a_pipe_has_json(road: Online) -> None:
    shown = window(road, "users", "list", "--uid", "ada", columns=120, NO_COLOR="1")
    assert shown.out.splitlines()[0].split()[:3] == ["ID", "UID", "NAME"]
    piped = road("users", "list", "--uid", "ada")
    assert json.loads(piped.out)["uid"] == "ada"


@pytest.mark.parametrize(
    ("env", "flags", "coloured"),
    [
        ({}, (), True),
        ({"NO_COLOR": "1"}, (), False),
        ({"NO_COLOR": "1"}, ("--color", "always"), True),
        ({"TERM": "dumb"}, (), False),
        ({}, ("--color", "never"), False),
    ],
    ids=["window", "NO_COLOR", "always", "dumb", "never"],
)
def test_colour_is_for_windows_that_want_it(
    env: dict[str, str], flags: tuple[str, ...], coloured: bool, road: Online
) -> None:
    done = window(road, "users", "get", "nobody", *flags, env=env)
    assert done.code == 3, done.show
    assert ("\x1b[" in done.out) is coloured, done.show
    piped = road("users", "get", "nobody", *flags, env=env)
    assert ("\x1b[" in piped.err) is ("always" in flags)


@pytest.mark.parametrize("locale", ["C", "", "no_SUCH.locale"])
def test_every_locale_gets_utf8(locale: str, road: Online) -> None:
    env = {"LANG": locale, "LC_ALL": locale}
    done = road("users", "get", "long-wide", "--jq", ".display_name", env=env)
    assert (done.code, done.out) == (0, NAMES["long-wide"] + "\n"), done.show
    for output in ("table", "csv"):
        done = road("users", "list", "--uid", "long-arabic", "-o", output, env=env)
        assert done.code == 0, done.show
        assert "\u0645\u062d\u0645\u062f" in done.out
    done = road("users", "get", "\u738b\u8299", env=env)
    assert done.code == 3, done.show


def test_text_in_any_locale_arrives_as_it_was_typed(road: Online) -> None:
    env = {"LC_ALL": "C"}
    text = "Caf\u00e9 \u738b \U0001f680"
    done = road("annotations", "create", text, env=env)
    assert (done.code, json.loads(done.out)["text"]) == (0, text), done.show
    done = road("annotations", "create", "-", env=env, stdin=f"\ufeff{text}\r\n".encode())
    assert (done.code, json.loads(done.out)["text"]) == (0, text), done.show


def test_bytes_that_are_no_text_are_refused(road: Online) -> None:
    done = road("annotations", "create", "-", stdin=b"caf\xe9")
    assert (done.code, road.sent) == (2, []), done.show
    assert "not UTF-8" in done.err
    latin = "caf\udce9"  # how Python hands on an argument in another encoding
    for line in (("annotations", "create", latin), ("users", "get", latin)):
        done = road(*line)
        assert done.code == 2, done.show
        assert "Traceback" not in done.err


def test_the_zone_of_shown_times_is_the_users_and_json_keeps_fullstorys(road: Online) -> None:
    line = ("annotations", "create", "x", "--start", "2026-03-01T09:00:00Z")
    shown = window(road, *line, TZ="Asia/Kolkata", NO_COLOR="1")
    assert "2026-03-01 14:30:00 +05:30" in shown.out, shown.show
    piped = road(*line, env={"TZ": "Asia/Kolkata"})
    assert json.loads(piped.out)["start_time"] == "2026-03-01T09:00:00Z"


def test_an_action_is_shown_as_a_readable_table(road: Online) -> None:
    done = window(road, "actions", "show", "create-annotation", columns=100, NO_COLOR="1")
    assert done.code == 0, done.show
    assert "create-annotation: " in done.out
    rows = [line.split()[:3] for line in done.out.splitlines()]
    assert ["in", "text", "string"] in rows, done.show
    assert any(row[:1] == ["out"] for row in rows), done.show


def test_stdin_that_is_a_window_is_not_waited_for(road: Online) -> None:
    done = window(road, "annotations", "create", "-")
    assert done.code == 2, done.show
    assert "Nothing is piped in" in done.out
