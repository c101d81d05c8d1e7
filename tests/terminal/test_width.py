"""Cells: what a terminal draws is what is counted."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsctl.terminal.sanitise import clean
from fsctl.terminal.width import clusters, fit, pad, width

SHOWN = st.text(
    st.one_of(st.sampled_from("a é\u0301日한👩💻🏽❤🇬🇧\u200d\ufe0f\u1161#️⃣"), st.characters())
).map(clean)


@pytest.mark.parametrize(
    ("text", "cells"),
    [
        ("", 0),
        ("ascii", 5),
        ("é", 1),
        ("e\u0301", 1),
        ("日本", 4),
        ("한", 2),
        ("\u1112\u1161\u11ab", 2),  # the same syllable, decomposed
        ("ﾊﾝｶｸ", 4),
        ("\uff37\uff29\uff24\uff25", 8),
        ("👩", 2),
        ("👩‍💻", 2),
        ("👩🏽‍🚀", 2),
        ("👨‍👩‍👧‍👦", 2),
        ("🏳️‍🌈", 2),
        ("❤", 1),
        ("❤️", 2),
        ("🇬🇧", 2),
        ("🇬🇧🇫🇷", 4),
        ("1️⃣", 2),
        ("\u2139\ufe0f", 2),
        ("\u00a9\ufe0f", 2),
        ("!\ufe0f", 1),
        (" \ufe0f", 1),
        ("ab\ufe0f", 2),
        ("\u06dd\u0661", 2),  # a mark that goes around the digit after it
        ("क्‍ष", 2),
        ("שלום", 4),
        ("…", 1),
    ],
)
def test_the_width_is_what_terminals_draw(text: str, cells: int) -> None:
    assert width(text) == cells


@given(SHOWN)
def test_clusters_are_the_text_and_its_width(text: str) -> None:
    pieces = list(clusters(text))
    assert "".join(piece for piece, _ in pieces) == text
    assert sum(cells for _, cells in pieces) == width(text)


@given(SHOWN, st.integers(0, 30))
def test_a_fitted_text_fits_and_says_that_it_was_cut(text: str, cells: int) -> None:
    fitted = fit(text, cells)
    assert width(fitted) <= cells
    if width(text) <= cells:
        assert fitted == text
    elif cells:
        assert fitted.endswith("…")
        assert text.startswith(fitted[:-1])


@pytest.mark.parametrize(
    ("text", "cells", "fitted"),
    [
        ("Grace Hopper", 12, "Grace Hopper"),
        ("Grace Hopper", 8, "Grace H…"),
        ("Grace Hopper", 7, "Grace…"),
        ("日本語", 5, "日本…"),
        ("日本語", 4, "日…"),
        ("a👩‍💻b", 3, "a…"),
        ("e\u0301e\u0301e\u0301", 2, "e\u0301…"),
        ("abc", 1, "…"),
        ("abc", 0, ""),
    ],
)
def test_cutting_never_splits_a_character(text: str, cells: int, fitted: str) -> None:
    assert fit(text, cells) == fitted


@given(SHOWN, st.integers(0, 30))
def test_padding_fills_to_the_cell(text: str, cells: int) -> None:
    assert width(pad(text, cells)) == max(cells, width(text))
    assert pad(text, cells, right=True).endswith(text)


def test_a_pile_of_marks_is_measured_in_linear_time() -> None:
    assert width("e" + "\u0301" * 500_000) == 1
    assert width("👩" + "\u200d👩" * 100_000) == 2
