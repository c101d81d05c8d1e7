"""What is built carries all that fsctl reads at run time, and what its tests read."""

from __future__ import annotations

import email
import re
import subprocess
import sys
import sysconfig
import tarfile
import venv
import zipfile
from email.message import Message
from pathlib import Path

import pytest

from tests.support.command import Fsctl, clean_environment

ROOT = Path(__file__).parents[1]
HELP = sorted(page.name for page in (ROOT / "fsctl" / "help").glob("*.md"))
COMPLETIONS = {
    "share/bash-completion/completions/fsctl": "fsctl.bash",
    "share/fish/vendor_completions.d/fsctl.fish": "fsctl.fish",
    "share/zsh/site-functions/_fsctl": "_fsctl",
}


def build(source: Path, target: Path, *what: str) -> None:
    """Build there, by the backend itself: nothing is fetched."""
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(target), *what],
        cwd=source,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that a wheel and an sdist were built into."""
    target = tmp_path_factory.mktemp("dist")
    build(ROOT, target)
    return target


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    (found,) = built.glob("*.whl")
    return found


@pytest.fixture(scope="module")
def metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_bytes(archive.read(name))


def test_the_wheel_carries_the_help_pages_and_only_the_package(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert sorted(Path(name).name for name in names if name.startswith("fsctl/help/")) == HELP
    assert "fsctl/py.typed" in names
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"fsctl"}
    ours = {file for file in (ROOT / "fsctl").rglob("*") if file.is_file()}
    assert {name for name in names if name.startswith("fsctl/")} == {
        file.relative_to(ROOT).as_posix() for file in ours if file.parent.name != "__pycache__"
    }


def test_the_wheel_carries_the_completions_for_where_shells_look(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        shared = {
            name.partition(".data/data/")[2]: archive.read(name)
            for name in archive.namelist()
            if ".data/data/" in name
        }
    assert shared == {
        place: (ROOT / "completions" / name).read_bytes() for place, name in COMPLETIONS.items()
    }


def test_the_metadata_says_what_it_is_and_needs(metadata: Message) -> None:
    from fsctl import __version__

    assert (metadata["Name"], metadata["Version"]) == ("fsctl", __version__)
    assert (metadata["License-Expression"], metadata["License-File"]) == ("MIT", "LICENSE")
    assert metadata["Requires-Python"] == ">=3.11"
    assert metadata["Description-Content-Type"] == "text/markdown"
    told = metadata.get_payload(decode=True)
    assert told == (ROOT / "README.md").read_bytes()
    needed = metadata.get_all("Requires-Dist") or []
    assert 'jq>=1.8; extra == "jq"'.replace('"', "'") in [need.replace('"', "'") for need in needed]
    assert [need.partition(">")[0] for need in needed if "extra" not in need] == [
        *("click", "filelock", "msgspec", "platformdirs", "pyjwt"),
        *("questionary", "rich", "tomlkit", "truststore", "urllib3"),
    ]


def test_the_newest_release_in_the_changelog_is_the_version(fsctl: Fsctl) -> None:
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    releases = re.findall(r"^## \[(\d[^\]]*)\] - \d{4}-\d\d-\d\d$", changes, re.MULTILINE)
    assert fsctl("--version").out == f"fsctl {releases[0]}\n"


def test_the_sdist_carries_the_tests_and_what_they_read(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {f"fsctl/help/{name}" for name in HELP} <= names
    assert {f"completions/{name}" for name in COMPLETIONS.values()} <= names
    assert {".github/actions/annotate/action.yml", "README.md", "LICENSE"} <= names
    assert "tests/test_package.py" in names


def test_the_wheel_that_the_sdist_builds_is_the_same(
    built: Path, wheel: Path, tmp_path: Path
) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        archive.extractall(tmp_path, filter="data")
    (source,) = tmp_path.iterdir()
    build(source, tmp_path / "again", "-t", "wheel")
    (again,) = (tmp_path / "again").iterdir()
    assert again.name == wheel.name
    assert again.read_bytes() == wheel.read_bytes()


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A fresh environment with the wheel in it, and the dependencies of this one beside it."""
    place = tmp_path_factory.mktemp("installed")
    venv.create(place, symlinks=True)
    python = place / "bin" / "python"
    libraries = place / "lib" / f"python{sysconfig.get_python_version()}" / "site-packages"
    # Of a directory named here no .pth counts: this environment's own fsctl is not found by it.
    (libraries / "dependencies.pth").write_text(f"{sysconfig.get_path('purelib')}\n")
    pip = [sys.executable, "-m", "pip", "--python", str(python), "--disable-pip-version-check"]
    options = ["--quiet", "--no-deps", "--no-index", "--no-compile"]
    subprocess.run([*pip, "install", *options, str(wheel)], check=True, capture_output=True)
    return place


def run(place: Path, home: Path, *command: str) -> str:
    """What the installed program prints, far from the checkout."""
    environ = clean_environment(home, {"PYTHONDONTWRITEBYTECODE": "1"})
    environ = {name: value for name, value in environ.items() if name != "PYTHONPATH"}
    done = subprocess.run(
        [str(place / "bin" / command[0]), *command[1:]],
        cwd=home,
        env=environ,
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_wheel_installs_and_works(installed: Path, tmp_path: Path, metadata: Message) -> None:
    told = run(installed, tmp_path, "python", "-c", "import fsctl; print(fsctl.__file__)")
    assert told.startswith(str(installed.resolve()))
    assert run(installed, tmp_path, "fsctl", "--version") == f"fsctl {metadata['Version']}\n"
    assert run(installed, tmp_path, "python", "-m", "fsctl", "--version").startswith("fsctl ")
    person = run(installed, tmp_path, "fsctl", "--sandbox", "users", "get", "ada", "--jq", ".email")
    assert person == "ada@example.com\n"
    page = run(installed, tmp_path, "fsctl", "help", "ci")
    assert page == (ROOT / "fsctl" / "help" / "ci.md").read_text(encoding="utf-8")


def test_the_installed_completions_stand_where_shells_look(installed: Path) -> None:
    for place, name in COMPLETIONS.items():
        assert (installed / place).read_bytes() == (ROOT / "completions" / name).read_bytes()
        assert (installed / place).stat().st_mode & 0o777 == 0o644
