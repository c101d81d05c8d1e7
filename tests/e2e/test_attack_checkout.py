"""A stranger's working tree, as CI checks it out: nothing in it runs and nothing in it is believed.

Programs are planted under every name that fsctl or its children could look for; each would leave a
file behind. They lie where PATH leads by a dot, by nothing, by a relative and by an absolute entry.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.command import Ended, Fsctl
from tests.support.fake_membrane import FakeMembrane
from tests.support.online import SECRET, SYSTEM_PATH, Online, online, with_membrane
from tests.support.scripted_server import ScriptedServer, free_port, scripted

LIST = ("users", "list", "--limit", "1")
CREATE = ("annotations", "create", "x")
PROGRAMS = (
    "membrane",
    "npx",
    "node",
    "op",
    "vault",
    "git",
    "sh",
    "python",
    "python3",
    "env",
    "acme-token",
)
PLACES = (".", "bin", "node_modules/.bin", "packages/app")
MODULES = ("fsctl", "click", "urllib3", "truststore", "jwt", "json", "sitecustomize", "msgspec")


class Checkout:
    """A repository full of traps. ``sprung`` names those that ran; ``evil`` waits for secrets."""

    def __init__(self, root: Path, evil: str = "https://evil.test") -> None:
        self.root = root
        self.marks = root.parent / "marks"
        self.marks.mkdir(parents=True)
        self._repository()
        for place in PLACES:
            (root / place).mkdir(parents=True, exist_ok=True)
            for name in PROGRAMS:
                self._program(root / place / name, f"{place} {name}".replace("/", "-"))
        for name in MODULES:
            (root / f"{name}.py").write_text(self._python(name))
        (root / "membrane.config.yml").write_text(f"workspaceKey: theirs\napiUri: {evil}\n")
        (root / ".membrane").mkdir()
        (root / ".membrane" / "credentials.json").write_text('{"token": "theirs"}')
        (root / ".fsctl.toml").write_text(
            'transport = "cli"\nconnection = "theirs"\nprofile = "theirs"\n'
            f'token_command = "{root}/bin/vault"\nmembrane_command = "{root}/bin/membrane"\n'
            f'api_url = "{evil}"\nallowed_hosts = ["evil.test"]\nproxy_base = "{evil}"\n'
            'tenant = "theirs"\nvia = "proxy"\nretries = 0\n'
            f'[profiles.default]\ntoken_command = "{root}/bin/vault"\n'
        )
        (root / ".env").write_text(f"MEMBRANE_TOKEN=theirs\nMEMBRANE_API_URL={evil}\n")
        (root / "config.toml").write_text('[profiles.default]\nconnection = "theirs"\n')

    def _repository(self) -> None:
        """One whose own configuration runs programs, as soon as anybody asks git for its status."""
        git = self.root / ".git"
        for part in ("objects", "refs/heads", "hooks"):
            (git / part).mkdir(parents=True)
        (git / "HEAD").write_text("ref: refs/heads/main\n")
        monitor = git / "hooks" / "monitor"
        self._program(monitor, "git-fsmonitor")
        (git / "config").write_text(
            "[core]\n\trepositoryformatversion = 0\n"
            f"\tfsmonitor = {monitor}\n\tsshCommand = {monitor}\n\tpager = {monitor}\n"
            f"\teditor = {monitor}\n\thooksPath = {git / 'hooks'}\n"
        )

    def _program(self, path: Path, mark: str) -> None:
        # Not by /usr/bin/env: it is one of the traps.
        path.write_text(f"#!{sys.executable} -IS\n{self._python(mark)}")
        path.chmod(0o755)

    def _python(self, mark: str) -> str:
        return f"open({str(self.marks / mark)!r}, 'w').close()\nprint('pat-theirs-0123456789')\n"

    @property
    def sprung(self) -> list[str]:
        return sorted(mark.name for mark in self.marks.iterdir())

    def path(self, *more: str) -> str:
        """A PATH that leads into the checkout in every way there is, before anything else."""
        inside = [".", "", "bin", "node_modules/.bin", *(str(self.root / p) for p in PLACES)]
        return os.pathsep.join([*inside, *more, SYSTEM_PATH])


@pytest.fixture
def checkout(tmp_path: Path) -> Checkout:
    return Checkout(tmp_path / "work" / "checkout")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Online]:
    with online(tmp_path_factory.mktemp("server")) as road:
        yield road


@pytest.fixture
def home(tmp_path: Path) -> Path:
    path = tmp_path / "home"
    path.mkdir()
    return path


def test_the_traps_work(checkout: Checkout) -> None:
    """Or nothing here could fail."""
    os.spawnv(os.P_WAIT, checkout.root / "bin" / "membrane", ["membrane"])
    assert checkout.sprung == ["bin membrane"]


def test_the_trap_for_git_works(checkout: Checkout) -> None:
    git = shutil.which("git", path=SYSTEM_PATH)
    if git is None:
        pytest.skip("there is no git")
    safe = ["-c", f"safe.directory={checkout.root}"]
    subprocess.run([git, *safe, "status"], cwd=checkout.root, capture_output=True, check=False)
    assert "git-fsmonitor" in checkout.sprung


@pytest.mark.parametrize("cwd", [".", "packages/app"])
def test_without_a_token_no_planted_membrane_is_found(
    cwd: str, checkout: Checkout, home: Path
) -> None:
    for transport in ("auto", "cli"):
        env = {"PATH": checkout.path(), "FSCTL_TRANSPORT": transport}
        done = Fsctl(home, env)(*CREATE, cwd=checkout.root / cwd)
        assert done.code == 4, done.show
        assert "pat-theirs" not in done.show
    assert checkout.sprung == []


def test_the_membrane_outside_is_run_and_finds_nothing_of_the_checkouts(
    checkout: Checkout, home: Path, server: Online
) -> None:
    for number, without in enumerate(([], ["token"])):
        fake = FakeMembrane(without=without)
        fsctl = with_membrane(fake, home / str(number), server.server.url)
        tools = fsctl.env["PATH"].partition(os.pathsep)[0]
        done = fsctl(*LIST, cwd=checkout.root, env={"PATH": checkout.path(tools)})
        assert done.code == 0, done.show
        assert fake.asked
        for call in fake.calls:
            assert not Path(call.cwd).is_relative_to(checkout.root), "its files would be read"
            entries = [Path(entry) for entry in call.path.split(os.pathsep)]
            assert all(entry.is_absolute() for entry in entries), call.path
            assert not any(entry.is_relative_to(checkout.root) for entry in entries), call.path
    assert checkout.sprung == []


@pytest.mark.parametrize(
    "command", ["vault read token", "op read op://x", "sh -c 'echo pat-of-a-shell'"]
)
def test_a_token_command_finds_its_program_outside(
    command: str, checkout: Checkout, home: Path, server: Online
) -> None:
    profile(home, f'token_command = "{command}"')
    tools = home / "tools"
    for name in ("vault", "op"):
        script(tools / name, f"echo {SECRET}; node; env true; exec true")
    env = {"PATH": checkout.path(str(tools)), "MEMBRANE_API_URL": server.server.url}
    done = Fsctl(home, env)(*LIST, cwd=checkout.root)
    assert done.code == 0, done.show
    assert checkout.sprung == []


def test_a_token_command_whose_program_is_only_in_the_checkout_is_not_found(
    checkout: Checkout, home: Path
) -> None:
    profile(home, 'token_command = "acme-token --print"')
    done = Fsctl(home, {"PATH": checkout.path()})(*LIST, cwd=checkout.root)
    assert done.code == 4, done.show
    assert "not on PATH" in done.err
    assert checkout.sprung == []


@pytest.mark.parametrize(
    "command", ["./membrane", "bin/membrane", "node_modules/.bin/membrane", "{root}/bin/membrane"]
)
def test_a_membrane_command_in_the_checkout_is_refused(
    command: str, checkout: Checkout, home: Path
) -> None:
    named = command.format(root=checkout.root)
    env = {"PATH": SYSTEM_PATH, "FSCTL_MEMBRANE_COMMAND": named}
    done = Fsctl(home, env)(*LIST, cwd=checkout.root)
    assert done.code == 2, done.show
    assert "relative, or lies in the working directory" in done.err
    assert checkout.sprung == []


@pytest.mark.parametrize("line", [LIST, CREATE, ("raw", "request", "/v2/users")])
def test_files_of_the_checkout_change_nothing(
    line: tuple[str, ...], checkout: Checkout, home: Path, server: Online
) -> None:
    env = {
        "PATH": checkout.path(),
        "MEMBRANE_TOKEN": SECRET,
        "MEMBRANE_API_URL": server.server.url,
    }
    before = len(server.server.requests)
    done = Fsctl(home, env)(*line, cwd=checkout.root)
    assert done.code == 0, done.show
    sent = server.server.requests[before:]
    assert sent
    assert {dict(each.headers)["Authorization"] for each in sent} == {f"Bearer {SECRET}"}
    assert not any("theirs" in each.target or b"theirs" in (each.body or b"") for each in sent)
    assert checkout.sprung == []


def test_modules_of_the_checkout_are_not_imported(checkout: Checkout, home: Path) -> None:
    for line in (("--version",), ("--sandbox", *LIST), ("users", "--help")):
        done = Fsctl(home, {"PATH": checkout.path()})(*line, cwd=checkout.root)
        assert done.code == 0, done.show
    assert checkout.sprung == []


def test_a_directory_variable_that_is_relative_is_refused(checkout: Checkout, home: Path) -> None:
    done = Fsctl(home, {"FSCTL_CONFIG_DIR": "."})(*LIST, cwd=checkout.root)
    assert done.code == 2, done.show
    assert "relative path" in done.err


def test_nothing_is_written_into_the_checkout(
    checkout: Checkout, home: Path, server: Online
) -> None:
    def everything() -> set[Path]:
        return set(checkout.root.rglob("*"))

    before = everything()
    env = {"MEMBRANE_TOKEN": SECRET, "MEMBRANE_API_URL": server.server.url, "PATH": SYSTEM_PATH}
    ended: list[Ended] = []
    for line in (LIST, CREATE, ("--sandbox", *LIST), ("actions", "list")):
        ended.append(Fsctl(home, env)(*line, cwd=checkout.root))
    assert [done.code for done in ended] == [0] * 4
    assert everything() == before


# -- the project file, and everything that sets fsctl up

NOBODY = None  # doctor asks without a token first, to see whether anybody answers

EVERYTHING: tuple[tuple[str, ...], ...] = (
    LIST,
    CREATE,
    ("init", "--no-input"),
    ("auth", "status"),
    ("login", "--no-input"),
    ("logout",),
    ("connections", "list"),
    ("connections", "show"),
    ("connections", "search", "fullstory"),
    ("actions", "list"),
    ("sessions", "latest", "ada"),
    ("sessions", "open", "ada"),
    ("doctor",),
    ("doctor", "--offline"),
    ("profiles", "list"),
    ("profiles", "show", "--origin"),
    ("profiles", "create", "new"),
    ("profiles", "set", "timeout", "30s"),
)


@pytest.fixture(scope="module")
def evil() -> Iterator[ScriptedServer]:
    """A host of the stranger's, on loopback, where anything may be sent: nothing must be."""
    with scripted() as server:
        yield server


@pytest.mark.parametrize("line", EVERYTHING, ids=" ".join)
def test_whatever_is_called_in_it_nothing_of_it_runs_and_no_credential_goes_there(
    line: tuple[str, ...], tmp_path: Path, home: Path, server: Online, evil: ScriptedServer
) -> None:
    checkout = Checkout(tmp_path / "work" / "checkout", evil.url)
    before, content = len(server.server.requests), contents(checkout.root)
    # In the profile: a project file goes before that, and behind a variable.
    profile(home, f'api_url = "{server.server.url}"')
    env = {"PATH": checkout.path(), "MEMBRANE_TOKEN": SECRET}
    Fsctl(home, env)(*line, cwd=checkout.root)
    assert checkout.sprung == []
    assert evil.sent() == []
    for sent in server.server.requests[before:]:
        assert dict(sent.headers).get("Authorization") in (f"Bearer {SECRET}", NOBODY)
        assert "theirs" not in sent.target
        assert b"theirs" not in (sent.body or b"")
    assert contents(checkout.root) == content, "nothing of it was changed"


@pytest.mark.parametrize("line", EVERYTHING, ids=" ".join)
def test_nor_without_a_token_where_only_its_programs_are_found(
    line: tuple[str, ...], tmp_path: Path, home: Path, evil: ScriptedServer
) -> None:
    checkout = Checkout(tmp_path / "work" / "checkout", evil.url)
    below = checkout.root / "packages" / "app"
    env = {"PATH": checkout.path(), "HTTPS_PROXY": f"http://127.0.0.1:{free_port()}"}
    done = Fsctl(home, env)(*line, cwd=below)
    assert "pat-theirs" not in done.show
    assert checkout.sprung == []
    assert evil.sent() == []


@pytest.mark.parametrize("line", [LIST, CREATE, ("auth", "status"), ("doctor",)], ids=" ".join)
def test_trust_moves_no_credential_and_runs_nothing(
    line: tuple[str, ...], tmp_path: Path, home: Path, server: Online, evil: ScriptedServer
) -> None:
    """Who trusts a directory lets it name a connection, and neither a host nor a command."""
    checkout = Checkout(tmp_path / "work" / "checkout", evil.url)
    file = checkout.root / ".fsctl.toml"
    file.write_text(file.read_text().replace('profile = "theirs"', 'profile = "mine"'))
    env = {"PATH": checkout.path(), "FSCTL_TRANSPORT": "http"}
    fsctl = Fsctl(home, env)
    assert fsctl("profiles", "create", "mine", cwd=home).code == 0
    address = ("profiles", "set", "api_url", server.server.url, "--profile", "mine")
    assert fsctl(*address, cwd=home).code == 0
    trusted = fsctl("profiles", "trust", ".", cwd=checkout.root)
    assert trusted.code == 0, trusted.show
    assert "token_command" not in trusted.err

    before = len(server.server.requests)
    done = fsctl(*line, cwd=checkout.root)
    assert done.code == 4, done.show
    shown = [dict(each.headers).get("Authorization") for each in server.server.requests[before:]]
    assert set(shown) <= {NOBODY}, "there is no token but its own"
    before = len(server.server.requests)
    done = fsctl(*line, cwd=checkout.root, env={"MEMBRANE_TOKEN": SECRET})
    shown = [dict(each.headers).get("Authorization") for each in server.server.requests[before:]]
    assert set(shown) <= {f"Bearer {SECRET}", NOBODY}
    if line in (LIST, CREATE):
        assert "'theirs'" in done.err, "the connection is the one that it names"
    assert checkout.sprung == []
    assert evil.sent() == []


def test_what_it_names_without_trust_is_told(checkout: Checkout, home: Path) -> None:
    done = Fsctl(home, {"PATH": SYSTEM_PATH})("--sandbox", *CREATE, cwd=checkout.root)
    assert done.code == 0, done.show
    assert "names a profile and a connection and a transport: that is ignored" in done.err
    assert "token_command is never taken from a project file" in done.err


def contents(root: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in root.rglob("*") if path.is_file()}


def profile(home: Path, text: str) -> None:
    (home / "config").mkdir(exist_ok=True)
    (home / "config" / "config.toml").write_text(f"[profiles.default]\n{text}\n")


def script(path: Path, text: str) -> None:
    path.parent.mkdir(exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(0o755)
