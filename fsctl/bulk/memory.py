"""Have the memory of batches go back to the system when they are sent."""

from __future__ import annotations

import sys

_M_MMAP_THRESHOLD = -3  # malloc.h
_LARGE = 1_000_000  # bytes: bodies of batches are, what is read at a time is not


def give_back_large_blocks() -> None:
    """Keep glibc from keeping what it was given back.

    It begins with memory of its own for every large block, but learns from the first one that is
    freed to take the next ones from heaps, of which every thread has one: an import then holds half
    as much again as is in use. Other systems' libraries are left alone.
    """
    if not sys.platform.startswith("linux"):
        return
    import ctypes

    try:
        ctypes.CDLL(None).mallopt(_M_MMAP_THRESHOLD, _LARGE)
    except (OSError, AttributeError):  # no such function in this one's library
        return
