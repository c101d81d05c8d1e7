"""``--help`` of every command: purpose, options under titles, examples, a line for the rest."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path

import click
import pytest

import fsctl
from fsctl.cli.help import PAGES, topics
from fsctl.cli.options import FOLDED, Command, Group, LazyGroup, global_options, heading, title_of
from fsctl.cli.root import MEMBERS, SECTIONS
from fsctl.fullstory.deploys import OWN, PREFIX
from fsctl.settings import env
from tests.support.program import Program
from tests.support.tree import commands

TREE = dict(commands())
CODE = Path(fsctl.__file__).parent

# What a purpose may begin with: it says what the command does. A new verb is added here.
VERBS = {
    "Administer", "Annotate", "Archive", "Bring", "Change", "Check", "Complete", "Create",
    "Delete", "Erase", "Export", "Fill", "Find", "Finish", "Forget", "Give", "Import", "Install",
    "Keep", "Let", "List", "Log", "Look", "Mark", "Open", "Print", "Put", "Read", "Remove", "Run",
    "Search", "See", "Send", "Serve", "Set", "Show", "Tell", "Try", "Use", "Wait", "Write",
}  # fmt: skip
ONE_FORM = {"fsctl sandbox reset"}  # what can be done in one way only


def shown(path: str, program: Program, capsys: pytest.CaptureFixture[str]) -> str:
    assert program(*path.split()[1:], "--help").code == 0
    return capsys.readouterr().out


@pytest.mark.parametrize("path", TREE)
def test_help_begins_with_one_line_of_purpose(
    path: str, program: Program, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    usage, empty, purpose, after, *_ = shown(path, program, capsys).splitlines()
    assert usage.startswith(f"Usage: {path} ")
    assert (empty, after) == ("", ""), "the purpose is one line"
    assert re.findall(r"\w+", purpose)[0] in VERBS
    assert purpose.endswith(".")


@pytest.mark.parametrize("path", [path for path in TREE if isinstance(TREE[path], Group)])
def test_a_group_tells_the_whole_purpose_of_each_command(
    path: str, program: Program, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    _, *lines = shown(path, program, capsys).partition("Examples:")[0].splitlines()
    assert [line for line in lines if line.endswith("...")] == []


def test_what_run_measures_is_not_told_as_if_the_build_system_did(
    program: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    text = " ".join(shown("fsctl annotations run", program, capsys).split())
    assert "(default: when COMMAND starts)" in text
    assert "What it is when COMMAND succeeds: succeeded or rolled-back (default: succeeded)" in text
    assert "--finished" not in text
    assert "the job did" not in text
    assert "started, succeeded, failed" not in text


@pytest.mark.parametrize("path", TREE)
def test_help_ends_with_examples_and_the_way_to_the_global_options(
    path: str, program: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    text = shown(path, program, capsys)
    assert text.endswith(f"\n\n{FOLDED}\n")
    assert "fsctl help environment" in FOLDED
    examples = re.findall(r"^  \$ .+$", text.partition("Examples:\n")[2], re.MULTILINE)
    assert len(examples) >= (1 if path in ONE_FORM else 2)
    for name in ("--profile", "--retries", "--color"):
        assert f"\n  {name} " not in text, "told once, on the page"


@pytest.mark.parametrize("path", TREE)
def test_many_options_stand_under_titles(path: str) -> None:
    command = TREE[path]
    assert isinstance(command, Command | Group)
    titled = command.titled_options(click.Context(command))
    assert all(len(options) <= 8 for options in titled.values()), list(titled)
    if len(titled) > 1:
        assert "Options" not in titled, "some options have a title and some have none"


@pytest.mark.parametrize("path", TREE)
def test_help_fits_a_narrow_window_but_for_examples_which_are_to_be_copied(
    path: str, program: Program, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "60")
    lines = shown(path, program, capsys).splitlines()
    assert [line for line in lines if len(line) > 60 and not line.startswith("  $ ")] == []
    assert [line for line in lines if len(line) > 100] == []


def test_a_heading_holds_for_the_options_below_it_down_to_the_next(program: Program) -> None:
    @click.command(cls=Command)
    @heading("Which")
    @click.option("--one")
    @click.option("--two")
    @heading("Waiting")
    @click.option("--three")
    def example() -> None:
        pass

    titles = {param.name: title_of(param) for param in example.params}  # type: ignore[arg-type]
    assert titles == {"one": "Which", "two": "Which", "three": "Waiting"}


def lazy_members() -> list[tuple[str, str]]:
    return [
        (f"{path} {name}", short)
        for path, group in TREE.items()
        if isinstance(group, LazyGroup)
        for name, (_, short) in group._members.items()
    ]


@pytest.mark.parametrize(("path", "short"), lazy_members())
def test_the_short_help_beside_a_path_says_what_the_command_says(path: str, short: str) -> None:
    """It is written by hand, so that the list of commands loads none of them."""
    assert re.findall(r"\w+", short)[0] in VERBS
    assert short.endswith(".")
    assert len(short) <= 68
    if isinstance(TREE[path], Group):
        assert short == (TREE[path].help or "").partition("\n")[0]
    meant = set(re.findall(r"[a-z]{4,}", (TREE[path].help or "").casefold()))
    words = re.findall(r"[a-z]{4,}", short.casefold())
    assert set(words) & meant, f"{short!r} is about something else"


def test_the_root_lists_every_command_once(
    program: Program, capsys: pytest.CaptureFixture[str]
) -> None:
    text = shown("fsctl", program, capsys).partition("Options:")[0]
    listed = re.findall(r"^  ([a-z]+) {2,}", text, re.MULTILINE)
    assert sorted(listed) == sorted(MEMBERS)
    assert {name for names in SECTIONS.values() for name in names} == set(MEMBERS)
    assert "\nCommands:" not in text


# -- the pages


def test_all_topics_are_there() -> None:
    assert set(topics()) == {
        "bulk", "ci", "environment", "exit-codes", "formatting", "membrane", "profiles", "sandbox",
        "security",
    }  # fmt: skip


ENVIRONMENT = (PAGES / "environment.md").read_text("utf-8")


def test_the_page_on_the_environment_names_every_variable_that_is_read_and_no_other() -> None:
    variable = re.compile(r"\b(?:FSCTL|MEMBRANE)(?:_[A-Z]+)+\b")
    told = set(variable.findall(ENVIRONMENT))
    texts = [
        node.value
        for file in CODE.rglob("*.py")
        for node in ast.walk(ast.parse(file.read_bytes()))
        if isinstance(node, ast.Constant) and isinstance(node.value, str)
    ]
    read = {name for text in texts for name in variable.findall(text)}
    declared = {value for name in vars(env) for value in _texts(getattr(env, name))}
    assert declared <= read
    assert told == read | {f"{PREFIX}{name}" for name in OWN}


def _texts(value: object) -> list[str]:
    values = value if isinstance(value, tuple) else (value,)
    pattern = re.compile(r"(FSCTL|MEMBRANE)_[A-Z_]+")
    return [each for each in values if isinstance(each, str) and pattern.fullmatch(each)]


@pytest.mark.parametrize("option", global_options(), ids=lambda option: option.opts[-1])
def test_the_page_on_the_environment_names_every_global_option(option: click.Option) -> None:
    for name in option.opts:
        assert re.search(rf"`{name}[` ]", ENVIRONMENT)
    if isinstance(option.type, click.Choice):
        assert "|".join(map(str, option.type.choices)) in ENVIRONMENT


def test_the_page_on_exit_codes_names_every_code() -> None:
    from fsctl.errors import ExitCode

    page = (PAGES / "exit-codes.md").read_text("utf-8")
    rows = re.findall(r"^\| (\d+) \|", page, re.MULTILINE)
    assert list(map(int, rows)) == sorted(ExitCode)


@pytest.mark.parametrize("page", sorted(PAGES.glob("*.md")), ids=lambda page: page.stem)
def test_pages_name_only_commands_options_and_pages_that_there_are(page: Path) -> None:
    text = page.read_text("utf-8")
    for words in re.findall(r"\bfsctl ((?:-{0,2}[a-z][a-z-]* ?)+)", text):
        named = [word for word in words.split() if not word.startswith("-")]
        if named[:1] == ["help"]:
            assert not named[1:] or named[1] in topics(), words
        elif named and f"fsctl {named[0]}" in TREE and len(named) > 1:
            group = TREE[f"fsctl {named[0]}"]
            assert not isinstance(group, Group) or f"fsctl {named[0]} {named[1]}" in TREE, words
    known = {name for each in TREE.values() for name in _names(each)} | {"--version", "--help"}
    own = set(re.findall(r"`(--[a-z][a-z-]*)", text))
    assert own <= known, own - known


def _names(command: click.Command) -> set[str]:
    params = command.get_params(click.Context(command))
    return {name for param in params for name in (*param.opts, *param.secondary_opts)}


# -- what help costs

_CHILD = """
import sys
from fsctl.cli.main import entry_point
sys.argv = ["fsctl", *{arguments!r}]
opened = []
sys.addaudithook(lambda event, told: event == "open" and opened.append(str(told[0])))
try:
    entry_point()
except SystemExit:
    pass
print(*(name for name in sys.modules if name.startswith("fsctl.")), file=sys.stderr)
print(*(name for name in opened if not name.endswith((".py", ".pyc"))), file=sys.stderr)
"""


def modules_and_files(tmp_path: Path, *arguments: str) -> tuple[set[str], str]:
    """Our modules that a command line loads, and the files that it opens."""
    config = tmp_path / "config.toml"
    config.write_text("this is no toml")
    done = subprocess.run(
        [sys.executable, "-c", _CHILD.format(arguments=arguments)],
        env={"PATH": os.defpath, "FSCTL_CONFIG_DIR": str(tmp_path), "FSCTL_PROFILE": "nobody"},
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stdout.startswith("Usage: fsctl ")
    modules, files = done.stderr.splitlines()[-2:]
    return set(modules.split()), files


def test_the_roots_help_loads_no_command(tmp_path: Path) -> None:
    modules, _ = modules_and_files(tmp_path, "--help")
    loaded = {name for name in modules if name.startswith("fsctl.cli.")}
    assert loaded == {f"fsctl.cli.{name}" for name in ("app", "main", "options", "root")}


@pytest.mark.parametrize("line", ["--help", "users --help", "users list --help", "profiles -h"])
def test_help_reads_no_setting(line: str, tmp_path: Path) -> None:
    modules, files = modules_and_files(tmp_path, *line.split())
    assert str(tmp_path) not in files
    assert not {name for name in modules if name.startswith("fsctl.settings.p")}


def test_a_lazy_groups_help_loads_none_of_its_commands(tmp_path: Path) -> None:
    modules, _ = modules_and_files(tmp_path, "sessions", "--help")
    group = TREE["fsctl sessions"]
    assert isinstance(group, LazyGroup)
    commands = {f"fsctl.cli{place.partition(':')[0]}" for place, _ in group._members.values()}
    assert commands
    assert not modules & commands
