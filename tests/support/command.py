"""Run the installed ``fsctl`` as its users do: a child process with streams and an environment."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

BINARY = Path(sys.executable).with_name("fsctl")

# Variables of the machine that would steer fsctl; a test sets what it wants itself.
_STEERING = ("FSCTL_", "MEMBRANE_", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "COLUMNS")
_CI = (
    "CI", "GITHUB_ACTIONS", "GITLAB_CI", "BUILDKITE", "TF_BUILD", "TEAMCITY_VERSION",
    "JENKINS_URL", "NO_COLOR", "FORCE_COLOR", "CLICOLOR", "CLICOLOR_FORCE",
)  # fmt: skip


@dataclass(frozen=True)
class Ended:
    """How a run ended. ``show`` is the whole screen, for assertion messages."""

    code: int
    out: str
    err: str

    @property
    def show(self) -> str:
        return f"exit {self.code}\n--- stdout\n{self.out}\n--- stderr\n{self.err}"


def clean_environment(home: Path, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """An environment with a home of its own, UTC, and nothing that steers fsctl."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.upper().startswith(_STEERING) and name not in _CI
    }
    return {
        **kept,
        "HOME": str(home),
        "FSCTL_CONFIG_DIR": str(home / "config"),
        "FSCTL_CACHE_DIR": str(home / "cache"),
        "FSCTL_STATE_DIR": str(home / "state"),
        "FSCTL_DATA_DIR": str(home / "data"),
        "TZ": "UTC",
        **(extra or {}),
    }


class Fsctl:
    """The installed command, with a home of its own."""

    def __init__(self, home: Path, env: Mapping[str, str] | None = None) -> None:
        self.home = home
        self.env = clean_environment(home, env)

    def __call__(
        self,
        *arguments: str,
        stdin: bytes | None = None,
        env: Mapping[str, str] | None = None,
        cwd: Path | None = None,
        timeout: float = 60,
        preexec_fn: Callable[[], None] | None = None,
    ) -> Ended:
        done = subprocess.run(
            [str(BINARY), *arguments],
            input=b"" if stdin is None else stdin,
            capture_output=True,
            env={**self.env, **(env or {})},
            cwd=cwd or self.home,
            timeout=timeout,
            preexec_fn=preexec_fn,
            check=False,
        )
        return Ended(
            done.returncode,
            done.stdout.decode("utf-8", "backslashreplace"),
            done.stderr.decode("utf-8", "backslashreplace"),
        )
