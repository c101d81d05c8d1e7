"""Run the steps of a composite action as GitHub's runner does, as far as ours goes.

Expressions are looked up in contexts and put where they stand; `run:` gets none of them, which is
what the action promises.
"""

from __future__ import annotations

import re
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from tests.support.command import Ended

_EXPRESSION = re.compile(r"\$\{\{ (.+?) \}\}")
_OUTPUT = re.compile(r"^(\w+)(?:=([^\n]*)|<<(\w+)\n(.*?)\n\3)$", re.MULTILINE | re.DOTALL)

Contexts = Mapping[str, Any]


def evaluated(text: str, contexts: Contexts) -> str:
    """``text`` with its expressions replaced: paths, and ``a || b``."""
    return _EXPRESSION.sub(lambda match: _value(match[1], contexts), text)


def _value(expression: str, contexts: Contexts) -> str:
    for path in expression.split(" || "):
        assert re.fullmatch(r"[\w-]+(\.[\w-]+)*", path), f"what is {path!r}?"
        value: Any = contexts
        for name in path.split("."):
            value = value.get(name, "") if isinstance(value, Mapping) else ""
        if value != "":
            return str(value)
    return ""


class Runner:
    """A job's runner. ``env`` is what all steps get; each gets fresh files for its outputs."""

    def __init__(self, directory: Path, env: Mapping[str, str]) -> None:
        self.workspace = directory / "workspace"
        self.temp = directory / "temp"
        for each in (self.workspace, self.temp):
            each.mkdir(parents=True)
        self.summary = directory / "summary"
        self.env = {**env, "RUNNER_TEMP": str(self.temp)}
        self.log = ""

    def use(
        self,
        action: Path,
        definition: Mapping[str, Any],
        given: Mapping[str, str],
        contexts: Contexts,
    ) -> tuple[Ended, dict[str, str]]:
        """Run all steps of the action at that path; how it ended, and its outputs."""
        assert given.keys() <= definition["inputs"].keys(), "GitHub warns of unknown inputs"
        inputs = {name: each.get("default", "") for name, each in definition["inputs"].items()}
        steps: dict[str, Any] = {}
        known = {**contexts, "inputs": {**inputs, **given}, "steps": steps}
        code, out, err = 0, "", ""
        for step in definition["runs"]["steps"]:
            wanted = step["if"].removeprefix("always()").removeprefix(" && ")
            if wanted and not _value(wanted, known):
                continue
            ended, outputs = self._step(action, step, known)
            steps[step["id"]] = {"outputs": outputs}
            code, out, err = code or ended.code, out + ended.out, err + ended.err
        outputs = {
            name: evaluated(each["value"], known) for name, each in definition["outputs"].items()
        }
        return Ended(code, out, err), outputs

    def _step(
        self, action: Path, step: Mapping[str, Any], known: Contexts
    ) -> tuple[Ended, dict[str, str]]:
        assert step["shell"] == "bash"
        output = self.temp / "output"
        output.write_text("")
        if not self.summary.is_dir():
            self.summary.write_text("")
        done = subprocess.run(
            # https://docs.github.com/actions/reference/workflow-syntax-for-github-actions: shell
            ["bash", "--noprofile", "--norc", "-eo", "pipefail", "-c", step["run"]],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            env={
                **self.env,
                "GITHUB_ACTION_PATH": str(action),
                "GITHUB_OUTPUT": str(output),
                "GITHUB_STEP_SUMMARY": str(self.summary),
                **{name: evaluated(text, known) for name, text in step["env"].items()},
            },
            cwd=self.workspace,
            timeout=60,
            check=False,
        )
        outputs = {
            name: plain or fenced for name, plain, _, fenced in _OUTPUT.findall(output.read_text())
        }
        if self.summary.is_file():
            self.log += self.summary.read_text()
        return Ended(done.returncode, done.stdout.decode(), done.stderr.decode()), outputs
