"""The rooms of the house and what start-up may load, held by reading imports and by counting them.

A room may import any room below it, never above; a wall may be moved, here and on purpose.
"""

from __future__ import annotations

import ast
import json
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.sandbox_server import running_sandbox

ROOT = Path(__file__).parents[1]
ROOMS = ("cli", "bulk", "terminal", "settings", "fullstory", "membrane", "sandbox", "errors")
SCREEN_LIBRARIES = {"click", "rich", "questionary", "prompt_toolkit"}

# What the sandbox may know: the protocol it stands in for, and facts about Fullstory.
PROTOCOL = {
    f"fsctl.membrane.{name}"
    for name in ("cache", "failures", "gateway", "paths", "payload", "redact", "shapes")
}
# In process the sandbox speaks the same HTTP as on loopback, only without a socket: its gateway is
# the HTTP gateway with another exchange. The wall is moved for that one file.
MOVED = {
    "fsctl/sandbox/gateway.py": {
        f"fsctl.membrane.{name}" for name in ("answers", "exchange", "http")
    }
}
LEAVES = {f"fsctl.fullstory.{name}" for name in ("ids", "limits", "types")}

GATEWAYS = {
    "HttpGateway": "fsctl/membrane/http.py",
    "CliGateway": "fsctl/membrane/cli.py",
    "SandboxGateway": "fsctl/sandbox/gateway.py",
}
BUILDERS = {"fsctl/cli/app.py", "fsctl/cli/roads.py"}

FILES = sorted((ROOT / "fsctl").rglob("*.py"))
MODULES = {
    ".".join(file.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__")
    for file in FILES
}


def named(file: Path) -> str:
    return file.relative_to(ROOT).as_posix()


def room(file: Path) -> str:
    """``cli`` for fsctl/cli/main.py, ``errors`` for fsctl/errors.py."""
    return file.relative_to(ROOT / "fsctl").parts[0].removesuffix(".py")


def imports(file: Path) -> Iterator[str]:
    """Every module a file imports, wherever in it, by its absolute name."""
    package = file.relative_to(ROOT).parts[:-1]
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = list(package[: len(package) - node.level + 1]) if node.level else []
            source = ".".join([*base, *([node.module] if node.module else [])])
            inner = [f"{source}.{alias.name}" for alias in node.names]
            modules = [name for name in inner if name in MODULES]
            yield from modules
            if len(modules) < len(inner):
                yield source


def test_the_reader_of_imports_sees_them_all() -> None:
    app = set(imports(ROOT / "fsctl" / "cli" / "app.py"))
    assert {"fsctl.errors", "fsctl.settings.env", "fsctl.membrane.gateway"} <= app
    assert "click" in set(imports(ROOT / "fsctl" / "cli" / "main.py"))
    assert {room(file) for file in FILES} == {*ROOMS, "__init__", "__main__"}


@pytest.mark.parametrize("file", FILES, ids=named)
def test_no_room_imports_a_room_above_it(file: Path) -> None:
    here = room(file)
    if here not in ROOMS or here == "sandbox":  # which has a rule of its own
        return
    below = {"fsctl", *(f"fsctl.{name}" for name in ROOMS[ROOMS.index(here) :])}
    for name in imports(file):
        if name.split(".")[0] == "fsctl":
            assert ".".join(name.split(".")[:2]) in below, f"{named(file)} imports {name}"


@pytest.mark.parametrize("file", [f for f in FILES if room(f) == "sandbox"], ids=named)
def test_the_sandbox_knows_only_the_protocol_and_facts(file: Path) -> None:
    allowed = PROTOCOL | LEAVES | {"fsctl", "fsctl.errors"} | MOVED.get(named(file), set())
    for name in imports(file):
        if name.split(".")[0] == "fsctl" and not name.startswith("fsctl.sandbox"):
            assert name in allowed, f"{named(file)} imports {name}"


@pytest.mark.parametrize("file", FILES, ids=named)
def test_only_commands_and_the_screen_know_how_screens_are_drawn(file: Path) -> None:
    if room(file) not in ("cli", "terminal"):
        assert not {name.split(".")[0] for name in imports(file)} & SCREEN_LIBRARIES


@pytest.mark.parametrize("leaf", sorted(LEAVES))
def test_a_leaf_imports_nothing_of_ours_but_errors(leaf: str) -> None:
    file = ROOT / f"{leaf.replace('.', '/')}.py"
    ours = {name for name in imports(file) if name.startswith("fsctl")}
    assert ours <= {"fsctl.errors"}


@pytest.mark.parametrize("file", FILES, ids=named)
def test_only_the_app_names_the_gateways(file: Path) -> None:
    words = {
        node.id for node in ast.walk(ast.parse(file.read_bytes())) if isinstance(node, ast.Name)
    }
    words |= {
        alias.name
        for node in ast.walk(ast.parse(file.read_bytes()))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    own = {name for name, home in GATEWAYS.items() if home == named(file)}
    if named(file) in MOVED:
        own.add("HttpGateway")
    if named(file) not in BUILDERS:
        assert not words & set(GATEWAYS) - own


@pytest.mark.parametrize("file", FILES, ids=named)
def test_only_the_boundary_ends_the_process(file: Path) -> None:
    ends = []
    for node in ast.walk(ast.parse(file.read_bytes())):
        if isinstance(node, ast.Attribute | ast.Name):
            text = ast.unparse(node)
            if text in ("sys.exit", "os._exit", "os.abort", "exit", "quit", "SystemExit"):
                ends.append(f"{text} in line {node.lineno}")
    if named(file) != "fsctl/cli/main.py":
        assert not ends


# -- start-up

HEAVY = {
    "rich", "questionary", "prompt_toolkit", "urllib3", "msgspec", "sqlite3", "tomlkit",
    "http.client", "asyncio", "filelock", "jwt", "ssl", "tomllib", "platformdirs", "jq",
    "truststore", "subprocess", "socket", "email", "logging.config", "importlib.metadata",
    "shutil", "lzma",
}  # fmt: skip

# All that `fsctl --version` imports beyond `import click`. Longer only with a reason.
OURS = {
    "fsctl", "fsctl.cli", "fsctl.cli.app", "fsctl.cli.main", "fsctl.cli.options", "fsctl.cli.root",
    "fsctl.errors", "fsctl.settings", "fsctl.settings.choices", "fsctl.settings.env",
}  # fmt: skip
STDLIB = {"_locale", "gc", "locale", "signal"}

_CHILD = """
import sys
import click
before = set(sys.modules)
from fsctl.cli.main import entry_point
sys.argv = ["fsctl", *{arguments!r}]
try:
    entry_point()
except SystemExit:
    pass
print(*sorted(set(sys.modules) - before), file=sys.stderr)
"""


def loaded(*arguments: str, env: dict[str, str] | None = None) -> tuple[set[str], str]:
    """What a command line imports beyond ``import click``, and what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", _CHILD.format(arguments=arguments)],
        cwd=ROOT,
        env={"PATH": "/usr/bin:/bin", **(env or {})},
        capture_output=True,
        text=True,
        check=True,
    )
    return set(done.stderr.splitlines()[-1].split()), done.stdout


def test_version_imports_exactly_these() -> None:
    modules, out = loaded("--version")
    assert out.startswith("fsctl ")
    assert {name for name in modules if name.split(".")[0] == "fsctl"} == OURS
    assert modules - OURS <= STDLIB


@pytest.mark.parametrize(
    "arguments",
    [("--version",), ("--help",), ("users", "--help"), ("users", "get", "--help"), ("raw", "-h")],
    ids=" ".join,
)
def test_neither_version_nor_help_loads_anything_heavy(arguments: tuple[str, ...]) -> None:
    modules, out = loaded(*arguments)
    assert out
    assert not modules & HEAVY
    rooms = {name for name in modules if name.startswith("fsctl.")}
    assert not {name for name in rooms if name.startswith(("fsctl.membrane", "fsctl.sandbox"))}


# What help draws itself with; each command's module and what it takes its options from go along.
FOR_HELP = {"click._textwrap", "fsctl.terminal", "fsctl.terminal.window_width", "textwrap"}


def test_help_imports_exactly_these_more_and_no_command() -> None:
    modules, out = loaded("--help")
    assert "annotations" in out
    assert modules - OURS - STDLIB == FOR_HELP


def a_home(place: Path) -> dict[str, str]:
    kinds = ("CONFIG", "CACHE", "STATE", "DATA")
    return {f"FSCTL_{kind}_DIR": str(place / kind.lower()) for kind in kinds}


@pytest.mark.parametrize(
    ("arguments", "most"),
    [
        (("users", "--help"), 28),
        (("annotations", "create", "--help"), 24),
        (("--sandbox", "annotations", "create", "x"), 145),
    ],
    ids=["users --help", "annotations create --help", "annotations create in the sandbox"],
)
def test_no_more_modules_are_imported_than_that(
    arguments: tuple[str, ...], most: int, tmp_path: Path
) -> None:
    modules, out = loaded(*arguments, env=a_home(tmp_path))
    assert out
    assert len(modules) <= most, sorted(modules)
    assert not modules & (HEAVY - {"sqlite3"})


# Of those, posting over HTTP needs what urllib3 is made of, and nothing else.
OF_URLLIB3 = {
    "urllib3", "http.client", "email", "importlib.metadata", "lzma", "shutil", "socket", "ssl",
}  # fmt: skip


def test_an_annotation_over_http_imports_no_more_than_urllib3_and_our_own(tmp_path: Path) -> None:
    with running_sandbox(tmp_path) as server:
        env = {**a_home(tmp_path), "MEMBRANE_API_URL": server.url, "MEMBRANE_TOKEN": "x"}
        modules, out = loaded("annotations", "create", "x", env=env)
    assert json.loads(out)["text"] == "x"
    assert modules & HEAVY <= OF_URLLIB3
    assert len(modules) <= 200, sorted(modules)


_OPENED = """
import sys
opened = []
sys.addaudithook(lambda event, args: event == "open" and opened.append(str(args[0])))
from fsctl.cli.main import entry_point
sys.argv = ["fsctl", *{arguments!r}]
try:
    entry_point()
except SystemExit as ended:
    print(ended.code, file=sys.stderr)
print(*(name for name in opened if name.startswith({home!r})), file=sys.stderr)
"""


@pytest.mark.parametrize(
    "arguments", [("--version",), ("--help",), ("users", "--help"), ("users", "get", "--help")]
)
def test_no_setting_is_read_for_help(arguments: tuple[str, ...], tmp_path: Path) -> None:
    home = str(tmp_path.resolve())
    (tmp_path / "config").mkdir()
    (tmp_path / "config" / "config.toml").write_text("not = a = setting\n")
    (tmp_path / ".fsctl.toml").write_text("not = a = setting\n")
    env = {"PATH": "/usr/bin:/bin", "PYTHONPATH": str(ROOT), "HOME": home, **a_home(tmp_path)}

    def opened(*words: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-c", _OPENED.format(arguments=words, home=home)],
            cwd=tmp_path,
            env=env,
            capture_output=True,
            text=True,
            check=True,
        )
        return done.stderr.split()

    assert opened(*arguments) == ["0"]
    assert f"{home}/config/config.toml" in opened("profiles", "show")


_COUNTING = """
import gc, sys
from fsctl.cli.main import entry_point
before = sum(generation["collections"] for generation in gc.get_stats())
sys.argv = ["fsctl", "annotations", "create", "v1", "--dry-run"]
try:
    entry_point()
except SystemExit:
    pass
after = sum(generation["collections"] for generation in gc.get_stats())
print(after - before, len(gc.get_objects()), gc.get_freeze_count(), file=sys.stderr)
"""


def test_no_short_command_looks_for_cycles_among_what_it_has_loaded() -> None:
    done = subprocess.run(
        [sys.executable, "-c", _COUNTING],
        env={"PATH": "/usr/bin:/bin"},
        capture_output=True,
        text=True,
        check=True,
    )
    collections, left_to_look_at, frozen = map(int, done.stderr.splitlines()[-1].split())
    assert collections < 3
    assert left_to_look_at < 100 < frozen


def test_completion_loads_nothing_heavy() -> None:
    modules, out = loaded(
        env={"_FSCTL_COMPLETE": "bash_complete", "COMP_WORDS": "fsctl us", "COMP_CWORD": "1"}
    )
    assert "users" in out
    assert not modules & HEAVY
