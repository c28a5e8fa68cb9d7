"""What goes in and out of every platform, in one portable shape. Imports nothing of ours."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Literal


@dataclass(frozen=True, slots=True)
class Message:
    """One thing a person did on a platform, normalised.

    `event_id` is the platform's own id of the event (de-duplication) · `chat` and `sender` are the platform's ids ·
    `text`: what was typed, or the command line of the button that was clicked (`/task claim T1`) ·
    `version`: the version a clicked button carried, None for typed text · `fields`: values of a form or of a button's question ·
    `reply_to`: the platform's id of the message this one answers · `addressed`: the bot was mentioned, or one-to-one ·
    `files`: ids of what was sent with it and is kept already (never the bytes).
    """

    platform: str
    event_id: str
    kind: Literal["text", "click"]
    chat: str
    chat_kind: Literal["group", "direct"]
    sender: str
    text: str
    at: datetime
    version: int | None = None
    fields: Mapping[str, str] = field(default_factory=dict)
    reply_to: str | None = None
    addressed: bool = False
    files: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Button:
    """A button is a command line (`command`, at most 100 bytes) plus the version of the record it was drawn from.

    `ask`: a question whose typed answer is appended as the command's text (platforms without input fields show how to reply instead) ·
    `confirm`: ask 「确定?」 first (only for what leaves the building or cannot be undone) ·
    `files`: where the platform can, let people choose files and send the command with them.
    """

    label: str
    command: str
    version: int | None = None
    style: Literal["plain", "primary", "danger"] = "plain"
    ask: str = ""
    confirm: bool = False
    files: bool = False


@dataclass(frozen=True, slots=True)
class Card:
    """Typed fields; every text is plain text, never markup. `tone` colours the title bar.

    `title` at most 26 characters on narrow platforms · `lines` are (name, value) pairs; an empty name is a full-width line ·
    `note` one closing line.
    """

    title: str
    lines: tuple[tuple[str, str], ...] = ()
    note: str = ""
    buttons: tuple[Button, ...] = ()
    tone: Literal["plain", "info", "good", "warning", "danger"] = "plain"
    drill: bool = False


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message of ours: `text` stands alone (the card's twin of at most three lines, or a plain answer); all plain text.

    `mentions` are the platform ids of those to be mentioned.
    """

    text: str
    card: Card | None = None
    mentions: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Reply:
    """What a decided command answers to the one who asked: `text` (a toast, an answer), the new card, and the record's ref."""

    text: str
    ref: str | None = None
    card: Card | None = None
    error: str | None = None
    """the key of the refusal; None when it was done"""
    usage: str = ""
    wait: bool = False
    """True = in hand: not decided yet, the answer follows as a message"""


_FIELDS = {kind: tuple(one.name for one in fields(kind)) for kind in (Button, Card, Outgoing, Reply)}


def plain(value: Any) -> Any:
    """What we say as JSON keeps it: `asdict`, which copies every text deeply, took a quarter of the worker's time."""
    if names := _FIELDS.get(type(value)):
        return {name: plain(getattr(value, name)) for name in names}
    return [plain(one) for one in value] if isinstance(value, tuple) else value
