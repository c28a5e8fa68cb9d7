"""Groups that the robot makes and whom it brings into them; and telephones that it rings."""

from collections.abc import Sequence

from bot.platforms.core.contract import CreateRoom, Done, Page, WillNeverWork
from bot.platforms.dingtalk.calls import Counted, Refused
from bot.platforms.dingtalk.dialect import track

SCENE, MEMBERS = "/v1.0/im/sceneGroup/create", "/v1.0/im/sceneGroup/member/add"
PEOPLE, DING = "/topapi/v2/user/get", "/v1.0/robot/ding/send"
STRANGER, NO_USER, NOBODY = "member.notFound", "60121", "miss.staffId"
MOST_NAME = 30
LOT = 500
_BY = {"app": 1, "sms": 2, "phone": 3}


class Rooms:
    """`scene`: the id of the scene group template."""

    def __init__(self, api: Counted, robot: str, scene: str) -> None:
        self._api = api
        self._robot = robot
        self._scene = scene

    async def create(self, deed: CreateRoom, key: str) -> Done:
        """A scene group, of whose template the robot is a part; the first of its members owns it."""
        if not self._scene:
            raise WillNeverWork("DINGTALK_SCENE_TEMPLATE_ID is not set: without it DingTalk makes no group that has the robot in it")
        members, missing = await self._known(deed.members)
        if not members:
            raise WillNeverWork("DingTalk knows none of those who belong in the group")
        body = {
            "title": deed.name[:MOST_NAME],
            "template_id": self._scene,
            "owner_user_id": members[0],
            "user_ids": members,
            "uuid": track(key),
            "management_options": {"validation_type": 0, "searchable": 0},
        }
        chat = str((await self._api.call("POST", SCENE, json=body)).get("open_conversation_id", ""))
        if not chat:
            raise WillNeverWork("DingTalk created a group and did not say which")
        return Done({"chat": chat, "missing": ",".join(missing)})

    async def invite(self, chat: str, members: Sequence[str]) -> list[str]:
        """One stranger among them and DingTalk takes nobody: then it is asked of each who they are."""
        missing: list[str] = []
        for lot in (list(members[start : start + LOT]) for start in range(0, len(members), LOT)):
            body = {"open_conversation_id": chat, "user_ids": lot}
            try:
                await self._api.call("POST", MEMBERS, json=body)
            except Refused as refusal:
                if refusal.code != STRANGER:
                    raise
                known, strangers = await self._known(lot)
                missing += strangers
                if known:
                    await self._api.call("POST", MEMBERS, json={**body, "user_ids": known})
        return missing

    async def _known(self, people: Sequence[str]) -> tuple[list[str], list[str]]:
        """(members of the organisation, the others). DingTalk does not count this call."""
        known: list[str] = []
        for person in dict.fromkeys(people):
            try:
                await self._api.old(PEOPLE, free=True, json={"userid": person})
                known.append(person)
            except Refused as refusal:
                if refusal.code != NO_USER:
                    raise
        return known, [person for person in dict.fromkeys(people) if person not in known]

    async def ring(self, deed: Page) -> Done:
        body = {
            "robotCode": self._robot,
            "remindType": _BY[deed.by],
            "receiverUserIdList": list(deed.people),
            "content": deed.text,
        }
        try:
            found = await self._api.call("POST", DING, json=body)
        except Refused as refusal:
            if refusal.code != NOBODY:
                raise
            return Done({"missing": ",".join(deed.people)})
        failed = found.get("failedList")
        missing = [str(one) for lot in failed.values() for one in lot] if isinstance(failed, dict) else []
        return Done({"missing": ",".join(missing)})
