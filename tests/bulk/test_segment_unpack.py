"""Unpacking an export as it comes: whole, cut off, damaged, packed twice, and far too well."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fsctl.bulk.segment_unpack import unpacked
from fsctl.errors import Refused
from fsctl.membrane.gateway import GatewayError, Trouble

ROWS = b"".join(b'{"IndividualId":"%d"}\n' % n for n in range(5_000))


def pieces(data: bytes, size: int = 1000) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def content(data: bytes, size: int = 1000) -> bytes:
    return b"".join(unpacked(pieces(data, size)))


@given(
    st.binary(min_size=1, max_size=3000).filter(lambda data: not data.startswith(b"\x1f\x8b")),
    st.integers(1, 700),
    st.integers(0, 2),
)
def test_whatever_was_packed_comes_out_however_it_is_cut(
    data: bytes, size: int, layers: int
) -> None:
    packed = data
    for _ in range(layers):
        packed = gzip.compress(packed)
    assert content(packed, size) == data


def test_several_members_and_the_zeros_behind_them_are_one_file() -> None:
    packed = gzip.compress(ROWS[:100]) + gzip.compress(ROWS[100:]) + b"\0" * 5000
    for size in (1, 7, 100_000):
        assert content(packed, size) == ROWS


def test_an_empty_export_is_empty_and_an_empty_file_is_none() -> None:
    assert content(gzip.compress(b"")) == b""
    with pytest.raises(GatewayError, match="empty"):
        content(b"")


@given(st.integers(1, len(gzip.compress(ROWS)) - 1))
def test_a_file_that_is_cut_off_anywhere_is_never_taken_for_whole(at: int) -> None:
    packed = gzip.compress(ROWS)[:at]
    if at == 1:  # one byte of anything: no gzip
        return
    with pytest.raises(GatewayError) as caught:
        content(packed)
    assert caught.value.trouble is Trouble.UNREADABLE


def test_a_damaged_file_is_said_to_be_damaged() -> None:
    packed = bytearray(gzip.compress(ROWS))
    packed[len(packed) // 2] ^= 0xFF
    with pytest.raises(GatewayError, match="damaged"):
        content(bytes(packed))
    with pytest.raises(GatewayError, match="damaged"):
        content(gzip.compress(ROWS) + b"<html>")


def bomb(size: int) -> bytes:
    packer = zlib.compressobj(9, wbits=31)
    zeros = bytes(1024 * 1024)
    return b"".join(packer.compress(zeros) for _ in range(size)) + packer.flush()


def test_a_bomb_is_thrown_away_before_it_goes_off() -> None:
    given_out = 0
    with pytest.raises(Refused) as caught:
        for piece in unpacked(pieces(bomb(40)), small=1024 * 1024):
            given_out += len(piece)
    assert caught.value.code == "gzip_bomb"
    assert given_out < 3 * 1024 * 1024


def test_a_bomb_in_a_bomb_is_no_better() -> None:
    packed = gzip.compress(bomb(40))
    with pytest.raises(Refused, match="times its size"):
        for _ in unpacked(pieces(packed), small=1024 * 1024):
            pass


def test_what_is_packed_well_but_small_is_no_bomb() -> None:
    assert sum(map(len, unpacked(pieces(bomb(8))))) == 8 * 1024 * 1024


def test_no_piece_is_large_however_well_it_was_packed() -> None:
    assert max(map(len, unpacked(pieces(bomb(8), 10**6)))) <= 256 * 1024


def test_the_whole_has_a_bound_too() -> None:
    with pytest.raises(Refused, match="more than"):
        for _ in unpacked(pieces(gzip.compress(ROWS)), most_bytes=1000):
            pass
