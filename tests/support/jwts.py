"""Tokens that tell something of themselves, with a signature that nobody could make."""

from __future__ import annotations

import base64
import json
from typing import Any


def unsigned(**told: Any) -> str:
    """A JWT with these claims."""
    parts = [
        base64.urlsafe_b64encode(json.dumps(part).encode()).decode().rstrip("=")
        for part in ({"alg": "HS256"}, told)
    ]
    return ".".join([*parts, "bm90LXNpZ25lZC1ieS1hbnlib2R5"])
