"""``users export`` from the command line: what it writes, what it says, and what is in its way."""

from __future__ import annotations

import gzip
import json
import shlex
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from fsctl.errors import ExitCode
from fsctl.sandbox.faults import Faults, Kind
from tests.support.everywhere import ROADS, RoadName, Somewhere, somewhere
from tests.support.online import token_environment
from tests.support.program import Program
from tests.support.sandbox_server import running_sandbox

LIST = "/v2/users"
# What a visitor may choose, or a program write, that some format could lose.
HOSTILE = (
    "=cmd|'/c calc'!A1", "+49 30 1234567", "-5", "@SUM(A1)", "'", "''", "'=1", "007", "1e5", "",
    " padded ", "a,b", "a;b", "a\tb", "a\nb", "a\r\nb", 'say "hi"', "\\N", "\\", "null", "true",
    "Zo\u00eb \U0001f98a", "\u202egnp.exe", "\x1b[31mred", "\0", "::error::pwned", "2024-06-29",
)  # fmt: skip
ODD: tuple[tuple[Any, str], ...] = (
    (12, "int"), (12, "real"), (2**62 + 1, "int"), (1 / 3, "real"), (1e300, "real"), (-0.5, "real"),
    (True, "bool"), ("2024-06-29", "date"), ("2024-06-29", "str"), (["a", "=b"], "strs"),
    ([], "strs"), ([1, 2], "ints"), ([1, 2], "reals"), (["2024-06-29"], "dates"), ("12", "str"),
)  # fmt: skip


@pytest.fixture
def road(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Somewhere]:
    monkeypatch.chdir(tmp_path)
    with somewhere("http", tmp_path) as road:
        yield road


def lines(path: str | Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in Path(path).read_text().splitlines()]


def fail(road: Somewhere, *faults: str) -> None:
    assert road.server is not None
    road.server.faults = Faults(faults)


def told_command(err: str) -> list[str]:
    """The command that goes on, as it was told."""
    [line] = [line for line in err.splitlines() if "--resume" in line]
    words = shlex.split(line[line.index("fsctl users") :])
    assert words[0] == "fsctl"
    return words[1:]


# -- everywhere


@pytest.mark.parametrize("name", ROADS)
def test_everybody_comes_by_every_road(name: RoadName, tmp_path: Path) -> None:
    with somewhere(name, tmp_path) as road:
        done = road("users", "export", "--to", str(tmp_path / "people.jsonl"))
        assert (done.code, done.out) == (ExitCode.DONE, ""), done.show
        assert "300 people written" in done.err
        ids = [(record["id"],) for record in lines(tmp_path / "people.jsonl")]
        assert ids == road.rows("SELECT id FROM users ORDER BY seq")
        ada = lines(tmp_path / "people.jsonl")[0]
        assert ada["schema"] == {"properties": {"seats": "int", "signed_up": "date"}}
        assert set(ada) == {"id", "uid", "display_name", "email", "properties", "schema"}


def test_to_stdout_it_is_the_same_as_to_a_file(road: Somewhere) -> None:
    for form in ("jsonl", "csv", "tsv"):
        shown = road("users", "export", "-o", form)
        assert shown.code == ExitCode.DONE, shown.show
        assert road("users", "export", "--to", f"people.{form}").code == ExitCode.DONE
        assert shown.out == Path(f"people.{form}").read_text()


def test_a_hyphen_is_stdout(road: Somewhere) -> None:
    shown = road("users", "export", "--to", "-", "-o", "csv", "--limit", "2")
    assert (shown.code, len(shown.out.splitlines())) == (ExitCode.DONE, 3), shown.show
    assert not Path("-").exists()


def test_a_header_has_the_types(road: Somewhere) -> None:
    assert road("users", "export", "--to", "people.csv").code == ExitCode.DONE
    header, first, *_ = Path("people.csv").read_text().splitlines()
    assert header == (
        "id,uid,display_name,email,plan,seats:int,monthly_total:real,signed_up:date,"
        "newsletter:bool,features:json,company.industry,company.address.country,"
        "company.address.zip,first_touch,visits:real,properties"
    )
    assert first.startswith("7400589116837456607,ada,Ada Lovelace,ada@example.com,business,12,")


@pytest.mark.parametrize(
    ("arguments", "form"),
    [
        (("--to", "p.csv"), "csv"),
        (("--to", "p.TSV"), "tsv"),
        (("--to", "p.ndjson"), "jsonl"),
        (("--to", "p.txt"), "jsonl"),
        (("--to", "p.csv", "-o", "tsv"), "tsv"),
        (("--to", "p.csv.gz"), "csv"),
        (("--to", "p.json", "-o", "jsonl"), "jsonl"),
    ],
)
def test_the_format_is_asked_for_or_is_the_ending_s(
    road: Somewhere, arguments: tuple[str, ...], form: str
) -> None:
    done = road("users", "export", "--limit", "1", *arguments, env={"FSCTL_OUTPUT": "table"})
    assert done.code == ExitCode.DONE, done.show
    data = Path(arguments[1]).read_bytes()
    text = (gzip.decompress(data) if arguments[1].endswith(".gz") else data).decode()
    starts = {"jsonl": '{"id":', "csv": "id,uid,", "tsv": "id\tuid\t"}
    assert text.startswith(starts[form])


def test_filters_and_fields_go_along(road: Somewhere) -> None:
    done = road("users", "export", "--email", "office@studio.example", "--fields", "uid,plan")
    assert [json.loads(line) for line in done.out.splitlines()] == [
        {"uid": "marco", "properties": {"plan": "team"}},
        {"uid": "maria", "properties": {"plan": "team"}},
    ]


def test_a_dry_run_says_how_many_and_writes_nothing(road: Somewhere) -> None:
    done = road("users", "export", "--identified", "--to", "p.csv", "--dry-run")
    plan = json.loads(done.out)
    assert (plan["people"], plan["format"]) == (264, "csv")
    assert not Path("p.csv").exists()


def test_who_is_being_deleted_is_left_out_and_told(road: Somewhere) -> None:
    assert road("users", "delete", "--uid", "ada", "--yes").code == ExitCode.DONE
    done = road("users", "export", "--to", "p.jsonl", "--quiet")
    assert "1 person who is being deleted is left out." in done.err, done.show
    assert "ada" not in [record.get("uid") for record in lines("p.jsonl")]


def test_masked_there_are_tokens_and_a_word_of_warning(road: Somewhere) -> None:
    done = road("users", "export", "--to", "p.csv", "--mask")
    assert done.code == ExitCode.DONE
    assert "cannot be imported again" in done.err
    text = Path("p.csv").read_text()
    assert "uid-" in text
    assert "Lovelace" not in text
    assert "ada@example.com" not in text


def test_no_formula_runs_in_a_spreadsheet(road: Somewhere) -> None:
    guarded = road("users", "export", "--uid", "mallory", "-o", "csv").out
    raw = road("users", "export", "--uid", "mallory", "-o", "csv", "--raw-csv").out
    assert "mallory,\"'=cmd" in guarded
    assert 'mallory,"=cmd' in raw


def test_a_terminal_gets_no_escapes_of_a_visitor_s(road: Somewhere) -> None:
    for form in ("jsonl", "csv", "tsv"):
        done = road("users", "export", "--uid", "mallory", "-o", form, stdout_is_terminal=True)
        assert "\x1b" not in done.out
        assert "\u202e" not in done.out


# -- refused before anything is asked


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("--jq", ".uid"), "--jq is not for exports"),
        (("-o", "json"), "An export is never json"),
        (("-o", "table"), "An export is never table"),
        (("--to", "p.json"), "would be one JSON document"),
        (("--resume",), "--resume is for files"),
        (("--force",), "--force is for files"),
        (("--to", "p.csv", "--resume", "--restart"), "contradict"),
        (("--fields", "uid,a-b"), "no field of a person"),
        (("--fields", "id", "--without-ids"), "leave nothing"),
        (("--fields", "uid,schema", "-o", "csv"), "--fields schema is not needed"),
        (("--email", ""), "--email is empty"),
        (("--limit", "0"), "whole number from 1 on"),
        (("--to", ""), "An empty text is no file's name"),
        (("--to", "-", "--resume"), "--resume is for files"),
        (
            ("--to", "~nobody-of-that-name/p.csv"),
            "the home directory that it begins with is not known",
        ),
        (("--to", "nowhere/p.csv"), "does not exist"),
        (("--to", "there.csv", "--resume"), "There is nothing to go on with"),
        (("--to", "there.csv", "--resume", "--force"), "There is nothing to go on with"),
        (("--to", "there.csv"), "exists already"),
        (("--to", "link.csv"), "symbolic link"),
        (("--to", "link.csv", "--force"), "symbolic link"),
        (("--to", ".", "-o", "csv", "--force"), "not a plain file"),
    ],
)
def test_what_cannot_be_is_said_before_anything_is_asked(
    road: Somewhere, arguments: tuple[str, ...], complaint: str
) -> None:
    Path("there.csv").write_text("mine")
    Path("link.csv").symlink_to("there.csv")
    done = road("users", "export", *arguments)
    assert (done.code, done.out) == (ExitCode.USAGE, ""), done.show
    assert complaint in done.err
    assert not [line for line in road.sent if line.endswith(LIST)]
    assert Path("there.csv").read_text() == "mine"
    assert not list(Path().glob("*.partial"))


# -- trouble, and going on


@pytest.mark.parametrize(
    "kind", [Kind.SERVER_ERROR, Kind.BAD_GATEWAY, Kind.RESET, Kind.TRUNCATE, Kind.RATE_LIMITED]
)
def test_trouble_that_passes_is_nothing_to_speak_of(kind: Kind, road: Somewhere) -> None:
    fail(road, f"{kind.value}:x2@{LIST}")
    done = road("users", "export", "--via", "proxy", "--to", "p.jsonl")
    assert done.code == ExitCode.DONE, done.show
    assert len(lines("p.jsonl")) == 300


@pytest.mark.parametrize("form", ["jsonl", "csv"])
def test_the_command_that_is_told_goes_on_where_it_stopped(form: str, road: Somewhere) -> None:
    whole = road("users", "export", "-o", form).out
    arguments = ("users", "export", "--via", "proxy", "--retries", "0", "--to", f"p q.{form}")
    assert road.server is not None
    _fail_at_page(road, 3)
    done = road(*arguments)
    assert done.code == ExitCode.UNAVAILABLE, done.show
    assert not Path(f"p q.{form}").exists()
    fail(road)
    before = len(road.sent)
    again = road(*told_command(done.err))
    assert again.code == ExitCode.DONE, again.show
    assert "200 people are there from an earlier run" in again.err
    assert len([line for line in road.sent[before:] if line.endswith(LIST)]) == 1
    assert Path(f"p q.{form}").read_text() == whole
    assert not list(Path().glob("*.partial"))


@pytest.mark.parametrize("more", [(), ("--force",), ("--restart",)])
def test_before_anybody_is_there_the_command_that_is_told_begins(
    more: tuple[str, ...], road: Somewhere
) -> None:
    if more == ("--force",):
        Path("p.jsonl").write_text("old")
    _fail_at_page(road, 1)
    done = road("users", "export", "--via", "proxy", "--retries", "0", "--to", "p.jsonl", *more)
    assert done.code == ExitCode.UNAVAILABLE, done.show
    assert "--resume" not in done.err
    told = next(line for line in done.err.splitlines() if "goes on with it: fsctl" in line)
    fail(road)
    again = road(*shlex.split(told.partition("goes on with it: ")[2])[1:])
    assert again.code == ExitCode.DONE, again.show
    assert len(lines("p.jsonl")) == 300


def test_another_command_is_not_gone_on_with(road: Somewhere) -> None:
    _fail_at_page(road, 2)
    options = ("--via", "proxy", "--retries", "0", "--to", "p.csv")
    assert road("users", "export", *options).code == ExitCode.UNAVAILABLE
    fail(road)
    for other, told in (
        (("--identified",), "--identified (not given, now True)"),
        (("--fields", "uid"), "--fields (not given, now uid)"),
        (("-o", "tsv"), "-o (csv, now tsv)"),
        (("--mask",), "--mask (not given, now given)"),
        (("--limit", "9"), "--limit (not given, now 9)"),
    ):
        done = road("users", "export", *options, *other, "--resume")
        assert done.code == ExitCode.FAILED, done.show
        assert told in done.err
    done = road("users", "export", *options, "--resume", env={"FSCTL_TRANSPORT": "sandbox"})
    assert "the connection (" in done.err, done.show
    assert road("users", "export", *options).code == ExitCode.USAGE  # not without a word
    assert road("users", "export", *options, "--resume").code == ExitCode.DONE


def test_an_expired_token_begins_again_and_says_so(road: Somewhere) -> None:
    _fail_at_page(road, 3)
    options = ("--via", "proxy", "--retries", "0", "--to", "p.jsonl")
    assert road("users", "export", *options).code == ExitCode.UNAVAILABLE
    fail(road)
    [state] = (road.program.home / "state" / "exports").iterdir()
    kept = json.loads(state.read_text())
    state.write_text(json.dumps(kept | {"token": "forgotten"}))
    done = road("users", "export", *options, "--resume")
    assert done.code == ExitCode.DONE, done.show
    assert "Fullstory does not take the page token any more (invalid_argument)" in done.err
    ids = [(record["id"],) for record in lines("p.jsonl")]
    assert ids == road.rows("SELECT id FROM users ORDER BY seq")


def _fail_at_page(road: Somewhere, number: int) -> None:
    """Pages before that one come; from it on there is trouble."""
    assert road.server is not None
    good = Faults([])

    class Later(Faults):
        left = number - 1

        def next(self, path: str, *, behind: bool = False) -> Kind | None:
            if behind or not path.endswith(LIST):
                return good.next(path, behind=behind)
            self.left -= 1
            return Kind.SERVER_ERROR if self.left < 0 else None

    road.server.faults = Later([])


# -- and back again


@pytest.fixture
def odd(tmp_path: Path) -> Program:
    """A sandbox with people who have all that is hard to write."""
    program = Program(tmp_path / "old", {"FSCTL_TRANSPORT": "sandbox"})
    (tmp_path / "old").mkdir()
    assert program("sandbox", "seed").code == ExitCode.DONE
    people: list[dict[str, Any]] = []
    for number, text in enumerate(HOSTILE):
        named = {"display_name": text} if text.strip() else {}
        people.append({"uid": f"h{number}", "properties": {"text": text, "n": number}, **named})
    for number, (value, name) in enumerate(ODD):
        schema = {"properties": {"odd": name, "deep.odd": name}}
        properties = {"odd": value, "deep": {"odd": value}, "email": "e", "name": "n"}
        people.append({"uid": f"o{number}", "properties": properties, "schema": schema})
    file = tmp_path / "odd.jsonl"
    file.write_text("".join(json.dumps(person) + "\n" for person in people))
    done = program("users", "import", str(file))
    assert done.code == ExitCode.DONE, done.show
    return program


def known(file: Path) -> list[tuple[str, ...]]:
    """All that a sandbox knows of its people, but for their ids and their order."""
    with closing(sqlite3.connect(file)) as db:
        rows = db.execute("SELECT uid, display_name, email, properties, types FROM users")
        return sorted(
            (*(str(cell) for cell in row[:3]), *(_sorted(cell) for cell in row[3:])) for row in rows
        )


def _sorted(document: str) -> str:
    """A real is the same with and without its decimal point; the types stand beside."""
    return json.dumps(json.loads(document, parse_float=_number), sort_keys=True)


def _number(text: str) -> int | float:
    number = float(text)
    return int(number) if number.is_integer() else number


def _file(program: Program) -> Path:
    return program.home / "data" / "sandbox.sqlite3"


@pytest.mark.parametrize("name", ["people.jsonl", "people.csv", "people.tsv", "people.csv.gz"])
def test_what_is_exported_makes_the_same_people_elsewhere(
    name: str, odd: Program, tmp_path: Path
) -> None:
    file = str(tmp_path / name)
    assert odd("users", "export", "--without-ids", "--to", file).code == ExitCode.DONE
    (tmp_path / "new").mkdir()
    with running_sandbox(tmp_path / "new", seed=False) as server:
        done = Program(tmp_path / "new", token_environment(server.url))("users", "import", file)
        assert done.code == ExitCode.DONE, done.show
    assert known(tmp_path / "new" / "sandbox.sqlite3") == known(_file(odd))


@pytest.mark.parametrize("name", ["people.jsonl", "people.csv", "people.tsv"])
def test_what_is_exported_changes_nobody_where_it_is_from(
    name: str, odd: Program, tmp_path: Path
) -> None:
    before = known(_file(odd))
    file = str(tmp_path / name)
    assert odd("users", "export", "--to", file).code == ExitCode.DONE
    done = odd("users", "import", file)
    assert done.code == ExitCode.DONE, done.show
    assert known(_file(odd)) == before  # those without a uid are not there twice
