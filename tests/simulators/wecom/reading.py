"""Reading a request strictly: fields that are unknown, missing or of another type are refused. The real servers mostly ignore them."""

import json
import re
from collections.abc import Iterable, Mapping

from tests.simulators.core import multipart
from tests.simulators.core.faults import Request
from tests.simulators.core.shape import Check, Unfit, thing
from tests.simulators.wecom.state import Json, Refusal, State

INVALID, NOT_JSON = 40035, 47001


def query(request: Request, *names: str) -> Mapping[str, str]:
    """All of them, and no others; the token is looked at elsewhere."""
    for name in request.query:
        if name not in (*names, "access_token"):
            raise Refusal(INVALID, f"unknown parameter {name} (strict)")
    for name in names:
        if not request.query.get(name):
            raise Refusal(INVALID, f"missing {name}")
    return request.query


def body(request: Request, known: Mapping[str, Check], required: Iterable[str] = ()) -> Json:
    if not request.headers.get("content-type", "").lower().startswith("application/json"):
        raise Refusal(NOT_JSON, "data format error: Content-Type is not application/json (strict)")
    try:
        found = json.loads(request.body.decode())
    except ValueError:
        raise Refusal(NOT_JSON, "data format error") from None
    if not isinstance(found, dict):
        raise Refusal(NOT_JSON, "data format error: an object is expected")
    fits(thing(known, required), found, "body")
    return found


def fits(check: Check, value: object, path: str, code: int = INVALID) -> None:
    try:
        check(value, path)
    except Unfit as error:
        raise Refusal(error.code or code, f"invalid parameter: {error}") from None


def upload(request: Request) -> tuple[str, bytes]:
    found = multipart.parts(request)
    if found is None or set(found) != {"media"} or not found["media"][0]:
        raise Refusal(41005, "media data missing: multipart/form-data with one part `media` that has a filename is expected")
    return found["media"]


def receivers(state: State, given: Json) -> tuple[list[str], Json]:
    """Who gets it, and what the answer says of those who do not."""
    named = [one for one in given.get("touser", "").split("|") if one]
    if len(named) > 1000:
        raise Refusal(INVALID, "touser: more than 1000")
    visible = [one.userid for one in state.people.values() if one.visible]
    known = {one.casefold(): one for one in visible}
    found = visible if named == ["@all"] else [known[one.casefold()] for one in named if one.casefold() in known]
    unknown = [] if named == ["@all"] else [one for one in named if one.casefold() not in known]
    parties = [one for one in given.get("toparty", "").split("|") if one]
    if "1" in parties:
        found = visible
    answer: Json = {}
    if unknown:
        answer["invaliduser"] = "|".join(unknown)
    if strange := [one for one in parties if one != "1"]:
        answer["invalidparty"] = "|".join(strange)
    if tags := given.get("totag", ""):
        answer["invalidtag"] = tags
    if not (named or parties or tags):
        raise Refusal(82001, "All touser & toparty & totag are empty")
    if not found:
        raise Refusal(81013, "user & party & tag all invalid")
    return list(dict.fromkeys(found)), answer


def mentions(text: str) -> set[str]:
    return set(re.findall(r"<@([^<>\s]+)>", text))
