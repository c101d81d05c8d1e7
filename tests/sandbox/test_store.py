from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from fsctl.errors import Unavailable, Usage
from fsctl.sandbox import store as store_module
from fsctl.sandbox.store import Store, remove_files

posix_only = pytest.mark.skipif(os.name == "nt", reason="modes and links of POSIX")


def _mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def _set(store: Store, key: str, value: str) -> None:
    with store.transaction() as db:
        db.execute("INSERT OR REPLACE INTO meta VALUES (?, ?)", (key, value))


def _get(store: Store, key: str) -> str | None:
    with store.connection() as db:
        row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
    return None if row is None else str(row["value"])


@posix_only
def test_the_file_and_its_logs_are_private_and_so_is_a_new_directory(tmp_path: Path) -> None:
    path = tmp_path / "state" / "sandbox.db"
    store = Store(path)
    _set(store, "a", "b")
    assert _mode(path.parent) == 0o700
    assert {_mode(file) for file in path.parent.iterdir()} == {0o600}
    store.close()


@posix_only
def test_a_file_that_others_could_read_is_made_private(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    path.touch(0o644)
    Store(path).close()
    assert _mode(path) == 0o600


@posix_only
def test_a_link_is_not_followed(tmp_path: Path) -> None:
    target = tmp_path / "precious"
    target.touch()
    link = tmp_path / "sandbox.db"
    link.symlink_to(target)
    with pytest.raises(Usage, match="cannot be opened"):
        Store(link)
    assert target.read_bytes() == b""


def test_state_outlives_the_process_that_wrote_it(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    first = Store(path)
    _set(first, "seed", "7")
    first.close()
    second = Store(path)
    assert _get(second, "seed") == "7"
    second.close()


def test_stores_in_memory_are_private_to_their_object() -> None:
    first, second = Store(None), Store(None)
    _set(first, "seed", "7")
    assert _get(second, "seed") is None


def test_an_exception_undoes_a_transaction() -> None:
    store = Store(None)
    with pytest.raises(KeyError), store.transaction() as db:
        db.execute("INSERT INTO meta VALUES ('a', 'b')")
        raise KeyError
    assert _get(store, "a") is None


def test_a_transaction_within_another_belongs_to_it() -> None:
    store = Store(None)
    with pytest.raises(KeyError), store.transaction():
        _set(store, "a", "b")
        raise KeyError
    assert _get(store, "a") is None


def test_a_text_file_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    path.write_text("not a database, but long enough to be taken for a page of one\n" * 100)
    with pytest.raises(Usage) as caught:
        Store(path)
    assert "fsctl sandbox reset" in str(caught.value.hint)
    assert path.read_text().startswith("not a database")


def test_a_damaged_file_is_refused_with_the_way_out(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    store = Store(path)
    _set(store, "a", "b")
    store.close()
    content = path.read_bytes()
    path.write_bytes(content[:200] + b"\xff" * (len(content) - 200))
    with pytest.raises(Usage) as caught:
        _get(Store(path), "a")
    assert "fsctl sandbox reset" in str(caught.value.hint)


def test_another_programs_database_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE photos (id)")
    db.close()
    with pytest.raises(Usage, match="not one of the sandbox") as caught:
        Store(path)
    assert "fsctl sandbox reset" in str(caught.value.hint)
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT name FROM sqlite_master").fetchall() == [("photos",)]
    db.close()


def test_a_newer_sandbox_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    Store(path).close()
    with sqlite3.connect(path) as db:
        db.execute(f"PRAGMA user_version = {store_module.SCHEMA_VERSION + 1}")
    db.close()
    with pytest.raises(Usage, match="another version") as caught:
        Store(path)
    assert "fsctl sandbox reset" in str(caught.value.hint)


def test_a_place_where_no_file_can_be_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Usage, match="cannot be made"):
        Store(tmp_path / "file" / "sandbox.db")


def test_a_store_held_by_another_is_unavailable(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(store_module, "_BUSY_SECONDS", 0.0)
    first, second = Store(tmp_path / "sandbox.db"), Store(tmp_path / "sandbox.db")
    with first.transaction(), pytest.raises(Unavailable), second.transaction():
        pass
    _set(second, "a", "b")
    first.close()
    second.close()


def test_another_rooms_tables_are_made_once(tmp_path: Path) -> None:
    script = "CREATE TABLE runs (id TEXT);\nCREATE INDEX runs_id ON runs (id);"
    for _ in range(2):
        store = Store(tmp_path / "sandbox.db")
        store.ensure_schema("runs", script)
        with store.transaction() as db:
            db.execute("INSERT INTO runs VALUES ('x')")
        store.close()
    store = Store(tmp_path / "sandbox.db")
    with store.connection() as db:
        assert db.execute("SELECT count(*) FROM runs").fetchone()[0] == 2
    with pytest.raises(Usage, match="another version"):
        store.ensure_schema("runs", "CREATE TABLE runs (id TEXT, more TEXT);")
    store.close()


def test_resetting_removes_the_file_even_if_damaged(tmp_path: Path) -> None:
    path = tmp_path / "sandbox.db"
    path.write_bytes(b"rubbish")
    assert remove_files(path)
    assert not remove_files(path)
    Store(path).close()


def test_processes_that_start_at_once_share_one_new_store(tmp_path: Path) -> None:
    script = (
        "import sys; from pathlib import Path; from fsctl.sandbox.store import Store\n"
        "store = Store(Path(sys.argv[1]))\n"
        "with store.transaction() as db:\n"
        "    db.execute('INSERT INTO meta VALUES (?, 1)', (sys.argv[2],))\n"
    )
    path = tmp_path / "sandbox.db"
    children = [
        subprocess.Popen([sys.executable, "-c", script, str(path), str(number)])
        for number in range(4)
    ]
    assert [child.wait(60) for child in children] == [0, 0, 0, 0]
    store = Store(path)
    with store.connection() as db:
        assert db.execute("SELECT count(*) FROM meta").fetchone()[0] == 4
    store.close()
