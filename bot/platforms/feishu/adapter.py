"""Feishu as a platform: what comes in, what goes out, and its long connection, behind the one contract."""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from typing import Any

import httpx

from bot.platforms.core.budget import Budget, Limit, Month
from bot.platforms.core.contract import (
    Answer,
    Can,
    CreateRoom,
    Deed,
    Done,
    Edit,
    Fetch,
    Hear,
    Invite,
    NotAuthentic,
    Page,
    Pin,
    Recall,
    Receipt,
    Send,
    Shelf,
    TryLater,
    WillNeverWork,
)
from bot.platforms.feishu.applink import chat_address
from bot.platforms.feishu.calls import GONE, Calls, Refused
from bot.platforms.feishu.dialect import Drawn, Labels, draw, in_words
from bot.platforms.feishu.inbound import Inbound, Secrets
from bot.platforms.feishu.wire import Wire
from handlers.core.message import Message, Outgoing, Reply

log = logging.getLogger(__name__)

MESSAGES = "/open-apis/im/v1/messages"
CHATS = "/open-apis/im/v1/chats"
LOT = 50
#: Seconds until Feishu is asked again who we are, when it refused.
MEET_AGAIN = 60.0
CARD_FAILED = 230099
TOO_LONG = 230025
NOBODY_VALID = 232027
INVALID = 230001
MOST_NAME = 60
SECOND, MINUTE = timedelta(seconds=1), timedelta(minutes=1)
#: Below what Feishu allows (50 a second and 1000 a minute per app; 5 a second per chat and person, all bots of a chat together).
APP = (Limit("app:second", 40, SECOND), Limit("app:minute", 900, MINUTE))
PER_CHAT = 4


class Feishu:
    """`labels`: the few words it adds itself · `mode`: `http` (callbacks) or `ws` (the long connection)."""

    name = "feishu"
    can = Can(
        edit=True,
        recall=True,
        cards=True,
        form=True,
        mention=True,
        create_room=True,
        invite=True,
        pin=True,
        page=frozenset({"app", "sms", "phone"}),
        files=True,
        idempotent=True,
        tells=True,
        rush=True,
        toast=100,
    )

    def __init__(
        self, secrets: Secrets, secret: str, http: httpx.AsyncClient, shelf: Shelf, labels: Labels, now: Callable[[], datetime], mode: str,
        month: Month | None = None,
    ) -> None:  # fmt: skip
        self.inbound = Inbound(secrets, now)
        self.calls = Calls(http, secrets.app_id, secret, now)
        self.wire = Wire(http, secrets.app_id, secret, self.inbound, self.answer)
        self.can = replace(self.can, chat_link=partial(chat_address, http.base_url.host))
        self._http = http
        self._labels = labels
        self._budget = Budget(shelf, now, month)
        self._mode = mode
        self._inviting: dict[str, asyncio.Lock] = {}

    def receive(self, headers: Mapping[str, str], body: bytes) -> Message | Receipt | Answer:
        if self._mode != "http":  # without an encrypt key nothing that is posted to us proves anything
            raise NotAuthentic("callbacks_off")
        return self.inbound.receive(headers, body)

    def answer(self, reply: Reply) -> Answer:
        """A toast, and the card as it looks now (for everybody: our cards are shared)."""
        kind = "error" if reply.error else "info" if reply.wait else "success"
        shown: dict[str, Any] = {"toast": {"type": kind, "content": reply.text}} if reply.text else {}
        if reply.card is not None:
            drawn = draw(Outgoing(reply.text, reply.card), self._labels)
            if drawn.kind == "interactive":
                shown["card"] = {"type": "raw", "data": json.loads(drawn.content)}
        return Answer(json.dumps(shown, ensure_ascii=False).encode())

    async def do(self, deed: Deed, key: str) -> Done:
        match deed:
            case Send():
                return await self._send(deed, key)
            case Edit():
                return await self._edit(deed, key)
            case CreateRoom():
                return await self._create(deed, key)
            case Invite():
                return Done({"chat": deed.chat, "missing": ",".join(await self._invite(deed.chat, deed.members))})
            case Page():
                return await self._page(deed)
            case Fetch():
                return await self._fetch(deed)
            case Pin() | Recall():
                return await self._pin_or_recall(deed)

    async def listen(self, hear: Hear) -> None:
        if self._mode == "ws":
            await asyncio.gather(self._meet(), self.wire.hold(hear))
        else:
            await self._meet()

    async def close(self) -> None:
        await self._http.aclose()

    async def _meet(self) -> None:
        """Learn our own open id, by which a mention of us is told from one of another bot; until then every mentioned bot is us."""
        while self.inbound.bot is None:
            try:
                found = (await self.calls.call("GET", "/open-apis/bot/v3/info")).values.get("bot")
                self.inbound.bot = str(found["open_id"]) if isinstance(found, dict) else ""
            except (TryLater, WillNeverWork) as error:
                log.warning("Feishu does not say who we are", extra={"action": "meet_failed", "platform": "feishu", "error": str(error)})
                await asyncio.sleep(error.after if isinstance(error, TryLater) else MEET_AGAIN)

    # Deeds

    async def _send(self, deed: Send, key: str) -> Done:
        drawn = draw(deed.message, self._labels)
        try:
            done = await self._post(deed, drawn, key)
        except Refused as refusal:
            if drawn.kind != "interactive" or refusal.code not in (CARD_FAILED, TOO_LONG):
                raise
            drawn = in_words(deed.message, self._labels)
            done = await self._post(deed, drawn, f"{key}:words")
        if drawn.rest:
            await self._post(deed, Drawn("file", await self._upload(drawn.rest)), f"{key}:file")
        return done

    async def _post(self, deed: Send, drawn: Drawn, key: str) -> Done:
        kind, to = ("chat_id", deed.chat) if deed.chat else ("open_id", deed.person)
        body = {"receive_id": to, "msg_type": drawn.kind, "content": drawn.content, "uuid": _uuid(key)}
        data = await self._call("POST", MESSAGES, to, params={"receive_id_type": kind}, json=body)
        return Done({"chat": str(data.get("chat_id", deed.chat)), "message_id": str(data.get("message_id", ""))})

    async def _edit(self, deed: Edit, key: str) -> Done:
        """A message that can no longer be edited (14 days, recalled, deleted) is sent anew; a replaced one is left as it is."""
        drawn = draw(deed.message, self._labels, superseded=deed.superseded)
        where = {"chat": deed.chat, "message_id": deed.message_id}
        method = "PATCH" if drawn.kind == "interactive" else "PUT"
        body = {"content": drawn.content} if method == "PATCH" else {"msg_type": drawn.kind, "content": drawn.content}
        try:
            await self._call(method, f"{MESSAGES}/{deed.message_id}", deed.chat, json=body)
        except Refused as refusal:
            if refusal.code not in GONE:
                raise
            return Done(where) if deed.superseded else await self._send(Send(deed.message, chat=deed.chat), key)
        return Done(where)

    async def _create(self, deed: CreateRoom, key: str) -> Done:
        """The group with the bot alone, then its members: whom Feishu does not know is told apart without losing the others."""
        query = {"user_id_type": "open_id", "set_bot_manager": "true", "uuid": _uuid(key)}
        body = {"name": deed.name[:MOST_NAME], "chat_mode": "group", "chat_type": "private"}
        data = await self._call("POST", CHATS, "", params=query, json=body)
        chat = str(data.get("chat_id", ""))
        if not chat:
            raise WillNeverWork("Feishu created a group and did not say which")
        return Done({"chat": chat, "missing": ",".join(await self._invite(chat, deed.members))})

    async def _invite(self, chat: str, members: Sequence[str]) -> list[str]:
        """In lots of fifty, one lot at a time per chat; answers whom Feishu did not take."""
        missing: list[str] = []
        async with self._inviting.setdefault(chat, asyncio.Lock()):
            for lot in (members[start : start + LOT] for start in range(0, len(members), LOT)):
                query = {"member_id_type": "open_id", "succeed_type": "1"}
                try:
                    data = await self._call("POST", f"{CHATS}/{chat}/members", chat, params=query, json={"id_list": list(lot)})
                except Refused as refusal:
                    if refusal.code != NOBODY_VALID:
                        raise
                    data = {"invalid_id_list": lot}
                for name in ("invalid_id_list", "not_existed_id_list", "pending_approval_id_list"):
                    missing += [str(one) for one in data.get(name) or ()]
        return missing

    async def _page(self, deed: Page) -> Done:
        """Who is not in the message's chat cannot be paged; where that is everybody, Feishu calls the whole request invalid."""
        path = f"{MESSAGES}/{deed.message_id}/urgent_{deed.by}"
        try:
            data = await self._call("PATCH", path, "", params={"user_id_type": "open_id"}, json={"user_id_list": list(deed.people)})
        except Refused as refusal:
            if refusal.code != INVALID:
                raise
            data = {"invalid_user_id_list": deed.people}
        return Done({"missing": ",".join(str(one) for one in data.get("invalid_user_id_list") or ())})

    async def _fetch(self, deed: Fetch) -> Done:
        await self._budget.take(APP)
        path = f"{MESSAGES}/{deed.message_id}/resources/{deed.key}"
        return Done(content=(await self.calls.call("GET", path, raw=True, params={"type": deed.kind})).body)

    async def _pin_or_recall(self, deed: Pin | Recall) -> Done:
        if isinstance(deed, Recall):
            try:
                await self._call("DELETE", f"{MESSAGES}/{deed.message_id}", deed.chat)
            except Refused as refusal:
                if refusal.code not in GONE:
                    raise
            return Done()
        await self._call("POST", "/open-apis/im/v1/pins", deed.chat, json={"message_id": deed.message_id})
        banner = {"chat_top_notice": [{"action_type": "1", "message_id": deed.message_id}]}
        await self._call("POST", f"{CHATS}/{deed.chat}/top_notice/put_top_notice", deed.chat, json=banner)
        return Done()

    async def _upload(self, text: str) -> str:
        """The content of a message that shows `text` as a file."""
        files = {"file": ("全文.txt", text.encode(), "text/plain")}
        await self._budget.take(APP)
        data = await self.calls.data("POST", "/open-apis/im/v1/files", data={"file_type": "stream", "file_name": "全文.txt"}, files=files)
        return json.dumps({"file_key": str(data.get("file_key", ""))})

    async def _call(self, method: str, path: str, chat: str, **what: Any) -> Mapping[str, Any]:
        """Within the budgets of the app and of this chat or person."""
        chats = (Limit(f"chat:{chat}", PER_CHAT, SECOND),) if chat else ()
        await self._budget.take((*APP, *chats))
        return await self.calls.data(method, path, **what)


def _uuid(key: str) -> str:
    """Feishu's idempotency key: at most fifty signs."""
    return sha256(key.encode()).hexdigest()[:40]
