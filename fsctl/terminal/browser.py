"""Show a page in the person's browser, where there is one to look at.

Python's own ``webbrowser`` finds it, in a process of its own: what it starts must see none of
Membrane's variables, and find no program in the working directory.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path

from .world import World

PATIENCE = 3.0  # seconds until a browser that goes on running counts as opened
_PROGRAM = "import sys, webbrowser; sys.exit(not webbrowser.open(sys.argv[1]))"


def can_show(world: World, platform: str = sys.platform) -> bool:
    """Whether a person sits before a screen with windows: a terminal here, and a display."""
    environ = world.environ
    if world.under_ci or not (world.stdout_is_terminal or world.stderr_is_terminal):
        return False
    if platform in ("win32", "cygwin"):
        return True
    if platform == "darwin":
        return not environ.get("SSH_CONNECTION")
    return bool(environ.get("DISPLAY") or environ.get("WAYLAND_DISPLAY"))


def show(url: str, environ: Mapping[str, str], cwd: Path) -> bool:
    """Open ``url``; whether that went well, as far as can be seen. ``cwd`` may be a checkout."""
    import subprocess

    child = subprocess.Popen(
        # Isolated: a webbrowser.py in the working directory is not what is meant.
        [sys.executable, "-I", "-c", _PROGRAM, url],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        env=_environment(environ, cwd),
        cwd=cwd.anchor,
        start_new_session=True,
    )
    try:
        return child.wait(PATIENCE) == 0
    except subprocess.TimeoutExpired:
        return True  # some browsers stay in front of their starter


def _environment(environ: Mapping[str, str], cwd: Path) -> dict[str, str]:
    """What a browser may see: nothing of Membrane's, and no program of the checkout."""
    from ..membrane.binary import Checkout

    checkout = Checkout(environ, cwd)
    entries = [Path(text) for text in environ.get("PATH", os.defpath).split(os.pathsep) if text]
    safe = [str(path) for path in entries if path.is_absolute() and path not in checkout]
    kept = {name: value for name, value in environ.items() if not name.startswith("MEMBRANE_")}
    return kept | {"PATH": os.pathsep.join(safe) or os.defpath}
