"""The digest: at the plan's times one row for each person, whose words come when it is sent. Called again and again, it adds none twice."""

from collections.abc import Iterable, Iterator
from datetime import datetime, time, timedelta, tzinfo

from sqlmodel import Session, col, select

from storage.database import touch
from storage.outbox import PRIORITY, share
from storage.queue import add
from storage.tables.queues import OutboxRow
from workflows.core.instants import utc

KIND = "person.digest"
#: How late it may come when nobody was there to send it; after that the next one is near enough.
LATEST = timedelta(hours=2)
#: How far apart people get it.
SPREAD = timedelta(minutes=5)
_DAY = timedelta(days=1)


def called(at: Iterable[time], zone: tzinfo, now: datetime) -> Iterator[datetime]:
    """The moments whose digest is to be sent now or was less than LATEST ago."""
    today = utc(now).astimezone(zone).date()
    moments = (utc(datetime.combine(day, one, zone)) for day in (today - _DAY, today) for one in at)
    return (moment for moment in moments if moment <= now < moment + LATEST)


def call(session: Session, people: Iterable[str], *, at: Iterable[time], zone: tzinfo, now: datetime) -> int:
    """How many were added."""
    added, everybody = 0, list(people)
    for moment in called(at, zone, now):
        wanted = {f"digest:{moment.astimezone(zone):%Y-%m-%dT%H:%M}:{person}": person for person in everybody}
        there = set(session.scalars(select(OutboxRow.key).where(col(OutboxRow.key).in_(wanted))))
        for key, person in wanted.items():
            if key not in there:
                added += add(session, _row(key, person, moment, now), "key") is not None
    if added:
        touch(session, "outbox")
    return added


def _row(key: str, person: str, moment: datetime, now: datetime) -> OutboxRow:
    return OutboxRow(
        key=key,
        kind="notice",
        lane=f"p:{person}:digest",
        priority=PRIORITY["digest"],
        due=max(now, moment + share(SPREAD, person)),
        created=now,
        about={"notice": KIND, "ref": "", "version": 0, "values": {"at": moment.isoformat()}},
        recipient=person,
    )
