"""The portable message in DingTalk's words: the parameters of our card template, link cards, texts, and what is done when one is too long.

Protocol: open.dingtalk.com, "Message types" (msgKey, msgParam at most 15000 bytes), "Create and deliver cards" (cardParamMap: texts of at
most 1 KB). The template shows every variable as plain text; what goes into Markdown (link cards) is made harmless first.
"""

import io
import json
import re
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from hashlib import sha256
from typing import Any

from bot.platforms.core.cards import Labels, key_of, turn, whole_text, with_commands
from handlers.core.message import Button, Card, Outgoing

#: Documented: 1 KB a value, 15000 bytes of msgParam, in which every quote and backslash counts twice.
MOST_VALUE = 1000
MOST_PARAM = 14_500
MOST_TITLE, MOST_LABEL = 200, 100
BODIES, BUTTONS, MENU, LINKS = 6, 6, 10, 6
#: What one person sees after their tap, and nobody else.
HINT = "hint"
MOST_LINKS = 5
#: A card of ours, among the ids of messages.
TRACK = re.compile("gf[0-9a-f]{38}")
_STYLES = {"plain": "gray", "primary": "blue", "danger": "red"}
_HARMLESS = str.maketrans({"*": "＊", "[": "［", "]": "］", "`": "｀", "#": "＃", "<": "＜", ">": "＞", "~": "～", "|": "｜"})
_STAMP = (2026, 1, 1, 0, 0, 0)


def variables() -> tuple[str, ...]:
    """Every public variable of the template."""
    return (
        *("title", "tone", "drill"),
        *(f"body{n}" for n in range(1, BODIES + 1)),
        "note",
        *(f"b{n}_{part}" for n in range(1, BUTTONS + 1) for part in ("text", "key", "style")),
        *(f"m{n}_{part}" for n in range(1, MENU + 1) for part in ("text", "key")),
        *(f"l{n}_{part}" for n in range(1, LINKS + 1) for part in ("text", "url")),
        "chat",
    )


@dataclass(frozen=True, slots=True)
class Drawn:
    """A card's `params`, or a message's `kind` (msgKey) and `content`; `rest`: the whole text, when it did not fit."""

    params: dict[str, str] | None = None
    kind: str = ""
    content: dict[str, str] | None = None
    rest: str = ""


def draw_card(card: Card, labels: Labels, chat: str, *, superseded: bool = False) -> Drawn:
    """`chat`: where it stands, which its buttons say with every tap."""
    if superseded:
        card = replace(card, buttons=(), menu=(), link=None, tone="plain", note=labels.superseded)
    bodies, cut = _bodies(card, labels)
    params = dict.fromkeys(variables(), "")
    params |= {"title": _cut(card.title), "tone": card.tone, "note": _cut(card.note), "chat": chat}
    params["drill"] = labels.drill if card.drill else ""
    params |= {f"body{n}": body for n, body in enumerate(bodies, 1)}
    taps = [button for button in card.buttons if not button.url]
    menu = [*taps[BUTTONS:], *(button for button in card.menu if not button.url)]
    for n, button in enumerate(taps[:BUTTONS], 1):
        params |= {f"b{n}_text": _label(card, button), f"b{n}_key": _key(card, button), f"b{n}_style": _STYLES[button.style]}
    for n, button in enumerate(menu[:MENU], 1):
        params |= {f"m{n}_text": _label(card, button), f"m{n}_key": _key(card, button)}
    for n, (text, url) in enumerate(list(_links(card))[:LINKS], 1):
        params |= {f"l{n}_text": _cut(text), f"l{n}_url": url}
    return Drawn(params, rest=whole_text(card) if cut else "")


def draw_message(message: Outgoing, labels: Labels) -> Drawn:
    """Without the template: a link card where there are pages to go to, else words with the commands that the buttons stand for."""
    card = message.card
    if card is None:
        return words(message.text if message.link is None else f"{message.text}\n{message.link.label}:{message.link.url}", labels)
    links = [(_bytes(label, MOST_LABEL), url) for label, url in _links(card)][:MOST_LINKS]
    if not links:
        return words(with_commands(card, labels), labels)
    if len(links) == 1:
        kind, buttons = "sampleActionCard", {"singleTitle": links[0][0], "singleURL": links[0][1]}
    else:
        kind = f"sampleActionCard{len(links)}"
        buttons = {f"actionTitle{n}": label for n, (label, _) in enumerate(links, 1)}
        buttons |= {f"actionURL{n}": url for n, (_, url) in enumerate(links, 1)}
    whole = "\n".join(part for part in (labels.drill if card.drill else "", whole_text(card)) if part)
    content = {"title": _markdown(_bytes(card.title, MOST_TITLE)), "text": _markdown(whole), **buttons}
    if size(content) <= MOST_PARAM:
        return Drawn(kind=kind, content=content)
    return Drawn(kind=kind, content=_shortened(content, whole, labels, _markdown), rest=whole_text(card))


def words(text: str, labels: Labels) -> Drawn:
    content = {"content": text}
    if size(content) <= MOST_PARAM:
        return Drawn(kind="sampleText", content=content)
    return Drawn(kind="sampleText", content=_shortened(content, text, labels, str), rest=text)


def _shortened(content: dict[str, str], text: str, labels: Labels, shown: Callable[[str], str]) -> dict[str, str]:
    """As much of the text as fits: how many bytes it makes on its way hangs on what it is made of."""
    field, most = ("content" if "content" in content else "text"), MOST_PARAM
    while size(content) > MOST_PARAM and most:
        most //= 2
        content = {**content, field: shown(f"{_bytes(text, most)}\n{labels.attached}")}
    return content


def track(key: str) -> str:
    """The outbox's key as DingTalk takes one: a card's outTrackId, a group's uuid."""
    return f"gf{sha256(key.encode()).hexdigest()[:38]}"


def as_card(message: Outgoing) -> Card:
    """A text that has to call somebody, which only a card can."""
    title, _, rest = message.text.partition("\n")
    return Card(title, tuple(("", line) for line in rest.split("\n") if line), link=message.link)


def zipped(text: str) -> bytes:
    """DingTalk takes no plain text as a file."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr(zipfile.ZipInfo("全文.txt", _STAMP), text)
    return made.getvalue()


def size(content: dict[str, str]) -> int:
    """Bytes of it as it travels: a string inside JSON."""
    return len(json.dumps(dumped(content), ensure_ascii=False).encode())


def dumped(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _bodies(card: Card, labels: Labels) -> tuple[list[str], bool]:
    """The lines in as many blocks as the template has; and whether something had to be left out."""
    lines = [part for name, value in card.lines for part in _pieces(f"{name}:{value}" if name else value)]
    blocks: list[str] = []
    for line in lines:
        joined = f"{blocks[-1]}\n{line}" if blocks else line
        if blocks and len(joined.encode()) <= MOST_VALUE:
            blocks[-1] = joined
        else:
            blocks.append(line)
    if len(blocks) <= BODIES:
        return blocks, False
    return [*blocks[: BODIES - 1], labels.attached], True


def _pieces(line: str) -> Iterator[str]:
    while line:
        piece = _bytes(line, MOST_VALUE)
        yield piece
        line = line[len(piece) :]


def _links(card: Card) -> Iterator[tuple[str, str]]:
    yield from ((button.label, button.url) for button in (*card.buttons, *card.menu) if button.url)
    if card.link is not None:
        yield card.link.label, card.link.url


def _label(card: Card, button: Button) -> str:
    return _cut(f"{button.label}…" if turn(card, button) else button.label)


def _key(card: Card, button: Button) -> str:
    return key_of(button, asks=turn(card, button))


def _cut(text: str) -> str:
    return text if len(text.encode()) <= MOST_VALUE else _bytes(text, MOST_VALUE - 3) + "…"


def _bytes(text: str, most: int) -> str:
    return text.encode()[:most].decode("utf-8", "ignore")


def _markdown(text: str) -> str:
    """Plain text as Markdown that shows it to the letter: nothing in it becomes a link, a picture or a heading."""
    return text.translate(_HARMLESS).replace("\n", "  \n")
