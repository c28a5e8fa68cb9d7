"""The calls that are about something other than a message or a card: tokens, groups, files, people, DING."""

from datetime import timedelta

from tests.simulators.core.faults import Request
from tests.simulators.dingtalk.messages import robot
from tests.simulators.dingtalk.reading import body, old_body, strings, upload
from tests.simulators.dingtalk.state import Chat, Json, Refusal, State, Upload

LIVES = timedelta(seconds=7200)
MOST_TITLE, MOST_MEMBERS = 30, 1000
_MEGA = 1024 * 1024
MEDIA = {
    "image": (20, ("jpg", "gif", "png", "bmp")), "voice": (2, ("amr", "mp3", "wav")), "video": (20, ("mp4",)),
    "file": (20, ("doc", "docx", "xls", "xlsx", "ppt", "pptx", "zip", "pdf", "rar")),
}  # fmt: skip
_MANAGEMENT = (
    "mention_all_authority", "show_history_type", "validation_type", "searchable", "chat_banned_type", "management_type",
    "only_admin_can_ding", "all_members_can_create_mcs_conf", "all_members_can_create_calendar", "group_email_disabled",
    "only_admin_can_set_msg_top", "add_friend_forbidden", "group_live_switch", "members_to_admin_chat", "not_quit_when_emp_leave",
    "only_admin_can_add_mem",
)  # fmt: skip


def token(state: State, request: Request) -> Json:
    """The same one while it is valid. Both APIs take it."""
    given = body(request, {"appKey": str, "appSecret": str}, ("appKey", "appSecret"))
    if (given["appKey"], given["appSecret"]) != (state.app_key, state.app_secret):
        raise Refusal("invalidClientIdOrSecret", "无效的clientId或者clientSecret")
    now = state.clock()
    found = next((one for one, ends in state.tokens.items() if ends > now), None)
    if found is None:
        found = state.new()
        state.tokens[found] = now + LIVES
    return {"accessToken": found, "expireIn": int((state.tokens[found] - now).total_seconds())}


# Groups


def common_group(state: State, request: Request) -> Json:
    """An ordinary group: the robot is not in it, and cannot be put into it."""
    known = {"name": str, "owner": str, "useridlist": list}
    given = body(request, known, tuple(known), bad="parameter.invalid")
    chat = _made(state, given["name"], given["owner"], strings(given["useridlist"], "parameter.invalid"), most=20)
    chat.bot_inside = False
    return {"openConversationId": chat.id, "chatid": state.new("chat")}


def scene_group(state: State, request: Request) -> Json:
    """Of a template, with the robot inside. The same `uuid` is the same group."""
    known = {
        "title": str, "icon": str, "template_id": str, "owner_user_id": str, "user_ids": list, "subadmin_ids": list, "uuid": str,
        "management_options": dict,
    }  # fmt: skip
    given = body(request, known, ("title", "template_id", "owner_user_id"), bad="parameter.invalid")
    if set(given.get("management_options", {})) - set(_MANAGEMENT):
        raise Refusal("parameter.invalid", "management_options")
    if given["template_id"] not in state.scene_templates:
        raise Refusal("groupTemplate.notFound", "群模板不存在或者已下线")
    if given.get("uuid") and (before := state.made.get(given["uuid"])):
        return _scene(state, before)
    members = strings([*given.get("user_ids", []), *given.get("subadmin_ids", [])], "parameter.invalid")
    chat = _made(state, given["title"], given["owner_user_id"], members, most=MOST_TITLE)
    chat.robot, chat.bot_since = state.scene_robot, state.clock() + state.robot_takes
    if given.get("uuid"):
        state.made[given["uuid"]] = chat
    else:
        state.oddities.append("a group is made without a uuid: a repeat makes a second one")
    return _scene(state, chat)


def _scene(state: State, chat: Chat) -> Json:
    return {"open_conversation_id": chat.id, "chat_id": state.new("chat")}


def _made(state: State, title: str, owner: str, members: list[str], *, most: int) -> Chat:
    if not title or len(title) > most:
        raise Refusal("parameter.invalid", f"the name has more than {most} characters, or none")
    if len(members) > MOST_MEMBERS:
        raise Refusal("member.exceed", "群成员数量超出限制")
    if state.people.get(owner) is None:
        raise Refusal("member.notFound", "不存在的员工")
    if not state.people[owner].available:
        raise Refusal("permession.checkFailed", "群主不在应用可见性内")
    _known(state, members)
    chat = Chat(state.new("cid") + "==", title, members={owner, *members}, owner=owner)
    state.chats[chat.id] = chat
    return chat


def _known(state: State, members: list[str]) -> None:
    if absent := [one for one in members if one not in state.people or state.people[one].resigned]:
        raise Refusal("member.notFound", f"不存在的员工 {absent}")


def add_members(state: State, request: Request) -> Json:
    known = {"open_conversation_id": str, "user_ids": list, "union_ids": list}
    given = body(request, known, ("open_conversation_id",), bad="parameter.invalid")
    chat = state.chats.get(given["open_conversation_id"])
    if chat is None or chat.kind != "group" or chat.dissolved:
        raise Refusal("parameter.invalid", "输入参数错误 open_conversation_id")
    members = strings(given.get("user_ids", []), "parameter.invalid")
    if not members or len(members) > MOST_MEMBERS:
        raise Refusal("parameter.invalid", "输入参数错误 user_ids")
    _known(state, members)
    chat.members |= set(members)
    return {"success": True}


# DING


def ding(state: State, request: Request) -> Json:
    """In the app, by SMS, by telephone; each has a quota that is bought."""
    known = {"robotCode": str, "remindType": int, "receiverUserIdList": list, "content": str, "callVoice": str}
    given = body(request, known, ("robotCode", "remindType", "receiverUserIdList", "content"))
    if given["robotCode"] != state.robot_code:
        raise Refusal("invalid.chatbotId", "无效的机器人id")
    robot(state, given)
    by, people = given["remindType"], strings(given["receiverUserIdList"], "miss.staffId")
    if by not in state.ding_quota or not given["content"]:
        raise Refusal("invalidParameter.param.invalid", "remindType")
    if len(people) > (200 if by == 1 else 20):
        raise Refusal("ding.receivercount.limit", "ding receiver count limit")
    left = state.ding_quota[by]
    if left is not None and left < len(people):
        raise Refusal("ding.serverquota.insufficient", "ding server quota insufficient")
    unknown = [one for one in people if one not in state.people or state.people[one].resigned]
    if len(unknown) == len(people):
        raise Refusal("miss.staffId", "无效的接收者id")
    rung = [one for one in people if one not in unknown]
    if left is not None:
        state.ding_quota[by] = left - len(rung)
    state.dings.append({"by": ("app", "sms", "phone")[by - 1], "people": rung, "content": given["content"], "at": state.clock()})
    return {"openDingId": state.new("ding"), **({"failedList": {"userid invalid": unknown}} if unknown else {})}


# Files


def media(state: State, request: Request) -> Json:
    kind, name, content = upload(request)
    if kind not in MEDIA:
        raise Refusal(40004, "不合法的媒体文件类型")
    most, endings = MEDIA[kind]
    if name.rpartition(".")[2].lower() not in endings:
        raise Refusal(40004, "不合法的媒体文件类型")
    if not 0 < len(content) <= most * _MEGA:
        raise Refusal(40006, "不合法的文件大小")
    found = Upload("@lA" + state.new(), kind, name, content)
    state.uploads[found.id] = found
    return {"errcode": 0, "errmsg": "ok", "type": kind, "media_id": found.id, "created_at": int(state.clock().timestamp() * 1000)}


def download(state: State, request: Request) -> Json:
    """Of a file that somebody sent the robot: an address that is open to whoever has it, for a while."""
    given = body(request, {"downloadCode": str, "robotCode": str}, ("downloadCode", "robotCode"))
    robot(state, given)
    if given["downloadCode"] not in state.uploads:
        raise Refusal("invalidParameter.downloadCode", "downloadCode 无效 (?)")
    return {"downloadUrl": f"{state.url}/download/{given['downloadCode']}"}


# People


def user(state: State, request: Request) -> Json:
    found = state.people.get(str(old_body(request).get("userid") or ""))
    if found is None or found.resigned:
        raise Refusal(60121, "找不到该用户")
    if not found.available:
        raise Refusal(50002, "企业没有授权该用户的权限")
    shown = {"userid": found.userid, "unionid": found.union_id, "name": found.name, "mobile": found.mobile, "active": True}
    return {"errcode": 0, "errmsg": "ok", "result": shown}


def by_mobile(state: State, request: Request) -> Json:
    """A person's own account, and those that the organisation made for them (企业账号), which are searched only when that is asked for."""
    given = old_body(request)
    mobile = str(given.get("mobile") or "")
    if not mobile.lstrip("+").replace("-", "").isdigit():
        raise Refusal(400002, "无效的参数")
    found = next((one for one in state.people.values() if one.mobile == mobile and not one.resigned), None)
    made = state.made_accounts.get(mobile, []) if given.get("support_exclusive_account_search") is True else []
    if found is None and not made:
        raise Refusal(60121, "找不到该用户")
    result: Json = {"exclusive_account_userid_list": made, **({"userid": found.userid} if found else {})}
    return {"errcode": 0, "errmsg": "ok", "result": result}
