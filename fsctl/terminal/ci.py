"""What build systems show beside the log: warnings, the step's outputs, its summary.

Every text given to these functions has passed ``Messages.safe``: one line, without control
characters, redacted. Here it is put into the form of each system so that it stays a text whatever
it holds: a branch, an actor or a title may have been chosen to become a command. What cannot be
written is left out: the log has said it.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Literal

from ..fullstory.ci_marks import system_name

OUTPUT = "GITHUB_OUTPUT"
SUMMARY = "GITHUB_STEP_SUMMARY"
LARGEST = 1024 * 1024  # bytes: GitHub refuses a longer summary or longer outputs
PATIENCE = 5.0  # seconds for Buildkite's agent
_HEADING = "⚠️ **Fullstory annotation:**"
_COLORS = {"warning": "\x1b[33;1m", "error": "\x1b[31;1m"}
_PLAIN = "\x1b[0m"

Level = Literal["warning", "error"]
Form = Callable[[str], str]


def loud_form(environ: Mapping[str, str], level: Level) -> Form | None:
    """How the build system wants a warning or an error written, as lines; None where it has no way.

    Forks of GitHub's runner (Gitea, Forgejo) say that they are GitHub's, and understand the same.
    """
    form = _FORMS.get(system_name(environ) or "")
    return None if form is None else partial(form, level)


def warning_form(environ: Mapping[str, str]) -> Form | None:
    """:func:`loud_form` of a warning."""
    return loud_form(environ, "warning")


def _github(level: Level, text: str) -> str:
    # https://docs.github.com/actions/reference/workflow-commands-for-github-actions
    data = text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")
    return f"::{level} title=fsctl::{data}"


def _azure(level: Level, text: str) -> str:
    # https://learn.microsoft.com/azure/devops/pipelines/scripts/logging-commands
    data = text.replace("%", "%AZP25").replace("\r", "%0D").replace("\n", "%0A")
    return f"##vso[task.logissue type={level}]fsctl: {data}"


def _teamcity(level: Level, text: str) -> str:
    # https://www.jetbrains.com/help/teamcity/service-messages.html#Escaped+Values
    escaped = re.sub(r"['|\[\]]", r"|\g<0>", text).replace("\n", "|n").replace("\r", "|r")
    return f"##teamcity[message text='fsctl: {escaped}' status='{level.upper()}']"


def _gitlab(level: Level, text: str) -> str:
    # The log shows colours (https://docs.gitlab.com/ci/jobs/job_logs/); the runner itself warns
    # like this. The text comes after the codes: "##" before "[0m" would look like a command.
    return f"{_COLORS[level]}{level.upper()}:{_PLAIN} fsctl: {text}"


def _buildkite(level: Level, text: str) -> str:
    # Opens the group of lines in which it stands, which is folded else:
    # https://buildkite.com/docs/pipelines/configure/managing-log-output
    return f"^^^ +++\n{_COLORS[level]}fsctl: {level}:{_PLAIN} {text}"


_FORMS: Mapping[str, Callable[[Level, str], str]] = {
    "GitHub Actions": _github,
    "Azure Pipelines": _azure,
    "TeamCity": _teamcity,
    "GitLab CI": _gitlab,
    "Buildkite": _buildkite,
}


def write_outputs(environ: Mapping[str, str], values: Mapping[str, str]) -> bool:
    """Set outputs of a GitHub step; False where there are none, or they cannot be written."""
    return _append(environ.get(OUTPUT), "".join(_output(*each) for each in values.items()))


def _output(name: str, value: str) -> str:
    # The delimiter cannot be guessed, so no value can end itself and begin another output.
    delimiter = f"fsctl_{os.urandom(16).hex()}"
    return f"{name}<<{delimiter}\n{value}\n{delimiter}\n"


def write_summary(environ: Mapping[str, str], texts: Iterable[str]) -> bool:
    """Add a paragraph each to the summary of a GitHub step; as :func:`write_outputs`."""
    return _append(environ.get(SUMMARY), f"\n{_paragraphs(texts)}\n")


def annotate_build(environ: Mapping[str, str], texts: Iterable[str], seconds: float) -> None:
    """Show the texts on the page of a Buildkite build, where its agent is at hand.

    https://buildkite.com/docs/agent/cli/reference/annotate. In ``seconds``, at most
    :data:`PATIENCE`.
    """
    if system_name(environ) != "Buildkite" or seconds < 1:
        return
    from ..membrane.binary import find_program, safe_environment
    from ..membrane.child import ChildError, run_child

    with suppress(OSError, ChildError):
        here = Path.cwd()
        agent = find_program("buildkite-agent", environ, here)
        if agent is None:
            return
        # Each job has a context of its own, or the last one would replace what others have said.
        job = re.sub(r"[^0-9A-Za-z-]", "", environ.get("BUILDKITE_JOB_ID", ""))[:64]
        run_child(
            [
                str(agent),
                "annotate",
                _paragraphs(texts),
                "--style=warning",
                f"--context=fsctl-{job}",
            ],
            cwd=Path(here.anchor),
            env={
                name: value
                for name, value in safe_environment(environ, here).items()
                if not name.startswith("MEMBRANE_")
            },
            timeout=min(seconds, PATIENCE),
        )


def _paragraphs(texts: Iterable[str]) -> str:
    return "\n\n".join(f"{_HEADING} {verbatim(text)}" for text in texts)


def verbatim(text: str) -> str:
    """One line of text as a code span, in which Markdown finds nothing: no link, image or tag."""
    line = " ".join(text.split()) or "-"
    longest = max((len(run) for run in re.findall("`+", line)), default=0)
    fence = "`" * (longest + 1)
    return f"{fence} {line} {fence}"


def _append(path: str | None, text: str) -> bool:
    """Add to a file that the build system has made: a plain one, and no larger than it takes.

    The variable may lead anywhere in a job that sets it itself: nothing is created or waited for.
    """
    if not path or not text:
        return False
    data = text.encode("utf-8", "backslashreplace")
    flags = os.O_RDWR | os.O_APPEND
    for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_BINARY"):
        flags |= getattr(os, name, 0)
    try:
        descriptor = os.open(path, flags)
    except (OSError, ValueError):
        return False
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode) or facts.st_size + len(data) + 1 > LARGEST:
            return False
        if facts.st_size and not _ends_a_line(descriptor, facts.st_size):
            data = b"\n" + data  # else it would become part of somebody's last value
        return os.write(descriptor, data) == len(data)
    except OSError:
        return False
    finally:
        os.close(descriptor)


def _ends_a_line(descriptor: int, size: int) -> bool:
    os.lseek(descriptor, size - 1, os.SEEK_SET)
    return os.read(descriptor, 1) == b"\n"
