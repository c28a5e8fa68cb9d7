"""Reading a request strictly: what is unknown, missing or of another type is refused, with the words of the API it belongs to."""

import json
from collections.abc import Mapping
from typing import Any
from urllib.parse import parse_qsl

from tests.simulators.core import multipart
from tests.simulators.core.faults import Request
from tests.simulators.dingtalk.state import Json, Refusal


def body(
    request: Request, known: Mapping[str, type], required: tuple[str, ...] = (), *, bad: str = "invalidParameter.param.invalid"
) -> Json:
    """The JSON object with no other fields than `known`, each of its type; a required one that is not there is the gateway's business."""
    if not request.headers.get("content-type", "").lower().startswith("application/json"):
        raise Refusal("InvalidContentType", "Content-Type must be application/json (strict)")
    if not request.body:
        raise Refusal("Missingbody", "body is mandatory for this action.")
    found = parsed(request.body)
    if found is None:
        raise Refusal("Invalidbody", "Specified parameter body is not valid. JSON parsing error")
    for name in required:
        if found.get(name) is None:
            raise Refusal(f"Missing{name}", f"{name} is mandatory for this action.")
    fields(found, known, bad)
    return found


def fields(found: Json, known: Mapping[str, type], bad: str) -> None:
    for name, value in found.items():
        if name not in known:
            raise Refusal(bad, f"{name}: unknown field (strict)")
        if not isinstance(value, known[name]) or (isinstance(value, bool) and known[name] is not bool):
            raise Refusal(bad, f"{name}: {known[name].__name__} is expected")


def parsed(content: bytes | str) -> Json | None:
    try:
        found = json.loads(content.decode() if isinstance(content, bytes) else content)
    except ValueError:
        return None
    return found if isinstance(found, dict) else None


def old_body(request: Request) -> Mapping[str, Any]:
    """Of the old API: JSON, or a form."""
    if request.headers.get("content-type", "").lower().startswith("application/x-www-form-urlencoded"):
        return dict(parse_qsl(request.body.decode()))
    found = parsed(request.body)
    if found is None:
        raise Refusal(40035, "不合法的参数")
    return found


def strings(value: list[Any], bad: str) -> list[str]:
    if not all(isinstance(one, str) and one for one in value):
        raise Refusal(bad, "a list of strings is expected")
    return value


def upload(request: Request) -> tuple[str, str, bytes]:
    """The kind (in the query, or a part of its own), and of the part `media` its file's name and bytes."""
    found = multipart.parts(request)
    if found is None:
        raise Refusal(40035, "multipart/form-data is expected")
    _, kind = found.get("type", ("", request.query.get("type", "").encode()))
    name, content = found.get("media", ("", b""))
    if not name:
        raise Refusal(40035, "缺少参数 media")
    return kind.decode(), name, content
