"""How the headless demo looks on a terminal: chat lines, cards as small boxes, a table of figures."""

import re
import unicodedata
from collections.abc import Iterable, Sequence

from handlers.core.message import Card

#: What is not broken over lines: a run of narrow signs (a word, a time, a ref) with the blanks behind it; each wide sign by itself.
_WORDS = re.compile(r"[\x21-\x7e]+ *|[^\x21-\x7e]")
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
        for word in _WORDS.findall(paragraph):
            if line and width(line) + width(word.rstrip()) > columns:
                lines.append(line.rstrip())
                line = ""
            for sign in word:  # a word longer than a line is broken anywhere
                if width(line) + width(sign) > columns and sign != " ":
                    lines.append(line)
                    line = ""
                line += sign
        lines.append(line.rstrip() if paragraph.strip() else line)
    return lines


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
