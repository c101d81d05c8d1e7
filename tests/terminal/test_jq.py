"""--jq: the row and nothing else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from fsctl.errors import ExitCode, FsctlError, Usage
from fsctl.terminal.jq import compile_jq

ROW: dict[str, Any] = {"id": "7", "big": 12345678901234567890, "odd": 9007199254740993, "half": 0.5}


def run(expression: str, row: Any = ROW) -> list[Any]:
    return list(compile_jq(expression)(row))


@pytest.mark.parametrize(
    ("expression", "results"),
    [
        (".id", ["7"]),
        (".id, .half", ["7", 0.5]),
        ("empty", []),
        (".nope", [None]),
        ('@sh "rm \\(.id)"', ["rm '7'"]),
        (". # a comment\n| .id", ["7"]),
        (".id # a comment", ["7"]),
        (".id # a comment that goes on \\", ["7"]),
        ("def f: .id; f", ["7"]),
        ('" )) | (( "', [" )) | (( "]),
        ("try error(\"x\") catch .", ["x"]),
        ("limit(2; repeat(.id))", ["7", "7"]),
        ("nan", [None]),
        ('"import"', ["import"]),
    ],
)  # fmt: skip
def test_an_expression_gives_its_results(expression: str, results: list[Any]) -> None:
    assert run(expression) == results


def test_integers_beyond_a_double_keep_their_digits() -> None:
    assert run(".") == [ROW]
    assert run(".big, [.odd]") == [12345678901234567890, [9007199254740993]]


def test_text_that_is_not_unicode_becomes_the_replacement_character() -> None:
    assert run(".x", {"x": "a\ud800\0"}) == ["a\ufffd\0"]


def test_results_come_one_by_one() -> None:
    assert next(compile_jq("range(1; 1e15)")(None)) == 1


@pytest.mark.parametrize(
    "expression",
    ["$ENV", "env", "$ENV | .", "def f: $ENV; f", "(env)", "[env][0]", "reduce $ENV as $x (0; $x)"],
)
def test_the_environment_is_empty(expression: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SECRET", "hush")
    assert run(expression) == [{}]


@pytest.mark.parametrize(
    "expression",
    [
        ".)) | $ENV | ((.",
        ".) | $ENV | (.",
        ".) | env | (.",
        ".\n) | $ENV | (\n.",
        ". #\n) | $ENV | (. #",
        "1) as $x | $ENV | (1",
        ".) | tojson, ($ENV",
        "def f: 1;",
        ".[",
        ". , ((",
        '"a',
        ".id \\",
        "# only a comment",
        "# \\",
        ".\0) | $ENV | (.",
        "$__prog_args",
        "$nope",
        "nope",
        "\ud800",
        "",
        "  ",
    ],
)
def test_what_is_not_one_expression_by_itself_is_refused(expression: str) -> None:
    with pytest.raises(Usage) as failure:
        compile_jq(expression)
    assert failure.value.exit_code is ExitCode.USAGE
    assert failure.value.hint
    assert "\n" not in failure.value.message


@pytest.mark.parametrize(
    "expression",
    ['import "./m" as m; m::f', 'include "./m"; f', 'import "./m" as $d; $d', "module {}; ."],
)
def test_no_module_is_loaded(
    expression: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "m.jq").write_text("def f: 1;")
    (tmp_path / "m.json").write_text("1")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Usage, match="modules"):
        compile_jq(expression)


def test_no_file_is_read_through_a_module_s_description(tmp_path: Path) -> None:
    (tmp_path / "secret.jq").write_text("hush hush")
    with pytest.raises(FsctlError) as failure:
        run(f'"{tmp_path}/secret" | modulemeta')
    assert "hush" not in failure.value.message
    assert "not available" in failure.value.message


@pytest.mark.parametrize(
    ("expression", "results"),
    [
        ("input_filename", [None]),
        ("input_line_number", [None]),
        ("get_search_list", [[]]),
        ("halt, 1", [1]),
        ("debug | .id", ["7"]),
        ('debug("x") | .id', ["7"]),
        ("stderr | .id", ["7"]),
    ],
)
def test_what_speaks_of_a_process_that_is_not_its_own_is_shut_off(
    expression: str, results: list[Any], capfd: pytest.CaptureFixture[str]
) -> None:
    assert run(expression) == results
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize("expression", ["input", "inputs", "[inputs]"])
def test_there_is_no_further_input(expression: str) -> None:
    with pytest.raises(FsctlError, match="each row is given by itself"):
        run(expression)


@pytest.mark.parametrize(
    ("expression", "reason"),
    [
        (".\n| nope", "nope/0 is not defined (line 2, column 3)"),
        (".id |", "it ends too early"),
        (".foo(1)", "line 1, column 5"),
    ],
)
def test_a_wrong_expression_is_explained_in_jq_s_words_at_the_user_s_place(
    expression: str, reason: str
) -> None:
    with pytest.raises(Usage) as failure:
        compile_jq(expression)
    assert reason in failure.value.message


@pytest.mark.parametrize(
    "expression", [".id.x", '"stop" | error', '"stop" | halt_error(3)', "error(null)"]
)
def test_a_failure_on_the_data_is_no_usage_error_because_the_command_was_carried_out(
    expression: str,
) -> None:
    program = compile_jq(expression)
    with pytest.raises(FsctlError) as failure:
        list(program(ROW))
    assert failure.value.exit_code is ExitCode.FAILED
    assert failure.value.code == "jq"


def test_what_came_before_a_failure_is_given() -> None:
    results = compile_jq(".id, error")(ROW)
    assert next(results) == "7"
    with pytest.raises(FsctlError):
        next(results)


def test_without_the_package_the_message_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setitem(sys.modules, "jq", None)
    with pytest.raises(Usage) as failure:
        compile_jq(".")
    assert failure.value.exit_code is ExitCode.USAGE
    assert "python -m pip install jq" in (failure.value.hint or "")


def test_the_package_is_loaded_only_when_asked_for() -> None:
    program = "import sys, fsctl.terminal.render; sys.exit('jq' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
