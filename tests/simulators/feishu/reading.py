"""Reading a request strictly: fields that are unknown, missing or of another type are violations, as 99992402 lists them."""

import json
from collections.abc import Mapping
from typing import Any

from tests.simulators.core import multipart
from tests.simulators.core.faults import Request
from tests.simulators.feishu.state import Refusal

Json = dict[str, Any]
ID_TYPES = ("open_id", "union_id", "user_id")


def violation(field: str, description: str) -> Refusal:
    found = {"field_violations": [{"field": field, "value": "", "description": description}]}
    return Refusal(99992402, f"field validation failed: {field}: {description}", error=found)


def body(request: Request, known: Mapping[str, type], required: tuple[str, ...] = ()) -> Json:
    """The JSON object with no other fields than `known`, each of its type."""
    # None at all is how the official SDK asks for a token.
    if not request.headers.get("content-type", "application/json").lower().startswith("application/json"):
        raise Refusal(9499, "Bad Request: Content-Type is not application/json")
    found = _object(request.body)
    for name, value in found.items():
        if name not in known:
            raise violation(name, "unknown field (strict)")
        if not isinstance(value, known[name]) or (isinstance(value, bool) and known[name] is not bool):
            raise violation(name, f"{known[name].__name__} is expected")
    for name in required:
        if name not in found or found[name] == "":
            raise violation(name, f"{name} is required")
    return found


def _object(content: bytes) -> Json:
    try:
        found = json.loads(content.decode())
    except ValueError:
        raise Refusal(9499, "Bad Request: invalid character in the body") from None
    if not isinstance(found, dict):
        raise Refusal(9499, "Bad Request: an object is expected")
    return found


def query(request: Request, known: Mapping[str, tuple[str, ...]], required: tuple[str, ...] = ()) -> Mapping[str, str]:
    """The parameters; `known`: the values each may have (any, where there are none)."""
    for name, value in request.query.items():
        if name not in known:
            raise violation(name, "unknown parameter (strict)")
        if known[name] and value not in known[name]:
            raise violation(name, f"{name} is optional, options: [{','.join(known[name])}]")
    for name in required:
        if not request.query.get(name):
            raise violation(name, f"{name} is required")
    return request.query


def uuid_of(value: str) -> str:
    if len(value) > 50:
        raise violation("uuid", "the max len is 50")
    return value


def strings(value: list[Any], field: str, most: int) -> list[str]:
    if not all(isinstance(one, str) for one in value):
        raise violation(field, "a list of strings is expected")
    if len(value) > most:
        raise violation(field, f"the max len is {most}")
    return value


def parts(request: Request) -> dict[str, tuple[str, bytes]]:
    found = multipart.parts(request)
    if found is None:
        raise Refusal(234001, "Invalid request param: multipart/form-data is expected")
    return found
