"""What an input is: its encoding and its format, by its name and its first bytes."""

from __future__ import annotations

import codecs
import json
import re
from typing import Literal, NamedTuple

from ..errors import Usage

Format = Literal["jsonl", "json", "csv", "tsv"]

# What a Windows program writes that does not write Unicode.
_FALLBACK = "cp1252"
_MARKS = (
    (codecs.BOM_UTF8, "utf-8"),
    (codecs.BOM_UTF32_LE, "utf-32-le"),  # before UTF-16, whose mark it begins with
    (codecs.BOM_UTF32_BE, "utf-32-be"),
    (codecs.BOM_UTF16_LE, "utf-16-le"),
    (codecs.BOM_UTF16_BE, "utf-16-be"),
)
_MARKED = {"utf-16": "utf-16-le", "utf-32": "utf-32-le", "utf-8-sig": "utf-8"}
_SUFFIXES: dict[str, Format] = {
    ".jsonl": "jsonl",
    ".ndjson": "jsonl",
    ".json": "json",
    ".csv": "csv",
    ".tsv": "tsv",
    ".tab": "tsv",
}
_BLANK = b" \t\r\n"
_SAMPLE = 1000  # bytes that tell UTF-16 without a mark: ASCII has no NUL, UTF-16 many
_SURROGATE = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")  # half a character, as some write it
_EXCEL = "In Excel, save it as CSV UTF-8."
_UNPACK = "Unpack it, or pack it with gzip."
# What is no text at all: its first bytes, what it is, and what to do.
_MAGIC = (
    (b"PK\x03\x04", "an Excel workbook or a ZIP archive", f"{_EXCEL} Unpack an archive."),
    (b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1", "an old Excel workbook", _EXCEL),
    (b"PAR1\x15", "a Parquet file", "Save it as JSON lines or CSV."),
    (b"SQLite format 3\0", "an SQLite database", "Save it as JSON lines or CSV."),
    (b"%PDF-", "a PDF", "Save it as JSON lines or CSV."),
    *((b"BZh%d1AY&SY" % level, "packed with bzip2", _UNPACK) for level in range(1, 10)),
    (b"\xfd7zXZ\0", "packed with xz", _UNPACK),
    (b"\x28\xb5\x2f\xfd", "packed with Zstandard", _UNPACK),
    (b"7z\xbc\xaf\x27\x1c", "a 7z archive", _UNPACK),
    (b"\x1f\x8b", "packed twice", _UNPACK),
)
_MARKUP = re.compile(rb"<(?:!doctype|html|\?xml|head|body|table)[\s>]", re.IGNORECASE)


class Encoding(NamedTuple):
    """Python's name of an encoding, the length of the byte order mark, whether it was guessed."""

    encoding: str
    mark: int
    guessed: bool = False


def refuse_other(head: bytes, name: str) -> None:
    """Raise :class:`Usage` for a file of another kind, by its first bytes as they are unpacked."""
    for magic, what, hint in _MAGIC:
        if head.startswith(magic):
            raise Usage(f"{name} is {what}, and no text.", hint=hint, code="no_text")
    if _MARKUP.match(head.lstrip(codecs.BOM_UTF8 + _BLANK)):
        raise Usage(
            f"{name} is HTML or XML, and no table.",
            hint="It may be a page that asks to log in: look at it, and download it again.",
            code="no_text",
        )


def encoding_named(name: str) -> str:
    """Python's own name of an encoding of text. Raises :class:`Usage`."""
    try:
        found = codecs.lookup(name)
        "a".encode(found.name)
    except (LookupError, TypeError, ValueError):
        raise Usage(
            f"{name!a} is no encoding that is known.",
            hint="utf-8, utf-16, windows-1252 and iso-8859-1 are some.",
        ) from None
    return found.name


def encoding_of(head: bytes, named: str | None) -> Encoding:
    """The encoding of a text that begins with ``head``; ``named`` wins over what is found."""
    for mark, encoding in _MARKS:
        if head.startswith(mark) and (named is None or _MARKED.get(named, named) == encoding):
            return Encoding(encoding, len(mark))
        if head.startswith(mark) and named in ("utf-16", "utf-32") and encoding.startswith(named):
            return Encoding(encoding, len(mark))
    if named is not None:
        return Encoding(_MARKED.get(named, named), 0)
    if (wide := _wide(head[:_SAMPLE])) is not None:
        return Encoding(wide, 0)
    if _is_utf8(head):
        return Encoding("utf-8", 0)
    return Encoding(_FALLBACK, 0, guessed=True)


def _is_utf8(head: bytes) -> bool:
    """Whether it is UTF-8, perhaps with a damaged place. Other text is so by no chance."""
    head = _SURROGATE.sub(b"", head)
    text = codecs.getincrementaldecoder("utf-8")("surrogateescape").decode(head)  # may be cut
    damaged = sum("\udc80" <= char <= "\udcff" for char in text) if not text.isascii() else 0
    return not damaged or sum(char > "\x7f" for char in text) > 2 * damaged


def _wide(sample: bytes) -> str | None:
    """UTF-16 without a mark: of what is ASCII in it, and a table's marks are, half is NUL."""
    pairs = len(sample) // 2
    low, high = sample[0::2].count(0), sample[1::2].count(0)
    enough = max(3, pairs * 0.15)
    if high > enough and low < high * 0.1:
        return "utf-16-le"
    if low > enough and high < low * 0.1:
        return "utf-16-be"
    return None


def format_named(suffix: str) -> Format | None:
    """The format that a name with that ending (``.csv``, in lower case) promises."""
    return _SUFFIXES.get(suffix)


def format_of(head: bytes, suffix: str) -> Format:
    """The format of a text that begins with ``head`` and whose name ends with ``suffix``."""
    begins = head.lstrip(_BLANK)[:1]
    named = _SUFFIXES.get(suffix)
    if named in ("csv", "tsv"):
        return named
    if begins == b"[":
        return "jsonl" if named == "jsonl" and _is_line_of_many(head) else "json"
    if named == "jsonl":
        return "jsonl"
    if begins == b"{" or named == "json":
        return "jsonl" if _is_object(head) else "json"
    return "tsv" if b"\t" in head.partition(b"\n")[0] else "csv"


def _is_line_of_many(head: bytes) -> bool:
    """Whether the first line is a whole value, and others follow."""
    line, _, rest = head.lstrip(_BLANK).partition(b"\n")
    return bool(rest.strip(_BLANK)) and _is_json(line)


def _is_object(head: bytes) -> bool:
    """Whether a line begins that can be an object, and not only the first line of one."""
    line, end, _ = head.lstrip(_BLANK).partition(b"\n")
    if not end:
        return True
    return _is_json(line) or not line.rstrip().endswith((b"{", b"[", b","))


def _is_json(text: bytes) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True
