"""Where ``--to`` of an export leads."""

from __future__ import annotations

from pathlib import Path

import pytest

from fsctl.cli.export_place import Place
from fsctl.errors import Usage


@pytest.mark.parametrize("to", [None, "-"])
def test_nothing_and_a_hyphen_are_stdout(to: str | None) -> None:
    assert Place.of(to) == (None, "", False)


@pytest.mark.parametrize(
    ("to", "ending", "packed"),
    [
        ("a.csv", ".csv", False),
        ("a.b/A.CSV.GZ", ".csv", True),
        ("a.gz", "", True),
        ("a", "", False),
        ("./-", "", False),
    ],
)
def test_a_name_tells_the_form_below_the_packing(to: str, ending: str, packed: bool) -> None:
    assert Place.of(to) == (Path(to), ending, packed)


def test_a_home_directory_is_filled_in(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))
    assert Place.of("~/a.csv").path == tmp_path / "a.csv"


@pytest.mark.parametrize("to", ["", "~nosuch-user-here/a.csv"])
def test_what_names_no_file_is_refused(to: str) -> None:
    with pytest.raises(Usage, match=r"empty|home directory"):
        Place.of(to)
