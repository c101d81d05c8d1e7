"""What is built carries all that fsctl reads at run time, and what its tests read."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
HELP = sorted(page.name for page in (ROOT / "fsctl" / "help").glob("*.md"))


@pytest.fixture(scope="module")
def built(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The directory that a wheel and an sdist were built into, by the backend itself."""
    target = tmp_path_factory.mktemp("dist")
    subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-d", str(target)],
        cwd=ROOT,
        check=True,
        capture_output=True,
    )
    return target


def test_the_wheel_carries_the_help_pages_and_only_the_package(built: Path) -> None:
    (wheel,) = built.glob("*.whl")
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()
    assert sorted(Path(name).name for name in names if name.startswith("fsctl/help/")) == HELP
    assert "fsctl/py.typed" in names
    assert {name.partition("/")[0].partition("-")[0] for name in names} == {"fsctl"}


def test_the_sdist_carries_the_tests_and_what_they_read(built: Path) -> None:
    (sdist,) = built.glob("*.tar.gz")
    with tarfile.open(sdist) as archive:
        names = {name.partition("/")[2] for name in archive.getnames()}
    assert {f"fsctl/help/{name}" for name in HELP} <= names
    assert {".github/actions/annotate/action.yml", "README.md", "LICENSE"} <= names
    assert "tests/test_package.py" in names
