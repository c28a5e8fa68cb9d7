"""What changed from one plan to another, in sentences."""

from collections.abc import Iterator, Mapping

from bot.plan_sheet import Cell, Row, sheet
from bot.plan_words import Told
from handlers.core.wording import Ours, Words
from workflows.core.plan import Plan


def differences(before: Plan, after: Plan, words: Words) -> list[str]:
    """A headline for each part of the plan that changed, and a sentence for each change. Empty: they mean the same."""
    old, new = (sheet(Told(plan, words, named=False)) for plan in (before, after))
    lines: list[str] = []
    for part in new:
        changes = list(_Changes(words).between(old[part], new[part]))
        if changes:
            lines += [words.say(f"plan.part.{part}"), *(f"  {change}" for change in changes)]
    return lines


class _Changes:
    def __init__(self, words: Words) -> None:
        self._words = words

    def between(self, old: list[Row], new: list[Row]) -> Iterator[str]:
        """Rows stand in the order of the new plan; those that are gone come last."""
        before = {(row.kind, row.key): row for row in old}
        after = {(row.kind, row.key): row for row in new}
        for key, row in after.items():
            if key in before:
                yield from self._changed(before[key], row)
            else:
                yield self._say("added", row, cells=self._details(row))
        yield from (self._say("removed", row) for key, row in before.items() if key not in after)

    def _changed(self, old: Row, new: Row) -> Iterator[str]:
        for label in dict.fromkeys((*old.cells, *new.cells)):
            before, after = old.cells.get(label, ""), new.cells.get(label, "")
            if before != after:
                yield self._cell(new, label, before, after)

    def _cell(self, row: Row, label: str, before: Cell, after: Cell) -> str:
        lists = [cell if isinstance(cell, tuple) else () for cell in (before, after)]
        if not (before and isinstance(before, str)) and not (after and isinstance(after, str)):
            gone = [one for one in lists[0] if one not in lists[1]]
            come = [one for one in lists[1] if one not in lists[0]]
            if gone or come:
                key = "less" if not come else "more" if not gone else "more_less"
                return self._say(key, row, field=label, old=self._shown(tuple(gone)), new=self._shown(tuple(come)))
        key = "set" if not before else "unset" if not after else "changed"
        return self._say(key, row, field=label, old=self._shown(before), new=self._shown(after))

    def _details(self, row: Row) -> str:
        cells = ((label, self._shown(cell)) for label, cell in row.cells.items())
        pieces = [self._words.say("plan.diff.cell", field=Ours(label), value=Ours(shown)) for label, shown in cells if shown != row.name]
        return "; ".join(pieces)

    def _shown(self, cell: Cell) -> str:
        return cell if isinstance(cell, str) else self._words.join(Ours(one) for one in cell)

    def _say(self, key: str, row: Row, **values: str) -> str:
        texts: Mapping[str, str] = {"name": row.name, **values}
        kind = self._words.say(f"plan.kind_of.{row.kind}")
        return self._words.say(f"plan.diff.{key}", kind=kind, **{name: Ours(text) for name, text in texts.items()})
