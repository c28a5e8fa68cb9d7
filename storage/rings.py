"""The louder ways of a rung: each a row of its own in the outbox, decided with the rung, looked at again when its moment has come."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from sqlmodel import Session, col, or_, select

from storage.database import touch
from storage.outbox import OUTBOX, PRIORITY
from storage.queue import add_later
from storage.tables.queues import DONE, OUTBOX_WAITS, OutboxRow
from storage.tables.records import SeenRow
from workflows.core.channels import INSTEAD
from workflows.core.outcome import Notice
from workflows.core.people import Organization

KIND = "ring"
#: For so long a reply without the id of what it answers is taken to answer the last that was sent.
ANSWERS = timedelta(hours=12)


def enqueue(session: Session, notice: Notice, *, ref: str, version: int, incident: str, organization: Organization, now: datetime) -> None:
    """A row for each person and way. Who the control group is, is its duty officer.

    The version of the record stands for item, timer, level and round: each time a rung is reached makes another one.
    """
    for person in _people(notice.to, organization) if notice.rings else ():
        for ring in notice.rings:
            about = {
                "notice": notice.kind,
                "ref": ref,
                "version": version,
                "values": dict(notice.values),
                "by": ring.by,
                "ends": (now + notice.hold + ring.ends).isoformat(),
                "alone": not notice.said,
            }
            _add(session, about, person, incident, PRIORITY[notice.urgency], now + notice.hold + ring.after, now)


def _people(to: Iterable[str], organization: Organization) -> tuple[str, ...]:
    people = [organization.duty("office") if one == "control" else one for one in to if one != "chat"]
    return tuple(dict.fromkeys(people))


def _prefix(about: Mapping[str, Any]) -> str:
    return f"ring:{about['ref']}:{about['version']}:"


def _add(session: Session, about: Mapping[str, Any], person: str, incident: str, priority: int, due: datetime, now: datetime) -> None:
    """Unless there is one already. What one person gets by one way within a minute is one lane, and goes together."""
    values = {
        "key": f"{_prefix(about)}{about['notice']}:p:{person}:{about['by']}",
        "kind": KIND,
        "lane": f"p:{person}:{about['by']}:{due:%Y%m%d%H%M}",
        "priority": priority,
        "due": due,
        "created": now,
        "about": dict(about),
        "recipient": person,
        "incident": incident,
        "ref": about["ref"],
    }
    touch(session, "outbox")
    add_later(session, OutboxRow, values, "key")


def bundle(session: Session, first: OutboxRow, now: datetime) -> Sequence[OutboxRow]:
    """What goes together with `first`, whose lane we hold. What was handed in before is handed in again with the same ones."""
    same = () if first.message_id is None else (col(OutboxRow.message_id) == first.message_id,)
    waiting = (OUTBOX_WAITS, col(OutboxRow.lane) == first.lane, col(OutboxRow.id) > first.id)
    rows = session.exec(select(OutboxRow).where(*waiting, *same).order_by(col(OutboxRow.id)).with_for_update()).all()
    for row in rows:
        row.attempt += 1
        row.fence += 1
        row.due = now + OUTBOX.lease
    session.flush()
    return rows


def answered(session: Session, row: OutboxRow) -> bool:
    """Whether the person has said or shown that they have the message: 收到, or it was read."""
    seen = session.get(SeenRow, (row.recipient, row.about["ref"]))
    if seen is not None and seen.version >= row.about["version"]:
        return True
    return any(one.read for one in _messages(session, row) if one.about.get("version") == row.about["version"])


def message_of(session: Session, row: OutboxRow) -> tuple[str, str] | None:
    """(platform, id) of the last direct message about it that the person's messenger took."""
    found = next((one for one in _messages(session, row) if one.message_id and not one.superseded), None)
    return (found.platform or "", found.message_id or "") if found is not None else None


def _messages(session: Session, row: OutboxRow) -> Sequence[OutboxRow]:
    """Direct messages to the person about the same, the newest first."""
    same = (col(OutboxRow.ref) == row.ref, col(OutboxRow.recipient) == row.recipient, col(OutboxRow.kind) == "notice")
    return session.exec(select(OutboxRow).where(*same).order_by(col(OutboxRow.id).desc()).limit(20)).all()


def skip(session: Session, row: OutboxRow, reason: str, now: datetime) -> bool:
    """This way cannot be used: the next one takes its place at once. False = the row is somebody else's now."""
    if not OUTBOX.done(session, row, now, about={**row.about, "skipped": reason}):
        return False
    other = INSTEAD.get(row.about["by"])
    if other:
        about = {name: value for name, value in row.about.items() if name != "skipped"}
        _add(session, {**about, "by": other}, row.recipient or "", row.incident or "", row.priority, now, now)
    return True


def unreached(session: Session, row: OutboxRow) -> bool:
    """Whether nobody of the rung was reached: it sent no message, and every other way was skipped for everybody."""
    said = f"{row.about['ref']}:{row.about['version']}:{row.about['notice']}:p:"
    own = [col(OutboxRow.key).startswith(prefix, autoescape=True) for prefix in (_prefix(row.about), said)]
    here = select(OutboxRow).where(col(OutboxRow.ref) == row.ref, or_(*own)).execution_options(populate_existing=True)
    rows = session.exec(here).all()
    return all(one.kind == KIND and one.status == DONE and one.about.get("skipped") for one in rows)


def of_call(session: Session, message_id: str) -> Sequence[OutboxRow]:
    """What a call or text message of ours was about."""
    same = (col(OutboxRow.message_id) == message_id, col(OutboxRow.kind) == KIND)
    return session.exec(select(OutboxRow).where(*same).order_by(col(OutboxRow.id))).all()


def last_to(session: Session, person: str, now: datetime) -> Sequence[OutboxRow]:
    """What the last call or text message to a person was about."""
    lately = (col(OutboxRow.recipient) == person, col(OutboxRow.kind) == KIND, col(OutboxRow.created) > now - ANSWERS)
    sent = (
        select(OutboxRow)
        .where(*lately, col(OutboxRow.message_id).is_not(None))
        .order_by(col(OutboxRow.due).desc(), col(OutboxRow.id).desc())
    )
    last = next((one for one in session.exec(sent.limit(10)) if not one.about.get("skipped")), None)
    return of_call(session, last.message_id or "") if last is not None else ()
