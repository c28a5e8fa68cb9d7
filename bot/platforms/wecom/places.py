"""How WeCom's chats are called among us, since it has no ids for one-to-one chats and two bots in one platform.

`app:LiNa`: one-to-one with the self-built app · `bot:LiNa`: one-to-one with the smart robot · `gengfu…`: a group that the app made,
which only receives · anything else: a group that the robot is in, by WeCom's own id.
"""

from hashlib import sha256
from typing import Literal

APP, BOT, ROOM = "app:", "bot:", "gengfu"

Kind = Literal["app", "bot", "room", "group"]


def kind_of(chat: str) -> Kind:
    if chat.startswith(APP):
        return "app"
    if chat.startswith(BOT):
        return "bot"
    return "room" if chat.startswith(ROOM) else "group"


def person_of(chat: str) -> str:
    return chat.partition(":")[2]


def room_of(key: str) -> str:
    """The id of the group made under this key: at most 32 letters and digits."""
    return f"{ROOM}{sha256(key.encode()).hexdigest()[:26]}"


def message_of(key: str) -> str:
    """The id of the message sent under this key: a card's task id, which a click brings back."""
    return sha256(key.encode()).hexdigest()[:32]
