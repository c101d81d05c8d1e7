"""Somebody takes another person's e-mail and asks for their own deletion: nobody else goes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.everywhere import Somewhere, somewhere

GRACE = "grace@example.com"
DELETE = ("users", "delete", "--yes")


@pytest.fixture
def road(tmp_path: Path) -> Iterator[Somewhere]:
    with somewhere("http", tmp_path) as road:
        assert road("users", "create", "--uid", "mallet", "--email", GRACE).code == 0
        yield road


@pytest.fixture
def people(tmp_path: Path) -> Path:
    path = tmp_path / "people.txt"
    path.write_text(f"mallet\n{GRACE}\n")
    return path


def is_left(road: Somewhere) -> bool:
    return road.rows("SELECT gone_at FROM users WHERE uid = 'grace'") == [(None,)]


def id_of(road: Somewhere, uid: str) -> str:
    return str(road.rows("SELECT id FROM users WHERE uid = ?", uid)[0][0])


def begun(road: Somewhere, people: Path) -> Path:
    """Delete those on the list and wait until Mallet is gone; the rejects."""
    done = road(*DELETE, "--from-file", str(people))
    assert [json.loads(row)["state"] for row in done.out.splitlines()] == ["accepted", "ambiguous"]
    assert done.code == 6, done.show
    assert "name them by Fullstory id" in done.err
    road.clock.advance(86_400)
    assert road("users", "get", "mallet").code == 3
    return people.with_name("people.rejects.txt")


def test_the_rejects_hold_the_ids_of_all_who_are_called_that(road: Somewhere, people: Path) -> None:
    ids = [id_of(road, uid) for uid in ("grace", "mallet")]
    note, value = begun(road, people).read_text().splitlines()
    assert note.startswith(f"# line 2, ambiguous [{' '.join(sorted(ids))}]: ")
    assert value == GRACE


def test_the_same_command_again_does_not_delete_who_is_left(road: Somewhere, people: Path) -> None:
    begun(road, people)
    for more in ((), ("--email",), ("--email", "--all"), ("--all",), ("--uid",)):
        done = road(*DELETE, "--from-file", str(people), "--force", *more)
        assert (done.code, is_left(road)) == (6, True), done.show
        last = json.loads(done.out.splitlines()[-1])
        assert last["state"] == "ambiguous", done.show


@pytest.mark.parametrize("elsewhere", [False, True])
def test_nor_do_the_rejects_given_again_but_by_the_id(
    elsewhere: bool, road: Somewhere, people: Path, tmp_path: Path
) -> None:
    rejects = begun(road, people)
    if elsewhere:
        road.program.env["FSCTL_STATE_DIR"] = str(tmp_path / "another machine")
    for more in ((), ("--email",), ("--all",)):
        line = ("--from-file", str(rejects), "--rejects", str(tmp_path / "again"), *more)
        done = road(*DELETE, *line, "--force")
        assert (done.code, is_left(road)) == (6, True), done.show
        assert (tmp_path / "again").read_text().startswith("# line 2, ambiguous [")
    rejects.write_text(rejects.read_text().replace(f"\n{GRACE}", f"\n{id_of(road, 'grace')}"))
    done = road(*DELETE, "--from-file", str(rejects))
    assert (done.code, is_left(road)) == (0, False), done.show


def test_a_dry_run_says_what_the_deletion_would(road: Somewhere, people: Path) -> None:
    begun(road, people)
    done = road(*DELETE, "--from-file", str(people), "--dry-run")
    assert json.loads(done.out.splitlines()[-1])["state"] == "ambiguous", done.show
    alone = road(*DELETE, GRACE, "--dry-run")
    assert (alone.code, alone.out) == (1, ""), alone.show


def test_one_who_was_refused_is_not_deleted_when_the_other_is_gone(road: Somewhere) -> None:
    refused = road(*DELETE, GRACE)
    assert refused.code == 1, refused.show
    assert road(*DELETE, "mallet").code == 0
    road.clock.advance(86_400)
    for more in ((), ("--email",), ("--email", "--all"), ("--uid",)):
        done = road(*DELETE, GRACE, *more)
        assert (done.code, done.out, is_left(road)) == (1, "", True), done.show
        assert "meant several people before: " in done.err
        assert "with --id" in done.err
    done = road(*DELETE, "--id", id_of(road, "grace"))
    assert (done.code, is_left(road)) == (0, False), done.show


def test_that_it_cannot_be_remembered_is_told_and_it_is_refused_all_the_same(
    road: Somewhere, tmp_path: Path
) -> None:
    (tmp_path / "file").touch()
    done = road(*DELETE, GRACE, env={"FSCTL_STATE_DIR": str(tmp_path / "file")})
    assert done.code == 1, done.show
    assert "means 2 people" in done.err
    assert "cannot be remembered" in done.err
