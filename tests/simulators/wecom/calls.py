"""The calls that are about something other than an app's message: tokens, media, people, the groups that an app makes."""

from collections.abc import Mapping
from datetime import timedelta

from tests.simulators.core.faults import Request
from tests.simulators.core.shape import Check, among, anything, each, thing, whole, words
from tests.simulators.wecom.messages import CONTENTS, DAY, check_content
from tests.simulators.wecom.reading import INVALID, body, query, upload
from tests.simulators.wecom.state import HOUR, MINUTE, Chat, Json, Media, Person, Refusal, State

LIVES = timedelta(seconds=7200)
_MEGA = 1024 * 1024
SIZES = {"image": 10 * _MEGA, "voice": 2 * _MEGA, "video": 10 * _MEGA, "file": 20 * _MEGA}
#: Over the robot's long connection (101463).
ROBOT_SIZES = {**SIZES, "image": 2 * _MEGA}
#: JPG and PNG, by their first bytes.
_PICTURES = (b"\xff\xd8\xff", b"\x89PNG\r\n\x1a\n")
_IDS = each(words(least=1), 2000)
_MENTIONED = thing({"content": words(), "mentioned_list": each(words(least=1))}, ("content",))
#: What an app may say in a group of its own: no card.
IN_GROUP: Mapping[str, Check] = {
    **{kind: CONTENTS[kind] for kind in ("image", "voice", "video", "file", "textcard", "news")},
    "text": _MENTIONED,
    "markdown": _MENTIONED,
}


def token(state: State, request: Request) -> Json:
    """The same one while it lives."""
    asked = request.query
    if strange := set(asked) - {"corpid", "corpsecret"}:
        raise Refusal(INVALID, f"unknown parameters {sorted(strange)} (strict)")
    for name, code in (("corpid", 41002), ("corpsecret", 41004)):
        if not asked.get(name):
            raise Refusal(code, f"{name} missing")
    if asked["corpid"] != state.corp_id:
        raise Refusal(40013, "invalid corpid")
    if asked["corpsecret"] != state.secret:
        again = state.spend("wrong secret", 3, HOUR)
        raise Refusal(40001, "invalid credential") if again else Refusal(45009, "api freq out of limit")
    now = state.clock()
    found = next((one for one, ends in state.tokens.items() if ends > now), None)
    if found is None:
        found = state.new("tok")
        state.tokens[found] = now + LIVES
    return {"access_token": found, "expires_in": int((state.tokens[found] - now).total_seconds())}


def authorized(state: State, request: Request) -> None:
    given = request.query.get("access_token")
    if not given:
        raise Refusal(41001, "access_token missing")
    if given not in state.tokens:
        raise Refusal(40014, "invalid access_token")
    if state.tokens[given] <= state.clock():
        raise Refusal(42001, "access_token expired")
    if state.trusted_ips is not None and request.caller not in state.trusted_ips:
        raise Refusal(60020, f"not allow to access from your ip, from ip: {request.caller}")
    if not state.app_enabled:
        raise Refusal(50003, "agent is disabled")


def throttle(state: State, request: Request) -> None:
    for key, most, window in (
        (f"api:{request.route}", 10_000, MINUTE),
        (f"api:{request.route}", 150_000, HOUR),
        (f"ip:{request.caller}", 20_000, MINUTE),
    ):
        if not state.spend(key, most, window):
            raise Refusal(45009, "api freq out of limit")


# Media


def keep(state: State, kind: str, name: str, content: bytes, owner: str) -> Media:
    if kind not in SIZES:
        raise Refusal(40004, "invalid media type")
    if len(content) <= 5:
        raise Refusal(40006, "invalid media size: not more than 5 bytes")
    if len(content) > (SIZES if owner == "app" else ROBOT_SIZES)[kind]:
        raise Refusal(45001, "media size out of limit")
    if kind == "image" and not content.startswith(_PICTURES):
        raise Refusal(40005, "invalid file type")
    media = Media(state.new("media"), kind, name, content, state.clock(), owner)
    state.media[media.id] = media
    return media


def upload_media(state: State, request: Request) -> Json:
    kind = query(request, "type")["type"]
    name, content = upload(request)
    media = keep(state, kind, name, content, "app")
    return {"type": kind, "media_id": media.id, "created_at": str(int(media.at.timestamp()))}


def media(state: State, request: Request) -> Media:
    found = state.media.get(query(request, "media_id")["media_id"])
    if found is None or state.clock() - found.at >= timedelta(days=3):
        raise Refusal(40007, "invalid media_id")
    return found


# People


def _in_range(state: State, userid: str) -> Person:
    found = state.person(userid)
    if found is None:
        raise Refusal(60111, "userid not found")
    if not found.visible:
        raise Refusal(60011, "no privilege to access/modify contact/party/agent")
    return found


def user(state: State, request: Request) -> Json:
    one = _in_range(state, query(request, "userid")["userid"])
    private = {"mobile": one.mobile, "email": one.email} if state.contact_fields else {}
    shown = one.userid.lower() if state.lower_ids else one.userid
    return {"userid": shown, "name": one.name, "department": [1], "status": 1, "main_department": 1, **private}


def user_by_mobile(state: State, request: Request) -> Json:
    mobile = body(request, {"mobile": words(least=1)}, ("mobile",))["mobile"]
    return _who(state, "getuserid", next((one for one in state.people.values() if one.mobile == mobile), None))


def user_by_email(state: State, request: Request) -> Json:
    """1: the company's mailbox; 2: a private one."""
    given = body(request, {"email": words(least=1), "email_type": whole(1, 2)}, ("email",))
    kind = given.get("email_type", 1)
    found = (one for one in state.people.values() if given["email"] in (one.work_email if kind == 1 else one.email,))
    return _who(state, "get_userid_by_email", next(found, None))


def _who(state: State, call: str, found: Person | None) -> Json:
    """Who asks wrongly more often than a fifth of the accounts that the company may have is shut out for a day (95402)."""
    if state.misses[call] > state.accounts / 5:
        raise Refusal(state.shut_out, "too many wrong requests, try tomorrow")
    if found is None or not found.visible:
        state.misses[call] += 1
        raise Refusal(state.unseen_member if found else 46004, "user not exist")
    return {"userid": found.userid}


def addresses(state: State, request: Request) -> Json:
    query(request)
    return {"ip_list": ["127.0.0.1"]}


# Groups that the app makes: it speaks there, and hears nothing


def _root(state: State) -> None:
    if not state.root_visible:
        raise Refusal(60011, "no privilege to access/modify contact/party/agent: the app's visible range must be the root department")


def _members(state: State, userids: list[str]) -> set[str]:
    found = {one: state.person(one) for one in userids}
    if strangers := [name for name, one in found.items() if one is None or not one.visible]:
        raise Refusal(state.bad_member, f"invalid userid: {strangers}")
    return {one.userid for one in found.values() if one}


def create_group(state: State, request: Request) -> Json:
    _root(state)
    known: Mapping[str, Check] = {"name": words(50), "owner": words(least=1), "userlist": _IDS, "chatid": among(also=r"[0-9A-Za-z]{1,32}")}
    given = body(request, known, ("userlist",))
    if not state.spend("appchat/create", 1000, DAY):
        raise Refusal(45009, "api freq out of limit")
    members = _members(state, given["userlist"])
    if not 2 <= len(members) <= 2000:
        raise Refusal(86220, "userlist: 2 to 2000 members")
    owner = _members(state, [given["owner"]]).pop() if "owner" in given else min(members)
    if owner not in members:
        raise Refusal(86220, "the owner must be in userlist")
    chatid = given.get("chatid") or state.new("")[:32]
    if chatid in state.chats:
        raise Refusal(86215, "chatid existed")
    robot = chatid if state.same_chat_ids else state.new("wr")
    state.chats[chatid] = Chat(chatid, given.get("name", ""), "appgroup", members, owner, robot_id=robot)
    return {"chatid": chatid}


def _group(state: State, chatid: str) -> Chat:
    _root(state)
    found = state.chats.get(chatid)
    if found is None or found.kind != "appgroup":
        raise Refusal(86003, "invalid chatid: no group that this app has made")
    return found


def update_group(state: State, request: Request) -> Json:
    known: Mapping[str, Check] = {
        "chatid": words(least=1), "name": words(50), "owner": words(least=1), "add_user_list": _IDS, "del_user_list": _IDS,
    }  # fmt: skip
    given = body(request, known, ("chatid",))
    chat = _group(state, given["chatid"])
    if not state.spend("appchat/update", 1000, HOUR):
        raise Refusal(45009, "api freq out of limit")
    members = (chat.members | _members(state, given.get("add_user_list", []))) - set(given.get("del_user_list", ()))
    if not 2 <= len(members) <= 2000:
        raise Refusal(86220, "2 to 2000 members")
    owner = given.get("owner", chat.owner)
    if owner not in members:
        raise Refusal(86220, "the owner must be a member")
    chat.members, chat.owner, chat.name = members, owner, given.get("name", chat.name)
    return {}


def group(state: State, request: Request) -> Json:
    chat = _group(state, query(request, "chatid")["chatid"])
    return {"chat_info": {"chatid": chat.id, "name": chat.name, "owner": chat.owner, "userlist": sorted(chat.members)}}


def send_to_group(state: State, request: Request) -> Json:
    """No msgid comes back, so nothing here can be recalled."""
    known: Mapping[str, Check] = {"chatid": words(least=1), "msgtype": anything, "safe": whole(0, 1), **CONTENTS, **IN_GROUP}
    given = body(request, known, ("chatid", "msgtype"))
    chat = _group(state, given["chatid"])
    content = check_content(state, given, IN_GROUP)
    if not state.spend("appchat person-messages", 20_000, MINUTE, len(chat.members)):
        raise Refusal(45009, "api freq out of limit")
    if not state.spend(f"appchat:{chat.id}", 200, MINUTE):
        state.dropped.append((chat.id, str(content)))
        return {}
    message = state.post(chat, given["msgtype"], content, "app")
    message.mentions = list(content[given["msgtype"]].get("mentioned_list", ()))
    if strangers := message.mentioned - chat.members - {"@all", "all"}:
        state.oddities.append(f"a mention of {sorted(strangers)}, who are not in the group")
    return {}
