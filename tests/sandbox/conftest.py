"""Embedded Membranes for the tests of this folder."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support.asking import Asking, Membranes, membranes_in_memory


@pytest.fixture
def membranes() -> Iterator[Membranes]:
    """Builds embedded Membranes."""
    with membranes_in_memory() as build:
        yield build


@pytest.fixture
def ask(membranes: Membranes) -> Asking:
    """One embedded Membrane that behaves as expected of the real one."""
    return membranes()
