"""The duty rotas of a plan in words: the shifts, the days to come, and what a database keeps beside them."""

from collections.abc import Iterator
from datetime import datetime

from handlers.core import duty_lines
from handlers.core.wording import Words
from workflows.core.duty import Roster
from workflows.duty import HORIZON


def duty_in_words(roster: Roster, words: Words, now: datetime) -> list[str]:
    """Nothing where there is neither a rota nor a change."""
    return list(_lines(roster, words, now)) if roster.kept else []


def _lines(roster: Roster, words: Words, now: datetime) -> Iterator[str]:
    groups, end = roster.organization.groups, now + HORIZON
    name = duty_lines.namer(words, roster.organization.people)
    yield words.say("plan.show.duty_head")
    for group in groups.values():
        for shift in group.rota:
            shown = duty_lines.shift_line(words, shift, name)
            yield f"  {words.say('plan.show.duty_of', group=duty_lines.group_name(words, group), shift=shown)}"
    yield words.say("plan.show.duty_days")
    for group in groups.values():
        turns = roster.turns(group.id, now, end)
        if group.rota or len(turns) > 1 or turns[0].why:
            yield f"  {duty_lines.group_name(words, group)}"
            yield from (f"    {duty_lines.turn_line(words, turn, name, now)}" for turn in turns)
    yield from (f"  {duty_lines.gap_line(words, groups[group], gap, name, now)}" for group, gap in duty_lines.gaps(roster, now, end))
    changes = duty_lines.coming_changes(roster, now)
    if changes:
        yield words.say("plan.show.duty_changes")
        yield from (f"  {duty_lines.change_line(words, change, roster, name, now)}" for change in changes)
