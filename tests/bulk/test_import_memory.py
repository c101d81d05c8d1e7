"""An import holds the batches on their way, however many there are."""

from __future__ import annotations

import json
import tracemalloc
from pathlib import Path

from fsctl.bulk import importing
from fsctl.bulk.import_events import Summary
from fsctl.bulk.import_input import input_of
from fsctl.bulk.importing import Options
from fsctl.bulk.rows import open_rows
from fsctl.bulk.source import open_source
from fsctl.terminal.world import World
from tests.support.batch_sink import Sink, gateway_to
from tests.support.import_inputs import Hours, bulk_caller

BATCH = 400  # rows, of about a kilobyte
JOBS = 2


def _held(directory: Path, rows: int) -> int:
    """Bytes that an import of so many rows held at most."""
    path = directory / f"{rows}.jsonl"
    with path.open("w") as stream:
        for n in range(rows):
            stream.write(f"{json.dumps({'uid': f'u{n}', 'properties': {'note': 'x' * 1000}})}\n")
    sink = Sink()
    caller = bulk_caller(gateway_to(sink), Hours(), "connection")
    source = open_source(World.from_process(), str(path))
    one = input_of(
        open_rows(source, "users"),
        source.origin,
        rejects=directory / "rejects",
        unknown=directory / "unknown",
        size=source.size,
        new_id=caller.new_id,
    )
    options = Options(rows=BATCH, concurrency=JOBS)
    tracemalloc.start()
    try:
        for event in importing.run(caller, directory / "state", "users", [one], options):
            last = event
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert isinstance(last, Summary)
    assert last.accepted == sink.rows == rows
    return peak


def test_ten_times_the_rows_need_no_more_memory(tmp_path: Path) -> None:
    _held(tmp_path, BATCH)  # what is loaded and remembered for good
    few, many = _held(tmp_path, 6 * BATCH), _held(tmp_path, 60 * BATCH)
    assert many < 1.3 * few
    assert many < 10 * BATCH * 1_000  # of 24,000 rows
