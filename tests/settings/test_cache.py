"""A cache may forget; it never breaks a command, and holds nothing secret."""

from __future__ import annotations

import json
import stat
from pathlib import Path
from typing import Any

import pytest

from fsctl.membrane.catalogue import Catalogue
from fsctl.settings.cache import FileCache
from tests.support.scripted_gateway import CONNECTION, ScriptedGateway, action


class Shelf:
    """Caches of one directory, each as a new process would have it."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.now = 1000.0
        self.notes: list[str] = []

    def cache(self) -> FileCache:
        return FileCache(self.directory, clock=lambda: self.now, note=self.notes.append)

    def files(self) -> list[Path]:
        return sorted(self.directory.iterdir())


@pytest.fixture
def shelf(tmp_path: Path) -> Shelf:
    return Shelf(tmp_path / "home" / "cache")


@pytest.mark.parametrize("value", [{"a": [1, "é", None]}, [], "text", 0, False])
def test_a_value_outlives_its_process(shelf: Shelf, value: Any) -> None:
    shelf.cache().set("key", value)
    assert shelf.cache().get("key") == value
    assert shelf.cache().get("key", max_age=0) == value
    assert shelf.cache().get("other") is None
    assert shelf.notes == []


def test_files_are_private_and_alone(shelf: Shelf) -> None:
    shelf.cache().set("key", 1)
    shelf.cache().set("key", 2)
    (file,) = shelf.files()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(shelf.directory.stat().st_mode) == 0o700
    assert shelf.cache().get("key") == 2


@pytest.mark.parametrize("same_process", [True, False])
def test_what_is_too_old_is_forgotten(shelf: Shelf, same_process: bool) -> None:
    cache = shelf.cache()
    cache.set("key", 1)
    cache = cache if same_process else shelf.cache()
    shelf.now += 600
    assert cache.get("key", max_age=600) == 1
    shelf.now += 1
    assert cache.get("key", max_age=600) is None
    assert cache.get("key") == 1, "without an age anything goes"


def test_what_is_of_the_future_is_forgotten(shelf: Shelf) -> None:
    shelf.cache().set("key", 1)
    shelf.now -= 3600
    assert shelf.cache().get("key", max_age=600) is None


def test_what_is_dropped_is_gone_for_all(shelf: Shelf) -> None:
    cache = shelf.cache()
    cache.set("key", 1)
    cache.drop("key")
    cache.drop("never there")
    assert cache.get("key") is None
    assert shelf.cache().get("key") is None
    assert shelf.files() == []


@pytest.mark.parametrize(
    "damage",
    [b"", b"{", b"null", b"[]", b"7", b'"text"', b"{}", b"\xff\xfe", b"[" * 100_000,
     b'{"key": "key", "value": 1}', b'{"key": "key", "at": "x", "value": 1}',
     b'{"key": "key", "at": null, "value": 1}', b'{"key": "key", "at": 1000}',
     b'{"key": "other", "at": 1000, "value": 1}', b'{"key": "key", "at": NaN, "value": 1}'],
)  # fmt: skip
def test_a_damaged_file_is_forgotten_and_can_be_written_anew(shelf: Shelf, damage: bytes) -> None:
    shelf.cache().set("key", 0)
    shelf.files()[0].write_bytes(damage)
    assert shelf.cache().get("key", max_age=600) is None
    shelf.cache().set("key", 2)
    assert shelf.cache().get("key", max_age=600) == 2


def test_a_directory_that_cannot_be_made_only_forgets_and_says_so_once(shelf: Shelf) -> None:
    shelf.directory.parent.mkdir()
    shelf.directory.write_text("a file in the way")  # permissions would not stop root
    cache = shelf.cache()
    cache.set("key", 1)
    cache.set("other", 2)
    cache.drop("third")
    assert cache.get("key") == 1, "the process itself remembers"
    assert shelf.cache().get("key") is None
    (note,) = shelf.notes
    assert note.startswith(f"The cache {str(shelf.directory)!r} cannot be written: ")


def test_a_file_that_cannot_be_replaced_leaves_nothing_half_written(shelf: Shelf) -> None:
    shelf.cache().set("key", 1)
    (file,) = shelf.files()
    file.unlink()
    file.mkdir()
    cache = shelf.cache()
    cache.set("key", 2)
    cache.drop("key")
    assert shelf.files() == [file]
    assert len(shelf.notes) == 1


def test_any_text_is_a_key(shelf: Shelf) -> None:
    for key in ("", "../../etc/passwd", "a|b", "half \udcff", "x" * 5000, "\x00"):
        shelf.cache().set(key, key == "")
        assert shelf.cache().get(key) is (key == "")
    assert all(file.parent == shelf.directory for file in shelf.files())
    assert len(shelf.files()) == 6


def test_what_the_catalogue_keeps_is_no_secret_and_nobodys_data(shelf: Shelf) -> None:
    gateway = ScriptedGateway(
        known=[CONNECTION._replace(owner="ada@example.com", error="token pat-secret")],
        catalogue=[action("create-annotation", {"type": "object"})],
    )
    catalogue = Catalogue(gateway, shelf.cache())
    catalogue.action(catalogue.connection_id(None), "create-annotation")
    kept = [json.loads(file.read_bytes()) for file in shelf.files()]
    assert sorted(str(entry["value"]) for entry in kept) == sorted(
        [
            CONNECTION.id,
            "[{'id': 'a1', 'name': 'Create Annotation', 'key': 'create-annotation', "
            "'description': None, 'input': {'type': 'object'}, 'output': None}]",
        ]
    )
    assert {entry["key"].split("|")[0] for entry in kept} == {"connection", "actions"}


def test_all_but_some_is_forgotten_here_and_by_other_processes(shelf: Shelf) -> None:
    cache, other = shelf.cache(), shelf.cache()
    for key in ("connection|a|", "actions|a|1", "verbs|x"):
        cache.set(key, 1)
    (shelf.directory / f"{'0' * 32}.json").write_bytes(b"{damaged")
    (shelf.directory / "others.json").write_text("{}")
    cache.forget(keep="verbs|")
    assert [cache.get(key) for key in ("connection|a|", "actions|a|1", "verbs|x")] == [
        None,
        None,
        1,
    ]
    assert [other.get(key) for key in ("connection|a|", "verbs|x")] == [None, 1]
    assert len(shelf.files()) == 2, "what is kept, and what is not the cache's own"


def test_forgetting_where_nothing_is_kept_is_no_error(shelf: Shelf) -> None:
    shelf.cache().forget(keep="verbs|")
    assert (shelf.notes, shelf.directory.exists()) == ([], False)
