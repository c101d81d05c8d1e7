"""What build systems show beside the log: nothing that is told can become a command of theirs."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from fsctl.terminal.ci import (
    LARGEST,
    annotate_build,
    verbatim,
    warning_form,
    write_outputs,
    write_summary,
)
from fsctl.terminal.messages import Messages
from tests.support.ci_log import commands_in, outputs_in
from tests.support.screen import build_log

SYSTEMS: Mapping[str, Mapping[str, str]] = {
    "GitHub Actions": {"GITHUB_ACTIONS": "true"},
    "Azure Pipelines": {"TF_BUILD": "True"},
    "TeamCity": {"TEAMCITY_VERSION": "2025.3"},
    "GitLab CI": {"GITLAB_CI": "true"},
    "Buildkite": {"BUILDKITE": "true"},
    "CircleCI": {"CIRCLECI": "true"},
    "none": {},
}
# Pieces of commands of every system, and what their parsers pass over.
HOSTILE = st.lists(
    st.sampled_from(
        ("::", ":", "##[", "##vso[", "##teamcity[", "#", "[", "]", "|", "'", "%", "%0A", "%25",
         "\n", "\r", "\r\n", "\x1b[0m", "\x85", "\u2028", "\u200b", "\u202e", " ", ";", ",", "=",
         "error", "add-mask::", "task.setvariable variable=x]", "--- ", "+++ ", "~~~ ", "^^^ +++",
         "section_start:1:x", "<<", "EOF", "`", "``", "<img src=x>", "![x](http://x)", "www.x.de",
         "@all", "**", "|a|", "http://x", "&lt;", "\\", "é", "🚀", "\ud800", "x"),
    ),
    max_size=12,
).map("".join)  # fmt: skip


def said(system: str, text: str) -> str:
    """What a warning is in the log of that system."""
    screen = build_log(environ=SYSTEMS[system])
    messages = Messages(screen)
    messages.loudly = warning_form(screen.environ)
    messages.warn(text)
    return screen.err


@pytest.mark.parametrize(
    ("system", "line"),
    [
        ("GitHub Actions", "::warning title=fsctl::50%25 of 'it' [is] a|b\n"),
        ("Azure Pipelines", "##vso[task.logissue type=warning]fsctl: 50%AZP25 of 'it' [is] a|b\n"),
        (
            "TeamCity",
            "##teamcity[message text='fsctl: 50% of |'it|' |[is|] a||b' status='WARNING']\n",
        ),
        ("GitLab CI", "\x1b[33;1mWARNING:\x1b[0m fsctl: 50% of 'it' [is] a|b\n"),
        ("Buildkite", "^^^ +++\n\x1b[33;1mfsctl: warning:\x1b[0m 50% of 'it' [is] a|b\n"),
        ("CircleCI", "fsctl: warning: 50% of 'it' [is] a|b\n"),
        ("none", "fsctl: warning: 50% of 'it' [is] a|b\n"),
    ],
)
def test_each_system_gets_a_warning_in_its_own_form(system: str, line: str) -> None:
    assert said(system, "50% of 'it' [is] a|b") == line


@pytest.mark.parametrize("system", SYSTEMS)
@given(text=HOSTILE)
def test_a_warning_is_one_command_at_most_whatever_it_says(system: str, text: str) -> None:
    expected = {
        "GitHub Actions": ["warning"],
        "Azure Pipelines": ["vso"],
        "TeamCity": ["teamcity"],
        "Buildkite": ["group"],
    }
    assert commands_in(said(system, text)) == expected.get(system, [])


def test_the_reader_of_commands_sees_them() -> None:
    log = "::error::x\n \u200b::add-mask::y\nx##[group]y\n ##VSO[a.b]c\nq##teamcity[x]\n+++ a\n"
    assert commands_in(log) == ["error", "add-mask", "##[", "vso", "teamcity", "group"]


@given(reason=HOSTILE, other=HOSTILE)
def test_outputs_hold_their_values_and_no_others(
    reason: str, other: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    safe = Messages(build_log()).safe
    file = tmp_path_factory.mktemp("o") / "output"
    file.write_text("mine=kept")  # `echo -n`: without a line end
    values = {"annotated": "true", "reason": safe(reason), "other": safe(other)}
    assert write_outputs({"GITHUB_OUTPUT": str(file)}, values)
    assert outputs_in(file.read_bytes().decode()) == {"mine": "kept", **values}


def test_no_value_can_guess_the_delimiter(tmp_path: Path) -> None:
    files = [tmp_path / "a", tmp_path / "b"]
    for file in files:
        file.touch()
        write_outputs({"GITHUB_OUTPUT": str(file)}, {"a": "1", "b": "2"})
    found = [re.findall("<<(.*)", file.read_text()) for file in files]
    assert len({*found[0], *found[1]}) == 4
    assert all(len(each) > 32 for each in found[0])


@given(text=HOSTILE)
def test_markdown_finds_nothing_but_text_in_what_is_told(
    text: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    file = tmp_path_factory.mktemp("s") / "summary"
    file.write_text("# Somebody's\n| a |")
    safe = Messages(build_log()).safe(text)
    assert write_summary({"GITHUB_STEP_SUMMARY": str(file)}, [safe])
    written = file.read_bytes().decode()
    tokens = MarkdownIt("commonmark").enable("table").parse(written)
    last = tokens[-2]
    kinds = {child.type for child in last.children or ()}
    assert kinds == {"text", "strong_open", "strong_close", "code_inline"}
    code = [child.content for child in last.children or () if child.type == "code_inline"]
    assert code == [" ".join(safe.split()) or "-"]


@pytest.mark.parametrize("text", ["", "`", "a`b", "``", " ` ", "`` ` ```"])
def test_a_code_span_holds_any_run_of_backticks(text: str) -> None:
    (line,) = MarkdownIt("commonmark").parseInline(verbatim(text))
    assert line.children is not None
    (token,) = line.children
    assert (token.type, token.content.strip()) == ("code_inline", text.strip() or "-")


def test_files_that_the_build_system_has_not_made_are_left_alone(tmp_path: Path) -> None:
    kept = tmp_path / "kept"
    kept.write_text("mine\n")
    link = tmp_path / "link"
    link.symlink_to(kept)
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (link, pipe, tmp_path, tmp_path / "missing", "/dev/full", "\0", ""):
        assert not write_outputs({"GITHUB_OUTPUT": str(path)}, {"a": "b"}), path
    assert not write_outputs({}, {"a": "b"})
    assert kept.read_text() == "mine\n"
    assert not (tmp_path / "missing").exists()


def test_what_github_would_refuse_as_too_long_is_not_made_longer(tmp_path: Path) -> None:
    file = tmp_path / "summary"
    file.write_bytes(b"x" * (LARGEST - 20))
    assert not write_summary({"GITHUB_STEP_SUMMARY": str(file)}, ["y" * 30])
    assert file.stat().st_size == LARGEST - 20


AGENT = """#!/bin/sh
{ for each in "$@"; do printf '%s\\n' "$each"; done; pwd; env | grep -c ^MEMBRANE_; } > "$TOLD"
"""


def agent(directory: Path, body: str = AGENT) -> Path:
    directory.mkdir(parents=True)
    program = directory / "buildkite-agent"
    program.write_text(body)
    program.chmod(0o755)
    return program


def test_a_buildkite_page_shows_it_with_text_that_stays_text(tmp_path: Path) -> None:
    agent(tmp_path / "bin")
    environ = {
        "BUILDKITE": "true",
        "BUILDKITE_JOB_ID": "01-ab;--style=success",
        "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin",
        "TOLD": str(tmp_path / "told"),
        "MEMBRANE_TOKEN": "pat-secret",
    }
    annotate_build(environ, ["It `failed` <b>", "and so"], 20)
    assert (tmp_path / "told").read_text().splitlines() == [
        "annotate",
        "⚠️ **Fullstory annotation:** `` It `failed` <b> ``",
        "",
        "⚠️ **Fullstory annotation:** ` and so `",
        "--style=warning",
        "--context=fsctl-01-ab--stylesuccess",
        "/",
        "0",
    ]


def test_an_agent_of_the_checkout_is_not_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    agent(tmp_path / "checkout" / "bin")
    monkeypatch.chdir(tmp_path / "checkout")
    environ = {"BUILDKITE": "true", "TOLD": str(tmp_path / "told")}
    for path in ("bin", str(tmp_path / "checkout" / "bin"), ""):
        annotate_build({**environ, "PATH": f"{path}:/usr/bin:/bin"}, ["x"], 20)
    assert not (tmp_path / "told").exists()


@pytest.mark.parametrize(
    ("environ", "seconds"),
    [({"BUILDKITE": "true"}, 0.5), ({"GITHUB_ACTIONS": "true"}, 20), ({}, 20)],
)
def test_the_agent_is_left_alone_elsewhere_and_without_time(
    environ: Mapping[str, str], seconds: float, tmp_path: Path
) -> None:
    agent(tmp_path / "bin")
    told = tmp_path / "told"
    env = {**environ, "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin", "TOLD": str(told)}
    annotate_build(env, ["x"], seconds)
    assert not told.exists()


@pytest.mark.parametrize("body", ["#!/bin/sh\nexit 1\n", "#!/nowhere/sh\n", "#!/bin/sh\nsleep 9\n"])
def test_an_agent_that_fails_or_hangs_is_nobodys_trouble(body: str, tmp_path: Path) -> None:
    agent(tmp_path / "bin", body)
    environ = {"BUILDKITE": "true", "PATH": f"{tmp_path / 'bin'}:/usr/bin:/bin"}
    annotate_build(environ, ["x"], 1)
