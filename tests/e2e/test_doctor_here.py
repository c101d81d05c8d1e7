"""Every line of ``fsctl doctor`` about this machine and the settings: what it warns of, and when
it fails."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import pytest

from fsctl.cli.checks import configured
from fsctl.fullstory import deploys
from tests.support.command import BINARY, Ended, clean_environment
from tests.support.doctor import Report, doctor
from tests.support.no_powers import without_powers
from tests.support.online import SYSTEM_PATH
from tests.support.program import Program

ROOT = Path(__file__).parents[2]


@pytest.fixture
def program(tmp_path: Path) -> Program:
    home = tmp_path / "home"
    home.mkdir()
    return Program(home, {"PATH": SYSTEM_PATH})


def look(program: Program, **env: str) -> Report:
    return doctor(program, "--offline", env=env)


# -- home


@pytest.mark.parametrize(
    ("home", "detail"),
    [("", "HOME is not set"), ("here", "a relative path"), ("/dev/null/me", "no directory")],
)
def test_a_home_that_is_none_is_a_warning(home: str, detail: str, program: Program) -> None:
    look(program, HOME=home).expect("home", "warn", detail, "Set HOME")


def held_to_permissions(home: Path) -> Callable[..., Ended]:
    """The installed command without a way round permissions, and with the platform's places."""
    env = clean_environment(home, {"PATH": SYSTEM_PATH})
    env = {name: value for name, value in env.items() if not name.endswith("_DIR")}
    drop = without_powers()

    def run(*arguments: str) -> Ended:
        done = subprocess.run(
            [str(BINARY), *arguments],
            env=env,
            cwd=home,
            preexec_fn=drop,
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    return run


def test_a_home_that_cannot_be_written_is_a_warning_for_each_place(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    try:
        report = doctor(held_to_permissions(tmp_path), "--offline")
    finally:
        tmp_path.chmod(0o700)
    assert report.those("warn") == ["home", "config", "cache", "state", "data"], report.ended.show
    report.expect("home", "warn", "cannot be written", "Set HOME")
    report.expect("config", "warn", "you may not write to ~; profiles", "FSCTL_CONFIG_DIR")
    report.expect("cache", "warn", "asked anew by each command", "FSCTL_CACHE_DIR")
    report.expect("state", "warn", "journals", "FSCTL_STATE_DIR")
    report.expect("data", "warn", "sandbox", "FSCTL_DATA_DIR")


def test_places_that_are_there_and_cannot_be_written_are_warnings(tmp_path: Path) -> None:
    place = tmp_path / ".config" / "fsctl"
    place.mkdir(parents=True)
    place.chmod(0o500)
    try:
        report = doctor(held_to_permissions(tmp_path), "--offline")
    finally:
        place.chmod(0o700)
    assert report.those("warn") == ["config"], report.ended.show
    report.expect("config", "warn", "cannot be written", "`chmod u+rwx ~/.config/fsctl`")


# -- config, cache, state, data

PLACES = ("config", "cache", "state", "data")


@pytest.mark.parametrize("kind", PLACES)
def test_a_place_that_is_a_relative_path_fails(kind: str, program: Program) -> None:
    variable = f"FSCTL_{kind.upper()}_DIR"
    report = look(program, **{variable: "here"})
    report.expect(kind, "fail", f"{variable} holds the relative path", "absolute path")


@pytest.mark.parametrize("kind", PLACES)
def test_a_place_that_is_a_file_is_a_warning(kind: str, program: Program) -> None:
    (program.home / kind).write_text("")
    look(program).expect(kind, "warn", "is no directory", "out of the way")
    look(program, **{f"FSCTL_{kind.upper()}_DIR": f"{program.home}/{kind}/below"}).expect(
        kind, "warn", "cannot be made", "Make it"
    )


@pytest.mark.parametrize(
    ("kind", "mode", "state", "detail"),
    [
        ("config", 0o777, "fail", "who then decide what is run"),
        ("state", 0o720, "fail", "who then decide what is run"),
        ("config", 0o755, "warn", "can be read"),
        ("state", 0o710, "warn", "can be read"),
        ("cache", 0o777, "warn", "can be written"),
        ("data", 0o777, "warn", "can be written"),
    ],
)
def test_a_place_that_others_can_get_at(
    kind: str, mode: int, state: str, detail: str, program: Program
) -> None:
    place = program.home / kind
    place.mkdir()
    place.chmod(mode)
    look(program).expect(kind, state, detail, f"`chmod 700 ~/{kind}`")
    place.chmod(0o700)
    look(program).expect(kind, "ok", f"~/{kind}")


def test_caches_and_made_up_data_may_be_read_by_anybody(program: Program) -> None:
    for kind in ("cache", "data"):
        (program.home / kind).mkdir()
        (program.home / kind).chmod(0o755)
    report = look(program)
    assert report.line("cache") == ("ok", "~/cache", "")
    assert report.line("data") == ("ok", "~/data", "")


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives files away")
def test_a_place_that_is_somebody_elses(program: Program) -> None:
    for kind in ("config", "cache"):
        (program.home / kind).mkdir()
        os.chown(program.home / kind, 12345, -1)
    report = look(program)
    report.expect("config", "fail", "belongs to another user", "`sudo chown $(id -u) ~/config`")
    report.expect("cache", "warn", "belongs to another user", "chown")


def test_a_full_disk_is_a_warning(program: Program, monkeypatch: pytest.MonkeyPatch) -> None:
    (program.home / "cache").mkdir()
    monkeypatch.setattr(shutil, "disk_usage", lambda _path: SimpleNamespace(free=0))
    look(program).expect("cache", "warn", "the disk is full", "Make room")


def test_a_command_with_a_blank_in_a_path_can_be_pasted(program: Program) -> None:
    place = program.home / "my config"
    place.mkdir()
    place.chmod(0o755)
    report = look(program, FSCTL_CONFIG_DIR=str(place))
    report.expect("config", "warn", "can be read", "`chmod 700 ~/'my config'`")


# -- project


def in_project(text: str, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (folder / ".fsctl.toml").write_text(text)
    monkeypatch.chdir(folder)


def test_a_project_file_is_named_with_what_it_sets(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_project('service = "shop"\nenvironment = "test"\n', tmp_path, monkeypatch)
    look(program).expect("project", "ok", ".fsctl.toml sets service, environment")


def test_what_a_project_file_sets_for_nothing_is_a_warning(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_project('api_url = "https://evil.example"\ntransport = "sandbox"\n', tmp_path, monkeypatch)
    report = look(program)
    report.expect("project", "warn", "api_url is never taken from a project file", "Look at")
    report.expect("project", "warn", "`fsctl profiles trust", "Look at")
    assert "warning" not in report.ended.err, "it is said once, in the report"
    assert report.line("gateway")[0] == "fail", "and nothing of it counts"


def test_how_a_project_file_is_trusted_is_told_however_much_is_wrong_with_it(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / ("deep" * 30)
    folder.mkdir()
    strange = "".join(f"{'strange' * 6}{n} = 1\n" for n in range(9))
    in_project(strange + 'connection = "c"\n', folder, monkeypatch)
    report = look(program)
    report.expect("project", "warn", "…", f"run `fsctl profiles trust {folder}`")


def test_a_broken_project_file_fails(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_project("service = \n", tmp_path, monkeypatch)
    report = look(program)
    report.expect("project", "fail", "at line 1, column 11", "Mend that line.")
    report.expect("gateway", "skip", "not checked: it needs project")


# -- profile


def profile(program: Program, text: str, mode: int = 0o600) -> None:
    program.profile(text)
    (program.home / "config").chmod(0o700)
    (program.home / "config" / "config.toml").chmod(mode)


def test_the_profile_in_use_is_named_with_why(program: Program) -> None:
    profile(program, 'active = "work"\n[profiles.work]\nretries = 1\n[profiles.other]\n')
    look(program).expect("profile", "ok", "work (active), with 1 setting, in ~/config/config.toml")
    by_variable = look(program, FSCTL_PROFILE="other")
    by_variable.expect("profile", "ok", "other (FSCTL_PROFILE), with 0 settings")
    by_flag = doctor(program, "--offline", "--profile", "other")
    by_flag.expect("profile", "ok", "other (--profile)")
    profile(program, "[profiles.default]\nretries = 1\n")
    look(program).expect("profile", "ok", "default (no other is named), with 1 setting")
    profile(program, "[profiles.work]\n")
    look(program).expect("profile", "ok", "none is in use; ~/config/config.toml has 1")


@pytest.mark.parametrize(
    ("text", "detail", "mend"),
    [
        ("[profiles.work\n", "is not TOML", "Mend that line."),
        ('[profiles.default]\ntoken = "x"\n', "would keep a secret", "token_command"),
        ("[profiles.default]\ncolour = 1\n", "is unknown", "Keys:"),
        ('active = "gone"\n', "'gone' (active) does not exist", "Profiles in"),
    ],
)
def test_profiles_that_cannot_be_read_fail(
    text: str, detail: str, mend: str, program: Program
) -> None:
    profile(program, text)
    report = look(program)
    report.expect("profile", "fail", detail, mend)
    report.expect("gateway", "skip", "not checked: it needs profile")
    assert report.code == 4


def test_profiles_that_others_can_get_at(program: Program) -> None:
    profile(program, "[profiles.default]\n", 0o644)
    look(program).expect("profile", "warn", "can be read", "`chmod 600 ~/config/config.toml`")
    profile(program, "[profiles.default]\n", 0o666)
    look(program).expect(
        "profile", "fail", "decide what is run", "`chmod 600 ~/config/config.toml`"
    )


# -- values


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("FSCTL_TRANSPORT", "pigeon"),
        ("FSCTL_VIA", "sea"),
        ("FSCTL_RETRIES", "many"),
        ("FSCTL_TIMEOUT", "soon"),
        ("FSCTL_CONNECT_TIMEOUT", "soon"),
        ("FSCTL_TIME_ZONE", "Mars/Base"),
        ("FSCTL_PROXY_BASE", "https://evil.example"),
    ],
)
def test_a_value_that_cannot_be_fails(name: str, value: str, program: Program) -> None:
    state, detail, mend = look(program, **{name: value}).line("values")
    assert (state, name in detail, bool(mend)) == ("fail", True, True), detail


@pytest.mark.parametrize(
    ("key", "value", "told"),
    [
        ("region", "mars", "region in the profile default cannot be 'mars'"),
        ("org", "../x", "org in the profile default cannot be '../x'"),
        ("source", "s" * 999, "source in the profile default has 999 characters"),
        ("connection", "a/../b", "The connection 'a/../b' is refused"),
    ],
)
def test_what_only_some_commands_use_is_looked_at_all_the_same(
    key: str, value: str, told: str, program: Program
) -> None:
    profile(program, f'[profiles.default]\n{key} = "{value}"\n')
    state, detail, mend = look(program).line("values")
    assert (state, told in detail, bool(mend)) == ("fail", True, True), detail


def test_what_does_not_hold_in_the_sandbox_is_not_looked_at_there(program: Program) -> None:
    profile(program, '[profiles.default]\nregion = "mars"\nconnection = "a/../b"\n')
    assert doctor(program, "--sandbox").line("values")[0] == "ok"


def test_a_format_that_is_none_fails_and_the_report_comes_in_another(program: Program) -> None:
    done = program("doctor", "--offline", env={"FSCTL_OUTPUT": "yaml"})
    told = [json.loads(line) for line in done.out.splitlines()]
    failed = [line["detail"] for line in told if line["name"] == "values"]
    assert failed == ["FSCTL_OUTPUT holds 'yaml'"], done.show


@pytest.mark.parametrize(
    ("key", "value"), [("timeout", "abc"), ("transport", "sandbx"), ("connect_timeout", "soon")]
)
def test_one_wrong_value_is_one_failure(key: str, value: str, program: Program) -> None:
    profile(program, f'[profiles.default]\n{key} = "{value}"\n')
    report = doctor(program, "--offline", env={"MEMBRANE_TOKEN": "pat-very-secret-token"})
    assert report.those("fail") == ["values"], report.ended.show
    report.expect("gateway", "skip", "it needs values")
    assert "1 check failed: values." in report.ended.err


def test_all_wrong_values_are_told_at_once(program: Program) -> None:
    report = look(program, FSCTL_VIA="sea", FSCTL_RETRIES="many")
    report.expect("values", "fail", "FSCTL_VIA holds 'sea'. FSCTL_RETRIES holds 'many'")
    assert report.line("values")[2] == (
        "FSCTL_VIA: Use one of auto, action, proxy. FSCTL_RETRIES: Use a number from 0 to 20."
    ), "each with its mend"


def test_a_variable_that_fsctl_does_not_read_is_a_warning(program: Program) -> None:
    report = look(program, FSCTL_TRANSPROT="http")
    report.expect("values", "warn", "reads no variable FSCTL_TRANSPROT", "`unset FSCTL_TRANSPROT`")


def test_the_facts_of_a_deploy_may_be_told_in_variables(program: Program) -> None:
    report = look(program, FSCTL_DEPLOY_ENV="eu", FSCTL_DEPLOY_STARTED="now")
    state, detail, _ = report.line("values")
    assert (state, "FSCTL_DEPLOY_ENV, FSCTL_DEPLOY_STARTED" in detail) == ("ok", True), detail
    for name in ("FSCTL_DEPLOY_COMIT", "FSCTL_DEPLOY_SHORT_COMMIT"):
        report = look(program, **{name: "0c0ffee"})
        report.expect("values", "warn", f"reads no variable {name}", "unset")


def test_variables_are_told_by_name_only(program: Program) -> None:
    report = look(program, MEMBRANE_TOKEN="pat-very-secret-token")
    report.expect("values", "ok", "MEMBRANE_TOKEN")
    assert "very-secret" not in report.ended.out


def test_every_variable_that_fsctl_reads_is_known() -> None:
    source = " ".join(file.read_text() for file in (ROOT / "fsctl").rglob("*.py"))
    words = {word.strip("\"'`,.:()[]{}") for word in source.split()}
    read = {word for word in words if word.isidentifier() and word.startswith("FSCTL_")}
    read -= {"FSCTL_", deploys.PREFIX}
    assert read <= configured.known_variables()
    assert "FSCTL_TRANSPORT" in read
