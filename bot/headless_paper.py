"""How the headless demo looks on a terminal: chat lines, cards as small boxes, a table of figures."""

import unicodedata
from collections.abc import Iterable, Sequence

from handlers.core.message import Card

#: Columns of the terminal that are used, indentation included.
WIDE = 110
INDENT = " " * 6


def width(text: str) -> int:
    """Terminal columns: Chinese signs take two."""
    return sum(0 if unicodedata.combining(sign) else 2 if unicodedata.east_asian_width(sign) in "WF" else 1 for sign in text)


def wrapped(text: str, columns: int) -> list[str]:
    """Lines of at most so many columns; existing line breaks stay."""
    lines: list[str] = []
    for paragraph in text.split("\n"):
        line = ""
        for sign in paragraph:
            if width(line) + width(sign) > columns:
                line, rest = _cut(line)
                lines.append(line)
                line = rest
            line += sign
        lines.append(line)
    return lines


def _cut(line: str) -> tuple[str, str]:
    """At the last blank, where there is one in the second half (English); else anywhere (Chinese)."""
    at = line.rfind(" ")
    return (line[:at], line[at + 1 :]) if at > len(line) // 2 else (line, "")


def padded(text: str, columns: int) -> str:
    return text + " " * max(0, columns - width(text))


def said(head: str, text: str) -> list[str]:
    """`09:41 chat  who: text`, later lines indented."""
    first, *rest = wrapped(text, WIDE - width(head) - 1) if width(head) < WIDE // 2 else wrapped(text, WIDE - len(INDENT))
    return [f"{head} {first}", *(f"{INDENT}{line}" for line in rest)]


def box(card: Card) -> list[str]:
    """A card: title, lines, note, buttons."""
    body = [f"{name} {value}".strip() if name else value for name, value in card.lines]
    if card.note:
        body.append(card.note)
    if card.buttons:
        body.append(buttons(card))
    inner = WIDE - len(INDENT) - 4
    title = wrapped(card.title, inner - 4)[0]
    top = f"╭─ {title} " + "─" * max(0, inner - width(title) - 1) + "╮"
    lines = [f"│ {padded(line, inner)} │" for text in body for line in wrapped(text, inner)]
    return [INDENT + line for line in (top, *lines, "╰" + "─" * (inner + 2) + "╯")]


def buttons(card: Card) -> str:
    return " ".join(f"[{button.label}]" for button in card.buttons)


def table(rows: Sequence[tuple[str, str]]) -> Iterable[str]:
    columns = max(width(name) for name, _ in rows)
    return (f"  {padded(name, columns)}  {value}" for name, value in rows)
