"""What an import sends and reads is as Fullstory's own Swagger files say, where they are."""

from __future__ import annotations

import json
from contextlib import closing
from pathlib import Path

import pytest

from fsctl.bulk import importing
from fsctl.bulk.import_events import Summary
from fsctl.bulk.import_input import input_of
from fsctl.bulk.import_rejects import default_path
from fsctl.bulk.importing import Options
from fsctl.bulk.rows import open_rows
from fsctl.bulk.source import open_source
from fsctl.fullstory.batch_jobs import Kind
from fsctl.membrane.gateway import NO_DEADLINE, Deadline, Request, Response
from fsctl.terminal.world import World
from tests.support.import_inputs import Hours, Watched, bulk_caller
from tests.support.specs import hold, needs_specs, read_specs

pytestmark = needs_specs

USERS = """uid,name,email,seats:int,score:real,joined:date,admin:bool,tags:json,id
u1,Ann,ann@example.com,2,1.5,2026-03-01T09:00:00Z,true,"[""a"",""b""]",
u2,Bo,,,,,,,
,,,,,,,,404
"""
EVENTS = (
    '{"name":"A","timestamp":"2026-03-01T09:00:00Z","user":{"uid":"u1"},"properties":{"n":1},'
    '"schema":{"properties":{"n":"int"}},"context":{"browser":{"url":"https://app.example.com/"},'
    '"device":{"screen_width":10},"location":{"latitude":1.5,"country":"DE"}}}\n'
    '{"name":"B","session":{"use_most_recent":true},"user":{"uid":"u1"}}\n'
    '{"name":"C","user":{"id":"404"}}\n'
)


class Held(Watched):
    """Holds all that is asked of the batch endpoints, and every answer, against the specs."""

    def __init__(self) -> None:
        super().__init__(Hours())
        self.specs = read_specs()
        self.seen: set[tuple[str, str, int | None]] = set()

    def request(
        self, connection_id: str, request: Request, *, deadline: Deadline = NO_DEADLINE
    ) -> Response:
        response = super().request(connection_id, request, deadline=deadline)
        body = json.loads(request.body) if request.body else None
        pattern = hold(self.specs, request.method, request.path, body, response)
        self.seen.add((request.method, pattern.rpartition("/")[2], response.status))
        return response


@pytest.mark.parametrize(
    ("kind", "name", "text"), [("users", "p.csv", USERS), ("events", "e.jsonl", EVENTS)]
)
def test_batches_jobs_and_results_are_as_the_specs_say(
    tmp_path: Path, kind: Kind, name: str, text: str
) -> None:
    path = tmp_path / name
    path.write_text(text)
    with closing(Held()) as gateway:
        told = _imported(gateway, tmp_path, kind, path)
        assert (told.accepted, told.rejected, told.bad) == (2, 1, 0)
        assert gateway.seen == {
            ("POST", "batch", 200),
            ("GET", "{job_id}", 200),
            ("GET", "imports", 200),
            ("GET", "errors", 200),
        }


def _imported(gateway: Held, folder: Path, kind: Kind, path: Path) -> Summary:
    caller = bulk_caller(gateway, gateway.hours, next(iter(gateway.connections())).id)
    with closing(open_source(World.from_process(), str(path))) as source:
        one = input_of(
            open_rows(source, kind),
            source.origin,
            rejects=default_path(path, "rejects"),
            unknown=default_path(path, "unknown"),
            imports=folder / "ids.jsonl",
            new_id=caller.new_id,
        )
        last = list(importing.run(caller, folder / "state", kind, [one], Options()))[-1]
    assert isinstance(last, Summary)
    return last
