"""Batches: within bounds, and together the whole input."""

from __future__ import annotations

import json
from collections.abc import Sequence

from hypothesis import given
from hypothesis import strategies as st

from fsctl.bulk.batches import Bounds, Position, Stretch, gaps, joined, stretches, until
from tests.support.import_inputs import Line, Wrong

Cells = list[tuple[int, bool]]  # the length of a row's text, whether it is bad
CELLS = st.lists(st.tuples(st.integers(0, 30), st.booleans()), max_size=60)


def lines(cells: Cells) -> list[Line]:
    rows, offset = [], 0
    for number, (length, bad) in enumerate(cells, 1):
        body = json.dumps({"uid": "u" * length}).encode()
        problems = (Wrong("bad", "It is bad"),) if bad else ()
        rows.append(Line(number, offset, body, problems, body))
        offset += len(body) + 1
    return rows


def blocks(rows: Sequence[Line], size: int) -> list[Sequence[Line]]:
    return [rows[place : place + size] for place in range(0, len(rows), size)]


@given(CELLS, st.integers(1, 7), st.integers(1, 9), st.integers(30, 200))
def test_stretches_are_within_bounds_and_lose_nothing(
    cells: Cells, block: int, most: int, size: int
) -> None:
    rows = lines(cells)
    found = list(stretches(blocks(rows, block), Bounds(most, size)))
    sent = [record for stretch in found for record in json.loads(stretch.body)["requests"]]
    assert sent == [json.loads(row.body) for row in rows if not row.problems]
    assert [row for stretch in found for row in stretch.bad] == [r for r in rows if r.problems]
    for stretch in found:
        assert stretch.rows == len(json.loads(stretch.body)["requests"]) <= most
        assert len(stretch.body) <= size or stretch.rows == 1
    ends = [stretch.end for stretch in found]
    assert ends == [stretch.start for stretch in found[1:]] + ([None] if found else [])


@given(CELLS, st.integers(1, 7), st.integers(1, 9))
def test_a_stretch_that_is_read_again_is_the_same_bytes(
    cells: Cells, block: int, most: int
) -> None:
    rows = lines(cells)
    for stretch in stretches(blocks(rows, block), Bounds(most)):
        end = None if stretch.end is None else stretch.end.offset
        rest = [row for row in rows if row.start >= stretch.start.offset]
        again = [row for part in until(blocks(rest, 5), end) for row in part]
        assert joined(row.body for row in again if not row.problems) == stretch.body
        assert [row for row in again if row.problems] == list(stretch.bad)


@given(CELLS, st.integers(1, 5), st.data())
def test_gaps_are_what_no_known_stretch_covers(
    cells: Cells, most: int, data: st.DataObject
) -> None:
    rows = lines(cells)
    all_of_them = list(stretches([rows], Bounds(most)))
    known = [stretch for stretch in all_of_them if data.draw(st.booleans())]
    seen = [row.start for stretch in known for row in _rows(rows, stretch.start, stretch.end)]
    for start, end in gaps([(stretch.start, stretch.end) for stretch in known]):
        seen += [row.start for row in _rows(rows, start, end)]
    assert sorted(seen) == [row.start for row in rows]


def _rows(rows: Sequence[Line], start: Position | None, end: Position | None) -> list[Line]:
    first, last = start.offset if start else 0, end.offset if end else 1 << 40
    return [row for row in rows if first <= row.start < last]


def test_bad_rows_alone_are_put_away_before_they_are_too_many() -> None:
    found = list(stretches([lines([(1, True)] * 12_000)], Bounds()))
    assert [len(stretch.bad) for stretch in found] == [5_000, 5_000, 2_000]


def test_50_000_rows_are_the_most_of_a_batch_and_8_mb() -> None:
    small: list[Stretch] = list(stretches([lines([(1, False)] * 120_000)], Bounds()))
    assert [stretch.rows for stretch in small] == [50_000, 50_000, 20_000]
    large = list(stretches([lines([(1_000, False)] * 20_000)], Bounds()))
    assert max(len(stretch.body) for stretch in large) <= 8_000_000
    assert len(large) == 3


def test_a_413_halves_what_follows() -> None:
    bounds = Bounds(size=1_000)
    bounds.halve(600)
    assert bounds.size == 300
    bounds.halve(900)
    assert bounds.size == 300
