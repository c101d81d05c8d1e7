"""``.fsctl.toml``: what a project may say, to whom it counts, and what trust adds."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import Ended, Fsctl
from tests.support.online import Online, online

CREATE = ("annotations", "create", "x")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Online]:
    with online(tmp_path_factory.mktemp("server")) as road:
        yield road


class Project:
    """A directory with a project file, in which the installed ``fsctl`` runs."""

    def __init__(self, fsctl: Fsctl, folder: Path) -> None:
        self.fsctl = fsctl
        self.folder = folder
        self.file = folder / ".fsctl.toml"

    def __call__(self, *line: str, at: str = ".", env: dict[str, str] | None = None) -> Ended:
        place = self.folder / at
        place.mkdir(parents=True, exist_ok=True)
        return self.fsctl(*line, cwd=place, env=env)

    def well(self, *line: str, at: str = ".", env: dict[str, str] | None = None) -> Ended:
        done = self(*line, at=at, env=env)
        assert done.code == 0, done.show
        return done

    def origin(self, key: str, at: str = ".") -> str:
        pick = f'select(.key == "{key}") | .origin'
        return self.well("profiles", "show", "--origin", "--jq", pick, at=at).out.strip()


@pytest.fixture
def project(tmp_path: Path, fsctl: Fsctl) -> Project:
    folder = tmp_path / "project"
    folder.mkdir()
    return Project(fsctl, folder)


def test_a_project_says_where_its_annotations_come_from(project: Project) -> None:
    project.file.write_text('source = "checkout-service"\n')
    for at in (".", "src/deep/below"):
        done = project.well("--sandbox", *CREATE, at=at)
        assert json.loads(done.out)["source"] == "checkout-service"
        assert "warning" not in done.err
    done = project.well("--sandbox", *CREATE, "--source", "me")
    assert json.loads(done.out)["source"] == "me"


def test_it_goes_between_variables_and_the_profile(project: Project) -> None:
    project.well("profiles", "set", "output", "csv")
    line = ("--sandbox", "users", "list", "--limit", "1", "--fields", "uid")
    assert project.well(*line).out.splitlines() == ["uid", "ada"]
    project.file.write_text('output = "tsv"\n')
    assert project.well(*line[:-1], "uid,id").out.startswith("uid\tid")
    assert project.well(*line, env={"FSCTL_OUTPUT": "json"}).out.startswith("[")
    assert project.well(*line, "-o", "jsonl").out == '{"uid":"ada"}\n'


def test_its_fields_are_shown_but_where_others_or_jq_are_asked_for(project: Project) -> None:
    project.file.write_text('fields = ["uid", "email"]\n')
    line = ("--sandbox", "users", "list", "--limit", "1")
    assert json.loads(project.well(*line).out) == {"uid": "ada", "email": "ada@example.com"}
    assert json.loads(project.well(*line, "--fields", "uid").out) == {"uid": "ada"}
    assert project.well(*line, "--jq", ".display_name").out == "Ada Lovelace\n"
    project.file.write_text('fields = "uid,"\n')
    done = project(*line)
    assert (done.code, done.out) == (2, "")
    assert f"fields in '{project.file}' 'uid,' holds an empty field name" in done.err


def test_its_fields_are_those_of_people_sessions_and_events_alone(project: Project) -> None:
    others = (
        ("users", "delete", "ada", "--dry-run"),
        ("users", "create", "--uid", "x", "--dry-run"),
        ("connections", "delete", "Fullstory (sandbox)", "--dry-run"),
        ("connections", "list"),
        ("actions", "list"),
        ("profiles", "list"),
        ("auth", "status"),
        ("doctor", "--offline"),
        ("init", "--profile-name", "play", "--no-use", "--dry-run"),
        ("annotations", "create", "x", "--dry-run"),
    )
    project.well("profiles", "set", "retries", "1")
    project.file.write_text('fields = ["nothing"]\n')
    for line in others:
        shown = project("--sandbox", *line).out
        assert len(shown) > 20 and '"nothing"' not in shown, line
    for records in ("users get ada", "users find ada", "users list", "sessions list ada"):
        found = json.loads(project.well("--sandbox", *records.split(), "-o", "json").out)
        assert (found[0] if isinstance(found, list) else found) == {"nothing": None}


def test_what_it_may_not_say_is_told_once_by_init(project: Project) -> None:
    project.file.write_text('connection = "theirs"\n')
    done = project.well("init", "--road", "sandbox", "--profile-name", "play")
    assert done.err.count("that is ignored until you look at it") == 1, done.show


def test_its_time_zone_is_that_of_times_without_one(project: Project) -> None:
    project.file.write_text('time_zone = "Asia/Tokyo"\n')
    done = project.well("--sandbox", *CREATE, "--start", "2026-03-01T12:00:00", "--dry-run")
    assert "2026-03-01T03:00:00Z" in done.out
    project.file.write_text('time_zone = "../../etc/passwd"\n')
    done = project("--sandbox", *CREATE)
    assert done.code == 2
    assert f"time_zone in '{project.file}' holds '../../etc/passwd'" in done.err


def test_what_it_may_not_say_is_told_and_ignored(project: Project) -> None:
    project.file.write_text('connection = "theirs"\nsorce = "ci"\ntoken_command = "./steal"\n')
    done = project.well("--sandbox", *CREATE)
    told = [line for line in done.err.splitlines() if "warning" in line]
    assert len(told) == 3
    advice = f"run `fsctl profiles trust {project.folder}`."
    assert told[2].endswith(
        f"names a connection: that is ignored until you look at it and {advice}"
    )
    assert "Did you mean 'source'?" in told[0]
    assert "token_command is never taken from a project file" in told[1]


def test_trust_lets_it_name_profile_connection_and_transport(project: Project) -> None:
    project.well("profiles", "create", "work", "--retries", "0")
    project.file.write_text('profile = "work"\nconnection = "theirs"\ntransport = "sandbox"\n')
    assert "no way to reach Membrane" in project(*CREATE, env={"PATH": "/usr/bin:/bin"}).err
    plan = project.well("profiles", "trust", ".", "--dry-run")
    assert json.loads(plan.out)["names"]["profile"] == "work"
    assert project.origin("transport") == "default"

    done = project.well("profiles", "trust", str(project.folder))
    assert "profile = work, connection = theirs, transport = sandbox" in done.err
    done = project.well(*CREATE, at="below")
    assert done.err == "fsctl: sandbox: nothing leaves this machine.\n"
    assert project.origin("transport") == f"transport in '{project.file}'"
    assert project.origin("profile") == f"profile in '{project.file}'"
    assert project.origin("retries") == "retries in the profile work"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('transport = "bogus"', "cannot be 'bogus'"),
        ('connection = "a/../b"', "'a/../b' is refused"),
        ('profile = "nobodys"', "The profile 'nobodys' (profile in "),
    ],
)
def test_what_could_not_be_used_is_not_trusted(project: Project, text: str, told: str) -> None:
    project.file.write_text(f"{text}\n")
    for more in ((), ("--dry-run",)):
        done = project("profiles", "trust", ".", *more)
        assert (done.code, done.out) == (2, ""), done.show
        assert told in done.err
    assert not (project.fsctl.home / "state" / "trusted").exists()


def test_a_dry_run_of_trust_names_the_file_that_trust_is_kept_in(project: Project) -> None:
    project.file.write_text('transport = "sandbox"\n')
    for line in (("trust", "."), ("trust", ".", "--revoke")):
        planned = json.loads(project.well("profiles", *line, "--dry-run").out)["file"]
        project.well("profiles", "trust", ".")
        assert Path(planned).exists()
        assert Path(planned).parent.name == "trusted"


def test_a_profile_that_is_chosen_does_not_count_where_a_trusted_file_names_one(
    project: Project,
) -> None:
    for name in ("http", "s3"):
        project.well("profiles", "create", name)
    project.file.write_text('profile = "s3"\n')
    project.well("profiles", "trust", ".")
    done = project.well("profiles", "use", "http")
    assert "the profile in use where no other is named is 'http'." in done.err
    assert f"profile in '{project.file}' goes before that, and names 's3'." in done.err
    assert "goes before" not in project.well("profiles", "use", "s3").err


def test_a_change_of_the_file_ends_the_trust_and_a_second_look_renews_it(
    project: Project, server: Online
) -> None:
    env = {
        "MEMBRANE_TOKEN": server.fsctl.env["MEMBRANE_TOKEN"],
        "MEMBRANE_API_URL": server.server.url,
    }
    project.file.write_text('connection = "first"\n')
    project.well("profiles", "trust", ".")
    assert "'first'" in project(*CREATE, env=env).err

    project.file.write_text('connection = "second"\n')
    done = project.well(*CREATE, env=env)
    assert "has changed since it was trusted" in done.err

    project.well("profiles", "trust", ".")
    assert "'second'" in project(*CREATE, env=env).err
    project.well("profiles", "trust", ".", "--revoke")
    done = project.well(*CREATE, env=env)
    assert "is ignored until you look at it" in done.err


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("source = \n", "is not TOML: Invalid value (at line 1, column 10)"),
        ("source = 7\n", "has a value of the wrong type"),
        ('output = "xml"\n', "holds 'xml'"),
    ],
)
def test_a_wrong_file_is_told_with_its_place(project: Project, text: str, told: str) -> None:
    project.file.write_text(text)
    done = project("--sandbox", *CREATE)
    assert (done.code, done.out) == (2, "")
    assert told in done.err
    assert str(project.file) in done.err


def test_one_that_is_not_the_users_own_is_told_and_ignored(project: Project) -> None:
    project.file.write_text('source = "theirs"\n')
    project.file.chmod(0o666)
    done = project.well("--sandbox", *CREATE)
    assert json.loads(done.out)["source"] is None
    assert f"'{project.file}' can be written by everyone, so it is ignored." in done.err


def test_anothers_file_is_told_and_ignored(project: Project) -> None:
    project.file.write_text('source = "theirs"\n')
    if os.geteuid() != 0:
        pytest.skip("only root can give a file to another user")
    os.chown(project.file, 65534, 65534)
    done = project.well("--sandbox", *CREATE)
    assert json.loads(done.out)["source"] is None
    assert f"'{project.file}' is another user's, so it is ignored." in done.err


def test_no_name_in_it_can_speak_to_a_terminal_or_a_build_service(project: Project) -> None:
    project.file.write_text('"\\u001b[2J" = 1\n"\\n::error::x" = 1\nsource = "\\u001b[31mred"\n')
    done = project("--sandbox", *CREATE, "--dry-run", env={"GITHUB_ACTIONS": "true"})
    assert "\x1b" not in done.show
    assert not [line for line in done.show.splitlines() if line.startswith("::")]


# -- what it costs


def test_without_one_nothing_is_read_and_little_is_asked(fsctl: Fsctl, tmp_path: Path) -> None:
    from fsctl.settings.project import find

    place = tmp_path / "a" / "b" / "c"
    place.mkdir(parents=True)
    before = Path.cwd()
    os.chdir(place)
    try:
        asked = _questions_of(lambda: find({"HOME": str(tmp_path)}))
    finally:
        os.chdir(before)
    levels = 4  # a/b/c, a/b, a and the home directory
    home = len(tmp_path.parts)  # to know the home directory by its real name
    assert 0 < asked <= 2 * levels + home


def _questions_of(search: object) -> int:
    """How often the file system was asked for anything."""
    asked = 0
    real = os.lstat

    def counting(*names: object, **options: object) -> os.stat_result:
        nonlocal asked
        asked += 1
        return real(*names, **options)  # type: ignore[arg-type]

    os.lstat = counting
    try:
        search()  # type: ignore[operator]
    finally:
        os.lstat = real
    return asked


_IMPORTED = """
import sys
from fsctl.cli.main import main
assert main(sys.argv[1:]) == 0
print(*sys.modules, file=sys.stderr)
"""
READERS = {"tomllib", "tomlkit", "filelock", "difflib"} | {
    f"fsctl.settings.{name}"
    for name in ("keys", "project_file", "profile_files", "toml_draft", "effective")
}


def imported(project: Project) -> set[str]:
    line = ("--sandbox", *CREATE, "--dry-run")
    done = subprocess.run(
        [sys.executable, "-c", _IMPORTED, *line],
        env=project.fsctl.env, cwd=project.folder, capture_output=True, text=True, check=True,
    )  # fmt: skip
    return set(done.stderr.splitlines()[-1].split())


def test_without_any_settings_nothing_that_reads_them_is_loaded(project: Project) -> None:
    modules = imported(project)
    assert "fsctl.settings.project" in modules
    assert not modules & READERS
    project.file.write_text('source = "ci"\n')
    assert modules | {"tomllib", "fsctl.settings.project_file"} <= imported(project)
    assert not imported(project) & {"tomlkit", "filelock"}
