"""Scenarios of the headless demo: one TOML file each, in both languages, next to this module.

A file has `start`, `zone`, `title` and a list of steps; `tells` = "wording" where its page is about statements and clocks and not about
work; `ends`, the incident's state at the end where that is not `closed`. A step is one of
  say    a line of the narrator
  types  what `who` types, in their direct chat or `in` a room ("incident" is the incident's own)
  taps   the newest button that `who` can see whose command begins so, with the `answer` to its question, or the `fields` of its form
  until  time leaps to this local time of day, tomorrow's where today's has passed; all that is due on the way happens when it is due
  claim  tasks (by playbook code, or "all") are claimed by members of their groups
  work   they are also done, and verified by somebody whose card asks for it
`refused` names the refusal that a step must meet. In texts `{code}` is the ref of that task, `{obligation}` of that report, `{approval}` of
the newest approval, `{incident}` the incident's, `{hash}` what stands for the text of the newest statement.
"""

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from pathlib import Path
from typing import Any

from workflows.core.errors import BadConfig

FOLDER = Path(__file__).parent
FIRST_SCENARIO = "trading-outage"

#: language code -> text
Texts = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Say:
    text: Texts


@dataclass(frozen=True, slots=True)
class Types:
    who: str
    text: Texts
    room: str
    refused: str


@dataclass(frozen=True, slots=True)
class Taps:
    who: str
    command: str
    answer: Texts
    fields: Mapping[str, Texts]
    refused: str


@dataclass(frozen=True, slots=True)
class Until:
    at: time


@dataclass(frozen=True, slots=True)
class Work:
    codes: tuple[str, ...]
    """empty: all tasks"""
    only_claim: bool = False


Step = Say | Types | Taps | Until | Work


@dataclass(frozen=True, slots=True)
class Script:
    name: str
    title: Texts
    zone: str
    start: datetime
    steps: tuple[Step, ...]
    tells: str = "work"
    ends: str = "closed"


def names() -> list[str]:
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(name: str) -> Script:
    """The scenario, or BadConfig naming those that there are."""
    if name not in names():
        raise BadConfig(f"there is no scenario {name!r}; the scenarios are: {', '.join(names())}")
    found = tomllib.loads((FOLDER / f"{name}.toml").read_text(encoding="utf-8"))
    more = {key: found[key] for key in ("tells", "ends") if key in found}
    return Script(name, found["title"], found["zone"], found["start"], tuple(_step(step) for step in found["step"]), **more)


def _step(given: dict[str, Any]) -> Step:
    match given:
        case {"say": text}:
            return Say(text)
        case {"who": who, "types": text}:
            return Types(who, text, given.get("in", ""), given.get("refused", ""))
        case {"who": who, "taps": command}:
            return Taps(who, command, given.get("answer", {}), given.get("fields", {}), given.get("refused", ""))
        case {"until": at}:
            return Until(at)
        case {"work": codes}:
            return Work(_codes(codes))
        case {"claim": codes}:
            return Work(_codes(codes), only_claim=True)
    raise ValueError(f"a scenario has no such step: {given}")


def _codes(given: Any) -> tuple[str, ...]:
    return () if given == "all" else tuple(given)
