"""Fullstory's own Swagger files, against which requests and answers are held.

They are not part of this repository. Set FSCTL_SPECS to a folder that holds
``users.sdk.swagger.json`` and ``events.swagger.json`` (of fullstorydev/fullstory-node-sdk), or put
it at ``../shared/contracts/specs``; without them the tests that need them are skipped.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import jsonschema
import pytest

from fsctl.membrane.gateway import Response

_FILES = {"users": "users.sdk.swagger.json", "events": "events.swagger.json"}
_ROOT = Path(__file__).resolve().parents[2]
_FOLDER = Path(os.environ.get("FSCTL_SPECS") or _ROOT.parent / "shared" / "contracts" / "specs")

needs_specs = pytest.mark.skipif(
    not all((_FOLDER / name).is_file() for name in _FILES.values()),
    reason="Fullstory's Swagger files are not here: set FSCTL_SPECS to their folder",
)


def read_specs() -> dict[str, Any]:
    """The files by what they are about."""
    return {kind: json.loads((_FOLDER / name).read_text()) for kind, name in _FILES.items()}


def hold(specs: dict[str, Any], method: str, path: str, body: Any, response: Response) -> str:
    """Hold a request that was answered, and its answer, against the specs; the path as it is
    written there.
    """
    spec, pattern, operation = _operation(specs, method, path)
    if body is not None and response.status == 200:
        _validate(spec, _body_schema(operation), body)
    described = operation["responses"][str(response.status)]
    if described.get("schema"):
        _validate(spec, described["schema"], json.loads(response.body))
    else:
        assert response.body == b""
    return pattern


def _operation(specs: dict[str, Any], method: str, path: str) -> tuple[Any, str, Any]:
    """The spec, the path as it is written there, and what stands there for the method."""
    given = path.split("/")
    for spec in specs.values():
        # a fixed segment counts for more than a variable one
        for pattern in sorted(spec["paths"], key=lambda path: path.count("{")):
            wanted = pattern.split("/")
            if len(wanted) == len(given) and all(
                want == got or want.startswith("{") for want, got in zip(wanted, given, strict=True)
            ):
                return spec, pattern, spec["paths"][pattern][method.lower()]
    raise AssertionError(f"no spec describes {method} {path}")


def _body_schema(operation: Any) -> Any:
    return next(one["schema"] for one in operation["parameters"] if one["in"] == "body")


def _validate(spec: Any, schema: Any, value: Any) -> None:
    """Hold a value against a Swagger 2.0 schema, read as JSON Schema (draft 4 is its parent).

    Fields that the schema does not name are an error: nobody may invent any.
    """
    document = {"definitions": _strict(spec["definitions"]), **_strict(schema)}
    jsonschema.Draft4Validator(document).validate(value)


def _strict(node: Any) -> Any:
    if isinstance(node, list):
        return [_strict(item) for item in node]
    if not isinstance(node, dict):
        return node
    result = {
        name: _strict(value) for name, value in node.items() if name not in {"example", "examples"}
    }
    # an object without described properties is a free one (custom properties, a type's fields)
    if isinstance(result.get("properties"), dict) and result.get("type") == "object":
        result["additionalProperties"] = False
    return result
