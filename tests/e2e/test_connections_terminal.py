"""Making and archiving connections before a person: addresses, browsers, interrupts, names."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import pytest

from fsctl.cli.app import App
from fsctl.sandbox.options import ConnectionSeed, MembraneOptions
from fsctl.sandbox.walks import Walk
from tests.support.command import Fsctl
from tests.support.drawn_window import CTRL_C, CTRL_D, DOWN, ENTER, Window
from tests.support.fake_membrane import FakeMembrane
from tests.support.online import Online, fresh, online, with_membrane
from tests.support.screen import Screen

MAIN, CUT = "6570c0ffee01234567890000", "6570c0ffee01234567890001"
EVIL = "Full\u202estory \x1b[31;1mred\x1b]0;title\x07\n::error::x"
SEEDS = (
    ConnectionSeed(MAIN, "Fullstory", connected=False),
    ConnectionSeed(CUT, EVIL, connected=False, state="CLIENT_ACTION_REQUIRED"),
)
POISON = (b"\x1b[31;1m", b"\x1b]", b"\x07", "\u202e".encode())
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJ0ZW5hbnRLZXkiOiJ0In0.c2VjcmV0"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Online]:
    options = MembraneOptions(connections=SEEDS, walk=Walk.parse("nobody:0.1"))
    with online(tmp_path / "server", options=options, seed=False) as road:
        yield road


@pytest.fixture(autouse=True)
def _directory(tmp_path: Path) -> None:
    (tmp_path / "server").mkdir()


def window(
    fsctl: object, *arguments: str, columns: int = 110, env: Mapping[str, str] | None = None
) -> Window:
    assert isinstance(fsctl, Fsctl)
    whole = {**fsctl.env, **(env or {})}
    return Window("connections", *arguments, env=whole, cwd=fsctl.home, columns=columns)


# -- archiving


def test_the_id_has_to_be_typed_and_what_it_is_stands_above(server: Online) -> None:
    with window(server.fsctl, "delete", MAIN, "-o", "json") as run:
        run.see("about to archive this connection; what uses it stops working:")
        run.answer(f"Type {MAIN} to archive it:", f"{MAIN}\n")
        done = run.end()
    assert done.code == 0, done.show
    for line in ("name   Fullstory", "state  disconnected", "owner  Sandbox", f"id     {MAIN}"):
        assert line in done.out
    assert '"state": "archived"' in done.out
    assert f"DELETE /connections/{MAIN}" in server.lines


@pytest.mark.parametrize("answer", ["y\n", "yes\n", "\n", "Fullstory\n", CUT + "\n", CTRL_D])
def test_anything_else_archives_nothing(answer: str | bytes, server: Online) -> None:
    with window(server.fsctl, "delete", "Fullstory") as run:
        run.answer("to archive it:", answer)
        done = run.end()
    assert done.code == 1, done.show
    assert "Not confirmed; nothing was deleted." in done.out
    assert not [line for line in server.lines if line.startswith("DELETE")]


def test_an_interrupt_archives_nothing(server: Online) -> None:
    with window(server.fsctl, "delete", MAIN) as run:
        run.answer("to archive it:", MAIN, CTRL_C)
        done = run.end()
    assert done.code == 130, done.show
    assert not [line for line in server.lines if line.startswith("DELETE")]


def test_a_hostile_name_steers_nothing(server: Online) -> None:
    with window(server.fsctl, "delete", CUT) as run:
        run.answer("to archive it:", f"{CUT}\n")
        assert run.end().code == 0
        assert "name   Full\\u202estory \\x1b[31;1mred\\x1b]0;title\\x07\\n::error::x" in run.screen
    assert not [poison for poison in POISON if poison in run.raw]
    with window(server.fsctl, "list", "--any-app") as run:
        assert run.end().code == 0
    assert not [poison for poison in POISON if poison in run.raw]


# -- waiting


def test_an_interrupted_wait_says_how_to_go_on(server: Online) -> None:
    with window(
        server.fsctl, "reconnect", MAIN, "--wait-for", "8m", "--json", "--timeout", "9s"
    ) as run:
        run.answer("open this address and finish there:", CTRL_C)
        done = run.end()
    assert done.code == 130, done.show
    again = f"fsctl --output json --timeout 9s connections wait {MAIN} --wait-for 8m"
    assert f"This goes on where it stopped: {again}" in " ".join(done.out.split())


def test_among_several_to_mend_a_person_chooses_one(server: Online) -> None:
    with window(server.fsctl, "create") as run:
        run.see("None is ready. Which one is to be reconnected?")
        run.type(DOWN, ENTER)
        run.see("it is reconnected, not made again")
        done = run.end()
    assert done.code == 0, done.show
    assert f"POST /connections/{CUT}/reconnect" in server.lines
    assert not [poison for poison in POISON if poison in run.raw]


# -- the address


def asking_for(url: str, description: str = "Log in.") -> dict[str, Any]:
    """A connection that a service, or who writes into its answers, wants a person to finish."""
    action = {"type": "connect", "description": description, "uiUrl": url}
    return {
        "id": MAIN,
        "name": "Fullstory",
        "state": "CLIENT_ACTION_REQUIRED",
        "integration": {"key": "fullstory"},
        "clientAction": action,
    }


def membrane(tmp_path: Path, url: str, description: str = "Log in.") -> Fsctl:
    """An ``fsctl`` that is told to open ``url``, with a browser that notes what it is given."""
    fake = FakeMembrane(
        without=["token"],
        answers={
            "connection list": {"items": []},
            "connection ensure": asking_for(url, description),
            "connection get": asking_for(url, description),
        },
    )
    fsctl = with_membrane(fake, tmp_path / "home")
    fsctl.env["BROWSER"] = str(a_browser(tmp_path))
    return fsctl


def a_browser(tmp_path: Path) -> Path:
    program = tmp_path / "home" / "tools" / "browser"
    file = tmp_path / "opened"
    program.write_text(f'#!/bin/sh\necho "$1" > {file}.new\nmv {file}.new {file}\n')
    program.chmod(0o755)
    return program


def opened(tmp_path: Path) -> str | None:
    file = tmp_path / "opened"
    return file.read_text().strip() if file.exists() else None


SCREEN = {"DISPLAY": ":0"}
PLAIN = "https://ui.test/connect/6570"


def test_the_address_is_shown_and_opened(tmp_path: Path) -> None:
    with window(membrane(tmp_path, PLAIN), "create", env=SCREEN) as run:
        done = run.end()
    assert done.code == 0, done.show
    assert f"fsctl:   {PLAIN}\n" in done.out
    assert opened(tmp_path) == PLAIN


@pytest.mark.parametrize(
    ("flags", "env"),
    [(("--no-input",), SCREEN), ((), {}), ((), {**SCREEN, "CI": "1"})],
    ids=["no-input", "no-display", "CI"],
)
def test_no_browser_is_opened_where_nobody_sits_before_it(
    flags: tuple[str, ...], env: dict[str, str], tmp_path: Path
) -> None:
    with window(membrane(tmp_path, PLAIN), "create", *flags, env=env) as run:
        done = run.end()
    assert done.code == 0, done.show
    assert PLAIN in done.out
    assert opened(tmp_path) is None


def test_without_a_terminal_the_address_is_told_and_not_opened(tmp_path: Path) -> None:
    done = membrane(tmp_path, PLAIN)("connections", "create", env=SCREEN)
    assert done.code == 0, done.show
    assert f"fsctl:   {PLAIN}\n" in done.err
    assert json.loads(done.out)["client_action"]["uiUrl"] == PLAIN
    assert opened(tmp_path) is None


def test_an_address_with_a_secret_is_shown_whole_but_to_no_one_else(tmp_path: Path) -> None:
    secret = f"{PLAIN}?token={TOKEN}"
    with window(membrane(tmp_path, secret), "create", "--json", env=SCREEN, columns=200) as run:
        done = run.end()
    assert f"fsctl:   {secret}\n" in done.out, "or nobody could get in"
    assert opened(tmp_path) is None, "a browser's arguments are for all to see"
    assert done.out.count(TOKEN) == 1, "not in the data"
    logged = membrane(tmp_path, secret)("connections", "create", env={"CI": "true"})
    assert TOKEN not in logged.out + logged.err
    assert f"{PLAIN}?token=[redacted]" in logged.err


@pytest.mark.parametrize(
    "url",
    [
        "http://ui.test/x",
        "javascript:alert(1)",
        "file:///etc/passwd",
        "https://getmembrane.com@evil.test/",
        "https://ui.test/\x1b]0;x\x07",
        "https://ui.test/`reboot`",
        "--help",
    ],
)
def test_an_address_that_is_not_plain_https_is_neither_opened_nor_shown(
    url: str, tmp_path: Path
) -> None:
    with window(membrane(tmp_path, url), "create", "-o", "table", env=SCREEN) as run:
        done = run.end()
    assert done.code == 0, done.show
    assert "names an address that is not plain https; do not open it." in done.out
    assert "fsctl:   " not in done.out
    assert opened(tmp_path) is None
    assert not [poison for poison in POISON if poison in run.raw]


def test_a_hostile_description_steers_nothing(tmp_path: Path) -> None:
    with window(membrane(tmp_path, PLAIN, EVIL), "create", env=SCREEN) as run:
        done = run.end()
    assert done.code == 0, done.show
    assert "\\x1b[31;1mred" in done.out
    assert not [poison for poison in POISON if poison in run.raw]
    logged = membrane(tmp_path, PLAIN, EVIL)("connections", "create", env={"CI": "true"})
    assert not re.search(r"^[^\w]*::error::", logged.err, re.MULTILINE)


def test_a_browser_that_fails_is_no_failure(tmp_path: Path) -> None:
    fsctl = membrane(tmp_path, PLAIN)
    Path(fsctl.env["BROWSER"]).write_text("#!/bin/sh\nexit 1\n")
    with window(fsctl, "create", env=SCREEN) as run:
        done = run.end()
    assert done.code == 0, done.show
    assert PLAIN in done.out


# -- data


def test_a_list_in_a_pipe_is_data_and_hostile_names_are_data(server: Online) -> None:
    done = server("connections", "list")
    assert done.code == 0, done.show
    rows = [json.loads(line) for line in done.out.splitlines()]
    assert [row["name"] for row in rows] == ["Fullstory", EVIL]
    logged = server("connections", "list", "-o", "table", env={"CI": "true"})
    assert not re.search(r"^\s*::", logged.out, re.MULTILINE)


def test_masked_the_picker_says_nothing_about_people(tmp_path: Path) -> None:
    seeds = tuple(
        ConnectionSeed(identifier, f"Fullstory of {who}@example.com")
        for identifier, who in ((MAIN, "ada"), (CUT, "grace"))
    )
    with online(tmp_path / "server", options=MembraneOptions(connections=seeds)) as road:
        with window(fresh(road, tmp_path / "mine").fsctl, "show", "--mask") as run:
            run.answer("Which connection?", CTRL_C)
            run.end()
        assert b"@example.com" not in run.raw


def test_the_time_a_person_takes_is_not_the_commands(tmp_path: Path) -> None:
    now = [100.0]
    app = App(Screen(environ={"HOME": str(tmp_path)}, monotonic=lambda: now[0]))
    app.remember_flag("sandbox", True)
    with app.person_at_work():
        now[0] += 1000
    now[0] += 1
    assert app.working_time() == 101
    assert app.caller.clock.monotonic() == 101, "what deadlines are counted by"


@pytest.mark.parametrize(("answer", "code"), [("n", 1), (ENTER, 1), ("y", 0), (None, 0)])
def test_one_that_is_ready_is_reconnected_where_that_is_confirmed(
    answer: str | bytes | None, code: int, tmp_path: Path
) -> None:
    ready = MembraneOptions(connections=(ConnectionSeed(MAIN, "Fullstory"),))
    with online(tmp_path, options=ready, seed=False) as road:
        flags = ("--yes",) if answer is None else ()
        with window(road.fsctl, "reconnect", MAIN, "--wait", *flags) as run:
            run.see("is ready. Reconnected, it may not work until")
            if answer is not None:
                run.answer("Reconnect it all the same?", answer)
            done = run.end()
        assert done.code == code, done.show
        asked = f"POST /connections/{MAIN}/reconnect" in road.lines
        assert asked == (code == 0)
