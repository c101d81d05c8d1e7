"""``--fields`` and ``--jq`` work on all that prints data, and are checked before it acts."""

from __future__ import annotations

import json
import shlex
import shutil
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path

import click
import pytest

from fsctl.bulk.outbox import keep
from fsctl.errors import ExitCode
from tests.support.command import clean_environment
from tests.support.program import Program
from tests.support.tree import commands

SESSION = "5517947882585495975:366916161176979767"
CONNECTION = "6920c5a1d3f4e5b6a7c8d901"

# A line for each command that prints data, in the sandbox, with one of its fields.
PRINTING = {
    "init": ("--no-input --road sandbox --profile-name play --no-use", "profile"),
    "auth status": ("", "gateway"),
    "connections create": ("--another --name Second", "id"),
    "connections delete": (f"{CONNECTION} --yes", "state"),
    "connections list": ("", "state"),
    "connections reconnect": (CONNECTION, "id"),
    "connections search": ("fullstory", "name"),
    "connections show": ("", "state"),
    "connections use": (f"{CONNECTION} --profile play", "connection"),
    "connections wait": (CONNECTION, "state"),
    "users find": ("ada", "newest_session.url"),
    "users get": ("ada grace", "properties.plan"),
    "users list": ("--limit 2", "id"),
    "users create": ("--uid sam-1", "uid"),
    "users update": ("ada -p plan=paid", "id"),
    "users delete": ("ada --yes", "id"),
    "users import": ("people.jsonl", "accepted"),
    "events create": ("Hello --user ada", "name"),
    "events import": ("events.jsonl", "accepted"),
    "annotations create": ("v1", "text"),
    "annotations deploy": ("--service web --version v1", "text"),
    "annotations run": ("--service web --dry-run -- true", "dry_run"),
    "annotations flush": ("outbox", "state"),
    "sessions list": ("ada", "fsUrl"),
    "sessions latest": ("ada", "fsUrl"),
    "sessions events": (f"{SESSION} --limit 2", "event_type"),
    "sessions timeline": (SESSION, "type"),
    "sessions open": ("ada", "url"),
    "sessions summary": (SESSION, "summary"),
    "actions list": ("", "key"),
    "actions show": ("create-annotation", "key"),
    "segments list": ("", "name"),
    "raw action": ("list-users", "results.0.id"),
    "raw request": ("/v2/users", "results.0.id"),
    "profiles list": ("", "name"),
    "profiles show": ("play --origin", "origin"),
    "profiles path": ("", "path"),
    "profiles create": ("other --dry-run", "dry_run"),
    "profiles use": ("play --dry-run", "dry_run"),
    "profiles set": ("timeout 30s --profile play --dry-run", "dry_run"),
    "profiles unset": ("transport --profile play --dry-run", "dry_run"),
    "profiles delete": ("play --dry-run", "dry_run"),
    "profiles trust": (". --dry-run", "dry_run"),
    "doctor": ("--offline", "state"),
    "sandbox seed": ("", "people"),
    "sandbox show": ("", "counts.users"),
    "help": ("", "topic"),
}
# What prints none, or writes a file of a form of its own, or tells of what the sandbox has not
# from its beginning; with its arguments.
OTHERS = {
    "login": "",
    "logout": "",
    "auth login": "",
    "auth logout": "",
    "auth complete": "CODE",
    "actions log": "RUN_ID",
    "users export": "",
    "users imports": "",
    "users job": "7",
    "events imports": "",
    "events job": "7",
    "segments export": "kX2pQ9",
    "sandbox serve": "--port 0",
    "sandbox reset": "--yes",
    "completion": "bash",
}

# An annotation that `annotations deploy` kept, to be sent by `annotations flush`.
KEPT = {
    "text": "v1",
    "start_time": "2026-01-01T00:00:00Z",
    "account": "sandbox",
    "connection": None,
}

LEAVES = [
    name.removeprefix("fsctl ")
    for name, command in commands()
    if not isinstance(command, click.Group)
]


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The data of a sandbox that was used once."""
    home = tmp_path_factory.mktemp("seeded")
    assert Program(home)("sandbox", "seed").code == ExitCode.DONE
    return home / "data"


@pytest.fixture
def fresh(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """A home with a profile of the sandbox, and files that the lines above name."""
    monkeypatch.chdir(tmp_path)
    Path("people.jsonl").write_text('{"uid": "n1"}\n')
    Path("events.jsonl").write_text('{"name": "x", "user": {"uid": "ada"}}\n')
    Path(".fsctl.toml").write_text('transport = "http"\n')
    keep(Path("outbox"), KEPT, datetime(2026, 1, 1, tzinfo=UTC))
    program = Program(tmp_path)
    program.profile('[profiles.play]\ntransport = "sandbox"\n')
    return program


@pytest.fixture
def program(fresh: Program, seeded: Path) -> Program:
    """The same with a sandbox that has its people."""
    shutil.copytree(seeded, fresh.home / "data")
    return fresh


@pytest.mark.parametrize("name", LEAVES)
def test_every_command_is_known_here(name: str) -> None:
    assert (name in PRINTING) != (name in OTHERS), f"add {name} to one of the two tables"


def line(name: str, *options: str) -> list[str]:
    arguments = PRINTING[name][0] if name in PRINTING else OTHERS[name]
    words = [*name.split(), *shlex.split(arguments)]
    at = words.index("--") if "--" in words else len(words)
    return [*words[:at], *options, *words[at:]]


@pytest.mark.parametrize("name", [name for name in LEAVES if name in PRINTING])
def test_fields_picks_from_what_a_command_prints(program: Program, name: str) -> None:
    field = PRINTING[name][1]
    ended = program("--sandbox", *line(name, "--fields", field, "-o", "jsonl"))
    assert ended.code == ExitCode.DONE, ended.show
    rows = [json.loads(text) for text in ended.out.splitlines()]
    assert rows, ended.show
    for row in rows:
        assert list(row) == [field], ended.show
        assert row[field] is not None, ended.show


@pytest.mark.parametrize("name", [name for name in LEAVES if name in PRINTING])
def test_jq_works_on_what_a_command_prints(program: Program, name: str) -> None:
    # A timeline's rows are the steps of one story, which jq gets whole.
    path = "steps[0].type" if name == "sessions timeline" else PRINTING[name][1]
    path = path.replace(".0", "[0]")
    ended = program("--sandbox", *line(name, "--jq", f"[.{path}]"))
    assert ended.code == ExitCode.DONE, ended.show
    results = [json.loads(text) for text in ended.out.splitlines()]
    assert results, ended.show
    assert all(len(result) == 1 and result[0] is not None for result in results), ended.show


@pytest.mark.parametrize("name", LEAVES)
@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        (("--jq", ".["), "The --jq expression is wrong: it ends too early."),
        (("--fields", "id,,b"), "--fields 'id,,b' holds an empty field name."),
    ],
    ids=["jq", "fields"],
)
def test_a_wrong_expression_ends_every_command_before_it_does_anything(
    fresh: Program, name: str, options: tuple[str, str], complaint: str
) -> None:
    ended = fresh("--sandbox", *line(name, *options))
    assert ended.code == ExitCode.USAGE, ended.show
    assert complaint in ended.err, ended.show
    assert ended.out == ""
    assert not (fresh.home / "data").exists()


_WITHOUT_JQ = """
import sys
sys.modules["jq"] = None
from fsctl.cli.main import entry_point
entry_point()
"""


def test_without_the_package_jq_says_what_to_install(tmp_path: Path) -> None:
    ended = subprocess.run(
        [sys.executable, "-c", _WITHOUT_JQ, "--sandbox", "users", "get", "ada", "--jq", ".id"],
        env=clean_environment(tmp_path),
        capture_output=True,
        text=True,
        check=False,
    )
    assert ended.returncode == ExitCode.USAGE
    assert ended.stdout == ""
    assert "--jq needs the Python package jq, which is not installed." in ended.stderr
    assert "pipx inject fsctl jq" in ended.stderr
    assert not (tmp_path / "data").exists()


def test_a_field_that_nothing_has_is_told_with_those_there_are(program: Program) -> None:
    ended = program("--sandbox", "users", "get", "ada", "--fields", "id,nme")
    assert ended.code == ExitCode.DONE
    assert json.loads(ended.out)["nme"] is None
    assert (
        "fsctl: warning: nothing has the field nme; there are: id, uid, display_name, email, "
        "is_being_deleted, properties, app_url" in ended.err
    )


def test_a_field_that_some_people_lack_is_no_mistake(program: Program) -> None:
    ended = program("--sandbox", "users", "create", "--uid", "sam-1", "--fields", "id,email")
    assert "there are" not in ended.err
