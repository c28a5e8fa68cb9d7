"""The engine looks at itself each minute: what it finds is repaired once, then said in the control group until it is over."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Literal, get_args

Kind = Literal["no_timer", "late_timer", "held", "inbox", "outbox", "unsent", "card", "commander", "rung"]

KINDS: Final[tuple[Kind, ...]] = get_args(Kind)

#: What the engine can put right by itself; the rest is for people: a name in the plan, a command, a messenger that is down.
REPAIRABLE: Final[frozenset[Kind]] = frozenset(("no_timer", "late_timer", "held", "inbox", "outbox", "card"))

#: How long what lasts is not said again, and how soon a further one of the same kind may be said.
AGAIN, FURTHER = timedelta(minutes=30), timedelta(minutes=5)
#: What was not found for so long is over.
OVER = timedelta(seconds=100)
#: What comes back within this time had not been repaired.
REMEMBERED = timedelta(hours=1)


@dataclass(frozen=True, slots=True)
class Finding:
    """`ref`: the record, or `queue:id` of a row · `detail`: what else names it (a rung, a person, an incident); never what people wrote."""

    kind: Kind
    ref: str
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Known:
    """What is remembered of a finding. `said`: when the control group last heard of it · `over`: that it is over has been said."""

    finding: Finding
    since: datetime
    seen: datetime
    repaired: datetime | None = None
    said: datetime | None = None
    over: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """`say`: by kind, all that stands now · `over`: kinds · `known`: what to remember from now on; whatever is not there is forgotten."""

    repair: tuple[Finding, ...]
    say: Mapping[Kind, tuple[Finding, ...]]
    over: tuple[Kind, ...]
    known: tuple[Known, ...]


def judge(known: Iterable[Known], found: Iterable[Finding], now: datetime) -> Verdict:
    """New findings are repaired, those that are still there said (and repaired again); what cannot be repaired is said at once."""
    before = {one.finding: one for one in known}
    standing = [before.get(finding) or Known(finding, now, now) for finding in dict.fromkeys(found)]
    say: dict[Kind, tuple[Finding, ...]] = {}
    for kind in dict.fromkeys(one.finding.kind for one in standing):
        same = [one for one in standing if one.finding.kind == kind]
        if any(_to_say(one, before, now) for one in same) and _quiet_since(before.values(), kind, now):
            say[kind] = tuple(one.finding for one in same if _ripe(one, before))
    repair = tuple(
        one.finding
        for one in standing
        if one.finding.kind in REPAIRABLE and (one.repaired is None or one.finding in say.get(one.finding.kind, ()))
    )
    here = [_seen(one, now, said=one.finding in say.get(one.finding.kind, ()), repaired=one.finding in repair) for one in standing]
    gone = [one for finding, one in before.items() if finding not in {k.finding for k in here} and now - one.seen < REMEMBERED]
    over = _over(here, gone, now)
    rest = [replace(one, over=True) if one.finding.kind in over else one for one in gone]
    return Verdict(repair, say, over, (*here, *rest))


def _ripe(one: Known, before: Mapping[Finding, Known]) -> bool:
    """Whether repairing it was tried in vain, or cannot be tried."""
    return one.finding in before or one.finding.kind not in REPAIRABLE


def _to_say(one: Known, before: Mapping[Finding, Known], now: datetime) -> bool:
    return _ripe(one, before) and (one.said is None or now - one.said >= AGAIN)


def _quiet_since(known: Iterable[Known], kind: Kind, now: datetime) -> bool:
    return all(now - one.said >= FURTHER for one in known if one.finding.kind == kind and one.said is not None)


def _seen(one: Known, now: datetime, *, said: bool, repaired: bool) -> Known:
    return replace(one, seen=now, repaired=now if repaired else one.repaired, said=now if said else one.said, over=one.over and not said)


def _over(here: Iterable[Known], gone: Iterable[Known], now: datetime) -> tuple[Kind, ...]:
    """Kinds of which something was said and nothing is left."""
    left = {one.finding.kind for one in here}
    told = [one for one in gone if one.said is not None and not one.over]
    recent = {one.finding.kind for one in told if now - one.seen < OVER}
    return tuple(dict.fromkeys(one.finding.kind for one in told if one.finding.kind not in left | recent))
