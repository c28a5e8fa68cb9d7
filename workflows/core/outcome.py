"""What a pure workflow function answers: the new record, one event, and what must follow from it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Generic, Literal, TypeAlias, TypeVar

from workflows.core.facts import Value

R_co = TypeVar("R_co", covariant=True)

Urgency: TypeAlias = Literal["clock", "approval", "assignment", "escalation", "reply", "reminder", "digest", "copy"]


@dataclass(frozen=True, slots=True)
class Event:
    """A past-tense fact; becomes one audit row. Details hold references and masks, never personal data."""

    verb: str
    details: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Timer:
    """A named timer of the record: `due` sets or moves it, None cancels it."""

    name: str
    due: datetime | None


@dataclass(frozen=True, slots=True)
class Ring:
    """A louder way to the person whom a notice is for: `after` it was said, and no later than `ends` after it."""

    by: str
    after: timedelta
    ends: timedelta


@dataclass(frozen=True, slots=True)
class Notice:
    """Who must hear what: `kind` names the screen, `to` is an audience, `values` are small facts for it.

    Audiences: a person id, `chat` (the incident's chats), `control` (the chats of `office`),
    `staff` (those of the whole staff). `urgency` orders what waits to be sent.
    """

    kind: str
    to: tuple[str, ...]
    values: Mapping[str, Value] = field(default_factory=dict)
    urgency: Urgency = "copy"
    hold: timedelta = timedelta(0)
    """how long it may wait to be bundled with others to the same person"""
    spread: timedelta = timedelta(0)
    """it waits longer by a part of this, always the same for the same reader: what quiet hours held is not all sent at one moment"""
    card: bool = False
    """a living card of this name, one per chat or person, redrawn as things change, instead of a message"""
    said: bool = True
    """False: it is not said in the messenger at all, its `rings` are all there is"""
    rings: tuple[Ring, ...] = ()


@dataclass(frozen=True, slots=True)
class Request:
    """One workflow asking another, as a command of its own that may fail or wait by itself."""

    command: str
    values: Mapping[str, Value] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Outcome(Generic[R_co]):
    record: R_co
    event: Event
    timers: tuple[Timer, ...] = ()
    notices: tuple[Notice, ...] = ()
    requests: tuple[Request, ...] = ()
