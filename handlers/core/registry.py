"""What people may ask for: one table of commands, filled by the `@command` of each topic.

A command's arguments are a frozen dataclass whose fields are made with `ref`, `key`, `rest` and `facts` below; grammar, help, usage
lines and checks all come from it.
"""

from collections.abc import Callable, Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from datetime import datetime
from typing import Any, Literal, TypeVar

from handlers.core.message import Outgoing, Reply

Kind = Literal["text", "word", "number", "time", "duration", "person", "group", "type", "level", "flag", "score", "day", "begins", "ends"]


def ref(letter: str, *, optional: bool = True) -> Any:
    """A record's ref (`T1`); `letter` names its kind. Left out, the handler takes it from the chat or the answered card."""
    return field(**_default(None if optional else MISSING), metadata={"part": "ref", "letter": letter, "optional": optional})


def key(*names: str, kind: Kind = "text", default: Any = None) -> Any:
    """`name=value`; `names` are the further spellings (Chinese first). Values arrive converted by `kind`:

    text, word str · number float (万/亿/%) · time aware datetime · duration timedelta · person, group id ·
    day date · begins, ends aware datetime to come (a day alone is its first or its last moment) ·
    type incident type code · level response or opinion level code · flag bool · score int 1-4.
    """
    return field(default=default, metadata={"part": "key", "names": names, "kind": kind})


def rest(name: str, name_en: str, *, kind: Kind = "text", required: bool = False) -> Any:
    """The text of the command, to the letter. `name` is what usage lines call it. With a `kind` other than text it is converted."""
    return field(
        default="" if kind == "text" else None, metadata={"part": "rest", "name": (name, name_en), "kind": kind, "required": required}
    )


def facts(which: Literal["grade", "fact"]) -> Any:
    """Every `key=value` whose key is a fact of the plan (measures and grades for `grade`, others for `fact`): key -> stored value."""
    return field(default_factory=dict, metadata={"part": "facts", "which": which})


def slots() -> Any:
    """Every `key=value` whose key a statement's author is asked for by a template of the plan: name -> text, to the end of its line."""
    return field(default_factory=dict, metadata={"part": "slots"})


def body(name: str, name_en: str) -> Any:
    """`name:` and all that follows it, line breaks too, to the letter."""
    return field(default=None, metadata={"part": "body", "name": (name, name_en)})


def _default(value: Any) -> dict[str, Any]:
    return {} if value is MISSING else {"default": value}


@dataclass(frozen=True, slots=True)
class Command:
    """`name` is `noun verb` in English, `zh` the same in Chinese; `also` are further full spellings.

    `short`: one-word forms (`/认领 T1`, or the bare word as a reply to the bot's card) · `who`: the right needed (see access) ·
    `four_eyes`: never by token · `listed`: stands in the help (what only programs send does not) ·
    `tells`: the fields of an incident (core.audience) that its answers and refusals tell: where a room is not shown one, who asked is
    answered alone ·
    `help_key` names the help sentence in the catalogs.
    """

    name: str
    zh: str
    args: type[Any]
    who: str
    run: Callable[[Any, Any], Reply]
    also: tuple[str, ...] = ()
    short: tuple[str, ...] = ()
    four_eyes: bool = False
    listed: bool = True
    tells: str = ""

    @property
    def help_key(self) -> str:
        return "help." + self.name.replace(" ", ".")

    @property
    def arguments(self) -> tuple[Field[Any], ...]:
        return fields(self.args)


COMMANDS: dict[str, Command] = {}


def command(
    name: str,
    args: type[Any],
    *,
    zh: str,
    who: str,
    also: tuple[str, ...] = (),
    short: tuple[str, ...] = (),
    four_eyes: bool = False,
    listed: bool = True,
    tells: str = "",
) -> Callable[[Callable[[Any, Any], Reply]], Callable[[Any, Any], Reply]]:
    """Register `run(context, given)` as the command `name`."""

    def keep(run: Callable[[Any, Any], Reply]) -> Callable[[Any, Any], Reply]:
        if name in COMMANDS:
            raise ValueError(f"the command {name!r} is registered twice")
        COMMANDS[name] = Command(name, zh, args, who, run, also, short, four_eyes, listed, tells)
        return run

    return keep


#: What an approval sets going, by its kind: `run(context, approval, by)` within the commit that approves it.
APPROVED: dict[str, Callable[[Any, Any, str], None]] = {}
#: What a returned approval sets going, by its kind: `run(context, approval, by, reason)`.
RETURNED: dict[str, Callable[[Any, Any, str, str], None]] = {}
#: What a spoken yes that its leader denies sets going, by its kind: `run(context, approval, reason)`.
DENIED: dict[str, Callable[[Any, Any, str], None]] = {}
#: Timers by the letter of their record: `run(context, ref, name, due)`.
TIMERS: dict[str, Callable[[Any, str, str, datetime], None]] = {}
#: Requests between workflows and facts from deliveries: `run(context, incident, values)`.
REQUESTS: dict[str, Callable[[Any, str, Mapping[str, Any]], None]] = {}
#: What is said when the bot came into a chat, left one, or was met by somebody, by the message's kind: `run(context)`.
ARRIVALS: dict[str, Callable[[Any], Reply | None]] = {}
#: How notices and cards look: `draw(look, about)` answers what to say, or None when it no longer matters.
SCREENS: dict[str, Callable[[Any, Mapping[str, Any]], Outgoing | None]] = {}


@dataclass(frozen=True, slots=True)
class Work:
    """What takes long: `read(context, about)` in a reading transaction, `make(words, it)` outside any, `keep(context, about, it, made)` in
    the commit that ends the work."""

    read: Callable[[Any, Mapping[str, Any]], Any]
    make: Callable[[Any, Any], bytes]
    keep: Callable[[Any, Mapping[str, Any], Any, bytes], None]


#: Work by its kind.
WORKS: dict[str, Work] = {}

Run = TypeVar("Run", bound=Callable[..., Any])


def approved(kind: str) -> Callable[[Run], Run]:
    return _keeper(APPROVED, kind)


def returned(kind: str) -> Callable[[Run], Run]:
    return _keeper(RETURNED, kind)


def denied(kind: str) -> Callable[[Run], Run]:
    return _keeper(DENIED, kind)


def timer(letter: str) -> Callable[[Run], Run]:
    return _keeper(TIMERS, letter)


def request(name: str) -> Callable[[Run], Run]:
    return _keeper(REQUESTS, name)


def arrival(kind: str) -> Callable[[Run], Run]:
    return _keeper(ARRIVALS, kind)


def screen(name: str) -> Callable[[Run], Run]:
    return _keeper(SCREENS, name)


def _keeper(table: dict[str, Any], name: str) -> Callable[[Run], Run]:
    def keep(run: Run) -> Run:
        if name in table:
            raise ValueError(f"{name!r} is registered twice")
        table[name] = run
        return run

    return keep


def nouns() -> Mapping[str, tuple[Command, ...]]:
    """English noun -> its commands, in order of registration."""
    table: dict[str, tuple[Command, ...]] = {}
    for found in COMMANDS.values():
        noun = found.name.split(" ")[0]
        table[noun] = (*table.get(noun, ()), found)
    return table
