"""What the messengers' cards have in common: the few words they add, and the small key that a button carries."""

from dataclasses import dataclass

from handlers.core.message import Button, Card

KEY_BYTES = 128


@dataclass(frozen=True, slots=True)
class Labels:
    """The few words that a platform adds by itself, in the installation's language."""

    drill: str
    more: str
    superseded: str
    attached: str
    """said where a message was cut, the rest being in the file that follows"""
    sure: str
    choose: str
    commands: str
    """heads the list of commands where no card can be shown"""


def key_of(button: Button, *, asks: int = 0) -> str:
    """What a button carries: `version|command`, with `?` before it when its form is still to be asked for (`??`: that of the card's
    second button with this command line, and so on)."""
    key = f"{'?' * asks}{'' if button.version is None else button.version}|{button.command}"
    if len(key.encode()) > KEY_BYTES:
        raise ValueError(f"the key of {button.label!r} has more than {KEY_BYTES} bytes")
    return key


def pressed(key: str) -> tuple[int | None, str, int] | None:
    """(version, command line, which of its forms is still to be asked for) of a button's key `version|command`; None: we never drew it."""
    version, sign, command = key.lstrip("?").partition("|")
    if not sign or not command.startswith("/") or not (version == "" or (version.isascii() and version.isdigit() and len(version) < 10)):
        return None
    return (int(version) if version else None), command, len(key) - len(key.lstrip("?"))


def turn(card: Card, button: Button) -> int:
    """Which of the card's forms with its command line the button's is, from 1; 0 where it asks nothing."""
    return card.asking(button.command).index(button) + 1 if button.form else 0


def whole_text(card: Card) -> str:
    lines = [f"{name}:{value}" if name else value for name, value in card.lines]
    return "\n".join([card.title, *lines, *([card.note] if card.note else [])])


def with_commands(card: Card, labels: Labels) -> str:
    """The card as text, with the commands that its buttons stand for."""
    commands = "\n".join(f"· {button.label}: {button.command}" for button in (*card.buttons, *card.menu))
    return f"{whole_text(card)}\n{labels.commands}\n{commands}" if commands else whole_text(card)
