"""``annotations deploy --once``, killed at its worst: the next run sends nothing and says why."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest

from fsctl.sandbox.options import DEFAULT_CONNECTION_ID
from tests.support.command import BINARY, Ended, clean_environment
from tests.support.online import token_environment
from tests.support.scripted_server import HANG, Step, answer, raw, scripted

ECHO = answer(200, {"text": "x", "start_time": "2024-06-29T14:20:00Z"})


class Deploy:
    """One request, by the proxy of a known connection, in a process of its own."""

    def __init__(self, home: Path, url: str) -> None:
        home.mkdir(exist_ok=True)
        self.process = subprocess.Popen(
            [
                str(BINARY), "annotations", "deploy", "--service", "checkout", "--once=run 7",
                "--via", "proxy", "--connection", DEFAULT_CONNECTION_ID,
                "--retries", "0",
            ],
            env=clean_environment(home, token_environment(url)),
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )  # fmt: skip

    def kill(self) -> int:
        self.process.kill()
        return self.end().code

    def end(self) -> Ended:
        out, err = self.process.communicate(timeout=60)
        return Ended(self.process.returncode, out, err)


@pytest.mark.parametrize("moment", ["arriving", "arrived"])
def test_killed_while_sending_the_next_run_sends_nothing(tmp_path: Path, moment: str) -> None:
    deploys: list[Deploy] = []

    def kill() -> None:
        while not deploys:
            time.sleep(0.001)
        deploys[0].process.kill()

    with scripted(Step(end="close", before=kill) if moment == "arriving" else HANG) as server:
        deploys.append(Deploy(tmp_path / "home", server.url))
        while not server.requests and deploys[0].process.poll() is None:
            time.sleep(0.001)
        assert deploys[0].kill() == -signal.SIGKILL
        again = Deploy(tmp_path / "home", server.url).end()
        assert len(server.requests) <= 1
    assert again.code == 7, again.show
    assert "outcome is unknown" in again.err and "Nothing was sent now." in again.err


def test_what_was_refused_leaves_no_marker_in_the_way(tmp_path: Path) -> None:
    busy = answer(429, {"code": "rate_limited", "message": "later"})
    with scripted(raw(busy.response), raw(ECHO.response)) as server:
        first = Deploy(tmp_path / "home", server.url).end()
        assert first.code == 5, first.show
        assert list((tmp_path / "home" / "state" / "once").iterdir()) == []
        again = Deploy(tmp_path / "home", server.url).end()
    assert again.code == 0, again.show
    assert len(list((tmp_path / "home" / "state" / "once").iterdir())) == 1
