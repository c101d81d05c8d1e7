"""Commands about the people on a list: what they read, ask, print and leave behind."""

from __future__ import annotations

import io
import json
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.command import Ended
from tests.support.online import inside, online
from tests.support.program import Program

DELETE = ("--sandbox", "users", "delete", "--from-file")
GET = ("--sandbox", "users", "get", "--from-file")


@pytest.fixture
def people(tmp_path: Path) -> Path:
    path = tmp_path / "people.csv"
    path.write_text("name;E-Mail\nAda;ada@example.com\n;\nMei;mei@example.org\n", "utf-8-sig")
    return path


def typed(program: Program, answer: bytes, *arguments: str) -> Ended:
    """The command on a terminal, with that typed into it."""
    return program(
        *arguments,
        stdin=io.BytesIO(answer),
        stdin_is_terminal=True,
        stderr_is_terminal=True,
    )


def rows(done: Ended) -> list[tuple[int, str]]:
    return [(row["line"], row["state"]) for row in map(json.loads, done.out.splitlines())]


def deleted(program: Program, *uids: str) -> list[bool]:
    done = program("--sandbox", "users", "get", "--uid", *uids, "--jq", ".is_being_deleted")
    return [line == "true" for line in done.out.split()]


# -- users get


def test_people_are_shown_in_the_order_of_the_file(people: Path, program: Program) -> None:
    done = program(*GET, str(people), "--column", "e-mail", "--jq", ".uid")
    assert (done.code, done.out) == (0, "ada\nmei\n"), done.show


def test_people_are_read_from_stdin_and_one_is_still_a_list(program: Program) -> None:
    done = program(*GET, "-", "-o", "json", "--fields", "uid", stdin=io.BytesIO(b"# us\nada\r\n"))
    assert (done.code, json.loads(done.out)) == (0, [{"uid": "ada"}]), done.show


def test_those_who_are_missing_or_several_are_told_after_the_others(program: Program) -> None:
    listed = io.BytesIO(b"nobody\noffice@studio.example\nada\nno one\n")
    done = program(*GET, "-", "--jq", ".uid", stdin=listed)
    assert (done.code, done.out) == (1, "marco\nmaria\nada\n"), done.show
    assert "warning: Nobody has the uid 'nobody'." in done.err
    assert "warning: Nobody has the uid 'no one'." in done.err
    assert "error: 'office@studio.example' means 2 people" in done.err


@pytest.mark.parametrize(
    ("arguments", "what"),
    [
        (("users", "get"), "WHO is missing"),
        (("users", "get", "ada", "--from-file", "-"), "both name people"),
        (("users", "get", "ada", "--column", "x"), "--column goes with --from-file"),
        (("users", "get", "--from-file", "nowhere.txt"), "cannot be read"),
        (("users", "delete"), "WHO is missing"),
        (("users", "delete", "ada", "--from-file", "-"), "both name people"),
        (("users", "delete", "ada", "--rejects", "x"), "go with --from-file"),
        (("users", "delete", "ada", "--force"), "go with --from-file"),
        (("users", "delete", "--from-file", "x", "--wait-for", "soon"), "--wait-for 'soon'"),
        (("users", "delete", "--from-file", "x", "--all", "--uid"), "and --uid is none"),
        (("users", "delete", "7", "--all", "--id"), "--all is for people who share an e-mail"),
        (
            ("users", "delete", "--from-file", "x", "--receipt", "/r", "--rejects", "/tmp/../r"),
            "--receipt and --rejects name the same file",
        ),
        (("users", "delete", "--from-file", "nowhere.txt", "--yes"), "cannot be read"),
    ],
)
def test_what_cannot_be_is_refused(
    arguments: tuple[str, ...], what: str, program: Program, people: Path
) -> None:
    done = program("--sandbox", *arguments)
    assert done.code == 2, done.show
    assert what in done.err
    assert done.out == ""


@pytest.mark.parametrize("command", [GET, (*DELETE[:-1], "--yes", "--rejects", "r", DELETE[-1])])
def test_a_wrong_line_is_found_before_anything_is_done(
    command: tuple[str, ...], program: Program
) -> None:
    done = program(*command, "-", "--id", stdin=io.BytesIO(b"7400589116837456607\nada\n"))
    assert (done.code, done.out) == (2, ""), done.show
    assert "Line 2 of stdin: 'ada' is not a Fullstory id." in done.err
    assert deleted(program, "ada") == [False]


# -- users delete: what it asks


def test_the_number_of_people_has_to_be_typed(people: Path, program: Program) -> None:
    line = (*DELETE, str(people), "--column", "E-Mail")
    for answer in (b"\n", b"y\n", b"3\n", b""):
        done = typed(program, answer, *line)
        assert done.code == 1, done.show
        assert "2 people to delete." in done.err
        assert "Type 2 to delete these 2 people" in done.err
        assert "nothing was deleted" in done.err
    assert deleted(program, "ada", "mei") == [False, False]
    done = typed(program, b"2\n", *line)
    assert (done.code, rows(done)) == (0, [(2, "accepted"), (4, "accepted")]), done.show
    assert deleted(program, "ada", "mei") == [True, True]


def test_for_one_person_it_is_the_id_and_not_a_1(tmp_path: Path, program: Program) -> None:
    (tmp_path / "one.txt").write_text("ada\n")
    line = (*DELETE, str(tmp_path / "one.txt"))
    assert typed(program, b"1\n", *line).code == 1
    done = typed(program, b"7400589116837456607\n", *line)
    assert (done.code, rows(done)) == (0, [(1, "accepted")]), done.show


@pytest.mark.parametrize(
    ("more", "terminal"), [((), False), (("--no-input",), True), ((), None)], ids=str
)
def test_what_cannot_be_confirmed_is_refused(
    more: tuple[str, ...], terminal: bool | None, people: Path, program: Program
) -> None:
    source = ["-", "--rejects", "r.csv"] if terminal is None else [str(people)]
    done = program(
        *DELETE, *source, "--column", "E-Mail", *more,
        stdin=io.BytesIO(people.read_bytes()),
        stdin_is_terminal=bool(terminal),
        stderr_is_terminal=True,
    )  # fmt: skip
    assert (done.code, done.out) == (2, ""), done.show
    assert "has to be confirmed" in done.err
    assert "looking up" not in done.err


def test_a_dry_run_shows_who_it_would_be(program: Program) -> None:
    listed = io.BytesIO(b"ada\nnobody\noffice@studio.example\nada@example.com\n")
    done = program(*DELETE, "-", "--dry-run", stdin=listed)
    assert done.code == 6, done.show
    assert "2 of 4 lines would fail; nothing was deleted." in done.err
    assert rows(done) == [
        (1, "would_delete"), (2, "missing"), (3, "ambiguous"), (4, "duplicate"),
    ]  # fmt: skip
    assert (
        "1 person to delete; of 4 lines, 1 found nowhere, 1 ambiguous, 1 said before." in done.err
    )
    assert deleted(program, "ada") == [False]
    assert not (program.home / "state").exists()


def test_a_dry_run_ends_well_where_the_deletion_would(program: Program) -> None:
    listed = b"ada\nnobody\n"
    for more, code in (((), 6), (("--missing-ok",), 0)):
        done = program(*DELETE, "-", "--dry-run", *more, stdin=io.BytesIO(listed))
        assert (done.code, rows(done)) == (code, [(1, "would_delete"), (2, "missing")]), done.show


def test_a_dry_run_knows_what_was_done_and_leaves_it_as_it_is(
    tmp_path: Path, program: Program
) -> None:
    people = tmp_path / "people.txt"
    people.write_text("ada\nsam\n")
    line = (*DELETE, str(people))
    assert program(*line, "--yes").code == 6
    [journal] = (program.home / "state" / "erasures").glob("*.jsonl")
    before = journal.read_bytes()
    assert program("--sandbox", "users", "create", "--uid", "sam").code == 0
    for _ in range(2):
        done = program(*line, "--dry-run")
        assert (done.code, rows(done)) == (0, [(1, "done_earlier"), (2, "would_delete")]), done.show
        assert "1 person to delete; of 2 lines, 1 done earlier." in done.err
    assert (journal.read_bytes(), deleted(program, "sam")) == (before, [False])
    assert rows(program(*line, "--yes", "--force")) == [(1, "done_earlier"), (2, "accepted")]


def test_one_is_one_value_and_one_line(tmp_path: Path, program: Program) -> None:
    listed = b"nobody\n"
    for more in (("--dry-run",), ("--yes", "--rejects", str(tmp_path / "r"))):
        done = program(*DELETE, "-", *more, stdin=io.BytesIO(listed))
        assert done.code == 6, done.show
        assert "looking up 1 value;" in done.err
        assert "of 1 line, 1 found nowhere." in done.err
        assert "1 of 1 line " in done.err


def test_all_takes_those_who_share_an_email(program: Program) -> None:
    listed = io.BytesIO(b"office@studio.example\n")
    line = (*DELETE, "-", "--yes", "--all", "--rejects", "r.txt", "-o", "csv")
    done = program(*line, "--fields", "line,state", stdin=listed)
    assert (done.code, done.out) == (0, "line,state\n1,accepted\n1,accepted\n"), done.show
    assert deleted(program, "marco", "maria") == [True, True]


# -- what it leaves behind


def test_what_failed_is_written_so_that_it_can_be_given_again(
    tmp_path: Path, program: Program
) -> None:
    people = tmp_path / "people.csv"
    people.write_text('uid,note\nada,x\n"=1+1, so",x\nno-one,x\n')
    line = (*DELETE, str(people), "--column", "uid", "--yes")
    done = program(*line)
    assert done.code == 6, done.show
    assert rows(done) == [(2, "accepted"), (3, "missing"), (4, "missing")]
    rejects = tmp_path / "people.rejects.csv"
    assert rejects.read_text() == (
        "uid,line,state,reason,claimants\n"
        '"\'=1+1, so",3,missing,"Nobody has the uid \'=1+1, so\'.",\n'
        "no-one,4,missing,Nobody has the uid 'no-one'.,\n"
    )
    assert stat.S_IMODE(rejects.stat().st_mode) == 0o600
    assert f"2 of 3 lines failed; {str(rejects)!a} holds them" in done.err

    again = program(*DELETE, str(rejects), "--column", "uid", "--dry-run", "--jq", ".who")
    assert again.out == "=1+1, so\nno-one\n", again.show

    refused = program(*line)
    assert (refused.code, refused.out) == (2, ""), refused.show
    assert "exists already" in refused.err
    replaced = program(*line, "--force", "--missing-ok")
    assert replaced.code == 0, replaced.show
    assert rows(replaced)[0] == (2, "done_earlier")
    assert not list((tmp_path / "state" / "erasures").glob("*.jsonl"))


def test_rejects_go_where_they_are_told_to(tmp_path: Path, program: Program) -> None:
    target = tmp_path / "elsewhere.tsv"
    line = (*DELETE, "-", "--column", "uid", "--yes", "--rejects", str(target))
    done = program(*line, stdin=io.BytesIO(b"uid\nnobody\n"))
    assert done.code == 6, done.show
    assert target.read_text().splitlines()[1].split("\t")[:3] == ["nobody", "2", "missing"]
    (tmp_path / "link").symlink_to(target)
    for name, force in (("link", "--force"), ("nowhere/x", "--force"), (".", "--force")):
        done = program(*line[:-1], str(tmp_path / name), force, stdin=io.BytesIO(b"uid\nx\n"))
        assert (done.code, done.out) == (2, ""), done.show


def test_a_list_from_stdin_needs_a_place_for_its_rejects(program: Program) -> None:
    done = program(*DELETE, "-", "--yes", stdin=io.BytesIO(b"ada\n"))
    assert (done.code, done.out) == (2, ""), done.show
    assert "--rejects FILE" in done.err
    assert deleted(program, "ada") == [False]


def test_a_receipt_has_two_lines_for_each_person(tmp_path: Path, program: Program) -> None:
    receipt = tmp_path / "receipt.jsonl"
    line = (*DELETE, "-", "--yes", "--rejects", "r.txt", "--receipt", str(receipt))
    done = program(*line, stdin=io.BytesIO(b"ada\nmei\n"))
    assert done.code == 0, done.show
    lines = [json.loads(each) for each in receipt.read_text().splitlines()]
    assert [(each["uid"], each["state"]) for each in lines] == [
        ("ada", "requested"), ("ada", "accepted"), ("mei", "requested"), ("mei", "accepted"),
    ]  # fmt: skip


def test_with_wait_each_outcome_is_that_the_person_is_gone(
    tmp_path: Path, program: Program
) -> None:
    receipt = tmp_path / "receipt.jsonl"
    line = (*DELETE, "-", "--yes", "--rejects", str(tmp_path / "r"), "--missing-ok")
    listed = b"mei\nnobody\nada\nada@example.com\n"
    done = program(*line, "--wait", "--receipt", str(receipt), stdin=io.BytesIO(listed))
    assert done.code == 0, done.show
    assert rows(done) == [(2, "missing"), (4, "duplicate"), (1, "gone"), (3, "gone")]
    states = [json.loads(each)["state"] for each in receipt.read_text().splitlines()]
    asked = ["requested", "accepted"]
    assert states == [*asked, "missing", *asked, "gone", "gone"]
    again = program(*line, stdin=io.BytesIO(listed))
    assert [state for _, state in rows(again)] == ["missing"] * 4, "no journal is left"


def test_a_wait_that_was_too_short_is_5_and_goes_on_without_asking_again(
    tmp_path: Path, program: Program
) -> None:
    (tmp_path / "list.txt").write_text("mei\nada\n")
    line = (*DELETE, str(tmp_path / "list.txt"), "--yes")
    short = program(*line, "--wait-for", "1s", "--mask")
    assert short.code == 5, short.show
    assert {state for _, state in rows(short)} <= {"accepted", "being_deleted"}
    assert "2 people are not known to be gone. The first: The deletion of " in short.err
    assert f"  fsctl {' '.join(line)} --wait-for 1s --mask looks again" in short.err
    assert len(list((program.home / "state" / "erasures").glob("*.jsonl"))) == 1
    done = program(*line, "--wait")
    assert (done.code, rows(done)) == (0, [(1, "gone"), (2, "gone")]), done.show
    assert list((program.home / "state" / "erasures").glob("*.jsonl")) == []


def test_an_interrupted_wait_for_a_list_goes_on(tmp_path: Path, program: Program) -> None:
    def interrupted(_seconds: float) -> None:
        raise KeyboardInterrupt

    (tmp_path / "list.txt").write_text("mei\nada\n")
    line = (*DELETE, str(tmp_path / "list.txt"), "--yes", "--wait")
    cut = program(*line, sleep=interrupted)
    assert (cut.code, cut.out) == (130, ""), cut.show
    assert f"This goes on where it stopped: fsctl {' '.join(line)}\n" in cut.err
    done = program(*line)
    assert (done.code, rows(done)) == (0, [(1, "gone"), (2, "gone")]), done.show


def test_a_dry_run_takes_missing_people_as_the_deletion_would(program: Program) -> None:
    line = ("--sandbox", "users", "delete", "nobody", "--dry-run")
    assert program(*line).code == 3
    done = program(*line, "--missing-ok")
    assert (done.code, json.loads(done.out)["state"]) == (0, "missing"), done.show


def test_the_failure_is_json_where_that_was_asked_for(program: Program, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("nobody\n")
    done = program(*DELETE, str(tmp_path / "list.txt"), "--yes", "--json")
    assert done.code == 6, done.show
    assert json.loads(done.out)[0]["state"] == "missing"
    assert json.loads(done.err.splitlines()[-1])["error"]["code"] == "partial"


def test_a_person_who_looks_like_two_is_left_alone(program: Program) -> None:
    found = program("--sandbox", "users", "get", "--uid", "mei", "--jq", ".id").out.strip()
    done = program(
        *DELETE, "-", "--yes", "--all", "--rejects", str(program.home / "r.txt"),
        stdin=io.BytesIO(f"{found}\n".encode()),
    )  # fmt: skip
    assert (done.code, rows(done)) == (6, [(1, "ambiguous")]), done.show
    assert deleted(program, "mei", found) == [False, False]


def test_nothing_of_a_person_is_printed_with_mask(program: Program, tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("grace\nno body\nmei@example.org\noffice@studio.example\n")
    done = program(*DELETE, str(tmp_path / "list.txt"), "--yes", "--mask", "--debug")
    assert done.code == 6, done.show
    for text in ("grace", "no body", "mei@", "example.org", "studio"):
        assert text not in done.out + done.err
    assert "no body" in (tmp_path / "list.rejects.txt").read_text()


# -- as it goes


def test_each_outcome_is_on_the_screen_before_the_next_is_asked_for(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fsctl.bulk import erase

    screen = io.BytesIO()
    shown: list[int] = []
    really = erase.erase

    def watched(*arguments: Any) -> Iterator[erase.Outcome]:
        for outcome in really(*arguments):
            shown.append(screen.getvalue().count(b"accepted"))
            yield outcome

    monkeypatch.setattr(erase, "erase", watched)
    done = program(
        *DELETE, "-", "--yes", "--rejects", "r.txt",
        stdin=io.BytesIO(b"ada\nmei\ngrace\n"),
        stdout=screen,
        stdout_is_terminal=True,
        env={"NO_COLOR": "1"},
    )  # fmt: skip
    assert (done.code, shown) == (0, [0, 1, 2]), done.show
    header, first = done.out.splitlines()[:2]
    assert header.split() == ["LINE", "WHO", "ID", "STATE", "REASON"]
    assert header.index("STATE") == first.index("accepted")


def test_where_the_service_goes_away_the_rest_is_for_later(tmp_path: Path) -> None:
    (tmp_path / "list.txt").write_text("mei\nada\ngrace\n")
    line = ("users", "delete", "--from-file", str(tmp_path / "list.txt"), "--yes")
    with online(tmp_path) as road:
        here = inside(road, tmp_path / "inside")
        road.fail("429-fullstory@/v2/users/7400589116837456607")
        stopped = here(*line, "--retries", "0", "--via", "proxy")
        assert (stopped.code, rows(stopped)) == (5, [(1, "accepted")]), stopped.show
        assert f"not all was done; this goes on with it: fsctl {line[0]}" in stopped.err
        assert not (tmp_path / "list.rejects.txt").exists()
        road.fail()
        done = here(*line)
    assert done.code == 0, done.show
    assert rows(done) == [(1, "done_earlier"), (3, "accepted"), (2, "accepted")]


def test_a_list_from_stdin_has_to_be_piped_in_again(tmp_path: Path) -> None:
    with online(tmp_path) as road:
        here = inside(road, tmp_path / "inside")
        road.fail("429-fullstory@/v2/users/7400589116837456607")
        line = (*DELETE[1:], "-", "--yes", "--rejects", str(tmp_path / "r"), "--retries", "0")
        stopped = here(*line, "--via", "proxy", stdin=io.BytesIO(b"ada\n"))
    assert stopped.code == 5, stopped.show
    assert "# with the same list piped in" in stopped.err
