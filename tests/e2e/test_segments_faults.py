"""``fsctl segments export`` in trouble: every fault on every stretch, a kill, hostile addresses."""

from __future__ import annotations

import gzip
import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest

from fsctl.membrane.gateway import Response
from fsctl.sandbox import signed
from tests.support.command import BINARY
from tests.support.everywhere import Somewhere, somewhere
from tests.support.memory import spend
from tests.support.online import Online, online

PAYING = "kX2pQ9"
STORAGE = "/storage"


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Somewhere]:
    with somewhere("http", tmp_path) as found:
        assert found("segments", "list").code == 0  # the connection is known from here on
        yield found


def fail(here: Somewhere, *faults: str) -> None:
    from fsctl.sandbox.faults import Faults

    assert here.server is not None
    here.server.faults = Faults(faults)


def count(here: Somewhere, pattern: str) -> int:
    return sum(bool(re.match(pattern, line)) for line in here.sent)


# -- asking for it


@pytest.mark.parametrize("kind", ["500", "502-html", "reset-after", "truncate", "empty"])
def test_an_export_that_may_have_been_begun_is_not_asked_for_again(
    here: Somewhere, kind: str
) -> None:
    fail(here, f"{kind}@/segments/v1/exports")
    done = here("segments", "export", PAYING)
    assert done.code == 7, done.show
    assert count(here, "POST") == 1
    assert "type=SEARCH_EXPORT" in done.err and "--operation ID" in done.err
    assert done.out == ""


def test_the_export_of_an_unknown_outcome_is_found_as_the_message_says(here: Somewhere) -> None:
    fail(here, "reset-after:x1@/segments/v1/exports")
    assert here("segments", "export", PAYING).code == 7
    listed = here("raw", "request", "/operations/v1", "--query", "type=SEARCH_EXPORT")
    [found] = json.loads(listed.out)["operations"]
    done = here("segments", "export", "--operation", found["id"])
    assert done.code == 0, done.show
    assert "UserEmail" in done.out


def test_a_rate_limit_is_waited_for_because_nothing_was_begun(here: Somewhere) -> None:
    fail(here, "429:x2@/segments/v1/exports")
    done = here("segments", "export", PAYING)
    assert done.code == 0, done.show
    assert count(here, "POST") == 3
    assert here.rows("SELECT count(*) FROM exports") == [(1,)]


# -- following and fetching


@pytest.mark.parametrize("stretch", ["/operations/v1", "/search/v1", STORAGE])
@pytest.mark.parametrize(
    "kind", ["429", "500", "502-html", "reset", "reset-after", "truncate", "empty"]
)
def test_trouble_on_any_stretch_is_outlived(
    here: Somewhere, tmp_path: Path, stretch: str, kind: str
) -> None:
    whole = here("segments", "export", PAYING)
    fail(here, f"{kind}:x2@{stretch}")
    target = tmp_path / "out.ndjson"
    done = here("segments", "export", PAYING, "--to", str(target))
    assert done.code == 0, done.show
    assert target.read_text() == whole.out
    assert here.rows("SELECT count(*) FROM exports") == [(2,)]


@pytest.mark.parametrize("stretch", ["/operations/v1", "/search/v1", STORAGE])
@pytest.mark.parametrize("kind", ["500", "reset", "truncate"])
def test_trouble_that_stays_is_5_and_leaves_nothing_but_the_way_on(
    here: Somewhere, tmp_path: Path, stretch: str, kind: str
) -> None:
    fail(here, f"{kind}@{stretch}")
    target = tmp_path / "out" / "out.csv"
    target.parent.mkdir()
    done = here("segments", "export", PAYING, "--to", str(target))
    assert done.code == 5, done.show
    assert list(target.parent.iterdir()) == []
    words = done.err.splitlines()[-1].partition("goes on with it: fsctl ")[2].split()
    fail(here)
    again = here(*words)
    assert again.code == 0, again.show
    assert target.read_text().startswith("IndividualId,")
    assert here.rows("SELECT count(*) FROM exports") == [(1,)]


def test_a_file_that_is_not_whole_never_comes_to_stdout(here: Somewhere) -> None:
    fail(here, f"truncate@{STORAGE}")
    done = here("segments", "export", PAYING)
    assert (done.code, done.out) == (5, ""), done.show


@pytest.mark.parametrize("stretch", ["/operations/v1", STORAGE])
def test_silence_ends_with_the_timeout(here: Somewhere, stretch: str) -> None:
    fail(here, f"hang@{stretch}")
    done = here("segments", "export", PAYING, "--timeout", "0.3s", "--retries", "0")
    assert done.code == 5, done.show
    assert "--operation" in done.err


def test_a_redirect_of_the_storage_leads_nowhere(here: Somewhere, tmp_path: Path) -> None:
    fail(here, f"redirect@{STORAGE}")
    done = here("segments", "export", PAYING, "--retries", "0")
    assert done.code == 5, done.show  # the name it leads to does not exist
    assert "redirected.sandbox.invalid" in done.err


# -- what the storage may answer


class _Shelf:
    """Gives other files than the sandbox would."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *answers: Response) -> None:
        self.answers = list(answers)
        self.asked: list[tuple[tuple[str, str], ...]] = []
        monkeypatch.setattr(signed, "serve", self.serve)

    def serve(self, _store: Any, request: Any) -> Response:
        self.asked.append(request.headers)
        return self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]


def test_a_bomb_is_thrown_away(
    here: Somewhere, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shelf = _Shelf(monkeypatch, Response(200, (), gzip.compress(bytes(100 * 1024 * 1024))))
    target = tmp_path / "out.csv"
    done = here("segments", "export", PAYING, "--to", str(target))
    assert done.code == 1, done.show
    assert "gzip_bomb" in done.err
    assert not target.exists() and list(tmp_path.glob(".out*")) == []
    assert len(shelf.asked) == 1


@pytest.mark.parametrize("change", ["shorter", "longer", "damaged", "plain"])
def test_a_file_that_is_not_what_its_length_says(
    here: Somewhere, monkeypatch: pytest.MonkeyPatch, change: str
) -> None:
    packed = gzip.compress(b"UserEmail\nada@example.com\n" * 5000)
    body = {
        "shorter": packed[:-9],
        "longer": packed + b"<html>",
        "damaged": packed[:90] + b"\0\0\0\0" + packed[94:],
        "plain": b"UserEmail\n",
    }[change]
    _Shelf(monkeypatch, Response(200, (), body))
    done = here("segments", "export", PAYING)
    assert (done.code, done.out) == ((0, "UserEmail\n") if change == "plain" else (5, "")), (
        done.show
    )


def test_nothing_of_a_try_that_failed_stays_in_the_file(
    here: Somewhere, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = Response(200, (), gzip.compress(b"of the first try\n" * 50_000)[:-4])
    _Shelf(monkeypatch, broken, Response(200, (), gzip.compress(b"whole\n")))
    target = tmp_path / "out.csv"
    for to in (["--to", str(target)], []):
        done = here("segments", "export", PAYING, *to)
        assert done.code == 0, done.show
    assert (target.read_text(), done.out) == ("whole\n", "whole\n")


def test_a_large_file_takes_no_more_memory_than_a_small_one(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    row = b'{"IndividualId":"7400589116837456607","EventStart":"2026-11-01T00:00:00Z"}\n'
    some = b"".join(row.replace(b"5660", b"%04d" % number) for number in range(10_000))
    files = [gzip.compress(some), b"".join(gzip.compress(some, 1) for _ in range(150))]
    with online(tmp_path) as road:
        peaks = []
        for number, file in enumerate(files):
            _Shelf(monkeypatch, Response(200, (), file))
            out, target = tmp_path / "told", tmp_path / f"{number}.ndjson"
            command = [str(BINARY), "segments", "export", PAYING, "--to", str(target)]
            spent = spend(command, road.fsctl.env, out)
            assert spent.status == 0
            peaks.append(spent.peak)
        assert target.stat().st_size == 150 * len(some) > 100_000_000
    assert peaks[1] - peaks[0] < 8_000_000, peaks


def test_no_credential_goes_to_the_storage(
    here: Somewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    packed = gzip.compress(b"x\n")
    shelf = _Shelf(monkeypatch, Response(200, (("Set-Cookie", "a=b"),), packed))
    for _ in range(2):
        assert here("segments", "export", PAYING).code == 0
    for headers in shelf.asked:
        assert {name.lower() for name, _ in headers} == {
            "host",
            "accept",
            "accept-encoding",
            "user-agent",
        }


def test_an_expired_address_is_asked_for_anew(
    here: Somewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    denied = Response(403, (), b"<Error><Code>ExpiredToken</Code></Error>")
    _Shelf(monkeypatch, denied, Response(200, (), gzip.compress(b"x\n")))
    done = here("segments", "export", PAYING)
    assert (done.code, done.out) == (0, "x\n"), done.show
    assert count(here, "GET .*/search/v1/") == 2
    _Shelf(monkeypatch, denied)
    refused = here("segments", "export", PAYING)
    assert refused.code == 1, refused.show
    assert "403" in refused.err


# -- hostile addresses

SECRET = "S3cretSignature0123456789"


@pytest.mark.parametrize(
    "location",
    [
        "http://storage.example.com/x",
        "http://169.254.169.254/latest/meta-data",
        "https://169.254.169.254/x",
        "https://127.0.0.1/x",
        "https://[::1]/x",
        "https://10.1.2.3/x",
        "https://metadata.google.internal/x",
        "https://user:pass@storage.example.com/x",
        "https://storage.example.com:22/x",
        "http://127.0.0.1:1/x",
        "http://localhost/x",
        "file:///etc/passwd",
        "ftp://storage.example.com/x",
        "//storage.example.com/x",
        "https://2130706433/x",
    ],
)
def test_nothing_is_fetched_from_where_nothing_should_be(
    here: Somewhere, monkeypatch: pytest.MonkeyPatch, location: str
) -> None:
    address = f"{location}?X-Goog-Signature={SECRET}"
    monkeypatch.setattr("fsctl.fullstory.segments.signed_address", lambda _caller, _export: address)
    connected: list[Any] = []
    monkeypatch.setattr("fsctl.membrane.signed._dial", lambda *a: connected.append(a))
    done = here("segments", "export", PAYING, "--debug")
    assert done.code == 1, done.show
    assert "address_refused" in done.err
    assert SECRET not in done.out + done.err
    assert connected == []


def test_the_signature_is_told_nowhere(here: Somewhere) -> None:
    for faults in ((), (f"500:x1@{STORAGE}",), (f"truncate@{STORAGE}",), (f"reset@{STORAGE}",)):
        fail(here, *faults)
        done = here("segments", "export", PAYING, "--debug")
        assert "signed address" in done.err
        asked = [s.target for s in here.server.requests if s.path.startswith(STORAGE)]  # type: ignore[union-attr]
        for target in asked:
            signature = target.partition("Signature=")[2]
            assert len(signature) == 64
            assert signature not in done.err + done.out
            assert target.partition("?")[0] not in done.err


# -- what is no answer of Fullstory's that one could go on with


def test_a_hostile_id_of_a_result_is_the_services_fault(
    here: Somewhere, monkeypatch: pytest.MonkeyPatch
) -> None:
    from fsctl.sandbox import exports

    real = exports._operation

    def hostile(row: Any, now: float) -> dict[str, Any]:
        told = real(row, now)
        return told | {"results": {"searchExportId": "../../x"}} if "results" in told else told

    monkeypatch.setattr(exports, "_operation", hostile)
    done = here("segments", "export", PAYING)
    assert done.code == 5, done.show
    assert "unreadable" in done.err and "goes on with it: fsctl segments export" in done.err


def test_a_page_instead_of_the_file_is_not_taken_for_it(
    here: Somewhere, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _Shelf(monkeypatch, Response(200, (), b"<html>oops"))
    target = tmp_path / "out.csv"
    done = here("segments", "export", PAYING, "--to", str(target))
    assert done.code == 5, done.show
    assert "HTML" in done.err and "--operation" in done.err
    assert not target.exists()


# -- where the output goes


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no full device here")
def test_an_output_that_cannot_be_written_is_told_with_the_way_on(tmp_path: Path) -> None:
    with online(tmp_path) as road, open("/dev/full", "wb") as full:  # noqa: PTH123
        ended = subprocess.run(
            [str(BINARY), "segments", "export", PAYING],
            env=road.fsctl.env,
            cwd=road.fsctl.home,
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            timeout=30,
        )
        assert ended.returncode == 1, ended.stderr
        assert "The output cannot be written" in ended.stderr
        words = ended.stderr.splitlines()[-1].partition("then go on with: fsctl ")[2].split()
        done = road(*words)
        assert done.code == 0, done.show
        assert "UserEmail" in done.out


@pytest.mark.skipif(sys.platform == "win32", reason="no shell")
def test_a_closed_stdout_is_told_before_anything_is_asked_for(tmp_path: Path) -> None:
    with online(tmp_path) as road:
        ended = subprocess.run(
            ["/bin/sh", "-c", '"$0" "$@" >&-', str(BINARY), "segments", "export", PAYING],
            env=road.fsctl.env,
            cwd=road.fsctl.home,
            stderr=subprocess.PIPE,
            text=True,
            timeout=30,
        )
        assert ended.returncode == 1, ended.stderr
        assert "stdout is closed" in ended.stderr and "--to FILE" in ended.stderr
        assert road.server.requests == []


@pytest.mark.skipif(sys.platform == "win32", reason="pipes")
def test_a_reader_that_stops_ends_an_export_as_it_ends_a_list(tmp_path: Path) -> None:
    with online(tmp_path) as road:
        first = ""
        for words in ([PAYING], ["--operation", ""]):
            words = words if words[-1] else ["--operation", _operation([first])[-1]]
            with subprocess.Popen(
                [str(BINARY), "segments", "export", *words],
                env=road.fsctl.env,
                cwd=road.fsctl.home,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            ) as process:
                assert process.stdout is not None and process.stderr is not None
                process.stdout.close()
                told = process.stderr.read()
                assert process.wait(20) == 141, told
            first = first or told


# -- what a person can mend


def test_a_right_that_is_lost_on_the_way_is_4_with_the_way_on(here: Somewhere) -> None:
    from tests.support.online import SECRET as TOKEN

    assert here.server is not None
    begun = here("segments", "export", PAYING, "--wait-for", "1s")
    assert begun.code == 5, begun.show
    words = begun.err.splitlines()[-1].partition("goes on with it: fsctl ")[2].split()
    here.server.membrane.expire(TOKEN)
    done = here(*words)
    assert done.code == 4, done.show
    assert f"Then go on with: fsctl {' '.join(words)}" in done.err


def test_a_file_that_appears_meanwhile_is_kept_and_the_export_too(
    here: Somewhere, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    target = tmp_path / "out.csv"
    serve = signed.serve

    def meanwhile(store: Any, request: Any) -> Response:
        target.write_text("mine")
        return serve(store, request)

    monkeypatch.setattr(signed, "serve", meanwhile)
    done = here("segments", "export", PAYING, "--to", str(target))
    assert done.code == 2, done.show
    assert "appeared" in done.err and "Then go on with: fsctl segments export --op" in done.err
    assert target.read_text() == "mine"


# -- ends before its time


def _started(road: Online, *words: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [str(BINARY), "segments", "export", PAYING, *words],
        env=road.fsctl.env,
        cwd=road.fsctl.home,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _operation(lines: Sequence[str]) -> list[str]:
    found = re.search(r"fsctl (segments export --operation .*)", "".join(lines))
    assert found, lines
    return found[1].split()


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
@pytest.mark.parametrize(
    ("number", "code"),
    [(signal.SIGKILL, -9), (signal.SIGTERM, 143), (signal.SIGINT, 130)],
)
def test_what_was_killed_goes_on_from_what_it_had_said(
    tmp_path: Path, number: signal.Signals, code: int
) -> None:
    with online(tmp_path) as road:
        target = tmp_path / "out.csv"
        with _started(road, "--to", str(target)) as process:
            assert process.stderr is not None
            first = process.stderr.readline()  # the operation is told before anything is waited for
            os.kill(process.pid, number)
            rest = process.stderr.read()
            assert process.wait(20) == code, first + rest
        assert not target.exists()
        if number is not signal.SIGKILL:
            assert "goes on where it stopped: fsctl segments export --operation" in rest
        done = road(*_operation([first]))
        assert done.code == 0, done.show
        assert target.read_text().startswith("IndividualId,")
        with road.server.store.connection() as db:
            assert db.execute("SELECT count(*) FROM exports").fetchone()[0] == 1


@pytest.mark.skipif(sys.platform == "win32", reason="signals")
def test_a_kill_while_it_is_fetched_leaves_no_half_of_a_file(tmp_path: Path) -> None:
    with online(tmp_path) as road:
        road.fail(f"hang@{STORAGE}")
        target = tmp_path / "out.csv"
        with _started(road, "--to", str(target)) as process:
            assert process.stderr is not None
            first = process.stderr.readline()
            limit = time.monotonic() + 20
            while not any(s.path.startswith(STORAGE) for s in road.server.requests):
                assert time.monotonic() < limit
                time.sleep(0.02)
            process.terminate()
            process.stderr.read()
            assert process.wait(20) == 143
        assert list(tmp_path.glob("*out.csv*")) == []
        road.fail()
        assert road(*_operation([first])).code == 0
        assert target.exists()
