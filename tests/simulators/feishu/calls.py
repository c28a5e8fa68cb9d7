"""The calls that are about something other than a message: tokens, groups, pins, files, people, custom bots, late card updates."""

import json
from datetime import timedelta
from typing import Any

from tests.simulators.core.faults import Request
from tests.simulators.feishu.messages import (
    SECOND,
    change,
    check_content,
    check_interactive,
    existing,
    find_people,
    invalid,
    open_chat,
    same_schema,
)
from tests.simulators.feishu.reading import ID_TYPES, body, parts, query, strings, uuid_of, violation
from tests.simulators.feishu.sealing import hook_sign
from tests.simulators.feishu.state import Chat, Json, Person, Refusal, State, Upload, milliseconds

LIVES = timedelta(seconds=7200)
KEPT = timedelta(minutes=30)
MOST_NAME = 60
_MEGA = 1024 * 1024
_CHOICES = {"chat_mode": ("group",), "chat_type": ("private", "public"), "group_message_type": ("chat", "thread")}
_CHAT_FIELDS = {
    **dict.fromkeys(
        (
            "avatar", "name", "description", "owner_id", "group_message_type", "chat_mode", "chat_type", "join_message_visibility",
            "leave_message_visibility", "membership_approval", "urgent_setting", "video_conference_setting", "edit_permission",
            "hide_member_count_setting",
        ),
        str,
    ),
    "i18n_names": dict, "restricted_mode_setting": dict, "user_id_list": list, "bot_id_list": list,
}  # fmt: skip


def token(state: State, request: Request) -> Json:
    """Flat, not under `data`. The same one while more than thirty minutes are left; after that a new one beside it."""
    given = body(request, {"app_id": str, "app_secret": str})
    if not given.get("app_id") or not given.get("app_secret") or given["app_id"] != state.app_id:
        raise Refusal(10003, "invalid param")
    if given["app_secret"] != state.app_secret:
        raise Refusal(10015, "app secret invalid")
    if state.app_disabled:
        raise Refusal(10014, "app is disabled")
    now = state.clock()
    found = next((one for one, ends in state.tokens.items() if ends - now > KEPT), None)
    if found is None:
        found = state.new("t-g1")
        state.tokens[found] = now + LIVES
    return {"tenant_access_token": found, "expire": int((state.tokens[found] - now).total_seconds())}


def authorized(state: State, request: Request) -> None:
    given = request.headers.get("authorization", "")
    if not given.startswith("Bearer ") or not given[7:]:
        raise Refusal(99991661, "Missing access token for authorization. Please make a request with token attached.")
    if not given[7:].startswith(("t-", "u-")):
        raise Refusal(99991671, "Invalid access token for authorization. Please check the token format.")
    ends = state.tokens.get(given[7:])
    if ends is None or ends <= state.clock():
        raise Refusal(99991663, "Invalid access token for authorization. Please make a request with token attached.")
    if state.allowed_ips and request.caller not in state.allowed_ips:
        raise Refusal(99991401, f"request ip {request.caller} is denied by app setting")
    if state.month_quota is not None:
        if state.month_quota <= 0:
            raise Refusal(99991403, "This month's API call quota has been exceeded")
        state.month_quota -= 1


# Groups


def create_chat(state: State, request: Request) -> Json:
    asked = query(request, {"user_id_type": ID_TYPES, "set_bot_manager": ("true", "false"), "uuid": ()})
    given = body(request, _CHAT_FIELDS)
    kind = asked.get("user_id_type", "open_id")
    for name, choices in _CHOICES.items():
        if given.get(name, choices[0]) not in choices:
            raise Refusal(232001, f"Your request contains an invalid request parameter, ext={name}")
    if len(given.get("name", "")) > MOST_NAME:
        raise Refusal(232001, "Your request contains an invalid request parameter, ext=name has more than 60 characters (strict)")
    uuid = uuid_of(asked.get("uuid", ""))
    key = f"chat:{uuid}:{given.get('owner_id', '')}"
    if uuid and (before := state.repeated(key)) is not None:
        return _chat_shown(state, before)
    owner = [given["owner_id"]] if given.get("owner_id") else []
    members = find_people(state, kind, [*owner, *strings(given.get("user_id_list", []), "user_id_list", 50)])
    strings(given.get("bot_id_list", []), "bot_id_list", 5)
    if any(not person.available for person in members):
        raise Refusal(232024, "Users do not have the visibility of the app.")
    chat = Chat(state.new("oc_"), given.get("name", ""), members={person.open_id for person in members})
    chat.owner = members[0].open_id if owner else state.app_id
    chat.manager = not owner or asked.get("set_bot_manager") == "true"
    state.chats[chat.id] = chat
    if uuid:
        state.remember(key, chat, 10)
    return _chat_shown(state, chat)


def _chat_shown(state: State, chat: Chat) -> Json:
    owner = {} if chat.owner == state.app_id else {"owner_id": chat.owner, "owner_id_type": "open_id"}
    return {
        "chat_id": chat.id, "name": chat.name or "(无主题)", "chat_mode": "group", "chat_type": "private", "external": False,
        "tenant_key": state.tenant, **owner,
    }  # fmt: skip


def _group(state: State, request: Request) -> Chat:
    chat = state.chats.get(request.ids["chat_id"])
    if chat is None or chat.kind != "group":
        raise Refusal(232006, "Your request specifies a chat_id which is invalid.")
    if chat.dissolved:
        raise Refusal(232009, "Your request specifies a chat which has already been dissolved.")
    if not chat.bot_inside:
        raise Refusal(232011, "Operator can NOT be out of the chat.")
    return chat


def add_members(state: State, request: Request) -> Json:
    """`succeed_type` 0 fails on ids that do not exist, 1 adds whom it can and lists the others, 2 fails on any."""
    asked = query(request, {"member_id_type": (*ID_TYPES, "app_id"), "succeed_type": ("0", "1", "2")})
    given = body(request, {"id_list": list})
    ids = strings(given.get("id_list", []), "id_list", 50)
    kind, how = asked.get("member_id_type", "open_id"), asked.get("succeed_type", "0")
    chat = _group(state, request)
    if kind == "app_id":
        raise Refusal(232001, "adding bots is not simulated")
    found = {one: state.person(kind, one) for one in ids}
    absent = [one for one, person in found.items() if person is None]
    unfit = [one for one, person in found.items() if person is not None and (person.resigned or not person.available)]
    fit = [person for one, person in found.items() if person is not None and one not in unfit]
    if how == "0" and absent:
        raise Refusal(99992351, f"these open ids not existed: {absent}")
    if how == "0" and any(not _of(found, one).available for one in unfit):
        raise Refusal(232024, "Users do not have the visibility of the app.")
    if how == "2" and (absent or unfit):
        raise Refusal(232043, "Your request contains unavailable ids.", data={"invalid_id_list": unfit, "not_existed_id_list": absent})
    if not fit:
        raise Refusal(232027, "There are no valid members in the ID list specified in your request.")
    chat.members |= {person.open_id for person in fit}
    return {"invalid_id_list": unfit, "not_existed_id_list": absent, "pending_approval_id_list": []}


def _of(found: dict[str, Person | None], one: str) -> Person:
    person = found[one]
    assert person is not None
    return person


def top_notice(state: State, request: Request) -> Json:
    query(request, {})
    given = body(request, {"chat_top_notice": list}, ("chat_top_notice",))
    chat = _group(state, request)
    for notice in given["chat_top_notice"]:
        if not isinstance(notice, dict) or set(notice) - {"action_type", "message_id"} or notice.get("action_type", "2") not in ("1", "2"):
            raise Refusal(232001, "Your request contains an invalid request parameter, ext=chat_top_notice")
        if notice.get("action_type") == "1":
            message = state.message(str(notice.get("message_id")))
            if message is None or message.chat != chat.id or message.recalled:
                raise Refusal(232001, "Your request contains an invalid request parameter, ext=message_id")
            chat.notice = message.id
    return {}


def pin(state: State, request: Request) -> Json:
    query(request, {})
    given = body(request, {"message_id": str}, ("message_id",))
    message = state.message(given["message_id"])
    if message is None:
        raise invalid("invalid message_id")
    chat = open_chat(state, state.chats[message.chat])
    if message.recalled:
        raise Refusal(230011, "The message is recalled.")
    if chat.only_owner_pins and not chat.manager:
        raise Refusal(230046, "No Permission to Pin/Unpin messages in the chat.")
    if not state.spend(f"pin:{message.id}", 5, SECOND):
        raise Refusal(230047, "Pin/Unpin message trigger message_id limit.")
    message.pinned = True
    who = {"operator_id": state.app_id, "operator_id_type": "app_id"}
    return {"pin": {"message_id": message.id, "chat_id": message.chat, **who, "create_time": milliseconds(state.clock())}}


# Files


def upload(state: State, request: Request, what: str) -> Json:
    """`what`: image or file."""
    query(request, {})
    kind_field = "image_type" if what == "image" else "file_type"
    kinds = ("message", "avatar") if what == "image" else ("opus", "mp4", "pdf", "doc", "xls", "ppt", "stream")
    known = {kind_field, what} | ({"file_name", "duration"} if what == "file" else set())
    given = parts(request)
    if set(given) - known or what not in given or given.get(kind_field, ("", b""))[1].decode() not in kinds:
        raise Refusal(234001, "Invalid request param.")
    if what == "file" and not given.get("file_name", ("", b""))[1]:
        raise Refusal(234001, "Invalid request param: file_name")
    name, content = given[what]
    if not content:
        raise Refusal(234010, "File's size can't be 0.")
    if len(content) > (10 if what == "image" else 30) * _MEGA:
        raise Refusal(234006, "The file size exceed the max value.")
    key = state.new("img_v3_" if what == "image" else "file_v3_")
    kind = "image" if what == "image" else given[kind_field][1].decode()
    state.uploads[key] = Upload(key, kind, given["file_name"][1].decode() if what == "file" else name, content, state.app_id)
    return {f"{what}_key": key}


# People


def batch_get_id(state: State, request: Request) -> Json:
    asked = query(request, {"user_id_type": ID_TYPES})
    given = body(request, {"emails": list, "mobiles": list, "include_resigned": bool})
    kind = asked.get("user_id_type", "open_id")
    found: list[Json] = []
    for field, name in (("emails", "email"), ("mobiles", "mobile")):
        for one in strings(given.get(field, []), field, 50):
            person = state.person(name, one)
            fits = person is not None and (not person.resigned or given.get("include_resigned"))
            found.append({name: one} | ({"user_id": getattr(person, kind)} if fits else {}))
    if not found:
        raise violation("emails", "emails or mobiles are required")
    return {"user_list": found}


def scopes(state: State, request: Request) -> Json:
    """ "Query the tenant's grants": 1 is granted, 2 is not."""
    query(request, {})
    if state.scopes_refused:
        raise Refusal(state.scopes_refused, "planned")
    return {"scopes": [{"scope_name": name, "grant_status": status} for name, status in state.scopes.items()]}


def user(state: State, request: Request) -> Json:
    """Without the scope for names, the name is simply not there."""
    asked = query(request, {"user_id_type": ID_TYPES, "department_id_type": ("department_id", "open_department_id")})
    person = state.person(asked.get("user_id_type", "open_id"), request.ids["user_id"])
    if person is None:
        raise Refusal(99992351, "The request you send is not a valid {open_id} or not exists.")
    if not person.available:
        raise Refusal(41050, "no user authority error")
    return {"user": {**person.ids, **({"name": person.name} if state.name_scope else {})}}


# A card after its click


def update_card(state: State, request: Request) -> Json:
    query(request, {})
    given = body(request, {"token": str, "card": dict}, ("token", "card"))
    entry = state.updates.get(given["token"])
    if not given["token"].startswith("c-") or entry is None:
        raise Refusal(300020, "the token of the card is malformed")
    if entry.ends <= state.clock():
        raise Refusal(300030, "the token of the card is expired")
    if not entry.answered:
        state.oddities.append("a card was updated before its click was answered")
        raise Refusal(state.early_update, "the click is not answered yet")
    if entry.uses >= 2:
        raise Refusal(300040, "the token of the card is used up")
    message = state.message(entry.message)
    assert message is not None
    if message.recalled:
        raise Refusal(200000, "the card is recalled")
    try:
        check_interactive(state, given["card"])
        same_schema(message, given["card"])
    except Refusal as refusal:
        raise Refusal(11311, refusal.message) from None
    entry.uses += 1
    change(message, json.dumps(given["card"], ensure_ascii=False))
    return {}


# Custom bots


def hook(state: State, request: Request) -> Json:
    """A custom bot: its URL is its credential; what its owner also demands is checked in the documented order."""
    found = state.hooks.get(request.ids["token"])
    if found is None:
        raise Refusal(19001, "param invalid: incoming webhook access token invalid", status=200)
    given = body(request, {"msg_type": str, "content": dict, "card": dict, "timestamp": str, "sign": str}, ("msg_type",))
    if found.ips and request.caller not in found.ips:
        raise Refusal(19022, "Ip Not Allowed", status=200)
    if found.secret:
        _check_sign(state, found.secret, given)
    said: Any = given.get("card" if given["msg_type"] == "interactive" else "content")
    if not said:
        raise Refusal(9499, "Bad Request", status=200)
    if found.keyword and found.keyword not in json.dumps(said, ensure_ascii=False):
        raise Refusal(19024, "Key Words Not Found", status=200)
    token_key = request.ids["token"]
    if not state.spend(f"hook5:{token_key}", 5, SECOND) or not state.spend(f"hook100:{token_key}", 100, timedelta(minutes=1)):
        raise Refusal(11232, "frequency limited psm[lark.oapi.app_platform_runtime]appID[1500]", status=200)
    content = said["post"] if given["msg_type"] == "post" and "post" in said else said
    check_content(state, given["msg_type"], json.dumps(content, ensure_ascii=False), request)
    state.post(state.chats[found.chat], given["msg_type"], json.dumps(content, ensure_ascii=False), "hook")
    return {"StatusCode": 0, "StatusMessage": "success"}


def _check_sign(state: State, secret: str, given: Json) -> None:
    stamp = given.get("timestamp", "")
    fresh = stamp.isdigit() and abs(state.clock().timestamp() - int(stamp)) <= 3600
    if not fresh or given.get("sign") != hook_sign(stamp, secret):
        raise Refusal(19021, "sign match fail or timestamp is not within one hour from current time", status=200)


__all__ = ["existing"]
