"""Every setting that holds, with where it came from."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fsctl.settings.effective import effective
from fsctl.settings.profiles import Profiles
from fsctl.settings.project import Project
from fsctl.settings.resolve import Settings

THERE = Profiles(
    Path("/c/config.toml"),
    "work",
    {
        "work": {
            "connection": "c-work",
            "timeout": 20,
            "source": "mine",
            "api_url": "https://a.test",
            "allowed_hosts": ["a.test"],
        },
        "home": {"connection": "c-home"},
    },
)


def origins(
    flags: dict[str, Any] | None = None,
    environ: dict[str, str] | None = None,
    project: dict[str, Any] | None = None,
    there: Profiles = THERE,
) -> dict[str, tuple[Any, str]]:
    flags, environ = flags or {}, environ or {}
    found = Project("/p/.fsctl.toml", project or {})
    settings = Settings(flags, environ, lambda: there, lambda: found)
    told = effective(settings, flags, environ, {"retries": 3, "timeout": "70s"})
    return {each.key: (each.value, each.origin) for each in told}


def test_each_place_is_named() -> None:
    assert origins(
        flags={"via": "proxy", "profile": None},
        environ={"FSCTL_OUTPUT": "csv", "MEMBRANE_TENANT_KEY": "t"},
        project={"source": "ci", "text": "x"},
    ) == {
        "profile": ("work", "active"),
        "connection": ("c-work", "connection in the profile work"),
        "via": ("proxy", "--via"),
        "api_url": ("https://a.test", "api_url in the profile work"),
        "allowed_hosts": (["a.test"], "allowed_hosts in the profile work"),
        "tenant": ("t", "MEMBRANE_TENANT_KEY"),
        "output": ("csv", "FSCTL_OUTPUT"),
        "timeout": (20, "timeout in the profile work"),
        "retries": (3, "default"),
        "source": ("ci", "source in '/p/.fsctl.toml'"),
        "text": ("x", "text in '/p/.fsctl.toml'"),
    }


def test_the_profile_says_who_named_it() -> None:
    assert origins({"profile": "home"})["profile"] == ("home", "--profile")
    assert origins(environ={"FSCTL_PROFILE": "home"})["profile"] == ("home", "FSCTL_PROFILE")
    named = origins(project={"profile": "home"})
    assert named["profile"] == ("home", "profile in '/p/.fsctl.toml'")
    assert named["connection"] == ("c-home", "connection in the profile home")
    assert "profile" not in origins(there=Profiles(Path("/c")))


def test_a_trusted_project_goes_between_variables_and_the_profile() -> None:
    project = {"connection": "c-project"}
    assert origins(project=project)["connection"] == (
        "c-project",
        "connection in '/p/.fsctl.toml'",
    )
    over = origins(environ={"FSCTL_CONNECTION": "c-variable"}, project=project)
    assert over["connection"] == ("c-variable", "FSCTL_CONNECTION")
    over = origins({"connection": "c-flag"}, {"FSCTL_CONNECTION": "c-variable"}, project)
    assert over["connection"] == ("c-flag", "--connection")


def test_hosts_of_the_flag_are_added_to_the_profiles() -> None:
    assert origins({"api_host": ["b.test"]})["allowed_hosts"] == (
        ["b.test", "a.test"],
        "--api-host, and allowed_hosts in the profile work",
    )
    alone = origins({"api_host": ["b.test"]}, there=Profiles(Path("/c")))
    assert alone["allowed_hosts"] == (["b.test"], "--api-host")


def test_the_address_of_either_variable_is_named_by_it() -> None:
    for name in ("MEMBRANE_API_URL", "MEMBRANE_API_URI"):
        assert origins(environ={name: "https://b.test"})["api_url"] == ("https://b.test", name)
