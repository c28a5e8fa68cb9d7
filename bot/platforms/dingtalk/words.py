"""What the robot says in words: to one person, in a group, through a session; and what follows as a file."""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta, tzinfo
from hashlib import sha256
from typing import Any

from bot.platforms.core.cards import Labels
from bot.platforms.core.contract import Done, Recall, Rejected, Send, Shelf, TryLater, Unsure, WillNeverWork
from bot.platforms.dingtalk.calls import Counted, Refused
from bot.platforms.dingtalk.dialect import TRACK, Drawn, dumped, track, words, zipped
from bot.platforms.dingtalk.inbound import DIRECT

log = logging.getLogger(__name__)

TO_PEOPLE, TO_GROUP = "/v1.0/robot/oToMessages/batchSend", "/v1.0/robot/groupMessages/send"
#: The same words to the same person are swallowed for a day (they are answered with success).
SAME = timedelta(days=1)
#: How long it is remembered what became of a key; longer than anything is tried again.
KEPT = timedelta(days=7)
PATIENCE = 60.0


class Speaker:
    def __init__(self, api: Counted, robot: str, shelf: Shelf, labels: Labels, now: Callable[[], datetime], zone: tzinfo) -> None:
        self._api = api
        self._robot = robot
        self._shelf = shelf
        self._labels = labels
        self._now = now
        self._zone = zone

    async def say(self, deed: Send, drawn: Drawn, key: str) -> Done:
        """DingTalk knows no key of ours here: what became of one is kept, and in a group a second try whose first may have arrived says so.
        To one person the repeat is swallowed by DingTalk itself, being the same to the letter."""
        facts = await self._said(key)
        if facts is None:
            facts = await self._for_the_first_time(deed, drawn, key)
            await asyncio.to_thread(self._shelf.put, f"said:{track(key)}", dumped(facts), self._now() + KEPT)
        if drawn.rest:
            await self.file(deed, drawn.rest, f"{key}:file")
        return Done(facts)

    async def _said(self, key: str) -> dict[str, str] | None:
        kept = await asyncio.to_thread(self._shelf.get, f"said:{track(key)}")
        return None if kept is None else json.loads(kept)

    async def _for_the_first_time(self, deed: Send, drawn: Drawn, key: str) -> dict[str, str]:
        await self._api.ready()  # from here on, what gets no answer may have been said
        content = await self._to_the_letter(deed, drawn, key)
        try:
            return await self._handed_in(deed, drawn.kind, content)
        except (TryLater, WillNeverWork) as error:
            if not isinstance(error, Unsure) and (deed.chat or drawn.kind == "sampleFile"):
                await asyncio.to_thread(self._shelf.take, f"tried:{track(key)}")
            raise

    async def _handed_in(self, deed: Send, kind: str, content: Mapping[str, str]) -> dict[str, str]:
        body = {"robotCode": self._robot, "msgKey": kind, "msgParam": dumped(content)}
        if deed.person:
            return await self._to_person(deed.person, body)
        found = await self._api.call("POST", TO_GROUP, json={**body, "openConversationId": deed.chat})
        return {"chat": deed.chat, "message_id": str(found.get("processQueryKey", ""))}

    async def _to_person(self, person: str, body: Mapping[str, Any]) -> dict[str, str]:
        found = await self._api.call("POST", TO_PEOPLE, json={**body, "userIds": [person]})
        if person in (found.get("invalidStaffIdList") or ()):
            raise Rejected(f"DingTalk does not know {person}, or they are outside the app's visible range")
        if person in (found.get("flowControlledStaffIdList") or ()):
            raise TryLater(PATIENCE, f"DingTalk holds back what is sent to {person}: too much at once")
        return {"chat": f"{DIRECT}{person}", "message_id": str(found.get("processQueryKey", ""))}

    async def _to_the_letter(self, deed: Send, drawn: Drawn, key: str) -> dict[str, str]:
        """What is said under this key, the same in every try; but another key's same words to the same person carry the time. A file is
        another one each time that it is handed in."""
        content, tried = dict(drawn.content or {}), await asyncio.to_thread(self._shelf.get, f"tried:{track(key)}")
        field = next(name for name in ("content", "text", "fileName") if name in content)
        file = field == "fileName"
        if tried is not None and (deed.chat or file):
            content[field] = f"{self._labels.again} {content[field]}"
        if tried is None:
            tried = await self._element(deed, drawn) if deed.person and not file else ""
            await asyncio.to_thread(self._shelf.put, f"tried:{track(key)}", tried, self._now() + KEPT)
        content[field] = f"{content[field]}{tried}"
        return content

    async def _element(self, deed: Send, drawn: Drawn) -> str:
        same = sha256(f"{deed.person}\n{drawn.kind}\n{dumped(drawn.content)}".encode()).hexdigest()
        if await asyncio.to_thread(self._shelf.spend, f"same:{same}", 1, SAME):
            return ""
        return f"\n({self._now().astimezone(self._zone):%m-%d %H:%M:%S})"

    async def by_session(self, deed: Send, key: str) -> Done | None:
        """The one way in which a text in a group calls somebody; there for about 90 minutes after somebody spoke to the robot there."""
        url = await asyncio.to_thread(self._shelf.get, f"session:{deed.chat}")
        done = {"chat": deed.chat, "message_id": f"session.{track(key)}"}
        if url is None:
            return None
        if await self._said(key) is not None:
            return Done(done)
        people = deed.message.mentions
        text = words(deed.message.text, self._labels).content or {}
        tried = await asyncio.to_thread(self._shelf.get, f"tried:{track(key)}")
        called = f"{' '.join(f'@{person}' for person in people)} {text['content']}"
        content = called if tried is None else f"{self._labels.again} {called}"
        body = {"msgtype": "text", "text": {"content": content}, "at": {"atUserIds": list(people), "isAtAll": False}}
        await self._api.pushed()
        await asyncio.to_thread(self._shelf.put, f"tried:{track(key)}", "", self._now() + KEPT)
        try:
            await self._api.bare("POST", url, json=body)
        except (TryLater, WillNeverWork) as error:
            if tried is None and not isinstance(error, Unsure):
                await asyncio.to_thread(self._shelf.take, f"tried:{track(key)}")
            if not isinstance(error, Refused):
                raise
            log.info("a session has ended", extra={"action": "session_gone", "platform": "dingtalk", "error": str(error)})
            await asyncio.to_thread(self._shelf.take, f"session:{deed.chat}")
            return None
        await asyncio.to_thread(self._shelf.put, f"said:{track(key)}", dumped(done), self._now() + KEPT)
        return Done(done)

    async def file(self, deed: Send, text: str, key: str) -> None:
        """The whole of what was cut."""
        if await self._said(key) is not None:
            return
        files = {"media": ("全文.zip", zipped(text), "application/zip")}
        media = (await self._api.old("/media/upload", params={"type": "file"}, files=files)).get("media_id")
        content = {"mediaId": str(media), "fileName": "全文.zip", "fileType": "zip"}
        await self.say(deed, Drawn(kind="sampleFile", content=content), key)

    async def take_back(self, deed: Recall) -> None:
        if TRACK.fullmatch(deed.message_id) or deed.message_id.startswith("session."):
            raise WillNeverWork("DingTalk takes back neither cards nor what was said through a session")
        body: dict[str, Any] = {"robotCode": self._robot, "processQueryKeys": [deed.message_id]}
        if deed.chat.startswith(DIRECT):
            path = "/v1.0/robot/otoMessages/batchRecall"
        else:
            path, body = "/v1.0/robot/groupMessages/recall", {**body, "openConversationId": deed.chat}
        await self._api.call("POST", path, json=body)
