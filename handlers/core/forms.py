"""Forms of buttons, built from what the commands themselves take."""

from handlers.core.message import Button, Field
from handlers.core.parser import usage_line
from handlers.core.registry import COMMANDS, Command
from handlers.core.wording import Locale


def question(label: str, *, required: bool = True) -> tuple[Field, ...]:
    """One question, whose answer is the text of the command."""
    return (Field("text", label, "long", required=required),)


def command_of(line: str) -> Command:
    """The command that a button's line begins with."""
    words = line.removeprefix("/").split()
    return next(COMMANDS[name] for end in range(len(words), 0, -1) if (name := " ".join(words[:end])) in COMMANDS)


def how_to_type(button: Button, locale: Locale) -> str:
    """The usage line behind a button that asks something, with its refs in place: for platforms without input fields."""
    command = command_of(button.command)
    given = button.command.removeprefix(f"/{command.name}").split()
    slots = [word for word in usage_line(command, locale).split(" ")]
    head, rest = slots[: len((command.zh if locale == "zh" else command.name).split())], slots
    rest = rest[len(head) :]
    for word in given:
        if rest and rest[0].strip("[]")[:1] == word[:1]:
            rest = rest[1:]
    return " ".join([*head, *given, *rest])
