"""A receipt is a new file of its own, and each line is on the disk before anything goes on."""

from __future__ import annotations

import json
import os
import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest

from fsctl.errors import Refused, Usage
from fsctl.fullstory.erasure import State, Step
from fsctl.fullstory.receipts import Receipt, new_path

HOSTILE = {"id": "7", "uid": "\u202ead\n", "email": None, "display_name": "Ada"}
ASKED = {"dry_run": True, "fitted": True, "connection": "c1", "method": "DELETE"}


def receipt(path: Path) -> Receipt:
    now = datetime(2026, 3, 1, 9, tzinfo=UTC)
    return Receipt(path, now=lambda: now, profile="work", connection="c1")


def lines(path: Path) -> list[str]:
    return path.read_text().splitlines()


def test_a_line_says_all_that_a_privacy_ticket_needs(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    kept = receipt(path)
    kept.write(Step(State.REQUESTED, HOSTILE, ASKED))
    answered = {"status": 200, "body": {}}
    kept.write(Step(State.ACCEPTED, HOSTILE, ASKED, answered, "run1"))
    kept.close()
    first, second = map(json.loads, lines(path))
    assert first == {
        "time": "2026-03-01T09:00:00Z",
        "state": "requested",
        "id": "7",
        "uid": "\u202ead\n",
        "email": None,
        "profile": "work",
        "connection": "c1",
        "asked": {"method": "DELETE"},
        "answered": None,
        "action_run_id": None,
    }
    assert second == {
        **first, "state": "accepted", "answered": answered, "action_run_id": "run1"
    }  # fmt: skip
    assert path.read_text().isascii()
    assert "Ada" not in path.read_text()


def test_a_receipt_is_private_and_there_at_once(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    kept = receipt(path)
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    kept.write(Step(State.REQUESTED, HOSTILE))
    assert len(lines(path)) == 1
    kept.close()


def test_each_line_is_synchronised(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    kept = receipt(tmp_path / "r.jsonl")
    synced: list[int] = []
    monkeypatch.setattr(os, "fsync", lambda _fd: synced.append(len(lines(tmp_path / "r.jsonl"))))
    kept.write(Step(State.REQUESTED, HOSTILE))
    kept.write(Step(State.GONE, HOSTILE))
    kept.close()
    assert synced == [1, 2]


@pytest.mark.parametrize("kind", ["file", "symlink", "dangling", "directory"])
def test_nothing_that_is_there_becomes_a_receipt(kind: str, tmp_path: Path) -> None:
    path, other = tmp_path / "r.jsonl", tmp_path / "other"
    if kind == "directory":
        path.mkdir()
    elif kind == "file":
        path.write_text("mine")
    else:
        if kind == "symlink":
            other.write_text("mine")
        path.symlink_to(other)
    with pytest.raises(Usage, match="exists already"):
        receipt(path)
    assert kind != "file" or path.read_text() == "mine"
    assert kind != "dangling" or not other.exists()


@pytest.mark.parametrize("tried", [True, False])
@pytest.mark.parametrize(
    ("name", "what"),
    [
        ("-", "needs a file"),
        ("there", "'there' exists already"),
        ("dangling", "exists already"),
        ("no/r.jsonl", "The directory 'no' does not exist"),
        ("there/r.jsonl", "The directory 'there' does not exist"),
        ("~nobody-is-called-that/r.jsonl", "in the home of nobody"),
        ("", "exists already"),
    ],
)
def test_what_cannot_become_a_receipt_is_refused_before_anything_is_done(
    name: str, what: str, tried: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("there").write_text("mine")
    Path("dangling").symlink_to("elsewhere")
    with pytest.raises(Usage, match=what) as raised:
        new_path(name, tried=tried)
    assert raised.value.hint
    assert "--force" not in raised.value.hint
    assert sorted(path.name for path in tmp_path.iterdir()) == ["dangling", "there"]


@pytest.mark.parametrize(
    "path",
    [
        pytest.param(
            "/proc/r.jsonl", marks=pytest.mark.skipif(not Path("/proc").exists(), reason="no /proc")
        ),
        "x" * 300,
    ],
)
def test_so_is_what_shows_only_when_it_is_tried(path: str) -> None:
    with pytest.raises(Usage, match="cannot be written"):
        new_path(path, tried=True)


def test_what_can_become_one_is_not_there_yet(tmp_path: Path) -> None:
    path = tmp_path / "r.jsonl"
    assert new_path(str(path), tried=True) == path
    assert list(tmp_path.iterdir()) == []


def test_where_nothing_can_be_kept_nothing_was_sent(tmp_path: Path) -> None:
    with pytest.raises(Refused, match="Nothing was sent"):
        receipt(tmp_path / "missing" / "r.jsonl")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no full device here")
def test_a_full_disk_says_how_far_it_came(tmp_path: Path) -> None:
    kept = receipt(tmp_path / "r.jsonl")
    full = os.open("/dev/full", os.O_WRONLY)
    os.dup2(full, kept._descriptor)
    os.close(full)
    with pytest.raises(Refused, match="Nothing was sent"):
        kept.write(Step(State.REQUESTED, HOSTILE))
    with pytest.raises(Refused, match="The deletion of 7 is accepted, but the receipt"):
        kept.write(Step(State.ACCEPTED, HOSTILE))
    kept.close()
