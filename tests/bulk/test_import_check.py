"""Checks: what is bad and why, which uids come again, and nothing is sent."""

from __future__ import annotations

import json
from collections import defaultdict
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsctl.bulk import importing
from fsctl.bulk.duplicates import Duplicates
from fsctl.bulk.import_check import checked, refuse_bad
from fsctl.bulk.import_events import Checked, Common, Event, Progress
from fsctl.bulk.importing import Options
from fsctl.bulk.rows import open_rows
from fsctl.bulk.source import open_source
from fsctl.errors import Usage
from fsctl.terminal.world import World
from tests.support.import_inputs import Hours, Watched, bulk_caller, input_of, write_lines


def check(path: Path, rows: list[dict[str, object]]) -> Checked:
    found = list(importing.check([input_of(write_lines(path, rows))]))
    assert isinstance(found[-1], Checked)
    return found[-1]


@given(st.lists(st.sampled_from("abcdefgh"), max_size=60), st.integers(1, 9))
def test_duplicates_are_told_with_all_their_lines(texts: list[str], run: int) -> None:
    expected = defaultdict(list)
    with closing(Duplicates(run)) as duplicates:
        for line, text in enumerate(texts, 1):
            duplicates.add(text, line)
            expected[text].append(line)
        told = sorted(found.lines for found in duplicates)
    assert told == sorted(tuple(lines) for lines in expected.values() if len(lines) > 1)


def test_a_check_tells_problems_with_lines_and_duplicate_uids(tmp_path: Path) -> None:
    rows: list[dict[str, object]] = [
        {"uid": "a"}, {"bad": 1}, {"uid": "b"}, {"uid": "a"}, {"bad": 2}, {"uid": "c"},
    ]  # fmt: skip
    assert check(tmp_path / "p.jsonl", rows) == Checked(
        "p.jsonl", 6, 2, (Common("bad", 2, "It is bad", (2, 5)),), 1, ((1, 4),)
    )


def test_a_clean_input_has_nothing_to_tell(tmp_path: Path) -> None:
    assert check(tmp_path / "p.jsonl", [{"uid": "a"}]) == Checked("p.jsonl", 1, 0, (), 0, ())


def test_strict_sends_nothing_of_any_input_if_a_row_of_one_is_bad(tmp_path: Path) -> None:
    hours = Hours()
    with closing(Watched(hours)) as gateway:
        caller = bulk_caller(gateway, hours, next(iter(gateway.connections())).id)
        good = input_of(write_lines(tmp_path / "good.jsonl", [{"uid": "a"}]))
        bad = input_of(write_lines(tmp_path / "bad.jsonl", [{"uid": "b"}, {"bad": 1}]))
        seen: list[Event] = []
        asked = Options(strict=True)
        with pytest.raises(Usage, match=r"1 of 3 rows are bad, and nothing was sent.*line 2"):
            seen += importing.run(caller, tmp_path / "state", "users", [good, bad], asked)
        assert gateway.posts == []
        list(importing.run(caller, tmp_path / "state", "users", [good], asked))
        assert len(gateway.posts) == 1


def test_progress_of_a_check_says_that_it_only_checks(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "p.jsonl", [{"uid": str(n)} for n in range(9)])
    events = [one for one in importing.check([input_of(path)]) if isinstance(one, Progress)]
    assert [event.read for event in events] == [3, 6, 9]
    assert all(event.checking for event in events)


def test_nothing_bad_is_nothing_to_refuse() -> None:
    refuse_bad([Checked("a", 3, 0, (), 1, ((1, 2),))])


def test_problems_of_one_code_are_told_apart_by_their_words(tmp_path: Path) -> None:
    rows = [{"uid": "a", "properties": {"seats": {"a": n}}, "email": 5} for n in range(3)]
    text = "".join(json.dumps(row | {"x": 1} if n else row) + "\n" for n, row in enumerate(rows))
    text += '{"uid":"b","y":1}\n{"uid":"c","x":1}\n'
    path = tmp_path / "x.jsonl"
    path.write_text(text)
    with open_source(World(), str(path)) as source:
        *_, found = checked(open_rows(source, "users"), None)
    assert isinstance(found, Checked)
    unknown = [one for one in found.problems if one.code == "unknown_field"]
    assert [(one.times, one.lines, one.message[:1]) for one in unknown] == [
        (3, (2, 3, 5), "x"),
        (1, (4,), "y"),
    ]


def test_kinds_of_problems_are_bounded(tmp_path: Path) -> None:
    path = tmp_path / "x.jsonl"
    path.write_text(
        "".join(f'{{"uid":"a","k{chr(97 + n % 26) * (n + 1)}":1}}\n' for n in range(99))
    )
    with open_source(World(), str(path)) as source:
        *_, found = checked(open_rows(source, "users"), None)
    assert isinstance(found, Checked)
    assert len(found.problems) == 41
    assert found.problems[0].times == 59
    assert found.problems[0].message.startswith("Others, the first of which: k")


def test_each_line_within_broken_quotes_counts_as_a_bad_row(tmp_path: Path) -> None:
    path = tmp_path / "x.csv"
    path.write_text('uid,plan\nu1,a\nu2,"x\n' + "u3,a\n" * 99)
    with open_source(World(), str(path)) as source:
        *_, found = checked(open_rows(source, "users"), None)
    assert isinstance(found, Checked)
    assert (found.rows, found.bad, found.problems[0].times) == (101, 100, 100)
