"""``--mask`` on every command that shows people or pages: tokens that match, nothing personal."""

from __future__ import annotations

import csv
import io
import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from fsctl.settings.machine_key import FILE_NAME
from fsctl.terminal.mask import TOKEN
from tests.support.command import Ended
from tests.support.online import inside, online
from tests.support.program import Program

SESSION = "5517947882585495975:366916161176979767"
ADA = "7400589116837456607"

# Everything that is ada's, and who shares an e-mail. Short words stand between word boundaries.
PERSONAL = re.compile(
    r"\bada\b|lovelace|ada(@|%40)|bianchi|\bmarco\b|\bmaria\b|office@|studio\.example"
    r"|(?<!\.)\bbusiness\b|2022-05-04T08|\b594\b|multi-currency|01537|dest=",
    re.IGNORECASE,
)

COMMANDS = [
    "users list --email ada@example.com",
    "users list --name Lovelace",
    "users get ada",
    "users get ada --include-schema",
    "users get ada ada@example.com nobody -o csv",
    "users get --uid ada --fields display_name,properties.plan,properties.company.address.zip",
    "users get ada --jq .email,.properties",
    "users get office@studio.example -o table",
    "users get ada@example.com.nowhere",
    "users get 'ada lovelace'",
    "users find ada",
    "users find 'Ada Lovelace'",
    "users find lovelac",
    "users find office@studio.example -o markdown",
    "users create --uid ada --email ada@example.com --name 'Ada Lovelace' --dry-run",
    "users create --uid ada --email ada@example.com --name 'Ada Lovelace'",
    "users update ada -p plan=business --dry-run",
    "users update ada -p plan=business --via proxy --dry-run",
    "users update ada --uid lovelace",
    "users delete ada --dry-run",
    "users delete office@studio.example --yes",
    "sessions list ada",
    "sessions list ada@example.com -o table",
    "sessions latest ada marco nobody",
    "sessions latest ada --url",
    "sessions events ada --limit 40",
    f"sessions events {SESSION} -o csv",
    "sessions timeline ada",
    "sessions timeline ada -o json",
    "sessions timeline ada --html --to page.html",
    "sessions summary ada",
    "sessions open ada",
    "events create 'Support Ticket' --user ada --most-recent-session -p who=ada --dry-run",
    "events create 'Support Ticket' --user ada --most-recent-session -p who=ada",
    "raw request '/v2/users?uid=ada'",
    "raw request '/v2/users?uid=ada' -i -v",
    "raw request /v2/users --query email=ada@example.com --paginate",
    "raw request '/v2/users?uid=ada' --dry-run",
    """raw request /v2/users --json '{"uid": "ada", "email": "ada@example.com"}' --dry-run""",
    f"raw request /v2/sessions/{SESSION.replace(':', '%3A')}/events",
    "raw action list-users -f uid=ada",
]


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Program]:
    yield Program(tmp_path_factory.mktemp("home"))


def masked(program: Program, line: str, **facts: Any) -> Ended:
    return program("--sandbox", *shlex.split(line), "--mask", **facts)


@pytest.mark.parametrize("line", COMMANDS)
def test_nothing_personal_is_shown(
    line: str, shared: Program, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    done = masked(shared, line)
    assert done.code in (0, 1, 3), done.show
    page = tmp_path / "page.html"
    shown = done.out + done.err + (page.read_text() if "--html" in line else "")
    found = PERSONAL.search(re.sub(TOKEN, "", shown))
    assert not found, (found, done.show)


def test_the_same_without_mask_would_be_found(shared: Program) -> None:
    for line in ("users get ada", "sessions summary ada", "raw request /v2/users?uid=ada"):
        assert PERSONAL.search(shared("--sandbox", *shlex.split(line)).out), line


@pytest.mark.parametrize("given", ["plan:int=s3cret", "plan:bool=s3cret value", "plan:date=s3cret"])
def test_an_error_quotes_no_value_that_was_given(given: str, shared: Program) -> None:
    plain = shared("--sandbox", "users", "create", "--uid", "u", "-p", given)
    assert "s3cret" in plain.err, plain.show
    done = masked(shared, f"users create --uid u -p '{given}'")
    assert done.code == 2, done.show
    assert "s3cret" not in done.err
    assert re.search(TOKEN, done.err)


@pytest.mark.parametrize("form", ["json", "jsonl", "csv", "tsv", "table", "markdown"])
def test_every_format_has_the_same_tokens(form: str, shared: Program) -> None:
    tokens = set(re.findall(TOKEN, masked(shared, "users get ada mei -o json").out))
    done = masked(shared, f"users get ada mei -o {form}", width=2000, stdout_is_terminal=True)
    assert set(re.findall(TOKEN, done.out)) == tokens, done.show
    assert len(tokens) > 10


def test_two_commands_speak_of_one_person_by_one_token(shared: Program) -> None:
    person = json.loads(masked(shared, "users get ada").out)
    other = masked(shared, f"users get {ADA} --fields uid,email -o csv")
    [row] = csv.DictReader(io.StringIO(other.out))
    assert (row["uid"], row["email"]) == (person["uid"], person["email"])
    said = masked(shared, "sessions events ada --limit 1").err
    assert f"'{person['uid']}'" in said
    missing = masked(shared, "users get ada@example.com.nowhere").err
    assert person["email"] not in missing


def test_ids_and_sessions_stay(shared: Program) -> None:
    assert json.loads(masked(shared, f"users get {ADA}").out)["id"] == ADA
    latest = json.loads(masked(shared, "sessions latest ada").out)
    assert latest["id"] == SESSION
    assert latest["fsUrl"].endswith(f"/session/{SESSION}")
    assert SESSION in masked(shared, "sessions events ada --limit 1").err


def test_a_filter_sees_tokens_only(shared: Program) -> None:
    line = """users get ada --jq 'if .email == "ada@example.com" then "seen" else .email end'"""
    assert re.fullmatch(TOKEN + "\n", masked(shared, line).out)


def test_a_summary_of_nobody_knows_whom_comes_with_a_warning(shared: Program) -> None:
    assert "free text" in masked(shared, f"sessions summary {SESSION}").err
    assert "free text" not in masked(shared, "sessions summary ada").err


def test_a_copy_of_the_answer_is_not_masked_and_so_is_refused(shared: Program) -> None:
    done = masked(shared, f"raw request /v2/users --to {shared.home / 'copy.json'}")
    assert done.code == 2, done.show
    assert not (shared.home / "copy.json").exists()


def test_an_answer_that_is_no_json_is_masked_too(tmp_path: Path) -> None:
    with online(tmp_path) as road:
        here = inside(road, tmp_path / "inside")
        road.fail("502-html@/connections")
        done = here("raw", "request", "/v2/users?uid=ada", "--mask", "--retries", "0")
    assert done.code != 0
    assert not PERSONAL.search(done.out + done.err), done.show


def test_what_cannot_be_parsed_shows_no_email(shared: Program) -> None:
    for line in ("--mask users get --nope ada@example.com", "users frob ada@example.com --mask"):
        done = shared(*line.split())
        assert done.code == 2, done.show
        assert "ada@" not in done.err


def test_another_machine_has_other_tokens(shared: Program, tmp_path: Path) -> None:
    here = masked(shared, "users get ada").out
    assert masked(shared, "users get ada").out == here
    there = masked(Program(tmp_path), "users get ada").out
    assert not set(re.findall(TOKEN, here)) & set(re.findall(TOKEN, there))


@pytest.mark.parametrize("state", ["in-the-way", "relative"])
def test_without_a_place_for_the_key_the_tokens_are_of_this_run(
    state: str, shared: Program
) -> None:
    (shared.home / "in-the-way").write_text("")
    directory = "state" if state == "relative" else str(shared.home / state)
    runs = [masked(shared, "users get ada", env={"FSCTL_STATE_DIR": directory}) for _ in range(2)]
    for done in runs:
        assert done.code == 0, done.show
        assert "The tokens of this run match no other run's." in done.err
    assert runs[0].out != runs[1].out


def test_without_mask_there_is_no_key(tmp_path: Path) -> None:
    program = Program(tmp_path)
    assert program("--sandbox", "users", "get", "ada").code == 0
    assert not list(tmp_path.rglob(FILE_NAME))
