"""Rows a second, memory and requests of imports against a sink that takes every batch at once.

    python -m tests.benchmarks.bulk [ROWS]

Users as JSON lines and as CSV, in one interleaved run, each in a process of its own: the import
with a sink in its process, the whole ``fsctl users import`` with a sink on a loopback port, and a
bare loop that reads JSON lines, checks each with msgspec and the same types, and joins them to
bodies of 8 MB. Seconds are of the whole process less those of an empty Python. Memory is the
largest resident set at ROWS, at a fifth of it (some batches) and at a hundredth of it (a part of
one), less that of an empty Python process.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NamedTuple

from fsctl.bulk import importing
from fsctl.bulk.import_events import Summary
from fsctl.bulk.import_input import input_of
from fsctl.bulk.import_rejects import default_path
from fsctl.bulk.rows import open_rows
from fsctl.bulk.source import open_source
from fsctl.terminal.world import World
from tests.benchmarks.bulk_read import MB, PROGRAMS, write
from tests.support.batch_sink import Sink, gateway_to, served
from tests.support.command import BINARY, clean_environment
from tests.support.import_inputs import Hours, bulk_caller
from tests.support.memory import Spent, spend
from tests.support.online import token_environment

ROWS = 1_000_000
RUNS = 3
_BARE = "bare loop, JSONL"
_INSIDE = "import, JSONL", "import, CSV"
_WHOLE = "fsctl users import, JSONL", "fsctl users import, CSV"


class Measured(NamedTuple):
    """One run of a program over few rows, some and many."""

    few: Spent
    some: Spent
    many: Spent
    requests: int


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else ROWS
    with tempfile.TemporaryDirectory() as name, sink_process() as sink:
        directory = Path(name)
        sizes = rows // 100, rows // 5, rows
        folders = [directory / str(size) for size in sizes]
        for folder, size in zip(folders, sizes, strict=True):
            write(folder, size)
        env = clean_environment(directory, token_environment(sink.url))
        env["PYTHONPATH"] = str(Path.cwd())
        env.pop("PYTHONDONTWRITEBYTECODE", None)
        empty = [spend([sys.executable, "-c", "pass"], env, directory / "out") for _ in range(RUNS)]
        found: dict[str, list[Measured]] = {}
        for turn in range(RUNS + 1):  # the first fills caches, and does not count
            for name in (_BARE, *_INSIDE, *_WHOLE):
                spent = []
                for folder in folders:
                    sink.begin()
                    spent.append(spend(_command(name, folder), env, directory / "out"))
                    if spent[-1].status:
                        raise SystemExit(f"{name} failed with status {spent[-1].status}")
                taken, requests = sink.counts()
                if name in _WHOLE and taken != rows:
                    raise SystemExit(f"{name}: {taken} of {rows} rows arrived")
                if turn:
                    few, some, many = spent
                    found.setdefault(name, []).append(Measured(few, some, many, requests))
        _report(sizes, found, empty)


def _command(name: str, folder: Path) -> list[str]:
    path = str(folder / ("people.csv" if name.endswith("CSV") else "people.jsonl"))
    if name == _BARE:
        return [sys.executable, "-c", PROGRAMS[_BARE][0], path]
    if name in _INSIDE:
        return [sys.executable, "-m", "tests.benchmarks.bulk", "--inside", path]
    return [str(BINARY), "users", "import", path, "-o", "json"]


def _report(sizes: Sequence[int], found: dict[str, list[Measured]], empty: Sequence[Spent]) -> None:
    started = statistics.median(one.seconds for one in empty)
    base = statistics.median(one.peak for one in empty)
    bare = statistics.median(run.many.seconds for run in found[_BARE]) - started
    print(f"an empty Python process: {started * 1000:.0f} ms, {base / MB:.1f} MB")
    print(f"MB over it at {', '.join(f'{size:,}' for size in sizes)} rows")
    for name, runs in found.items():
        took = statistics.median(run.many.seconds for run in runs) - started
        fastest = min(run.many.seconds for run in runs) - started
        peaks = [
            (statistics.median(one.peak for one in same) - base) / MB
            for same in zip(*(run[:3] for run in runs), strict=True)
        ]
        requests = f"  {runs[-1].requests} requests" if name in _WHOLE else ""
        print(
            f"{name:26}{sizes[-1] / took:10,.0f} rows/s (best {sizes[-1] / fastest:9,.0f})"
            f"{bare / took:6.2f} x bare  {'  '.join(f'{peak:6.1f}' for peak in peaks)} MB{requests}"
        )


# -- the import with a sink in its process


def inside(path: Path) -> Summary:
    """Import users from a file into a sink of this process."""
    caller = bulk_caller(gateway_to(Sink()), Hours(), "connection")
    with tempfile.TemporaryDirectory() as state:
        source = open_source(World.from_process(), str(path))
        one = input_of(
            open_rows(source, "users"),
            source.origin,
            rejects=default_path(path, "rejects"),
            unknown=default_path(path, "unknown"),
            size=source.size,
            new_id=caller.new_id,
        )
        for event in importing.run(caller, Path(state), "users", [one], importing.Options()):
            last = event
    assert isinstance(last, Summary)
    return last


# -- the sink as a process


class SinkProcess(NamedTuple):
    url: str
    asks: IO[str]
    answers: IO[str]

    def counts(self) -> tuple[int, int]:
        """Rows and requests since :meth:`begin`."""
        self.asks.write("counts\n")
        self.asks.flush()
        rows, requests = json.loads(self.answers.readline())
        return rows, requests

    def begin(self) -> None:
        self.counts()


@contextmanager
def sink_process() -> Iterator[SinkProcess]:
    command = [sys.executable, "-m", "tests.benchmarks.bulk", "--sink"]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        yield SinkProcess(process.stdout.readline().strip(), process.stdin, process.stdout)
        process.stdin.close()


def serve_sink() -> None:
    """A line with the address; for every line that comes one with what came since the last."""
    sink, requests, lock = Sink(), 0, threading.Lock()
    with served(sink) as server:

        def record(_received: Any) -> None:
            nonlocal requests
            with lock:
                requests += 1

        server.record = record  # type: ignore[assignment,method-assign]
        print(server.url, flush=True)
        for _ in sys.stdin:
            print(json.dumps([sink.rows, requests]), flush=True)
            sink.rows = requests = 0


if __name__ == "__main__":
    if sys.argv[1:] == ["--sink"]:
        serve_sink()
    elif sys.argv[1:2] == ["--inside"]:
        inside(Path(sys.argv[2]))
    else:
        main()
