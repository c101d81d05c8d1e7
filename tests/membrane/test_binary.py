"""Which program runs as membrane: never one of a stranger's checkout."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from fsctl.errors import NeedsPerson, Usage
from fsctl.membrane.binary import child_environment, find_membrane, resolve_command


def program(path: Path) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("#!/bin/sh\nexit 0\n")
    path.chmod(0o755)
    return path


def path_of(*entries: Path | str) -> dict[str, str]:
    return {"PATH": os.pathsep.join(str(entry) for entry in entries), "HOME": "/nowhere/home"}


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A repository of a stranger, in which fsctl is called from a subdirectory."""
    here = tmp_path / "repository" / "sub"
    here.mkdir(parents=True)
    (tmp_path / "repository" / ".git").mkdir()
    return here


def test_first_membrane_on_path_is_found_with_its_absolute_path(
    tmp_path: Path, checkout: Path
) -> None:
    first = program(tmp_path / "a" / "membrane")
    second = program(tmp_path / "b" / "membrane")
    assert find_membrane(path_of(first.parent, second.parent), checkout) == first


def test_nothing_is_found_where_nothing_is(tmp_path: Path, checkout: Path) -> None:
    (tmp_path / "empty").mkdir()
    assert find_membrane(path_of(tmp_path / "empty", tmp_path / "missing"), checkout) is None


@pytest.mark.parametrize(
    "entry",
    [
        "",
        ".",
        "bin",
        "./node_modules/.bin",
        "{here}",
        "{here}/bin",
        "{here}/node_modules/.bin",
        "{here}/../tools",
        "{here}/..",
        "{outside}/link",
        "{outside}/../repository/sub/bin",
    ],
)
def test_path_entries_that_lead_into_the_checkout_are_passed_over(
    tmp_path: Path, checkout: Path, monkeypatch: pytest.MonkeyPatch, entry: str
) -> None:
    for where in ("", "bin", "node_modules/.bin", "../tools", ".."):
        program(checkout / where / "membrane")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "link").symlink_to(checkout / "bin")
    monkeypatch.chdir(checkout)
    good = program(tmp_path / "good" / "membrane")
    entry = entry.format(here=checkout, outside=outside)
    assert find_membrane(path_of(entry), checkout) is None
    assert find_membrane(path_of(entry, good.parent), checkout) == good


def test_link_outside_to_a_program_inside_is_passed_over(tmp_path: Path, checkout: Path) -> None:
    inside = program(checkout / "membrane")
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin" / "membrane").symlink_to(inside)
    assert find_membrane(path_of(tmp_path / "bin"), checkout) is None


def test_file_that_cannot_be_executed_is_passed_over(tmp_path: Path, checkout: Path) -> None:
    program(tmp_path / "bin" / "membrane").chmod(0o644)
    (tmp_path / "other" / "membrane").mkdir(parents=True)
    assert find_membrane(path_of(tmp_path / "bin", tmp_path / "other"), checkout) is None


def test_own_programs_below_the_home_directory_are_found_from_there(tmp_path: Path) -> None:
    home = tmp_path / "home"
    mine = program(home / ".local" / "bin" / "membrane")
    (home / ".git").mkdir()  # some keep their settings so
    environ = {"PATH": str(mine.parent), "HOME": str(home)}
    assert find_membrane(environ, home) == mine
    work = home / "work"
    work.mkdir()
    assert find_membrane(environ, work) == mine


def test_node_modules_in_the_home_directory_are_no_exception(tmp_path: Path) -> None:
    found = program(tmp_path / "node_modules" / ".bin" / "membrane")
    environ = {"PATH": str(found.parent), "HOME": str(tmp_path)}
    assert find_membrane(environ, tmp_path) is None


def test_command_without_a_setting_is_the_binary_on_path(tmp_path: Path, checkout: Path) -> None:
    found = program(tmp_path / "bin" / "membrane")
    for unset in (None, "", "  "):
        assert resolve_command(unset, path_of(found.parent), checkout) == (str(found),)
    assert resolve_command(None, path_of(tmp_path), checkout) is None


def test_configured_command_is_split_like_a_shell_and_its_program_found(
    tmp_path: Path, checkout: Path
) -> None:
    npx = program(tmp_path / "bin" / "npx")
    configured = "npx --yes '@membranehq/cli'"
    command = resolve_command(configured, path_of(npx.parent), checkout)
    assert command == (str(npx), "--yes", "@membranehq/cli")


def test_configured_absolute_path_is_taken(tmp_path: Path, checkout: Path) -> None:
    mine = program(tmp_path / "my tools" / "membrane")
    assert resolve_command(f"'{mine}'", path_of(), checkout) == (str(mine),)


@pytest.mark.parametrize(
    ("configured", "told"),
    [
        ("./membrane", "relative"),
        ("node_modules/.bin/membrane", "relative"),
        ("{here}/membrane", "lies in the working directory"),
        ("{here}/../membrane", "lies in the working directory"),
        ("npx 'open", "a quote is not closed"),
        ("membrane.cmd", "a shell shim"),
        ("C:/tools/membrane.BAT", "a shell shim"),
    ],
)
def test_configured_command_that_could_be_a_strangers_is_refused(
    checkout: Path, configured: str, told: str
) -> None:
    program(checkout / "membrane")
    program(checkout.parent / "membrane")
    with pytest.raises(Usage, match=told):
        resolve_command(configured.format(here=checkout), path_of(checkout), checkout)


@pytest.mark.parametrize("configured", ["npx --yes @membranehq/cli", "/no/such/membrane"])
def test_configured_command_that_is_not_installed_needs_a_person(
    checkout: Path, configured: str
) -> None:
    program(checkout / "npx")
    with pytest.raises(NeedsPerson, match="is not installed outside of the working directory"):
        resolve_command(configured, path_of(checkout), checkout)


def test_child_finds_no_program_of_the_checkout_either(tmp_path: Path, checkout: Path) -> None:
    environ = path_of("", ".", checkout / "node_modules" / ".bin", "/usr/bin", tmp_path / "bin")
    assert child_environment(environ, checkout)["PATH"] == f"/usr/bin:{tmp_path}/bin"
    assert child_environment(path_of("."), checkout)["PATH"] == os.defpath


def test_child_keeps_its_own_variables_and_is_told_to_print_plainly(checkout: Path) -> None:
    environ = path_of("/usr/bin") | {"MEMBRANE_TOKEN": "t", "FORCE_COLOR": "3", "LANG": "C.UTF-8"}
    assert child_environment(environ, checkout) == {
        "PATH": "/usr/bin",
        "HOME": "/nowhere/home",
        "MEMBRANE_TOKEN": "t",
        "LANG": "C.UTF-8",
        "NO_COLOR": "1",
        "CI": "1",
    }
