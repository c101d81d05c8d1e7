"""A deletion on a real terminal: who it is, what has to be typed, and what that does."""

from __future__ import annotations

import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest

from tests.support.command import Ended, clean_environment
from tests.support.everywhere import seeded
from tests.support.typing_window import CTRL_C, CTRL_D, typing

ADA = "7400589116837456607"
QUESTION = "to delete this person:"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The home of somebody whose sandbox is seeded."""
    (tmp_path / "data").mkdir()
    shutil.copyfile(seeded(), tmp_path / "data" / "sandbox.sqlite3")
    return tmp_path


def delete(home: Path, answer: bytes, *arguments: str, when: str = QUESTION) -> Ended:
    env = {**clean_environment(home), "TERM": "xterm-256color", "NO_COLOR": "1"}
    line = ("--sandbox", "users", "delete", *arguments)
    return typing(*line, when=when, answer=answer, env=env, cwd=home)


def deleted(home: Path) -> list[str]:
    with closing(sqlite3.connect(home / "data" / "sandbox.sqlite3")) as db:
        query = "SELECT display_name FROM users WHERE gone_at IS NOT NULL ORDER BY seq"
        return [name for (name,) in db.execute(query)]


def rename(home: Path, uid: str, to: str) -> None:
    with closing(sqlite3.connect(home / "data" / "sandbox.sqlite3")) as db, db:
        db.execute("UPDATE users SET uid = ? WHERE uid = ?", (to, uid))


def test_the_screen_shows_who_it_is_and_asks(home: Path) -> None:
    done = delete(home, b"ada\n", "ada@example.com", "-o", "json")
    assert done.code == 0, done.show
    assert (
        done.out
        == f"""\
fsctl: sandbox: nothing leaves this machine.
fsctl: about to delete, with all sessions, events and properties, for good:
fsctl:   name      Ada Lovelace
fsctl:   e-mail    ada@example.com
fsctl:   uid       ada
fsctl:   id        {ADA}
fsctl:   sessions  at least 5
Type ada or {ADA} to delete this person: ada
{{
  "id": "{ADA}",
  "uid": "ada",
  "display_name": "Ada Lovelace",
  "email": "ada@example.com",
  "state": "accepted"
}}
"""
    )
    assert deleted(home) == ["Ada Lovelace"]


def test_the_id_confirms_as_well(home: Path) -> None:
    done = delete(home, f"{ADA}\n".encode(), "ada")
    assert (done.code, deleted(home)) == (0, ["Ada Lovelace"]), done.show


@pytest.mark.parametrize("answer", [b"y\n", b"yes\n", b"\n", b"ada@example.com\n", CTRL_D])
def test_anything_else_deletes_nobody(answer: bytes, home: Path) -> None:
    done = delete(home, answer, "ada@example.com")
    assert (done.code, deleted(home)) == (1, []), done.show
    assert "error: Not confirmed; nothing was deleted. (declined)" in done.out


def test_an_interrupt_deletes_nobody(home: Path) -> None:
    done = delete(home, CTRL_C, "ada")
    assert (done.code, deleted(home)) == (130, []), done.show
    told = "fsctl: error: Interrupted at the question; nothing was deleted. (interrupted)"
    assert [told, "  Run it again to be asked again."] == done.out.splitlines()[-2:]


def test_a_uid_that_looks_like_another_is_shown_escaped(home: Path) -> None:
    fake = "\u0430da"  # the first letter is Cyrillic
    rename(home, "mallory", fake)
    done = delete(home, b"ada\n", fake)
    assert (done.code, deleted(home)) == (1, []), done.show
    assert "uid       \\u0430da" in done.out
    assert "Type \\u0430da or " in done.out
    done = delete(home, b"\\u0430da\n", fake)
    assert (done.code, len(deleted(home))) == (0, 1), done.show


def test_a_uid_that_is_a_reflex_does_not_confirm(home: Path) -> None:
    rename(home, "linus", "yes")
    done = delete(home, b"yes\n", "--uid", "yes")
    assert (done.code, deleted(home)) == (1, []), done.show


def test_a_hostile_name_steers_nothing(home: Path) -> None:
    done = delete(home, b"mallory\n", "mallory")
    assert (done.code, len(deleted(home))) == (0, 1), done.show
    asked = done.out.partition("Type mallory")[0]
    for poison in ("\x1b]", "\x1b[31;1m", "\x07", "\u202e"):
        assert poison not in asked
    assert "\\x1b[31;1mred" in asked


def test_several_are_confirmed_by_their_email(home: Path) -> None:
    email = "office@studio.example"
    line = (email, "--all")
    question = "to delete all 2 of them:"
    declined = delete(home, b"marco\n", *line, when=question)
    assert (declined.code, deleted(home)) == (1, []), declined.show
    done = delete(home, f"{email}\n".encode(), *line, when=question)
    assert (done.code, deleted(home)) == (0, ["Marco Bianchi", "Maria Bianchi"]), done.show


def test_an_unanswered_question_can_be_skipped_with_yes(home: Path) -> None:
    done = delete(home, b"", "ada", "--yes", when="no such thing")
    assert (done.code, deleted(home)) == (0, ["Ada Lovelace"]), done.show
    assert "Type " not in done.out


def test_masked_only_the_id_is_asked_for(home: Path) -> None:
    done = delete(home, f"{ADA}\n".encode(), "ada@example.com", "--mask")
    assert (done.code, deleted(home)) == (0, ["Ada Lovelace"]), done.show
    assert f"Type {ADA} {QUESTION}" in done.out
    for secret in ("Lovelace", "ada@example.com", "ada "):
        assert secret not in done.out, done.show


def test_masked_the_email_of_several_is_not_told(home: Path) -> None:
    email = "office@studio.example"
    question = "Type the e-mail to delete all 2 of them:"
    done = delete(home, b"no\n", email, "--all", "--mask", when=question)
    assert (done.code, deleted(home)) == (1, []), done.show
    for secret in (email, "Bianchi", "marco"):
        assert secret not in done.out, done.show
