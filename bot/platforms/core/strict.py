"""JSON from outside, read strictly: whatever is not of the expected shape is refused with one reason and never raises anything else."""

import json
from collections.abc import Mapping
from typing import Any

from bot.platforms.core.contract import NotAuthentic

Object = Mapping[str, Any]
_NONE: Object = {}


def parse_object(body: bytes | str) -> Object:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        raise NotAuthentic("bad_json") from None
    if not isinstance(found, dict):
        raise NotAuthentic("bad_json")
    return found


def inner(values: Object, *names: str) -> Object:
    """The object below `names`; an empty one where there is none."""
    for name in names:
        found = values.get(name)
        values = found if isinstance(found, dict) else _NONE
    return values


def text(values: Object, name: str) -> str:
    """The text called `name`; empty where there is none. What no database could keep is refused."""
    found = values.get(name, "")
    if not isinstance(found, str):
        return ""
    if "\0" in found or any("\ud800" <= sign <= "\udfff" for sign in found):
        raise NotAuthentic("bad_json", f"{name} holds what is no text")
    return found


def items(values: Object, name: str) -> list[Any]:
    found = values.get(name, [])
    return found if isinstance(found, list) else []
