"""What a newcomer does first: README's commands, and the examples that test_examples leaves out."""

from __future__ import annotations

import json
import re
import shlex
import signal
import subprocess
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from tests.support.command import Ended, Fsctl, clean_environment
from tests.support.drawn_window import ENTER, Window
from tests.support.fake_membrane import FakeMembrane
from tests.support.online import (
    Online,
    membrane_environment,
    online,
    shell_environment,
    with_membrane,
)
from tests.support.tree import examples

README = (Path(__file__).parents[2] / "README.md").read_text()

# Examples that need something the test of all of them (test_examples) has not.
NEED_A_RUN_ID = ("fsctl actions log RUN_ID --details",)
NEVER_END = tuple(example for example in examples() if "sandbox serve" in example)
NEED_MEMBRANE = (
    "fsctl auth login",
    "fsctl login --no-browser",
    "fsctl auth complete CODE",
    "fsctl auth complete - < code",
    "fsctl auth logout",
    "fsctl logout",
)
NEED_SOMEBODY = ("fsctl init",)
APART = (*NEED_A_RUN_ID, *NEVER_END, *NEED_MEMBRANE, *NEED_SOMEBODY)


def shell(command: str, home: Path, env: Mapping[str, str] | None = None) -> Ended:
    """Run ``command`` as a person types it, in a fresh home."""
    home.mkdir(exist_ok=True)
    done = subprocess.run(
        ["/bin/sh", "-c", command],
        stdin=subprocess.DEVNULL,
        capture_output=True,
        env={**clean_environment(home), **shell_environment(home), **(env or {})},
        cwd=home,
        timeout=60,
        check=False,
    )
    return Ended(done.returncode, done.stdout.decode(), done.stderr.decode())


def readme_commands() -> list[str]:
    """What stands behind a ``$`` in README's console blocks."""
    blocks = re.findall(r"```console\n(.*?)```", README, re.DOTALL)
    return [
        line.removeprefix("$ ").partition("  #")[0].strip()
        for block in blocks
        for line in block.splitlines()
        if line.startswith("$ ")
    ]


def test_readme_opens_with_the_command_that_installs_and_annotates(tmp_path: Path) -> None:
    install, _, command = readme_commands()[0].partition(" && ")
    assert install == "python -m pip install ."

    done = shell(command, tmp_path / "home")

    assert done.code == 0, done.show
    annotation = json.loads(done.out)
    assert list(annotation) == ["text", "start_time", "end_time", "source"]
    assert (annotation["text"], annotation["source"]) == ("v1.4.2 deployed", "README")
    assert annotation["start_time"] == annotation["end_time"]
    assert done.err == "fsctl: sandbox: nothing leaves this machine.\n"


def test_readmes_second_command_sets_up_the_tests() -> None:
    assert readme_commands()[1] == "python -m pip install -e '.[dev]' && pytest"


def test_readmes_command_for_the_real_account_runs_with_a_token(server: Online) -> None:
    done = server("annotations", "create", "v1.4.2 deployed", "--source", "README")
    assert 'fsctl annotations create "v1.4.2 deployed" --source "README"' in readme_commands()
    assert done.code == 0, done.show
    assert json.loads(done.out)["text"] == "v1.4.2 deployed"


def test_readmes_command_for_the_real_account_runs_with_the_membrane_binary(
    server: Online, tmp_path: Path
) -> None:
    fake = FakeMembrane(without=["token"])
    fsctl = with_membrane(fake, tmp_path / "home", server.server.url)
    done = fsctl("annotations", "create", "v1.4.2 deployed", "--source", "README")
    assert done.code == 0, done.show
    assert json.loads(done.out)["text"] == "v1.4.2 deployed"
    assert "arguments of the membrane process" in done.err


def test_readme_names_every_install_line_by_where_it_comes_from() -> None:
    for line in re.findall(r"pip install (.+)", README):
        assert not re.match(r"fsctl\b", line), f"fsctl is on no package index: pip install {line}"


def test_readmes_sandbox_server_answers_readmes_command(tmp_path: Path) -> None:
    serve = next(c for c in readme_commands() if "sandbox serve" in c)
    ask = next(c for c in readme_commands() if "MEMBRANE_API_URL=" in c)
    assert "--port 8765" in serve
    assert "http://127.0.0.1:8765" in ask

    with served(serve.replace("8765", "0"), tmp_path / "server") as url:
        done = shell(ask.replace("http://127.0.0.1:8765", url), tmp_path / "client")

    assert done.code == 0, done.show
    assert len(done.out.splitlines()) == 3


def test_the_examples_apart_are_still_there() -> None:
    assert set(APART) <= set(examples())
    assert NEVER_END


@pytest.mark.parametrize("example", NEVER_END)
def test_examples_that_serve_do_so_until_they_are_stopped(example: str, tmp_path: Path) -> None:
    free = re.sub(r"--port \d+", "--port 0", example)
    with served(free, tmp_path / "home") as url:
        assert re.fullmatch(r"http://127\.0\.0\.1:\d+", url)


def test_the_example_with_a_run_id_runs_with_one(tmp_path: Path) -> None:
    home = tmp_path / "home"
    ran = shell("fsctl --sandbox raw action list-users -v", home)
    run_id = re.search(r"Action run (\w+)\.", ran.err)
    assert run_id, ran.show

    example = NEED_A_RUN_ID[0].replace("RUN_ID", run_id[1])
    done = shell(example, home, {"FSCTL_TRANSPORT": "sandbox"})

    assert done.code == 0, done.show
    log = json.loads(done.out)
    assert (log["id"], log["status"]) == (run_id[1], "success")
    assert "response" in log["details"]


@pytest.mark.parametrize("example", NEED_MEMBRANE)
def test_examples_that_log_in_and_out_run_where_membrane_is_installed(
    example: str, tmp_path: Path
) -> None:
    home = tmp_path / "home"
    path = membrane_environment(FakeMembrane(code="CODE"), home, None)["PATH"]
    (home / "code").write_text("CODE\n")
    done = shell(example, home, {"PATH": f"{path}:{shell_environment(home)['PATH']}"})
    assert done.code == 0, done.show


@pytest.mark.parametrize("example", NEED_SOMEBODY)
def test_examples_that_ask_run_where_somebody_answers(example: str, fsctl: Fsctl) -> None:
    env = {**fsctl.env, **shell_environment(fsctl.home)}
    with Window(*shlex.split(example)[1:], env=env, cwd=fsctl.home) as window:
        for question in ("How do you reach Membrane?", "A name for this profile:"):
            window.answer(question, ENTER)
        ended = window.end()
    assert ended.code == 0, ended.show


class served:  # noqa: N801 - used like the functions it stands beside
    """A command that serves, in a shell of its own; gives the URL it prints first."""

    def __init__(self, command: str, home: Path) -> None:
        home.mkdir()
        self._process = subprocess.Popen(
            ["/bin/sh", "-c", f"exec {command}"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env={**clean_environment(home), **shell_environment(home)},
            text=True,
        )

    def __enter__(self) -> str:
        assert self._process.stdout is not None
        return self._process.stdout.readline().strip()

    def __exit__(self, *_: object) -> None:
        self._process.send_signal(signal.SIGTERM)
        out, err = self._process.communicate(timeout=20)
        assert (self._process.returncode, out) == (143, ""), err


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Online]:
    with online(tmp_path_factory.mktemp("server")) as road:
        yield road
