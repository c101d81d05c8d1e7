"""Files from hell: each is imported as it is meant, or refused with a sentence; no row is lost.

What a file holds is counted twice: rows that were read are rows that were accepted and rows that
stand in the rejects.
"""

from __future__ import annotations

import codecs
import csv
import gzip
import json
import os
import shutil
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from fsctl.sandbox.answers import Call
from tests.support.command import Ended
from tests.support.program import Program

NAMES = [f"p{number}" for number in range(3000)]
NUMBERS = ("1e999", "9" * 30, "9" * 5000, "-0", "0.1e-400", "1." + "3" * 5000)
HALF = '{"uid":"\\ud83d"}\n{"uid":"\\ud83d\\ude00"}\n{"uid":"\ud83d"}\n{"\\udc00":1}\n'


class File(NamedTuple):
    """A file, the uids that Fullstory gets, and code and line of every row that it does not."""

    name: str
    data: bytes
    uids: list[str]
    bad: list[tuple[str, int]]


def file(name: str, data: str | bytes, uids: str = "", bad: str = "", code: str = "utf-8") -> File:
    """``uids`` and ``bad`` (each ``code:line``) stand between blanks; ``code`` is the encoding."""
    pairs = [pair.split(":") for pair in bad.split()]
    whole = data if isinstance(data, bytes) else data.encode(code, "surrogatepass")
    return File(name, whole, uids.split(), [(word, int(line)) for word, line in pairs])


def wide() -> str:
    few, many = ["x"] * 500 + [""] * 2500, ["x"] * 3000
    return "\n".join(",".join(line) for line in (["uid", *NAMES], ["u1", *few], ["u2", *many]))


def numbers() -> str:
    lines = (f'{{"uid":"u{n}","properties":{{"n":{one}}}}}\n' for n, one in enumerate(NUMBERS))
    return "".join(lines)


IMPORTED = {
    # ends, marks and encodings
    "nothing": file("x.csv", ""),
    "nothing, JSON lines": file("x.jsonl", ""),
    "nothing, JSON": file("x.json", ""),
    "nothing, packed": file("x.csv.gz", gzip.compress(b"")),
    "only a mark": file("x.csv", codecs.BOM_UTF8),
    "only blank lines": file("x.jsonl", "\n \n\r\n\t\n"),
    "only a header": file("x.csv", "uid,plan\n"),
    "only a header, cut off": file("x.csv", "uid,plan"),
    "no newline at the end": file("x.csv", "uid,plan\nu1,x\nu2,y", "u1 u2"),
    "no newline at the end, JSON": file("x.jsonl", '{"uid":"u1"}\n{"uid":"u2"}', "u1 u2"),
    "Windows": file("x.csv", '\ufeffuid,plan\r\nu1,x\r\n\r\nu2,"a\r\nb"\r\n', "u1 u2"),
    "Windows, JSON": file("x.jsonl", '\ufeff{"uid":"u1"}\r\n\r\n{"uid":"u2"}\r\n', "u1 u2"),
    "UTF-16": file("x.csv", "uid\tplan\r\nu1\tZoë, naïve\r\n", "u1", code="utf-16"),
    "UTF-16, no mark": file("x.csv", "uid\tplan\r\nu1\tZoë\r\n", "u1", code="utf-16-be"),
    "UTF-16, JSON": file("x.json", '[{"uid":"u1"},\n{"uid":"u2"}]', "u1 u2", code="utf-16-le"),
    "Excel in Europe": file("x.csv", "uid;stadt\r\nu1;Zürich €\r\n", "u1", code="cp1252"),
    "Excel's sep line": file("x.csv", "sep=;\r\nuid;plan\r\nu1;a,b\r\n", "u1"),
    "Excel's short rows": file("x.csv", "uid,a,b\r\nu1\r\nu2,x\r\nu3,,\r\n", "u1 u2 u3"),
    "no text": file(
        "x.csv",
        "uid,plan\nu1,Zoë ë ë ë\n".encode() + b"u2,\xff\nu3,x\n",
        "u1 u3",
        "invalid_encoding:3",
    ),
    "zero bytes": file(
        "x.csv", "uid,plan\nu1,a\0b\n\0\nu2,x\n", "u2", "invalid_encoding:2 invalid_encoding:3"
    ),
    "zero bytes, JSON": file(
        "x.jsonl", '{"uid":"\0"}\n\0\n{"uid":"u2"}\n', "u2", "invalid_json:1 invalid_json:2"
    ),
    # tables
    "3,000 columns": file("x.csv", wide(), "u1", "invalid_property:3"),
    "broken quotes": file(
        "x.csv",
        'uid,plan\nu1,"a"b\nu2,x\nu3,"y\nu4,z\n',
        "u2",
        "broken_quotes:2 broken_quotes:4 broken_quotes:5",  # both of its lines
    ),
    "quotes in a cell": file("x.csv", 'uid,plan\nu1,5" pipe\n"u2","5"" pipe"\n', "u1 u2"),
    "quoted newlines": file(
        "x.csv", 'uid,plan\nu1,"a\n\nu9,b"\nu2,x,y\n', "u1", "too_many_columns:5"
    ),
    "mixed types": file(
        "x.csv",
        "uid,n:int,on:bool\nu1,5,yes\nu2,five,no\nu3,5.5,1\nu4,,maybe\nu5,,\n",
        "u1 u5",
        "wrong_type:3 wrong_type:4 wrong_type:5",
    ),
    "ragged rows": file(
        "x.csv",
        "uid,plan\nu1\nu2,x,y\nu3,x,\n,\n \n",
        "u3",
        "too_few_columns:2 too_many_columns:3",
    ),
    "a row cut off": file("x.csv", "uid,plan,city\r\nu1,x,y\r\nu2,x", "u1", "too_few_columns:3"),
    "a cell cut off": file("x.csv", 'uid,plan\nu1,x\nu2,"y', "u1", "broken_quotes:3"),
    "old line ends": file("x.csv", "uid,plan\nu1,x\ru2,y\nu3,z\n", "u3", "broken_quotes:2"),
    "other line ends": file("x.csv", "uid,plan\nu1,a\x0bb\x0c\x1c\x85\u2028c\nu2,x\n", "u1 u2"),
    "formulas": file("x.csv", "uid,plan\n'=1+1,'@x\n''u2,-5\n", "=1+1 'u2"),
    "PostgreSQL's text": file(
        "x.tsv", "uid\tplan\nu1\ta\\tb\\\\\nu2\t\\N\nu3\t\\q\n", "u1 u2", "bad_escape:4"
    ),
    # JSON
    "an array": file("x.json", '[{"uid":"u1"},{"uid":"u2"}]', "u1 u2"),
    "a pretty array": file(
        "x.json", json.dumps([{"uid": "u1"}, {"uid": 5}], indent=4), "u1", "invalid_uid:5"
    ),
    "an array of one": file("x.json", '[{"uid":"u1"}]', "u1"),
    "an array of nothing": file("x.json", "[ \n ]"),
    "no array": file("x.json", '{\n "uid":\n "u1"\n}', "u1"),
    "an array of arrays": file(
        "x.json", '[[{"uid":"u1"}],\n[]]', "", "not_an_object:1 not_an_object:2"
    ),
    "an array cut off": file("x.json", '[{"uid":"u1"},\n{"uid":"u', "u1", "invalid_json:2"),
    "an array not closed": file("x.json", '[{"uid":"u1"},\n', "u1", "invalid_json:2"),
    "a line end in a text": file("x.json", '[{"uid":"u\n1"},{"uid":"u2"}]', "u2", "invalid_json:1"),
    "an array as a line": file(
        "x.jsonl", '[{"uid":"u1"}]\n{"uid":"u2"}\n[]\n', "u2", "not_an_object:1 not_an_object:3"
    ),
    "lines of other things": file(
        "x.jsonl",
        'null\n5\n"x"\n{"uid":"u1"}\nx\n{"uid":"u2"} {"uid":"u3"}\n',
        "u1",
        "not_an_object:1 not_an_object:2 not_an_object:3 invalid_json:5 invalid_json:6",
    ),
    "a table named JSON": file("x.jsonl", "uid,plan\nu1,x\n", "", "invalid_json:1 invalid_json:2"),
    "numbers without end": file(
        "x.jsonl", numbers(), "u3 u4 u5", "invalid_property:1 invalid_property:2 invalid_json:3"
    ),
    "no numbers": file(
        "x.jsonl",
        '{"uid":"u1","properties":{"n":NaN}}\n{"properties":{"n":-Infinity}}\n{"uid":NaN}\n',
        "",
        "invalid_property:1 invalid_property:2 invalid_uid:3",
    ),
    "half characters": file(
        "x.jsonl", HALF, "\U0001f600", "invalid_uid:1 invalid_encoding:3 unknown_field:4"
    ),
    "without a bottom": file(
        "x.jsonl",
        '{"properties":' + '{"a":' * 20_000 + "}\n" + "[" * 200_000 + '\n{"uid":"u2"}\n',
        "u2",
        "invalid_json:1 invalid_json:2",
    ),
    "a key twice": file("x.jsonl", '{"uid":"u1","uid":"u2"}\n', "u2"),
    # packed and named
    "packed in two parts": file(
        "x.jsonl.gz", gzip.compress(b'{"uid":"u1"}\n{"u') + gzip.compress(b'id":"u2"}\n'), "u1 u2"
    ),
    "packed, not named so": file("x.csv", gzip.compress(b"\xef\xbb\xbfuid\nu1\n"), "u1"),
    "a name like an option": file("-x.csv", "uid\nu1\n", "u1"),
    "a name of controls": file(" \x1b[31m'\n.csv", "uid\nu1\n\0\n", "u1", "invalid_encoding:3"),
}

# What no row can be read of: the file, and what is said of it.
REFUSED = {
    "a header with a name twice": ("x.csv", b"uid,plan,plan\nu1,x,y\n", "both properties.plan"),
    "a table without a header": ("x.csv", b"u1,ada@example.com\n", "Column 'ada@example.com'"),
    "a header of broken quotes": ("x.csv", b'uid,"plan\nu1,x\n', "quotes are not closed"),
    "old Macintosh": ("x.csv", b"uid,plan\ru1,x\r", "old Macintoshes"),
    "JSON named a table": ("x.csv", b'{"uid":"u1"}\n', "holds JSON"),
    "an array that goes on": ("x.json", b'[{"uid":"u1"}]\n5', "goes on behind the end"),
    "an array torn": ("x.json", b'[{"uid":"u1"}}]', "a '}' where a value should be"),
    "truncated gzip": ("x.gz", gzip.compress(b'{"uid":"u1"}\n' * 500)[:-9], "ends in the middle"),
    "damaged gzip": ("x.gz", gzip.compress(b"uid\nu1\n")[:-8] + b"12345678", "is damaged"),
    "packed twice": ("x.gz", gzip.compress(gzip.compress(b"uid\nu1\n")), "packed twice"),
    "half of UTF-16": ("x.csv", "\ufeffuid\nu1\n".encode("utf-16-le")[:-1], "is not utf-16-le"),
    "a workbook": ("x.xlsx", b"PK\x03\x04\x14\x00\x06\x00", "an Excel workbook"),
    "a page": ("x.csv", b"<!DOCTYPE html>\n<html></html>\n", "HTML"),
}


@pytest.fixture
def fsctl(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Program:
    """The command, whose sandbox does jobs at once."""
    monkeypatch.setattr("fsctl.sandbox.batches._finish_time", lambda call, _rows: call.now)
    return Program(tmp_path / "home")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "files"
    path.mkdir()
    return path


def run(fsctl: Program, path: Path | list[Path], *options: str) -> Ended:
    """Import it, as data. Whatever happens is told in sentences, and leaves the screen alone."""
    paths = map(str, path if isinstance(path, list) else [path])
    done = fsctl("--sandbox", "users", "import", "-o", "json", *options, "--", *paths)
    assert "Traceback" not in done.err, done.show
    assert "\x1b" not in done.err + done.out, done.show
    return done


def refused(fsctl: Program, path: Path, *options: str) -> str:
    """Import what cannot be read: what is said of it, in one sentence and an advice."""
    done = run(fsctl, path, *options)
    assert done.code == 2, done.show
    assert done.out == ""
    said: str = json.loads(done.err.splitlines()[-1])["error"]["message"]
    assert len(said) < 1000
    return said


def rejects_in(path: Path) -> list[tuple[str, int]]:
    """Code and line of each row of a file of rejects."""
    if path.suffix in (".csv", ".tsv"):
        with path.open(newline="") as stream:
            head = stream.readline()
            marks = [mark for mark in "\t;," if mark in head]
            stream.seek(0)
            rows: Any = list(csv.DictReader(stream, delimiter=marks[0]))
    elif path.suffix == ".json":
        rows = json.loads(path.read_text())
    else:
        rows = [json.loads(line) for line in path.read_text().splitlines()]
    return [(row["_error_code"], int(row["_line"])) for row in rows]


@pytest.mark.parametrize("file", IMPORTED.values(), ids=IMPORTED)
def test_every_row_is_imported_or_stands_in_the_rejects(
    fsctl: Program, folder: Path, file: File
) -> None:
    path, ids = folder / file.name, folder / "ids"
    path.write_bytes(file.data)
    done = run(fsctl, path, "--imports", str(ids))
    assert done.code == (6 if file.bad else 0), done.show
    found = json.loads(done.out)
    assert found["read"] == found["accepted"] + found["bad"], done.show
    assert found["bad"] == len(file.bad)
    imported = ids.read_text().splitlines() if file.uids else []
    assert [json.loads(line)["uid"] for line in imported] == file.uids
    assert (rejects_in(Path(found["rejects"])) if file.bad else found["rejects"]) == (
        file.bad or None
    )


def test_a_check_counts_the_same_rows(fsctl: Program, folder: Path) -> None:
    expected = {}
    for number, one in enumerate(IMPORTED.values()):
        path = folder / str(number) / one.name
        path.parent.mkdir()
        path.write_bytes(one.data)
        bad = len(one.bad)
        expected[path] = (len(one.uids) + bad, bad)
    done = run(fsctl, list(expected), "--check")
    assert done.code == 2
    found = json.loads(done.out)
    assert {Path(one["source"]): (one["rows"], one["bad"]) for one in found} == expected


@pytest.mark.parametrize(("name", "data", "said"), REFUSED.values(), ids=REFUSED)
def test_what_cannot_be_read_is_refused_and_nothing_sent(
    fsctl: Program, folder: Path, name: str, data: bytes, said: str
) -> None:
    path = folder / name
    path.write_bytes(data)
    for options in ((), ("--check",), ("--strict",)):
        assert said in refused(fsctl, path, *options)
    assert list(folder.iterdir()) == [path]


@pytest.mark.parametrize("name", ["x.csv", "x.jsonl", "x.json"])
def test_a_line_of_100_mb_is_a_reject_that_tells_of_it(
    fsctl: Program, folder: Path, name: str
) -> None:
    with (folder / name).open("wb") as stream:
        stream.write(b'[{"uid":"u1"}\n,{"uid":"' if "json" in name else b'uid,plan\nu1,x\nu2,"')
        stream.truncate(100_000_000)
        if name == "x.json":
            stream.seek(0, 2)
            stream.write(b'"}]')
    if name == "x.jsonl":
        with (folder / name).open("r+b") as stream:
            stream.write(b' {"uid":"u1"}\n')
    done = run(fsctl, folder / name)
    assert done.code == 6, done.show
    found = json.loads(done.out)
    assert (found["accepted"], found["bad"]) == (1, 1)
    reject = Path(found["rejects"])
    assert rejects_in(reject) == [("line_too_long", 3 if name == "x.csv" else 2)]
    assert "here is only how it begins" in reject.read_text()
    assert reject.stat().st_size < 10_000


def test_a_gzip_bomb_is_refused(fsctl: Program, folder: Path) -> None:
    (folder / "x.gz").write_bytes(gzip.compress(b"\0" * 100_000_000))
    assert "unpacks to more than 500 times its size" in refused(fsctl, folder / "x.gz")


# -- what is no plain file


def test_what_is_no_file_is_refused(fsctl: Program, folder: Path) -> None:
    assert "is a directory" in refused(fsctl, folder)
    assert "No such file" in refused(fsctl, folder / "missing.csv")
    (folder / "round").symlink_to(folder / "round")
    assert "cannot be read" in refused(fsctl, folder / "round")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="everything is readable")
def test_a_file_of_somebody_else_is_refused(fsctl: Program, folder: Path) -> None:
    (folder / "x.csv").write_text("uid\nu1\n")
    (folder / "x.csv").chmod(0)
    assert "Permission denied" in refused(fsctl, folder / "x.csv")


@pytest.mark.skipif(sys.platform != "linux", reason="there is no such file")
def test_a_file_that_fails_as_it_is_read_is_refused(fsctl: Program, folder: Path) -> None:
    rejects = folder / "rejects"
    assert "Input/output error" in refused(fsctl, Path("/proc/self/mem"), "--rejects", str(rejects))
    assert "more than 256 MiB" in refused(fsctl, Path("/dev/zero"), "--rejects", str(rejects))


@pytest.mark.skipif(os.name == "nt", reason="there are none")
def test_a_fifo_is_imported_once_it_has_a_place_for_rejects(fsctl: Program, folder: Path) -> None:
    path = folder / "fifo"
    os.mkfifo(path)

    def write() -> None:
        with path.open("wb") as stream:
            stream.write(b'{"uid":"u1"}\n{"uid":5}\n')

    for options, code in (((), 2), (("--rejects", str(folder / "rejects")), 6)):
        writer = threading.Thread(target=write)
        writer.start()
        done = run(fsctl, path, *options)
        writer.join()
        assert done.code == code, done.show
    assert json.loads(done.out)["accepted"] == 1
    assert rejects_in(folder / "rejects") == [("invalid_uid", 2)]


def test_a_link_planted_where_rejects_go_is_not_followed(fsctl: Program, folder: Path) -> None:
    (folder / "x.csv").write_text("uid,plan\nu1\n")
    (folder / "precious").write_text("precious")
    for target in ("precious", "missing"):
        (folder / "x.rejects.csv").unlink(missing_ok=True)
        (folder / "x.rejects.csv").symlink_to(folder / target)
        done = run(fsctl, folder / "x.csv", "--imports", str(folder / "ids"))
        assert done.code in (1, 2), done.show
        assert "x.rejects.csv" in done.err
        assert not (folder / "missing").exists()
        assert (folder / "precious").read_text() == "precious"


# -- what changes meanwhile


@pytest.mark.parametrize("change", ["rewritten", "cut", "grown"])
def test_the_rejects_of_a_file_that_changed_meanwhile_are_those_that_were_sent(
    fsctl: Program, folder: Path, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    path = folder / "x.jsonl"
    data = b'{"uid":"u1"}\n{"id":"404","uid":"u2"}\n'
    path.write_bytes(data)
    changes: dict[str, Callable[[], object]] = {
        "rewritten": lambda: path.write_bytes(data.replace(b"u2", b"u3")),
        "cut": lambda: path.write_bytes(b""),
        "grown": lambda: path.write_bytes(data + b'{"uid":"u3"}\n'),
    }

    def finish_time(call: Call, _rows: int) -> float:
        changes[change]()  # the batch has come; its rows are read again for the rejects
        os.utime(path, ns=(0, 0))
        return call.now

    monkeypatch.setattr("fsctl.sandbox.batches._finish_time", finish_time)
    done = run(fsctl, path)
    assert done.code == 6, done.show
    found = json.loads(done.out)
    assert (found["read"], found["accepted"], found["rejected"]) == (2, 1, 1)
    (reject,) = (folder / "x.rejects.jsonl").read_text().splitlines()
    assert json.loads(reject)["uid"] == "u2"
    # Of rows that are not as they were sent nobody can tell the line.
    assert json.loads(reject)["_line"] == (2 if change == "grown" else None)


# -- where there is no place to remember things


def test_a_state_directory_that_cannot_be_is_named(
    fsctl: Program, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (folder / "state").write_text("no directory")
    monkeypatch.setitem(fsctl.env, "FSCTL_STATE_DIR", str(folder / "state"))
    (folder / "x.jsonl").write_text('{"uid":"u1"}\n')
    done = fsctl("--sandbox", "users", "import", str(folder / "x.jsonl"))
    assert done.code == 1, done.show
    assert "state/imports" in done.err
    assert "FSCTL_STATE_DIR names the directory" in done.err


def test_a_state_directory_that_vanishes_meanwhile_is_named(
    fsctl: Program, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(fsctl.env, "FSCTL_STATE_DIR", str(folder / "state"))
    (folder / "x.jsonl").write_text('{"id":"404","uid":"u1"}\n')

    def finish_time(call: Call, _rows: int) -> float:
        shutil.rmtree(folder / "state" / "imports")
        return call.now

    monkeypatch.setattr("fsctl.sandbox.batches._finish_time", finish_time)
    done = fsctl("--sandbox", "users", "import", str(folder / "x.jsonl"))
    assert "unexpected" not in done.err, done.show
    assert done.code == 1, done.show
    assert "FSCTL_STATE_DIR names the directory" in done.err
