"""What the smart robot may say: to a message, as a greeting, by itself, at a response_url (pages 101031, 101032, 101138, 101463)."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from tests.simulators.core.shape import Check, among, anything, each, must, thing, words, yes_or_no
from tests.simulators.wecom.reading import fits
from tests.simulators.wecom.state import Json, Refusal

MARKDOWN = 20480
_FEEDBACK = thing({"id": words(size=256, least=1)}, ("id",))
_PICTURE = thing(
    {"msgtype": among("image"), "image": thing({"base64": words(), "md5": words(32)}, ("base64", "md5"))}, ("msgtype", "image")
)
_STREAM = thing(
    {"id": words(size=256, least=1), "finish": yes_or_no, "content": words(), "msg_item": each(_PICTURE, 10), "feedback": _FEEDBACK},
    ("id",),
)
_MARKDOWN = thing({"content": words(least=1), "feedback": _FEEDBACK}, ("content",))
_MEDIA = thing({"media_id": words(least=1)}, ("media_id",))
FILES = ("file", "image", "voice", "video")
ANSWERS: Mapping[str, Mapping[str, Check]] = {
    "stream": {"stream": _STREAM},
    "template_card": {"template_card": anything},
    "stream_with_template_card": {"stream": _STREAM, "template_card": anything},
}
WELCOMES: Mapping[str, Mapping[str, Check]] = {
    "text": {"text": thing({"content": words(least=1)}, ("content",))},
    "template_card": {"template_card": anything},
}
PUSHES: Mapping[str, Mapping[str, Check]] = {
    "markdown": {"markdown": _MARKDOWN},
    "template_card": {"template_card": anything},
    **{kind: {kind: _MEDIA} for kind in FILES},
}
LATE: Mapping[str, Mapping[str, Check]] = {"markdown": {"markdown": _MARKDOWN}, "template_card": {"template_card": anything}}


def content_of(
    given: Json, kinds: Mapping[str, Mapping[str, Check]], common: Mapping[str, Check] | None = None, needs: Sequence[str] = ()
) -> Json:
    """What is said, without what is around it; another msgtype is 40008."""
    kind = given.get("msgtype")
    if not isinstance(kind, str) or kind not in kinds:
        raise Refusal(40008, f"invalid message type: {kind!r}")
    known = kinds[kind]
    fits(thing({"msgtype": anything, **(common or {}), **known}, (*known, *needs)), given, "body")
    return {name: json.loads(json.dumps(given[name])) for name in known}


def finished(stream: Json) -> Check:
    """Pictures come with the last piece."""

    def check(value: Any, path: str) -> None:
        words(size=MARKDOWN)(stream.get("content", ""), f"{path} -> content")
        must("msg_item" not in stream or stream.get("finish") is True, path, "msg_item only with finish")

    return check
