"""A template card: whether WeCom would take it, and what a person would see and could do.

Page 90236 for the app, 101032 for the robot. The lengths that the pages recommend are limits here: longer is cut off on a telephone.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from tests.simulators.core.shape import Check, among, anything, each, must, thing, whole, words, yes_or_no

Json = dict[str, Any]
Line = Literal["app", "robot"]
INTERACTIVE = ("button_interaction", "vote_interaction", "multiple_interaction")
KINDS = ("text_notice", "news_notice", *INTERACTIVE)
TASK_ID = r"[0-9A-Za-z_\-@]{1,128}"
NO_JUMP = 42045

_URL = words(1024, least=1)
_SOURCE = thing({"icon_url": _URL, "desc": words(13), "desc_color": whole(0, 3)})
_ACT = thing({"text": words(10, least=1), "key": words(size=1024, least=1)}, ("text", "key"))
_MENU = thing({"desc": words(13), "action_list": each(_ACT, 3, 1)}, ("action_list",))
_TITLE = thing({"title": words(26), "desc": words(30)})
#: Where a touch leads.
_WAY: Mapping[str, Check] = {"url": _URL, "appid": words(), "pagepath": words()}
_QUOTE = thing({"type": whole(0, 2), **_WAY, "title": words(), "quote_text": words()})
_EMPHASIS = thing({"title": words(10), "desc": words(15)})
_PAIR = thing(
    {"type": whole(0, 3), "keyname": words(5, least=1), "value": words(26), "url": _URL, "media_id": words(), "userid": words()},
    ("keyname",),
)
_JUMP = thing({"type": whole(0, 2), "title": words(13, least=1), **_WAY}, ("title",))
_ROBOT_JUMP = thing({"type": whole(0, 3), "title": words(13, least=1), **_WAY, "question": words(200)}, ("title",))
_ACTION = thing({"type": whole(1, 2, NO_JUMP), **_WAY}, ("type",))
_PICTURE = thing({"type": whole(0, 2), **_WAY, "title": words(), "desc": words(), "image_url": _URL}, ("image_url",))
_LONG_PAIR = thing({"title": words(26, least=1), "desc": words(112)}, ("title",))
_ID = words(size=128, least=1)
_BUTTON = {"text": words(10, least=1), "style": whole(1, 4), "key": words(size=1024, least=1)}
_COMMON: Mapping[str, Check] = {
    "card_type": anything, "source": _SOURCE, "action_menu": _MENU, "task_id": among(also=TASK_ID), "main_title": _TITLE,
    "card_action": _ACTION,
}  # fmt: skip


def _select(most: int, also: Mapping[str, Check]) -> Check:
    """A drop-down whose options say at most so many characters."""
    option = thing({"id": _ID, "text": words(most, least=1)}, ("id", "text"))
    known = {"question_key": words(size=1024, least=1), "title": words(13), "selected_id": words(size=128)}
    return thing({**known, "option_list": each(option, 10, 1), **also}, ("question_key", "option_list"))


def _kinds(line: Line, update: bool) -> Mapping[str, tuple[Mapping[str, Check], tuple[str, ...]]]:
    """card_type -> what it has beside the common, and what it needs."""
    also: Mapping[str, Check] = {"disable": yes_or_no} if update else {}
    beside_buttons, several = _select(16, also), _select(10 if line == "robot" else 16, also)
    ticked = thing({"id": _ID, "text": words(11 if line == "robot" else 17, least=1), "is_checked": yes_or_no}, ("id", "text"))
    box = thing(
        {"question_key": words(size=1024, least=1), "option_list": each(ticked, 20, 1), "mode": whole(0, 1), **also},
        ("question_key", "option_list"),
    )
    # The app's button may be a link; the robot's page knows text, style and key only.
    button = thing(_BUTTON, ("text", "key")) if line == "robot" else thing({**_BUTTON, "type": whole(0, 1), "url": _URL}, ("text",))
    jumps: Mapping[str, Check] = {"jump_list": each(_ROBOT_JUMP if line == "robot" else _JUMP, 3)}
    rows: Mapping[str, Check] = {"quote_area": _QUOTE, "horizontal_content_list": each(_PAIR, 6)}
    replaced: Mapping[str, Check] = {"replace_text": words(10)} if update else {}
    return {
        "text_notice": ({**rows, **jumps, "emphasis_content": _EMPHASIS, "sub_title_text": words(112)}, ("card_action",)),
        "news_notice": (
            {
                **rows, **jumps,
                "image_text_area": _PICTURE,
                "card_image": thing({"url": _URL, "aspect_ratio": anything}, ("url",)),
                "vertical_content_list": each(_LONG_PAIR, 4),
            },
            ("main_title", "card_action"),
        ),
        "button_interaction": (
            {**rows, **replaced, "sub_title_text": words(112), "button_selection": beside_buttons, "button_list": each(button, 6, 1)},
            ("main_title", "button_list", "task_id"),
        ),
        "vote_interaction": (
            {**replaced, "checkbox": box, "submit_button": _ACT},
            ("main_title", "checkbox", "submit_button", "task_id"),
        ),
        "multiple_interaction": (
            {**replaced, "select_list": each(several, 3, 1), "submit_button": _ACT},
            ("main_title", "select_list", "submit_button", "task_id"),
        ),
    }  # fmt: skip


def check_card(card: Any, line: Line, *, update: bool = False) -> None:
    """Raises Unfit. `update`: it takes the place of another one."""
    must(isinstance(card, dict), "", "template_card: an object is expected")
    kind = card.get("card_type")
    must(kind in KINDS, "card_type", f"unknown card_type {kind!r}")
    known, needs = _kinds(line, update)[kind]
    feedback: Mapping[str, Check] = {"feedback": thing({"id": words(size=256, least=1)}, ("id",))} if line == "robot" else {}
    if kind in ("text_notice", "news_notice"):
        must("card_action" in card, "card_action", "it is required", NO_JUMP)
    needed = [name for name in needs if not (update and line == "app" and name == "task_id")]
    thing({**_COMMON, **feedback, **known}, needed)(card, "template_card")
    titled = (card.get("main_title") or {}).get("title") or card.get("sub_title_text")
    must(bool(titled), "main_title", "main_title.title or sub_title_text is required", 41016)
    must("action_menu" not in card or "task_id" in card or update, "task_id", "it is required with action_menu")
    _check_parts(card)


def _check_parts(card: Json) -> None:
    for one in card.get("button_list", ()):
        link = one.get("type") == 1
        must(bool(one.get("url" if link else "key")), "button_list", "url is required" if link else "key is required")
    keys = [one["key"] for one in [*card.get("button_list", ()), *card.get("action_menu", {}).get("action_list", ())] if "key" in one]
    must(len(keys) == len(set(keys)), "button_list", "the keys must differ")
    for one in [*card.get("select_list", ()), *([card["button_selection"]] if "button_selection" in card else ())]:
        ids = [option["id"] for option in one["option_list"]]
        must(len(ids) == len(set(ids)), "option_list", "the ids must differ")
        must(one.get("selected_id", ids[0]) in ids, "selected_id", "it is no option")
    for one in [*card.get("horizontal_content_list", ()), *card.get("jump_list", ())]:
        need = {1: "url", 2: "media_id" if "keyname" in one else "appid", 3: "userid" if "keyname" in one else "question"}.get(
            one.get("type", 0)
        )
        must(need is None or bool(one.get(need)), "type", f"{need} is required")
    action = card.get("card_action", {})
    must(not action or bool(action.get("url" if action["type"] == 1 else "appid")), "card_action", "where to is missing")


@dataclass(frozen=True)
class Button:
    text: str
    key: str = ""
    url: str = ""
    style: int = 1


@dataclass(frozen=True)
class Select:
    """`several`: a vote's boxes, of which more than one may be ticked."""

    key: str
    title: str
    options: Mapping[str, str]
    """text -> id"""
    chosen: tuple[str, ...] = ()
    several: bool = False
    disabled: bool = False


@dataclass(frozen=True)
class Card:
    """`closed`: what its grey button says; then nothing on it can be touched."""

    values: Json
    closed: str = ""

    @property
    def kind(self) -> str:
        return str(self.values["card_type"])

    @property
    def task_id(self) -> str:
        return str(self.values.get("task_id", ""))

    @property
    def title(self) -> str:
        return str(self.values.get("main_title", {}).get("title", ""))

    @property
    def rows(self) -> list[tuple[str, str]]:
        return [(one["keyname"], one.get("value", "")) for one in self.values.get("horizontal_content_list", ())]

    @property
    def buttons(self) -> list[Button]:
        """What can be tapped and comes back, or opens an address; none once it is closed."""
        found = [*self.values.get("button_list", ()), *([self.values["submit_button"]] if "submit_button" in self.values else ())]
        return [] if self.closed else [Button(one["text"], one.get("key", ""), one.get("url", ""), one.get("style", 1)) for one in found]

    @property
    def menu(self) -> list[Button]:
        """Behind the three dots."""
        return [Button(one["text"], one["key"]) for one in self.values.get("action_menu", {}).get("action_list", ())]

    @property
    def links(self) -> dict[str, str]:
        """label -> address, of whatever opens one."""
        found = {one["title"]: one.get("url", "") for one in self.values.get("jump_list", ())}
        found |= {one["keyname"]: one["url"] for one in self.values.get("horizontal_content_list", ()) if one.get("url")}
        found |= {one.text: one.url for one in self.buttons if one.url}
        action = self.values.get("card_action", {}).get("url", "")
        return {**found, **({"": action} if action else {})}

    @property
    def selects(self) -> list[Select]:
        found = [*self.values.get("select_list", ()), *([self.values["button_selection"]] if "button_selection" in self.values else ())]
        shown = [
            Select(
                one["question_key"], one.get("title", ""), {option["text"]: option["id"] for option in one["option_list"]},
                (one["selected_id"],) if one.get("selected_id") else (one["option_list"][0]["id"],), disabled=bool(one.get("disable")),
            )
            for one in found
        ]  # fmt: skip
        if box := self.values.get("checkbox"):
            ticked = tuple(option["id"] for option in box["option_list"] if option.get("is_checked"))
            options = {option["text"]: option["id"] for option in box["option_list"]}
            shown.append(Select(box["question_key"], "", options, ticked, box.get("mode") == 1, bool(box.get("disable"))))
        return shown

    @property
    def text(self) -> str:
        """All that is to be read on it, a line each."""
        values = self.values
        quote, emphasis, title = values.get("quote_area", {}), values.get("emphasis_content", {}), values.get("main_title", {})
        lines = [
            values.get("source", {}).get("desc", ""), title.get("title", ""), title.get("desc", ""), emphasis.get("title", ""),
            emphasis.get("desc", ""), quote.get("title", ""), quote.get("quote_text", ""), values.get("sub_title_text", ""),
            *(f"{name} {value}".strip() for name, value in self.rows),
            *(f"{one['title']} {one.get('desc', '')}".strip() for one in values.get("vertical_content_list", ())),
            *(one.title for one in self.selects), *(one["title"] for one in values.get("jump_list", ())),
            *([self.closed] if self.closed else [one.text for one in self.buttons]),
            values.get("replace_text", "") if not self.closed else "",
        ]  # fmt: skip
        return "\n".join(line for line in lines if line)
