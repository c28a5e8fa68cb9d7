"""/im/v1/messages: sending, replying, changing, recalling, ringing; and what a message must look like."""

import json
import re
from datetime import timedelta
from typing import Any

from tests.simulators.core.faults import Request
from tests.simulators.core.shape import Unfit
from tests.simulators.feishu.cards import check_card, images, mentioned
from tests.simulators.feishu.reading import ID_TYPES, body, query, strings, uuid_of, violation
from tests.simulators.feishu.state import Chat, Json, Message, Person, Refusal, State, milliseconds

KINDS = ("text", "post", "image", "file", "audio", "media", "sticker", "interactive", "share_chat", "share_user", "system")
TEXT_BYTES, RICH_BYTES = 150 * 1024, 30 * 1024
UPDATABLE = timedelta(days=14)
SECOND = timedelta(seconds=1)
_PREFIX = {"open_id": "ou_", "union_id": "on_"}
_UNKNOWN = {"open_id": 99992351, "union_id": 99992364, "user_id": 99992360, "email": 230034}
_PRIVATE = re.compile(r"(?<!\d)1[3-9]\d{9}(?!\d)|[\w.+-]+@[\w-]+\.[a-z]{2,}")
_POST = {
    "text": {"text", "un_escape", "style"}, "a": {"text", "href", "style"}, "at": {"user_id", "user_name", "style"}, "img": {"image_key"},
    "media": {"file_key", "image_key"}, "emotion": {"emoji_type"}, "hr": set(), "code_block": {"language", "text"}, "md": {"text"},
}  # fmt: skip


def invalid(why: str) -> Refusal:
    return Refusal(230001, f"Your request contains an invalid request parameter, ext={why}")


# Where a message goes, and whose it is


def find_people(state: State, kind: str, ids: list[str]) -> list[Person]:
    """All of them, or a refusal that names who does not exist."""
    prefix = _PREFIX.get(kind, "")
    found = {one: state.person(kind, one) if one.startswith(prefix) else None for one in ids}
    if missing := [one for one, person in found.items() if person is None]:
        raise Refusal(_UNKNOWN[kind], f"these {kind}s not existed: {missing}")
    return [person for person in found.values() if person is not None]


def open_chat(state: State, chat: Chat | None) -> Chat:
    """The chat, when the bot may act in it."""
    if chat is None:
        raise invalid("invalid receive_id")
    if chat.dissolved:
        raise Refusal(232009, "Your request specifies a chat which has already been dissolved.")
    if not chat.bot_inside:
        raise Refusal(230002, "The bot can not be outside the group.")
    return chat


def _receiver(state: State, kind: str, to: str) -> Chat:
    if kind == "chat_id":
        if not to.startswith("oc_"):
            raise invalid("invalid receive_id")
        chat = open_chat(state, state.chats.get(to))
        for one in chat.members if chat.kind == "p2p" else ():
            _reachable(state.people[one])
        return chat
    (person,) = find_people(state, kind, [to])
    _reachable(person)
    return state.direct(person.open_id)


def _reachable(person: Person) -> None:
    if not person.available or person.resigned:
        raise Refusal(230013, "Bot has NO availability to this user.")
    if person.stopped_bot:
        raise Refusal(230053, "The user has stopped the bot from sending messages.")


def _may_speak(state: State, chat: Chat) -> None:
    if chat.muted:
        raise Refusal(230035, "Send Message Permission deny.")
    if chat.only_some_speak and not chat.manager:
        raise Refusal(230018, "These operations are NOT allowed at current group settings.")
    if not state.spend(f"chat:{chat.id}", 5, SECOND):
        raise Refusal(230020, "This operation triggers the frequency limit.")


def existing(state: State, request: Request) -> tuple[Message, Chat]:
    message = state.message(request.ids["message_id"])
    if message is None:
        raise invalid("invalid message_id")
    if message.deleted:
        raise Refusal(230110, "Action unavailable as the message has been deleted.")
    return message, open_chat(state, state.chats[message.chat])


# What it says


def check_content(state: State, kind: str, content: str, request: Request) -> None:
    limit = RICH_BYTES if kind in ("post", "interactive") else TEXT_BYTES
    if max(len(content.encode()), len(request.body)) > limit:
        raise Refusal(230025, "The length of the message content reaches its limit.")
    try:
        values = json.loads(content)
    except ValueError:
        raise _bad_json(kind, content) from None
    if not isinstance(values, dict):
        raise _bad_json(kind, content)
    _audit(state, content)
    if kind == "text":
        _check_text(state, values)
    elif kind == "post":
        _check_post(state, values)
    elif kind == "interactive":
        check_interactive(state, values)
    else:
        _check_file(state, kind, values)


def _ext(error: Unfit) -> str:
    """Why a card cannot be built: the inner code and words of 230099."""
    where = f"ErrPath: {error.path}; " if error.path else ""
    return f"ErrCode: {error.code or 200621}; {where}ErrMsg: {error.message}; "


def _bad_json(kind: str, content: str) -> Refusal:
    if kind == "interactive":
        return card_refused("ErrCode: 200621; ErrMsg: parse card json err, please check whether the card json is correct; ")
    return invalid(f"content is not a string in json format: {content[:80]!r}")


def _audit(state: State, content: str) -> None:
    shown = json.dumps(json.loads(content), ensure_ascii=False)
    if any(word in shown for word in state.sensitive):
        raise Refusal(230022, "The content of the message contains sensitive information.")
    if state.dlp and _PRIVATE.search(shown):
        raise Refusal(230028, "The messages do NOT pass the audit.")


def _check_text(state: State, values: Json) -> None:
    if set(values) != {"text"} or not isinstance(values["text"], str) or not values["text"].strip():
        raise invalid('text content must be {"text": …} and not empty')
    if unknown := state.unknown_mentions(re.findall(r'<at user_id="([^"]*)">', values["text"])):
        raise invalid(f"invalid at user_id: {unknown}")


def _check_post(state: State, values: Json) -> None:
    if not values or not set(values) <= {"zh_cn", "en_us", "ja_jp", "zh_hk", "zh_tw"}:
        raise invalid("post content needs a language")
    for post in values.values():
        if not isinstance(post, dict) or not set(post) <= {"title", "content"} or not isinstance(post.get("content"), list):
            raise invalid("post content must have title and content")
        pieces = [piece for line in post["content"] for piece in line]
        for piece in pieces:
            _check_piece(state, piece)
        if not any(str(piece.get("text", "")).strip() or piece["tag"] not in ("text", "md") for piece in pieces):
            raise invalid("message content is empty")
        if unknown := state.unknown_mentions(piece["user_id"] for piece in pieces if piece["tag"] == "at"):
            raise invalid(f"invalid user_id in at: {unknown}")


def _check_piece(state: State, piece: Any) -> None:
    if not isinstance(piece, dict) or piece.get("tag") not in _POST:
        raise invalid(f"unknown tag in post: {piece!r}")
    known = _POST[piece["tag"]]
    if unknown := set(piece) - known - {"tag"}:
        raise invalid(f"unknown property in post: {sorted(unknown)}")
    if not all(isinstance(value, str) for name, value in piece.items() if name not in ("style", "un_escape")):
        raise invalid("a string is expected in post")
    if piece["tag"] == "img" and piece.get("image_key") not in state.uploads:
        raise invalid("invalid image_key")


def _check_file(state: State, kind: str, values: Json) -> None:
    name = {"image": "image_key", "share_chat": "chat_id", "share_user": "user_id"}.get(kind, "file_key")
    upload = state.uploads.get(str(values.get(name)))
    if kind not in ("image", "file", "audio", "media"):
        raise invalid(f"{kind} is not simulated")
    if set(values) - {name, "image_key", "duration", "file_name"} or upload is None:
        raise invalid(f"invalid {name}")
    if upload.app != state.app_id:
        raise Refusal(230017, "Bot is NOT the owner of the resource.")
    fits = {"image": upload.kind == "image", "audio": upload.kind == "opus", "media": upload.kind == "mp4"}
    if not fits.get(kind, upload.kind not in ("image", "opus", "mp4")):
        raise Refusal(230055, "The type of file upload does not match the type of message being sent.")


def card_refused(ext: str) -> Refusal:
    return Refusal(230099, f"Failed to create card content, ext={ext}")


def check_interactive(state: State, card: Json) -> None:
    """A card, or one of a template."""
    if card.get("type") == "template":
        template = card.get("data", {}).get("template_id")
        if template not in state.templates:
            words = "template does not exist, please confirm whether this template has been released"
            raise card_refused(f"ErrCode: 200380; ErrMsg: {words}; ErrorValue: templateID: {template}; ")
        return
    try:
        check_card(card)
    except Unfit as error:
        raise card_refused(_ext(error)) from None
    if unknown := state.unknown_mentions(mentioned(card)):
        words = "There is an invalid user resource(at/person) in your card"
        raise card_refused(f"ErrCode: 100290; ErrMsg: {words}; ErrorValue: {unknown}; ")
    if bad := [key for key in images(card) if key not in state.uploads]:
        raise card_refused(f"ErrCode: 200570; ErrMsg: card contains invalid image keys; ErrorValue: image key {bad}; ")


# The calls


def shown(state: State, message: Message) -> Json:
    """A message as the API returns it."""
    ours = message.sender == state.app_id
    who = {"id": message.sender, "id_type": "app_id" if ours else "open_id", "sender_type": "app" if ours else "user"}
    also = {"parent_id": message.parent, "root_id": message.parent} if message.parent else {}
    return {
        "message_id": message.id, "chat_id": message.chat, "msg_type": message.kind, "create_time": milliseconds(message.at),
        "update_time": milliseconds(message.at), "deleted": message.recalled, "updated": message.edits > 0,
        "sender": {**who, "tenant_key": state.tenant}, "body": {"content": message.content}, **also,
    }  # fmt: skip


def send(state: State, request: Request) -> Json:
    asked = query(request, {"receive_id_type": (*ID_TYPES, "email", "chat_id")}, ("receive_id_type",))
    given = body(request, {"receive_id": str, "msg_type": str, "content": str, "uuid": str}, ("receive_id", "msg_type", "content"))
    return _say(state, request, given, lambda: _receiver(state, asked["receive_id_type"], given["receive_id"]), given["receive_id"])


def reply(state: State, request: Request) -> Json:
    query(request, {})
    given = body(request, {"msg_type": str, "content": str, "uuid": str, "reply_in_thread": bool}, ("msg_type", "content"))
    parent, chat = existing(state, request)
    if parent.recalled:
        raise Refusal(230011, "The message is recalled.")
    return _say(state, request, given, lambda: chat, parent.id, parent.id)


def _say(state: State, request: Request, given: Json, where: Any, to: str, parent: str = "") -> Json:
    kind = given["msg_type"]
    if kind not in KINDS:
        raise invalid("invalid msg_type")
    uuid = uuid_of(given.get("uuid", ""))
    if uuid and (before := state.repeated(f"message:{uuid}")) is not None:
        if _shows(state, before.kind, before.content) != _shows(state, kind, given["content"]):
            state.oddities.append(f"uuid {uuid} of {before.id} was used again for another content: it was not shown")
        return shown(state, before)
    check_content(state, kind, given["content"], request)
    chat = where()
    _may_speak(state, chat)
    message = state.post(chat, kind, given["content"], state.app_id, parent)
    if uuid:
        state.remember(f"message:{uuid}", message, 1)
    return shown(state, message)


def _shows(state: State, kind: str, content: str) -> tuple[str, object]:
    """What people get of it: a file that was uploaded twice has two keys and is the same file."""
    upload = state.uploads.get(json.loads(content).get("file_key", "")) if kind == "file" else None
    return kind, (upload.name, upload.content) if upload else content


def patch(state: State, request: Request) -> Json:
    """Replace a card of ours."""
    query(request, {})
    given = body(request, {"content": str}, ("content",))
    message, _ = existing(state, request)
    if message.sender != state.app_id:
        raise Refusal(230027, "Lack of necessary permissions.")
    if message.kind != "interactive":
        raise invalid("This message is NOT a card.")
    _still(state, message, UPDATABLE, Refusal(230031, "Message can only be modified within 14 days after sending."))
    check_content(state, "interactive", given["content"], request)
    if message.locked:
        raise card_refused("ErrCode: 11310; ErrMsg: card action is lock; ")
    same_schema(message, json.loads(given["content"]))
    if not all(json.loads(one).get("config", {}).get("update_multi") is True for one in (message.content, given["content"])):
        raise invalid("config.update_multi must be true before and after (strict)")
    if not state.spend(f"message:{message.id}", 5, SECOND):
        raise Refusal(230020, "This operation triggers the frequency limit.")
    change(message, given["content"])
    return {}


def same_schema(message: Message, card: Json) -> None:
    if message.values.get("schema") != card.get("schema"):
        raise card_refused("ErrCode: 200830; ErrMsg: schemaV2 card can not change schemaV1; ")


def change(message: Message, content: str) -> None:
    message.history.append(message.content)
    message.content = content
    message.edits += 1


def _still(state: State, message: Message, within: timedelta | None, too_late: Refusal) -> None:
    if message.recalled:
        raise Refusal(230011, "The message is recalled.")
    if within is not None and state.clock() - message.at > within:
        raise too_late


def put(state: State, request: Request) -> Json:
    """Edit a text or a post of ours."""
    query(request, {})
    given = body(request, {"msg_type": str, "content": str}, ("msg_type", "content"))
    message, chat = existing(state, request)
    if message.sender != state.app_id:
        raise Refusal(230071, "The operator is not the sender of the message.")
    if given["msg_type"] not in ("text", "post") or message.kind not in ("text", "post"):
        raise Refusal(230054, "This operation is not supported for this message type.")
    _still(state, message, state.edit_window, Refusal(230075, "The message has exceeded the time that can be edited."))
    if message.edits >= 20:
        raise Refusal(230072, "The message has reached the number of times it can be edited.")
    check_content(state, given["msg_type"], given["content"], request)
    _may_speak(state, chat)
    change(message, given["content"])
    message.kind = given["msg_type"]
    return shown(state, message)


def delete(state: State, request: Request) -> Json:
    query(request, {})
    message, _ = existing(state, request)
    if message.sender != state.app_id:
        raise Refusal(230026, "No permission to recall this message.")
    if message.recalled:
        raise Refusal(state.recall_again, "The message is recalled.")
    _still(state, message, state.recall_window, Refusal(230009, "Message has expired when recall message."))
    message.recalled = True
    return {}


def urgent(state: State, request: Request, by: str) -> Json:
    """Ring telephones: only of people inside the chat; who is not, is told."""
    asked = query(request, {"user_id_type": ID_TYPES}, ("user_id_type",))
    given = body(request, {"user_id_list": list}, ("user_id_list",))
    people = strings(given["user_id_list"], "user_id_list", 200)
    message, chat = existing(state, request)
    if message.sender != state.app_id:
        raise Refusal(230012, "Bot is NOT the sender of the message.")
    if chat.only_owner_urgent and not chat.manager:
        raise Refusal(230052, "Can not urgent this message.")
    found = {one: state.person(asked["user_id_type"], one) for one in people}
    good = [person for person in found.values() if person is not None and person.open_id in chat.members]
    if not good or message.recalled:
        raise invalid("invalid user_id_list")
    message.urgent += [(by, person.open_id) for person in good]
    return {"invalid_user_id_list": [one for one, person in found.items() if person not in good]}


def resource(state: State, request: Request) -> tuple[str, bytes]:
    """(file name, content) of a file in a message."""
    if request.query.get("type") not in ("image", "file") or set(request.query) != {"type"}:
        raise Refusal(234001, "Invalid request param: type")
    message = state.message(request.ids["message_id"])
    if message is None:
        raise Refusal(234001, "Invalid request param: message_id")
    if not state.chats[message.chat].bot_inside:
        raise Refusal(234004, "App not in chat.")
    if message.deleted or message.recalled:
        raise Refusal(230110, "Action unavailable as the message has been deleted.")
    if message.kind == "interactive":
        raise Refusal(234043, "Unsupported message type.")
    upload = state.uploads.get(request.ids["key"])
    right = upload is not None and upload.key in message.content and (upload.kind == "image") == (request.query["type"] == "image")
    if upload is None or not right:
        raise Refusal(234003, "File not in message.")
    if len(upload.content) > 100 * 1024 * 1024:
        raise Refusal(234037, "Downloaded file size exceeds limit.")
    return upload.name, upload.content


__all__ = ["delete", "existing", "find_people", "invalid", "patch", "put", "reply", "resource", "send", "urgent", "violation"]
