"""What the robot says: one-to-one, in groups, through a session's webhook, through a custom robot; and what it takes back."""

import json
from collections.abc import Iterable, Mapping
from datetime import timedelta

from tests.simulators.core.faults import Request
from tests.simulators.dingtalk.reading import body, old_body, parsed, strings
from tests.simulators.dingtalk.sealing import robot_sign
from tests.simulators.dingtalk.state import Chat, Json, Message, Refusal, State, milliseconds

MOST_PEOPLE, MOST_PARAM, MOST_RECALLED = 20, 15_000, 20
FILE_TYPES = ("xlsx", "pdf", "zip", "rar", "doc", "docx")
DAY = timedelta(days=1)
MINUTE = timedelta(minutes=1)
BLOCKED = timedelta(minutes=10)
_CARD = {"title": "miss.param.actionCardTotitle", "text": "miss.param.actionCardTotext"}
_TITLE, _URL = "miss.param.actionCardTobtnsTotitle", "miss.param.actionCardTobtnsToactionUrl"


def _vertical(count: int) -> Mapping[str, str]:
    return {
        **_CARD,
        **{f"actionTitle{number}": _TITLE for number in range(1, count + 1)},
        **{f"actionURL{number}": _URL for number in range(1, count + 1)},
    }


#: msgKey -> what its msgParam must have, and the word for each that it lacks ("Message types").
KEYS: Mapping[str, Mapping[str, str]] = {
    "sampleText": {"content": "miss.param.contentOfText"},
    "sampleMarkdown": {"title": "miss.param.markdownTotitle", "text": "miss.param.markdownTotext"},
    "sampleImageMsg": {"photoURL": "miss.param.photoTophotoUrl"},
    "sampleLink": {
        "text": "miss.param.textOfLink", "title": "miss.param.titleOfLink", "picUrl": "", "messageUrl": "miss.param.messageUrlOfLink",
    },
    "sampleActionCard": {
        **_CARD, "singleTitle": "miss.param.actionCardTosingleTitle", "singleURL": "miss.param.actionCardTosingleUrl",
    },
    **{f"sampleActionCard{count}": _vertical(count) for count in range(2, 6)},
    "sampleActionCard6": {**_CARD, "buttonTitle1": _TITLE, "buttonUrl1": _URL, "buttonTitle2": _TITLE, "buttonUrl2": _URL},
    "sampleAudio": {"mediaId": "miss.param.audio", "duration": "miss.param.audio"},
    "sampleFile": dict.fromkeys(("mediaId", "fileName", "fileType"), "miss.param.file"),
    "sampleVideo": {
        **dict.fromkeys(("duration", "videoMediaId", "videoType", "picMediaId"), "miss.param.video"), "height": "", "width": "",
    },
}  # fmt: skip


def robot(state: State, given: Json) -> None:
    code = given.get("robotCode")
    if not code:
        raise Refusal("invalidParameter.robotCode.empty", "机器人robotCode为空")
    if code not in state.robots:
        raise Refusal("invalidParameter.robotCode.notExsit", "错误描述: robot 不存在;解决方案:请确认 robotCode 是否正确;")
    if not state.robot_enabled:
        raise Refusal("template.stopped", "机器人模板已经停用")


def _content(state: State, given: Json) -> Json:
    key, param = given["msgKey"], given["msgParam"]
    if not key:
        raise Refusal("invalidParameter.msgKey.empty", "缺少msgKey")
    if key not in KEYS:
        raise Refusal("invalidParameter.msgKey.invalid", "msgKey无效")
    if len(param.encode()) > MOST_PARAM:
        raise Refusal("invalidParameter.msgParam.tooLong", "消息内容太长")
    content = parsed(param)
    if content is None:
        raise Refusal("invalidParameter.msgParam.invalid", "错误描述:msgParam格式不正确;解决方案:请使用json格式;")
    for name, word in KEYS[key].items():
        if word and not content.get(name):
            raise Refusal(word, f"消息内容不合法,需要{name}属性")
    if unknown := [name for name, value in content.items() if name not in KEYS[key] or not isinstance(value, str)]:
        raise Refusal("invalidParameter.msgParam.invalid", f"{unknown}: not of {key}, or no text (strict)")
    _file(state, key, content)
    _decent(state, param)
    return content


def _file(state: State, key: str, content: Json) -> None:
    if key != "sampleFile":
        return
    if content["mediaId"] not in state.uploads:
        raise Refusal("miss.param.file", "消息内容不合法,需要file属性")
    if content["fileType"] not in FILE_TYPES or not content["fileName"].endswith(f".{content['fileType']}"):
        raise Refusal("invalidParameter.msg.unsupport", "不支持的消息类型")


def _decent(state: State, text: str) -> None:
    if any(word in text for word in state.sensitive):
        raise Refusal("contain.notAllowed.text", "含有不合适的文本")


def to_people(state: State, request: Request) -> Json:
    """Success says nothing of each of them: the lists do. What a person is to be told a second time that day is swallowed, with success."""
    known = {"robotCode": str, "userIds": list, "msgKey": str, "msgParam": str}
    given = body(request, known, ("userIds", "msgKey", "msgParam"))
    robot(state, given)
    if given["robotCode"] != state.robot_code:
        raise Refusal("chatbotId.notAllow.sendOTO", "不允许主动发单聊")
    ids = strings(given["userIds"], "invalidParameter.param.invalid")
    if not ids:
        raise Refusal("invalidParameter.userIds.empty", "用户userId列表为空")
    if len(ids) > MOST_PEOPLE:
        raise Refusal("invalidParameter.userIds.overMax", "用户userId列表超过最大限制")
    content = _content(state, given)
    key = state.new("pqk")
    invalid = [one for one in ids if one not in state.people or state.people[one].resigned or not state.people[one].available]
    for one in dict.fromkeys(ids):
        if one not in invalid and one not in state.flow_controlled and one not in state.filtered:
            _told(state, one, given["msgKey"], content, key)
    controlled = [one for one in ids if one in state.flow_controlled and one not in invalid]
    lists = {"invalidStaffIdList": invalid, "flowControlledStaffIdList": controlled}
    filtered = [one for one in ids if one in state.filtered and one not in (*invalid, *controlled)]
    return {"processQueryKey": key, **lists, **({"filteredStaffIdList": filtered} if filtered else {})}


def _told(state: State, userid: str, kind: str, content: Json, key: str) -> None:
    same = f"said:{userid}:{kind}:{json.dumps(content, sort_keys=True)}"
    if not state.spend(same, 1, DAY) or not state.spend(f"today:{userid}", state.most_to_person, DAY):
        state.swallowed.append((userid, spoken(kind, content)))
        return
    message = state.post(state.direct(userid), kind, content)
    message.id = f"{key}.{userid}"


def to_group(state: State, request: Request) -> Json:
    """Whatever the text says, nobody is called by it."""
    known = {"robotCode": str, "openConversationId": str, "msgKey": str, "msgParam": str, "coolAppCode": str}
    given = body(request, known, ("msgKey", "msgParam"))
    robot(state, given)
    if not given.get("openConversationId"):
        raise Refusal("miss.openConversationId", "缺少openConversationId")
    content = _content(state, given)
    message = state.post(group(state, given["openConversationId"], given["robotCode"]), given["msgKey"], content)
    if any(f"@{one}" in message_text(message) for one in state.people):
        state.oddities.append("an @ with a userid in a message to a group: it calls nobody, and people see the id")
    message.id = state.new("pqk")
    return {"processQueryKey": message.id}


def group(state: State, chat_id: str, code: str) -> Chat:
    chat = state.chats.get(chat_id)
    if chat is None or chat.kind != "group":
        raise Refusal("invalid.openConversationId", "无效的openConversationId")
    if chat.dissolved:
        raise Refusal("group.disbanded", "群已经解散")
    if not chat.hears(code, state.clock(), state.robot_code):
        raise Refusal(state.not_inside, "机器人robotCode无效,请检查机器人是否在群内")
    if chat.muted:
        raise Refusal("bot.forbidden.sendMessage", "账户被禁言")
    return chat


def recall(state: State, request: Request, where: str) -> Json:
    """`where`: group or direct. What could not be taken back is in the answer's second list."""
    known: dict[str, type] = {"robotCode": str, "processQueryKeys": list}
    if where == "group":
        known["openConversationId"] = str
    given = body(request, known, tuple(known))
    robot(state, given)
    keys = strings(given["processQueryKeys"], "invalidParameter.param.invalid")
    if not keys:
        raise Refusal("invalidParameter.processQueryKey.missing", "缺少processQueryKey")
    if len(keys) > MOST_RECALLED:
        raise Refusal("invalidParameter.processQueryKeys.overMax", "processQueryKeys超过数量上限20")
    chats = (
        [group(state, given["openConversationId"], given["robotCode"])]
        if where == "group"
        else [one for one in state.chats.values() if one.kind == "p2p"]
    )
    gone = [one for one in keys if _taken_back(chats, one)]
    return {"successResult": gone, "failedResult": {one: "invalid.processQueryKey" for one in keys if one not in gone}}


def _taken_back(chats: Iterable[Chat], key: str) -> bool:
    found = [message for chat in chats for message in chat.shown if message.id.partition(".")[0] == key and message.sender == "robot"]
    for message in found:
        message.recalled = True
    return bool(found)


# Webhooks: of a session, and of custom robots


def by_session(state: State, request: Request) -> Json:
    session = state.sessions.get(request.query.get("session", ""))
    if session is None or session.ends <= state.clock():
        raise Refusal(state.session_gone, "session 不存在或已过期")
    chat = state.chats[session.chat]
    if chat.dissolved or not chat.bot_inside:
        raise Refusal(state.session_gone, "session 不存在")
    _webhook_message(state, chat, old_body(request))
    return {"errcode": 0, "errmsg": "ok"}


def by_hook(state: State, request: Request) -> Json:
    hook = state.hooks.get(request.query.get("access_token", ""))
    if hook is None:
        raise Refusal(300005, "token is not exist")
    now = state.clock()
    if hook.blocked is not None and now < hook.blocked:
        raise Refusal(660026, "send too fast, exceed 20 times per minute")
    given = old_body(request)
    if hook.secret:
        _signed(request.query, hook.secret, milliseconds(now))
    if hook.keyword and hook.keyword not in json.dumps(given, ensure_ascii=False):
        raise Refusal(310000, "keywords not in content")
    if hook.ips and request.caller not in hook.ips:
        raise Refusal(310000, f"ip {request.caller} not in whitelist")
    if not state.spend(f"hook:{hook.chat}:{request.query['access_token']}", 20, MINUTE):
        hook.blocked = now + BLOCKED
        raise Refusal(410100, "send too fast, exceed 20 times per minute")
    again = str(given.get("msgUuid") or "")
    if not again or state.spend(f"uuid:{again}", 1, DAY):
        _webhook_message(state, state.chats[hook.chat], {name: value for name, value in given.items() if name != "msgUuid"})
    return {"errcode": 0, "errmsg": "ok"}


def _signed(query: Mapping[str, str], secret: str, now: int) -> None:
    stamp = query.get("timestamp", "")
    if not stamp.isdigit() or abs(now - int(stamp)) > 3_600_000:
        raise Refusal(310000, "invalid timestamp")
    if query.get("sign") != robot_sign(stamp, secret):
        raise Refusal(310000, "sign not match")


_WEBHOOKS: Mapping[str, tuple[str, ...]] = {
    "text": ("content",), "markdown": ("title", "text"), "link": ("title", "text", "messageUrl"), "actionCard": ("title", "text"),
    "feedCard": ("links",),
}  # fmt: skip


def _webhook_message(state: State, chat: Chat, given: Mapping[str, object]) -> Message | None:
    """A message JSON, as webhooks take it and as a callback's answer may be one."""
    kind = given.get("msgtype")
    if kind == "empty":
        return None
    content = given.get(str(kind))
    if kind not in _WEBHOOKS or not isinstance(content, dict):
        raise Refusal(400105, f"不支持的消息类型 {kind}")
    if set(given) - {"msgtype", str(kind), "at"} or any(not content.get(name) for name in _WEBHOOKS[str(kind)]):
        raise Refusal(40035, "不合法的参数 (strict)")
    text = spoken(str(kind), content)
    if any(word in text for word in state.sensitive):
        raise Refusal(430104, "含有不合适的文本")
    message = state.post(chat, str(kind), content)
    message.mentioned = _called(state, chat, text, given.get("at") or {})
    return message


reply = _webhook_message


def _called(state: State, chat: Chat, text: str, at: object) -> set[str]:
    """Who is called: only whom both `at` and the text name, and who is there."""
    if not isinstance(at, dict) or set(at) - {"atUserIds", "atMobiles", "isAtAll"}:
        raise Refusal(40035, "不合法的参数 at")
    mobiles = {person.mobile: person.userid for person in state.people.values() if person.mobile}
    named = [(one, one) for one in at.get("atUserIds", ())] + [(one, mobiles.get(one, "")) for one in at.get("atMobiles", ())]
    for word, _ in named:
        if f"@{word}" not in text:
            state.oddities.append(f"{word} is in `at`, and the text has no @{word}")
    return {userid for word, userid in named if f"@{word}" in text and userid in chat.members} | ({"@ALL"} if at.get("isAtAll") else set())


# What a person reads


def spoken(kind: str, content: Json) -> str:
    if kind in ("text", "sampleText"):
        return str(content["content"])
    title = str(content.get("title", ""))
    text = str(content.get("text", content.get("fileName", "")))
    return text if kind in ("markdown", "sampleMarkdown") and text.lstrip("# ").startswith(title) else f"{title}\n{text}".strip()


def message_text(message: Message) -> str:
    return spoken(message.kind, message.content)


def links(message: Message) -> dict[str, str]:
    """The buttons of a link card: label -> address."""
    content = message.content
    if "singleTitle" in content:
        return {content["singleTitle"]: content["singleURL"]}
    if message.kind in ("link", "sampleLink"):
        return {content["title"]: content["messageUrl"]}
    if "btns" in content:
        return {one["title"]: one["actionURL"] for one in content["btns"]}
    pairs = (("actionTitle", "actionURL"), ("buttonTitle", "buttonUrl"))
    return {
        content[f"{title}{number}"]: content[f"{url}{number}"]
        for title, url in pairs
        for number in range(1, 6)
        if f"{title}{number}" in content
    }
