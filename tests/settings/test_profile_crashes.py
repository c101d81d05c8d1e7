"""Whatever happens to a write, config.toml is the old file or the new one: never a torn one."""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from fsctl.settings.profile_files import store
from fsctl.settings.profiles import load
from tests.support.no_powers import with_files_of, without_powers

# Writes a profile of two keys that always agree, as often as it is told to.
WRITER = """
import sys
from pathlib import Path
from fsctl.settings.profile_files import store
directory, name, times = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
print("ready", flush=True)
for n in range(times):
    store(directory, name, {"service": f"{name} {n}", "tenant": f"{name} {n}"})
"""

# Dies at one moment of a write.
DYING = """
import os, signal, sys
from contextlib import contextmanager
from pathlib import Path
from fsctl.settings import files, profile_files

def die(*_ignored, **_options):
    os.kill(os.getpid(), signal.SIGKILL)

moment, written = sys.argv[2], profile_files.new_file

@contextmanager
def torn(path, *, force):
    with written(path, force=force) as stream:
        class Half:
            def write(self, content):
                stream.write(content[: len(content) // 2])
                stream.flush()
                die()
        yield Half()

if moment == "nothing written":
    profile_files.new_file = die
elif moment == "half written":
    profile_files.new_file = torn
elif moment == "written":
    os.fsync = die
elif moment == "about to be moved":
    Path.replace = die
elif moment == "moved":
    moved = Path.replace
    Path.replace = lambda *names: die(moved(*names))
profile_files.store(Path(sys.argv[1]), "work", {"timeout": 2})
"""


def writer(directory: Path, name: str, times: int) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", WRITER, str(directory), name, str(times)],
        stdout=subprocess.PIPE,
        text=True,
    )


def left_over(directory: Path) -> list[str]:
    return sorted(path.name for path in directory.iterdir())


def test_processes_that_write_at_once_lose_nothing_of_each_other(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text("# kept\n")
    names, times = ["one", "two", "three"], 25
    processes = [writer(tmp_path, name, times) for name in names]
    while any(process.poll() is None for process in processes):
        for profile in load(tmp_path).profiles.values():  # a reader never sees half a file
            assert profile["service"] == profile["tenant"]
    assert [process.wait() for process in processes] == [0, 0, 0]
    for process in processes:
        process.communicate()
    last = {
        name: {"service": f"{name} {times - 1}", "tenant": f"{name} {times - 1}"} for name in names
    }
    assert load(tmp_path).profiles == last
    assert (tmp_path / "config.toml").read_text().startswith("# kept\n")
    assert left_over(tmp_path) == ["config.toml", "config.toml.lock"]


MOMENTS = {
    "nothing written": 1,
    "half written": 1,
    "written": 1,
    "about to be moved": 1,
    "moved": 2,
}


@pytest.mark.parametrize(("moment", "timeout"), MOMENTS.items())
def test_a_write_that_is_killed_leaves_the_old_file_or_the_new_one(
    tmp_path: Path, moment: str, timeout: int
) -> None:
    store(tmp_path, "work", {"timeout": 1, "service": "mine"})
    killed = subprocess.run(
        [sys.executable, "-c", DYING, str(tmp_path), moment], check=False, timeout=60
    )
    assert killed.returncode == -signal.SIGKILL
    assert load(tmp_path).profiles == {"work": {"timeout": timeout, "service": "mine"}}

    store(tmp_path, "work", {"retries": 0})  # the lock died with its holder
    assert load(tmp_path).profiles == {
        "work": {"timeout": timeout, "service": "mine", "retries": 0}
    }
    assert left_over(tmp_path) == ["config.toml", "config.toml.lock"]


def test_a_writer_that_is_killed_at_any_time_leaves_a_whole_file(tmp_path: Path) -> None:
    store(tmp_path, "other", {"service": "kept"})
    chance = random.Random(4)
    for _ in range(6):
        process = writer(tmp_path, "work", 100_000)
        assert process.stdout is not None
        process.stdout.readline()
        time.sleep(chance.uniform(0, 0.05))
        process.kill()
        process.communicate()
        found = load(tmp_path).profiles
        assert found["other"] == {"service": "kept"}
        work = found.get("work", {"service": "", "tenant": ""})
        assert work["service"] == work["tenant"]


# -- places that cannot be written; the command itself, as a person sees it

FSCTL = str(Path(sys.executable).with_name("fsctl"))


@pytest.fixture
def config(tmp_path: Path) -> Path:
    directory = tmp_path / "config"
    store(directory, "work", {"connection": "c", "service": "x" * 4000}, activate=True)
    return directory


def fsctl(home: Path, *arguments: str, **options: object) -> subprocess.CompletedProcess[str]:
    env = {"PATH": os.defpath, "HOME": str(home), "FSCTL_CONFIG_DIR": str(home / "config")}
    return subprocess.run(  # type: ignore[call-overload,no-any-return]
        [FSCTL, *arguments], capture_output=True, text=True, env=env, cwd=home, timeout=60,
        check=False, **options,
    )  # fmt: skip


CHANGES = [
    ("set", "timeout", "30s"),
    ("create", "home"),
    ("delete", "work"),
    ("use", "--none"),
    ("unset", "connection"),
]


@pytest.mark.parametrize("change", CHANGES, ids=lambda change: change[0])
def test_a_directory_that_cannot_be_written_is_told_and_left(
    config: Path, change: tuple[str, ...]
) -> None:
    held_to_it = without_powers()
    before = (config / "config.toml").read_bytes()
    (config / "config.toml.lock").unlink()
    config.chmod(0o500)
    try:
        done = fsctl(config.parent, "profiles", *change, preexec_fn=held_to_it)
        listed = fsctl(config.parent, "profiles", "list", "--jq", ".name", preexec_fn=held_to_it)
    finally:
        config.chmod(0o700)
    assert done.returncode == 1, done.stderr
    assert "cannot be written: Permission denied" in done.stderr
    assert "Check the directory, its permissions and the free space." in done.stderr
    assert (config / "config.toml").read_bytes() == before
    assert listed.stdout == "work\n"


def test_a_lock_left_behind_in_such_a_directory_changes_nothing(config: Path) -> None:
    held_to_it = without_powers()
    before = (config / "config.toml").read_bytes()
    config.chmod(0o500)
    try:
        done = fsctl(config.parent, "profiles", "set", "timeout", "30s", preexec_fn=held_to_it)
    finally:
        config.chmod(0o700)
    assert done.returncode == 1, done.stderr
    assert (config / "config.toml").read_bytes() == before


def test_a_write_that_is_cut_off_leaves_the_old_file(config: Path) -> None:
    """As a quota does, in the middle of the file."""
    before = (config / "config.toml").read_bytes()
    done = fsctl(config.parent, "profiles", "set", "timeout", "30s", preexec_fn=with_files_of(1000))
    assert done.returncode == 1, done.stderr
    assert "cannot be written: File too large" in done.stderr
    assert (config / "config.toml").read_bytes() == before
    assert left_over(config) == ["config.toml", "config.toml.lock"]


FULL_DISK = """
set -e
mount -t tmpfs -o size=16k none "$1"
export FSCTL_CONFIG_DIR="$1/config" HOME="$1"
"$2" profiles create work --connection c
"$2" profiles set service "$(printf '%02000d' 0)"
before=$(cat "$1/config/config.toml")
cat /dev/zero > "$1/filler" 2> /dev/null || true
status=0
"$2" profiles set tenant "$(printf '%04000d' 0)" || status=$?
echo "status $status"
[ "$before" = "$(cat "$1/config/config.toml")" ] && echo "the same"
ls -A "$1/config"
rm "$1/filler"
"$2" profiles set tenant t && grep -c 'tenant = "t"' "$1/config/config.toml"
"""


def test_a_full_disk_leaves_the_old_file(tmp_path: Path) -> None:
    unshare = shutil.which("unshare")
    if unshare is None:
        pytest.skip("there is no unshare to mount a small disk with")
    apart = [unshare, "--mount"] if os.geteuid() == 0 else [unshare, "--map-root-user", "--mount"]
    disk = tmp_path / "disk"
    disk.mkdir()
    tried = subprocess.run(
        [*apart, "mount", "-t", "tmpfs", "-o", "size=16k", "none", str(disk)],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    if tried.returncode != 0:
        pytest.skip(f"no disk can be mounted here: {tried.stderr.strip()}")
    done = subprocess.run(
        [*apart, "/bin/sh", "-c", FULL_DISK, "sh", str(disk), FSCTL],
        capture_output=True, text=True, timeout=60, check=False, cwd=tmp_path,
        env={"PATH": os.environ["PATH"]},
    )  # fmt: skip
    assert done.stdout.splitlines() == [
        "status 1", "the same", "config.toml", "config.toml.lock", "1",
    ], done.stdout + done.stderr  # fmt: skip
    assert "cannot be written: No space left on device" in done.stderr
