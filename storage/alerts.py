"""Where alerts are counted: one row for each, of one person's programs."""

from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import CursorResult, delete, func
from sqlmodel import Session, col, select

from storage.tables.api import AlertRow
from workflows.alert import Alert

#: An alert that nobody has heard of for so long is forgotten; what was said about it stands in the trail.
KEPT = timedelta(days=30)


def get(session: Session, person: str, key: str) -> Alert | None:
    row = session.get(AlertRow, (person, key), with_for_update=True, populate_existing=True)
    return None if row is None else _alert(row)


def put(session: Session, alert: Alert) -> None:
    session.merge(AlertRow(**{name: getattr(alert, name) for name in Alert.__dataclass_fields__}))
    session.flush()


def of_incident(session: Session, incident: str) -> list[Alert]:
    """All that belong to it, the latest heard first."""
    rows = session.exec(select(AlertRow).where(AlertRow.incident == incident).order_by(col(AlertRow.last_at).desc(), AlertRow.key))
    return [_alert(row) for row in rows]


def told_at(session: Session, incident: str) -> datetime | None:
    return session.exec(select(func.max(col(AlertRow.told_at))).where(AlertRow.incident == incident)).one()


def opened(session: Session, token: str, since: datetime) -> list[str]:
    """Incidents that this token's alerts have opened since then, the newest first."""
    here = (AlertRow.token == token, col(AlertRow.opened_at) > since)
    newest = func.max(col(AlertRow.opened_at)).desc()
    ref = col(AlertRow.incident)
    rows = session.exec(select(AlertRow.incident).where(*here).group_by(ref).order_by(newest, func.length(ref).desc(), ref.desc()))
    return list(rows)


def sweep(session: Session, now: datetime) -> int:
    gone: CursorResult[Any] = session.connection().execute(delete(AlertRow).where(col(AlertRow.last_at) < now - KEPT))
    return gone.rowcount


def _alert(row: AlertRow) -> Alert:
    return Alert(**{name: getattr(row, name) for name in Alert.__dataclass_fields__})
