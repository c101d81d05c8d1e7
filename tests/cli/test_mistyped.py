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
            "users import -x.csv",
            "A file whose name begins with a hyphen is ./-NAME. Try `fsctl users import --help`.",
        ),
        (
            "annotations --duration 2h create x",
            "--duration stands behind the command that has it: `fsctl annotations create`. "
            "Try `fsctl annotations --help`.",
        ),
        ("users list -o jsno", "Did you mean 'json'? Try `fsctl users list --help`."),
        ("--transport htp users list", "Did you mean 'http'? Try `fsctl --help`."),
        ("users update ada --by emial", "Did you mean 'email'? Try `fsctl users update --help`."),
        ("users list -o 7", "Try `fsctl users list --help`."),
        ("users list -o JSON7", "Did you mean 'json'? Try `fsctl users list --help`."),
        ("--Sandbox users list", "Did you mean '--sandbox'? Try `fsctl --help`."),
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


@pytest.mark.parametrize("typed", ["ue", "EU", "uE"])
def test_a_short_name_is_guessed_where_its_letters_are_all_there(
    typed: str, program: Program
) -> None:
    program.profile('[profiles.eu]\ntransport = "sandbox"\n[profiles.us]\nvia = "proxy"\n')
    done = program("--profile", typed, "users", "list")
    assert "  Did you mean 'eu'? Profiles in " in done.err, done.show


@pytest.mark.parametrize("line", ["actions show list-user", "raw action List-User --dry-run"])
def test_an_action_is_guessed(line: str, program: Program) -> None:
    done = program("--sandbox", *line.split())
    assert done.code == ExitCode.NOT_FOUND, done.show
    assert "  Did you mean 'list-users'? See `fsctl actions list`." in done.err


def test_a_connection_is_guessed_by_its_name(program: Program) -> None:
    done = program("--sandbox", "--connection", "Fulstory (sandbx)", "users", "list")
    assert done.code == ExitCode.NEEDS_PERSON, done.show
    assert "  Did you mean 'Fullstory (sandbox)'? There are: " in done.err


@pytest.mark.parametrize(
    ("environ", "line"),
    [
        ({}, "profiles set output tabel"),
        ({"FSCTL_OUTPUT": "tabel"}, "--sandbox users list"),
        ({"FSCTL_TRANSPORT": "sandbxo"}, "users list"),
    ],
)
def test_a_setting_s_value_is_guessed(environ: dict[str, str], line: str, program: Program) -> None:
    done = program(*line.split(), env=environ)
    assert done.code == ExitCode.USAGE, done.show
    guess = "sandbox" if "FSCTL_TRANSPORT" in environ else "table"
    assert f"  Did you mean {guess!r}? Use one of " in done.err


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
