"""A JSON object whose last member is a list too long to be held as text."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from itertools import islice
from typing import Any

from .encode import pretty

AT_ONCE = 500


def pieces(
    head: Mapping[str, Any], name: str, items: Iterable[Any], *, ci: bool = False
) -> Iterator[str]:
    """``{**head, name: [*items]}`` as :func:`encode.pretty` writes it, with a line end.

    ``head`` must not be empty.
    """
    opened = pretty(head, ci=ci).removesuffix("\n}")
    yield f"{opened},\n  {pretty(name, ci=ci)}: ["
    before = ""
    source = iter(items)
    while chunk := list(islice(source, AT_ONCE)):
        # No line of JSON breaks inside a string, so every line can be moved to the right.
        lines = pretty(chunk, ci=ci)[1:-2].replace("\n", "\n  ")
        yield before + lines
        before = ","
    yield "\n  ]\n}\n" if before else "]\n}\n"
