"""A jq expression without end is stopped by the signals that stop anything else."""

from __future__ import annotations

import signal
import subprocess
import time

import pytest

from tests.support.command import BINARY, Fsctl


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_endless_jq_expression_ends_with_a_signal(fsctl: Fsctl, number: int) -> None:
    line = [str(BINARY), "--sandbox", "users", "list", "--limit", "1", "--jq", "last(repeat(1))"]
    with subprocess.Popen(
        line, env=fsctl.env, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE
    ) as run:
        assert run.stderr is not None
        assert b"sandbox" in run.stderr.readline()
        time.sleep(1)  # until it computes; a signal that comes sooner ends it as well
        run.send_signal(number)
        try:
            assert run.wait(20) in (-number, 128 + number)
        finally:
            run.kill()
