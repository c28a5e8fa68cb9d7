"""Interactive cards: made and delivered, changed, closed; where clicks go; and what a person sees of one."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from tests.simulators.core.faults import Request
from tests.simulators.dingtalk.reading import body, fields, strings
from tests.simulators.dingtalk.state import Card, Chat, Json, Refusal, Route, State

SPACE = re.compile(r"dtv1\.card//(?:(?:IM_GROUP|IM_ROBOT|IM_SINGLE|ONE_BOX)\.[^;]+;)*(?:IM_GROUP|IM_ROBOT|IM_SINGLE|ONE_BOX)\.[^;]+")
BAD = "param.invalid"
#: Where these are used, they must say whether the card may be forwarded; a group's must be there.
_FORWARD = ("imGroupOpenSpaceModel", "imRobotOpenSpaceModel")
_SPACE_MODEL = {"supportForward": bool, "lastMessageI18n": dict, "searchSupport": dict, "notification": dict}
_DELIVER: Mapping[str, tuple[str, Mapping[str, type], str]] = {
    "IM_GROUP": ("imGroupOpenDeliverModel", {"robotCode": str, "atUserIds": dict, "recipients": list, "extension": dict}, "robotCode"),
    "IM_ROBOT": ("imRobotOpenDeliverModel", {"spaceType": str, "robotCode": str, "extension": dict}, ""),
    "IM_SINGLE": ("imSingleOpenDeliverModel", {"atUserIds": dict, "extension": dict}, ""),
    "ONE_BOX": ("topOpenDeliverModel", {"expiredTimeMillis": int, "userIds": list, "platforms": list}, "expiredTimeMillis"),
}  # fmt: skip
_MODELS: Mapping[str, type] = dict.fromkeys(
    (*_FORWARD, "imSingleOpenSpaceModel", "topOpenSpaceModel", *(one for one, _, _ in _DELIVER.values())), dict
)
_DELIVERED: Mapping[str, type] = {
    "outTrackId": str, "openSpaceId": str, "userIdType": int, **dict.fromkeys((one for one, _, _ in _DELIVER.values()), dict),
}  # fmt: skip
_FIELDS: Mapping[str, type] = {
    **_MODELS, "userId": str, "cardTemplateId": str, "outTrackId": str, "callbackType": str, "callbackRouteKey": str, "cardData": dict,
    "privateData": dict, "openSpaceId": str, "userIdType": int, "cardAtUserIds": list,
}  # fmt: skip


@dataclass(frozen=True)
class Pressed:
    """A button as a person sees it."""

    id: str
    label: str
    params: Json
    url: str = ""


@dataclass(frozen=True)
class Seen:
    """A card as one person sees it."""

    title: str
    text: str
    presses: tuple[Pressed, ...]
    inputs: tuple[str, ...]


def seen(state: State, card: Card, userid: str) -> Seen:
    template = state.templates[card.template]
    values = card.values | card.private.get(userid, {})
    presses = tuple(
        Pressed(one.id, values[one.text], {name: values.get(variable, "") for name, variable in one.params}, values.get(one.url, ""))
        for one in template.presses
        if values.get(one.text)
    )
    text = "\n".join(values[name] for name in template.texts if values.get(name))
    return Seen(values.get(template.title, ""), text, presses, template.inputs)


def make(state: State, request: Request) -> Json:
    """Made once for good: an outTrackId is never free again, also when its delivery failed inside this answer."""
    given = body(request, _FIELDS, bad=BAD)
    _identified(state, given)
    values = params(state, given.get("cardData"), given["cardTemplateId"])
    private = {one: params(state, data, given["cardTemplateId"]) for one, data in given.get("privateData", {}).items()}
    spaces = _spaces(given)
    _deliverable(state, given, spaces)
    supports = _space_models(given)
    _supported(supports, spaces)
    if given["outTrackId"] in state.cards:
        return {"success": True, "result": {"outTrackId": given["outTrackId"], "deliverResults": []}}
    card = Card(given["outTrackId"], given["cardTemplateId"], values, private, supports)
    card.callback, card.route = given.get("callbackType", ""), given.get("callbackRouteKey", "")
    _clickable(state, card)
    state.cards[card.track] = card
    return {"success": True, "result": {"outTrackId": card.track, "deliverResults": _delivered(state, card, given, spaces)}}


def create(state: State, request: Request) -> Json:
    """Made and shown to nobody."""
    given = body(request, {name: kind for name, kind in _FIELDS.items() if name != "openSpaceId" and "Deliver" not in name}, bad=BAD)
    _identified(state, {**given, "openSpaceId": "none"})
    values = params(state, given.get("cardData"), given["cardTemplateId"])
    state.cards.setdefault(given["outTrackId"], Card(given["outTrackId"], given["cardTemplateId"], values, {}, _space_models(given)))
    return {"success": True, "result": given["outTrackId"]}


def deliver(state: State, request: Request) -> Json:
    """A card that was made, to (further) spaces; the page's body has no space models, so only to spaces that it was made for."""
    given = body(request, _DELIVERED, bad=BAD)
    for name in ("outTrackId", "openSpaceId"):
        if not given.get(name):
            raise Refusal(f"param.{name}Empty", f"param.{name}Empty")
    card = existing(state, given["outTrackId"])
    spaces = _spaces(given)
    _deliverable(state, given, spaces)
    _supported(card.supports, spaces)
    return {"success": True, "result": _delivered(state, card, given, spaces)}


def _identified(state: State, given: Json) -> None:
    for name in ("outTrackId", "openSpaceId", "cardTemplateId"):
        if not given.get(name):
            raise Refusal(f"param.{name}Empty", f"param.{name}Empty")
    if given["outTrackId"] in state.cards and state.repeat_card == "refused":
        raise Refusal("param.cardAlreadyExist", "param.cardAlreadyExist")
    template = state.templates.get(given["cardTemplateId"])
    if template is None:
        raise Refusal("param.templateNotExist", "param.templateNotExist")
    if not template.published:
        raise Refusal("param.templateUnpublished", "param.templateUnpublished")
    if given.get("callbackType", "STREAM") not in ("STREAM", "HTTP"):
        raise Refusal(BAD, "callbackType")


def params(state: State, data: Any, template: str) -> dict[str, str]:
    """A cardParamMap: texts only, and of this length."""
    if not isinstance(data, dict) or set(data) - {"cardParamMap"} or not isinstance(data.get("cardParamMap", {}), dict):
        raise Refusal("param.cardPublicDataEmpty", "param.cardPublicDataEmpty")
    found: dict[str, str] = data.get("cardParamMap", {})
    for name, value in found.items():
        if not isinstance(value, str):
            raise Refusal(BAD, f"{name} is no String")
        if len(name.encode()) > 100 or len(value.encode()) > 1024:
            raise Refusal(BAD, f"{name}: longer than 1 KB (strict)")
        if any(word in value for word in state.sensitive):
            raise Refusal("param.contentUnsafe", "param.contentUnsafe")
        if name not in state.templates[template].variables:
            state.oddities.append(f"the template has no variable {name!r}")
    return dict(found)


def _spaces(given: Json) -> list[tuple[str, str]]:
    if not SPACE.fullmatch(given.get("openSpaceId") or ""):
        raise Refusal("param.openSpaceIdInvalid", "param.openSpaceIdInvalid")
    found = given["openSpaceId"].removeprefix("dtv1.card//").split(";")
    return [(one.partition(".")[0], one.partition(".")[2]) for one in found]


def _deliverable(state: State, given: Json, spaces: list[tuple[str, str]]) -> None:
    for space in dict.fromkeys(space for space, _ in spaces):
        name, known, needed = _DELIVER[space]
        model = given.get(name)
        if model is None:
            raise Refusal("param.openDeliverModelEmpty", f"param.openDeliverModelEmpty {name}")
        fields(model, known, "param.openDeliverModelError")
        if (needed and not model.get(needed)) or not model:  # of a person's chat with the robot anything will do
            raise Refusal("param.openDeliverModelError", f"{name}.{needed}")
        if model.get("robotCode", state.robot_code) not in state.robots:
            raise Refusal("param.openDeliverModelError", f"{name}.robotCode")
        _mentioned(model.get("atUserIds", {}))
    strings(given.get("cardAtUserIds", []), BAD)


def _mentioned(people: Json) -> None:
    if any(not isinstance(name, str) or ("@ALL" in (one, name) and one != name) for one, name in people.items()):
        raise Refusal("param.openDeliverModelError", "atUserIds")


def _space_models(given: Json) -> frozenset[str]:
    """The kinds of spaces that a card is made for. (?) A person's chat with the robot takes any."""
    for name in (*_FORWARD, "imSingleOpenSpaceModel"):
        if name in given:
            fields(given[name], _SPACE_MODEL, "param.openSpaceModelInvalid")
            if name in _FORWARD and not isinstance(given[name].get("supportForward"), bool):
                raise Refusal("param.openSpaceModelInvalid", f"{name}.supportForward")
    if given.get("topOpenSpaceModel", {"spaceType": "ONE_BOX"}) != {"spaceType": "ONE_BOX"}:
        raise Refusal("param.openSpaceModelInvalid", "topOpenSpaceModel.spaceType")
    return frozenset(space for space, name in (("IM_GROUP", _FORWARD[0]), ("ONE_BOX", "topOpenSpaceModel")) if name in given)


def _supported(supports: frozenset[str], spaces: list[tuple[str, str]]) -> None:
    for space, _ in spaces:
        if space in ("IM_GROUP", "ONE_BOX") and space not in supports:
            raise Refusal("param.openSpaceModelInvalid", f"the card has no space model of {space}")


def _clickable(state: State, card: Card) -> None:
    if card.callback == "HTTP" and card.route not in state.routes:
        raise Refusal(BAD, f"callbackRouteKey {card.route!r} is not registered")
    if not card.callback and state.templates[card.template].presses:
        state.oddities.append(f"{card.track} has no callbackType: its buttons answer nothing")


def _delivered(state: State, card: Card, given: Json, spaces: list[tuple[str, str]]) -> list[Json]:
    """One result for each space; the answer around them says success whatever they say."""
    results: list[Json] = []
    for space, where in spaces:
        why = _hindered(state, space, where, given.get(_DELIVER[space][0], {}).get("robotCode", ""))
        carrier = "" if why else _placed(state, card, space, where, given)
        results.append({"spaceType": space, "spaceId": where, "success": not why, "carrierId": carrier, "errorMsg": why})
    return results


def _hindered(state: State, space: str, where: str, code: str) -> str:
    if where in state.deliver_fails:
        return state.deliver_fails[where]
    if space == "IM_ROBOT":
        person = state.people.get(where)
        return "" if person and person.available and not person.resigned else "userId not exist"
    chat = state.chats.get(where)
    if chat is None or (chat.kind == "p2p") != (space == "IM_SINGLE"):
        return "conversation not exist"
    inside = chat.hears(code, state.clock(), state.robot_code) if space == "IM_GROUP" else chat.bot_inside
    return "group disbanded" if chat.dissolved else "" if inside else "robot not in group"


def _placed(state: State, card: Card, space: str, where: str, given: Json) -> str:
    card.spaces.append(f"{space}.{where}")
    chat = state.direct(where) if space == "IM_ROBOT" else state.chats[where]
    if space == "ONE_BOX":
        chat.top = card.track
        chat.top_ends = datetime.fromtimestamp(given["topOpenDeliverModel"]["expiredTimeMillis"] / 1000, UTC)
        return ""
    message = state.post(chat, "card", {}, track=card.track)
    message.id = state.new("pqk")
    named = set(given.get(_DELIVER[space][0], {}).get("atUserIds", {}))
    inside = {one for one in given.get("cardAtUserIds", ()) if any(f"<a atId={one}>" in value for value in card.values.values())}
    message.mentioned = (named | inside) & (chat.members | {"@ALL"})
    return message.id


def existing(state: State, track: str) -> Card:
    card = state.cards.get(track)
    if card is None:
        raise Refusal("param.cardNotExist", "param.cardNotExist")
    return card


def update(state: State, request: Request) -> Json:
    """By default what was there before is gone, and only what is given now is there."""
    known = {"outTrackId": str, "cardData": dict, "privateData": dict, "cardUpdateOptions": dict, "userIdType": int}
    given = body(request, known, bad=BAD)
    if not given.get("outTrackId"):
        raise Refusal("param.outTrackIdEmpty", "param.outTrackIdEmpty")
    if not given.get("cardData") and not given.get("privateData"):
        raise Refusal("param.cardDataAndPrivateDataBothEmpty", "param.cardDataAndPrivateDataBothEmpty")
    card = existing(state, given["outTrackId"])
    if card.busy:
        state.oddities.append(f"{card.track} is updated from inside its callback")
    if not card.spaces:
        state.oddities.append(f"{card.track} is updated, and was never delivered")
    options = given.get("cardUpdateOptions", {})
    fields(options, {"updateCardDataByKey": bool, "updatePrivateDataByKey": bool}, BAD)
    private = {one: params(state, data, card.template) for one, data in given.get("privateData", {}).items()}
    for one in private:
        if one not in state.people:
            raise Refusal("param.userIdNotExist", "param.userIdNotExist")
    public = params(state, given["cardData"], card.template) if "cardData" in given else None
    write(card, public, private, options)
    return {"success": True, "result": True}


def write(card: Card, public: dict[str, str] | None, private: Mapping[str, dict[str, str]], options: Json) -> None:
    card.history.append(dict(card.values))
    if public is not None:
        card.values = card.values | public if options.get("updateCardDataByKey") else public
    for one, values in private.items():
        card.private[one] = card.private.get(one, {}) | values if options.get("updatePrivateDataByKey") else values


def register(state: State, request: Request) -> Json:
    given = body(request, {"callbackRouteKey": str, "callbackUrl": str, "apiSecret": str, "forceUpdate": bool}, bad=BAD)
    for name, word in (("callbackRouteKey", "param.callbackRouteKeyEmpty"), ("callbackUrl", "param.callbackUrlEmpty")):
        if not given.get(name):
            raise Refusal(word, word)
    key, url = given["callbackRouteKey"], given["callbackUrl"]
    # This machine stands for the public address that the real one demands.
    if not url.startswith(("https://", "http://127.0.0.1")):
        raise Refusal(BAD, "callbackUrl must be https")
    if key in state.routes and not given.get("forceUpdate"):
        raise Refusal("param.callbackRouteKeyExist", "param.callbackRouteKeyExist", status=500)
    if not given.get("apiSecret"):
        state.oddities.append("a callback address without an apiSecret: its clicks are not signed")
    state.routes[key] = Route(url, given.get("apiSecret", ""))
    return {"success": True, "result": {"callbackUrl": url, "apiSecret": given.get("apiSecret", "")}}


def close_top(state: State, request: Request) -> Json:
    """It takes its values in the query."""
    card = existing(state, request.query.get("outTrackId", ""))
    chat: Chat | None = state.chats.get(request.query.get("openConversationId", ""))
    if chat is None or chat.top != card.track:
        raise Refusal(BAD, "openConversationId")
    chat.top, chat.top_ends = "", None
    return {"success": True, "result": True}
