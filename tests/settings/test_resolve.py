"""Flag > variable > profile > default; a refusal says which of them it was."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

from fsctl.errors import Usage
from fsctl.settings import env
from fsctl.settings.choices import FORMATS, TRANSPORTS, VIAS
from fsctl.settings.profiles import Profiles, load
from fsctl.settings.resolve import Setting, Settings

WORK = Profiles(
    Path("/c/config.toml"),
    "work",
    {
        "work": {"connection": "c-work", "timeout": 20, "retries": 7, "via": "proxy"},
        "home": {"connection": "c-home"},
        "default": {"connection": "c-default"},
    },
)


def settings(
    flags: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
    profiles: Profiles = WORK,
) -> Settings:
    return Settings(flags or {}, environ or {}, lambda: profiles)


def connection(**given: Any) -> Setting[str] | None:
    return settings(**given).text("connection", env.CONNECTION)


# -- precedence


def test_a_flag_goes_before_a_variable_before_the_profile_before_the_default() -> None:
    flags, environ = {"connection": "c-flag"}, {"FSCTL_CONNECTION": "c-variable"}
    nobody = Profiles(Path("/c"))
    assert connection(flags=flags, environ=environ) == ("c-flag", "--connection")
    assert connection(environ=environ) == ("c-variable", "FSCTL_CONNECTION")
    assert connection() == ("c-work", "connection in the profile work")
    assert connection(profiles=nobody) is None
    via = settings(profiles=nobody).choice("via", env.VIA, VIAS, "auto")
    assert via == ("auto", "default")


def test_an_empty_variable_is_none_and_an_empty_flag_is_a_value() -> None:
    assert connection(environ={"FSCTL_CONNECTION": ""}) == (
        "c-work",
        "connection in the profile work",
    )
    assert connection(flags={"connection": ""}) == ("", "--connection")
    assert connection(flags={"connection": None}) == ("c-work", "connection in the profile work")


def test_a_setting_without_a_variable_is_asked_of_no_variable() -> None:
    assert settings(environ={"CONNECTION": "x"}).text("connection") == (
        "c-work",
        "connection in the profile work",
    )


@pytest.mark.parametrize("key", ["connect_timeout", "time_zone"])
def test_a_flags_origin_is_spelled_as_it_is_typed(key: str) -> None:
    found = settings({key: "5"}).raw(key)
    assert found == ("5", f"--{key.replace('_', '-')}")


def test_a_flag_that_was_given_reads_no_profile() -> None:
    def broken() -> Profiles:
        raise AssertionError("not read")

    assert Settings({"via": "proxy"}, {}, broken).choice("via", env.VIA, VIAS, "auto").value


# -- which profile


@pytest.mark.parametrize(
    ("flags", "environ", "name"),
    [
        ({}, {}, "work"),
        ({}, {"FSCTL_PROFILE": "home"}, "home"),
        ({"profile": "default"}, {"FSCTL_PROFILE": "home"}, "default"),
        ({}, {"FSCTL_PROFILE": ""}, "work"),
    ],
)
def test_the_profile_is_named_by_flag_then_variable_then_file(
    flags: dict[str, Any], environ: dict[str, str], name: str
) -> None:
    assert settings(flags, environ).profile() == (name, WORK.profiles[name])


def test_without_a_name_it_is_the_one_called_default() -> None:
    unnamed = WORK._replace(active=None)
    assert settings(profiles=unnamed).text("connection") == (
        "c-default",
        "connection in the profile default",
    )
    assert settings(profiles=Profiles(Path("/c"))).profile() == (None, {})


@pytest.mark.parametrize(
    ("flags", "environ", "active", "origin"),
    [
        ({"profile": "nope"}, {"FSCTL_PROFILE": "work"}, "work", "--profile"),
        ({"profile": ""}, {}, "work", "--profile"),
        ({}, {"FSCTL_PROFILE": "nope"}, "work", "FSCTL_PROFILE"),
        ({}, {}, "nope", "active"),
    ],
)
def test_a_missing_profile_names_where_it_was_asked_for_and_those_there_are(
    flags: dict[str, Any], environ: dict[str, str], active: str, origin: str
) -> None:
    with pytest.raises(Usage) as ended:
        settings(flags, environ, WORK._replace(active=active)).profile()
    wanted = flags.get("profile", "nope")
    assert ended.value.message == f"The profile {wanted!r} ({origin}) does not exist."
    assert ended.value.hint == "Profiles in '/c/config.toml': work, home, default."


def test_where_there_are_no_profiles_that_is_said() -> None:
    with pytest.raises(Usage) as ended:
        settings({"profile": "x"}, profiles=Profiles(Path("/c/config.toml"))).profile()
    assert ended.value.hint == "Profiles in '/c/config.toml': none."


# -- refusals name their origin


def everywhere(key: str, value: Any) -> list[tuple[Settings, str]]:
    """The same value from each place, with its origin."""
    profiles = Profiles(Path("/c"), "work", {"work": {key: value}})
    return [
        (settings({key: value}), f"--{key.replace('_', '-')}"),
        (settings({}, {f"FSCTL_{key.upper()}": str(value)}), f"FSCTL_{key.upper()}"),
        (settings(profiles=profiles), f"{key} in the profile work"),
    ]


@pytest.mark.parametrize(
    ("key", "choices"), [("transport", TRANSPORTS), ("via", VIAS), ("output", FORMATS)]
)
def test_a_choice_that_is_none(key: str, choices: tuple[str, ...]) -> None:
    for value in ("ftp", "HTTP", "", " "):
        for them, origin in everywhere(key, value):
            if value == "" and origin.startswith("FSCTL_"):
                continue
            with pytest.raises(Usage) as ended:
                them.choice(key, f"FSCTL_{key.upper()}", choices, choices[0])
            assert ended.value.message == f"{origin} holds {value!r}."
            listed = f"Use one of {', '.join(choices)}."
            guess = "Did you mean 'http'? " if value == "HTTP" and "http" in choices else ""
            assert ended.value.hint == guess + listed


@pytest.mark.parametrize(
    "value", ["-1", "21", "2.5", "many", "1e3", "٣", "9" * 5000, 2.5, -1, True]
)
def test_a_count_that_is_none(value: Any) -> None:
    for them, origin in everywhere("retries", value):
        with pytest.raises(Usage) as ended:
            them.count("retries", env.RETRIES, 3, 20)
        assert ended.value.message == f"{origin} holds {str(value)!a}."
        assert ended.value.hint == "Use a number from 0 to 20."


@pytest.mark.parametrize("value", ["0", "-5", "soon", "1e9", "inf", "nan", 0, -5, float("inf")])
def test_a_length_of_time_that_is_none(value: Any) -> None:
    for them, origin in everywhere("timeout", value):
        with pytest.raises(Usage) as ended:
            them.seconds("timeout", env.TIMEOUT, 70.0)
        assert ended.value.message == f"{origin}: {str(value)!a} is not a length of time."


@pytest.mark.parametrize(
    ("value", "seconds"), [("90", 90.0), ("90s", 90.0), ("1m30s", 90.0), (90, 90.0), (1.5, 1.5)]
)
def test_a_length_of_time_in_words_or_bare_seconds(value: Any, seconds: float) -> None:
    for them, origin in everywhere("timeout", value):
        assert them.seconds("timeout", env.TIMEOUT, 70.0) == (seconds, origin)
    assert settings(profiles=Profiles(Path("/c"))).seconds("timeout", env.TIMEOUT, 70.0) == (
        70.0,
        "default",
    )


def test_a_count_from_every_place() -> None:
    for value in ("0", "20", 7):
        for them, origin in everywhere("retries", value):
            assert them.count("retries", env.RETRIES, 3, 20) == (int(value), origin)
    assert settings(profiles=Profiles(Path("/c"))).count("retries", env.RETRIES, 3, 20) == (
        3,
        "default",
    )


# -- the variables


def test_every_variable_has_one_name() -> None:
    names = [value for name, value in vars(env).items() if name.isupper() and name != "API_URLS"]
    assert len(set(names)) == len(names)
    theirs = {env.TENANT}  # Membrane's own, as API_URLS are
    assert all(name.startswith("FSCTL_") for name in names if name not in theirs)


def test_a_profile_from_a_file_is_a_profile(tmp_path: Path) -> None:
    (tmp_path / "config.toml").write_text(
        'active = "work"\n[profiles.work]\ntimeout = 20\nretries = "4"\n'
    )
    them = Settings({}, {}, lambda: load(tmp_path))
    assert them.seconds("timeout", env.TIMEOUT, 70.0) == (20.0, "timeout in the profile work")
    assert them.count("retries", env.RETRIES, 3, 20) == (4, "retries in the profile work")
