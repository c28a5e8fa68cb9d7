"""How WeCom proves itself, the same for the self-built app (XML) and the smart robot (JSON): signature, container, and our freshness.

Protocol: developer.work.weixin.qq.com/document/path/90930 (URL check), 90968 (container), 101033 (the robot's: nobody's receive id).
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import unquote

from bot.platforms.core.container import Container, key_of
from bot.platforms.core.contract import NotAuthentic

BODY_CAP = 256 * 1024
#: WeCom documents no window; its retries (three, a few seconds apart) are signed anew.
FRESH = timedelta(seconds=300)

_PARAMETERS = ("msg_signature", "timestamp", "nonce")


@dataclass(frozen=True, slots=True)
class Sealed:
    """What goes out: `encrypt` with all that proves it."""

    encrypt: str
    signature: str
    timestamp: int
    nonce: str


class Envelope:
    """`receive_id`: the corp id of an app; empty for a robot · `key`: EncodingAESKey, 43 signs."""

    def __init__(self, token: str, key: str, receive_id: str, now: Callable[[], datetime]) -> None:
        self.container = Container(token, key_of(key))
        self._receive_id = receive_id
        self._now = now

    def open(self, query: Mapping[str, str], sealed: str) -> str:
        """The message in `sealed`, when the query's signature covers it. Raises NotAuthentic."""
        signature, timestamp, nonce = (query.get(name, "") for name in _PARAMETERS)
        if not (signature and timestamp and nonce and sealed):
            raise NotAuthentic("missing_parameter")
        if not (timestamp.isascii() and timestamp.isdigit() and len(timestamp) <= 12):
            raise NotAuthentic("bad_timestamp")
        self.container.check(signature, timestamp, nonce, sealed)
        if abs(self._now().timestamp() - int(timestamp)) > FRESH.total_seconds():
            raise NotAuthentic("stale_timestamp")
        try:
            return self.container.open(sealed, (self._receive_id,)).decode()
        except UnicodeDecodeError:
            raise NotAuthentic("bad_layout") from None

    def seal(self, message: str, random16: bytes, nonce: str) -> Sealed:
        timestamp = int(self._now().timestamp())
        sealed = self.container.seal(message.encode(), self._receive_id, random16)
        return Sealed(sealed, self.container.signature(str(timestamp), nonce, sealed), timestamp, nonce)


def query_of(headers: Mapping[str, str]) -> dict[str, str]:
    """The parameters in `:path`, percent-decoded and nothing else: a plus in base64 is a plus. One given twice is refused."""
    found: dict[str, str] = {}
    _, _, query = headers.get(":path", "").partition("?")
    for part in query.split("&") if query else ():
        name, _, value = part.partition("=")
        if unquote(name) in found:
            raise NotAuthentic("duplicate_parameter")
        found[unquote(name)] = unquote(value)
    return found
