"""Files that may hold people's data: private, whole, and never over another."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Iterator
from pathlib import Path

import pytest

from fsctl.errors import FsctlError, Refused, Usage
from fsctl.settings.files import check_target, make_private_directory, new_file


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def names(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def write(path: Path, body: bytes = b"new", *, force: bool = False) -> None:
    with new_file(path, force=force) as stream:
        stream.write(body)


@pytest.fixture(autouse=True)
def _usual_umask() -> Iterator[None]:
    before = os.umask(0o022)
    yield
    os.umask(before)


def test_a_new_file_is_private_whole_and_alone(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    write(path)
    assert path.read_bytes() == b"new"
    assert mode(path) == 0o600
    assert names(tmp_path) == ["out.json"]
    assert path.stat().st_nlink == 1


def test_it_appears_only_when_it_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with new_file(path) as stream:
        stream.write(b"half")
        stream.flush()
        assert not path.exists()
        (temporary,) = tmp_path.iterdir()
        assert mode(temporary) == 0o600
    assert path.read_bytes() == b"half"


def test_with_force_the_old_one_stays_until_the_new_one_is_complete(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"old")
    with new_file(path, force=True) as stream:
        stream.write(b"new")
        assert path.read_bytes() == b"old"
    assert path.read_bytes() == b"new"
    assert mode(path) == 0o600, "even where the old one was open to all"
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("failure", [ValueError, KeyboardInterrupt, FsctlError])
@pytest.mark.parametrize("force", [False, True])
def test_a_failure_leaves_nothing_new_behind(
    tmp_path: Path, failure: type[BaseException], force: bool
) -> None:
    path = tmp_path / "out"
    if force:
        path.write_bytes(b"old")
    with pytest.raises(failure), new_file(path, force=force) as stream:
        stream.write(b"half")
        raise failure("it broke")
    assert names(tmp_path) == (["out"] if force else [])
    if force:
        assert path.read_bytes() == b"old"


def test_a_full_disk_is_told_and_leaves_nothing_behind(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with pytest.raises(Refused) as ended, new_file(path):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    assert "No space left" in ended.value.message
    assert names(tmp_path) == []


def test_nothing_is_overwritten_without_force(tmp_path: Path) -> None:
    path = tmp_path / "out"
    path.write_bytes(b"old")
    with pytest.raises(Usage, match="exists already") as ended:
        write(path)
    assert "--force" in (ended.value.hint or "")
    assert path.read_bytes() == b"old"


def test_nor_what_appears_in_the_meantime(tmp_path: Path) -> None:
    path = tmp_path / "out"
    with pytest.raises(Usage, match="appeared"), new_file(path):
        path.write_bytes(b"theirs")
    assert path.read_bytes() == b"theirs"
    assert names(tmp_path) == ["out"]


@pytest.mark.parametrize("planted", [True, False])
def test_nor_where_there_are_no_hard_links(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, planted: bool
) -> None:
    def no_links(*_: object, **__: object) -> None:
        raise OSError(errno.EPERM, "no hard links here")

    monkeypatch.setattr(os, "link", no_links)
    path = tmp_path / "out"
    if not planted:
        write(path)
        assert path.read_bytes() == b"new"
        return
    with pytest.raises(Usage, match="appeared"), new_file(path):
        path.symlink_to(tmp_path / "elsewhere")
    assert names(tmp_path) == ["out"]
    assert path.is_symlink()


@pytest.mark.parametrize("force", [False, True])
@pytest.mark.parametrize("target", ["there", "not there"])
def test_no_symlink_is_followed(tmp_path: Path, force: bool, target: str) -> None:
    elsewhere = tmp_path / "elsewhere"
    if target == "there":
        elsewhere.write_bytes(b"precious")
    path = tmp_path / "out"
    path.symlink_to(elsewhere)
    with pytest.raises(Usage, match="symbolic link"):
        write(path, force=force)
    assert path.is_symlink()
    assert elsewhere.exists() is (target == "there")


def test_a_symlink_planted_in_the_meantime_is_replaced_and_not_followed(tmp_path: Path) -> None:
    elsewhere, path = tmp_path / "elsewhere", tmp_path / "out"
    elsewhere.write_bytes(b"precious")
    with new_file(path, force=True) as stream:
        stream.write(b"new")
        path.symlink_to(elsewhere)
    assert elsewhere.read_bytes() == b"precious"
    assert not path.is_symlink()
    assert path.read_bytes() == b"new"


@pytest.mark.parametrize("force", [False, True])
def test_only_plain_files_are_replaced(tmp_path: Path, force: bool) -> None:
    (tmp_path / "directory").mkdir()
    os.mkfifo(tmp_path / "fifo")
    for name in ("directory", "fifo"):
        with pytest.raises(Usage, match="not a plain file"):
            write(tmp_path / name, force=force)
    with pytest.raises(Usage, match="not a plain file"):
        check_target(Path("/dev/null"), force=force)


def test_the_directory_has_to_exist(tmp_path: Path) -> None:
    with pytest.raises(Usage, match="does not exist"):
        write(tmp_path / "nowhere" / "out")
    (tmp_path / "file").touch()
    with pytest.raises(Usage, match="does not exist"):
        write(tmp_path / "file" / "out")


def test_a_name_that_cannot_be_is_told(tmp_path: Path) -> None:
    for check in (lambda path: check_target(path, force=False), write):
        with pytest.raises(Refused, match="cannot be written"):
            check(tmp_path / ("a" * 300))


def test_a_long_name_in_any_script_leaves_room_for_the_temporary_one(tmp_path: Path) -> None:
    for name in ("a" * 250, "界" * 80, "🚀" * 60):
        write(tmp_path / name)
        assert (tmp_path / name).read_bytes() == b"new"


def test_a_directory_that_vanishes_is_told(tmp_path: Path) -> None:
    place = tmp_path / "place"
    place.mkdir()
    with pytest.raises(Refused), new_file(place / "out"):
        for left in place.iterdir():
            left.unlink()
        place.rmdir()


def test_a_private_directory_and_its_parents_are_private(tmp_path: Path) -> None:
    path = make_private_directory(tmp_path / "a" / "b" / "c")
    assert [mode(p) for p in (path, path.parent, path.parent.parent)] == [0o700] * 3
    assert mode(tmp_path) != 0o600
    make_private_directory(path)


def test_a_directory_that_was_there_is_left_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir(mode=0o755)
    make_private_directory(tmp_path / "a" / "b")
    assert mode(tmp_path / "a") == 0o755


def test_a_file_in_the_way_of_a_directory_is_an_os_error(tmp_path: Path) -> None:
    (tmp_path / "a").touch()
    for path in (tmp_path / "a", tmp_path / "a" / "b"):
        with pytest.raises(OSError):
            make_private_directory(path)
