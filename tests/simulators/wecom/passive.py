"""What an app's passive reply may say (page 90241), and what becomes of it."""

from xml.etree.ElementTree import Element

from tests.simulators.wecom import markup
from tests.simulators.wecom.messages import TEXT, change, check_content, fit_card
from tests.simulators.wecom.state import Json, Message, Refusal, State

_COMMON = {"ToUserName", "FromUserName", "CreateTime", "MsgType"}
_SILENT = ("unsubscribe", "LOCATION", "view")


def take(state: State, userid: str, reply: str, event: str, clicked: Message | None) -> Json:
    """Raises ValueError where WeCom drops it. `event`: "" for a message."""
    root = markup.parsed(reply)
    given = markup.fields(root)
    if missing := _COMMON - set(given):
        raise ValueError(f"{sorted(missing)} is missing")
    if given["ToUserName"] != userid or given["FromUserName"] != state.corp_id or not given["CreateTime"].isdigit():
        raise ValueError("it must go from the corpid to the userid, with a CreateTime")
    kind = given["MsgType"]
    known = _COMMON | {"text": {"Content"}, "update_button": {"Button"}, "update_template_card": {"TemplateCard"}}.get(
        kind, {kind.capitalize()}
    )
    if set(given) != known:
        raise ValueError(f"a {kind} has {sorted(known)}, this one {sorted(given)}")
    if event in _SILENT:
        raise ValueError(f"nothing may be answered to {event}")
    try:
        if kind.startswith("update_"):
            _update(state, root, kind, event, clicked)
        else:
            _say(state, userid, root, kind)
    except Refusal as refusal:
        raise ValueError(refusal.message) from None
    return {"MsgType": kind}


def _say(state: State, userid: str, root: Element, kind: str) -> None:
    if kind == "text":
        content = {"msgtype": "text", "text": {"content": root.findtext("Content") or ""}}
    elif kind in ("image", "voice", "video"):
        content = {"msgtype": kind, kind: {"media_id": root.findtext(f"{kind.capitalize()}/MediaId") or ""}}
    else:
        raise ValueError(f"{kind} is no passive reply (news is not simulated)")
    if len(str(content.get("text", "")).encode()) > TEXT + 100:
        state.oddities.append("a passive text above 2048 bytes")
    state.post(state.direct(userid, "app"), kind, check_content(state, content), "app")


def _update(state: State, root: Element, kind: str, event: str, clicked: Message | None) -> None:
    if event != "template_card_event" or clicked is None:
        raise ValueError(f"{kind} answers a click on a card and nothing else")
    if kind == "update_button":
        name = root.findtext("Button/ReplaceName") or ""
        if not name or len(name) > 10:
            raise ValueError("Button/ReplaceName: one to ten characters")
        change(state, clicked, {"button": {"replace_name": name}})
        return
    element = root.find("TemplateCard")
    assert element is not None
    card = markup.card_of(element)
    fit_card(state, card, "app", update=True)
    change(state, clicked, {"template_card": card})
