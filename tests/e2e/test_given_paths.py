"""A path that cannot be is the mistake of who wrote it, whatever it is for."""

from __future__ import annotations

import io
from pathlib import Path

import pytest

from fsctl.errors import ExitCode
from tests.support.program import Program

NOBODY = "~nobody-of-that-name/x"
HERE = '{"email":"ada@example.com"}\n'


@pytest.fixture
def fsctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    monkeypatch.chdir(tmp_path)
    Path("people.jsonl").write_text(HERE)
    Path("who.txt").write_text("ada\n")
    return Program(tmp_path / "home", {"FSCTL_TRANSPORT": "sandbox"})


OUTPUTS = {
    "raw": ("raw", "request", "/v2/users", "--to"),
    "timeline": ("sessions", "timeline", "ada", "--html", "--to"),
    "job, rejects": ("users", "job", "j", "--rejects"),
    "job, ids": ("users", "job", "j", "--imports"),
    "import, rejects": ("users", "import", "people.jsonl", "--rejects"),
    "import, ids": ("users", "import", "people.jsonl", "--imports"),
    "import, spool": ("users", "import", "-", "--rejects", "r.jsonl", "--spool"),
    "delete, rejects": ("users", "delete", "--from-file", "who.txt", "--yes", "--rejects"),
    "flush": ("annotations", "flush"),
}


@pytest.mark.parametrize("line", OUTPUTS.values(), ids=OUTPUTS.keys())
def test_the_home_of_nobody_is_no_place_for_a_file(fsctl: Program, line: tuple[str, ...]) -> None:
    ended = fsctl(*line, NOBODY, stdin=io.BytesIO(HERE.encode()))
    assert ended.code == ExitCode.USAGE, ended.show
    assert f"'{NOBODY}' cannot be found: the home directory" in ended.err
    assert "Write the whole path" in ended.err


@pytest.mark.parametrize("line", OUTPUTS.values(), ids=OUTPUTS.keys())
def test_no_name_at_all_is_no_place_either(fsctl: Program, line: tuple[str, ...]) -> None:
    ended = fsctl(*line, "", stdin=io.BytesIO(HERE.encode()))
    assert ended.code == ExitCode.USAGE, ended.show
    assert "no file's name" in ended.err


def test_a_value_of_the_home_of_nobody_is_told_as_that(fsctl: Program) -> None:
    ended = fsctl("raw", "request", "/v2/users", "-X", "POST", "--data", f"@{NOBODY}")
    assert ended.code == ExitCode.USAGE, ended.show
    assert "the home directory" in ended.err


@pytest.mark.parametrize(
    ("variable", "why"),
    [
        ("FSCTL_CA_BUNDLE", "names no usable CA certificates"),
        ("FSCTL_MEMBRANE_COMMAND", "is refused: it is relative"),
    ],
)
def test_a_setting_in_the_home_of_nobody_is_told_as_that(
    tmp_path: Path, variable: str, why: str
) -> None:
    transport = "cli" if variable == "FSCTL_MEMBRANE_COMMAND" else "http"
    env = {variable: NOBODY, "FSCTL_TRANSPORT": transport}
    if variable == "FSCTL_CA_BUNDLE":
        env["MEMBRANE_TOKEN"] = "a.b.c"
    ended = Program(tmp_path / "home", env)("users", "list", "--limit", "1", "--retries", "0")
    assert "unexpected" not in ended.err, ended.show
    assert why in ended.err, ended.show


@pytest.mark.parametrize("key", ["token_command", "membrane_command"])
def test_a_program_in_the_home_of_nobody_is_no_setting(tmp_path: Path, key: str) -> None:
    fsctl = Program(tmp_path / "home")
    assert fsctl("profiles", "create", "p").code == ExitCode.DONE
    ended = fsctl("profiles", "set", key, NOBODY, "--profile", "p")
    assert ended.code == ExitCode.USAGE, ended.show
    assert "unexpected" not in ended.err, ended.show
