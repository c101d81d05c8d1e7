"""Whole console sessions, replayed: what stands in ``transcripts/*.console`` is what one sees.

A line that begins with ``$`` is a command; what follows is all that it prints, on stdout and stderr
together, and ``[exit N]`` where it does not end well. ``#`` begins a remark. The commands of a file
share a home. ``[TIME]``, ``[ID]`` and ``[..]`` stand for a time, an id and any words.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from pathlib import Path
from typing import NamedTuple

import pytest

from tests.support.command import clean_environment
from tests.support.online import shell_environment
from tests.support.tree import commands

SESSIONS = sorted((Path(__file__).parent / "transcripts").glob("*.console"))
PLACEHOLDERS = {
    "[TIME]": r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d{1,6})?(?:Z| ?[+-]\d\d:\d\d)",
    "[ID]": r"[0-9a-f]{16,32}",
    "[..]": r".*",
}


class Step(NamedTuple):
    """A command and the lines that it prints, the exit status among them."""

    number: int
    command: str
    lines: list[str]


def steps(text: str) -> Iterator[Step]:
    step: Step | None = None
    for number, line in enumerate(text.splitlines(), 1):
        if line.startswith("$ "):
            if step:
                yield step
            step = Step(number, line[2:], [])
        elif step and not line.startswith("# "):
            step.lines.append(line)
    if step:
        yield step


def run(command: str, home: Path) -> list[str]:
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        env={**clean_environment(home), **shell_environment(home), "COLUMNS": "100"},
        cwd=home,
        timeout=60,
        check=False,
    )
    told = done.stdout.decode().replace(str(home), "~").splitlines()
    return told if done.returncode == 0 else [*told, f"[exit {done.returncode}]"]


def pattern(line: str) -> str:
    parts = re.split(r"(\[TIME\]|\[ID\]|\[\.\.\])", line)
    return "".join(PLACEHOLDERS.get(part) or re.escape(part) for part in parts)


def matches(told: list[str], expected: list[str]) -> bool:
    return len(told) == len(expected) and all(
        re.fullmatch(pattern(wanted), line) for line, wanted in zip(told, expected, strict=True)
    )


def replay(session: Path, home: Path) -> list[str]:
    """What did not go as it is written down."""
    wrong = []
    for step in steps(session.read_text()):
        told = run(step.command, home)
        expected = [line for line in step.lines if line or told]
        while expected and not expected[-1]:  # the empty line before the next command
            expected.pop()
        if not matches(told, expected):
            screen = "\n".join(told)
            wrong.append(f"{session.name}:{step.number}\n$ {step.command}\n{screen}")
    return wrong


@pytest.fixture(scope="module")
def replayed(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[Path, Future[list[str]]]]:
    """All sessions at once: each has a home of its own."""
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        yield {
            session: pool.submit(replay, session, tmp_path_factory.mktemp(session.stem))
            for session in SESSIONS
        }


@pytest.mark.parametrize("session", SESSIONS, ids=lambda path: path.stem)
def test_a_session_goes_as_it_is_written_down(
    session: Path, replayed: dict[Path, Future[list[str]]]
) -> None:
    wrong = replayed[session].result()
    assert not wrong, "\n\n".join(wrong)


def test_every_group_has_a_session() -> None:
    groups = {path.split()[1] for path, _ in commands() if path.count(" ") == 1}
    assert groups <= {session.stem for session in SESSIONS}


def test_placeholders_stand_for_what_they_say_and_for_nothing_else() -> None:
    assert matches(["at 2026-03-01T09:00:00.123Z"], ["at [TIME]"])
    assert matches(["at 2026-03-01 09:00:00 +01:00"], ["at [TIME]"])
    assert not matches(["at noon"], ["at [TIME]"])
    assert not matches(["a", "b"], ["a"])
    assert not matches(["a.c"], ["abc"])
    assert matches(["run 0123456789abcdef01234567 (x)"], ["run [ID] ([..])"])
