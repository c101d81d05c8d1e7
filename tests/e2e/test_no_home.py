"""Without a home directory, or with one that cannot be written: nothing is kept, all goes on."""

from __future__ import annotations

import json
import os
import pwd
from collections.abc import Iterator
from pathlib import Path

import pytest

from fsctl.cli.main import main
from tests.support.command import Ended, Fsctl
from tests.support.no_powers import without_powers
from tests.support.online import Online, online, token_environment
from tests.support.screen import Screen

CREATE = ("annotations", "create", "x")
LIST = ("users", "list", "--limit", "1", "--jq", ".uid")
PLACES = ("FSCTL_CONFIG_DIR", "FSCTL_CACHE_DIR", "FSCTL_STATE_DIR", "FSCTL_DATA_DIR")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Online]:
    with online(tmp_path_factory.mktemp("server")) as road:
        yield road


class Nowhere:
    """``fsctl`` in this process, in an empty directory, with what the environment says only."""

    def __init__(self, place: Path, env: dict[str, str]) -> None:
        self.place = place
        self.env = env

    def __call__(self, *line: str, **more: str) -> Ended:
        world = Screen(environ={**self.env, **more})
        return Ended(main(line, world), world.out, world.err)


@pytest.fixture(params=["unset", "below a file", "read-only"])
def nowhere(
    request: pytest.FixtureRequest,
    server: Online,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Nowhere:
    """HOME is not known (not even to the system), cannot be, or is a directory nobody may write."""
    for name in list(os.environ):
        if name.startswith(("XDG_", "FSCTL_")):
            monkeypatch.delenv(name)
    env = token_environment(server.server.url)
    if request.param == "unset":
        monkeypatch.delenv("HOME", raising=False)
        monkeypatch.setattr(pwd, "getpwuid", _nobody)
    else:
        home = Path(os.devnull, "home") if request.param == "below a file" else Path("/proc/self")
        if not home.parent.exists():
            pytest.skip("there is no /proc here")
        monkeypatch.setenv("HOME", str(home))
        env["HOME"] = str(home)
    place = tmp_path / "here"
    place.mkdir()
    monkeypatch.chdir(place)
    return Nowhere(place, env)


def _nobody(uid: int) -> object:
    raise KeyError(f"getpwuid(): uid not found: {uid}")


def test_commands_do_their_work_and_keep_nothing(nowhere: Nowhere, server: Online) -> None:
    for _ in range(2):
        before = len(server.server.requests)
        done = nowhere(*CREATE, "-v")
        assert done.code == 0, done.show
        assert json.loads(done.out)["text"] == "x"
        assert done.err.count("cannot be written") == 1, done.show
        assert len(server.server.requests) - before == 3, "nothing was remembered"
    assert nowhere(*CREATE).err == "", "and nobody is bothered with it"
    assert nowhere(*LIST).out == "ada\n"
    assert list(nowhere.place.iterdir()) == []


def test_masking_goes_on_with_a_key_of_this_run(nowhere: Nowhere) -> None:
    done = nowhere("users", "list", "--limit", "1", "--mask")
    assert done.code == 0, done.show
    assert "ada@example.com" not in done.out
    assert "The tokens of this run match no other run's." in done.err


def test_there_are_no_profiles_and_none_can_be_made(nowhere: Nowhere) -> None:
    assert nowhere("profiles", "list").code == 0
    assert json.loads(nowhere("profiles", "show").out) == {"profile": None}
    assert nowhere("profiles", "show", "--origin").code == 0
    for line in (("create", "work"), ("set", "timeout", "5"), ("use", "--none")):
        done = nowhere("profiles", *line)
        assert (done.code, done.out) == (1, ""), done.show
        assert "cannot be written" in done.err
    assert list(nowhere.place.iterdir()) == []


def test_the_sandbox_is_in_memory_and_says_so(nowhere: Nowhere, tmp_path: Path) -> None:
    done = nowhere("--sandbox", *LIST)
    assert (done.code, done.out) == (0, "ada\n"), done.show
    assert "It is in memory, and gone when this command ends; FSCTL_DATA_DIR" in done.err
    assert list(nowhere.place.iterdir()) == []
    for line in (("sandbox", "seed"), ("sandbox", "show")):
        done = nowhere(*line)
        assert (done.code, done.out) == (2, ""), done.show
        assert "cannot be made" in done.err
        assert "Name a directory that you may write to in FSCTL_DATA_DIR." in done.err
    done = nowhere("--sandbox", *LIST, FSCTL_DATA_DIR=f"{os.devnull}/data")
    assert (done.code, done.out) == (2, ""), "who names a place wants things kept there"
    done = nowhere("--sandbox", *LIST, FSCTL_DATA_DIR=str(tmp_path / "data"))
    assert done.out == "ada\n"


def test_doctor_knows_that_nothing_can_be_kept(nowhere: Nowhere) -> None:
    done = nowhere("--sandbox", "doctor", "--offline", "-o", "jsonl")
    states = {row["name"]: row["state"] for row in map(json.loads, done.out.splitlines())}
    for name in ("home", "config", "cache", "state", "data"):
        assert states[name] == "warn", done.show
    assert "fail" not in states.values(), done.show


def test_no_road_and_no_membrane_is_told_as_ever(nowhere: Nowhere) -> None:
    del nowhere.env["MEMBRANE_TOKEN"]
    done = nowhere(*CREATE)
    assert done.code == 4, done.show
    assert "no way to reach Membrane" in done.err
    assert nowhere(*CREATE, "--transport", "cli").code == 4


def test_a_directory_named_as_the_home_directory_is_written_is_not_taken_for_it(
    nowhere: Nowhere, tmp_path: Path
) -> None:
    """A stranger's checkout may hold one, with a token_command in it."""
    del nowhere.env["MEMBRANE_TOKEN"]
    for place in ("~", "~/.config", "~root"):
        planted = nowhere.place / place / "fsctl" / "config.toml"
        other = nowhere.place / place / ".config" / "fsctl" / "config.toml"
        for file in (planted, other):
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(f'[profiles.default]\ntoken_command = "touch {tmp_path}/ran"\n')
    assert nowhere(*CREATE).code == 4
    assert nowhere("profiles", "list").out == ""
    assert not (tmp_path / "ran").exists()


def test_a_home_that_may_not_be_written_is_no_hindrance(server: Online, tmp_path: Path) -> None:
    """As in a hardened container: the installed command, with its own home directory read-only."""
    held_to_it = without_powers()
    home = tmp_path / "home"
    home.mkdir()
    fsctl = Fsctl(home, token_environment(server.server.url))
    for name in PLACES:
        del fsctl.env[name]
    home.chmod(0o500)
    try:
        done = fsctl(*CREATE, preexec_fn=held_to_it)
        kept = fsctl("profiles", "set", "timeout", "5", preexec_fn=held_to_it)
        left = list(home.iterdir())
    finally:
        home.chmod(0o700)
    assert (done.code, done.err) == (0, ""), done.show
    assert kept.code == 1, kept.show
    assert "cannot be written: Permission denied" in kept.err
    assert left == []
