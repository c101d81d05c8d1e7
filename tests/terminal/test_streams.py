"""Bytes to stdout: all of them, in UTF-8, and a quiet end where the reader goes."""

from __future__ import annotations

import io
import os
import subprocess
import sys
import threading
from typing import Any

import pytest

from fsctl.terminal.streams import write_bytes, write_text

posix = pytest.mark.skipif(sys.platform == "win32", reason="needs POSIX pipes")

PRINT = """
import sys
from fsctl.terminal.render import Output, Renderer
from fsctl.terminal.streams import silence
from fsctl.terminal.world import World
world = World.from_process()
try:
    rows = ({"n": "\\u00eb \\u65e5", "i": i} for i in range(int(sys.argv[1])))
    Renderer(world, Output()).rows(rows)
except BrokenPipeError:
    silence(world.stdout)
    sys.exit(141)
"""


def test_a_stream_that_takes_a_part_at_a_time_gets_everything() -> None:
    class Slow(io.BytesIO):
        def write(self, data: Any) -> int:
            return super().write(bytes(data[:3]))

    stream = Slow()
    write_text(stream, "a long enough text")
    assert stream.getvalue() == b"a long enough text"


@posix
@pytest.mark.parametrize("buffering", [0, -1])
def test_a_pipe_that_was_made_non_blocking_gets_everything(buffering: int) -> None:
    reading, writing = os.pipe()
    os.set_blocking(writing, False)
    received: list[bytes] = []
    data = os.urandom(1_000_000)

    def drain() -> None:
        with open(reading, "rb") as stream:  # noqa: PTH123
            received.append(stream.read())

    reader = threading.Thread(target=drain)
    reader.start()
    with open(writing, "wb", buffering=buffering) as stream:  # noqa: PTH123
        write_bytes(stream, data)
    reader.join()
    assert received == [data]


@pytest.mark.parametrize("unbuffered", [[], ["-u"]])
@pytest.mark.parametrize("locale", ["C", "POSIX", "en_US.ISO-8859-1"])
def test_output_is_utf_8_with_line_feeds_in_every_locale(
    unbuffered: list[str], locale: str
) -> None:
    environ = {**os.environ, "LC_ALL": locale, "LANG": locale, "PYTHONIOENCODING": "latin-1"}
    environ.update(PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    done = subprocess.run(
        [sys.executable, *unbuffered, "-c", PRINT, "1"],
        env=environ,
        capture_output=True,
        check=True,
    )
    assert done.stdout == '{"n":"ë 日","i":0}\n'.encode()


@posix
@pytest.mark.parametrize("unbuffered", [[], ["-u"]])
def test_a_reader_that_goes_is_told_and_leaves_no_traceback(unbuffered: list[str]) -> None:
    process = subprocess.Popen(
        [sys.executable, *unbuffered, "-c", PRINT, "10000000"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert process.stdout is not None
    assert process.stderr is not None
    assert process.stdout.readline() == '{"n":"ë 日","i":0}\n'.encode()
    process.stdout.close()
    assert process.stderr.read() == b""
    process.stderr.close()
    assert process.wait() == 141


@posix
def test_a_full_disk_is_an_error_and_no_silence() -> None:
    if not os.path.exists("/dev/full"):  # noqa: PTH110
        pytest.skip("no /dev/full here")
    with open("/dev/full", "wb", buffering=0) as full, pytest.raises(OSError, match="space"):  # noqa: PTH123
        write_text(full, "x")
