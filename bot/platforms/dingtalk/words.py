"""What the robot says in words: to one person, in a group, through a session; and what follows as a file."""

import asyncio
import json
import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta, tzinfo
from hashlib import sha256
from typing import Any

from bot.platforms.core.cards import Labels
from bot.platforms.core.contract import Done, Outcome, Recall, Rejected, Send, Shelf, TryLater, Unsure, WillNeverWork
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
#: How many people hear the same by one call.
MOST_PEOPLE = 20
#: How often a person can be told the same within a second.
MOST_ALIKE = 20
FILE = "sampleFile"


class Speaker:
    def __init__(self, api: Counted, robot: str, shelf: Shelf, labels: Labels, now: Callable[[], datetime], zone: tzinfo) -> None:
        self._api = api
        self._robot = robot
        self._shelf = shelf
        self._labels = labels
        self._now = now
        self._zone = zone

    async def say(self, deed: Send, drawn: Drawn, key: str) -> Done:
        """DingTalk knows no key of ours here: what became of one is kept. In a group a second try whose first may have arrived says so."""
        if deed.person:
            outcome = (await self.tell(drawn, {key: deed.person}))[key]
            if not isinstance(outcome, Done):
                raise outcome
            return outcome
        facts = await self._said(key)
        if facts is None:
            facts = await self._in_group(deed.chat, drawn, key)
            await self._keep(key, facts)
        if drawn.rest:
            await self.file(deed, drawn.rest, f"{key}:file")
        return Done(facts)

    async def tell(self, drawn: Drawn, people: Mapping[str, str]) -> dict[str, Outcome]:
        """Each of them (key -> person) alone and by one call, but for who heard the same today: theirs carries the time. A repeat of a key
        is swallowed by DingTalk itself, being the same to the letter."""
        told = {key: facts for key, facts in zip(people, await asyncio.gather(*map(self._said, people)), strict=True) if facts}
        found: dict[str, Outcome] = {key: Done(facts) for key, facts in told.items()}
        if left := {key: person for key, person in people.items() if key not in told}:
            await self._api.ready()  # from here on, what gets no answer may have been said
            contents = await asyncio.gather(*(self._to_the_letter(drawn, key, person) for key, person in left.items()))
            for content in dict.fromkeys(contents):
                lot = {key: person for (key, person), its in zip(left.items(), contents, strict=True) if its == content}
                found |= await self._handed_in(drawn.kind, content, lot)
        return await self._with_files(drawn.rest, people, found)

    async def _with_files(self, rest: str, people: Mapping[str, str], found: dict[str, Outcome]) -> dict[str, Outcome]:
        """Behind the first lines the whole, to whom they reached."""
        files = {f"{key}:file": people[key] for key, outcome in found.items() if isinstance(outcome, Done)} if rest else {}
        if not files or all(await asyncio.gather(*map(self._said, files))):
            return found
        try:
            sent = await self.tell(await self._file(rest), files)
        except (TryLater, WillNeverWork) as error:
            sent = dict.fromkeys(files, error)
        return found | {key.removesuffix(":file"): one for key, one in sent.items() if not isinstance(one, Done)}

    async def _said(self, key: str) -> dict[str, str] | None:
        kept = await asyncio.to_thread(self._shelf.get, f"said:{track(key)}")
        return None if kept is None else json.loads(kept)

    async def _keep(self, key: str, facts: Mapping[str, str]) -> None:
        await asyncio.to_thread(self._shelf.put, f"said:{track(key)}", dumped(facts), self._now() + KEPT)

    async def _in_group(self, chat: str, drawn: Drawn, key: str) -> dict[str, str]:
        await self._api.ready()
        content = await self._to_the_letter(drawn, key)
        body = {"robotCode": self._robot, "msgKey": drawn.kind, "msgParam": content, "openConversationId": chat}
        try:
            found = await self._api.call("POST", TO_GROUP, json=body)
        except (TryLater, WillNeverWork) as error:
            if not isinstance(error, Unsure):
                await asyncio.to_thread(self._shelf.take, f"tried:{track(key)}")
            raise
        return {"chat": chat, "message_id": str(found.get("processQueryKey", ""))}

    async def _handed_in(self, kind: str, content: str, people: Mapping[str, str]) -> dict[str, Outcome]:
        """One call. Success says nothing of each of them: the lists do."""
        body = {"robotCode": self._robot, "msgKey": kind, "msgParam": content, "userIds": list(people.values())}
        try:
            answer = await self._api.call("POST", TO_PEOPLE, json=body)
        except (TryLater, WillNeverWork) as error:
            found: dict[str, Outcome] = dict.fromkeys(people, error)
        else:
            found = {key: _outcome(answer, person, alone=len(people) == 1) for key, person in people.items()}
        await asyncio.gather(*(self._keep(key, one.facts) for key, one in found.items() if isinstance(one, Done)))
        unsaid = [key for key, one in found.items() if kind == FILE and not isinstance(one, Done | Unsure)]
        await asyncio.gather(*(asyncio.to_thread(self._shelf.take, f"tried:{track(key)}") for key in unsaid))
        return found

    async def _to_the_letter(self, drawn: Drawn, key: str, person: str = "") -> str:
        """What is said under this key, the same in every try; but another key's same words to the same person carry the time. A file is
        another one each time that it is handed in."""
        content, tried = dict(drawn.content or {}), await asyncio.to_thread(self._shelf.get, f"tried:{track(key)}")
        field = next(name for name in ("content", "text", "fileName") if name in content)
        swallowed = person and drawn.kind != FILE
        if tried is not None and not swallowed:
            content[field] = f"{self._labels.again} {content[field]}"
        if tried is None:
            tried = await self._element(person, drawn) if swallowed else ""
            await asyncio.to_thread(self._shelf.put, f"tried:{track(key)}", tried, self._now() + KEPT)
        content[field] = f"{content[field]}{tried}"
        return dumped(content)

    async def _element(self, person: str, drawn: Drawn) -> str:
        """What tells the words apart from the same ones of today."""
        stamp = f"{self._now().astimezone(self._zone):%m-%d %H:%M:%S}"
        words = f"{person}\n{drawn.kind}\n{dumped(drawn.content)}"
        for element in ("", f"\n({stamp})", *(f"\n({stamp} · {number})" for number in range(2, MOST_ALIKE))):
            same = sha256(f"{words}{element}".encode()).hexdigest()
            if await asyncio.to_thread(self._shelf.spend, f"same:{same}", 1, SAME):
                return element
        raise TryLater(1.0, f"{person} is told the same {MOST_ALIKE} times in a second")

    async def by_session(self, deed: Send, key: str) -> Done | None:
        """The one way in which a text in a group calls somebody; there for about 90 minutes after somebody spoke to the robot there."""
        url = await asyncio.to_thread(self._shelf.get, f"session:{deed.chat}")
        done = {"chat": deed.chat, "message_id": f"session.{track(key)}"}
        if url is None:
            return None
        if await self._said(key) is not None:
            return Done(done)
        people, drawn = deed.message.mentions, words(deed.message.text, self._labels)
        if drawn.rest:  # no file can follow there
            return None
        text = drawn.content or {}
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

    async def perhaps_again(self, deed: Send, key: str) -> Send:
        """What may have been said through a session, marked so where it goes another way."""
        if await asyncio.to_thread(self._shelf.get, f"tried:{track(key)}") is None:
            return deed
        return replace(deed, message=replace(deed.message, text=f"{self._labels.again} {deed.message.text}"))

    async def file(self, deed: Send, text: str, key: str) -> None:
        """The whole of what was cut."""
        if await self._said(key) is None:
            await self.say(deed, await self._file(text), key)

    async def _file(self, text: str) -> Drawn:
        files = {"media": ("全文.zip", zipped(text), "application/zip")}
        media = (await self._api.old("/media/upload", params={"type": "file"}, files=files)).get("media_id")
        return Drawn(kind=FILE, content={"mediaId": str(media), "fileName": "全文.zip", "fileType": "zip"})

    async def take_back(self, deed: Recall) -> None:
        if TRACK.fullmatch(deed.message_id) or deed.message_id.startswith("session."):
            raise WillNeverWork("DingTalk takes back neither cards nor what was said through a session")
        if deed.message_id.endswith(f".{deed.chat.removeprefix(DIRECT)}"):
            raise WillNeverWork("it was said to several people by one call: taking it back would take it from all of them")
        body: dict[str, Any] = {"robotCode": self._robot, "processQueryKeys": [deed.message_id]}
        if deed.chat.startswith(DIRECT):
            path = "/v1.0/robot/otoMessages/batchRecall"
        else:
            path, body = "/v1.0/robot/groupMessages/recall", {**body, "openConversationId": deed.chat}
        await self._api.call("POST", path, json=body)


def _outcome(answer: Mapping[str, Any], person: str, *, alone: bool) -> Outcome:
    if person in (answer.get("invalidStaffIdList") or ()):
        return Rejected(f"DingTalk does not know {person}, or they are outside the app's visible range")
    if person in (answer.get("filteredStaffIdList") or ()):
        return Rejected(f"DingTalk kept it from {person}: its filter, or they have switched the robot's messages off")
    if person in (answer.get("flowControlledStaffIdList") or ()):
        return TryLater(PATIENCE, f"DingTalk holds back what is sent to {person}: too much at once")
    sent = str(answer.get("processQueryKey", ""))
    return Done({"chat": f"{DIRECT}{person}", "message_id": sent if alone else f"{sent}.{person}"})
