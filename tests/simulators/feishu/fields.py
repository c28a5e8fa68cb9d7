"""The components of a card, JSON 2.0, with every property that their pages document. What is not here is an error.

From open.feishu.cn, "feishu-cards/card-json-v2-components/*" (2025-06) and "card-json-v2-structure".
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.simulators.core.shape import Check, among, anything, each, must, thing, whole, words, yes_or_no

_LANGUAGES = thing({name: words() for name in ("zh_cn", "en_us", "ja_jp", "zh_hk", "zh_tw")})


def _several(names: str) -> tuple[str, ...]:
    return tuple(names.split())


_ELEMENT_ID = among(also=r"[A-Za-z][A-Za-z0-9_]{0,19}")
_SIZES = _several(
    "heading-0 heading-1 heading-2 heading-3 heading-4 heading normal notation xxxx-large xxx-large xx-large x-large large medium small"
    " x-small"
)
_PIXELS = r"-?\d{1,2}(px)?( -?\d{1,2}(px)?){0,3}"
_COLOURS = tuple(
    f"{name}{suffix}"
    for name in _several("blue wathet turquoise green lime yellow orange red carmine violet purple indigo grey")
    for suffix in ("", *(f"-{step}" for step in (50, 100, 200, 300, 350, 400, 500, 600, 700, 800, 900)))
)
_COLOUR = among("default", "white", "black", *_COLOURS, also=r"cus-\w+|rgba\(.*\)|bg-white|light_grey")
_SPACING = among("small", "medium", "large", "extra_large", also=r"\d{1,2}px")
_ACROSS, _DOWN = among("left", "center", "right"), among("top", "center", "bottom")


def plain(most: int = 0, *, markdown: bool = False, styled: bool = False) -> Check:
    """A text element; only a `div` may give its text a size and a colour."""
    known: dict[str, Check] = {
        "tag": among("plain_text", "lark_md") if markdown else among("plain_text"),
        "content": words(most),
        "i18n_content": _LANGUAGES,
        "element_id": _ELEMENT_ID,
    }
    if styled:
        known |= {"text_size": among(*_SIZES, also=r"cus-\w+"), "text_color": _COLOUR, "text_align": _ACROSS, "lines": whole(1, 1000)}
    return thing(known, ("tag", "content"))


_ICON = thing({"tag": among("standard_icon", "custom_icon"), "token": words(), "color": _COLOUR, "img_key": words()}, ("tag",))
_CONFIRM = thing({"title": plain(), "text": plain()}, ("title", "text"))
_URLS = {name: words() for name in ("default_url", "android_url", "ios_url", "pc_url")}


def _behaviour(value: Any, path: str) -> None:
    must(isinstance(value, dict), path, "an object is expected")
    kind = value.get("type")
    must(kind in ("open_url", "callback"), path, f"unknown behavior {kind!r}")
    if kind == "open_url":
        return thing({"type": anything, **_URLS}, ("default_url",))(value, path)
    thing({"type": anything, "value": anything}, ("value",))(value, path)
    # A string is allowed, and the official SDK answers it with an error to the person who tapped: no product may send one.
    must(isinstance(value["value"], dict), path, "value: an object is expected")
    return None


_BEHAVIOURS = each(_behaviour, least=1)
_OPTION = thing({"text": plain(), "icon": _ICON, "value": words()}, ("text", "value"))
_WIDTH = among("default", "fill", also=r"[1-9]\d{2,}px")
_HOLDER: Mapping[str, Check] = {
    "direction": among("vertical", "horizontal"),
    "horizontal_spacing": _SPACING,
    "vertical_spacing": _SPACING,
    "horizontal_align": _ACROSS,
    "vertical_align": _DOWN,
    "padding": among(also=_PIXELS),
}
_MULTI_URL = thing({"multi_url": thing({name: words() for name in ("url", "pc_url", "ios_url", "android_url")})})


@dataclass(frozen=True)
class Component:
    """`holds`: the properties with components inside · `asks`: it takes input · `needs`: required properties."""

    known: Mapping[str, Check]
    needs: tuple[str, ...] = ()
    holds: tuple[str, ...] = ()
    asks: bool = False
    common: Mapping[str, Check] = field(default_factory=lambda: {"tag": anything, "element_id": _ELEMENT_ID, "margin": among(also=_PIXELS)})

    def check(self, value: Mapping[str, Any], path: str) -> None:
        held = dict.fromkeys(self.holds, anything)
        thing({**self.common, **self.known, **held}, self.needs)(value, path)


def _input(known: Mapping[str, Check], needs: tuple[str, ...] = ()) -> Component:
    """What is common to everything that is filled in."""
    common: Mapping[str, Check] = {
        "name": words(),
        "required": yes_or_no,
        "disabled": yes_or_no,
        "placeholder": plain(100),
        "width": _WIDTH,
        "behaviors": _BEHAVIOURS,
        "confirm": _CONFIRM,
    }
    return Component({**common, **known}, needs, asks=True)


_SELECT: Mapping[str, Check] = {"type": among("default", "text"), "options": each(_OPTION)}
COMPONENTS: Mapping[str, Component] = {
    "div": Component({"text": plain(markdown=True, styled=True), "icon": _ICON, "width": among("fill", "auto", also=r"\d{2,3}px")}),
    "markdown": Component(
        {
            "content": words(),
            "i18n_content": _LANGUAGES,
            "text_size": among(*_SIZES, also=r"cus-\w+"),
            "text_align": _ACROSS,
            "icon": _ICON,
        },
        ("content",),
    ),
    "hr": Component({}),
    "img": Component(
        {
            "img_key": words(),
            "alt": plain(),
            "title": plain(markdown=True),
            "corner_radius": words(),
            "scale_type": words(),
            "size": words(),
            "transparent": yes_or_no,
            "preview": yes_or_no,
        },
        ("img_key", "alt"),
    ),
    "person": Component(
        {"size": words(), "user_id": words(), "show_avatar": yes_or_no, "show_name": yes_or_no, "style": words()}, ("user_id",)
    ),
    "column_set": Component(
        {
            **{name: _HOLDER[name] for name in ("horizontal_spacing", "horizontal_align")},
            "background_style": _COLOUR,
            "action": _MULTI_URL,
            "flex_mode": among("none", "stretch", "flow", "bisect", "trisect"),
        },
        ("columns",),
        ("columns",),
    ),
    "column": Component(
        {
            **_HOLDER,
            "background_style": _COLOUR,
            "action": _MULTI_URL,
            "weight": whole(1, 5),
            "width": among("auto", "weighted", also=r"(1[6-9]|[2-9]\d|[1-5]\d\d|600)px"),
        },
        (),
        ("elements",),
    ),
    "form": Component({**_HOLDER, "name": words()}, ("name", "elements"), ("elements",)),
    "collapsible_panel": Component(
        {**_HOLDER, "expanded": yes_or_no, "background_color": _COLOUR, "header": anything, "border": anything},
        ("header", "elements"),
        ("elements",),
    ),
    "interactive_container": Component(
        {
            **_HOLDER,
            "width": words(),
            "height": words(),
            "background_style": _COLOUR,
            "has_border": yes_or_no,
            "border_color": _COLOUR,
            "corner_radius": words(),
            "disabled": yes_or_no,
            "confirm": _CONFIRM,
            "behaviors": _BEHAVIOURS,
            "hover_tips": plain(),
            "disabled_tips": plain(),
        },
        ("behaviors", "elements"),
        ("elements",),
    ),
    "button": Component(
        {
            "type": among(
                "default", "primary", "danger", "text", "primary_text", "danger_text", "primary_filled", "danger_filled", "laser"
            ),
            "size": among("tiny", "small", "medium", "large"),
            "width": _WIDTH,
            "text": plain(100),
            "icon": _ICON,
            "hover_tips": plain(),
            "disabled": yes_or_no,
            "disabled_tips": plain(),
            "confirm": _CONFIRM,
            "behaviors": _BEHAVIOURS,
            "name": words(),
            "form_action_type": among("submit", "reset"),
        },
    ),
    "input": _input(
        {
            "default_value": words(),
            "disabled_tips": plain(),
            "max_length": whole(1, 1000),
            "show_icon": yes_or_no,
            "rows": whole(1, 100),
            "input_type": among("text", "multiline_text", "password"),
            "auto_resize": yes_or_no,
            "max_rows": whole(1, 100),
            "label": plain(),
            "label_position": among("top", "left"),
        }
    ),
    "select_static": _input({**_SELECT, "initial_option": words(), "initial_index": whole(0, 1000)}),
    "multi_select_static": _input({**_SELECT, "selected_values": each(words())}),
    "select_person": _input(
        {"type": among("default", "text"), "options": each(thing({"value": words()}, ("value",))), "initial_option": words()}
    ),
    "date_picker": _input({"initial_date": among(also=r"\d{4}-\d\d-\d\d")}),
    "picker_time": _input({"initial_time": among(also=r"\d\d:\d\d")}),
    "picker_datetime": _input({"initial_datetime": among(also=r"\d{4}-\d\d-\d\d \d\d:\d\d")}),
    "checker": _input(
        {"checked": yes_or_no, "text": plain(markdown=True, styled=True), "overall_checkable": yes_or_no, "checked_style": anything},
        ("text",),
    ),
}

GONE_IN_2 = frozenset({"action", "note", "field", "fields"})
CONFIG = thing(
    {
        **dict.fromkeys(
            ("streaming_mode", "enable_forward", "update_multi", "use_custom_translation", "enable_forward_interaction"), yes_or_no
        ),
        "streaming_config": anything,
        "summary": thing({"content": words(), "i18n_content": _LANGUAGES}),
        "locales": each(words()),
        "width_mode": among("default", "compact", "fill"),
        "style": thing({"text_size": anything, "color": anything}),
    }
)
_TAG = thing(
    {
        "tag": among("text_tag"),
        "element_id": _ELEMENT_ID,
        "text": plain(),
        "color": among(*_several("neutral blue turquoise lime orange violet indigo wathet green yellow red purple carmine")),
    },
    ("tag", "text"),
)
HEADER = thing(
    {
        "title": plain(markdown=True),
        "subtitle": plain(markdown=True),
        "text_tag_list": each(_TAG, 3),
        "i18n_text_tag_list": anything,
        "template": among(*_several("blue wathet turquoise green yellow orange red carmine violet purple indigo grey default")),
        "icon": _ICON,
        "padding": among(also=_PIXELS),
    },
    ("title",),
)
BODY = thing({**_HOLDER, "elements": anything}, ("elements",))
CARD = thing(
    {
        "schema": among("2.0"),
        "config": CONFIG,
        "header": HEADER,
        "body": BODY,
        "card_link": thing({name: words() for name in ("url", "pc_url", "ios_url", "android_url")}),
    }
)
