"""Reading config.toml: what is wrong is told with its place, and nothing secret may stand there."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from fsctl.errors import Usage
from fsctl.settings.keys import KEYS
from fsctl.settings.profiles import Profiles, check_key, load


def written(directory: Path, text: str | bytes) -> Path:
    path = directory / "config.toml"
    path.write_bytes(text.encode() if isinstance(text, str) else text)
    return path


def refused(directory: Path, text: str | bytes) -> Usage:
    path = written(directory, text)
    with pytest.raises(Usage) as ended:
        load(directory)
    assert str(path) in ended.value.message
    assert ended.value.message.isprintable()
    assert ended.value.hint
    return ended.value


def test_a_whole_file(tmp_path: Path) -> None:
    path = written(
        tmp_path,
        """
        active = "work"
        [profiles.work]
        connection = "c"
        timeout = 20
        retries = "3"
        allowed_hosts = ["proxy.test"]
        token_command = ["pass", "membrane"]
        [profiles."with space"]
        token_command = "pass membrane"
        """,
    )
    assert load(tmp_path) == Profiles(
        path,
        "work",
        {
            "work": {
                "connection": "c",
                "timeout": 20,
                "retries": "3",
                "allowed_hosts": ["proxy.test"],
                "token_command": ["pass", "membrane"],
            },
            "with space": {"token_command": "pass membrane"},
        },
    )


@pytest.mark.parametrize("text", ["", "\n# nothing\n", "[profiles]\n", b"\xef\xbb\xbf# a BOM\n"])
def test_a_file_without_profiles_has_none(tmp_path: Path, text: str | bytes) -> None:
    path = written(tmp_path, text)
    assert load(tmp_path) == Profiles(path, None, {})


def test_a_missing_file_or_directory_is_no_profiles(tmp_path: Path) -> None:
    assert load(tmp_path).profiles == {}
    assert load(tmp_path / "nowhere").profiles == {}
    (tmp_path / "file").touch()
    assert load(tmp_path / "file").profiles == {}


@pytest.mark.parametrize(
    ("text", "where"),
    [
        ('active = "work\n', "line 1, column 15"),
        ('active = "work"\n[profiles.work\n', "line 2, column 15"),
        ('active = "work"\n\n   nonsense\n', "line 3, column 12"),
        ("[profiles.a]\n[profiles.a]\n", "line 2, column 12"),
        ('a = 1\na = "hunter2secret"\n', "line 2"),
    ],
)
def test_broken_toml_is_told_with_line_and_column(tmp_path: Path, text: str, where: str) -> None:
    error = refused(tmp_path, text)
    assert where in error.message
    assert "hunter2secret" not in str(error.as_data())


@pytest.mark.parametrize(
    "text", [b"active = '\xff'\n", b"\x00", "a = " + "[" * 5000, "a = " + "1" * 5000]
)
def test_what_cannot_be_read_at_all_is_told_without_a_crash(
    tmp_path: Path, text: str | bytes
) -> None:
    refused(tmp_path, text)


def test_a_directory_in_its_place_is_told(tmp_path: Path) -> None:
    (tmp_path / "config.toml").mkdir()
    with pytest.raises(Usage, match="cannot be read"):
        load(tmp_path)


@pytest.mark.parametrize(
    "text",
    ["active = 7\n", "active = ['work']\n", "profiles = 7\n", "[profiles]\nwork = 7\n",
     "[[profiles]]\n", "[[profiles.work]]\n"],
)  # fmt: skip
def test_the_wrong_shape_is_told(tmp_path: Path, text: str) -> None:
    refused(tmp_path, text)


@pytest.mark.parametrize(
    "text", ["[profile.work]\nvia = 'x'\n", "via = 'x'\n", "[profiles.work]\ncolour = 'x'\n"]
)
def test_an_unknown_key_is_told_with_those_there_are(tmp_path: Path, text: str) -> None:
    error = refused(tmp_path, text)
    assert "is unknown" in error.message
    assert "profiles" in (error.hint or "") or "connection" in (error.hint or "")


@pytest.mark.parametrize(
    "key",
    ["token", "api_key", "MEMBRANE_TOKEN", "access_token", "password", "secret", "authorization",
     "workspace_secret", "membrane_workspace_secret", "client-secret"],
)  # fmt: skip
@pytest.mark.parametrize("table", ["", "[profiles.work]\n"])
def test_a_secret_is_refused_and_not_repeated(tmp_path: Path, key: str, table: str) -> None:
    error = refused(tmp_path, f'{table}{key} = "hunter2secret"\n')
    assert "would keep a secret on disk" in error.message
    assert "hunter2secret" not in str(error.as_data())
    assert "token_command" in (error.hint or "")


WRONG: list[tuple[str, Any]] = [
    ("connection", 7),
    ("connection", ["c"]),
    ("via", True),
    ("timeout", True),
    ("timeout", [5]),
    ("retries", {"a": 1}),
    ("allowed_hosts", "one.test"),
    ("allowed_hosts", [1]),
    ("token_command", 7),
    ("token_command", [["a"]]),
    ("token_command", {"sh": "x"}),
]


@pytest.mark.parametrize(("key", "value"), WRONG)
def test_a_value_of_the_wrong_type_is_told_with_its_place(key: str, value: Any) -> None:
    with pytest.raises(Usage) as ended:
        check_key(key, value, "in 'c.toml', profile 'work'")
    assert ended.value.message == (
        f"The key {key!r} in 'c.toml', profile 'work' has a value of the wrong type."
    )


def test_the_profile_of_a_bad_key_is_named(tmp_path: Path) -> None:
    error = refused(tmp_path, "[profiles.good]\nvia = 'x'\n[profiles.bad]\nvia = 7\n")
    assert "profile 'bad'" in error.message


def test_no_key_of_a_profile_is_a_secrets_name() -> None:
    from fsctl.membrane.redact import is_secret_key

    assert not [key for key in KEYS if is_secret_key(key)]
