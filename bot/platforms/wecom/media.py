"""What may go with a message, as the picture that it is or as a file; and how a file is called.

Protocol: developer.work.weixin.qq.com/document/path/90253 (the app's media/upload), 101463 (the robot's upload in pieces). What kind a
picture is, its first bytes say and not its name.
"""

from collections.abc import Iterator, Mapping
from typing import Literal

from bot.platforms.core.contract import Enclosed

Kind = Literal["image", "file"]

MEGA = 1024 * 1024
#: The most bytes of each kind, and the fewest of any.
APP: Mapping[Kind, int] = {"image": 10 * MEGA, "file": 20 * MEGA}
ROBOT: Mapping[Kind, int] = {"image": 2 * MEGA, "file": 20 * MEGA}
FEWEST = 6
PICTURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
NAME_BYTES = 128


def kinds(one: Enclosed, most: Mapping[Kind, int]) -> Iterator[Kind]:
    """As what it can be tried, the best first; nothing where it is too large for all."""
    size = len(one.content)
    if one.kind == "image" and one.content.startswith(PICTURES) and FEWEST <= size <= most["image"]:
        yield "image"
    if FEWEST <= size <= most["file"]:
        yield "file"


def named(name: str) -> str:
    """Without folders and what no file may be called; cut before its ending."""
    plain = "".join(sign for sign in name.replace("\\", "/").rpartition("/")[2] if sign.isprintable() and sign not in '<>:"|?*').strip(" .")
    stem, dot, ending = plain.rpartition(".")
    if not (stem and dot) or len(ending) > 10:
        stem, dot, ending = plain, "", ""
    room = NAME_BYTES - len(f"{dot}{ending}".encode())
    return f"{stem.encode()[:room].decode('utf-8', 'ignore')}{dot}{ending}" or "file"
