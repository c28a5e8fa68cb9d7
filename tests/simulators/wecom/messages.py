"""What an app may say, and how it changes it: message/send, message/update_template_card, message/recall (90236, 94888, 94867)."""

import json
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from tests.simulators.core.faults import Request
from tests.simulators.core.shape import Check, Unfit, anything, each, thing, whole, words
from tests.simulators.wecom.cards import INTERACTIVE, Line, check_card
from tests.simulators.wecom.reading import INVALID, body, fits, mentions, receivers
from tests.simulators.wecom.state import HOUR, MINUTE, Json, Message, Refusal, State

TEXT = 2048
CODE_LIFE, RECALLABLE = timedelta(hours=72), timedelta(hours=24)
LONGEST_CHECK = 4 * 3600
DAY = timedelta(days=1)
_MEDIA = thing({"media_id": words(least=1)}, ("media_id",))
_ARTICLE = thing(
    {
        "title": words(size=128, least=1), "description": words(size=512), "url": words(2048), "picurl": words(), "appid": words(),
        "pagepath": words(),
    },
    ("title",),
)  # fmt: skip
_TEXTCARD = thing(
    {"title": words(size=128, least=1), "description": words(size=512, least=1), "url": words(2048, least=1), "btntxt": words(4)},
    ("title", "description", "url"),
)
#: msgtype -> what stands in the object of that name.
CONTENTS: Mapping[str, Check] = {
    "text": thing({"content": words()}, ("content",)),
    "markdown": thing({"content": words()}, ("content",)),
    "textcard": _TEXTCARD,
    "news": thing({"articles": each(_ARTICLE, 8, 1)}, ("articles",)),
    "image": _MEDIA,
    "voice": _MEDIA,
    "file": _MEDIA,
    "video": thing({"media_id": words(least=1), "title": words(size=128), "description": words(size=512)}, ("media_id",)),
    "template_card": anything,
}  # fmt: skip
_YES = whole(0, 1)
_SEND: Mapping[str, Check] = {
    "touser": words(), "toparty": words(), "totag": words(), "msgtype": anything, "agentid": whole(0, 2**31), "safe": whole(0, 2),
    "enable_id_trans": _YES, "enable_duplicate_check": _YES, "duplicate_check_interval": whole(1, LONGEST_CHECK), **CONTENTS,
}  # fmt: skip


def own_agent(state: State, given: Json) -> None:
    if given["agentid"] != state.agent_id:
        raise Refusal(301002, "not allow operate another agent with this accesstoken")


def check_content(state: State, given: Json, kinds: Mapping[str, Check] = CONTENTS) -> Json:
    """What is said, of these kinds; cut where WeCom cuts in silence."""
    kind = given.get("msgtype")
    if not isinstance(kind, str) or kind not in kinds:
        raise Refusal(40008, f"invalid message type: {kind!r}")
    if kind not in given:
        raise Refusal(INVALID, f"invalid parameter: {kind} is missing")
    if others := [name for name in CONTENTS if name in given and name != kind]:
        raise Refusal(INVALID, f"invalid parameter: {others} beside msgtype {kind} (strict)")
    content: Json = json.loads(json.dumps(given[kind]))
    fits(kinds[kind], content, kind)
    if kind in ("text", "markdown"):
        _words(state, content, kind)
    elif kind in ("image", "voice", "file", "video"):
        _media(state, content, kind, "app")
    return {kind: content}


def _words(state: State, content: Json, kind: str) -> None:
    if not content["content"].strip():
        raise Refusal(44004, "empty content")
    size = content["content"].encode()
    if len(size) > TEXT:
        state.oddities.append(f"a {kind} of {len(size)} bytes, which WeCom cuts to {TEXT} without a word")
        content["content"] = size[:TEXT].decode(errors="ignore")


def _media(state: State, content: Json, kind: str, owner: str) -> None:
    found = state.media.get(content["media_id"])
    if found is None or found.owner != owner or state.clock() - found.at >= timedelta(days=3):
        raise Refusal(40007, "invalid media_id")
    if found.kind != kind:
        raise Refusal(40007, f"invalid media_id: it is of type {found.kind}")
    content["name"] = found.name


def fit_card(state: State, card: Any, line: Line, *, update: bool = False) -> None:
    try:
        check_card(card, line, update=update)
    except Unfit as error:
        long = "more than" in error.message or "entries" in error.message
        raise Refusal(error.code or (state.too_long if long else state.bad_card), f"invalid template_card: {error}") from None


def new_task(state: State, card: Json, line: Line) -> None:
    """A task_id serves once."""
    task = card.get("task_id", "")
    if task and (line, task) in state.task_ids:
        raise Refusal(state.task_taken, f"task_id {task} is taken")
    if task:
        state.task_ids.add((line, task))


def send(state: State, request: Request) -> Json:
    given = body(request, _SEND, ("msgtype", "agentid"))
    own_agent(state, given)
    content = check_content(state, given)
    if "template_card" in content:
        fit_card(state, content["template_card"], "app")
    whom, invalid = receivers(state, given)
    msgid, before = state.new("msg"), _before(state, given)
    if before:
        return {**invalid, "msgid": before if state.same_msgid else msgid}
    if not state.spend("app", state.per_account * len(state.people), DAY, len(whom)):
        raise Refusal(45009, "api freq out of limit: accounts x 200 a day (?)")
    if "template_card" in content:
        new_task(state, content["template_card"], "app")
    _remember(state, given, msgid)
    for userid in whom:
        deliver(state, userid, given["msgtype"], content, msgid)
    if given["msgtype"] == "template_card" and content["template_card"]["card_type"] in INTERACTIVE:
        return {**invalid, "msgid": msgid, "response_code": state.code(CODE_LIFE, msgid=msgid)}
    return {**invalid, "msgid": msgid}


def _content_of(given: Json) -> str:
    same = {name: value for name, value in given.items() if "duplicate_check" not in name}
    return json.dumps(same, sort_keys=True, ensure_ascii=False)


def _before(state: State, given: Json) -> str:
    """The msgid of the same content, no longer ago than the interval that was asked for then."""
    ends, msgid = state.done.get(_content_of(given), (state.clock(), ""))
    return msgid if given.get("enable_duplicate_check") and ends > state.clock() else ""


def _remember(state: State, given: Json, msgid: str) -> None:
    if given.get("enable_duplicate_check"):
        ends = state.clock() + timedelta(seconds=given.get("duplicate_check_interval", 1800))
        state.done[_content_of(given)] = (ends, msgid)


def deliver(state: State, userid: str, kind: str, content: Json, msgid: str) -> None:
    """To one person; over 30 a minute or 1000 an hour it is dropped, and nobody is told."""
    if state.people[userid].stopped:
        return
    if not state.spend(f"member:{userid}", 30, MINUTE) or not state.spend(f"member:{userid}", 1000, HOUR):
        state.dropped.append((userid, json.dumps(content, ensure_ascii=False)))
        return
    said = content.get(kind, {}).get("content", "") if kind in ("text", "markdown") else ""
    if odd := mentions(said):
        state.oddities.append(f"mentions one-to-one, where they are plain text: {sorted(odd)}")
    state.post(state.direct(userid, "app"), kind, json.loads(json.dumps(content)), "app", msgid)


# Afterwards


def update(state: State, request: Request) -> Json:
    names = each(words(least=1), 1000, 1)
    known: Mapping[str, Check] = {
        "userids": names, "partyids": each(whole(0, 2**31), 100, 1), "tagids": each(whole(0, 2**31), 100, 1), "atall": _YES,
        "agentid": whole(0, 2**31), "response_code": words(least=1), "enable_id_trans": _YES,
        "button": thing({"replace_name": words(10, least=1)}, ("replace_name",)), "template_card": anything,
    }  # fmt: skip
    given = body(request, known, ("agentid", "response_code"))
    own_agent(state, given)
    if len([one for one in ("userids", "partyids", "tagids", "atall") if given.get(one)]) != 1:
        raise Refusal(INVALID, "one of userids, partyids, tagids, atall (strict)")
    if ("button" in given) == ("template_card" in given):
        raise Refusal(INVALID, "either button or template_card")
    if "template_card" in given:
        fit_card(state, given["template_card"], "app", update=True)
    code = state.use_code(given["response_code"])
    copies = {next(iter(state.chats[one.chat].members)): one for one in state.copies(code.msgid)}
    wanted = {str(one.userid) for one in map(state.person, given["userids"]) if one} if "userids" in given else set(copies)
    for userid, copy in copies.items():
        if userid in wanted:
            change(state, copy, given)
    missing = [one for one in given.get("userids", ()) if (found := state.person(one)) is None or found.userid not in copies]
    return {"invaliduser": missing} if missing else {}


def change(state: State, message: Message, given: Json) -> None:
    """`button` closes the card as it is, `template_card` puts another in its place."""
    message.history.append({**message.content, "closed": message.closed})
    if "button" in given:
        message.closed = given["button"]["replace_name"]
        return
    card = given["template_card"]
    old = message.content["template_card"].get("task_id", "")
    if card.get("task_id", old) != old:
        new_task(state, card, "app")
    message.content, message.closed = {"template_card": {**({"task_id": old} if old else {}), **card}}, card.get("replace_text", "")


def recall(state: State, request: Request) -> Json:
    given = body(request, {"msgid": words(least=1)}, ("msgid",))
    copies = state.copies(given["msgid"])
    if not copies or all(one.recalled for one in copies) or state.clock() - copies[0].at >= RECALLABLE:
        raise Refusal(state.not_recalled, "invalid msgid: unknown, recalled before, or older than a day")
    for one in copies:
        one.recalled = True
    return {}
