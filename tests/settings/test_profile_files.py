"""Writing config.toml: what was asked for changes, and nothing that is broken is written over."""

from __future__ import annotations

import stat
import tomllib
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsctl.errors import Refused, Usage
from fsctl.settings import profile_files
from fsctl.settings.profile_files import delete, store, unset, use
from fsctl.settings.profiles import load

MINE = """\
# my accounts
active = "work" # daily

[profiles.work] # the big one
connection = "c" # prod
timeout = 20

# the other account
[profiles.home]
connection = "h"

# the end
"""


def text(directory: Path) -> str:
    return (directory / "config.toml").read_bytes().decode()


def mine(directory: Path, content: str = MINE) -> Path:
    (directory / "config.toml").write_bytes(content.encode())
    return directory


# -- what is written


def test_the_first_profile_makes_a_private_directory_and_a_private_file(tmp_path: Path) -> None:
    directory = tmp_path / "a" / "b"
    path = store(directory, "work", {"connection": "c", "timeout": 20, "allowed_hosts": ["x.test"]})
    assert path == directory / "config.toml"
    assert text(directory) == (
        '[profiles.work]\nconnection = "c"\ntimeout = 20\nallowed_hosts = ["x.test"]\n'
    )
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(directory.stat().st_mode) == 0o700
    assert stat.S_IMODE((directory / "config.toml.lock").stat().st_mode) == 0o600


def test_a_key_goes_to_the_others_of_its_profile_and_comments_stay(tmp_path: Path) -> None:
    store(mine(tmp_path), "work", {"org": "ABC", "timeout": 30})
    assert text(tmp_path) == MINE.replace("timeout = 20\n", 'timeout = 30\norg = "ABC"\n')


def test_a_new_profile_goes_to_the_end(tmp_path: Path) -> None:
    store(mine(tmp_path), "client eu", {"region": "eu1"})
    assert text(tmp_path) == MINE + '\n[profiles."client eu"]\nregion = "eu1"\n'


def test_a_key_is_removed_alone(tmp_path: Path) -> None:
    unset(mine(tmp_path), "work", ["timeout", "via"])
    assert text(tmp_path) == MINE.replace("timeout = 20\n", "")
    store(tmp_path, "work", {"connection": None, "org": "ABC"})
    assert load(tmp_path).profiles["work"] == {"org": "ABC"}


def test_a_deleted_profile_takes_no_comment_of_the_next_one_along(tmp_path: Path) -> None:
    delete(mine(tmp_path), "work")
    left = text(tmp_path)
    assert "# my accounts\n" in left
    assert "# the other account\n[profiles.home]\n" in left
    assert left.endswith('connection = "h"\n\n# the end\n')
    assert load(tmp_path)[1:] == (None, {"home": {"connection": "h"}})


def test_the_profile_in_use_is_named_at_the_top_and_changed_where_it_stands(tmp_path: Path) -> None:
    use(mine(tmp_path), "home")
    assert text(tmp_path) == MINE.replace('active = "work"', 'active = "home"')
    use(tmp_path, None)
    assert text(tmp_path) == MINE.replace('active = "work" # daily\n', "")
    use(tmp_path, "work")
    assert text(tmp_path).startswith('active = "work"\n\n# my accounts\n')
    store(tmp_path, "new", {}, activate=True)
    assert load(tmp_path).active == "new"


def test_deleting_another_profile_leaves_the_one_in_use(tmp_path: Path) -> None:
    delete(mine(tmp_path), "home")
    assert load(tmp_path)[1:] == ("work", {"work": {"connection": "c", "timeout": 20}})


@pytest.mark.parametrize(
    "content",
    [
        'profiles = {work = {connection = "c"}}\n',
        'profiles.work.connection = "c"\n',
        '[profiles]\nwork = {connection = "c"}\n',
        '[profiles]\nwork.connection = "c"\n',
        '[profiles]\n[profiles.work]\nconnection = "c"',
        '[profiles."work"]\r\nconnection = "c" # prod\r\n',
        '\ufeff[profiles.work]\nconnection = """c"""\n',
    ],
)
def test_whatever_the_spelling_it_means_what_was_asked_for(tmp_path: Path, content: str) -> None:
    store(mine(tmp_path, content), "work", {"via": "proxy"})
    store(tmp_path, "home", {"org": "ABC"}, activate=True)
    unset(tmp_path, "work", ["connection"])
    assert load(tmp_path)[1:] == ("home", {"work": {"via": "proxy"}, "home": {"org": "ABC"}})
    delete(tmp_path, "work")
    assert load(tmp_path)[1:] == ("home", {"home": {"org": "ABC"}})
    assert ("\r\n" in text(tmp_path)) is ("\r\n" in content)
    assert "\n" not in text(tmp_path).replace("\r\n", "") or "\r\n" not in content


NAMES = st.sampled_from(["work", "home", "client eu", "a.b", "ünï", "default"])
VALUES = st.fixed_dictionaries(
    {},
    optional={
        "connection": st.sampled_from(["c", 'with "quotes"', "ünï", "'", "# no comment"]),
        "timeout": st.integers(1, 600) | st.sampled_from(["20s", "1m30s"]),
        "allowed_hosts": st.lists(st.sampled_from(["a.test", "b.test:8443"]), max_size=3),
        "token_command": st.just(["op", "read"]) | st.just("op read x"),
    },
)
CHANGES = st.lists(
    st.tuples(st.just("store"), NAMES, VALUES)
    | st.tuples(st.just("unset"), NAMES, st.just({"connection": 0, "timeout": 0}))
    | st.tuples(st.just("delete"), NAMES, st.just({}))
    | st.tuples(st.just("use"), NAMES, st.just({})),
    max_size=12,
)


def unset_all(directory: Path, name: str) -> Path:
    return unset(directory, name, ["connection", "timeout"])


@settings(deadline=None, max_examples=60)  # every change waits for the disk
@given(changes=CHANGES)
def test_any_number_of_changes_leaves_what_they_mean(
    tmp_path_factory: pytest.TempPathFactory, changes: list[tuple[str, str, dict[str, Any]]]
) -> None:
    directory = mine(tmp_path_factory.mktemp("config"))
    active: str | None = "work"
    profiles: dict[str, dict[str, Any]] = {
        "work": {"connection": "c", "timeout": 20},
        "home": {"connection": "h"},
    }
    for what, name, values in changes:
        if what == "store":
            store(directory, name, values)
            profiles.setdefault(name, {}).update(values)
        elif name not in profiles:
            with pytest.raises(Usage, match="does not exist"):
                {"unset": unset_all, "use": use, "delete": delete}[what](directory, name)
        elif what == "unset":
            unset_all(directory, name)
            profiles[name] = {k: v for k, v in profiles[name].items() if k not in values}
        elif what == "delete":
            delete(directory, name)
            del profiles[name]
            active = None if active == name else active
        else:
            use(directory, name)
            active = name
        assert load(directory)[1:] == (active, profiles)
    for comment in ("# my accounts", "# the other account", "# the end"):
        assert comment in text(directory)


# -- what is refused, and left as it is


@pytest.mark.parametrize(
    ("content", "told"),
    [
        ('active = "work\n', "line 1, column 15"),
        ("[profiles.work]\nvia = 'action'\n   nonsense\n", "line 3, column 12"),
        ("[profiles.work]\ncolour = 'x'\n", "'colour'"),
        ("[profiles.work]\ntoken = 'hunter2secret'\n", "would keep a secret"),
        ("[profiles.work]\ntimeout = true\n", "wrong type"),
    ],
)
@pytest.mark.parametrize(
    "change",
    [
        lambda d: store(d, "work", {"org": "ABC"}),
        lambda d: unset(d, "work", ["via"]),
        lambda d: delete(d, "work"),
        lambda d: use(d, "work"),
    ],
    ids=["store", "unset", "delete", "use"],
)
def test_a_broken_file_is_reported_and_never_written_over(
    tmp_path: Path, content: str, told: str, change: Callable[[Path], Path]
) -> None:
    path = mine(tmp_path, content) / "config.toml"
    before = path.stat()
    with pytest.raises(Usage) as ended:
        change(tmp_path)
    assert told in ended.value.message
    assert str(path) in ended.value.message
    assert "hunter2secret" not in str(ended.value.as_data())
    assert (text(tmp_path), path.stat().st_ino) == (content, before.st_ino)


def test_a_text_that_would_mean_something_else_is_not_put_in_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import tomlkit

    written = tomlkit.dumps
    monkeypatch.setattr(tomlkit, "dumps", lambda document: written(document) + "# \n[profiles.x]\n")
    with pytest.raises(Refused, match="cannot be changed without harm"):
        store(mine(tmp_path), "work", {"org": "ABC"})
    assert text(tmp_path) == MINE


@pytest.mark.parametrize(
    "values",
    [{"token": "x"}, {"nonsense": "x"}, {"timeout": [1]}, {"retries": 99}, {"org": ""}],
)
def test_what_cannot_be_stored_touches_no_file(tmp_path: Path, values: dict[str, Any]) -> None:
    directory = tmp_path / "config"
    with pytest.raises(Usage):
        store(directory, "work", values)
    assert not directory.exists()


@pytest.mark.parametrize("name", ["", " ", " work", "-x", "a\nb", "a\x1b[31m", "x" * 81, "\u202ea"])
def test_a_name_that_could_not_be_typed_or_seen_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Usage, match="cannot be the name of a profile"):
        store(tmp_path, name, {})


def test_a_new_profile_is_none_that_is_there(tmp_path: Path) -> None:
    with pytest.raises(Usage, match="exists already"):
        store(mine(tmp_path), "work", {}, new=True)
    assert text(tmp_path) == MINE


def test_a_profile_that_is_missing_is_told_with_one_that_may_be_meant(tmp_path: Path) -> None:
    with pytest.raises(Usage) as ended:
        use(mine(tmp_path), "wrok")
    assert ended.value.message == "The profile 'wrok' does not exist."
    assert (ended.value.hint or "").startswith("Did you mean 'work'? Profiles in ")


def test_a_change_of_nothing_writes_nothing(tmp_path: Path) -> None:
    path = mine(tmp_path) / "config.toml"
    before = path.stat()
    store(tmp_path, "work", {"timeout": 20})
    use(tmp_path, "work")
    unset(tmp_path, "work", ["via"])
    assert path.stat().st_ino == before.st_ino


def test_a_file_that_is_kept_elsewhere_stays_there(tmp_path: Path) -> None:
    elsewhere = tmp_path / "dotfiles" / "fsctl.toml"
    elsewhere.parent.mkdir()
    elsewhere.write_text(MINE)
    directory = tmp_path / "config"
    directory.mkdir()
    (directory / "config.toml").symlink_to(elsewhere)
    store(directory, "work", {"timeout": 30})
    assert (directory / "config.toml").is_symlink()
    assert "timeout = 30" in elsewhere.read_text()


def test_what_a_killed_write_left_is_swept_away_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / ".config.toml.0123456789ab.tmp").write_text("half")
    (tmp_path / "notes.tmp").write_text("mine")
    store(mine(tmp_path), "work", {"timeout": 30})
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "config.toml", "config.toml.lock", "notes.tmp",
    ]  # fmt: skip


def test_a_lock_that_is_not_given_back_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import fcntl

    monkeypatch.setattr(profile_files, "LOCK_PATIENCE", 0.05)
    with (mine(tmp_path) / "config.toml.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        with pytest.raises(Refused, match="Another process") as ended:
            store(tmp_path, "work", {"timeout": 30})
    assert "config.toml.lock" in (ended.value.hint or "")
    assert text(tmp_path) == MINE


def test_a_file_where_the_directory_should_be_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Refused, match="cannot be written"):
        store(tmp_path / "file", "work", {})


def test_the_file_is_toml_that_others_read_too(tmp_path: Path) -> None:
    store(tmp_path, "work", {"connection": 'a "quoted" ünï', "token_command": ["a", "b c"]})
    assert tomllib.loads(text(tmp_path))["profiles"]["work"] == {
        "connection": 'a "quoted" ünï',
        "token_command": ["a", "b c"],
    }
