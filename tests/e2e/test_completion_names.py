"""Names at TAB in real shells: from flat files, as data, and from Python only when they are old."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from fsctl.settings.names import FRESH_SECONDS, Name, encoded, keep
from tests.support.shells import SHELLS, ShellWindow

Open = Callable[..., ShellWindow]

HOSTILE = [
    Name("6570aa", "$(touch x)"),
    Name("6570bb", "a b \"c\" 'd' \\ * ?\nnext\tone\x1b[31m"),
    Name("9-$(touch y)", "`touch z`"),
    Name("w x*?[a]\"`touch z`'\\$HOME", "~"),
    Name("~root", ""),
    Name("a;touch v&", "%F{red}%n"),
    Name("é=ü:ä", "colons"),
    Name("-lead", "a dash"),
]


@pytest.fixture(params=SHELLS)
def window(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Open]:
    """Opens a shell of each kind, in an environment of the test's."""
    opened: list[ShellWindow] = []

    def start(**env: str) -> ShellWindow:
        opened.append(ShellWindow(request.param, tmp_path, env=env))
        return opened[-1]

    yield start
    for each in opened:
        each.close()


def write(home: Path, file: str, names: list[Name], *, seconds: float = FRESH_SECONDS) -> Path:
    """Names that hold for so many seconds more, where fsctl keeps them."""
    path = home / "cache" / "names" / file
    keep(path, encoded(names, until=time.time() + seconds, of=""))
    return path


def profiles(home: Path) -> Path:
    file = home / "config" / "config.toml"
    file.parent.mkdir(exist_ok=True)
    file.touch()
    os.utime(file, (time.time() - 60,) * 2)
    return file


@pytest.mark.parametrize(
    ("typed", "value"),
    [
        ("connections show 6570a\t", "6570aa"),
        ("connections show 9\t", HOSTILE[2].value),
        ("connections show w\t", HOSTILE[3].value),
        ('connections show "w\t', HOSTILE[3].value),
        ("connections show 'w\t", HOSTILE[3].value),
        ("connections show w\\ x\t", HOSTILE[3].value),
        ("connections show a\t", "a;touch v&"),
        ("connections show \\~\t", "~root"),
        ("--connection -\t", "-lead"),
    ],
)
def test_a_name_is_typed_as_it_is(typed: str, value: str, window: Open, tmp_path: Path) -> None:
    write(tmp_path, "connections.default", HOSTILE)
    shell = window()
    assert shell.sent(f"fsctl {typed}")[-1] == value
    assert (shell.asked, shell.work) == ([], [])


def test_a_name_goes_with_the_option_before_it(window: Open, tmp_path: Path) -> None:
    write(tmp_path, "connections.default", HOSTILE)
    shell = window()
    assert shell.sent("fsctl --connection=w\t") == [f"--connection={HOSTILE[3].value}"]
    assert shell.sent("fsctl --connection=-\t") == ["--connection=-lead"]
    assert shell.sent("fsctl connections show é=\t")[-1] == "é=ü:ä"
    assert shell.work == []


def test_what_begins_with_a_dash_is_no_argument_until_options_have_ended(
    window: Open, tmp_path: Path
) -> None:
    write(tmp_path, "connections.default", HOSTILE)
    shell = window()
    assert shell.sent("fsctl connections show -l\t") == ["connections", "show", "-l"]
    assert shell.sent("fsctl connections show -- -l\t")[-1] == "-lead"


def test_what_an_id_stands_for_is_shown_as_it_is(window: Open, tmp_path: Path) -> None:
    write(tmp_path, "connections.default", HOSTILE)
    shell = window()
    screen = shell.offered("fsctl connections show 6", "$(touch x)", "next one [31m")
    assert "a b \"c\" 'd' \\ * ? next one [31m" in screen
    assert shell.work == []


@pytest.mark.parametrize(
    ("typed", "file"),
    [
        ("profiles use v\t", "profiles"),
        ("--profile v\t", "profiles"),
        ("--profile=v\t", "profiles"),
        ("actions show v\t", "actions.default"),
        ("raw action v\t", "actions.default"),
        ("help v\t", "topics"),
        ("--profile work connections use v\t", "connections.profile.work"),
        ("connections use --profile=work v\t", "connections.profile.work"),
        ("--profile x connections use --profile work v\t", "connections.profile.work"),
        ("--profile work actions show v\t", "actions.profile.work"),
        ("--sandbox connections use v\t", "connections.sandbox"),
        ("--profile work connections use --transport sandbox v\t", "connections.sandbox"),
        ("--profile 'work' connections use v\t", "connections.profile.work"),
        ("--transport=sandbox actions show v\t", "actions.sandbox"),
    ],
)
def test_each_kind_and_account_has_its_file(
    typed: str, file: str, window: Open, tmp_path: Path
) -> None:
    profiles(tmp_path)
    others = ("profiles", "topics", *(f"{kind}.{scope}" for kind in ("connections", "actions")
              for scope in ("default", "sandbox", "profile.work", "profile.x")))  # fmt: skip
    for other in others:
        write(tmp_path, other, [Name("value-of-the-file" if other == file else "vanity")])
    shell = window()
    assert "value-of-the-file" in shell.sent(f"fsctl {typed}")[-1]
    assert shell.asked == []


def test_the_environment_names_the_account_too(window: Open, tmp_path: Path) -> None:
    write(tmp_path, "connections.profile.work", [Name("of-work")])
    write(tmp_path, "connections.sandbox", [Name("of-the-sandbox")])
    shell = window(FSCTL_PROFILE="work")
    assert shell.sent("fsctl connections show \t")[-1] == "of-work"
    assert shell.sent("fsctl --sandbox connections show \t")[-1] == "of-the-sandbox"
    shell = window(FSCTL_PROFILE="work", FSCTL_TRANSPORT="sandbox")
    assert shell.sent("fsctl connections show \t")[-1] == "of-the-sandbox"


@pytest.mark.parametrize(
    ("env", "named"),
    [
        ({"MEMBRANE_API_URL": "http://127.0.0.1:8010"}, "http://127.0.0.1:8010"),
        ({"MEMBRANE_API_URI": "http://127.0.0.1:8010"}, "http://127.0.0.1:8010"),
        ({"MEMBRANE_TENANT_KEY": "a*"}, "a*@"),
        ({"MEMBRANE_TENANT_KEY": "a", "MEMBRANE_API_URL": "u", "MEMBRANE_API_URI": "i"}, "a@u"),
    ],
)
def test_names_of_another_account_than_the_environments_are_not_offered(
    env: dict[str, str], named: str, window: Open, tmp_path: Path
) -> None:
    head = f"{time.time() + 999:.0f}\tdefault"
    file = write(tmp_path, "connections.default", [])
    file.write_text(f"{head}\t\nof-another\t\n")
    write(tmp_path, "connections.sandbox", [Name("of-the-sandbox")])
    shell = window(**env)
    shell.answer("connections", "1\t\nof-this\t\n")
    assert shell.sent("fsctl connections show \t")[-1] == "of-this"
    assert len(shell.asked) == 1
    file.write_text(f"{head}\t{named}\nkept\t\n")
    assert shell.sent("fsctl connections show \t")[-1] == "kept"
    assert shell.sent("fsctl --sandbox connections show \t")[-1] == "of-the-sandbox"
    assert len(shell.asked) == 1


@pytest.mark.parametrize("seconds", [-1, FRESH_SECONDS + 1000], ids=["past", "too far ahead"])
def test_an_old_file_is_asked_for_anew(seconds: float, window: Open, tmp_path: Path) -> None:
    write(tmp_path, "connections.default", [Name("old")], seconds=seconds)
    shell = window()
    shell.answer("connections", "1\t\nnew\t$(touch x)\n")
    assert shell.sent("fsctl connections show \t")[-1] == "new"
    assert (shell.asked[0], shell.work) == (["completion", "--names", "connections"], [])


@pytest.mark.parametrize(
    "head", ["", "soon\t", "99999999999999999999\t", "a[$(touch x)]\t", "-1\t"]
)
def test_a_damaged_file_is_asked_for_anew(head: str, window: Open, tmp_path: Path) -> None:
    write(tmp_path, "connections.default", []).write_text(f"{head}\nold\t\n")
    shell = window()
    shell.answer("connections", "1\t\nnew\t\n")
    assert shell.sent("fsctl connections show \t")[-1] == "new"
    assert shell.work == []
    assert "integer" not in shell.screen and "math" not in shell.screen


def test_a_missing_file_is_asked_for_with_what_was_typed(window: Open, tmp_path: Path) -> None:
    shell = window()
    shell.answer("actions", "1\t\ncreate-annotation\t\n")
    sent = shell.sent("fsctl --profile '$(touch x) y' actions show cr\t")
    assert sent[-1] == "create-annotation"
    asked = ["completion", "--names", "actions", "--profile", "$(touch x) y"]
    assert (shell.asked[0], shell.work) == (asked, [])


def test_changed_profiles_make_what_was_kept_old(window: Open, tmp_path: Path) -> None:
    for kind in ("profiles", "connections.default"):
        os.utime(write(tmp_path, kind, [Name("old")]), (time.time() - 9,) * 2)
    profiles(tmp_path).write_text("")
    shell = window()
    shell.answer("profiles", "1\t\nnew\t\n")
    shell.answer("connections", "1\t\nnew\t\n")
    assert shell.sent("fsctl profiles use \t")[-1] == "new"
    assert shell.sent("fsctl connections use \t")[-1] == "new"


def test_without_profiles_nobody_is_asked_for_them(window: Open, tmp_path: Path) -> None:
    shell = window()
    assert shell.sent("fsctl profiles use \t") == ["profiles", "use"]
    assert shell.asked == []


def test_fsctl_that_fails_leaves_the_line_as_it_is(window: Open, tmp_path: Path) -> None:
    shell = window()
    (tmp_path / "bin" / "fsctl").write_text(
        (tmp_path / "bin" / "fsctl").read_text().replace("cat ", "echo $(touch x) >&2; false ")
    )
    assert shell.sent("fsctl connections show ab\t")[-1] == "ab"


def test_the_platforms_place_is_where_no_variable_names_one(window: Open, tmp_path: Path) -> None:
    places = {"XDG_CACHE_HOME": "", "XDG_CONFIG_HOME": "", "FSCTL_CACHE_DIR": ""}
    (tmp_path / ".cache" / "fsctl").mkdir(parents=True)
    keep(
        tmp_path / ".cache" / "fsctl" / "names" / "topics",
        encoded([Name("found")], until=time.time() + 999, of=""),
    )
    shell = window(**places, FSCTL_CONFIG_DIR="")
    assert shell.sent("fsctl help \t")[-1] == "found"
    (tmp_path / "xdg").mkdir()
    (tmp_path / ".cache" / "fsctl").rename(tmp_path / "xdg" / "fsctl")
    shell = window(**{**places, "XDG_CACHE_HOME": str(tmp_path / "xdg")})
    assert shell.sent("fsctl help \t")[-1] == "found"
    (tmp_path / "xdg" / "fsctl").rename(tmp_path / "own")
    shell = window(**{**places, "FSCTL_CACHE_DIR": "~/own"})
    assert shell.sent("fsctl help \t")[-1] == "found"
    assert shell.asked == []


def test_a_relative_place_is_none(window: Open, tmp_path: Path) -> None:
    """A stranger's checkout may hold a directory of that name."""
    for kind in ("topics", "connections.default"):
        keep(
            tmp_path / "work" / "here" / "names" / kind,
            write(tmp_path, kind, [Name("x")]).read_text(),
        )
    shell = window(FSCTL_CACHE_DIR="here")
    for line in ("help", "connections show", "--sandbox actions show"):
        assert shell.sent(f"fsctl {line} \t") == line.split()
