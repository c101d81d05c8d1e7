"""The global options: at every level, in nobody's way, the innermost wins (DESIGN §2)."""

from __future__ import annotations

import json

import click
import pytest

from fsctl.cli.options import Command, Group, global_options
from fsctl.errors import ExitCode
from tests.support.program import Program
from tests.support.tree import commands

GLOBAL = {name for option in global_options() for name in option.opts}
TREE = dict(commands())

# `--json` of `raw request` has a meaning of its own since the first `membrane request`.
OWN = {"fsctl raw request": {"--json"}}


def own_names(path: str) -> set[str]:
    command = TREE[path]
    assert isinstance(command, Command | Group)
    params = command.own_params(click.Context(command))
    return {
        name
        for param in params
        if isinstance(param, click.Option)
        for name in (*param.opts, *param.secondary_opts)
    }


@pytest.mark.parametrize("path", TREE)
def test_no_command_has_an_option_named_as_a_global_one(path: str) -> None:
    assert own_names(path) & GLOBAL == OWN.get(path, set())


@pytest.mark.parametrize("path", TREE)
def test_every_level_takes_every_global_option(path: str) -> None:
    command = TREE[path]
    taken = {name for param in command.get_params(click.Context(command)) for name in param.opts}
    assert taken >= GLOBAL


@pytest.mark.parametrize("path", TREE)
def test_no_option_is_named_twice(path: str) -> None:
    command = TREE[path]
    params = command.get_params(click.Context(command))
    names = [name for param in params for name in (*param.opts, *param.secondary_opts)]
    assert len(names) == len(set(names))


@pytest.mark.parametrize("path", TREE)
def test_every_level_explains_itself(path: str, program: Program) -> None:
    done = program(*path.split()[1:], "--help")
    assert done.code == ExitCode.DONE
    command = TREE[path]
    assert command.help, f"{path} has no help"
    if not isinstance(command, click.Group):
        assert getattr(command, "examples", ()), f"{path} has no example"


@pytest.mark.parametrize("path", [path for path in TREE if path != "fsctl"])
def test_the_help_of_every_option_says_something(path: str) -> None:
    for param in TREE[path].params:
        if isinstance(param, click.Option):
            assert param.help, f"{path} {param.opts}"


@pytest.mark.parametrize(
    ("line", "is_json"),
    [
        ("-o json users list --uid ada", True),
        ("users -o json list --uid ada", True),
        ("users list --uid ada -o json", True),
        ("-o csv users list --uid ada -o json", True),
        ("-o csv users -o json list --uid ada", True),
        ("-o json users list -o csv --uid ada", False),
        ("--json users list --uid ada", True),
        ("-o csv users list --json --uid ada", True),
        ("--json users list --uid ada -o csv", False),
    ],
)
def test_the_innermost_output_wins(line: str, is_json: bool, program: Program) -> None:
    done = program("--sandbox", *line.split())
    assert done.code == 0, done.show
    assert done.out.startswith("[" if is_json else "id,"), done.show
    if is_json:
        assert json.loads(done.out)[0]["uid"] == "ada"


def test_a_later_one_of_the_same_level_wins(program: Program) -> None:
    done = program("--sandbox", "users", "list", "-o", "csv", "--uid", "ada", "-o", "json")
    assert json.loads(done.out)[0]["uid"] == "ada"


def test_the_sandbox_is_a_transport_like_any_other(program: Program) -> None:
    inner = program("--transport", "http", "users", "list", "--limit", "1", "--sandbox")
    assert inner.code == 0, inner.show
    outer = program("--sandbox", "users", "list", "--limit", "1", "--transport", "http")
    assert outer.code == ExitCode.NEEDS_PERSON, outer.show
    assert "no Membrane token" in outer.err


def test_json_of_raw_request_is_the_body_and_before_it_is_the_output(program: Program) -> None:
    sent = program("--sandbox", "raw", "request", "/v2/users", "--json", '{"uid": "new"}')
    assert sent.code == 0, sent.show
    line = "--sandbox --json raw request /v2/users --query uid=ada"
    shown = program(*line.split(), stdout_is_terminal=True)
    assert shown.code == 0, shown.show
    assert json.loads(shown.out)["results"][0]["uid"] == "ada"


def test_an_unknown_command_says_where_to_look(
    program: Program,
) -> None:
    done = program("users", "frob", "--json")
    assert done.code == ExitCode.USAGE
    assert "No such command 'frob'" in done.err
    assert "fsctl users --help" in done.err


@pytest.mark.parametrize("line", ["--fields", "users list --limit x", "users list --nope", "-o"])
def test_what_cannot_be_parsed_is_a_usage_error(line: str, program: Program) -> None:
    done = program("--sandbox", *line.split())
    assert done.code == ExitCode.USAGE, done.show
    assert "--help" in done.err


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ("users list --limit x", "--limit takes a whole number from 1 on, not 'x'."),
        ("users list --limit=0", "--limit takes a whole number from 1 on, not '0'."),
        ("sessions list ada --limit -3", "--limit takes a whole number from 1 on, not '-3'."),
        (
            "sandbox serve --port 99999",
            "--port takes a whole number from 0 to 65,535, not '99999'.",
        ),
        ("sandbox seed --people \x1b[1m", "--people takes a whole number from 0 to 100,000, not"),
    ],
)
def test_what_is_no_number_is_refused_in_a_sentence(
    line: str, message: str, program: Program
) -> None:
    done = program(*line.split(), "--json")
    assert done.code == ExitCode.USAGE, done.show
    told = json.loads(done.err.splitlines()[-1])["error"]
    assert told["message"].startswith(message)
    assert told["hint"] == f"Try `fsctl {' '.join(line.split()[:2])} --help`."
    assert "\x1b" not in done.err


def test_serving_has_nothing_to_try_dry(program: Program) -> None:
    done = program("sandbox", "serve", "--dry-run")
    assert (done.code, done.out) == (ExitCode.USAGE, ""), done.show
    assert "sandbox serve sends nothing, so --dry-run has no meaning for it." in done.err


@pytest.mark.parametrize("path", [path for path, each in TREE.items() if isinstance(each, Group)])
def test_a_group_without_a_command_shows_its_help(
    path: str, program: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    words = path.split()[1:]
    assert program(*words).code == ExitCode.DONE
    alone = capsys.readouterr().out
    program(*words, "--help")
    assert alone == capsys.readouterr().out
    assert alone.startswith(f"Usage: {path} ")


def test_jq_and_a_format_that_is_not_json_exclude_each_other(program: Program) -> None:
    done = program("--sandbox", "users", "list", "--jq", ".id", "-o", "csv")
    assert (done.code, done.out) == (ExitCode.USAGE, ""), done.show


def test_a_dry_run_never_seeds(program: Program) -> None:
    program("--sandbox", "annotations", "create", "kept")
    done = program("sandbox", "seed", "--dry-run")
    assert (done.code, json.loads(done.out)["dry_run"]) == (ExitCode.DONE, True), done.show
    newest = json.loads(program("sandbox", "show").out)["annotations"][0]
    assert newest["text"] == "kept"


@pytest.mark.parametrize(("columns", "width"), [("60", 58), ("20", 50), ("250", 98)])
def test_help_is_as_wide_as_the_window_within_reason(
    columns: str,
    width: int,
    program: Program,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    program("users", "list", "--help")
    text = capsys.readouterr().out
    prose = text.partition("Examples:")[0].splitlines()
    assert width - 10 < max(map(len, prose)) <= width, text
