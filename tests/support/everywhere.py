"""The same command lines on every road, each on a company of its own that was seeded alike."""

from __future__ import annotations

import shutil
import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any, Literal

from fsctl.sandbox.clock import Clock
from fsctl.sandbox.connections import Connections
from fsctl.sandbox.options import MembraneOptions
from fsctl.sandbox.seed import seed_if_empty
from fsctl.sandbox.server import SandboxServer
from fsctl.sandbox.store import Store
from tests.support.command import Ended
from tests.support.fake_membrane import FakeMembrane, Form
from tests.support.online import membrane_environment, token_environment
from tests.support.program import Program
from tests.support.sandbox_server import running_sandbox

RoadName = Literal["sandbox", "http", "cli-older", "cli-newest"]
ROADS: tuple[RoadName, ...] = ("sandbox", "http", "cli-older", "cli-newest")


@dataclass
class Somewhere:
    """``fsctl`` in this process, on one road; ``rows`` reads the company's data.

    ``clock`` is the service's: it moves with the pauses of the command. ``server`` is None within
    the process.
    """

    program: Program
    file: Path
    clock: Clock
    server: SandboxServer | None

    def __call__(self, *arguments: str, **facts: Any) -> Ended:
        moment = self.clock.time()
        told = {"sleep": self.clock.advance, "monotonic": lambda: self.clock.time() - moment}
        return self.program(*arguments, **{**told, **facts})

    def rows(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        with closing(sqlite3.connect(self.file)) as db:
            return db.execute(query, values).fetchall()

    @property
    def sent(self) -> list[str]:
        """What came to the server so far, as ``METHOD PATH``."""
        assert self.server is not None
        return [f"{each.method} {each.path}" for each in self.server.requests]


@contextmanager
def somewhere(
    name: RoadName,
    directory: Path,
    options: MembraneOptions | None = None,
    *,
    without: Sequence[str] = (),
) -> Iterator[Somewhere]:
    """An ``fsctl`` on that road, which knows nothing yet.

    Of ``options`` only the connections are for the road within the process, too; ``without``
    takes verbs of the ``membrane`` away.
    """
    home = directory / "home"
    home.mkdir()
    if name == "sandbox":
        file = home / "data" / "sandbox.sqlite3"
        file.parent.mkdir()
        shutil.copyfile(seeded(), file)
        if options is not None:
            with closing(Store(file)) as store:
                Connections(store, options.connections)
        yield Somewhere(Program(home, {"FSCTL_TRANSPORT": "sandbox"}), file, Clock(), None)
        return
    file = directory / "sandbox.sqlite3"
    shutil.copyfile(seeded(), file)
    clock = Clock()
    with running_sandbox(directory, clock=clock, seed=False, options=options) as server:
        if name == "http":
            env = token_environment(server.url)
        else:
            form: Form = "older" if name == "cli-older" else "newest"
            fake = FakeMembrane(form=form, without=without)
            env = membrane_environment(fake, home, server.url) | {"FSCTL_TRANSPORT": "cli"}
        yield Somewhere(Program(home, env), file, clock, server)


@cache
def seeded() -> Path:
    """A seeded company, to be copied: seeding takes longer than most commands."""
    file = Path(mkdtemp()) / "sandbox.sqlite3"
    with closing(Store(file)) as store:
        seed_if_empty(store)
    with closing(sqlite3.connect(file)) as db:
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return file
