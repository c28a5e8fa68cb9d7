"""The portable message in Feishu's words: cards (JSON 2.0), posts, and what is done when one of them is too long.

Protocol: open.feishu.cn, "Card JSON 2.0 structure" and its component pages, "Message content". Every text of ours goes into `plain_text` or
a post's `text`, where nothing is markup: neither a mention nor a link can be smuggled in.
"""

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any

from bot.platforms.core.cards import Labels as Labels
from bot.platforms.core.cards import key_of, turn, whole_text, with_commands
from handlers.core.message import Button, Card, Field, Link, Outgoing

#: Vendor limits of a card or post, with room for the envelope (documented: 30 KB of request, in which the content is a quoted string;
#: 200 elements, every text counted).
MOST_BYTES = 28_000
MOST_ELEMENTS = 190
#: Fields that a card with other buttons shows open; where it asks for more, the form comes when its button is tapped.
OPEN_FIELDS = 3

_COLOURS = {"plain": "grey", "info": "blue", "good": "green", "warning": "orange", "danger": "red"}
_STYLES = {"plain": "default", "primary": "primary_filled", "danger": "danger"}
_FIELD = re.compile(r"f\d+_")
_PICKED = re.compile(r"(\d{4}-\d\d-\d\d) (\d\d:\d\d) ([+-]\d{4})")

Element = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Drawn:
    """`kind` and `content` as the API takes them; `rest`: the whole text, to be sent as a file, when it did not fit."""

    kind: str
    content: str
    rest: str = ""


def draw(message: Outgoing, labels: Labels, *, superseded: bool = False) -> Drawn:
    if message.card is None:
        return _post(message, labels)
    card = _replaced(message.card, labels) if superseded else message.card
    body = _card(card, labels, message.mentions)
    if _fits(body):
        return Drawn("interactive", _json(body))
    return _shortened(card, labels, message.mentions)


def in_words(message: Outgoing, labels: Labels) -> Drawn:
    """The message without a card, with the commands that its buttons stand for: for where no card can be built."""
    if message.card is None:
        return _post(message, labels)
    return _post(replace(message, text=with_commands(message.card, labels), link=message.card.link), labels)


def answers(form: Mapping[str, Any]) -> dict[str, str]:
    """A submitted form by the names of its fields, as the parser reads them."""
    return {_FIELD.sub("", name, count=1): _value(given) for name, given in form.items()}


def _post(message: Outgoing, labels: Labels) -> Drawn:
    content = _post_of(message.text, message.mentions, message.link)
    if _size(content) <= MOST_BYTES:
        return Drawn("post", _json(content))
    most = MOST_BYTES // 2
    while True:
        cut = _post_of(f"{_cut(message.text, most)}\n{labels.attached}", message.mentions, message.link)
        if _size(cut) <= MOST_BYTES or not most:
            return Drawn("post", _json(cut), message.text)
        most //= 2


def _post_of(text: str, mentions: Iterable[str], link: Link | None) -> Element:
    first = [{"tag": "at", "user_id": person} for person in mentions]
    lines = [[{"tag": "text", "text": line}] for line in text.split("\n")]
    lines[0] = [*first, *lines[0]] if first else lines[0]
    last = [[{"tag": "a", "text": link.label, "href": link.url}]] if link else []
    return {"zh_cn": {"title": "", "content": [*lines, *last]}}


def _replaced(card: Card, labels: Labels) -> Card:
    return replace(card, buttons=(), menu=(), link=None, tone="plain", note=labels.superseded)


def _card(card: Card, labels: Labels, mentions: Iterable[str], *, plain: bool = False) -> Element:
    elements = list(_elements(card, labels, mentions, plain=plain))
    title: Element = {"title": _plain(card.title), "template": _COLOURS[card.tone]}
    if card.drill:
        title["text_tag_list"] = [{"tag": "text_tag", "text": _plain(labels.drill), "color": "purple"}]
    return {
        "schema": "2.0",
        "config": {"update_multi": True, "summary": {"content": card.title}},
        "header": title,
        "body": {"elements": elements},
    }


def _elements(card: Card, labels: Labels, mentions: Iterable[str], *, plain: bool) -> Iterator[Element]:
    if mentioned := "".join(f"<at id={person}></at>" for person in mentions if re.fullmatch(r"[A-Za-z0-9_-]+", person)):
        yield {"tag": "markdown", "content": mentioned}
    for name, value in card.lines:
        yield _div(f"{name}  {value}" if name else value) if plain or not name else _line(name, value)
    if card.note:
        yield _div(card.note, size="notation", color="grey")
    asking = [button for button in card.buttons if button.form]
    alone = len(card.buttons) == 1 and not card.menu
    opened = asking if alone or sum(len(button.form) for button in asking) <= OPEN_FIELDS else []
    row = [_button(b, labels, asks=turn(card, b)) for b in card.buttons if b not in opened]
    if row := [*row, *([_link(card.link)] if card.link else [])]:
        yield _row(row)
    for number, button in enumerate(opened):
        yield _form(number, button, labels)
    if card.menu:
        yield {
            "tag": "select_static",
            "placeholder": _plain(labels.more),
            "options": [{"text": _plain(b.label), "value": key_of(b, asks=turn(card, b))} for b in card.menu],
            "behaviors": [{"type": "callback", "value": {"a": ""}}],
        }


def _line(name: str, value: str) -> Element:
    return {
        "tag": "column_set",
        "flex_mode": "none",
        "columns": [
            {"tag": "column", "width": "84px", "elements": [_div(name, color="grey")]},
            {"tag": "column", "width": "weighted", "weight": 1, "elements": [_div(value)]},
        ],
    }


def _div(text: str, *, size: str = "normal", color: str = "default") -> Element:
    return {"tag": "div", "text": {"tag": "plain_text", "content": text, "text_size": size, "text_color": color}}


def _row(buttons: list[Element]) -> Element:
    columns = [{"tag": "column", "width": "auto", "elements": [button]} for button in buttons]
    return {"tag": "column_set", "flex_mode": "flow", "columns": columns}


def _button(button: Button, labels: Labels, *, asks: int = 0) -> Element:
    shown: Element = {
        "tag": "button",
        "text": _plain(f"{button.label}…" if asks else button.label),
        "type": _STYLES[button.style],
        "behaviors": [{"type": "callback", "value": {"a": key_of(button, asks=asks)}}],
    }
    if button.confirm:
        shown["confirm"] = {"title": _plain(button.label), "text": _plain(labels.sure)}
    return shown


def _link(link: Link) -> Element:
    return {"tag": "button", "text": _plain(link.label), "type": "text", "behaviors": [{"type": "open_url", "default_url": link.url}]}


def _form(number: int, button: Button, labels: Labels) -> Element:
    fields = [element for field in button.form for element in _field(number, field, labels)]
    submit = _button(button, labels) | {"form_action_type": "submit", "name": f"s{number}"}
    return {"tag": "form", "name": f"form{number}", "elements": [*fields, submit]}


def _field(number: int, field: Field, labels: Labels) -> Iterator[Element]:
    shown: Element = {"name": f"f{number}_{field.name}", "required": field.required}
    match field.kind:
        case "choice" | "person" if field.options:
            yield _div(field.label)
            options = [{"text": _plain(label), "value": value} for value, label in field.options]
            initial = {"initial_option": field.value} if field.value else {}
            yield {"tag": "select_static", **shown, "placeholder": _plain(field.hint or labels.choose), "options": options, **initial}
        case "time":
            yield _div(field.label)
            initial = {"initial_datetime": field.value.replace("T", " ")} if field.value else {}
            yield {"tag": "picker_datetime", **shown, "placeholder": _plain(field.hint or labels.choose), **initial}
        case _:
            long = {"input_type": "multiline_text", "rows": 3} if field.kind == "long" else {}
            label = {"label": _plain(field.label), "label_position": "top", "placeholder": _plain(field.hint)}
            yield {"tag": "input", **shown, **label, **long, "default_value": field.value, "max_length": 1000}


def _plain(text: str) -> Element:
    return {"tag": "plain_text", "content": text}


def _value(given: Any) -> str:
    """One field as typed text: several choices joined, a picked moment as RFC 3339."""
    if isinstance(given, list):
        return "、".join(_value(one) for one in given)
    if isinstance(given, bool):
        return "是" if given else "否"
    text = "" if given is None else str(given)
    if picked := _PICKED.fullmatch(text):
        return datetime.fromisoformat(f"{picked[1]}T{picked[2]}{picked[3]}").isoformat(timespec="minutes")
    return text


# What does not fit


def _shortened(card: Card, labels: Labels, mentions: Iterable[str]) -> Drawn:
    """As many lines as fit, first without the columns (seven elements a line, then two); the whole text goes into a file."""
    mentions = tuple(mentions)
    whole = _card(card, labels, mentions, plain=True)
    if _fits(whole):
        return Drawn("interactive", _json(whole))
    lines = list(card.lines)
    while True:
        cut = replace(card, lines=(*lines, ("", labels.attached)))
        body = _card(cut, labels, mentions, plain=True)
        if _fits(body):
            return Drawn("interactive", _json(body), whole_text(card))
        if not lines:
            return replace(_post(Outgoing(card.title, mentions=mentions), labels), rest=whole_text(card))
        name, value = lines[-1]
        lines[-1:] = [] if len(value) < 400 or len(lines) > MOST_ELEMENTS else [(name, value[: len(value) // 2] + "…")]


def _fits(body: Element) -> bool:
    return _size(body) <= MOST_BYTES and sum(1 for _ in _tagged(body)) <= MOST_ELEMENTS


def _size(content: Element) -> int:
    """Bytes of it as it travels: a string inside JSON, so that every quote and backslash counts twice."""
    return len(_json(_json(content)).encode())


def _tagged(value: Any) -> Iterator[None]:
    if isinstance(value, dict):
        if "tag" in value:
            yield None
        for inner in value.values():
            yield from _tagged(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _tagged(inner)


def _cut(text: str, most: int) -> str:
    return text.encode()[:most].decode("utf-8", "ignore")


def _json(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))
