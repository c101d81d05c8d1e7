"""Names, e-mails, headers and messages that try to steer terminals, spreadsheets and CI logs.

The hostile person of the sandbox and a scripted server meet every output format, in a real
terminal window and in the log of a build service.
"""

from __future__ import annotations

import csv
import io
import json
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import pytest

from fsctl.membrane.gateway import Request
from fsctl.sandbox.options import DEFAULT_CONNECTION_ID
from fsctl.settings.choices import FORMATS
from tests.support.command import Ended, Fsctl, clean_environment
from tests.support.online import SYSTEM_PATH, Online, fresh, inside, online
from tests.support.scripted_server import Step, answer, envelope, scripted
from tests.support.window import in_window

WINDOW = {"TERM": "xterm-256color", "COLORTERM": "truecolor"}
POISON = (
    "\x1b[31mred\x1b[0m",
    "\x1b]0;title\x07",
    "\x1b]8;;https://evil.test\x1b\\link\x1b]8;;\x1b\\",
    "\x1bP+q544e\x1b\\",
    "\x9b31mc1\x9d0;x\x9c",
    "\u202egnp.exe",
    "\u2066isolated\u2069",
    "line\u2028separator\u2029end",
    "tag\U000e0041\U000e0042",
    "\r\nfsctl: error: forged",
    "\x08\x08\x7f",
    "[bold red]markup[/]",
    ":warning: \\[x]",
)
COMMANDS = (
    "::error::pwned",
    " ::set-output name=x::y",
    "x\n::add-mask::y",
    "x\r::stop-commands::y",
    "##[error]pwned",
    "text ##vso[task.complete result=Succeeded]",
    "##teamcity[buildStatus status='SUCCESS']",
)
FORMULAS = ("=cmd|' /c calc'!A1", "+1+cmd()", "-1+cmd()", "@SUM(A1)", "\t=1", "\r=1")


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Online]:
    """A server with the seed's own hostile person and with one for every poison."""
    with online(tmp_path_factory.mktemp("server")) as road:
        for number, text in enumerate((*POISON, *COMMANDS, *FORMULAS)):
            person = {"uid": f"bad-{number}", "display_name": text, "properties": {"note": text}}
            request = Request("POST", "/v2/users", body=json.dumps(person).encode())
            assert road.server.fullstory.handle(request).status == 200
        yield road


@pytest.fixture
def road(server: Online, tmp_path: Path) -> Online:
    return fresh(server, tmp_path)


def window(road: Online, *arguments: str, columns: int = 100, **env: str) -> Ended:
    assert isinstance(road.fsctl, Fsctl)
    return in_window(
        *arguments, env={**road.fsctl.env, **WINDOW, **env}, cwd=road.fsctl.home, columns=columns
    )


def unsafe(text: str) -> set[str]:
    """The characters that steer a terminal or that nobody sees; line ends and tabs are fine."""
    return {
        character
        for character in text
        if character not in "\n\t"
        and (
            unicodedata.category(character) in ("Cc", "Cs", "Co", "Zl", "Zp")
            or unicodedata.bidirectional(character)
            in ("LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI")
            or 0xE0000 <= ord(character) <= 0xE00FF
        )
    }


LINES = (
    ("users", "list"),
    ("users", "get", "mallory"),
    ("raw", "request", "/v2/users"),
    ("raw", "action", "list-users"),
)


@pytest.mark.parametrize("line", LINES, ids=lambda line: "-".join(line).replace("/", "."))
def test_nothing_steers_a_window(line: tuple[str, ...], road: Online) -> None:
    done = window(road, *line, "--color", "never")
    assert done.code == 0, done.show
    assert "mallory" in done.out
    assert unsafe(done.out) == set(), done.show


@pytest.mark.parametrize("output", FORMATS)
@pytest.mark.parametrize("line", LINES, ids=lambda line: "-".join(line).replace("/", "."))
def test_nothing_steers_a_terminal_whatever_the_format(
    line: tuple[str, ...], output: str, server: Online, tmp_path: Path
) -> None:
    road = inside(server, tmp_path)
    done = road(*line, "-o", output, "--color", "never", stdout_is_terminal=True, width=100)
    assert done.code == 0, done.show
    assert "mallory" in done.out
    assert unsafe(done.out) == set(), done.show


@pytest.mark.parametrize("line", LINES[:2], ids=lambda line: line[1])
def test_in_colour_the_only_escapes_are_fsctls_own(line: tuple[str, ...], road: Online) -> None:
    done = window(road, *line, "-o", "table", "--color", "always")
    rest = re.sub(r"\x1b\[[0-9;]*m", "", done.out)
    assert unsafe(rest) == set(), done.show
    assert "\x1b[31mred" not in done.out


def test_a_jq_string_is_raw_but_not_dangerous(road: Online) -> None:
    done = window(road, "users", "list", "--jq", ".display_name")
    assert done.code == 0, done.show
    assert unsafe(done.out) == set(), done.show
    piped = road("users", "list", "--jq", ".display_name")
    assert POISON[0] in piped.out, "a pipe gets the data as it is"


def test_a_name_of_two_lines_stays_in_its_row(road: Online) -> None:
    done = window(road, "users", "list", "-o", "table", columns=200)
    assert not any(line.startswith("fsctl: error: forged") for line in done.out.splitlines())
    assert "[bold red]markup[/]" in done.out


@pytest.mark.parametrize(
    ("variable", "output"),
    [
        ("CI", "jsonl"),
        ("GITHUB_ACTIONS", "tsv"),
        ("TF_BUILD", "csv"),
        ("TEAMCITY_VERSION", "table"),
    ],
)
def test_a_build_service_is_known_by_its_variable(variable: str, output: str, road: Online) -> None:
    assert commands_in(road("users", "list", "-o", output).out) != []
    done = road("users", "list", "-o", output, env={variable: "true"})
    assert done.code == 0, done.show
    assert commands_in(done.out) == []


@pytest.mark.parametrize("output", FORMATS)
def test_a_build_service_finds_no_command_in_the_log(
    output: str, server: Online, tmp_path: Path
) -> None:
    road = inside(server, tmp_path)
    done = road("users", "list", "-o", output, under_ci=True)
    assert done.code == 0, done.show
    assert commands_in(done.out) == []
    if output in ("json", "jsonl"):
        assert "#" not in done.out
        rows = json.loads(done.out) if output == "json" else map(json.loads, done.out.splitlines())
        names = [row.get("display_name") for row in rows]
        assert set(COMMANDS) <= set(names), "the data itself is whole"


@pytest.mark.parametrize(
    "line",
    [
        ("users", "list", "--jq", ".display_name"),
        ("raw", "request", "/v2/users"),
        ("raw", "request", "/v2/users", "--jq", ".results[].display_name"),
        ("raw", "action", "list-users", "-o", "csv"),
        ("users", "get", "::error::x", "##vso[task.complete]"),
        ("annotations", "create", "::error::pwned ##[error]", "--dry-run"),
        ("raw", "request", "/v2/::error::"),
    ],
)
def test_no_command_reaches_the_log_by_other_ways(
    line: tuple[str, ...], server: Online, tmp_path: Path
) -> None:
    done = inside(server, tmp_path)(*line, under_ci=True)
    assert commands_in(done.out) == [], done.show
    assert commands_in(done.err) == [], done.show


def commands_in(log: str) -> list[str]:
    """The lines in which a build service finds a command."""
    lines = re.split(r"[\n\r\x0b\x0c\x1c-\x1e\x85\u2028\u2029]", log)
    found = re.compile(r"^\s*::[^:]*::|##\[|##vso\[|##teamcity\[", re.IGNORECASE)
    return [line for line in lines if found.search(line)]


def test_a_spreadsheet_runs_no_cell(road: Online) -> None:
    done = road("users", "list", "-o", "csv", "--fields", "uid,display_name,properties.note")
    cells = [cell for row in csv.reader(io.StringIO(done.out)) for cell in row]
    risky = [cell for cell in cells if cell.lstrip("\t\r ")[:1] in tuple("=+-@") and cell]
    assert risky == []
    assert f"'{FORMULAS[0]}" in cells

    raw = road("users", "list", "-o", "csv", "--fields", "display_name", "--raw-csv")
    assert FORMULAS[0] in [cell for row in csv.reader(io.StringIO(raw.out)) for cell in row]


def hostile_answers() -> list[Step]:
    text = "".join(POISON) + "\n".join(COMMANDS)
    return [
        envelope(400, "bad_request", "not_valid", text, actionRunId=text),
        envelope(500, "internal", None, text, data={"errorId": text}),
        answer(404, {"message": text, "code": text}),
        answer(503, f"<title>{text}</title>".encode(), ("Content-Type", "text/html")),
        answer(200, {"text": text, text.replace("\n", " "): "a key"}),
        answer(200, text.encode(), ("Content-Type", "text/plain")),
    ]


@pytest.mark.parametrize("number", range(6))
def test_messages_and_bodies_are_as_harmless_as_names(number: int, tmp_path: Path) -> None:
    line = ("raw", "request", "/x", "--connection", DEFAULT_CONNECTION_ID, "--retries", "0")
    with scripted(hostile_answers()[number]) as server:
        env = environment(tmp_path, server.url)
        done = in_window(*line, "--debug", env={**env, **WINDOW, "NO_COLOR": "1"}, cwd=tmp_path)
    assert unsafe(done.out) == set(), done.show


@pytest.mark.parametrize("number", range(6))
def test_messages_and_bodies_hold_no_command_for_a_build_service(
    number: int, tmp_path: Path
) -> None:
    line = ("raw", "request", "/x", "--connection", DEFAULT_CONNECTION_ID, "--retries", "0")
    with scripted(hostile_answers()[number]) as server:
        env = environment(tmp_path, server.url)
        done = Fsctl(tmp_path, env)(*line, "-o", "json", "--debug", env={"CI": "true"})
    assert commands_in(done.out) == [], done.show
    assert commands_in(done.err) == [], done.show


def environment(home: Path, url: str) -> dict[str, str]:
    return clean_environment(
        home, {"MEMBRANE_API_URL": url, "MEMBRANE_TOKEN": "x", "PATH": SYSTEM_PATH}
    )


def test_headers_are_as_harmless_as_names(tmp_path: Path) -> None:
    poison = "\x1b[31mred\x07 \x9b2J ##vso[task.complete]\u00ad"
    step = answer(200, {"a": 1}, ("X-Evil", poison), ("X-More", "::error::x"))
    line = ("raw", "request", "/x", "-i", "--connection", DEFAULT_CONNECTION_ID)
    with scripted(step) as server:
        env = {**environment(tmp_path, server.url), **WINDOW}
        done = in_window(*line, "--color", "never", env=env, cwd=tmp_path)
    assert done.code == 0, done.show
    assert "X-Evil: " in done.out
    assert unsafe(done.out) == set(), done.show
    with scripted(step) as server:
        env = {**environment(tmp_path, server.url), "CI": "true"}
        done = Fsctl(tmp_path, env)(*line)
    assert commands_in(done.out) == [], done.show


def test_what_a_person_typed_is_shown_back_harmless(road: Online) -> None:
    done = window(road, "users", "get", "\x1b[31mwho\u202e", "--color", "never")
    assert done.code == 3, done.show
    assert unsafe(done.out) == set(), done.show
    done = window(road, "--color", "never", "frob\x1b[2J")
    assert done.code == 2, done.show
    assert unsafe(done.out) == set(), done.show
