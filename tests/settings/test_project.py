"""The project file: where it is found, what it may set, and what trust adds to that."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from fsctl.errors import Refused, Usage
from fsctl.settings.project import HARMLESS, TRUSTED, Project, find
from fsctl.settings.project_file import MAX_BYTES, distrust, names, read, trust


@pytest.fixture
def home(tmp_path: Path) -> Path:
    path = tmp_path / "home"
    path.mkdir()
    return path


def at(place: Path, environ: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> str | None:
    place.mkdir(parents=True, exist_ok=True)
    monkeypatch.chdir(place)
    return find(environ)


# -- where


def test_it_is_found_upwards(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = home / "work" / ".fsctl.toml"
    file.parent.mkdir()
    file.touch()
    for below in (".", "a", "a/b/c"):
        assert at(file.parent / below, {"HOME": str(home)}, monkeypatch) == str(file)
    assert at(home / "other", {"HOME": str(home)}, monkeypatch) is None


def test_the_nearest_one_counts(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for place in (home / "a", home / "a" / "b"):
        place.mkdir()
        (place / ".fsctl.toml").touch()
    expected = str(home / "a" / "b" / ".fsctl.toml")
    assert at(home / "a" / "b" / "c", {"HOME": str(home)}, monkeypatch) == expected


@pytest.mark.parametrize("git_is_a_file", [False, True], ids=["repository", "worktree"])
def test_the_search_ends_at_the_root_of_the_repository(
    home: Path, monkeypatch: pytest.MonkeyPatch, git_is_a_file: bool
) -> None:
    (home / ".fsctl.toml").touch()
    root = home / "repository"
    root.mkdir()
    (root / ".git").touch() if git_is_a_file else (root / ".git").mkdir()
    assert at(root / "src", {"HOME": str(home)}, monkeypatch) is None
    (root / ".fsctl.toml").touch()
    assert at(root / "src", {"HOME": str(home)}, monkeypatch) == str(root / ".fsctl.toml")


def test_the_search_ends_at_the_home_directory(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (home.parent / ".fsctl.toml").touch()
    assert at(home / "a", {"HOME": str(home)}, monkeypatch) is None
    link = home.parent / "link"
    link.symlink_to(home)
    assert at(home / "a", {"HOME": str(link)}, monkeypatch) is None
    assert at(home / "a", {}, monkeypatch) == str(home.parent / ".fsctl.toml")
    (home / ".fsctl.toml").touch()
    assert at(home / "a", {"HOME": str(home)}, monkeypatch) == str(home / ".fsctl.toml")


def test_a_directory_that_is_gone_has_none(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gone = home / "gone"
    gone.mkdir()
    monkeypatch.chdir(gone)
    gone.rmdir()
    assert find({"HOME": str(home)}) is None


# -- what it may set


class Place:
    """A directory with a project file, and a state directory to keep trust in."""

    def __init__(self, root: Path) -> None:
        self.folder = root / "project"
        self.folder.mkdir()
        self.state = root / "state"
        self.path = str(self.folder / ".fsctl.toml")

    def write(self, text: str) -> None:
        Path(self.path).write_text(text)

    def read(self) -> Project:
        return read(self.path, lambda: self.state)

    @property
    def remark(self) -> str:
        [told] = self.read().remarks
        return told


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path)


ALL = """
service = "checkout"
environment = "production"
source = "ci"
text = "{service} {version}"
output = "csv"
fields = "id,email"
time_zone = "Europe/Berlin"
"""


def test_what_harms_nobody_holds_without_trust(place: Place) -> None:
    place.write(ALL)
    assert place.read() == Project(
        place.path,
        {
            "service": "checkout",
            "environment": "production",
            "source": "ci",
            "text": "{service} {version}",
            "output": "csv",
            "fields": "id,email",
            "time_zone": "Europe/Berlin",
        },
    )
    assert set(place.read().values) == set(HARMLESS)
    assert not place.state.exists(), "nothing had to be asked"


def test_fields_may_be_a_list(place: Place) -> None:
    place.write('fields = ["id", "email"]')
    assert place.read().values == {"fields": "id,email"}


@pytest.mark.parametrize("key", TRUSTED)
def test_a_profile_a_connection_or_a_transport_is_ignored_without_trust(
    place: Place, key: str
) -> None:
    place.write(f'{key} = "theirs"\nsource = "ci"\n')
    assert place.read().values == {"source": "ci"}
    assert f"names a {key}: that is ignored" in place.remark
    assert f"`fsctl profiles trust {place.folder}`" in place.remark


NEVER = [
    'api_url = "https://evil.test"',
    'allowed_hosts = ["evil.test"]',
    'token_command = "./steal"',
    'membrane_command = "./membrane"',
    'tenant = "theirs"',
    'proxy_base = "https://evil.test"',
    'api_version = "1"',
    'via = "proxy"',
    "timeout = 1",
    "retries = 0",
    'org = "X"',
    '[profiles.default]\ntoken_command = "./steal"',
]


@pytest.mark.parametrize("line", NEVER)
def test_everything_else_is_never_taken_trusted_or_not(place: Place, line: str) -> None:
    place.write(f'connection = "c"\n{line}\n')
    before = place.read()
    assert before.values == {}
    assert any("never taken from a project file" in remark for remark in before.remarks)
    trust(place.folder, place.state)
    after = place.read()
    assert after.values == {"connection": "c"}
    [remark] = after.remarks
    assert "never taken from a project file" in remark


def test_a_mistyped_key_is_told_and_guessed(place: Place) -> None:
    place.write('sorce = "ci"\n')
    assert place.remark == (
        f"The key 'sorce' in '{place.path}' is unknown and ignored. Did you mean 'source'?"
    )


def test_a_thousand_strange_keys_are_told_in_a_few_lines(place: Place) -> None:
    place.write("".join(f"key{n} = 1\n" for n in range(1000)))
    assert len(place.read().remarks) == 5


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("source = \n", "line 1, column 10"),
        ("source = 7\n", "wrong type"),
        ("fields = [1]\n", "wrong type"),
        ("output = ['csv']\n", "wrong type"),
    ],
)
def test_what_cannot_be_read_is_told_with_its_place(place: Place, text: str, told: str) -> None:
    place.write(text)
    with pytest.raises(Usage) as ended:
        place.read()
    assert told in ended.value.message
    assert place.path in ended.value.message


# -- whose it is


def test_one_that_everyone_may_write_is_not_read(place: Place) -> None:
    place.write(ALL)
    Path(place.path).chmod(0o666)
    assert (place.read().values, place.remark) == (
        {},
        f"'{place.path}' can be written by everyone, so it is ignored.",
    )
    with pytest.raises(Usage, match="can be written by everyone"):
        trust(place.folder, place.state)
    Path(place.path).chmod(0o664)
    assert place.read().values


def test_another_users_is_not_read(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    place.write('connection = "c"')
    trust(place.folder, place.state)
    mine = os.geteuid()
    monkeypatch.setattr(os, "geteuid", lambda: mine + 1)
    assert (place.read().values, place.remark) == (
        {},
        f"'{place.path}' is another user's, so it is ignored.",
    )
    with pytest.raises(Usage, match="is another user's"):
        trust(place.folder, place.state)


def test_a_link_leads_nowhere(place: Place, tmp_path: Path) -> None:
    secret = tmp_path / "secret.toml"
    secret.write_text('connection = "c"')
    Path(place.path).symlink_to(secret)
    assert place.read().values == {}
    assert "is a symbolic link, so it is ignored" in place.remark
    with pytest.raises(Usage, match="is a symbolic link"):
        trust(place.folder, place.state)


def test_a_pipe_is_not_waited_for(place: Place) -> None:
    os.mkfifo(place.path)
    assert "is not a plain file" in place.remark


def test_a_directory_or_a_huge_file_is_ignored(place: Place) -> None:
    Path(place.path).mkdir()
    assert "is not a plain file" in place.remark
    Path(place.path).rmdir()
    place.write("#" * (MAX_BYTES + 1))
    assert "is far too large" in place.remark


# -- trust


def test_trust_lets_it_name_what_it_names_now(place: Place) -> None:
    place.write('profile = "work"\nconnection = "c"\ntransport = "http"\nsource = "ci"\n')
    wanted: dict[str, Any] = {"profile": "work", "connection": "c", "transport": "http"}
    assert names(place.folder) == wanted
    assert not place.state.exists()
    assert trust(place.folder, place.state) == wanted
    found = place.read()
    assert found == Project(place.path, {**wanted, "source": "ci"}, (), True)
    [record] = (place.state / "trusted").iterdir()
    assert record.stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("change", ['connection = "d"\n', 'connection = "c"\n\n', 'output="csv"\n'])
def test_trust_ends_when_the_file_changes_in_any_way(place: Place, change: str) -> None:
    place.write('connection = "c"\n')
    trust(place.folder, place.state)
    place.write(change + ("" if "connection" in change else 'connection = "c"\n'))
    assert "connection" not in place.read().values
    assert "has changed since it was trusted, and names a connection" in place.remark
    place.write('connection = "c"\n')
    assert place.read().values == {"connection": "c"}, "it is what was trusted"
    trust(place.folder, place.state)
    assert place.read().values == {"connection": "c"}


def test_trust_is_of_one_directory(place: Place, tmp_path: Path) -> None:
    place.write('connection = "c"\n')
    trust(place.folder, place.state)
    copy = tmp_path / "copy" / ".fsctl.toml"
    copy.parent.mkdir()
    copy.write_text('connection = "c"\n')
    assert read(str(copy), lambda: place.state).values == {}


def test_trust_is_taken_back(place: Place) -> None:
    place.write('connection = "c"\n')
    assert distrust(place.folder, place.state) is False
    trust(place.folder, place.state)
    assert distrust(place.folder, place.state) is True
    assert place.read().values == {}


def test_there_has_to_be_something_to_trust(place: Place) -> None:
    with pytest.raises(Usage, match="There is no"):
        trust(place.folder, place.state)
    place.write('source = "ci"\n')
    with pytest.raises(Usage, match="names no profile, connection or transport"):
        trust(place.folder, place.state)
    place.write("source = \n")
    with pytest.raises(Usage, match="line 1, column 10"):
        trust(place.folder, place.state)


def test_a_record_that_cannot_be_read_is_no_trust(place: Place) -> None:
    place.write('connection = "c"\n')
    trust(place.folder, place.state)
    [record] = (place.state / "trusted").iterdir()
    written = record.read_text()
    for damage in ("", "{", "[]", '"x"', "null", written.replace(place.path, "/elsewhere")):
        record.write_text(damage)
        assert place.read().values == {}, damage
    record.write_text(written)
    record.chmod(0o666)
    assert place.read().values == {}, "others could have written it"


def test_trust_that_cannot_be_kept_is_told(place: Place) -> None:
    place.write('connection = "c"\n')
    place.state.touch()
    with pytest.raises(Refused, match="cannot be written"):
        trust(place.folder, place.state)
