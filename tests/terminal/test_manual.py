"""Pages of the manual, drawn for a terminal."""

from __future__ import annotations

import re

import pytest

from fsctl.terminal.manual import WIDEST, draw
from fsctl.terminal.width import width
from tests.support.screen import terminal

LONG = "fsctl annotations run --service checkout --env production -- ./deploy.sh --everything"
PAGE = f"""# Deploys

Some *words* with `code` in them, and a [link](https://example.com/a) that leads somewhere else, so
that there is more than one line.

## More

- one
- two

```console
$ {LONG}
    indented
```

| option | meaning |
|---|---|
| `--once` | once |
"""


@pytest.mark.parametrize("columns", [30, 80, 300])
def test_prose_fits_the_window_and_code_is_never_broken(columns: int) -> None:
    lines = draw(PAGE, terminal(columns)).splitlines()
    assert f"    $ {LONG}" in lines
    assert "        indented" in lines
    prose = [line for line in lines if LONG not in line]
    assert max(map(width, prose)) <= min(columns, WIDEST)
    assert not any(line.endswith(" ") for line in lines)


def test_nothing_of_the_markup_is_left() -> None:
    drawn = draw(PAGE, terminal(80))
    for markup in ("#", "`", "*", "](", "|--"):
        assert markup not in drawn
    assert drawn.startswith("Deploys\n\nSome words with code in them,")
    assert " • one\n • two\n" in drawn


def test_without_colour_there_is_not_one_escape() -> None:
    assert "\x1b" not in draw(PAGE, terminal(80))
    assert "link (https://example.com/a)" in draw(PAGE, terminal(80))


def test_colours_are_those_that_every_terminal_has() -> None:
    drawn = draw(PAGE, terminal(80, color=True))
    assert "\x1b[36mcode\x1b[0m" in drawn
    assert "\x1b[1;4mDeploys\x1b[0m" in drawn
    words = [line.rstrip() for line in re.sub(r"\x1b\[[0-9;]*m", "", drawn).splitlines()]
    assert words == draw(PAGE, terminal(80)).splitlines()


def test_a_terminal_that_follows_links_shows_their_words_alone() -> None:
    drawn = draw(PAGE, terminal(80, color=True, hyperlinks=True))
    assert "https://example.com/a\x1b\\" in drawn  # in the escape
    assert "(https://example.com/a)" not in drawn
