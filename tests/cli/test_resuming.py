"""The command that goes on after an interruption works on the same account, by the same road."""

from __future__ import annotations

import io
import json
import shlex
from pathlib import Path

import pytest

from tests.support.command import Ended
from tests.support.online import inside, online
from tests.support.program import Program

ADA = "7400589116837456607"
TELLS = "This goes on where it stopped: "


def interrupted(_seconds: float) -> None:
    raise KeyboardInterrupt


def told(done: Ended) -> list[str]:
    """The words behind ``fsctl`` of the command that goes on."""
    line = next(line for line in done.err.splitlines() if TELLS in line)
    words = shlex.split(line.partition(TELLS)[2])
    assert words[0] == "fsctl"
    return words[1:]


def test_a_wait_goes_on_under_the_options_in_effect_wherever_they_stood(program: Program) -> None:
    program.profile('[profiles."it\'s mine"]\nretries = 2\n')
    done = program(
        "--timeout", "9s", "--profile", "other", "users", "--sandbox", "delete", "ada",
        "--profile", "it's mine", "--json", "--yes", "--no-input", "--wait-for", "20m", "--mask",
        sleep=interrupted,
    )  # fmt: skip
    assert done.code == 130, done.show
    command = told(done)
    assert command == [
        "--timeout", "9s", "--profile", "it's mine", "--sandbox", "--output", "json", "--mask",
        "users", "delete", "--id", ADA, "--wait-for", "20m", "--missing-ok", "--yes",
    ]  # fmt: skip
    again = program(*command)
    assert (again.code, json.loads(again.out)["state"]) == (0, "gone"), again.show


def test_a_wait_for_several_goes_on_with_each_by_id(program: Program) -> None:
    done = program(
        "--sandbox", "users", "delete", "--email", "office@studio.example", "--all", "--yes",
        "--wait", "--via", "proxy", sleep=interrupted,
    )  # fmt: skip
    assert done.code == 130, done.show
    both = " ".join(told(done)).split(" && fsctl ")
    assert len(both) == 2
    for command in both:
        assert command.startswith("--sandbox --via proxy users delete --id ")
        assert command.endswith(" --wait --missing-ok --yes")
        assert program(*command.split()).code == 0


def test_a_wait_that_was_too_short_tells_the_same_command(program: Program) -> None:
    done = program("--sandbox", "users", "delete", "ada", "--yes", "--wait-for", "1s")
    assert done.code == 5, done.show
    line = f"fsctl --sandbox users delete --id {ADA} --wait-for 1s --missing-ok --yes"
    assert f"  {line} looks again, and asks for nothing twice." in done.err.splitlines()


@pytest.mark.parametrize("form", ["--receipt {}", "--receipt={}"])
def test_a_list_goes_on_with_a_new_receipt(form: str, tmp_path: Path) -> None:
    receipts = [tmp_path / name for name in ("our r.jsonl", "our r.2.jsonl", "our r.3.jsonl")]
    receipts[1].touch()  # of somebody else
    words = [form.partition("{}")[0] + str(receipts[0])]
    if form.startswith("--receipt "):
        words = ["--receipt", str(receipts[0])]
    line = (
        *("users", "delete", "--from-file", "-", "--yes", "--rejects", str(tmp_path / "r")),
        *(*words, "--via", "proxy", "--retries", "0"),
    )
    with online(tmp_path) as road:
        here = inside(road, tmp_path / "inside")
        road.fail("429-fullstory@/v2/users/7400589116837456607")
        stopped = here(*line, stdin=io.BytesIO(b"mei\nada\n"))
        assert stopped.code == 5, stopped.show
        told = stopped.err.partition("this goes on with it: ")[2].splitlines()[0]
        command = shlex.split(told, comments=True)
        road.fail()
        done = here(*command[1:], stdin=io.BytesIO(b"mei\nada\n"))
    assert done.code == 0, done.show
    assert [len(path.read_text().splitlines()) for path in receipts] == [4, 0, 2]


@pytest.mark.parametrize("more", [(), ("--force",)], ids=["", "forced"])
def test_a_list_that_failed_in_part_tells_a_command_that_works(
    more: tuple[str, ...], tmp_path: Path, program: Program
) -> None:
    people = tmp_path / "our list.txt"
    people.write_text("mei\nsomebody-new\n")
    receipts = [tmp_path / "r.jsonl", tmp_path / "r.2.jsonl"]
    line = ("--sandbox", "users", "delete", "--yes", "--from-file", str(people), *more)
    part = program(*line, "--receipt", str(receipts[0]))
    assert part.code == 6, part.show
    told = part.err.partition("Only what has not been done is tried by: ")[2].splitlines()[0]
    command = shlex.split(told)
    assert command.count("--force") == 1
    assert program("--sandbox", "users", "create", "--uid", "somebody-new").code == 0
    done = program(*command[1:])
    assert done.code == 0, done.show
    assert [len(path.read_text().splitlines()) for path in receipts] == [2, 2]
