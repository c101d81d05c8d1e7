"""``fsctl sandbox serve``: the server as a foreground process."""

from __future__ import annotations

import contextlib
import ipaddress
import signal
import socket
import threading
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from types import FrameType
from typing import TextIO

from ..errors import Usage
from .clock import Clock
from .faults import Fault, Faults
from .options import MembraneOptions
from .seed import seed_if_empty
from .server import SandboxServer
from .store import Store

_SIGNAL_CHECK = 0.5  # seconds; a wait without end would hear of no signal on Windows


def serve(
    store_path: Path | None,
    *,
    host: str = "127.0.0.1",
    port: int = 0,
    faults: Sequence[Fault | str] = (),
    fault_seed: int = 0,
    latency_ms: int = 0,
    clock: Clock | None = None,
    options: MembraneOptions | None = None,
    log: bool = False,
    out: TextIO,
    err: TextIO,
) -> signal.Signals:
    """Serve a sandbox until SIGINT or SIGTERM; the signal is returned, for the exit status.

    The URL is the first line of ``out``. An address that is not loopback is served only when it
    was written out as an address, and ``err`` says what that means; ``log`` puts a line a request
    on the process's stderr. Raises Usage for faults and addresses that cannot be used.
    """
    address = _checked_host(host, err)
    trouble = Faults(faults, seed=fault_seed)
    store = Store(store_path, clock=clock)
    with contextlib.closing(store):
        seed_if_empty(store)
        server = _bound(
            store,
            host=address,
            port=port,
            faults=trouble,
            latency=latency_ms / 1000,
            options=options,
            log=log,
            remember=False,  # it may run for days
        )
        with _until_signalled() as ended:
            server.start()
            try:
                out.write(f"{server.url}\n")
                out.flush()
                return ended()
            finally:
                server.stop()


def _bound(store: Store, *, host: str, port: int, **more: object) -> SandboxServer:
    try:
        return SandboxServer(store, host=host, port=port, **more)  # type: ignore[arg-type]
    except (OSError, OverflowError) as error:
        raise Usage(
            f"The sandbox cannot listen on {host} port {port}: {error}.",
            hint="Choose another --host or --port; port 0 is a free one.",
        ) from error


def _checked_host(host: str, err: TextIO) -> str:
    """The address to listen on. A name has to mean this machine alone."""
    try:
        address = ipaddress.ip_address(host.strip("[]"))
    except ValueError:
        return _loopback_of(host)
    if not address.is_loopback:
        err.write(
            f"warning: the sandbox listens on {address}: whoever reaches this machine can read and"
            " change what it holds, with any token.\n"
        )
        err.flush()
    return str(address)


def _loopback_of(name: str) -> str:
    try:
        found = socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        found = []
    addresses = [str(entry[4][0]) for entry in found]
    if not addresses or not all(ipaddress.ip_address(a).is_loopback for a in addresses):
        raise Usage(
            f"The sandbox does not listen on {name!a}: that is not this machine's loopback.",
            hint="Leave --host out, or write out an address such as 0.0.0.0 if others may come in.",
        )
    return next((a for a in addresses if ":" not in a), addresses[0])


@contextlib.contextmanager
def _until_signalled() -> Iterator[Callable[[], signal.Signals]]:
    """Within it SIGINT and SIGTERM are held; the function that it gives waits for one of them."""
    came: list[signal.Signals] = []
    event = threading.Event()

    def note(number: int, frame: FrameType | None) -> None:
        came.append(signal.Signals(number))
        event.set()

    def wait() -> signal.Signals:
        while not event.wait(_SIGNAL_CHECK):
            pass
        return came[0]

    before = {number: signal.signal(number, note) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield wait
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
