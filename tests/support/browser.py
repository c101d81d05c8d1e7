"""A real headless Chromium, for pages that must be seen and must do nothing."""

from __future__ import annotations

import os
import shutil
import struct
import subprocess
import zlib
from pathlib import Path

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
# A closed network is the rule here: it must not look for updates at its start.
_QUIET = """
    --headless --disable-gpu --disable-quic --no-first-run --disable-background-networking
    --disable-component-update --disable-sync --disable-extensions --hide-scrollbars
    --virtual-time-budget=2000
"""


def chromium() -> str | None:
    """Where Chromium is, or None."""
    return next((path for name in _NAMES if (path := shutil.which(name))), None)


class Browser:
    """Opens files in Chromium, each in a profile of its own below ``directory``."""

    def __init__(self, program: str, directory: Path) -> None:
        self._program = program
        self._directory = directory
        self._runs = 0

    def document(self, page: Path) -> str:
        """The page's document after it has been loaded and had time to run."""
        return self._run(page, "--dump-dom").decode()

    def corner(self, page: Path, *, dark: bool = False) -> tuple[int, int, int]:
        """The colour of the first pixel of the page, as it is shown."""
        shot = self._directory / f"shot{self._runs}.png"
        scheme = f"--blink-settings=preferredColorScheme={0 if dark else 1}"
        self._run(page, f"--screenshot={shot}", "--window-size=400,300", scheme)
        return first_pixel(shot.read_bytes())

    def _run(self, page: Path, *options: str) -> bytes:
        self._runs += 1
        profile = self._directory / f"profile{self._runs}"
        # Its own sandbox does not work for root.
        root = ["--no-sandbox"] if hasattr(os, "geteuid") and os.geteuid() == 0 else []
        done = subprocess.run(
            [self._program, *_QUIET.split(), *root, f"--user-data-dir={profile}", *options,
             page.as_uri()],
            capture_output=True,
            timeout=60,
            check=True,
        )  # fmt: skip
        return done.stdout


def first_pixel(png: bytes) -> tuple[int, int, int]:
    """The colour in the upper left corner of an 8-bit RGB or RGBA picture.

    The first pixel of the first row is the same under every filter of PNG.
    """
    at, data = 8, b""
    while at < len(png):
        (length,) = struct.unpack(">I", png[at : at + 4])
        if png[at + 4 : at + 8] == b"IDAT":
            data += png[at + 8 : at + 8 + length]
        at += 12 + length
    red, green, blue = zlib.decompress(data)[1:4]
    return red, green, blue
