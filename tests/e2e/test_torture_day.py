"""Going on with an import a day later, by whoever's clock: what is no upsert is not sent again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from fsctl.errors import ExitCode
from tests.support.command import Ended
from tests.support.online import Online, inside, online

HOURS = {"the same day": 23, "a day later": 25}


@pytest.fixture
def road(tmp_path: Path) -> Iterator[Online]:
    with online(tmp_path) as child:
        yield inside(child, tmp_path / "home")


@pytest.fixture(params=["the service's clock", "this machine's clock"])
def go_on(road: Online, request: pytest.FixtureRequest) -> Any:
    """Runs a command so many hours later, by the clock of one side alone."""

    def later(hours: int, *arguments: str) -> Ended:
        if request.param == "this machine's clock":
            return road(*arguments, now=lambda: datetime.now(UTC) + timedelta(hours=hours))
        road.server.store.clock.advance(hours * 3600)
        return road(*arguments)

    return later


def lose_the_answer(road: Online, kind: str, path: Path) -> None:
    """A run whose batch took effect, and which gives up waiting for an answer."""
    road.fail("reset-after@/v2/users/batch", "reset-after@/v2/events/batch")
    ended = road(kind, "import", str(path))
    assert ended.code == ExitCode.UNAVAILABLE, ended.show
    assert "goes on where this one stopped" in ended.err
    road.fail()


def write(path: Path, rows: list[dict[str, Any]]) -> Path:
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return path


def count(road: Online, table: str) -> int:
    with road.server.store.connection() as db:
        return int(db.execute(f"SELECT count(*) FROM {table}").fetchone()[0])


def keys(road: Online) -> list[str]:
    return [
        value
        for each in road.server.requests
        for name, value in each.headers
        if name == "Idempotency-Key"
    ]


@pytest.mark.parametrize("when", HOURS)
def test_people_with_a_uid_are_sent_again(
    road: Online, tmp_path: Path, go_on: Any, when: str
) -> None:
    path = write(tmp_path / "people.jsonl", [{"uid": f"new-{n}"} for n in range(5)])
    before = count(road, "users")
    lose_the_answer(road, "users", path)
    first = set(keys(road))
    done = go_on(HOURS[when], "users", "import", str(path))
    assert done.code == ExitCode.DONE, done.show
    assert count(road, "users") == before + 5
    assert len(first) == 1
    assert len(set(keys(road))) == (1 if when == "the same day" else 2)
    bodies = {each.body for each in road.server.requests if each.method == "POST"}
    assert len(bodies) == 1


@pytest.mark.parametrize("kind", ["users", "events"])
@pytest.mark.parametrize("when", HOURS)
def test_what_would_be_there_twice_is_sent_again_only_while_its_key_is_kept(
    road: Online, tmp_path: Path, go_on: Any, when: str, kind: str
) -> None:
    rows = [{"name" if kind == "events" else "display_name": f"Row {n}"} for n in range(5)]
    path = write(tmp_path / "rows.jsonl", rows)
    before = count(road, kind)
    lose_the_answer(road, kind, path)
    ended = go_on(HOURS[when], kind, "import", str(path))
    assert count(road, kind) == before + 5, ended.show
    assert len(set(keys(road))) == 1
    unknown = tmp_path / "rows.unknown.jsonl"
    if when == "the same day":
        assert ended.code == ExitCode.DONE, ended.show
        assert not unknown.exists()
        return
    assert ended.code == ExitCode.UNKNOWN, ended.show
    assert json.loads(ended.out)["unknown"] == 5
    found = [json.loads(line) for line in unknown.read_text().splitlines()]
    assert [row["_line"] for row in found] == [1, 2, 3, 4, 5]
    assert {row["_error_code"] for row in found} == {"outcome_unknown"}
    assert not list((tmp_path / "home" / "state" / "imports").glob("*"))
    assert road(kind, "import", str(path), "--dry-run").code == ExitCode.DONE
