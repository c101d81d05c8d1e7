"""The key of ``--mask``: one for each machine, and nobody else's business."""

from __future__ import annotations

import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from fsctl.settings.machine_key import FILE_NAME, KEY_BYTES, machine_key

_PROGRAM = """
import sys
from pathlib import Path
from fsctl.settings.machine_key import machine_key
sys.stdin.readline()
print(machine_key(Path(sys.argv[1]), warn=print).hex())
"""

needs_owners = pytest.mark.skipif(not hasattr(os, "geteuid"), reason="no owners of files here")
needs_a_user = pytest.mark.skipif(
    getattr(os, "geteuid", lambda: 0)() == 0, reason="root may write everywhere"
)


def key(directory: Path) -> tuple[bytes, list[str]]:
    warnings: list[str] = []
    return machine_key(directory, warn=warnings.append), warnings


def test_the_key_is_random_private_and_kept(tmp_path: Path) -> None:
    first, warnings = key(tmp_path / "state")
    assert (len(first), warnings) == (KEY_BYTES, [])
    assert key(tmp_path / "state") == (first, [])
    assert key(tmp_path / "other")[0] != first
    file = tmp_path / "state" / FILE_NAME
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert stat.S_IMODE(file.parent.stat().st_mode) == 0o700
    assert [path.name for path in file.parent.iterdir()] == [FILE_NAME]


def test_processes_that_ask_at_once_get_the_same_key(tmp_path: Path) -> None:
    command = [sys.executable, "-c", _PROGRAM, str(tmp_path / "state")]
    racers = [
        subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        for _ in range(8)
    ]
    for racer in racers:
        assert racer.stdin is not None
        racer.stdin.write("\n")
        racer.stdin.flush()
    keys = {racer.communicate()[0] for racer in racers}
    assert len(keys) == 1
    assert keys == {key(tmp_path / "state")[0].hex() + "\n"}


def test_who_comes_second_takes_the_key_of_who_came_first(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fsctl.settings import machine_key as module

    first, _ = key(tmp_path)
    really = module._read
    answers = [None]  # as if the other one had written it right after the first look
    monkeypatch.setattr(module, "_read", lambda path: answers.pop() if answers else really(path))
    assert key(tmp_path) == (first, [])
    assert not answers


@pytest.mark.parametrize("data", [b"", b"x" * (KEY_BYTES - 1), b"x" * (KEY_BYTES + 1)])
def test_a_damaged_key_is_not_used_and_not_replaced(data: bytes, tmp_path: Path) -> None:
    file = tmp_path / FILE_NAME
    file.write_bytes(data)
    file.chmod(0o600)
    first, warnings = key(tmp_path)
    second, _ = key(tmp_path)
    assert first != second
    assert "it is damaged. The tokens of this run match no other run's." in warnings[0]
    assert file.read_bytes() == data


@needs_owners
@pytest.mark.parametrize("mode", [0o640, 0o604, 0o620])
def test_a_key_that_others_may_know_is_not_used(mode: int, tmp_path: Path) -> None:
    known, _ = key(tmp_path)
    (tmp_path / FILE_NAME).chmod(mode)
    used, warnings = key(tmp_path)
    assert used != known
    assert "others may read or write it" in warnings[0]


@needs_owners
def test_a_key_that_somebody_else_put_there_is_not_used(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    known, _ = key(tmp_path)
    monkeypatch.setattr(os, "geteuid", lambda: os.stat(tmp_path).st_uid + 1)  # noqa: PTH116
    used, warnings = key(tmp_path)
    assert used != known
    assert "another user's" in warnings[0]


def test_no_symlink_leads_to_a_key(tmp_path: Path) -> None:
    known, _ = key(tmp_path / "elsewhere")
    (tmp_path / "state").mkdir()
    (tmp_path / "state" / FILE_NAME).symlink_to(tmp_path / "elsewhere" / FILE_NAME)
    used, warnings = key(tmp_path / "state")
    assert used != known
    assert len(warnings) == 1


def test_a_pipe_in_its_place_does_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / FILE_NAME)
    _, warnings = key(tmp_path)
    assert "not a plain file" in warnings[0]


@pytest.mark.parametrize("state", ["file", "file/below"])
def test_where_nothing_can_be_kept_the_key_is_for_this_run(state: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("in the way")
    first, warnings = key(tmp_path / state)
    assert len(first) == KEY_BYTES
    assert warnings[0].startswith("The key of --mask cannot be kept in ")
    assert warnings[0].endswith(" The tokens of this run match no other run's.")
    assert key(tmp_path / state)[0] != first


@needs_a_user
def test_a_directory_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    _, warnings = key(tmp_path)
    assert "cannot be kept" in warnings[0]
