"""What was ambiguous is remembered without a name, and noted where rejects are given again."""

from __future__ import annotations

import io
import json
import stat
from pathlib import Path

import pytest

from fsctl.bulk import rejects
from fsctl.bulk.doubts import FILE_NAME, Claimants, Doubts
from fsctl.bulk.erase import Outcome
from fsctl.bulk.values import Value, values_in
from fsctl.errors import Refused

TWO = frozenset(("1001", "1005"))
EMAIL = "grace@example.com"


def remember(state: Path, who: str = EMAIL, meant: Claimants = TWO, connection: str = "c") -> None:
    Doubts(state, connection).remember({who: meant})


def about(state: Path, who: str = EMAIL, connection: str = "c") -> Claimants | None:
    return Doubts(state, connection).about(who)


def test_what_was_remembered_is_known_to_the_next_run(tmp_path: Path) -> None:
    assert about(tmp_path / "state") is None
    remember(tmp_path / "state")
    remember(tmp_path / "state", "other", frozenset())
    assert about(tmp_path / "state") == about(tmp_path / "state", EMAIL.upper()) == TWO
    assert about(tmp_path / "state", "other") == frozenset()
    assert about(tmp_path / "state", "grace") is None
    assert about(tmp_path / "state", connection="another") is None


def test_more_people_are_added_and_nobody_is_taken_away(tmp_path: Path) -> None:
    remember(tmp_path)
    remember(tmp_path, meant=frozenset(("1001", "7")))
    assert about(tmp_path) == TWO | {"7"}
    remember(tmp_path, meant=frozenset())
    remember(tmp_path)
    assert about(tmp_path) == frozenset(), "who they were is not known"


def test_the_same_again_is_not_written_again(tmp_path: Path) -> None:
    for _ in range(3):
        remember(tmp_path)
    assert len((tmp_path / FILE_NAME).read_text().splitlines()) == 2


def test_the_file_is_private_and_knows_nobody_by_name(tmp_path: Path) -> None:
    remember(tmp_path / "state")
    file = tmp_path / "state" / FILE_NAME
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert "grace" not in file.read_text()
    other = tmp_path / "other"
    remember(other)
    lines = [json.loads(path.read_text().splitlines()[1]) for path in (file, other / FILE_NAME)]
    assert lines[0]["who"] != lines[1]["who"], "two files have two salts"


def test_a_dry_run_leaves_nothing_behind(tmp_path: Path) -> None:
    Doubts(tmp_path, "c", forgetful=True).remember({EMAIL: TWO})
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("cut", [1, 20, 60])
def test_a_line_that_was_cut_off_is_taken_away(cut: int, tmp_path: Path) -> None:
    remember(tmp_path)
    remember(tmp_path, "other")
    file = tmp_path / FILE_NAME
    file.write_bytes(file.read_bytes()[:-cut])
    assert about(tmp_path, "other") is None
    remember(tmp_path, "third")
    assert (about(tmp_path), about(tmp_path, "third")) == (TWO, TWO)


@pytest.mark.parametrize("line", ["no json", "[]", "{}", '{"who": "x", "ids": 7}', '{"ids": []}'])
def test_damage_is_reported_and_nobody_is_guessed(line: str, tmp_path: Path) -> None:
    remember(tmp_path)
    file = tmp_path / FILE_NAME
    file.write_text(file.read_text() + line + "\n")
    with pytest.raises(Refused, match="cannot be read") as raised:
        about(tmp_path)
    assert raised.value.hint


def test_no_symlink_is_followed(tmp_path: Path) -> None:
    remember(tmp_path)
    (tmp_path / FILE_NAME).rename(tmp_path / "elsewhere")
    (tmp_path / FILE_NAME).symlink_to(tmp_path / "elsewhere")
    with pytest.raises(Refused):
        about(tmp_path)
    with pytest.raises(Refused):
        remember(tmp_path, "other")


# -- in rejects

COLUMNS = pytest.mark.parametrize(("column", "name"), [(None, "r.txt"), ("who", "r.csv")])


def given_again(path: Path, column: str | None, *rejected: Outcome) -> list[Value]:
    rejects.write(path, rejected, column=column, force=True)
    return list(values_in(io.BytesIO(path.read_bytes()), path.name, column=column))


@COLUMNS
@pytest.mark.parametrize(
    ("who", "state", "meant", "read"),
    [
        (EMAIL, "ambiguous", TWO, TWO),
        ("1001", "ambiguous", TWO, frozenset()),  # as it was, it is no choice
        (EMAIL, "unread", frozenset(), frozenset()),
        (EMAIL, "missing", frozenset(), None),
        (EMAIL, "failed", frozenset(), None),
    ],
)
def test_rejects_say_what_was_ambiguous_and_are_understood(
    who: str,
    state: str,
    meant: Claimants,
    read: Claimants | None,
    column: str | None,
    name: str,
    tmp_path: Path,
) -> None:
    error = Refused("It is, [7]: so.\n# line 1, missing: no")
    outcome = Outcome(3, who, None, state, error, meant)
    [value] = given_again(tmp_path / name, column, outcome)
    assert (value.text, value.claimants) == (who, read)


@COLUMNS
def test_each_note_is_about_its_own_value(column: str | None, name: str, tmp_path: Path) -> None:
    told = [("a", "missing"), (EMAIL, "ambiguous"), ("b", "failed")]
    outcomes = [Outcome(1, who, None, state, None, TWO) for who, state in told]
    values = given_again(tmp_path / name, column, *outcomes)
    assert [value.claimants for value in values] == [None, TWO, None]


def test_lines_put_below_a_note_do_not_part_it_from_its_value() -> None:
    text = f"# line 2, ambiguous [1001 1005]: so\n1001\n\n{EMAIL}\n# mine\nada\n"
    values = list(values_in(io.BytesIO(text.encode()), "r.txt"))
    assert [value.claimants for value in values] == [TWO, TWO, None]


@pytest.mark.parametrize("cell", ["7.4E+18", "1001;1005", "x", ""])
def test_ids_that_a_spreadsheet_has_spoilt_are_nobodys(cell: str) -> None:
    text = f'who;line;State;reason;claimants\n{EMAIL};2;Ambiguous;so;"{cell}"\n'
    [value] = values_in(io.BytesIO(text.encode()), "r.csv", column="who")
    assert value.claimants == frozenset()


def test_a_table_that_is_no_rejects_notes_nothing() -> None:
    text = "who,state,claimants\nada,ambiguous,1 2\n"
    [value] = values_in(io.BytesIO(text.encode()), "p.csv", column="who")
    assert value.claimants is None
