"""``fsctl sandbox``: the built-in stand-in for Fullstory behind Membrane."""

from __future__ import annotations

import io
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import TYPE_CHECKING, BinaryIO, TextIO

import click

from ..errors import ExitCode, Refused, Usage
from .app import App
from .numbers import Number
from .options import Command, Group, pass_app
from .results import One
from .roads import sandbox_file

if TYPE_CHECKING:
    from ..sandbox.store import Store


@click.group(
    "sandbox",
    cls=Group,
    examples=(
        "fsctl sandbox show --jq .counts",
        "fsctl --sandbox users list --limit 5",
    ),
)
def group() -> None:
    """Try everything without an account.

    The sandbox keeps Fullstory's rules over a local file, filled with made-up people. Use it with
    --sandbox on any command, or serve it to other programs.
    """


@contextmanager
def _open_store(app: App) -> Iterator[Store]:
    from ..sandbox.store import Store

    store = Store(sandbox_file(app))
    try:
        yield store
    finally:
        store.close()


@group.command(cls=Command, examples=("fsctl sandbox seed", "fsctl sandbox seed --seed 7"))
@click.option("--seed", "number", type=int, default=1, show_default=True, help="Which company.")
@click.option(
    "--people",
    type=Number(0, 100_000),
    default=300,
    show_default=True,
    help="How many people.",
)
@pass_app
def seed(app: App, number: int, people: int) -> One:
    """Fill the sandbox with a small company's customers.

    They replace what it held. The same --seed gives the same people, with sessions of the last
    30 days.
    """
    from ..sandbox.seed import seed as fill

    app.check_output()
    if app.dry_run:
        return One({"dry_run": True, "path": str(sandbox_file(app)), "seed": number})
    with _open_store(app) as store:
        return One(asdict(fill(store, seed=number, people=people)))


@group.command(cls=Command, examples=("fsctl sandbox show", "fsctl sandbox show --jq .counts"))
@pass_app
def show(app: App) -> One:
    """Show what the sandbox holds: counts, annotations, batch jobs."""
    from ..sandbox.seed import seed_if_empty
    from ..sandbox.show import summary

    app.check_output()
    with _open_store(app) as store:
        seed_if_empty(store)
        return One(summary(store))


@group.command(cls=Command, examples=("fsctl sandbox reset",))
@pass_app
def reset(app: App) -> None:
    """Forget all that the sandbox holds; its next use seeds it anew."""
    from ..sandbox.store import remove_files

    path = sandbox_file(app)
    if app.dry_run:
        app.messages.note(f"Would remove {path}.")
        return
    try:
        remove_files(path)
    except OSError as error:
        raise Refused(
            f"{str(path)!a} cannot be removed: {error.strerror}.", hint="Check its permissions."
        ) from None
    app.messages.note("The sandbox is empty; its next use seeds it anew.")


@group.command(
    cls=Command,
    examples=(
        "fsctl sandbox serve --port 8765",
        "fsctl sandbox serve --fault 429:0.2 --fault reset-after:x1@/act --latency 200",
        "fsctl sandbox serve --new-connections person:5",
    ),
)
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", type=Number(0, 65535), default=0, show_default=True, help="0: a free one.")
@click.option(
    "--fault",
    "faults",
    multiple=True,
    metavar="KIND[:RATE][@PATH]",
    help="Make trouble: 413, 429, 500, 502-html, reset, reset-after, hang, truncate, empty, "
    "redirect. RATE is from 0 to 1, or xN for the first N requests.",
)
@click.option("--fault-seed", type=int, default=0, help="Which requests a RATE hits.")
@click.option(
    "--latency", type=Number(0, 600_000), default=0, metavar="MS", help="Answer this late."
)
@click.option(
    "--clock", "clock_text", default="real", metavar="TIME", help="real, +25h, -10m or an ISO time."
)
@click.option(
    "--new-connections",
    "walk",
    default="ready",
    metavar="WALK[:SECONDS]",
    help="What new and reconnected connections go through, each stage so long: ready, slow, "
    "person, nobody, building, setup-failed, configuration-error.",
)
@click.option("--log", is_flag=True, help="Tell every request on stderr.")
@pass_app
def serve(
    app: App,
    host: str,
    port: int,
    faults: tuple[str, ...],
    fault_seed: int,
    latency: int,
    clock_text: str,
    walk: str,
    log: bool,
) -> int:
    """Serve the sandbox over HTTP until interrupted.

    The first line is its URL. Both faces answer there: Membrane's API (any bearer token) and
    Fullstory's own (any API key), so fsctl itself, Membrane's and Fullstory's client libraries and
    curl can be pointed at it.

    With --new-connections person a new connection is BUILDING, then waits for somebody to open an
    address, and then is READY. In any sandbox, one that is named walk:person does the same.
    """
    from ..sandbox.clock import Clock
    from ..sandbox.options import MembraneOptions
    from ..sandbox.serve import serve as run
    from ..sandbox.walks import Walk

    if app.dry_run:
        raise Usage(
            "sandbox serve sends nothing, so --dry-run has no meaning for it.",
            hint="Leave it out; --dry-run is for the commands that are sent to the server.",
        )
    ended = run(
        sandbox_file(app),
        host=host,
        port=port,
        faults=faults,
        fault_seed=fault_seed,
        latency_ms=latency,
        clock=Clock.parse(clock_text),
        options=MembraneOptions(walk=Walk.parse(walk)),
        log=log,
        out=_text(app.world.stdout),
        err=_text(app.world.stderr),
    )
    return ExitCode.INTERRUPTED if ended is signal.SIGINT else ExitCode.TERMINATED


def _text(stream: BinaryIO | None) -> TextIO:
    if stream is None:
        return io.StringIO()
    return io.TextIOWrapper(stream, "utf-8", write_through=True)
