"""Logging in on a real terminal, which is membrane's while the login lasts."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from tests.support.command import Ended, clean_environment
from tests.support.fake_membrane import FakeMembrane
from tests.support.fake_membrane_login import ADDRESS
from tests.support.online import membrane_environment
from tests.support.typing_window import CTRL_C, CTRL_D, typing

CODE = "c0de-of-the-page"
PASTE = "browser ended with:"


def at_terminal(
    fake: FakeMembrane,
    home: Path,
    *line: str,
    when: str = "nothing is asked",
    answer: bytes = b"",
    extra: Mapping[str, str] | None = None,
) -> Ended:
    told = membrane_environment(fake, home, None) | {"TERM": "xterm-256color"} | dict(extra or {})
    env = clean_environment(home, told)
    return typing(*line, when=when, answer=answer, env=env, cwd=home, timeout=60)


@pytest.mark.parametrize("form", ["older", "newest"])
def test_membrane_asks_and_is_answered(form: str, tmp_path: Path) -> None:
    fake = FakeMembrane(form=form)  # type: ignore[arg-type]
    done = at_terminal(fake, tmp_path, "login", when="Which tenant? ", answer=b"acme\n")
    assert done.code == 0, done.show
    assert "Opening your browser...\nWhich tenant? acme\nLogged in to acme.\n" in done.out
    assert done.out.endswith("`fsctl auth status` shows how you stand with Membrane now.\n")
    assert (fake.asked, fake.logged_in) == ([["login", "--tenant"]], "acme")
    call = fake.calls[-1]
    assert call.terminals == [0, 1, 2]
    assert Path(call.cwd) == tmp_path / "state"
    assert not {"CI", "NO_COLOR"} & set(call.env), "it may draw, and ask"


def test_what_the_person_set_is_the_childs_too(tmp_path: Path) -> None:
    fake = FakeMembrane()
    at_terminal(fake, tmp_path, "login", when="tenant? ", answer=b"a\n", extra={"NO_COLOR": "1"})
    assert "NO_COLOR" in fake.calls[-1].env


def test_ctrl_c_ends_the_login_and_fsctl_after_it(tmp_path: Path) -> None:
    fake = FakeMembrane(login="hang")
    done = at_terminal(fake, tmp_path, "login", when="Waiting for you...", answer=CTRL_C)
    assert done.code == 130, done.show
    assert done.out.index("Cancelled.") < done.out.index("Interrupted.")
    assert "Traceback" not in done.out


def test_a_login_that_dies_in_the_middle_of_drawing_is_told(tmp_path: Path) -> None:
    done = at_terminal(FakeMembrane(login="raw"), tmp_path, "login")
    assert done.code == 4, done.show
    assert "`membrane login` was ended by signal 9." in done.out


@pytest.mark.parametrize(
    ("more", "extra"),
    [(("--no-browser",), {}), (("--no-input",), {}), ((), {"CI": "true"})],
    ids=["--no-browser", "--no-input", "CI"],
)
def test_who_wants_no_browser_gets_the_address(
    more: tuple[str, ...], extra: Mapping[str, str], tmp_path: Path
) -> None:
    fake = FakeMembrane()
    done = at_terminal(fake, tmp_path, "login", *more, extra=extra)
    assert done.code == 0, done.show
    assert ADDRESS in done.out
    assert fake.asked == [["login", "--tenant", "--non-interactive"]]
    assert fake.calls[-1].terminals == [1, 2], "stdin is closed, for versions without the flag"


def test_a_code_is_asked_for(tmp_path: Path) -> None:
    fake = FakeMembrane()
    done = at_terminal(fake, tmp_path, "auth", "complete", when=PASTE, answer=f"{CODE}\r".encode())
    assert (done.code, fake.logged_in) == (0, "by code"), done.show
    assert fake.asked == [["login", "complete", CODE]]


@pytest.mark.parametrize("key", [CTRL_C, CTRL_D], ids=["Ctrl-C", "Ctrl-D"])
def test_who_gives_no_code_is_not_logged_in(key: bytes, tmp_path: Path) -> None:
    fake = FakeMembrane()
    done = at_terminal(fake, tmp_path, "auth", "complete", when=PASTE, answer=key)
    assert (done.code, fake.asked) == (130, []), done.show


def test_a_code_is_not_asked_for_with_no_input(tmp_path: Path) -> None:
    fake = FakeMembrane()
    done = at_terminal(fake, tmp_path, "auth", "complete", "--no-input")
    assert (done.code, fake.asked) == (2, []), done.show
