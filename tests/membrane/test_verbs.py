"""Which verbs the installed membrane has: read from its help, whatever that looks like."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsctl.errors import NeedsPerson
from fsctl.membrane.cache import MemoryCache
from fsctl.membrane.gateway import Fate, GatewayError, Trouble
from fsctl.membrane.verbs import TOP_LEVEL, Verbs, parse_help, read_flags, read_verbs
from tests.support.fake_membrane import FakeMembrane

COLUMNS = """\
Membrane CLI 1.13.3

Usage: membrane <command> [options]

Commands:
  login [options]        Log in to Membrane
  status                 Show login status and token
  connect                Connect an app (--non-interactive prints the URL)
  search <query>         Search for apps, actions and connections
  connection <command>   Manage connections
  connection-request     Manage connection requests
  action                 Manage actions: list, get, run
  request <id> <path>    Send a request through a connection
  action-run-log Read run logs
  help [command]         display help for command

Options:
  --json     Machine-readable output
  token      is not a command here
"""
INK = """\
\x1b[1m  Membrane CLI\x1b[22m

  \x1b[2mTo act on an app, request a connection first. Never share your token.\x1b[22m

  $ membrane login --tenant
  $ membrane connection ensure "https://example.com" --json
  $ membrane connection get <id> --wait
    membrane connection list
  \x1b[36mmembrane action run <id>\x1b[39m  --connectionId <id>
  • membrane act --key <key> --input <json>
  • npx @membranehq/cli@latest action-run-log get <id>
"""
GROUPS = """\
Account commands: login, logout, status
Tenant API commands: connect, search, request, action, connection, connection-request
Deprecated: init, pull, push
"""
ARGPARSE = """\
usage: membrane [-h] [--json] {login,search,connect,connection,action,request} ...

positional arguments:
  {login,search}
    login   log in
"""
OCLIF = """\
COMMANDS
  act         Run anything
  action      Actions
  connection  Connections

TOPICS
  token  how tokens work
"""
BOXED = """\
╭───────────────────╮
│ act               │
│ action list       │
│ connection list   │
╰───────────────────╯
"""


@pytest.mark.parametrize(
    ("text", "shown", "missing"),
    [
        pytest.param(
            COLUMNS,
            {"login", "status", "connect", "search", "connection", "connection-request", "action",
             "request", "action-run-log", "connect --non-interactive"},
            {"act", "connection list", "login --json"},
            id="columns",
        ),
        pytest.param(
            INK,
            {"login", "login --tenant", "connection", "connection ensure", "connection get",
             "connection get --wait", "connection list", "action", "action run", "act",
             "action-run-log", "action-run-log get"},
            {"request", "token", "connect"},
            id="ink",
        ),
        pytest.param(
            GROUPS,
            {"login", "status", "connect", "search", "request", "action", "connection"},
            {"act", "token"},
            id="groups",
        ),
        pytest.param(
            ARGPARSE,
            {"login", "search", "connect", "connection", "action", "request"},
            {"act", "token"},
            id="argparse",
        ),
        pytest.param(OCLIF, {"act", "action", "connection"}, {"request"}, id="oclif"),
        pytest.param(
            BOXED, {"act", "action", "action list", "connection list"}, {"request"}, id="boxed"
        ),
    ],
)  # fmt: skip
def test_help_is_read_in_many_layouts(text: str, shown: set[str], missing: set[str]) -> None:
    found = set(parse_help(text))
    assert shown <= found
    assert not missing & found


@pytest.mark.parametrize(
    "line",
    [
        "request is deprecated: use act instead",
        "  request is deprecated and will be removed",
        "Use the request command to send raw requests",
        "  act on connections, and search for tokens",
        "membrane request is deprecated",
        "  membrane act was added in 1.15",
        "    connect your apps",
        "  actions    Manage actions",
        "  requests <id>",
        "  --token <token>  a bearer token",
        "  -t, --token      a bearer token",
        "  reconnect, search-all",
        "Tokens: act, as told",
    ],
)
def test_words_in_running_text_are_no_verbs(line: str) -> None:
    assert set(parse_help(f"Membrane\n\n{line}\n")) & TOP_LEVEL == set()


def test_prose_below_a_list_of_commands_is_not_part_of_it() -> None:
    text = "Commands:\n  login   Log in,\n          request nothing\n\nMore\n  request is gone\n"
    assert set(parse_help(text)) == {"login"}


@pytest.mark.parametrize(
    "text",
    [
        "Commands:\n  list   List\n  get    Get one\n  ensure <url>   Find or make\n",
        "  membrane connection list\n  membrane connection get <id>\n"
        "  membrane connection ensure <u>\n",
        "Usage: membrane connection <verb>\n\nVerbs\n\n  list     a\n  get      b\n  ensure   c\n",
        "  connection list  a\n  connection get  b\n  connection ensure  c\n",
        "Connection commands: list, get, ensure\n",
    ],
)
def test_help_of_a_group_tells_its_verbs(text: str) -> None:
    found = set(parse_help(text, "connection"))
    assert {"connection list", "connection get", "connection ensure"} <= found
    assert "connection delete" not in found


def test_top_level_help_printed_for_a_group_tells_nothing_wrong() -> None:
    found = parse_help(COLUMNS, "connection")
    assert {verb for verb in found if verb.startswith("connection ")} == set()


@given(st.text(alphabet=" \t\n|:,-<[membranctoquslik\x1b│", max_size=300))
def test_any_text_is_read_without_an_error(text: str) -> None:
    for verb in parse_help(text):
        assert verb.split(" ")[0] in TOP_LEVEL


@given(st.sampled_from(sorted(TOP_LEVEL)), st.from_regex(r"[a-z]{2,9}", fullmatch=True))
def test_verb_followed_by_an_ordinary_word_is_prose(verb: str, word: str) -> None:
    found = set(parse_help(f"  {verb} {word}\n"))
    assert verb not in found or f"{verb} {word}" in found


def test_help_of_a_megabyte_is_read_in_linear_time() -> None:
    for line in ("membrane " * 100_000, "\x1b[" * 300_000, " " * 1_000_000, "a, " * 300_000):
        assert list(parse_help(line)) == []


# -- asking the program


def ask(fake: FakeMembrane, tmp_path: Path, cache: MemoryCache | None = None) -> Verbs:
    program = fake.install(tmp_path / "bin")
    env = {"PATH": os.environ["PATH"]}
    return read_verbs([str(program)], cache=cache or MemoryCache(), cwd=tmp_path, env=env)


def test_u3_both_generations_of_the_command_line_are_recognised(tmp_path: Path) -> None:
    older = ask(FakeMembrane("older"), tmp_path / "older")
    newest = ask(FakeMembrane("newest"), tmp_path / "newest")
    assert older.has("action run") and older.has("request") and older.has("connection list")
    assert not older.has("act") and not older.has("connection ensure")
    assert newest.has("act") and newest.has("connection ensure") and newest.has("token")
    assert newest.has("connect", "--non-interactive")
    assert not older.has("connect", "--non-interactive")


def test_u3_nothing_but_help_is_run(tmp_path: Path) -> None:
    fake = FakeMembrane("newest")
    ask(fake, tmp_path)
    assert [call.argv for call in fake.calls] == [
        ["--help"],
        ["connection", "--help"],
        ["action", "--help"],
    ]


@pytest.mark.parametrize(
    "text",
    [
        "membrane: a store for agents' memories\n\nCommands:\n  remember\n  recall\n",
        "cellMembrane dispatcher. Manage your connection and action settings.\n",
        "Commands:\n  connect <app>\n  credentials\n  action <x>\n",
        "",
    ],
)
def test_u3_another_tool_of_the_name_is_refused_and_named(tmp_path: Path, text: str) -> None:
    with pytest.raises(NeedsPerson) as caught:
        ask(FakeMembrane(help=text), tmp_path)
    assert str(tmp_path / "bin" / "membrane") in caught.value.message
    assert "FSCTL_MEMBRANE_COMMAND" in (caught.value.hint or "")


def test_verbs_are_asked_once_for_a_version_and_again_for_another(tmp_path: Path) -> None:
    fake, cache = FakeMembrane("older"), MemoryCache()
    first = ask(fake, tmp_path, cache)
    program = tmp_path / "bin" / "membrane"
    env = {"PATH": os.environ["PATH"]}
    assert read_verbs([str(program)], cache=cache, cwd=tmp_path, env=env) == first
    assert len(fake.calls) == 3
    told = program.stat()
    FakeMembrane("newest", record=fake.record).install(tmp_path / "bin")
    os.utime(program, ns=(told.st_atime_ns, told.st_mtime_ns + 1))
    assert read_verbs([str(program)], cache=cache, cwd=tmp_path, env=env).has("act")


class Recorder(MemoryCache):
    """A cache that notes how old an answer may be."""

    def __init__(self) -> None:
        super().__init__()
        self.ages: list[float | None] = []

    def get(self, key: str, *, max_age: float | None = None) -> Any | None:
        self.ages.append(max_age)
        return super().get(key, max_age=max_age)


def test_what_npx_runs_is_asked_for_again_after_an_hour(tmp_path: Path) -> None:
    program = FakeMembrane("newest").install(tmp_path / "bin")
    cache, env = Recorder(), {"PATH": os.environ["PATH"]}
    read_verbs([str(program)], cache=cache, cwd=tmp_path, env=env)
    read_verbs(["/usr/bin/env", str(program)], cache=cache, cwd=tmp_path, env=env)
    assert cache.ages == [None, 3600.0]


def test_broken_cache_entry_is_asked_for_anew(tmp_path: Path) -> None:
    class Broken(MemoryCache):
        def get(self, key: str, *, max_age: float | None = None) -> Any | None:
            return {"shown": None}

    assert ask(FakeMembrane("newest"), tmp_path, Broken()).has("act")


def test_missing_program_needs_a_person(tmp_path: Path) -> None:
    with pytest.raises(NeedsPerson, match="cannot be started"):
        read_verbs([str(tmp_path / "membrane")], cache=MemoryCache(), cwd=tmp_path, env={})


def test_help_that_never_comes_is_not_sent(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fsctl.membrane.verbs.HELP_TIMEOUT", 0.2)
    program = tmp_path / "membrane"
    program.write_text("#!/bin/sh\nexec sleep 600\n")
    program.chmod(0o755)
    env = {"PATH": os.environ["PATH"]}
    with pytest.raises(GatewayError) as caught:
        read_verbs([str(program)], cache=MemoryCache(), cwd=tmp_path, env=env)
    assert (caught.value.fate, caught.value.trouble) == (Fate.NOT_SENT, Trouble.UNAVAILABLE)
    assert "membrane --help" in (caught.value.hint or "")


# The flags of one verb


@pytest.mark.parametrize(
    ("form", "flags"),
    [
        ("older", {"--tenant", "--apiUri"}),
        ("newest", {"--tenant", "--apiUri", "--clientName", "--tenantKey", "--non-interactive"}),
    ],
)
def test_the_flags_of_a_verb_are_read_once_from_its_help(
    form: Any, flags: set[str], tmp_path: Path
) -> None:
    fake = FakeMembrane(form)
    program, cache = fake.install(tmp_path / "bin"), MemoryCache()
    env = {"PATH": os.environ["PATH"]}
    for _ in range(2):
        shown = read_flags([str(program)], "login", cache=cache, cwd=tmp_path, env=env)
        assert flags <= shown
    assert [call.argv for call in fake.calls] == [["login", "--help"]]
