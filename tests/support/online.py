"""The installed ``fsctl`` on each road: over HTTP to a sandbox server, and through ``membrane``."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fsctl.sandbox.faults import Fault, Faults
from fsctl.sandbox.options import MembraneOptions
from fsctl.sandbox.server import SandboxServer
from fsctl.sandbox.wire import Received
from tests.support.command import BINARY, Ended, Fsctl
from tests.support.fake_membrane import FakeMembrane
from tests.support.program import Program
from tests.support.sandbox_server import running_sandbox

SECRET = "pat-S3cret-of.the_tests-9f8e7d"
SYSTEM_PATH = "/usr/bin:/bin"  # no membrane, whatever the machine has


@dataclass
class Online:
    """``fsctl`` with a token and the address of a sandbox server, as a child or in this process.

    Calling it runs a command. ``sent`` is what came to the server during the last one.
    """

    fsctl: Fsctl | Program
    server: SandboxServer
    before: int = 0

    def __call__(self, *arguments: str, **more: Any) -> Ended:
        self.before = len(self.server.requests)
        return self.fsctl(*arguments, **more)

    @property
    def sent(self) -> list[Received]:
        return self.server.requests[self.before :]

    @property
    def lines(self) -> list[str]:
        """What was sent as ``METHOD PATH``."""
        return [f"{each.method} {each.path}" for each in self.sent]

    def fail(self, *faults: Fault | str, seed: int = 0) -> None:
        """From now on the server makes this trouble."""
        self.server.faults = Faults(faults, seed=seed)

    @property
    def annotations(self) -> int:
        """How many annotations the server has by now."""
        with self.server.store.connection() as db:
            count: int = db.execute("SELECT count(*) FROM annotations").fetchone()[0]
        return count


def token_environment(url: str, extra: Mapping[str, str] | None = None) -> dict[str, str]:
    return {
        "MEMBRANE_API_URL": url,
        "MEMBRANE_TOKEN": SECRET,
        "PATH": SYSTEM_PATH,
        **(extra or {}),
    }


@contextmanager
def online(
    directory: Path,
    *,
    faults: Sequence[Fault | str] = (),
    options: MembraneOptions | None = None,
    seed: bool = True,
) -> Iterator[Online]:
    """A server, and an ``fsctl`` with a home of its own that reaches it with a token."""
    with running_sandbox(directory, faults=faults, options=options, seed=seed) as server:
        home = directory / "home"
        home.mkdir(exist_ok=True)
        yield Online(Fsctl(home, token_environment(server.url)), server)


def fresh(road: Online, home: Path, extra: Mapping[str, str] | None = None) -> Online:
    """The same server for an ``fsctl`` with another home, which knows nothing yet."""
    home.mkdir(parents=True, exist_ok=True)
    return Online(Fsctl(home, token_environment(road.server.url, extra)), road.server)


def warm(road: Online, home: Path) -> Online:
    """The same server for an ``fsctl`` whose cache knows the connection and its actions."""
    shutil.copytree(road.fsctl.home / "cache", home / "cache", dirs_exist_ok=True)
    return fresh(road, home)


def inside(road: Online, home: Path, extra: Mapping[str, str] | None = None) -> Online:
    """The same server for an ``fsctl`` in this process, which knows nothing yet: for many runs."""
    home.mkdir(parents=True, exist_ok=True)
    return Online(Program(home, token_environment(road.server.url, extra)), road.server)


def with_membrane(fake: FakeMembrane, home: Path, url: str | None = None) -> Fsctl:
    """An ``fsctl`` that finds this fake ``membrane`` on PATH and has no token of its own."""
    return Fsctl(home, membrane_environment(fake, home, url))


def membrane_environment(fake: FakeMembrane, home: Path, url: str | None) -> dict[str, str]:
    """Where ``fake`` is found, installed beside the folders that are fsctl's own."""
    home.mkdir(parents=True, exist_ok=True)
    directory = fake.install(home / "tools").parent
    env = {"PATH": os.pathsep.join([str(directory), SYSTEM_PATH])}
    return env if url is None else env | {"MEMBRANE_API_URL": url}


def shell_environment(home: Path) -> dict[str, str]:
    """PATH for a shell in which ``fsctl`` means the installed command under test."""
    return {"PATH": os.pathsep.join([str(BINARY.parent), SYSTEM_PATH])}
