"""The three gateways to one embedded Membrane, opened alike."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from fsctl.membrane.gateway import Gateway
from fsctl.sandbox.gateway import SandboxGateway
from fsctl.sandbox.membrane_face import MembraneFace
from fsctl.sandbox.options import MembraneOptions
from fsctl.sandbox.store import Store
from tests.support.fake_membrane import make_cli_gateway
from tests.support.gateways import http_gateway
from tests.support.sandbox_server import running_sandbox

RoadName = Literal["sandbox", "http", "cli-older", "cli-newest"]
ROADS: tuple[RoadName, ...] = ("sandbox", "http", "cli-older", "cli-newest")


@dataclass
class Road:
    """A gateway and the embedded Membrane at its end."""

    name: RoadName
    gateway: Gateway
    store: Store
    membrane: MembraneFace

    @property
    def is_older(self) -> bool:
        return self.name == "cli-older"

    @property
    def is_cli(self) -> bool:
        return self.name.startswith("cli")


@contextmanager
def open_road(
    name: RoadName,
    tmp_path: Path,
    options: MembraneOptions | None = None,
    *,
    faults: Sequence[str] = (),
    timeout: float = 20.0,
) -> Iterator[Road]:
    """A road to an unseeded Fullstory, behind a Membrane that behaves as ``options`` say.

    ``faults`` are the server's, so not for the road within the process; ``timeout`` is in seconds.
    """
    if name == "sandbox":
        gateway = SandboxGateway(tmp_path / "sandbox.sqlite3", options=options, seed=False)
        try:
            store, face = gateway._inside.opened()
            yield Road(name, gateway, store, face)
        finally:
            gateway.close()
        return
    with running_sandbox(tmp_path, options=options, faults=faults, seed=False) as server:
        opened: Gateway
        if name == "http":
            opened = http_gateway(server.url, read_timeout=timeout)
        else:
            form: Literal["older", "newest"] = "older" if name == "cli-older" else "newest"
            opened = make_cli_gateway(tmp_path, server.url, form, timeout=timeout)
        try:
            yield Road(name, opened, server.store, server.membrane)
        finally:
            opened.close()
