"""DingTalk as a platform: what comes in, what goes out, and its stream, behind the one contract."""

import asyncio
import json
import logging
import re
import secrets
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta, tzinfo
from hashlib import sha256
from typing import Any

import httpx

from bot.platforms.core.budget import Budget, Limit, Month
from bot.platforms.core.cards import Labels, with_commands
from bot.platforms.core.contract import (
    Answer,
    Can,
    CreateRoom,
    Deed,
    Done,
    Edit,
    Fetch,
    Hear,
    Heard,
    Invite,
    NotAuthentic,
    Page,
    Pin,
    Recall,
    Receipt,
    Rejected,
    Send,
    Shelf,
    TryLater,
    Unsure,
    WillNeverWork,
)
from bot.platforms.dingtalk.calls import Calls, Refused
from bot.platforms.dingtalk.dialect import HINT, Drawn, as_card, draw_card, draw_message, dumped, words, zipped
from bot.platforms.dingtalk.inbound import DIRECT, Event, Inbound, Secrets
from bot.platforms.dingtalk.wire import Wire
from handlers.core.message import Message, Reply

log = logging.getLogger(__name__)

TO_PEOPLE, TO_GROUP = "/v1.0/robot/oToMessages/batchSend", "/v1.0/robot/groupMessages/send"
CARDS, MAKE, DELIVER = "/v1.0/card/instances", "/v1.0/card/instances/createAndDeliver", "/v1.0/card/instances/deliver"
REGISTER, ROUTE = "/v1.0/card/callbacks/register", "gengfu"
SCENE, MEMBERS = "/v1.0/im/sceneGroup/create", "/v1.0/im/sceneGroup/member/add"
PEOPLE = "/topapi/v2/user/get"
#: The card cannot be built: it is said in words instead, and the log says why.
NO_CARD = frozenset({"param.templateNotExist", "param.templateUnpublished", "param.cardPublicDataEmpty", "param.invalid"})
THERE, GONE, STRANGER, NO_USER = "param.cardAlreadyExist", "param.cardNotExist", "member.notFound", "60121"
#: Calls a second of one kind: DingTalk allows twenty.
QPS = 18
SECOND = timedelta(seconds=1)
#: The same words to the same person are swallowed for a day (they are answered with success).
SAME = timedelta(days=1)
#: How long it is remembered what became of a key; longer than anything is tried again.
KEPT = timedelta(days=7)
#: How long a card stays at the top of its chat.
AT_TOP = timedelta(days=30)
MOST_NAME = 30
LOT = 500
PATIENCE = 60.0
_DING = {"app": 1, "sms": 2, "phone": 3}
_TRACK = re.compile("gf[0-9a-f]{38}")
_WEBHOOK_HOST = re.compile(r"(?:[a-z0-9-]+\.)*dingtalk\.com")


@dataclass(frozen=True, slots=True)
class Setup:
    """`template`, `scene`: ids, empty where there is none · `callback`: where card taps are to be posted (mode http)."""

    mode: str
    template: str = ""
    scene: str = ""
    callback: str = ""
    zone: tzinfo = UTC


class DingTalk:
    """`labels`: the few words it adds itself · `month`: the calls of the month, `pushes`: its Webhook & Stream messages."""

    name = "dingtalk"
    can = Can(page=frozenset({"app", "sms", "phone"}), recall=True, files=True, links=True)

    def __init__(
        self,
        of: Secrets,
        setup: Setup,
        http: httpx.AsyncClient,
        old: httpx.AsyncClient,
        shelf: Shelf,
        labels: Labels,
        now: Callable[[], datetime],
        month: Month | None = None,
        pushes: Month | None = None,
        dice: Callable[[int], bytes] = secrets.token_bytes,
    ) -> None:
        self.inbound = Inbound(of, now, self.answer, dice)
        self.calls = Calls(http, old, of.client_id, of.client_secret, now)
        self.wire = Wire(http, of, self.inbound, self.answer, self.noted)
        cards, scene = bool(setup.template), bool(setup.scene)
        self.can = replace(self.can, edit=cards, cards=cards, mention=True, pin=cards, create_room=scene, invite=scene)
        self.can = replace(self.can, unsigned=setup.mode == "http", toast=300 if cards else self.can.toast)
        self._of = of
        self._setup = setup
        self._http = http
        self._old = old
        self._shelf = shelf
        self._labels = labels
        self._now = now
        self._budget = Budget(shelf, now)
        self._month = month
        self._pushes = pushes

    def receive(self, headers: Mapping[str, str], body: bytes) -> Message | Receipt | Answer | Heard:
        if self._setup.mode != "http":
            raise NotAuthentic("callbacks_off")
        return self.inbound.receive(headers, body)

    def answer(self, reply: Reply) -> Answer:
        """The card as it looks now, for everybody; the words to the one who tapped stand on it for them alone."""
        shown: dict[str, Any] = {
            "cardUpdateOptions": {"updateCardDataByKey": True, "updatePrivateDataByKey": True},
            "userPrivateData": {"cardParamMap": {HINT: reply.text}},
        }
        if reply.card is not None:
            params = draw_card(reply.card, self._labels, "").params or {}
            shown["cardData"] = {"cardParamMap": {name: value for name, value in params.items() if name != "chat"}}
        return Answer(dumped(shown).encode())

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
        if self._setup.mode == "stream":
            await self.wire.hold(hear)
        elif self._setup.template:
            await self._register()

    async def close(self) -> None:
        await self._http.aclose()
        await self._old.aclose()

    async def noted(self, event: Event | None) -> None:
        """Something came over the stream: one of the month's messages; and with it perhaps an address at which its chat can be called."""
        if self._pushes is not None:
            await self._pushes.count()
        if event is None or not event.reply_url or event.chat_type != "group":
            return
        ends = self._now() + timedelta(milliseconds=event.reply_url_ends) - timedelta(seconds=self._now().timestamp())
        if ends > self._now() and self._trusted(event.reply_url):
            await asyncio.to_thread(self._shelf.put, f"session:{event.chat}", event.reply_url, ends)

    def _trusted(self, url: str) -> bool:
        """Of DingTalk itself, or of the address that was configured for it."""
        found = httpx.URL(url)
        own = (found.scheme, found.host, found.port) == (self._old.base_url.scheme, self._old.base_url.host, self._old.base_url.port)
        return own or (found.scheme == "https" and bool(_WEBHOOK_HOST.fullmatch(found.host)))

    async def _register(self) -> None:
        """Where taps on cards are posted, and what they are signed with."""
        body = {"callbackRouteKey": ROUTE, "callbackUrl": self._setup.callback, "apiSecret": self._of.card_secret, "forceUpdate": True}
        while True:
            try:
                await self._call("POST", REGISTER, json=body)
                return
            except (TryLater, WillNeverWork) as error:
                log.warning("taps cannot be heard", extra={"action": "register_failed", "platform": "dingtalk", "error": str(error)})
                await asyncio.sleep(error.after if isinstance(error, TryLater) else PATIENCE)

    # What is said

    async def _send(self, deed: Send, key: str) -> Done:
        if deed.chat.startswith(DIRECT):
            deed = replace(deed, chat="", person=deed.chat.removeprefix(DIRECT))
        if not (deed.chat or deed.person):
            raise WillNeverWork("DingTalk was told neither a chat nor a person")
        message, mentions = deed.message, bool(deed.message.mentions and deed.chat)
        if mentions and message.card is None and (done := await self._by_session(deed, key)):
            return done
        if self._setup.template and (message.card is not None or mentions):
            card = message.card or as_card(message)
            try:
                return await self._card(deed, draw_card(card, self._labels, deed.chat or f"{DIRECT}{deed.person}"), key)
            except Refused as refusal:
                if refusal.code not in NO_CARD:
                    raise
                log.warning("a card was said in words", extra={"action": "card_failed", "platform": "dingtalk", "error": str(refusal)})
                return await self._words(deed, words(with_commands(card, self._labels), self._labels), f"{key}:words")
        return await self._words(deed, draw_message(message, self._labels), key)

    async def _card(self, deed: Send, drawn: Drawn, key: str) -> Done:
        track, chat = _track(key), deed.chat or f"{DIRECT}{deed.person}"
        made = {
            "cardTemplateId": self._setup.template,
            "outTrackId": track,
            "cardData": {"cardParamMap": drawn.params},
            "callbackType": "STREAM" if self._setup.mode == "stream" else "HTTP",
            **({} if self._setup.mode == "stream" else {"callbackRouteKey": ROUTE}),
        }
        try:
            found = (await self._call("POST", MAKE, json={**made, **self._space(deed)})).get("result")
            results = found.get("deliverResults") if isinstance(found, dict) else None
        except Refused as refusal:
            if refusal.code != THERE:
                raise
            results = await self._delivered_again(track, deed)
        await self._check_delivery(track, results)
        if drawn.rest:
            await self._file(deed, drawn.rest, f"{key}:file")
        return Done({"chat": chat, "message_id": track})

    def _space(self, deed: Send) -> Mapping[str, Any]:
        """Where a card goes, and what DingTalk wants to be told of that."""
        if deed.person:
            return {
                "openSpaceId": f"dtv1.card//IM_ROBOT.{deed.person}",
                "imRobotOpenSpaceModel": {"supportForward": False},
                "imRobotOpenDeliverModel": {"spaceType": "IM_ROBOT", "robotCode": self._of.robot_code},
            }
        called = {"atUserIds": {person: person for person in deed.message.mentions}} if deed.message.mentions else {}
        return {
            "openSpaceId": f"dtv1.card//IM_GROUP.{deed.chat}",
            "imGroupOpenSpaceModel": {"supportForward": False},
            "imGroupOpenDeliverModel": {"robotCode": self._of.robot_code, **called},
        }

    async def _delivered_again(self, track: str, deed: Send) -> Any:
        """The card was made before. It stands in its chat, unless DingTalk told us then that it does not."""
        if await asyncio.to_thread(self._shelf.get, f"undelivered:{track}") is None:
            return ()
        found = (await self._call("POST", DELIVER, json={"outTrackId": track, **self._space(deed)})).get("result")
        await asyncio.to_thread(self._shelf.take, f"undelivered:{track}")
        return found

    async def _check_delivery(self, track: str, results: Any) -> None:
        """A 200 says that the card was made; whether anybody sees it stands within."""
        failed = [one for one in results or () if isinstance(one, dict) and not one.get("success")]
        if failed:
            await asyncio.to_thread(self._shelf.put, f"undelivered:{track}", "1", self._now() + KEPT)
            raise Rejected(f"DingTalk made the card and did not deliver it: {str(failed[0].get('errorMsg'))[:200]}")

    async def _words(self, deed: Send, drawn: Drawn, key: str) -> Done:
        """DingTalk knows no key of ours here: what became of one is kept, and in a group a second try whose first may have arrived says so.
        To one person the repeat is swallowed by DingTalk itself, being the same to the letter."""
        said = await asyncio.to_thread(self._shelf.get, f"said:{_track(key)}")
        if said is not None:
            return Done(json.loads(said))
        content = await self._to_the_letter(deed, drawn, key)
        try:
            facts = await self._handed_in(deed, drawn.kind, content)
        except (TryLater, WillNeverWork) as error:
            if deed.chat and not isinstance(error, Unsure):
                await asyncio.to_thread(self._shelf.take, f"tried:{_track(key)}")
            raise
        await asyncio.to_thread(self._shelf.put, f"said:{_track(key)}", dumped(facts), self._now() + KEPT)
        if drawn.rest:
            await self._file(deed, drawn.rest, f"{key}:file")
        return Done(facts)

    async def _handed_in(self, deed: Send, kind: str, content: Mapping[str, str]) -> dict[str, str]:
        body = {"robotCode": self._of.robot_code, "msgKey": kind, "msgParam": dumped(content)}
        if deed.person:
            return await self._to_person(deed.person, body)
        found = await self._call("POST", TO_GROUP, json={**body, "openConversationId": deed.chat})
        return {"chat": deed.chat, "message_id": str(found.get("processQueryKey", ""))}

    async def _to_person(self, person: str, body: Mapping[str, Any]) -> dict[str, str]:
        found = await self._call("POST", TO_PEOPLE, json={**body, "userIds": [person]})
        if person in (found.get("invalidStaffIdList") or ()):
            raise Rejected(f"DingTalk does not know {person}, or they are outside the app's visible range")
        if person in (found.get("flowControlledStaffIdList") or ()):
            raise TryLater(PATIENCE, f"DingTalk holds back what is sent to {person}: too much at once")
        return {"chat": f"{DIRECT}{person}", "message_id": str(found.get("processQueryKey", ""))}

    async def _to_the_letter(self, deed: Send, drawn: Drawn, key: str) -> dict[str, str]:
        """What is said under this key, the same in every try; but another key's same words to the same person carry the time."""
        content = dict(drawn.content or {})
        field = "content" if "content" in content else "text"
        tried = await asyncio.to_thread(self._shelf.get, f"tried:{_track(key)}")
        if field not in content:
            return content
        if tried is None:
            tried = await self._element(deed, drawn) if deed.person else ""
            await asyncio.to_thread(self._shelf.put, f"tried:{_track(key)}", tried, self._now() + KEPT)
        elif deed.chat:
            content[field] = f"{self._labels.again}{content[field]}"
        content[field] = f"{content[field]}{tried}"
        return content

    async def _element(self, deed: Send, drawn: Drawn) -> str:
        same = sha256(f"{deed.person}\n{drawn.kind}\n{dumped(drawn.content)}".encode()).hexdigest()
        if await asyncio.to_thread(self._shelf.spend, f"same:{same}", 1, SAME):
            return ""
        return f"\n({self._now().astimezone(self._setup.zone):%m-%d %H:%M:%S})"

    async def _by_session(self, deed: Send, key: str) -> Done | None:
        """The one way in which a text in a group calls somebody; there for about 90 minutes after somebody spoke to the robot there."""
        url = await asyncio.to_thread(self._shelf.get, f"session:{deed.chat}")
        done = {"chat": deed.chat, "message_id": f"session.{_track(key)}"}
        if url is None:
            return None
        if await asyncio.to_thread(self._shelf.get, f"said:{_track(key)}") is not None:
            return Done(done)
        people = deed.message.mentions
        text = words(deed.message.text, self._labels).content or {}
        content = f"{' '.join(f'@{person}' for person in people)} {text['content']}"
        body = {"msgtype": "text", "text": {"content": content}, "at": {"atUserIds": list(people), "isAtAll": False}}
        if self._pushes is not None:
            await self._pushes.count()
        try:
            await self.calls.bare("POST", url, json=body)
        except Refused as refusal:
            log.info("a session has ended", extra={"action": "session_gone", "platform": "dingtalk", "error": str(refusal)})
            await asyncio.to_thread(self._shelf.take, f"session:{deed.chat}")
            return None
        await asyncio.to_thread(self._shelf.put, f"said:{_track(key)}", dumped(done), self._now() + KEPT)
        return Done(done)

    async def _file(self, deed: Send, text: str, key: str) -> None:
        """The whole of what was cut."""
        files = {"media": ("全文.zip", zipped(text), "application/zip")}
        await self._count("media")
        media = (await self.calls.old("/media/upload", params={"type": "file"}, files=files)).get("media_id")
        content = {"mediaId": str(media), "fileName": "全文.zip", "fileType": "zip"}
        await self._words(deed, Drawn(kind="sampleFile", content=content), key)

    # Cards that stand, and what is taken back

    async def _edit(self, deed: Edit, key: str) -> Done:
        """Only cards change; what was said in words stays as it is. A card that is gone is sent anew, a replaced one is not."""
        where = {"chat": deed.chat, "message_id": deed.message_id}
        if not _TRACK.fullmatch(deed.message_id):
            return Done(where)
        card = deed.message.card or as_card(deed.message)
        drawn = draw_card(card, self._labels, deed.chat, superseded=deed.superseded)
        body = {
            "outTrackId": deed.message_id,
            "cardData": {"cardParamMap": drawn.params},
            "cardUpdateOptions": {"updateCardDataByKey": True},
        }
        try:
            await self._call("PUT", CARDS, json=body)
        except Refused as refusal:
            if refusal.code != GONE:
                raise
            return Done(where) if deed.superseded else await self._send(Send(replace(deed.message, mentions=()), chat=deed.chat), key)
        return Done(where)

    async def _pin_or_recall(self, deed: Pin | Recall) -> Done:
        if isinstance(deed, Recall):
            await self._recall(deed)
            return Done()
        if not _TRACK.fullmatch(deed.message_id):
            raise WillNeverWork("DingTalk keeps only cards at the top of a chat")
        ends = int((self._now() + AT_TOP).timestamp() * 1000)
        where = {
            "openSpaceId": f"dtv1.card//ONE_BOX.{deed.chat}",
            "topOpenSpaceModel": {"spaceType": "ONE_BOX"},
            "topOpenDeliverModel": {"expiredTimeMillis": ends},
        }
        found = await self._call("POST", DELIVER, json={"outTrackId": deed.message_id, **where})
        failed = [one for one in found.get("result") or () if isinstance(one, dict) and not one.get("success")]
        if failed:
            raise Rejected(f"DingTalk did not put the card at the top: {str(failed[0].get('errorMsg'))[:200]}")
        return Done()

    async def _recall(self, deed: Recall) -> None:
        if _TRACK.fullmatch(deed.message_id) or deed.message_id.startswith("session."):
            raise WillNeverWork("DingTalk takes back neither cards nor what was said through a session")
        body: dict[str, Any] = {"robotCode": self._of.robot_code, "processQueryKeys": [deed.message_id]}
        if deed.chat.startswith(DIRECT):
            path = "/v1.0/robot/otoMessages/batchRecall"
        else:
            path, body = "/v1.0/robot/groupMessages/recall", {**body, "openConversationId": deed.chat}
        await self._call("POST", path, json=body)

    # Rooms and telephones

    async def _create(self, deed: CreateRoom, key: str) -> Done:
        """A scene group, of whose template the robot is a part; the first of its members owns it."""
        if not self._setup.scene:
            raise WillNeverWork("DINGTALK_SCENE_TEMPLATE_ID is not set: without it DingTalk makes no group that has the robot in it")
        members, missing = await self._known(deed.members)
        if not members:
            raise WillNeverWork("DingTalk knows none of those who belong in the group")
        body = {
            "title": deed.name[:MOST_NAME],
            "template_id": self._setup.scene,
            "owner_user_id": members[0],
            "user_ids": members,
            "uuid": _track(key),
            "management_options": {"validation_type": 0, "searchable": 0},
        }
        chat = str((await self._call("POST", SCENE, json=body)).get("open_conversation_id", ""))
        if not chat:
            raise WillNeverWork("DingTalk created a group and did not say which")
        return Done({"chat": chat, "missing": ",".join(missing)})

    async def _invite(self, chat: str, members: Sequence[str]) -> list[str]:
        """One stranger among them and DingTalk takes nobody: then it is asked of each who they are."""
        missing: list[str] = []
        for lot in (list(members[start : start + LOT]) for start in range(0, len(members), LOT)):
            body = {"open_conversation_id": chat, "user_ids": lot}
            try:
                await self._call("POST", MEMBERS, json=body)
            except Refused as refusal:
                if refusal.code != STRANGER:
                    raise
                known, strangers = await self._known(lot)
                missing += strangers
                if known:
                    await self._call("POST", MEMBERS, json={**body, "user_ids": known})
        return missing

    async def _known(self, people: Sequence[str]) -> tuple[list[str], list[str]]:
        """(members of the organisation, the others). DingTalk does not count this call."""
        known: list[str] = []
        for person in dict.fromkeys(people):
            try:
                await self._budget.take([Limit("api:user", QPS, SECOND)])
                await self.calls.old(PEOPLE, json={"userid": person})
                known.append(person)
            except Refused as refusal:
                if refusal.code != NO_USER:
                    raise
        return known, [person for person in dict.fromkeys(people) if person not in known]

    async def _page(self, deed: Page) -> Done:
        body = {
            "robotCode": self._of.robot_code,
            "remindType": _DING[deed.by],
            "receiverUserIdList": list(deed.people),
            "content": deed.text,
        }
        try:
            found = await self._call("POST", "/v1.0/robot/ding/send", json=body)
        except Refused as refusal:
            if refusal.code != "miss.staffId":
                raise
            return Done({"missing": ",".join(deed.people)})
        failed = found.get("failedList")
        missing = [str(one) for lot in failed.values() for one in lot] if isinstance(failed, dict) else []
        return Done({"missing": ",".join(missing)})

    async def _fetch(self, deed: Fetch) -> Done:
        body = {"downloadCode": deed.key, "robotCode": self._of.robot_code}
        url = str((await self._call("POST", "/v1.0/robot/messageFiles/download", json=body)).get("downloadUrl", ""))
        if not url:
            raise WillNeverWork("DingTalk does not say where the file is")
        return Done(content=(await self.calls.bare("GET", url, raw=True)).body)

    async def _call(self, method: str, path: str, **what: Any) -> Mapping[str, Any]:
        await self._count(path)
        return await self.calls.call(method, path, **what)

    async def _count(self, api: str) -> None:
        """Within what DingTalk allows a second; and one of the month's calls."""
        await self._budget.take([Limit(f"api:{api}", QPS, SECOND)])
        if self._month is not None:
            await self._month.count()


def _track(key: str) -> str:
    """A card's outTrackId, a group's uuid: the outbox's key, made safe."""
    return f"gf{sha256(key.encode()).hexdigest()[:38]}"
