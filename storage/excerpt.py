"""One incident out of a running database, with all that its future hangs on: to be played on paper, never to be written back."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, Table, insert, select
from sqlmodel import Session, SQLModel

from storage.mapping import KINDS
from storage.tables.audit import AUDIT, CHAIN
from storage.tables.queues import WAITING, OutboxRow, TimerRow
from storage.tables.records import ChatRow, CounterRow, DutyRow, IncidentRow, PlanRow, SeenRow, TipRow, ToldDutyRow
from workflows.core.errors import NotFound

#: Table -> its rows. Cards are left where they stand: they are drawn, not said.
Excerpt = Mapping[Table, Sequence[Mapping[str, Any]]]

#: What belongs to the house, and is taken whole.
_HOUSE = (PlanRow, CounterRow, DutyRow, ToldDutyRow)


def excerpt(session: Session, incident: str) -> Excerpt:
    """Its records, their trail and timers, its chats, what waits to be said of it; the plans and the duty. NotFound where there is none."""
    records = [_table(row) for kind, (row, _) in KINDS.items() if row not in (IncidentRow, DutyRow, TipRow)]
    of_it: dict[Table, ColumnElement[bool]] = {table: table.c.incident == incident for table in (*records, _table(ChatRow), AUDIT)}
    of_it[_table(IncidentRow)] = _table(IncidentRow).c.ref == incident
    timers, outbox = _table(TimerRow), _table(OutboxRow)
    of_it[timers] = (timers.c.incident == incident) & (timers.c.status == WAITING)
    of_it[outbox] = (outbox.c.incident == incident) & (outbox.c.status == WAITING) & (outbox.c.kind == "notice")
    found: dict[Table, Sequence[Mapping[str, Any]]] = {table: _rows(session, table, where) for table, where in of_it.items()}
    if not found[_table(IncidentRow)]:
        raise NotFound("house.not_found", ref=incident)
    refs = [incident, *(str(row["ref"]) for table in records for row in found[table])]
    found[CHAIN] = _rows(session, CHAIN, CHAIN.c.record_ref.in_(refs))
    found[_table(SeenRow)] = _rows(session, _table(SeenRow), _table(SeenRow).c.record_ref.in_(refs))
    return found | {_table(row): _rows(session, _table(row)) for row in _HOUSE}


def incident_of(found: Excerpt) -> Mapping[str, Any]:
    """The columns of its own row."""
    return found[_table(IncidentRow)][0]


def pour(session: Session, found: Excerpt) -> None:
    """Into a database in which nothing has happened yet. What the house wrote there by itself gives way."""
    for row in _HOUSE:
        session.connection().execute(_table(row).delete())
    for table in SQLModel.metadata.sorted_tables:
        if rows := found.get(table):
            session.connection().execute(insert(table), [dict(one) for one in rows])


def _rows(session: Session, table: Table, *where: ColumnElement[bool]) -> Sequence[Mapping[str, Any]]:
    found: Iterable[Any] = session.connection().execute(select(table).where(*where)).mappings()
    return [dict(row) for row in found]


def _table(row: type[SQLModel]) -> Table:
    table = row.__table__  # type: ignore[attr-defined]  # SQLModel does not declare it
    assert isinstance(table, Table)
    return table
