"""How a fake ``membrane`` logs in and out: before a person at a terminal, or without one.

As contracts §1.6 has it: with stdin on a terminal it talks to the person; without, and with
``--non-interactive``, it prints an address to open, and ``login complete`` takes the code.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

ADDRESS = "https://ui.getmembrane.com/oauth/authorize?client_id=membrane-cli&state=s-1"


def attend(config: dict[str, Any], name: str, words: list[str], headless: bool) -> NoReturn:
    """``config["login"]`` is what the login does before a person: ask, fail, hang, raw."""
    logged_in = Path(config["record"]).with_name("logged_in")
    if name == "logout":
        logged_in.unlink(missing_ok=True)
        end("Logged out.")
    if name == "login complete":
        if words != [config["code"]]:
            end("Error: that code is not valid", 1)
        logged_in.write_text("by code")
        end("Logged in.")
    how = config["login"]
    if how == "fail":
        end("Error: access denied", 7)
    if headless or not os.isatty(0):
        if how == "hang":
            hang()
        end(f"Open this address to log in:\n{ADDRESS}\nThen run: membrane login complete <code>")
    print("Opening your browser...", flush=True)
    if how == "raw":
        import tty

        tty.setraw(0)
        os.kill(os.getpid(), 9)
    if how == "hang":
        hang()
    sys.stdout.write("Which tenant? ")
    sys.stdout.flush()
    logged_in.write_text(sys.stdin.readline().strip())
    end(f"Logged in to {logged_in.read_text()}.")


def hang() -> NoReturn:
    try:
        print("Waiting for you...", flush=True)
        time.sleep(600)
    except KeyboardInterrupt:
        end("Cancelled.", 130)
    raise AssertionError("nobody came")


def end(text: str, code: int = 0) -> NoReturn:
    print(text, file=sys.stderr if code else sys.stdout, flush=True)
    sys.exit(code)
