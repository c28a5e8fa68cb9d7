"""JSON from outside, read strictly: whatever is not of the expected shape is refused with one reason and never raises anything else."""

import json
import re
from collections.abc import Mapping
from typing import Any

from bot.platforms.core.contract import NotAuthentic

Object = Mapping[str, Any]
_NONE: Object = {}
_NO_TEXT = re.compile("[\0\ud800-\udfff]")


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
    if _NO_TEXT.search(found):
        raise NotAuthentic("bad_json", f"{name} holds what is no text")
    return found


def items(values: Object, name: str) -> list[Any]:
    found = values.get(name, [])
    return found if isinstance(found, list) else []
