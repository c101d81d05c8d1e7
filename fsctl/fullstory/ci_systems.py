"""The systems that run deploys: one table, one system a row."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple


class Fact(NamedTuple):
    """One thing known of a deploy; ``origin`` is the variable, option, "git" or file it is from."""

    value: str
    origin: str


class System(NamedTuple):
    """A row: how a system is known, and which of its variables holds what.

    ``marks`` are variables that it alone sets. ``facts`` names, for each fact, its variables, the
    best first, apart by blanks; one with braces is put together from several, all of them set.
    ``page`` is the public page the names are from.
    """

    name: str
    marks: tuple[str, ...]
    page: str
    facts: Mapping[str, str]
    refs: tuple[str, ...] = ()
    started: tuple[str, ...] = ()


SYSTEMS: tuple[System, ...] = (
    System(
        name="GitHub Actions",
        marks=("GITHUB_ACTIONS",),
        page="https://docs.github.com/en/actions/reference/workflows-and-actions/variables",
        facts={
            "commit": "GITHUB_SHA",
            "branch": "GITHUB_HEAD_REF",
            "actor": "GITHUB_TRIGGERING_ACTOR GITHUB_ACTOR",
            "run_url": "{GITHUB_SERVER_URL}/{GITHUB_REPOSITORY}/actions/runs/{GITHUB_RUN_ID}",
            "run_id": "GITHUB_RUN_ID",
            "attempt": "GITHUB_RUN_ATTEMPT",
            "job": "GITHUB_JOB",
            "repository": "GITHUB_REPOSITORY",
        },
        refs=("GITHUB_REF",),
    ),
)
