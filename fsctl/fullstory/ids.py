"""What an identifier can be read as (contracts/fullstory-api §1, Ids)."""

from __future__ import annotations

import re

_DIGITS = re.compile(r"[0-9]{1,20}")
_MAX_ID = 2**64 - 1


def can_be_fullstory_id(text: str) -> bool:
    """Whether ``text`` reads as an id of Fullstory's: the digits of a number of up to 64 bits."""
    return _DIGITS.fullmatch(text) is not None and int(text) <= _MAX_ID


def can_be_email(text: str) -> bool:
    """Whether ``text`` reads as an e-mail; Fullstory itself barely checks (§2.1)."""
    local, at, domain = text.rpartition("@")
    return bool(local and at and domain) and not any(char.isspace() for char in text)
