"""An approved text as a signed webhook: for the firm's site, its app, its SMS gateway. The protocol: docs/guide/publishing.md.

POST {"key", "publication", "statement", "revision", "kind", "title", "text", "sha256", "replaces", "asked_at"}, signed as everything
is that we post (bot.platforms.sms). `Idempotency-Key` repeats `key`, the same at every attempt: the receiver publishes once per key.
"""

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from email.utils import parsedate_to_datetime
from typing import Any
from urllib.parse import urlsplit

import httpx

from bot.platforms.core.contract import PlatformDown, Rejected, TryLater, Unsure
from bot.platforms.sms import signature
from handlers.core.screen import screen
from workflows.publication import Piece

#: Of an answer nothing more is read.
MOST = 16 * 1024
#: Of what a receiver says, so much is kept.
SAID = 200
#: No receiver keeps us waiting longer than this.
PATIENCE = 3600.0
#: What refuses our proof is mended by an administrator; until then it is asked so seldom.
REFUSED = 300.0


class Hook:
    """Raises as a deed does. Redirects are not followed, and no address is ever quoted: what follows its `?` may be a key."""

    def __init__(self, http: httpx.AsyncClient, now: Callable[[], datetime]) -> None:
        self._http = http
        self._now = now

    async def post(self, piece: Piece, secret: str) -> str:
        """The receiver's receipt. It has the text already: that is one too."""
        body = written(piece)
        stamp = str(int(self._now().timestamp()))
        headers = {
            "Content-Type": "application/json; charset=utf-8",
            "User-Agent": "gengfu",
            "Accept-Encoding": "identity",  # nothing that grows when it is unpacked
            "Idempotency-Key": piece.key,
            "X-Gengfu-Timestamp": stamp,
            "X-Gengfu-Signature": signature(secret, stamp, body),
        }
        status, back, values = await self._posted(piece.outlet.url, headers, body)
        if 200 <= status < 300 or (status == 409 and values.get("key") == piece.key):
            return _short(values.get("receipt")) or _short(back.get("location", "").partition("?")[0]) or f"HTTP {status}"
        raise self._refusal(status, back, values)

    async def close(self) -> None:
        await self._http.aclose()

    async def _posted(self, url: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Mapping[str, str], Mapping[str, Any]]:
        host = urlsplit(url).hostname or ""
        try:
            async with self._http.stream("POST", url, content=body, headers=headers) as answer:
                return answer.status_code, answer.headers, _object(await _first(answer))
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout) as error:
            raise PlatformDown(0.0, f"{host} cannot be reached ({type(error).__name__})") from None
        except (httpx.TransportError, httpx.DecodingError) as error:
            raise Unsure(0.0, f"no answer from {host} ({type(error).__name__})") from None

    def _refusal(self, status: int, headers: Mapping[str, str], values: Mapping[str, Any]) -> Exception:
        wait = min(max(self._asked_for(headers.get("retry-after", "")), 0.0), PATIENCE)
        if status in (401, 403):
            return PlatformDown(max(wait, REFUSED), f"the receiver refuses our signature ({status}): compare the secret and the two clocks")
        if status in (408, 425, 429):
            return TryLater(wait or 30.0, f"the receiver asks for patience ({status})")
        if status >= 500:
            return PlatformDown(wait, f"the receiver has trouble ({status})")
        said = _short(values.get("error"))
        return Rejected(f"the receiver refuses the text ({status}: {said})" if said else f"the receiver refuses the text ({status})")

    def _asked_for(self, retry_after: str) -> float:
        """Seconds, from a number of them or a date (RFC 9110, 10.2.3)."""
        if retry_after.isascii() and retry_after.isdigit():
            return float(retry_after[:9])
        try:
            at = parsedate_to_datetime(retry_after)
            return (at - self._now()).total_seconds()
        except (ValueError, TypeError):
            return 0.0


def written(piece: Piece) -> bytes:
    """The body: the same bytes at every attempt."""
    values = {
        "key": piece.key,
        "publication": piece.publication,
        "statement": piece.statement,
        "revision": piece.revision,
        "kind": piece.kind,
        "title": piece.title,
        "text": piece.text.decode(),
        "sha256": piece.sha256,
        "replaces": piece.replaces,
        "asked_at": piece.asked_at.isoformat(),
    }
    return json.dumps(values, ensure_ascii=False).encode()


async def _first(answer: httpx.Response) -> bytes:
    found = b""
    async for part in answer.aiter_bytes():
        found += part
        if len(found) >= MOST:
            break
    return found[:MOST]


def _object(body: bytes) -> Mapping[str, Any]:
    try:
        found = json.loads(body)
    except (ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def _short(said: object) -> str:
    """What a receiver says becomes part of a record: one short line, without anybody's number."""
    if not isinstance(said, str | int) or isinstance(said, bool):
        return ""
    line = "".join(sign if sign.isprintable() else " " for sign in str(said)[:2000])
    return screen(" ".join(line.split())).text[:SAID]
