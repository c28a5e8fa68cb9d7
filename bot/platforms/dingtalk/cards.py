"""Cards by the template: made and delivered once, changed where they stand, put at the top of their chat."""

import asyncio
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any

from bot.platforms.core.cards import Labels
from bot.platforms.core.contract import Done, Edit, Pin, Rejected, Send, Shelf, WillNeverWork
from bot.platforms.dingtalk.calls import Counted, Refused
from bot.platforms.dingtalk.dialect import TRACK, Drawn, as_card, draw_card, track
from bot.platforms.dingtalk.inbound import DIRECT

CARDS, MAKE, DELIVER = "/v1.0/card/instances", "/v1.0/card/instances/createAndDeliver", "/v1.0/card/instances/deliver"
REGISTER, ROUTE = "/v1.0/card/callbacks/register", "gengfu"
THERE, GONE = "param.cardAlreadyExist", "param.cardNotExist"
#: What a card is made for, once for all: a chat, and the top of it.
FOR_ONE: Mapping[str, Any] = {"imRobotOpenSpaceModel": {"supportForward": False}}
FOR_GROUPS: Mapping[str, Any] = {"imGroupOpenSpaceModel": {"supportForward": False}, "topOpenSpaceModel": {"spaceType": "ONE_BOX"}}
#: How long it is remembered that a card was made and not delivered.
KEPT = timedelta(days=7)
#: How long a card stays at the top of its chat.
AT_TOP = timedelta(days=30)


class CardDesk:
    """`stream`: taps come over the long connection, else to the address that was registered."""

    def __init__(
        self, api: Counted, robot: str, template: str, shelf: Shelf, labels: Labels, now: Callable[[], datetime], *, stream: bool
    ) -> None:
        self._api = api
        self._robot = robot
        self._template = template
        self._shelf = shelf
        self._labels = labels
        self._now = now
        self._answers = {"callbackType": "STREAM"} if stream else {"callbackType": "HTTP", "callbackRouteKey": ROUTE}

    async def register(self, url: str, secret: str) -> None:
        """Where taps are posted, and what they are signed with."""
        body = {"callbackRouteKey": ROUTE, "callbackUrl": url, "apiSecret": secret, "forceUpdate": True}
        await self._api.call("POST", REGISTER, json=body)

    async def put(self, deed: Send, drawn: Drawn, key: str) -> Done:
        mine, chat = track(key), deed.chat or f"{DIRECT}{deed.person}"
        made = {"cardTemplateId": self._template, "outTrackId": mine, "cardData": {"cardParamMap": drawn.params}, **self._answers}
        made_for = FOR_ONE if deed.person else FOR_GROUPS
        try:
            found = (await self._api.call("POST", MAKE, json={**made, **made_for, **self._place(deed)})).get("result")
            results = found.get("deliverResults") if isinstance(found, dict) else None
        except Refused as refusal:
            if refusal.code != THERE:
                raise
            results = await self._delivered_again(mine, deed)
        await self._check_delivery(mine, results)
        return Done({"chat": chat, "message_id": mine})

    def _place(self, deed: Send) -> Mapping[str, Any]:
        """Where a card goes."""
        if deed.person:
            model = {"spaceType": "IM_ROBOT", "robotCode": self._robot}
            return {"openSpaceId": f"dtv1.card//IM_ROBOT.{deed.person}", "imRobotOpenDeliverModel": model}
        called = {"atUserIds": {person: person for person in deed.message.mentions}} if deed.message.mentions else {}
        group = {"robotCode": self._robot, **called}
        return {"openSpaceId": f"dtv1.card//IM_GROUP.{deed.chat}", "imGroupOpenDeliverModel": group}

    async def _delivered_again(self, mine: str, deed: Send) -> Any:
        """The card was made before. It stands in its chat, unless DingTalk told us then that it does not."""
        if await asyncio.to_thread(self._shelf.get, f"undelivered:{mine}") is None:
            return ()
        found = (await self._api.call("POST", DELIVER, json={"outTrackId": mine, **self._place(deed)})).get("result")
        await asyncio.to_thread(self._shelf.take, f"undelivered:{mine}")
        return found

    async def _check_delivery(self, mine: str, results: Any) -> None:
        """A 200 says that the card was made; whether anybody sees it stands within."""
        failed = [one for one in results or () if isinstance(one, dict) and not one.get("success")]
        if failed:
            await asyncio.to_thread(self._shelf.put, f"undelivered:{mine}", "1", self._now() + KEPT)
            raise Rejected(f"DingTalk made the card and did not deliver it: {str(failed[0].get('errorMsg'))[:200]}")

    async def change(self, deed: Edit) -> bool:
        """False when it is gone."""
        card = deed.message.card or as_card(deed.message)
        drawn = draw_card(card, self._labels, deed.chat, superseded=deed.superseded)
        body = {
            "outTrackId": deed.message_id,
            "cardData": {"cardParamMap": drawn.params},
            "cardUpdateOptions": {"updateCardDataByKey": True},
        }
        try:
            await self._api.call("PUT", CARDS, json=body)
        except Refused as refusal:
            if refusal.code != GONE:
                raise
            return False
        return True

    async def pin(self, deed: Pin) -> None:
        if not TRACK.fullmatch(deed.message_id):
            raise WillNeverWork("DingTalk keeps only cards at the top of a chat")
        ends = int((self._now() + AT_TOP).timestamp() * 1000)
        where = {"openSpaceId": f"dtv1.card//ONE_BOX.{deed.chat}", "topOpenDeliverModel": {"expiredTimeMillis": ends}}
        found = await self._api.call("POST", DELIVER, json={"outTrackId": deed.message_id, **where})
        failed = [one for one in found.get("result") or () if isinstance(one, dict) and not one.get("success")]
        if failed:
            raise Rejected(f"DingTalk did not put the card at the top: {str(failed[0].get('errorMsg'))[:200]}")
