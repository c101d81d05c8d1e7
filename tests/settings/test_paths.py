"""Where things are kept."""

from __future__ import annotations

from pathlib import Path

import pytest

from fsctl.errors import Usage
from fsctl.settings.paths import Kind, directory

KINDS: list[tuple[Kind, str]] = [
    ("config", "FSCTL_CONFIG_DIR"),
    ("cache", "FSCTL_CACHE_DIR"),
    ("state", "FSCTL_STATE_DIR"),
    ("data", "FSCTL_DATA_DIR"),
]


@pytest.mark.parametrize(("kind", "variable"), KINDS)
def test_a_variable_moves_its_directory(kind: Kind, variable: str, tmp_path: Path) -> None:
    assert directory(kind, {variable: str(tmp_path / "new")}) == tmp_path / "new"
    assert not (tmp_path / "new").exists(), "it is only named"


@pytest.mark.parametrize(("kind", "variable"), KINDS)
def test_a_home_directory_may_be_meant(
    kind: Kind, variable: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HOME", str(tmp_path))
    assert directory(kind, {variable: "~/x"}) == tmp_path / "x"


@pytest.mark.parametrize(("kind", "variable"), KINDS)
@pytest.mark.parametrize("value", [".", "cache", "./x", "../x", " /x", "~nobody-of-that-name/x"])
def test_a_relative_directory_is_refused_naming_the_variable(
    kind: Kind, variable: str, value: str
) -> None:
    with pytest.raises(Usage) as ended:
        directory(kind, {variable: value})
    assert ended.value.message == f"{variable} holds the relative path {value!r}."


@pytest.mark.parametrize(("kind", "variable"), KINDS)
def test_without_it_the_platform_says_where(kind: Kind, variable: str) -> None:
    for environ in ({}, {variable: ""}):
        found = directory(kind, environ)
        assert found.is_absolute()
        assert found.name == "fsctl"


@pytest.mark.parametrize(("kind", "variable"), KINDS)
@pytest.mark.parametrize("told", [Path("~/.config/fsctl"), RuntimeError("no home directory")])
def test_without_a_home_directory_it_is_one_that_cannot_be(
    kind: Kind, variable: str, told: Path | RuntimeError, monkeypatch: pytest.MonkeyPatch
) -> None:
    import platformdirs

    def nobody(*_names: object, **_options: object) -> Path:
        if isinstance(told, Path):  # as older versions do
            return told
        raise told

    monkeypatch.setattr(platformdirs, f"user_{kind}_path", nobody)
    found = directory(kind, {variable: ""})
    assert found.is_absolute()
    with pytest.raises(NotADirectoryError):
        (found / "file").read_bytes()
    with pytest.raises(OSError):
        found.mkdir(parents=True)


def test_the_four_places_are_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("XDG_CONFIG_HOME", "XDG_CACHE_HOME", "XDG_STATE_HOME", "XDG_DATA_HOME"):
        monkeypatch.delenv(name, raising=False)
    assert len({directory(kind, {}) for kind, _ in KINDS}) >= 3  # macOS keeps two together
