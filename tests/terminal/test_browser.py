"""A page is shown where a person sits before a screen, and by no program of a checkout."""

from __future__ import annotations

from pathlib import Path

import pytest

from fsctl.terminal.browser import can_show, show
from fsctl.terminal.world import World


@pytest.mark.parametrize(
    ("facts", "environ", "platform", "shown"),
    [
        ({"stdout_is_terminal": True}, {"DISPLAY": ":0"}, "linux", True),
        ({"stderr_is_terminal": True}, {"WAYLAND_DISPLAY": "w"}, "linux", True),
        ({"stdout_is_terminal": True}, {}, "linux", False),
        ({}, {"DISPLAY": ":0"}, "linux", False),
        ({"stdout_is_terminal": True, "under_ci": True}, {"DISPLAY": ":0"}, "linux", False),
        ({"stdout_is_terminal": True}, {}, "darwin", True),
        ({"stdout_is_terminal": True}, {"SSH_CONNECTION": "x"}, "darwin", False),
        ({"stdout_is_terminal": True}, {}, "win32", True),
    ],
)
def test_a_page_can_be_shown_where_there_is_a_terminal_and_a_display(
    facts: dict[str, bool], environ: dict[str, str], platform: str, shown: bool
) -> None:
    assert can_show(World(environ=environ, **facts), platform) is shown  # type: ignore[arg-type]


@pytest.mark.parametrize("where", [".", "bin", "/checkout/bin"])
def test_a_browser_in_the_checkout_is_not_the_one_that_is_meant(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    checkout = tmp_path / "checkout"
    (checkout / "bin").mkdir(parents=True)
    (checkout / ".git").mkdir()
    seen = tmp_path / "seen"
    for directory in (checkout, checkout / "bin"):
        (directory / "planted").write_text(f"#!/bin/sh\n: > {seen}\n")
        (directory / "planted").chmod(0o755)
    monkeypatch.chdir(checkout)
    path = where.replace("/checkout", str(checkout)) if where.startswith("/") else where
    environ = {"PATH": f"{path}:/nowhere", "BROWSER": "planted", "HOME": str(tmp_path)}
    assert show("https://app.fullstory.com/ui/O/session/1:2", environ, checkout) is False
    assert not seen.exists()


def test_the_browser_sees_neither_membranes_variables_nor_a_strangers_modules(
    tmp_path: Path,
) -> None:
    seen, browser = tmp_path / "seen", tmp_path / "browser"
    browser.write_text(f'#!/bin/sh\n{{ echo "$1"; export -p; }} > {seen}\n')
    browser.chmod(0o755)
    (tmp_path / "webbrowser.py").write_text("raise SystemExit(1)")
    environ = {
        "PATH": "/usr/bin:/bin", "HOME": str(tmp_path), "BROWSER": f"{browser} %s",
        "PYTHONPATH": str(tmp_path), "MEMBRANE_TOKEN": "s3cret", "LANG": "C.UTF-8",
    }  # fmt: skip
    url = "https://app.fullstory.com/ui/O/session/1:2"
    assert show(url, environ, tmp_path) is True
    told = seen.read_text()
    assert told.splitlines()[0] == url
    assert "C.UTF-8" in told
    assert "MEMBRANE" not in told


def test_a_browser_that_fails_is_told_of(tmp_path: Path) -> None:
    environ = {"PATH": "/nowhere", "BROWSER": "/bin/false", "HOME": str(tmp_path)}
    assert show("https://app.fullstory.com/", environ, tmp_path) is False
