"""The facts of a deploy: what was told, what the build system and git know, and from where."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, tzinfo
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from .ci_systems import Fact as Fact
from .git import GitFacts as GitFacts

# The names of all facts, which are the fields of templates.
NAMES = (
    "service", "version", "commit", "short_commit", "tag", "branch", "pull_request", "environment",
    "actor", "title", "run_url", "run_id", "attempt", "job", "matrix", "status", "repository",
    "system",
)  # fmt: skip
STATUSES = ("started", "succeeded", "failed", "rolled-back")
NO_SETTINGS: Mapping[str, Fact] = MappingProxyType({})


class Deploy(NamedTuple):
    """What is known of a deploy.

    ``system`` names the row of the table that matched; ``started`` and ``finished`` are aware,
    None where nothing says so. ``remarks`` are sentences on what was told and not taken.
    """

    system: str | None
    under_ci: bool
    facts: Mapping[str, Fact]
    started: datetime | None = None
    finished: datetime | None = None
    remarks: tuple[str, ...] = ()


def read_event(path: str) -> bytes:
    """The bytes of a plain file of up to 32 MiB. Raises OSError."""
    return Path(path).read_bytes()


def gather(
    environ: Mapping[str, str],
    options: Mapping[str, str | None],
    *,
    git: Callable[[], GitFacts] | None,
    now: datetime,
    read_file: Callable[[str], bytes] = read_event,
    settings: Mapping[str, Fact] = NO_SETTINGS,
    zone: tzinfo | None = None,
) -> Deploy:
    """The deploy that this run is.

    ``options`` are ``service``, ``version``, ``environment``, ``status``, ``started``,
    ``finished`` as typed, and ``git`` (the directory, where one was named); ``settings`` holds
    ``service`` and ``environment`` of the profile or project file. An option goes before
    ``FSCTL_DEPLOY_*``, then the build system, the settings, and git, which is asked only for what
    is still missing. ``zone`` is that of times without an offset. Raises :class:`Usage` for an
    option or ``FSCTL_DEPLOY_*`` variable that cannot be.
    """
    facts = {
        name: Fact(value, f"--{name}")
        for name in ("service", "version", "environment", "status")
        if (value := options.get(name))
    }
    return Deploy(None, False, facts)
