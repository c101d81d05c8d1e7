"""What completion offers of one's own: kept when commands learn it, and asked for quietly."""

from __future__ import annotations

import stat
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsctl.cli import completion_names
from fsctl.cli.app import App
from fsctl.settings.names import (
    FRESH_SECONDS,
    MOST,
    Name,
    account_named,
    encoded,
    keep,
    kept,
    scope,
)
from tests.support.online import SECRET, Online, fresh, inside, online
from tests.support.program import Program

CONNECTION = "6920c5a1d3f4e5b6a7c8d901"
ANYTHING = st.text(st.characters(codec="utf-8", categories=None), max_size=300)


@pytest.fixture(scope="module")
def road(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Online]:
    with online(tmp_path_factory.mktemp("server")) as there:
        yield there


@pytest.fixture
def account(road: Online, tmp_path: Path) -> Iterator[Online]:
    """A server that can be asked with a token of the environment; trouble ends with the test."""
    yield inside(road, tmp_path)
    road.fail()


def lines(program: Program, file: str) -> list[str]:
    """What that file of names holds but for its head; nothing where there is none."""
    path = program.home / "cache" / "names" / file
    return path.read_text().splitlines()[1:] if path.exists() else []


def until(text: str) -> int:
    return int(text.partition("\t")[0])


# -- the file


@given(st.lists(st.tuples(ANYTHING, ANYTHING)), ANYTHING)
def test_a_line_is_a_name_whatever_names_hold(pairs: list[tuple[str, str]], of: str) -> None:
    text = encoded([Name(*pair) for pair in pairs], until=12, of=of)
    head, *rest = text.split("\n")[:-1]
    assert head.startswith("12\t") and head.count("\t") == 2
    values = [line.split("\t")[0] for line in rest]
    assert len(values) == len(set(values))
    assert set(values) <= {value for value, _ in pairs}
    assert all(line.count("\t") == 1 and line.replace("\t", "").isprintable() for line in rest)


@given(st.lists(st.from_regex(r"[!-~]{1,50}", fullmatch=True), unique=True))
def test_what_can_be_typed_is_kept_as_it_is(values: list[str]) -> None:
    text = encoded([Name(value, "told") for value in values], until=12, of="")
    assert [line.split("\t")[0] for line in text.splitlines()[1:]] == values


@pytest.mark.parametrize("value", ["", " a", "a ", "a\nb", "a\tb", "a\x1b", "a\u202eb", "x" * 201])
def test_what_cannot_be_typed_is_left_out(value: str) -> None:
    assert encoded([Name(value)], until=0, of="") == "0\t\t\n"


def test_a_file_is_short_enough_to_read_in_a_shell() -> None:
    text = encoded([Name(str(n), "x" * 10_000) for n in range(MOST * 2)], until=0, of="")
    assert len(text.splitlines()) == MOST + 1
    assert len(text) < MOST * 220


def test_a_file_is_its_owners_and_replaced_in_one_step(tmp_path: Path) -> None:
    file = tmp_path / "cache" / "names" / "topics"
    keep(file, "1\t\na\t\n")
    first = file.open()
    keep(file, "1\t\nb\t\n")
    assert first.read() == "1\t\na\t\n"
    first.close()
    assert [stat.S_IMODE(each.stat().st_mode) for each in (file, file.parent)] == [0o600, 0o700]
    assert [each.name for each in file.parent.iterdir()] == ["topics"]


@pytest.mark.parametrize(
    "content", [b"", b"\xff\xfe", b"12\tanother\t\nx\t\n", b"12\t\tacme@\nx\t\n"]
)
def test_what_is_of_something_else_or_damaged_is_nothing(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(content)
    assert kept(tmp_path / "file", of="") == []
    assert kept(tmp_path / "missing", of="") == []


@pytest.mark.parametrize(
    ("flags", "environ", "expected"),
    [
        ({}, {}, "default"),
        ({"profile": "work"}, {"FSCTL_PROFILE": "other"}, "profile.work"),
        ({}, {"FSCTL_PROFILE": "other"}, "profile.other"),
        ({"transport": "sandbox", "profile": "work"}, {}, "sandbox"),
        ({"transport": "http"}, {"FSCTL_TRANSPORT": "sandbox"}, "default"),
        ({}, {"FSCTL_TRANSPORT": "sandbox"}, "sandbox"),
        ({"profile": "../x"}, {}, None),
        ({"profile": ".x"}, {}, None),
        ({"profile": "a b"}, {}, None),
        ({"profile": "é"}, {}, None),
    ],
)
def test_the_scope_is_what_a_shell_can_tell(
    flags: dict[str, object], environ: dict[str, str], expected: str | None
) -> None:
    assert scope(flags, environ) == expected


def test_what_the_environment_says_of_the_account_is_kept_with_the_names() -> None:
    both = {"MEMBRANE_TENANT_KEY": "acme", "MEMBRANE_API_URI": "https://m.example.com"}
    assert account_named("default", both) == "acme@https://m.example.com"
    assert account_named("default", {**both, "MEMBRANE_API_URL": "u"}) == "acme@u"
    assert account_named("profile.x", {"MEMBRANE_TENANT_KEY": "acme"}) == "acme@"
    assert account_named("default", {}) == account_named("sandbox", both) == ""
    head = encoded([], until=12, of="work", named=account_named("default", both))
    assert head == "12\twork\tacme@https://m.example.com\n"


# -- learning


def test_profiles_are_kept_whenever_they_change(program: Program) -> None:
    program("profiles", "create", "work", "--connection", CONNECTION)
    assert lines(program, "profiles") == [f"work\t{CONNECTION}"]
    program("profiles", "create", "trial", "--sandbox", "--use")
    assert lines(program, "profiles")[1] == "trial\tsandbox (in use)"
    program("profiles", "use", "--none")
    assert lines(program, "profiles")[1] == "trial\tsandbox"
    program("profiles", "delete", "work")
    assert lines(program, "profiles") == ["trial\tsandbox"]
    config, file = program.home / "config/config.toml", program.home / "cache/names/profiles"
    assert file.stat().st_mtime_ns >= config.stat().st_mtime_ns


def test_a_dry_run_teaches_nothing(program: Program) -> None:
    program("profiles", "create", "work", "--dry-run")
    assert lines(program, "profiles") == []


def test_listing_keeps_connections_and_actions_of_the_account(account: Online) -> None:
    program = account.fsctl
    assert isinstance(program, Program)
    account("connections", "list")
    [line] = lines(program, "connections.default")
    assert line.startswith(f"{CONNECTION}\tFullstory (sandbox)")
    account("actions", "list")
    assert "create-annotation\tCreate Annotation" in lines(program, "actions.default")
    file = program.home / "cache/names/connections.default"
    assert file.read_text().split("\n")[0].endswith(f"\t{account.server.url}")
    assert SECRET not in file.read_text()
    program.profile("[profiles.work]\n[profiles.'../x']\n")
    account("--profile", "work", "connections", "list")
    assert lines(program, "connections.profile.work") == [line]
    account("--profile", "../x", "connections", "list")
    names = {each.name for each in (program.home / "cache" / "names").iterdir()}
    assert names == {"connections.default", "connections.profile.work", "actions.default"}


def test_actions_that_fit_an_intent_are_not_all_of_them(program: Program) -> None:
    program("--sandbox", "actions", "list", "mark a deployment")
    assert lines(program, "actions.sandbox") == []


def test_the_sandboxs_are_the_sandboxs(program: Program) -> None:
    program("--sandbox", "connections", "list")
    assert lines(program, "connections.sandbox")[0].startswith(CONNECTION)
    assert lines(program, "connections.default") == []


def test_masked_names_are_not_kept(program: Program) -> None:
    program("--sandbox", "--mask", "connections", "list")
    assert lines(program, "connections.sandbox") == []


def test_what_a_project_file_chose_is_not_taken_for_the_default(
    program: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    program.profile("[profiles.trial]\ntransport = 'sandbox'\n")
    checkout = tmp_path / "checkout"
    checkout.mkdir()
    (checkout / ".fsctl.toml").write_text("profile = 'trial'\n")
    program("profiles", "trust", str(checkout))
    monkeypatch.chdir(checkout)
    done = program("connections", "list")
    assert CONNECTION in done.out, done.show
    assert lines(program, "connections.default") == []


def test_connections_that_were_made_or_archived_are_forgotten(program: Program) -> None:
    program("--sandbox", "connections", "list")
    program("--sandbox", "connections", "delete", CONNECTION, "--yes")
    assert lines(program, "connections.sandbox") == []


def test_a_cache_that_cannot_be_written_is_nobodys_error(program: Program) -> None:
    (program.home / "cache").write_text("a file")
    done = program("--sandbox", "connections", "list")
    assert done.code == 0 and CONNECTION in done.out, done.show
    made = program("profiles", "create", "work")
    assert made.code == 0, made.show
    asked = program("completion", "--names", "profiles")
    assert asked.out.splitlines()[1:] == ["work\t"], asked.show


# -- asking


def test_what_is_asked_for_is_printed_and_kept(program: Program) -> None:
    done = program("--sandbox", "completion", "--names", "connections")
    assert (done.code, done.err) == (0, ""), done.show
    assert done.out.splitlines()[1].startswith(f"{CONNECTION}\tFullstory (sandbox)")
    assert lines(program, "connections.sandbox") == done.out.splitlines()[1:]
    topics = program("completion", "--names", "topics")
    assert "ci\tMark deploys from CI" in topics.out.splitlines(), topics.show


def test_the_service_is_asked_with_a_token_of_the_environment(account: Online) -> None:
    done = account("completion", "--names", "connections")
    assert done.out.splitlines()[1].startswith(CONNECTION), done.show
    assert len(account.sent) == 1
    actions = account("completion", "--names", "actions")
    assert "create-annotation\tCreate Annotation" in actions.out.splitlines(), actions.show


@pytest.mark.parametrize("fault", ["500", "502-html", "reset", "truncate", "empty", "redirect"])
def test_what_fails_is_silent_and_keeps_what_there_was(fault: str, account: Online) -> None:
    good = account("completion", "--names", "connections")
    account.fail(fault)
    done = account("completion", "--names", "connections")
    assert (done.code, done.err) == (0, ""), done.show
    assert done.out.splitlines()[1:] == good.out.splitlines()[1:]
    # It is asked again soon, though not at every TAB.
    assert until(good.out) - until(done.out) > FRESH_SECONDS - 600


def test_a_service_that_does_not_answer_is_left(
    account: Online, monkeypatch: pytest.MonkeyPatch
) -> None:
    never = threading.Event()
    monkeypatch.setattr(completion_names, "PATIENCE", 0.05)
    monkeypatch.setattr(completion_names, "_of_the_service", lambda *_: never.wait())
    done = account("completion", "--names", "connections")
    never.set()
    assert (done.code, done.err) == (0, ""), done.show
    assert done.out.count("\n") == 1


def test_a_hanging_service_holds_no_shell(road: Online, tmp_path: Path) -> None:
    there = fresh(road, tmp_path)
    good = there("connections", "list", "--jq", ".id")
    road.fail("hang")
    done = there("completion", "--names", "connections", timeout=20)
    road.fail()
    assert (done.code, done.err) == (0, ""), done.show
    assert done.out.splitlines()[1].startswith(good.out.strip())


def test_names_of_another_profile_are_not_kept_as_the_defaults(account: Online) -> None:
    program = account.fsctl
    assert isinstance(program, Program)
    program.profile("active = 'a'\n[profiles.a]\n[profiles.b]\n")
    assert CONNECTION in account("completion", "--names", "connections").out
    program.profile("active = 'b'\n[profiles.a]\n[profiles.b]\n")
    account.fail("500")
    assert CONNECTION not in account("completion", "--names", "connections").out


@pytest.mark.parametrize(
    "other", [{"MEMBRANE_TOKEN": "another-token"}, {"MEMBRANE_TENANT_KEY": "other"}]
)
def test_names_of_another_token_or_tenant_are_not_kept_as_this_ones(
    other: dict[str, str], account: Online
) -> None:
    assert CONNECTION in account("completion", "--names", "connections").out
    account.fail("500")
    assert CONNECTION in account("completion", "--names", "connections").out
    assert CONNECTION not in account("completion", "--names", "connections", env=other).out


def test_no_program_is_run_for_it(program: Program, tmp_path: Path) -> None:
    """A token_command may open a password manager, and ``membrane`` a browser."""
    tools = tmp_path / "tools"
    tools.mkdir()
    (tools / "membrane").write_text(f"#!/bin/sh\ntouch {tmp_path}/was-run\n")
    (tools / "membrane").chmod(0o755)
    env = {"PATH": f"{tools}:/usr/bin:/bin"}
    for keys in ("", "transport = 'cli'\n", f"token_command = '{tools}/membrane token'\n"):
        program.profile(f"[profiles.default]\n{keys}")
        for kind in ("connections", "actions"):
            done = program("completion", "--names", kind, env=env)
            assert (done.code, done.err) == (0, ""), done.show
            assert done.out.count("\n") == 1
    assert not (tmp_path / "was-run").exists()
    assert program("connections", "list", env=env).code != 0
    assert (tmp_path / "was-run").exists()


@pytest.mark.parametrize("kind", ["profiles", "connections", "actions", "topics"])
def test_trouble_with_the_set_up_is_silent(kind: str, program: Program) -> None:
    for arguments, env in (
        (("--profile", "missing"), {}),
        ((), {"FSCTL_CACHE_DIR": "relative"}),
        ((), {"MEMBRANE_TOKEN": "x", "MEMBRANE_API_URL": "http://example.invalid"}),
        ((), {"MEMBRANE_WORKSPACE_SECRET": "x"}),
        ((), {"FSCTL_TRANSPORT": "pigeon"}),
    ):
        done = program("completion", "--names", kind, *arguments, env=env)
        assert (done.code, done.err) == (0, ""), done.show
        assert done.out.partition("\n")[0].partition("\t")[0].isdigit()
    program.profile("this is no TOML [")
    done = program("completion", "--names", kind)
    assert (done.code, done.err) == (0, ""), done.show


def test_learning_costs_a_command_nothing_it_would_miss(program: Program) -> None:
    """Whatever goes wrong with it, the names are what is lost."""

    class Broken(App):
        @property
        def settings(self) -> None:  # type: ignore[override]
            raise RuntimeError("broken")

    completion_names.learn_connections(Broken(), [])
    completion_names.forget_names(Broken())
