"""What was probably meant: commands, options, choices and profiles that are spelled otherwise."""

from __future__ import annotations

import sys

import pytest

from fsctl.errors import ExitCode
from tests.support.program import Program


@pytest.mark.parametrize(
    ("line", "hint"),
    [
        ("usrs list", "Did you mean 'users'? Try `fsctl --help`."),
        ("users lst", "Did you mean 'list'? Try `fsctl users --help`."),
        ("users remove ada", "Did you mean 'delete'? Try `fsctl users --help`."),
        ("timeline ada", "There is `fsctl sessions timeline`. Try `fsctl --help`."),
        ("users frobnicate", "Try `fsctl users --help`."),
        ("users list --limt 3", "Did you mean '--limit'? Try `fsctl users list --help`."),
        ("users list --outptu json", "Did you mean '--output'? Try `fsctl users list --help`."),
        ("--sandbxo users list", "Did you mean '--sandbox'? Try `fsctl --help`."),
        ("users list --frobnicate", "Try `fsctl users list --help`."),
        ("users list -x", "Try `fsctl users list --help`."),
        (
            "annotations --duration 2h create x",
            "--duration stands behind the command that has it: `fsctl annotations create`. "
            "Try `fsctl annotations --help`.",
        ),
        ("users list -o jsno", "Did you mean 'json'? Try `fsctl users list --help`."),
        ("--transport htp users list", "Did you mean 'http'? Try `fsctl --help`."),
        ("users update ada --by emial", "Did you mean 'email'? Try `fsctl users update --help`."),
        ("users list -o 7", "Try `fsctl users list --help`."),
        ("help enviroment", "Did you mean 'environment'? See `fsctl help` for the topics."),
    ],
)
def test_what_is_like_something_is_guessed(line: str, hint: str, program: Program) -> None:
    done = program(*line.split())
    assert (done.code, done.out) == (ExitCode.USAGE, ""), done.show
    message, said = done.err.splitlines()
    assert message.endswith(("'.", "'markdown'.", "'sandbox'.", "'email'."))
    assert said == f"  {hint}"


@pytest.mark.parametrize("line", ["--profile prdo users list", "profiles use prdo"])
def test_a_profile_is_guessed(line: str, program: Program) -> None:
    program.profile('[profiles.prod]\ntransport = "sandbox"\n')
    done = program(*line.split())
    assert done.code == ExitCode.USAGE, done.show
    assert "Did you mean 'prod'?" in done.err


def test_what_attacks_a_terminal_is_not_repeated_to_it(program: Program) -> None:
    for line in (["\x1b[31mlist"], ["users", "list", "--\x1b[31m"], ["users", "list", "-o\x1b[1m"]):
        done = program(*line)
        assert done.code == ExitCode.USAGE, done.show
        assert "\x1b" not in done.err


def test_guessing_costs_nothing_where_nothing_is_wrong(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "fsctl.cli.mistyped", None)  # importing it would fail
    assert program("--sandbox", "users", "list", "--limit", "1").code == 0
