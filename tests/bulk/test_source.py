"""Sources: whatever a file or a pipe holds is read as UTF-8, from any offset, again and again."""

from __future__ import annotations

import bz2
import gzip
import io
import lzma
import os
import stat
import tempfile
import threading
from pathlib import Path
from typing import BinaryIO

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fsctl.bulk.source import Source, open_source
from fsctl.bulk.source_bytes import CHUNK, Stream
from fsctl.errors import FsctlError, Refused, Usage
from fsctl.terminal.world import World
from tests.support.inputs import piped, source_of


def whole(stream: Stream) -> bytes:
    parts = []
    while data := stream.read(CHUNK):
        parts.append(data)
    return b"".join(parts)


def text_of(source: Source) -> str:
    return whole(source.open()).decode()


# -- encodings


@pytest.mark.parametrize(
    ("encoding", "mark"),
    [
        ("utf-8", b""),
        ("utf-8", b"\xef\xbb\xbf"),
        ("utf-16-le", b"\xff\xfe"),
        ("utf-16-be", b"\xfe\xff"),
        ("utf-32-le", b"\xff\xfe\x00\x00"),
        ("utf-16-le", b""),
        ("utf-16-be", b""),
    ],
)
def test_unicode_of_every_width_is_found(tmp_path: Path, encoding: str, mark: bytes) -> None:
    text = 'uid,name\nu1,"Zoë 💜"\n' * 100
    source = source_of(tmp_path, mark + text.encode(encoding), "people.csv")
    assert text_of(source) == text
    assert source.encoding == encoding
    assert source.notes == []


def test_what_is_no_utf_8_is_read_as_windows_1252_and_said_aloud(tmp_path: Path) -> None:
    source = source_of(tmp_path, b"uid,name\nu1,Zo\xeb \x80\n", "people.csv")
    assert text_of(source) == "uid,name\nu1,Zoë €\n"
    assert "cp1252" in source.notes[0]
    assert "--encoding" in source.notes[0]


def test_a_character_that_is_cut_where_looking_ends_is_still_utf_8(tmp_path: Path) -> None:
    data = b"x" * (64 * 1024 - 1) + "ë".encode()
    assert source_of(tmp_path, data).encoding == "utf-8"


def test_bytes_that_are_no_utf_8_far_down_do_not_change_the_rest(tmp_path: Path) -> None:
    data = b"x" * 70_000 + b"\xff"
    source = source_of(tmp_path, data)
    assert source.encoding == "utf-8"
    assert whole(source.open()) == data


@pytest.mark.parametrize("encoding", ["utf-16-le", "utf-16-be"])
def test_utf_16_without_a_mark_is_found_where_little_of_it_is_ascii(
    tmp_path: Path, encoding: str
) -> None:
    text = "uid,name\nu1,山田太郎さんの長い名前です\nu2,鈴木花子さんの長い名前ですよ\n"
    source = source_of(tmp_path, text.encode(encoding), "people.csv")
    assert (source.encoding, text_of(source)) == (encoding, text)


def test_a_few_zero_bytes_do_not_make_utf_16(tmp_path: Path) -> None:
    assert source_of(tmp_path, b'{"uid":"\0"}\n').encoding == "utf-8"
    assert source_of(tmp_path, b"u,p\n1,\0\0\n").encoding == "utf-8"


def test_half_characters_do_not_make_utf_8_another_encoding(tmp_path: Path) -> None:
    assert source_of(tmp_path, b'{"uid":"a\xed\xa0\xbd"}\n').encoding == "utf-8"


@pytest.mark.parametrize(
    ("data", "what"),
    [
        (b"PK\x03\x04\x14\x00", "an Excel workbook or a ZIP archive"),
        (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook"),
        (b"PAR1\x15\x04", "a Parquet file"),
        (bz2.compress(b"uid\n"), "packed with bzip2"),
        (lzma.compress(b"uid\n"), "packed with xz"),
        (gzip.compress(gzip.compress(b"uid\n")), "packed twice"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html>\n<html>", "HTML or XML"),
        (b'<?xml version="1.0"?>', "HTML or XML"),
    ],
    ids=["xlsx", "xls", "parquet", "bzip2", "xz", "gzip twice", "html", "xml"],
)
def test_a_file_of_another_kind_is_refused_by_its_kind(
    tmp_path: Path, data: bytes, what: str
) -> None:
    with pytest.raises(Usage, match=f"people.csv' is {what}"):
        source_of(tmp_path, data, "people.csv")


def test_an_encoding_can_be_named(tmp_path: Path) -> None:
    data = "uid\nŁódź\n".encode("cp1250")
    assert text_of(source_of(tmp_path, data, encoding="windows-1250")) == "uid\nŁódź\n"
    marked = "uid\n".encode("utf-16")
    assert text_of(source_of(tmp_path, marked, encoding="UTF-16")) == "uid\n"


@pytest.mark.parametrize("name", ["klingon", "base64", "rot13", "\0"])
def test_an_encoding_that_is_none_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Usage, match="no encoding"):
        source_of(tmp_path, b"", encoding=name)


def test_text_that_is_not_what_was_named_is_told(tmp_path: Path) -> None:
    source = source_of(tmp_path, b"a" * CHUNK + b"\xff", encoding="ascii")
    with pytest.raises(Usage, match="not ascii"):
        whole(source.open())


# -- gzip


def test_gzip_is_unpacked_with_all_its_members_and_padding(tmp_path: Path) -> None:
    data = gzip.compress(b'{"uid":"a"}\n') + gzip.compress(b'{"uid":"b"}\n') + b"\0" * 600_000
    source = source_of(tmp_path, data, "people.jsonl.gz")
    assert text_of(source) == '{"uid":"a"}\n{"uid":"b"}\n'
    assert (source.format, source.size) == ("jsonl", None)


def test_gzip_is_known_by_its_bytes_and_not_by_its_name(tmp_path: Path) -> None:
    assert text_of(source_of(tmp_path, gzip.compress(b"uid\n"), "people.csv")) == "uid\n"


@pytest.mark.parametrize("cut", [2, 9, 11, 500, -1])
def test_truncated_gzip_is_told(tmp_path: Path, cut: int) -> None:
    data = gzip.compress(os.urandom(100_000).hex().encode())[:cut]
    with pytest.raises(Usage, match="ends in the middle"):
        whole(source_of(tmp_path, data, "x.gz").open())


def test_damaged_gzip_is_told(tmp_path: Path) -> None:
    data = bytearray(gzip.compress(os.urandom(200_000).hex().encode()))
    data[150_000] ^= 0xFF
    with pytest.raises(Usage, match="damaged"):
        whole(source_of(tmp_path, bytes(data), "x.gz").open())


def test_a_gzip_bomb_is_not_unpacked_to_its_end(tmp_path: Path) -> None:
    zeros = gzip.compress(b"\0" * 80_000_000)
    source = source_of(tmp_path, zeros * 100, "x.gz", encoding="utf-8")
    given = 0
    stream = source.open()
    with pytest.raises(Usage, match="500 times its size"):
        while data := stream.read(CHUNK):
            given += len(data)
    assert given < 500_000_000  # of 8 GB
    assert len(zeros) < 100_000


# -- formats


@pytest.mark.parametrize(
    ("name", "data", "expected"),
    [
        ("x.jsonl", b'{"uid":"a"}', "jsonl"),
        ("x.ndjson", b"", "jsonl"),
        ("x.json", b'[{"uid":"a"}]', "json"),
        ("x.jsonl", b' \n[{"uid":"a"}]', "json"),
        ("x.jsonl", b'[{"uid":"a"},\n{"uid":"b"}]\n', "json"),
        ("x.jsonl", b'[{"uid":"a"}]\n{"uid":"b"}\n', "jsonl"),
        ("x.json", b'{"uid":"a"}\n{"uid":"b"}\n', "jsonl"),
        ("x.json", b'{\n  "uid": "a"\n}\n', "json"),
        ("x.json", b'{"properties": {\n  "a": 1}}\n', "json"),
        ("x.csv", b"[a],b\n", "csv"),
        ("x.TSV", b"uid\n", "tsv"),
        ("x", b'{"uid":"a"}\n', "jsonl"),
        ("x", b"[]", "json"),
        ("x.txt", b"uid,name\n", "csv"),
        ("x.txt", b"uid\tname\n", "tsv"),
        ("x", b"", "csv"),
    ],
)
def test_the_format_is_told_by_name_and_first_bytes(
    tmp_path: Path, name: str, data: bytes, expected: str
) -> None:
    assert source_of(tmp_path, data, name).format == expected


def test_the_format_can_be_named(tmp_path: Path) -> None:
    assert source_of(tmp_path, b"uid\tname\n", "x.txt", form="csv").format == "csv"


# -- where it comes from


def test_the_origin_identifies_a_file(tmp_path: Path) -> None:
    first = source_of(tmp_path, b"a" * 200_000)
    path = tmp_path / "people.jsonl"
    assert first.origin.path == path
    assert (first.origin.size, first.size) == (200_000, 200_000)
    assert first.origin.mtime_ns == path.stat().st_mtime_ns
    again = source_of(tmp_path, b"a" * 200_000)
    assert again.origin.ends_hash == first.origin.ends_hash
    other = source_of(tmp_path, b"a" * 199_999 + b"b")
    assert other.origin.ends_hash != first.origin.ends_hash


def test_a_file_that_is_replaced_while_it_is_read_stays_what_it_was(tmp_path: Path) -> None:
    source = source_of(tmp_path, b"old")
    (tmp_path / "new").write_bytes(b"new")
    (tmp_path / "new").replace(tmp_path / "people.jsonl")
    assert whole(source.open()) == b"old"


def test_what_is_appended_while_a_file_is_read_is_left_out(tmp_path: Path) -> None:
    data = b'{"uid":"a"}\n' * 50_000
    source = source_of(tmp_path, data)
    stream = source.open()
    begun = stream.read(1000)
    with source.origin.path.open("ab") as file:  # type: ignore[union-attr]
        file.write(b'{"uid":"b"}\n')
    assert begun + whole(stream) == whole(source.open()) == data


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (b"uid\na\n" * 60_000, b"", "it had 360,000 bytes, and has 0"),
        (b"uid\na\n", b"uid\nb\n", "while it was read."),
        (b"uid\na", b"uid\nab\n", "it had 5 bytes, and has 7"),
        (b"uid\na\n", b"uid\nb\nc\n", "it had 6 bytes, and has 8"),
    ],
)
def test_a_file_that_is_written_to_while_it_is_read_is_refused(
    tmp_path: Path, before: bytes, after: bytes, told: str
) -> None:
    source = source_of(tmp_path, before)
    path = tmp_path / "people.jsonl"
    path.write_bytes(after)
    os.utime(path, ns=(0, 0))  # a clock may be too coarse to tell
    with pytest.raises(Usage, match=told):
        whole(source.open())


def test_a_directory_is_refused(tmp_path: Path) -> None:
    with pytest.raises(Usage, match="is a directory"):
        open_source(World(), str(tmp_path))


@pytest.mark.parametrize("name", ["missing", "a\0b", "~nobody-here/x", "x" * 5000])
def test_a_file_that_is_not_there_is_refused(tmp_path: Path, name: str) -> None:
    with pytest.raises(Usage, match="cannot be read"):
        open_source(World(), str(tmp_path / name) if name[0] != "~" else name)


def test_a_fifo_is_read_once_and_kept_for_a_second_reading(tmp_path: Path) -> None:
    path = tmp_path / "fifo"
    os.mkfifo(path)
    data = b'{"uid":"a"}\n' * 50_000
    writer = threading.Thread(target=path.write_bytes, args=(data,))
    writer.start()
    source = open_source(World(), str(path), scratch=tmp_path)
    assert whole(source.open()) == data
    assert whole(source.open(12)) == data[12:]
    writer.join()
    assert (source.origin.path, source.size) == (None, None)


# -- stdin


def test_stdin_is_read_again_from_an_unnamed_spool(tmp_path: Path) -> None:
    data = os.urandom(3 * CHUNK).hex().encode()
    source = open_source(piped(data), "-", scratch=tmp_path)
    slow, quick = source.open(), source.open(1000)
    assert slow.read(10) == data[:10]
    assert whole(quick) == data[1000:]
    assert whole(slow) == data[10:]
    assert list(tmp_path.iterdir()) == []
    assert source.origin == ("stdin", None, None, None, None)


def test_gzip_comes_from_stdin_too() -> None:
    source = open_source(piped(gzip.compress(b"uid\na\n")), "-")
    assert text_of(source) == text_of(source) == "uid\na\n"


@pytest.mark.parametrize("world", [World(), World(stdin=io.BytesIO(b"x"), stdin_is_terminal=True)])
def test_nothing_piped_in_is_told(world: World) -> None:
    with pytest.raises(Usage, match="Nothing is piped in"):
        open_source(world, "-")


def test_a_named_spool_is_whole_private_and_goes_when_all_is_done(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    source = open_source(piped(b'{"uid":"a"}\n'), "-", spool=spool)
    assert source.origin.path == spool
    assert stat.S_IMODE(spool.stat().st_mode) == 0o600
    assert (text_of(source), source.notes) == ('{"uid":"a"}\n', [])
    source.done()
    assert list(tmp_path.iterdir()) == []


def test_a_spool_of_an_earlier_run_is_read_in_place_of_stdin(tmp_path: Path) -> None:
    spool = tmp_path / "spool"
    open_source(piped(b"first"), "-", spool=spool).close()
    again = open_source(World(), "-", spool=spool)
    assert text_of(again) == "first"
    assert "earlier run" in again.notes[0]


def test_a_copy_of_stdin_that_breaks_off_leaves_nothing(tmp_path: Path) -> None:
    class Broken(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            raise OSError(5, "Input/output error")

    broken: BinaryIO = Broken()
    with pytest.raises(Refused):
        open_source(World(stdin=broken), "-", spool=tmp_path / "spool")
    assert list(tmp_path.iterdir()) == []


def test_a_symlink_planted_where_the_spool_goes_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "target").write_bytes(b"precious")
    (tmp_path / "spool").symlink_to(tmp_path / "target")
    with pytest.raises(FsctlError):
        open_source(piped(b"x"), "-", spool=tmp_path / "spool")
    assert (tmp_path / "target").read_bytes() == b"precious"


def test_a_spool_is_only_for_stdin(tmp_path: Path) -> None:
    with pytest.raises(Usage, match="--spool is for stdin"):
        source_of(tmp_path, b"", spool=tmp_path / "spool")


# -- any offset


@settings(deadline=None)
@given(
    text=st.text(st.characters(codec="utf-8", exclude_characters="\ufeff"), max_size=200),
    at=st.integers(0, 300),
    encoding=st.sampled_from(["utf-8", "utf-16", "utf-8-sig"]),
    packed=st.booleans(),
    by_pipe=st.booleans(),
)
def test_reading_from_any_offset_gives_the_rest(
    text: str, at: int, encoding: str, packed: bool, by_pipe: bool
) -> None:
    data = text.encode(encoding)
    data = gzip.compress(data) if packed else data
    with tempfile.TemporaryDirectory() as directory:
        if by_pipe:
            source = open_source(piped(data), "-", encoding=encoding)
        else:
            source = source_of(Path(directory), data, encoding=encoding)
        assert whole(source.open(at)) == text.encode()[at:]
        assert whole(source.open()) == text.encode()
        source.close()
