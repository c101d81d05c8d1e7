"""Fixtures that every room's tests share."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.command import Fsctl


@pytest.fixture
def fsctl(tmp_path: Path) -> Fsctl:
    """The installed ``fsctl`` with a home directory of its own."""
    home = tmp_path / "home"
    home.mkdir()
    return Fsctl(home)
