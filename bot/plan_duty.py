"""The duty rotas of a plan in words: the shifts, the days to come, and what a database keeps beside them."""

from collections.abc import Iterator
from datetime import datetime

from handlers.core import watch
from handlers.core.wording import Words
from workflows.core.duty import Roster
from workflows.duty import HORIZON


def duty_in_words(roster: Roster, words: Words, now: datetime) -> list[str]:
    """Nothing where there is neither a rota nor a change."""
    return list(_lines(roster, words, now)) if roster.kept else []


def _lines(roster: Roster, words: Words, now: datetime) -> Iterator[str]:
    groups, end = roster.organization.groups, now + HORIZON
    name = watch.namer(words, roster.organization.people)
    yield words.say("plan.show.duty_head")
    for group in groups.values():
        for shift in group.rota:
            yield f"  {words.say('plan.show.duty_of', group=watch.group_name(words, group), shift=watch.shift_line(words, shift, name))}"
    yield words.say("plan.show.duty_days")
    for group in groups.values():
        turns = roster.turns(group.id, now, end)
        if group.rota or len(turns) > 1 or turns[0].why:
            yield f"  {watch.group_name(words, group)}"
            yield from (f"    {watch.turn_line(words, turn, name, now)}" for turn in turns)
    yield from (f"  {watch.gap_line(words, groups[group], gap, name, now)}" for group, gap in watch.gaps(roster, now, end))
    changes = watch.coming_changes(roster, now)
    if changes:
        yield words.say("plan.show.duty_changes")
        yield from (f"  {watch.change_line(words, change, roster, name, now)}" for change in changes)
