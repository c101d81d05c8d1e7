"""The project file ``.fsctl.toml``: where it is looked for, and what it says.

Looked for by every command, so this is a few questions to the file system and nothing more; the
file is read by ``project_file``, only where there is one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

FILE_NAME = ".fsctl.toml"

# What a stranger's checkout may set, and what it may only with the user's trust (DESIGN §2 Safety,
# Hostile working trees).
HARMLESS = ("service", "environment", "source", "text", "output", "fields", "time_zone")
TRUSTED = ("profile", "connection", "transport")


class Project(NamedTuple):
    """What holds in this directory; ``remarks`` are what a person should know about the file.

    ``path`` is None where there is no file. ``values`` holds only keys of :data:`HARMLESS` and,
    where the user trusts the file as it is now, of :data:`TRUSTED`; ``waiting`` are those that it
    names without that trust.
    """

    path: str | None = None
    values: Mapping[str, Any] = MappingProxyType({})
    remarks: tuple[str, ...] = ()
    trusted: bool = False
    waiting: tuple[str, ...] = ()


def find(environ: Mapping[str, str]) -> str | None:
    """The project file of the working directory, or None.

    It is looked for upwards, as far as the root of the repository or the home directory.
    """
    try:
        here = os.getcwd()  # noqa: PTH109 - pathlib costs more than all the rest
    except OSError:  # the directory is gone
        return None
    home = environ.get("HOME") or None
    last = None if home is None else os.path.realpath(home)
    while True:
        path = os.path.join(here, FILE_NAME)  # noqa: PTH118
        if os.path.lexists(path):
            return path
        above = os.path.dirname(here)  # noqa: PTH120
        if here in (last, above) or os.path.lexists(os.path.join(here, ".git")):  # noqa: PTH118
            return None
        here = above
