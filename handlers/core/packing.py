"""Messages as they are kept until they are decided: masked, storable, as JSON and back."""

from collections.abc import Mapping
from dataclasses import asdict, fields, replace
from datetime import datetime
from typing import Any

from handlers.core.message import Attached, Message
from handlers.core.screen import screen

_NAMES = tuple(each.name for each in fields(Message))


def screened(message: Message) -> tuple[Message, bool]:
    """Client data is masked before anything else sees it."""
    text = screen(storable(message.text))
    fields = [(screen(storable(name)), screen(storable(value))) for name, value in message.fields.items()]
    masked = bool(text.found) or any(name.found or value.found for name, value in fields)
    return replace(message, text=text.text, fields={name.text: value.text for name, value in fields}), masked


def storable(text: str) -> str:
    """Without what no database can keep (NUL, lone surrogates) and nobody can type."""
    return text.replace("\x00", "").encode("utf-8", "ignore").decode("utf-8")


def packed(message: Message) -> dict[str, Any]:
    same = {name: getattr(message, name) for name in _NAMES}  # `asdict` copies deeply, at twenty times the cost
    return {**same, "at": message.at.isoformat(), "attached": [asdict(one) for one in message.attached], "fields": dict(message.fields)}


def unpacked(payload: Mapping[str, Any]) -> Message:
    lists = {
        "files": tuple(payload.get("files", ())),
        "attached": tuple(Attached(**one) for one in payload.get("attached", ())),
        "mentioned": tuple((name, identity) for name, identity in payload.get("mentioned", ())),
    }
    return Message(**{**payload, "at": datetime.fromisoformat(payload["at"]), **lists})
