"""Every example that fsctl shows runs in the sandbox as it is written.

In every command's ``--help``, in the pages of ``fsctl help`` and in README; see
``tests.support.console`` for how they are read.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import NamedTuple

import pytest

from fsctl.cli.help import PAGES
from tests.support.console import Console, Step, steps
from tests.support.program import Program
from tests.support.snippets import README, blocks
from tests.support.tree import examples

FILES = Path(__file__).parent / "examples"  # what examples read: people.csv and the like

# Not run here, and why; what else tests them.
NOT_RUN = {
    "fsctl init": "asks: test_init",
    "fsctl auth login": "runs membrane, which opens a browser: test_auth",
    "fsctl login": "runs membrane, which opens a browser: test_auth",
    "fsctl login --no-browser": "runs membrane: test_auth",
    "fsctl auth complete CODE": "runs membrane: test_auth",
    "fsctl auth complete - < code": "runs membrane: test_auth",
    "fsctl auth logout": "runs membrane: test_auth",
    "fsctl logout": "runs membrane: test_auth",
    "fsctl actions log RUN_ID --details": "needs the id of a run: test_first_road",
    "fsctl segments export --operation 5d41402abc4b2a76 --to paying.ndjson": (
        "needs the id of an export: the tests of segments"
    ),
    "membrane token --tenantKey acme-ci --expiresIn 720h": "is Membrane's own command",
    "npm install -g @membranehq/cli": "installs",
    "python -m pip install -e '.[dev]' && pytest": "installs: test_first_road",
    "python -m pip install . && fsctl --sandbox annotations create "
    '"v1.4.2 deployed" --source "README"': "installs: test_first_road",
    "MEMBRANE_API_URL=http://127.0.0.1:8765 MEMBRANE_TOKEN=anything fsctl users list --limit 3": (
        "needs that server: test_first_road"
    ),
    **{each: "needs the id of a job: test_jobs" for each in examples() if " job ID" in each},
}


# The sandbox's only connection is ready, and that it may stop working is worth a warning.
WARN = {"fsctl --sandbox connections reconnect 6920c5a1d3f4e5b6a7c8d901 --wait"}


class Block(NamedTuple):
    """A console block of a page, and where it stands."""

    where: str
    text: str


def console_blocks(path: Path) -> list[Block]:
    found = [each for each in blocks(path.read_text("utf-8")) if each.language == "console"]
    return [
        Block(f"{path.stem}-{number}-{each.heading}", each.text)
        for number, each in enumerate(found, 1)
    ]


BLOCKS = [block for page in (*sorted(PAGES.glob("*.md")), README) for block in console_blocks(page)]
SHOWN = [*examples(), *(step.command for block in BLOCKS for step in steps(block.text))]
SERVE = "fsctl sandbox serve"  # never ends: test_first_road
LEFT_OUT = {*NOT_RUN, *(each for each in SHOWN if each.startswith(SERVE))}
EXAMPLES = [each for each in examples() if each not in LEFT_OUT]


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A checkout whose sandbox is filled, beside the files that examples read."""
    home = tmp_path_factory.mktemp("seeded") / "home"
    shutil.copytree(FILES, home)
    assert Program(home)("sandbox", "seed").code == 0
    for line in ("init --quiet", "commit --quiet --allow-empty -m Begin"):
        names = ("-c", "user.name=Ada", "-c", "user.email=ada@example.com")
        subprocess.run(["git", *names, *line.split()], cwd=home, check=True)
    return home


@pytest.fixture
def console(seeded: Path, tmp_path: Path) -> Console:
    return Console(Path(shutil.copytree(seeded, tmp_path / "home")))


@pytest.mark.parametrize("example", EXAMPLES)
def test_an_example_of_a_command_runs(example: str, console: Console) -> None:
    for made in re.findall(r" --to (\S+)", example):  # not what another example reads
        (console.home / made).unlink(missing_ok=True)
    wrong = console.step(Step(example))
    assert not wrong, wrong
    assert ("warning" in console.err) is (example in WARN), console.err


@pytest.mark.parametrize("block", BLOCKS, ids=lambda block: block.where)
def test_a_block_of_a_page_goes_as_it_is_written(block: Block, console: Console) -> None:
    wrong = console.replay(block.text, LEFT_OUT)
    assert not wrong, "\n\n".join(wrong)


def test_what_is_not_run_is_still_shown() -> None:
    assert set(NOT_RUN) <= set(SHOWN)
