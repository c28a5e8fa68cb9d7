"""Lists in pages, the newest first. A page begins behind the last item of the one before: rows that are added shift nothing."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import and_, func, or_, select
from sqlmodel import col

from storage.mapping import Record, table_of, to_record
from storage.tables.audit import AuditRow
from storage.views.reader import Reader
from workflows.core.errors import NotFound
from workflows.incident import Incident

R = TypeVar("R", bound=Record)


@dataclass(frozen=True, slots=True)
class TrailLine:
    """One row of the trail, as it is hashed."""

    record_ref: str
    version: int
    at: datetime
    actor: str
    verb: str
    from_state: str | None
    to_state: str | None
    details: Mapping[str, Any]
    incident: str | None
    plan: str | None
    via: str | None
    hash: str


class Pager(Reader):
    def page(self, kind: type[R], limit: int, before: str = "", **given: str) -> list[R]:
        """Records whose columns are as `given`, older than the ref `before`; NotFound for an incident that the viewer may not see."""
        if not self._scope.member:
            return []
        if given.get("incident"):
            self.incident(given["incident"])
        table = table_of(kind)
        incident = table.ref if kind is Incident else table.incident
        wanted = [getattr(table, name) == value for name, value in given.items() if value]
        size = func.length(table.ref)
        if before:
            wanted.append(or_(size < len(before), and_(size == len(before), table.ref < before)))
        hidden = self._hidden()
        rows = self._session.scalars(
            select(table).where(incident.not_in(hidden), *wanted).order_by(size.desc(), table.ref.desc()).limit(limit)
        )
        return [to_record(kind, row) for row in rows]

    def trail(self, limit: int, before: tuple[datetime, str, int] | None = None, **given: str) -> list[TrailLine]:
        """The trail of everything, for those who may read it (`handlers.core.access` has asked already)."""
        if self._hidden() or not self._scope.member:
            raise NotFound("house.not_found", ref="audit")
        at, ref, version = col(AuditRow.at), col(AuditRow.record_ref), col(AuditRow.version)
        wanted = [col(getattr(AuditRow, name)) == value for name, value in given.items() if value]
        if before:
            then, whose, which = before
            wanted.append(or_(at < then, and_(at == then, or_(ref < whose, and_(ref == whose, version < which)))))
        rows = self._session.scalars(select(AuditRow).where(*wanted).order_by(at.desc(), ref.desc(), version.desc()).limit(limit))
        return [TrailLine(**{name: getattr(row, name) for name in TrailLine.__dataclass_fields__}) for row in rows]
