"""`fsctl completion`: scripts that are current, and what they know of the tree (issue 7)."""

from __future__ import annotations

import json
import re
import shutil
import stat
import subprocess
from pathlib import Path

import click
import pytest

from fsctl.cli import completion_install, completion_tree
from fsctl.cli.completion_scripts import FILES, script
from fsctl.cli.completion_tree import Argument, Node, Option, common_options, tree
from fsctl.errors import ExitCode
from tests.support.program import Program
from tests.support.tree import commands

COMPLETIONS = Path(__file__).parents[2] / "completions"
REGENERATE = " && ".join(
    f"fsctl completion {shell} > completions/{name}" for shell, name in FILES.items()
)
NODES = {node.path: node for node in tree()}
SYNTAX_CHECKS = {"bash": ["bash", "-n"], "zsh": ["zsh", "-n"], "fish": ["fish", "--no-execute"]}


@pytest.mark.parametrize("shell", FILES)
def test_the_scripts_of_the_repository_are_current(shell: str, program: Program) -> None:
    done = program("completion", shell)
    assert done.code == ExitCode.DONE, done.show
    written = (COMPLETIONS / FILES[shell]).read_text(encoding="utf-8")
    assert written == done.out, f"completions/ is older than the commands. Run:\n{REGENERATE}"


@pytest.mark.parametrize("shell", FILES)
def test_the_shell_can_read_its_script(shell: str) -> None:
    if not shutil.which(shell):
        pytest.skip(f"{shell} is not installed")
    command = [*SYNTAX_CHECKS[shell], str(COMPLETIONS / FILES[shell])]
    assert subprocess.run(command, capture_output=True, check=False).stderr == b""


def test_the_script_for_bash_is_one_for_the_bash_of_macos() -> None:
    text = script("bash")
    newer = (
        r"\b(mapfile|readarray|coproc)\b|local -[An]|declare -[An]|\$\{\w+(,,|\^\^|@)|&>>|\|&|;;&"
    )
    assert not re.search(newer, text)
    for line in text.splitlines():  # the two words that bash 3.2 has not are asked for first
        if "compopt -o" in line:
            assert "_fsctl_has_compopt" in line or line.strip().startswith("[ -z"), line
        if "printf -v now" in line:
            assert "|| now=$(date +%s)" in line


@pytest.mark.parametrize("shell", FILES)
def test_names_that_were_kept_are_never_expanded(shell: str) -> None:
    assert not re.search(r"^[^#]*\b(eval|compgen -W)\b", script(shell), re.MULTILINE)


def test_every_command_and_option_that_help_shows_is_in_the_tree() -> None:
    for path, command in commands():
        node = NODES[path.removeprefix("fsctl").strip()]
        names = {name for each in (*node.options, *common_options()) for name in each.names}
        for param in command.get_params(click.Context(command)):
            if isinstance(param, click.Option) and not param.hidden:
                assert names >= {*param.opts, *param.secondary_opts}, path


def test_every_rule_about_a_value_speaks_of_one_that_is_there() -> None:
    params = {
        (path.removeprefix("fsctl").strip(), param.name or "")
        for path, command in commands()
        for param in command.get_params(click.Context(command))
    }
    for where, name in completion_tree._KINDS:
        start = where.removesuffix("*")
        assert any(
            there == name and (path == where or (where.endswith("*") and path.startswith(start)))
            for path, there in params
        ), (where, name)


def test_words_of_the_tables_have_nothing_that_a_shell_would_expand() -> None:
    plain = re.compile(r"[A-Za-z0-9_.-]+")
    for node in NODES.values():
        assert all(plain.fullmatch(name) for name, _ in node.commands)
        for option in (*node.options, *common_options()):
            assert all(plain.fullmatch(name) for name in option.names)
            assert option.value is None or all(map(plain.fullmatch, option.value.choices))


def test_what_is_told_is_a_sentence_with_its_brackets_whole() -> None:
    for node in NODES.values():
        for each in (*node.options, *common_options()):
            assert each.help.count("(") == each.help.count(")"), (node.path, each.help)
        for name, purpose in node.commands:
            assert purpose.count("(") == purpose.count(")"), (node.path, name, purpose)


def test_a_label_is_a_word_without_how_it_is_typed() -> None:
    options = (each for node in NODES.values() for each in (*node.options, *common_options()))
    values = [each.value for each in options if each.value is not None]
    values += [each.value for node in NODES.values() for each in node.arguments]
    for value in values:
        assert not re.search(r"[\[\]'\"]|\.\.\.|_$", value.label), value


def option(path: str, name: str) -> Option:
    node = NODES[path]
    return next(each for each in (*node.options, *common_options()) if name in each.names)


def kinds(node: Node) -> list[Argument]:
    return list(node.arguments)


@pytest.mark.parametrize(
    ("path", "name", "kind"),
    [
        ("users get", "--from-file", "file"),
        ("users delete", "--rejects", "file"),
        ("users create", "--properties", "at-file"),
        ("annotations deploy", "--outbox", "directory"),
        ("annotations create", "--start", "any"),
        ("annotations create", "--profile", "profiles"),
        ("raw request", "--method", "choice"),
        ("doctor", "--connection", "connections"),
    ],
)
def test_what_an_option_takes_is_told_from_what_help_says(path: str, name: str, kind: str) -> None:
    value = option(path, name).value
    assert value is not None and value.kind == kind


def test_a_value_that_may_be_left_out_waits_for_no_word() -> None:
    assert option("annotations deploy", "--once").bare
    assert not option("annotations deploy", "--service").bare
    assert option("events create", "--property").repeated


def test_the_shell_is_the_one_that_the_variable_names(program: Program) -> None:
    done = program("completion", env={"SHELL": "/usr/local/bin/fish"})
    assert done.out == script("fish"), done.show


@pytest.mark.parametrize("env", [{}, {"SHELL": "/bin/tcsh"}, {"SHELL": "/bin/\x1b[1m"}])
def test_another_shell_is_refused_with_those_there_are(
    env: dict[str, str], program: Program
) -> None:
    done = program("completion", env=env)
    assert (done.code, done.out) == (ExitCode.USAGE, ""), done.show
    assert "fsctl completion bash|zsh|fish" in done.err
    assert "\x1b" not in done.err


# -- installing

PLACES = {
    "bash": ".local/share/bash-completion/completions/fsctl",
    "zsh": ".zfunc/_fsctl",
    "fish": ".config/fish/completions/fsctl.fish",
}


@pytest.mark.parametrize(("shell", "place"), PLACES.items())
def test_installing_puts_it_where_the_shell_looks_and_says_so(
    shell: str, place: str, program: Program
) -> None:
    done = program("completion", shell, "--install")
    assert done.code == ExitCode.DONE, done.show
    path = program.home / place
    told = json.loads(done.out)
    assert told == {"shell": shell, "path": str(path), "state": "installed"}
    assert path.read_text(encoding="utf-8") == script(shell)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


@pytest.mark.parametrize("shell", FILES)
def test_installing_again_changes_nothing(shell: str, program: Program) -> None:
    program("completion", shell, "--install")
    path = program.home / PLACES[shell]
    before = path.stat()
    done = program("completion", shell, "--install")
    assert json.loads(done.out)["state"] == "current", done.show
    assert path.stat().st_ino == before.st_ino


def test_an_older_one_of_ours_is_replaced(program: Program) -> None:
    program("completion", "fish", "--install")
    path = program.home / PLACES["fish"]
    path.write_text(path.read_text() + "# older\n")
    done = program("completion", "fish", "--install")
    assert json.loads(done.out)["state"] == "updated", done.show
    assert path.read_text() == script("fish")


def test_somebody_elses_file_stays_but_for_force(program: Program) -> None:
    path = program.home / PLACES["bash"]
    path.parent.mkdir(parents=True)
    path.write_text("mine\n")
    done = program("completion", "bash", "--install")
    assert (done.code, path.read_text()) == (ExitCode.USAGE, "mine\n"), done.show
    assert "fsctl did not make it" in done.err and "--force" in done.err
    assert program("completion", "bash", "--install", "--force").code == ExitCode.DONE
    assert path.read_text() == script("bash")


def test_nothing_is_written_through_a_link(program: Program, tmp_path: Path) -> None:
    path = program.home / PLACES["zsh"]
    path.parent.mkdir(parents=True)
    (tmp_path / "elsewhere").write_text("# Made by `fsctl completion zsh`\n")
    path.symlink_to(tmp_path / "elsewhere")
    done = program("completion", "zsh", "--install", "--force")
    assert done.code == ExitCode.USAGE, done.show
    assert "symbolic link" in done.err
    assert "`fsctl completion zsh > FILE`" in done.err
    assert len((tmp_path / "elsewhere").read_text()) < 50


def test_a_dry_run_only_tells_the_place(program: Program) -> None:
    done = program("completion", "zsh", "--install", "--dry-run")
    told = json.loads(done.out)
    assert (told["dry_run"], told["state"]) == (True, "installed"), done.show
    assert not Path(told["path"]).exists()


@pytest.mark.parametrize(
    ("shell", "variable", "place"),
    [
        ("bash", "XDG_DATA_HOME", "bash-completion/completions/fsctl"),
        ("bash", "BASH_COMPLETION_USER_DIR", "completions/fsctl"),
        ("zsh", "ZDOTDIR", ".zfunc/_fsctl"),
        ("fish", "XDG_CONFIG_HOME", "fish/completions/fsctl.fish"),
    ],
)
def test_the_variables_of_the_shells_move_it(
    shell: str, variable: str, place: str, program: Program, tmp_path: Path
) -> None:
    elsewhere = tmp_path / "else where"
    done = program("completion", shell, "--install", env={variable: str(elsewhere)})
    assert json.loads(done.out)["path"] == str(elsewhere / place), done.show
    relative = program("completion", shell, "--install", env={variable: "relative"})
    assert json.loads(relative.out)["path"] == str(program.home / PLACES[shell]), relative.show


def test_zsh_is_told_what_its_start_up_file_lacks(program: Program) -> None:
    first = program("completion", "zsh", "--install")
    assert f"fpath=({program.home}/.zfunc $fpath)" in first.err
    (program.home / ".zshrc").write_text("  # fpath=(~/.zfunc $fpath)\n")
    assert "fpath" in program("completion", "zsh", "--install").err
    (program.home / ".zshrc").write_text("fpath=(~/.zfunc $fpath)\n")
    second = program("completion", "zsh", "--install")
    assert "fpath" not in second.err, second.show
    assert "from now on" in second.err


@pytest.mark.parametrize("there", [True, False])
def test_bash_is_told_what_to_add_where_bash_completion_is_not_loaded(
    there: bool, program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "bash_completion").touch()
    places = (str(tmp_path / "bash_completion"),) if there else ()
    monkeypatch.setattr(completion_install, "BASH_COMPLETION", places)
    done = program("completion", "bash", "--install")
    assert f"source {program.home / PLACES['bash']}" in done.err, done.show
    assert ("if yours does not" in done.err) == there


def test_a_home_that_is_none_is_a_usage_error(program: Program) -> None:
    done = program("completion", "fish", "--install", env={"HOME": ""})
    assert (done.code, done.out) == (ExitCode.USAGE, ""), done.show
    assert "HOME names no directory" in done.err


def test_a_place_that_cannot_be_made_is_refused(program: Program) -> None:
    (program.home / ".config").write_text("a file")
    done = program("completion", "fish", "--install")
    assert done.code == ExitCode.FAILED, done.show
    assert "cannot be made" in done.err


@pytest.mark.parametrize("asked", [("-o", "table"), ("--jq", ".path"), ("--fields", "path")])
def test_a_script_is_no_data_to_pick_from(asked: tuple[str, str], program: Program) -> None:
    done = program("completion", "bash", *asked)
    assert (done.code, done.out) == (ExitCode.USAGE, ""), done.show
    assert program("completion", "bash", "--install", *asked).code == ExitCode.DONE


def test_an_unknown_shell_is_told_as_one(program: Program) -> None:
    done = program("completion", "bsh")
    assert done.code == ExitCode.USAGE, done.show
    assert "'[SHELL]'" in done.err and "Did you mean 'bash'?" in done.err


def test_force_without_install_says_that_it_means_nothing(program: Program) -> None:
    assert program("completion", "bash", "--force").code == ExitCode.USAGE
