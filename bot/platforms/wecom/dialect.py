"""The portable message in WeCom's words: template cards, text, and the robot's markdown; and what is done where something does not fit.

Protocol: developer.work.weixin.qq.com/document/path/90236 (app messages), 101032 (template cards). Cards are measured in signs, text in
bytes.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any

from bot.platforms.core.cards import Labels, key_of, turn, whole_text
from bot.platforms.core.contract import Enclosed
from bot.platforms.wecom import xml
from handlers.core.message import Button, Card, Outgoing

TITLE, DESC, SUBTITLE = 26, 30, 112
MOST_PAIRS, PAIR_NAME, PAIR_VALUE = 6, 5, 26
MOST_BUTTONS, MOST_OPTIONS, LABEL, OPTION = 6, 10, 10, 16
TEXT_BYTES, MARKDOWN_BYTES = 2048, 20480
#: The menu's question, and the button that hands in what was chosen there.
MENU = "more"
NONE = "-"
MOST_PAGES = 4

#: 1 is the strong one of both kinds of bot; 3 and 4 mean different colours in their two documents.
_STYLES = {"plain": 2, "primary": 1, "danger": 2}
#: In text, only tags mean something; in markdown these do, wherever they stand. What people wrote is shown in signs that look alike.
_TAG = re.compile(r"<(?=[A-Za-z/@!])")
_MARKS = str.maketrans("*`[]<>#|~\\", "＊｀［］＜＞＃｜～＼")
_BARE = re.compile(r"(?<![0-9A-Za-z])_|_(?![0-9A-Za-z])")

_ADDRESS = re.compile(r"(https?://[A-Za-z0-9_./:?=&%~+@-]+)")

Object = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Adds:
    """More words that only WeCom needs."""

    nothing: str
    """the menu's first choice, which does nothing"""
    run: str
    """the button that hands in the menu"""
    receives: str
    """heads the commands in a group that only receives: where to say them"""
    wait: str
    """while an answer is being written"""
    over: str
    """where the answer was said in another way"""
    file: str
    """the name of the file that holds the whole of a long text"""
    untapped: str
    """to whoever tapped what could not be decided"""
    cut: str
    """said where a text was cut, and nothing can follow"""
    lost: Callable[[str], str]
    """said in place of a file of this name that cannot be sent"""
    again: Callable[[int], str]
    """below words that somebody was told so many times now: WeCom drops a text that it has just shown"""
    unkept: Callable[[str], str]
    """to whoever said this: it could not be kept"""


@dataclass(frozen=True, slots=True)
class Drawn:
    """`rest`: the whole text, where the card could not show all of it."""

    card: Object
    rest: str = ""


@dataclass(frozen=True, slots=True)
class Artist:
    """`home`: the address that a card without buttons opens (WeCom demands one) · `typed`: what to type instead of a button."""

    labels: Labels
    adds: Adds
    home: str
    typed: Callable[[Button], str]

    # Cards

    def card(self, card: Card, task: str, *, robot: bool = False, superseded: bool = False, said: str = "") -> Drawn:
        """`said`: the answer to a click, shown below the title."""
        card = _once(card)
        if superseded:
            card = replace(card, buttons=(), menu=(), link=None, note=self.labels.superseded)
        title, _, desc = _headed(f"【{self.labels.drill}】{card.title}" if card.drill else card.title)
        pages = _pages(card)
        pairs, lines = _sorted(card, MOST_PAIRS - (len(pages) if robot else 0))
        below = "\n".join(lines)
        body: Object = {"task_id": task, "main_title": {"title": _cut(title, TITLE)}}
        if said or desc:
            body["main_title"]["desc"] = _cut(said or desc, DESC)
        if below:
            body["sub_title_text"] = _cut(below, SUBTITLE)
        shown: list[Object] = [{"keyname": name, "value": value} for name, value in pairs]
        shown += [
            {"keyname": _cut(label, PAIR_NAME), "value": f"↗ {_cut(label, PAIR_VALUE - 2)}", "type": 1, "url": url}
            for label, url in pages
            if robot
        ]
        if shown:
            body["horizontal_content_list"] = shown
        left = self._acts(body, card, () if robot else pages)
        cut = len(title) > TITLE or len(desc) > DESC or len(below) > SUBTITLE or bool(left)
        return Drawn(body, self.in_words(replace(card, buttons=tuple(left), menu=())) if cut else "")

    def _acts(self, body: Object, card: Card, pages: Sequence[tuple[str, str]]) -> list[Button]:
        """Buttons and the menu; answers the buttons that found no place. What must be confirmed is chosen in the menu and then handed in:
        two acts, as WeCom asks nothing. A robot's button cannot open a page, an app's can."""
        taps = [button for button in card.buttons if not button.confirm and not button.url]
        menu = [button for button in (*card.buttons, *card.menu) if not button.url and button not in taps]
        if len(taps) > (room := MOST_BUTTONS - len(pages) - bool(menu)):
            room = MOST_BUTTONS - len(pages) - 1
            taps, menu = taps[:room], [*taps[room:], *menu]
        row: list[Object] = [{"text": _label(b), "style": _STYLES[b.style], "key": key_of(b, asks=turn(card, b))} for b in taps]
        row += [{"type": 1, "text": _cut(label, LABEL), "style": 2, "url": url} for label, url in pages]
        shown, left = menu[: MOST_OPTIONS - 1], menu[MOST_OPTIONS - 1 :]
        if shown:
            options = [{"id": NONE, "text": self.adds.nothing}]
            options += [{"id": key_of(b, asks=turn(card, b)), "text": _label(b, OPTION)} for b in shown]
            body["button_selection"] = {"question_key": MENU, "title": self.labels.more, "option_list": options, "selected_id": NONE}
            row.append({"text": self.adds.run, "style": 2, "key": MENU})
        body["card_type"] = "button_interaction" if row else "text_notice"
        body |= {"button_list": row} if row else {"card_action": {"type": 1, "url": self.home}}
        return left

    # Words

    def in_words(self, card: Card, head: str = "") -> str:
        """The card without buttons, with the commands that they stand for, below `head`."""
        text = f"【{self.labels.drill}】{whole_text(card)}" if card.drill else whole_text(card)
        commands = "\n".join(f"· {button.label}: {self.typed(button)}" for button in (*card.buttons, *card.menu))
        return f"{text}\n{head or self.labels.commands}\n{commands}" if commands else text

    def unenclosed(self, one: Enclosed) -> str:
        return f"{self.adds.lost(one.name)}{f' {one.link}' if one.link else ''}"

    def said(self, message: Outgoing, head: str = "") -> str:
        text = self.in_words(message.card, head) if message.card else message.text
        link = message.card.link if message.card else message.link
        return f"{text}\n{link.label}: {link.url}" if link else text


def plain(text: str) -> str:
    """In a text message, in which `<a …>` would be a link."""
    return _TAG.sub("＜", text)


def markdown(text: str, mentions: Iterable[str] = ()) -> str:
    """Lines stay lines, and nothing in them is markup, but for those who are mentioned. Addresses stay as they are."""
    parts = _ADDRESS.split(text)
    said = "".join(part if place % 2 else _BARE.sub("＿", part.translate(_MARKS)) for place, part in enumerate(parts))
    called = "".join(f"<@{person}>" for person in mentions if re.fullmatch(r"[A-Za-z0-9_.@-]+", person))
    return f"{called} {said}" if called else said


def shortened(text: str, most: int, attached: str) -> str:
    """At most `most` bytes; what was cut off is said to follow."""
    if len(text.encode()) <= most:
        return text
    return f"{text.encode()[: most - len(attached.encode()) - 1].decode('utf-8', 'ignore')}\n{attached}"


def as_xml(card: Object) -> str:
    """A template card in a passive answer of the app (90241): names in camel case, lists as repeated elements."""
    return xml.tag("TemplateCard", *_elements(card))


def _elements(values: Object) -> Iterator[str]:
    for name, value in values.items():
        camel = {"keyname": "KeyName"}.get(name, "".join(part.capitalize() for part in name.split("_")))
        for one in value if isinstance(value, list) else [value]:
            if isinstance(one, dict):
                yield xml.tag(camel, *_elements(one))
            else:
                yield xml.tag(camel, str(one)) if isinstance(one, int) else xml.words(camel, one)


def _headed(title: str) -> tuple[str, str, str]:
    """A long title in two, where it has two parts."""
    return title.rpartition(" · ") if len(title) > TITLE and " · " in title else (title, "", "")


def _sorted(card: Card, most: int) -> tuple[list[tuple[str, str]], list[str]]:
    """(name and value side by side, lines below): what is short enough for the pairs, in its order, and the rest."""
    pairs: list[tuple[str, str]] = []
    lines = []
    for name, value in card.lines:
        if name and len(name) <= PAIR_NAME and len(value) <= PAIR_VALUE and "\n" not in value and len(pairs) < most:
            pairs.append((name, value or "-"))
        else:
            lines.append(f"{name}:{value}" if name else value)
    return pairs, [*lines, *([card.note] if card.note else [])]


def _once(card: Card) -> Card:
    """Without the repeats of a tap (several reminders of one thing together bring them): no two keys of a card may be the same."""
    seen: set[str] = set()

    def first(button: Button) -> bool:
        key = button.url or key_of(button, asks=turn(card, button))
        new = key not in seen
        seen.add(key)
        return new

    return replace(card, buttons=tuple(filter(first, card.buttons)), menu=tuple(filter(first, card.menu)))


def _pages(card: Card) -> list[tuple[str, str]]:
    """(label, address) of what opens something and tells us nothing."""
    pages = [(button.label, button.url) for button in (*card.buttons, *card.menu) if button.url]
    return [*pages, *([(card.link.label, card.link.url)] if card.link else [])][:MOST_PAGES]


def _label(button: Button, most: int = LABEL) -> str:
    return f"{_cut(button.label, most - 1)}…" if button.form else _cut(button.label, most)


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else f"{text[: most - 1]}…"
