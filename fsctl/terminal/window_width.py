"""How wide the window is: apart from the rest of the world, for help, which needs nothing else."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import IO, Any

DEFAULT = 80
NARROWEST = 20


def window_width(environ: Mapping[str, str], *streams: IO[Any] | None) -> int:
    """Cells: COLUMNS, else the width of the first stream that is a terminal, else 80."""
    told = environ.get("COLUMNS", "")
    if told.isascii() and told.isdigit() and int(told[:6]) > 0:
        return max(int(told[:6]), NARROWEST)
    for stream in streams:
        try:
            if stream is not None and (columns := os.get_terminal_size(stream.fileno()).columns):
                return max(columns, NARROWEST)
        except (OSError, ValueError):
            continue
    return DEFAULT
