"""The pipelines that ``fsctl help ci`` and README show, and the shell lines that are in them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import yaml

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "fsctl" / "help" / "ci.md"
README = ROOT / "README.md"
ACTION = ROOT / ".github" / "actions" / "annotate" / "action.yml"

_FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)


class Snippet(NamedTuple):
    """A pipeline: under which heading it stands, in which language, and its text."""

    heading: str
    language: str
    text: str

    def parsed(self) -> Any:
        """What the YAML says; its ``on:`` is the key True, as YAML 1.1 has it."""
        assert self.language == "yaml"
        return yaml.safe_load(self.text)


def blocks(markdown: str) -> Iterator[Snippet]:
    """Every fenced block, with the heading that it stands under, whatever its level."""
    for _, text in _FENCE.findall(markdown):
        assert not re.search(r"^#+ ", text, re.MULTILINE), "a block looks like a heading"
    pieces = re.split(r"^#+ (.+)$", markdown, flags=re.MULTILINE)
    for heading, body in zip(pieces[1::2], pieces[2::2], strict=True):
        for language, text in _FENCE.findall(body):
            yield Snippet(heading, language, text)


def pipelines(markdown: str) -> dict[str, Snippet]:
    """The blocks that are pipelines, by their headings."""
    return {each.heading: each for each in blocks(markdown) if each.language in ("yaml", "groovy")}


def section(markdown: str, heading: str) -> str:
    """What stands under a heading of the second level, with that heading."""
    rest = markdown.partition(f"\n## {heading}\n")[2].partition("\n## ")[0]
    return f"## {heading}\n{rest}"


def shell_lines(snippet: Snippet) -> list[str]:
    """Every line that the pipeline gives to a shell, in order."""
    if snippet.language == "groovy":
        return re.findall(r"^\s*sh '([^']*)'$", snippet.text, re.MULTILINE)
    return [line for script in _scripts(snippet.parsed()) for line in script.splitlines()]


_SCRIPTS = ("run", "script", "command", "after_script", "after-script")


def _scripts(node: Any) -> Iterator[str]:
    if isinstance(node, list):
        for item in node:
            yield from _scripts(item)
    elif isinstance(node, dict):
        for key, value in node.items():
            if key not in _SCRIPTS or isinstance(value, dict):
                yield from _scripts(value)
            elif isinstance(value, str):
                yield value
            else:
                yield from value
