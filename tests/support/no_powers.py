"""Run a child that permissions and limits hold for, root or not."""

from __future__ import annotations

import ctypes
import os
import resource
from collections.abc import Callable

import pytest

_PR_SET_SECUREBITS, _NOROOT_AND_LOCKED = 28, 0b11
_CAPABILITY_VERSION_3 = 0x20080522


def without_powers() -> Callable[[], None] | None:
    """A ``preexec_fn`` after which root is held to permissions like anybody; None for others.

    Skips the test where root cannot give its powers up.
    """
    if os.geteuid() != 0:
        return None
    child = os.fork()
    if child == 0:
        try:
            _drop()
        except OSError:
            os._exit(1)
        os._exit(0)
    if os.waitpid(child, 0)[1] != 0:
        pytest.skip("root cannot give up its capabilities here, and no permission stops it")
    return _drop


def _drop() -> None:
    """Lose every capability, for the programs that are run afterwards too (Linux)."""
    if not hasattr(os, "memfd_create"):
        raise OSError("not Linux")
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_SECUREBITS, _NOROOT_AND_LOCKED, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")
    header = (ctypes.c_uint32 * 2)(_CAPABILITY_VERSION_3, 0)
    nothing = (ctypes.c_uint32 * 6)()
    if libc.capset(header, nothing) != 0:
        raise OSError(ctypes.get_errno(), "capset")


def with_files_of(size: int) -> Callable[[], None]:
    """A ``preexec_fn`` after which no file can grow beyond ``size`` bytes."""

    def limit() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))

    return limit
