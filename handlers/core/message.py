"""What goes in and out of every platform, in one portable shape. Imports nothing of ours."""

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from datetime import datetime
from typing import Any, Literal

Tone = Literal["plain", "info", "good", "warning", "danger"]


@dataclass(frozen=True, slots=True)
class Attached:
    """A file that lies on the platform: `key` fetches it, together with the id of the message it came in."""

    key: str
    name: str = ""
    kind: Literal["file", "image"] = "file"


@dataclass(frozen=True, slots=True)
class Message:
    """One thing a person did on a platform, normalised.

    `event_id` is the platform's own id of the event (de-duplication) · `chat` and `sender` are the platform's ids ·
    `text`: what was typed, or the command line of the button that was clicked (`/task claim T1`) ·
    `version`: the version a clicked button carried, None for typed text · `fields`: name to value of a form, to the letter ·
    `reply_to`: the platform's id of the message this one answers · `addressed`: the bot was mentioned, or one-to-one ·
    `files`: ids of what was sent with it and is kept already (never the bytes) ·
    `attached`: what was sent with it and still lies on the platform · `mentioned`: (name as it stands in `text`, platform id) ·
    `asks`: the clicked button has a form that this platform could not show in place: it is to be sent; which of the card's forms
    with this command line, from 1 (0: none) ·
    `proven`: no further proof of identity is needed; on the web only after a fresh one-time code ·
    `token`: the id of the token by which a program sent it for its person: nothing of four eyes is decided by one ·
    `unsigned`: it came by a road on which nothing proves that the sender said just this: nothing of four eyes is decided by one either ·
    `withheld`: somebody said something that the platform keeps back, as the firm's quota is used up ·
    `joined`, `left`: the bot came into this chat or was removed from it · `entered`: somebody opened the direct chat.
    """

    platform: str
    event_id: str
    kind: Literal["text", "click", "joined", "left", "entered", "withheld"]
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
    attached: tuple[Attached, ...] = ()
    mentioned: tuple[tuple[str, str], ...] = ()
    asks: int = 0
    proven: bool = True
    token: str = ""
    unsigned: bool = False


@dataclass(frozen=True, slots=True)
class Field:
    """One field of a form. `name` is an argument of the button's command, a fact of the plan, or `text`: what would be typed behind it.

    `kind`: text (one line) · long (several) · choice (of `options`) · person (of `options`, or anybody of the plan; the value is an id) ·
    time (`2026-11-21T09:41` in the installation's time zone) · `options` are (value, label) · `value` stands there to begin with ·
    `required` is for the platform to ask for; the command has the last word.
    """

    name: str
    label: str
    kind: Literal["text", "long", "choice", "person", "time"] = "text"
    options: tuple[tuple[str, str], ...] = ()
    value: str = ""
    required: bool = False
    hint: str = ""


@dataclass(frozen=True, slots=True)
class Button:
    """A button is a command line (`command`, at most 100 bytes) plus the version of the record it was drawn from.

    `form`: what is asked before the command goes off; sent beside it as `Message.fields`, so the button itself stays small (platforms
    without input fields show the command's usage line instead, see core.forms.how_to_type) ·
    `confirm`: ask 「确定?」 first (only for what leaves the building or cannot be undone) ·
    `files`: where the platform can, let people choose files and send the command with them ·
    `url`: a page for this one reader where the act is done, where it cannot be done by a tap.
    """

    label: str
    command: str
    version: int | None = None
    style: Literal["plain", "primary", "danger"] = "plain"
    form: tuple[Field, ...] = ()
    confirm: bool = False
    files: bool = False
    url: str = ""


@dataclass(frozen=True, slots=True)
class Link:
    """A button that opens an address and tells us nothing."""

    label: str
    url: str


@dataclass(frozen=True, slots=True)
class Card:
    """Typed fields; every text is plain text, never markup. `tone` colours the title bar.

    `title` at most 26 characters on narrow platforms · `lines` are (name, value) pairs; an empty name is a full-width line ·
    `note` one closing line · `menu`: at most ten rarer acts behind one 「更多」 · `link`: to the incident's own chat, where a platform
    has such addresses (`Can.chat_link`).
    """

    title: str
    lines: tuple[tuple[str, str], ...] = ()
    note: str = ""
    buttons: tuple[Button, ...] = ()
    tone: Tone = "plain"
    drill: bool = False
    menu: tuple[Button, ...] = ()
    link: Link | None = None

    def asking(self, line: str) -> list[Button]:
        """The buttons, those of the menu last, that stand for this command line and have a form."""
        return [button for button in (*self.buttons, *self.menu) if button.command == line and button.form]


@dataclass(frozen=True, slots=True)
class Filed:
    """A file that lies with us, for those who may read it: never sent into a messenger, whose cloud is not ours."""

    id: str
    name: str
    size: int


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A message of ours: `text` stands alone (the card's twin of at most three lines, or a plain answer); all plain text.

    `mentions` are the platform ids of those to be mentioned · `link` stands under a plain answer; a card has its own ·
    `files`: what goes with it; a platform that does not show files of ours (`Can.ours`) is given a link instead.
    """

    text: str
    card: Card | None = None
    mentions: tuple[str, ...] = ()
    link: Link | None = None
    files: tuple[Filed, ...] = ()


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
    refused: str = ""
    """the kind of the refusal: the name of its class"""
    whole: str = field(default="", metadata={"kept": False})
    """what only the one who asked is told, where a room is shown a part; the road sends it, and it goes nowhere else"""


_SHAPES = (Field, Button, Link, Card, Filed, Outgoing, Reply)
_FIELDS = {kind: tuple(one.name for one in fields(kind) if one.metadata.get("kept", True)) for kind in _SHAPES}


def card_of(kept: Mapping[str, Any]) -> Card:
    """The card that was kept as JSON, by this version or by one that knew other fields."""
    lines = tuple((name, value) for name, value in kept["lines"])
    buttons, menu = (tuple(button_of(one) for one in kept.get(place, ())) for place in ("buttons", "menu"))
    return Card(**{**_known(Card, kept), "lines": lines, "buttons": buttons, "menu": menu, "link": link_of(kept)})


def link_of(kept: Mapping[str, Any]) -> Link | None:
    """The link of a card or message that was kept as JSON."""
    return Link(**kept["link"]) if kept.get("link") else None


def files_of(kept: Mapping[str, Any]) -> tuple[Filed, ...]:
    """The files of a message that was kept as JSON."""
    return tuple(Filed(**one) for one in kept.get("files") or ())


def button_of(kept: Mapping[str, Any]) -> Button:
    """The button that was kept as JSON."""
    form = (Field(**{**one, "options": tuple((value, label) for value, label in one["options"])}) for one in kept.get("form", ()))
    return Button(**{**_known(Button, kept), "form": tuple(form)})


def _known(kind: type[Any], kept: Mapping[str, Any]) -> dict[str, Any]:
    return {name: kept[name] for name in _FIELDS[kind] if name in kept}


def plain(value: Any) -> Any:
    """What we say as JSON keeps it: `asdict`, which copies every text deeply, took a quarter of the worker's time."""
    if names := _FIELDS.get(type(value)):
        return {name: plain(getattr(value, name)) for name in names}
    return [plain(one) for one in value] if isinstance(value, tuple) else value


def heard(message: Message) -> bool:
    """Is this meant for the bot: addressed to it, a command line, or no words at all."""
    return message.kind != "text" or message.addressed or message.text.startswith(("/", "／"))
