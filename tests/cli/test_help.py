"""``fsctl help``: a page is a file, drawn on a terminal and Markdown through a pipe."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from fsctl.cli import help as pages
from fsctl.errors import ExitCode
from tests.support.program import Program

EVERY = sorted(pages.PAGES.glob("*.md"))


@pytest.fixture
def two(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory with two pages, and other things, in place of fsctl's own."""
    folder = tmp_path / "pages"
    folder.mkdir()
    (folder / "exit-codes.md").write_text(
        "# What exit codes mean\n\n`0` is *done* — ja.\n", "utf-8"
    )
    (folder / "bulk.md").write_text("# Import many\n\nText.\n")
    (folder / "notes.txt").write_text("not a page")
    monkeypatch.setattr(pages, "PAGES", folder)
    return folder


def test_to_add_a_page_is_to_add_a_file(program: Program, two: Path) -> None:
    done = program("help")
    assert [json.loads(line) for line in done.out.splitlines()] == [
        {"topic": "bulk", "title": "Import many"},
        {"topic": "exit-codes", "title": "What exit codes mean"},
    ]
    (two / "ci.md").write_text("# Deploys\n")
    assert '{"topic":"ci","title":"Deploys"}' in program("help").out


def test_the_list_is_a_table_on_a_terminal(program: Program, two: Path) -> None:
    done = program("help", "--color", "never", stdout_is_terminal=True)
    assert done.out == (
        "TOPIC       TITLE\n"
        "bulk        Import many\n"
        "exit-codes  What exit codes mean\n"
    ), done.show  # fmt: skip


@pytest.mark.parametrize("page", EVERY, ids=lambda page: page.stem)
def test_through_a_pipe_a_page_is_as_it_is_written(page: Path, program: Program) -> None:
    done = program("help", page.stem)
    assert (done.code, done.out, done.err) == (0, page.read_text("utf-8"), "")


@pytest.mark.parametrize("page", EVERY, ids=lambda page: page.stem)
def test_on_a_terminal_a_page_is_drawn(page: Path, program: Program) -> None:
    done = program("help", page.stem, "--color", "never", stdout_is_terminal=True, width=60)
    title = page.read_text("utf-8").partition("\n")[0].removeprefix("# ")
    assert done.code == 0, done.show
    assert done.out.startswith(f"{title}\n\n")
    assert not re.search(r"^#|```|^(?! {4}).*`", done.out, re.MULTILINE)  # but in what is shown


def test_colour_is_as_for_everything_else(program: Program, two: Path) -> None:
    on_a_terminal = program("help", "exit-codes", "--color", "always", stdout_is_terminal=True)
    assert "\x1b[36m0\x1b[0m is" in on_a_terminal.out
    in_a_pipe = program("help", "exit-codes", "--color", "always")
    assert in_a_pipe.out == (two / "exit-codes.md").read_text("utf-8")


def test_who_asks_for_data_gets_data(program: Program, two: Path) -> None:
    page = {"topic": "bulk", "title": "Import many", "text": "# Import many\n\nText.\n"}
    assert json.loads(program("help", "bulk", "-o", "json").out) == page
    assert program("help", "bulk", "--jq", ".title").out == "Import many\n"


@pytest.mark.parametrize(
    ("typed", "meant"), [("bluk", "bulk"), ("exitcodes", "exit-codes"), ("BULK", "bulk")]
)
def test_a_mistyped_topic_is_guessed(typed: str, meant: str, program: Program, two: Path) -> None:
    done = program("help", typed)
    assert (done.code, done.out) == (ExitCode.USAGE, ""), done.show
    assert done.err == (
        f"fsctl: error: There is no page on {typed!r}.\n"
        f"  Did you mean {meant!r}? See `fsctl help` for the topics.\n"
    )


def test_a_topic_of_two_letters_is_guessed_from_one(program: Program) -> None:
    assert "Did you mean 'ci'?" in program("help", "c1").err


@pytest.mark.parametrize("typed", ["quite another", "../../README", "notes", "\x1b[31m", ""])
def test_what_is_like_no_topic_leads_to_the_list(typed: str, program: Program, two: Path) -> None:
    done = program("help", typed)
    assert (done.code, done.out) == (ExitCode.USAGE, ""), done.show
    assert done.err.endswith("\n  See `fsctl help` for the topics.\n")
    assert "\x1b" not in done.err


def test_a_command_is_no_topic_and_its_own_help_is_named(program: Program) -> None:
    done = program("help", "users")
    assert done.code == ExitCode.USAGE
    assert "What a command does, `fsctl users --help` says." in done.err


@pytest.mark.parametrize("line", ["help", "help ci"])
def test_help_is_there_when_nothing_else_works(line: str, program: Program) -> None:
    well = program(*line.split())
    program.profile("this is no toml")
    env = {"FSCTL_OUTPUT": "nonsense", "FSCTL_PROFILE": "nobody", "HOME": "/nowhere"}
    done = program(*line.split(), env=env)
    assert (done.code, done.out, done.err) == (0, well.out, ""), done.show


@pytest.mark.parametrize("page", EVERY, ids=lambda page: page.stem)
def test_pages_are_written_as_the_list_and_a_build_log_need_them(page: Path) -> None:
    lines = page.read_text("utf-8").splitlines()
    assert re.fullmatch(r"[a-z]+(-[a-z]+)*", page.stem)
    assert re.fullmatch(r"# [A-Z].{5,60}", lines[0])
    assert lines[1] == ""
    assert max(map(len, lines)) <= 100
    assert not re.search(r"^::|##\[|##vso\[|##teamcity\[", page.read_text("utf-8"), re.MULTILINE)
