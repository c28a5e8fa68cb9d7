"""The firm's SMS and voice gateway as a platform: a signed webhook of our own shape, since every firm's gateway has another.

POST {"id", "kind": "sms"|"voice", "to": "+86…", "text"} with `X-Gengfu-Timestamp` (seconds) and
`X-Gengfu-Signature` = hex HMAC-SHA256(secret, timestamp + "." + body). 2xx = accepted; the same `id` must not be sent twice.
What became of it the gateway may tell: POST /callbacks/sms {"id", "state": "delivered"|"failed"}, signed in the same way.
"""

import hashlib
import hmac
import json
import re
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

import httpx

from bot.platforms.core.budget import Budget, Limit
from bot.platforms.core.contract import (
    Answer,
    Can,
    Deed,
    Done,
    Hear,
    NotAuthentic,
    Page,
    PlatformDown,
    Receipt,
    Rejected,
    Send,
    Shelf,
    TryLater,
    WillNeverWork,
)
from bot.platforms.core.crypto import same
from bot.platforms.core.strict import parse_object, text
from handlers.core.message import Reply

#: Characters of one text message: about four parts of a long SMS.
LONGEST = 260
#: Per number: ten in ten minutes. A telephone that never stops is switched off.
PER_PERSON, WINDOW = 10, timedelta(minutes=10)
#: A report's signature holds so long.
FRESH = timedelta(seconds=300)
_ID = re.compile(r"[0-9a-f]{32}")
_NUMBER = re.compile(r"\+?[0-9]{5,15}")


class Sms:
    name = "sms"
    can = Can(page=frozenset({"phone"}), idempotent=True, tells=True)

    def __init__(self, url: str, secret: str, http: httpx.AsyncClient, shelf: Shelf, now: Callable[[], datetime]) -> None:
        self._url = url
        self._secret = secret
        self._http = http
        self._now = now
        self._budget = Budget(shelf, now)

    def receive(self, headers: Mapping[str, str], body: bytes) -> Receipt | Answer:
        """A delivery report. Signed and fresh, or it proves nothing."""
        stamp = headers.get("x-gengfu-timestamp", "")
        if not (stamp.isascii() and stamp.isdigit() and len(stamp) <= 12):
            raise NotAuthentic("bad_timestamp")
        if not same(signature(self._secret, stamp, body), headers.get("x-gengfu-signature", "")):
            raise NotAuthentic("bad_signature")
        if abs(self._now().timestamp() - int(stamp)) > FRESH.total_seconds():
            raise NotAuthentic("stale_timestamp")
        report = parse_object(body)
        one, state = text(report, "id"), text(report, "state")
        if not _ID.fullmatch(one) or state not in ("delivered", "failed"):
            raise NotAuthentic("bad_report", "a report has id and state (delivered or failed)")
        return Receipt("sms", "delivered" if state == "delivered" else "failed", (one,), self._now())

    def answer(self, reply: Reply) -> Answer:
        return Answer(b"{}")

    async def do(self, deed: Deed, key: str) -> Done:
        match deed:
            case Send() if deed.person:
                await self._hand_in(key, "sms", deed.person, deed.message.text)
            case Page(by="phone"):
                for number in deed.people:
                    await self._hand_in(key if len(deed.people) == 1 else f"{key}:{number}", "voice", number, deed.text)
            case _:
                raise WillNeverWork(f"the SMS gateway cannot {type(deed).__name__.lower()}")
        return Done({"chat": "", "message_id": call_id(key)})

    async def listen(self, hear: Hear) -> None:
        return

    async def close(self) -> None:
        await self._http.aclose()

    async def _hand_in(self, key: str, kind: str, number: str, words: str) -> None:
        to = re.sub(r"[\s()-]", "", number)
        if not _NUMBER.fullmatch(to):
            raise WillNeverWork("the person's telephone number in the plan cannot be dialled")
        await self._budget.take([Limit(f"person:{call_id(to)}", PER_PERSON, WINDOW)])
        body = json.dumps({"id": call_id(key), "kind": kind, "to": to, "text": shortened(words)}, ensure_ascii=False).encode()
        stamp = str(int(self._now().timestamp()))
        headers = {
            "Content-Type": "application/json",
            "X-Gengfu-Timestamp": stamp,
            "X-Gengfu-Signature": signature(self._secret, stamp, body),
        }
        try:
            answered = await self._http.post(self._url, content=body, headers=headers)
        except httpx.TransportError as error:
            raise PlatformDown(10.0, f"no answer from the SMS gateway ({type(error).__name__})") from None
        if answered.status_code in (401, 403):
            raise PlatformDown(300.0, "the SMS gateway refuses our signature: compare GENGFU_SMS_SECRET and the two clocks")
        if answered.status_code == 429:
            raise TryLater(30.0, "the SMS gateway asks for patience")
        if answered.status_code >= 500:
            raise PlatformDown(10.0, f"the SMS gateway has trouble ({answered.status_code})")
        if not 200 <= answered.status_code < 300:
            raise Rejected(f"the SMS gateway refuses the message ({answered.status_code}: {answered.text[:200]})")


def signature(secret: str, timestamp: str, body: bytes) -> str:
    return hmac.new(secret.encode(), timestamp.encode() + b"." + body, hashlib.sha256).hexdigest()


def shortened(text: str) -> str:
    """What fits into a text message; the rest is said to be elsewhere by the dots."""
    return text if len(text) <= LONGEST else text[: LONGEST - 1] + "…"


def call_id(key: str) -> str:
    """By which the gateway knows what we hand in, and tells us what became of it."""
    return hashlib.sha256(key.encode()).hexdigest()[:32]
